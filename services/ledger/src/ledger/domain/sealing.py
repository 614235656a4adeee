"""What a seal covers. Anybody can compute it again: README.md of the ledger gives the text that is hashed."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

FIRST_HASH = bytes(32)
"""What the first seal follows."""

_SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def content_of(head: Sequence[object], entries: Iterable[Sequence[object]]) -> bytes:
    """SHA-256 of a journal's fields and its entries'. None is the empty text, an instant its microseconds since 1970 UTC."""
    values = [*head, *(value for entry in entries for value in entry)]
    return hashlib.sha256(_SEPARATOR.join(map(_text, values)).encode()).digest()


def next_hash(previous: bytes, content: bytes) -> bytes:
    """The hash of the seal that follows."""
    return hashlib.sha256(previous + content).digest()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str((value - _EPOCH) // timedelta(microseconds=1))
    return str(value)
