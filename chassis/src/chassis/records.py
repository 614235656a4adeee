"""A Kafka record as it is, however malformed: reading one can't fail, so that a bad record is parked and never skipped."""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from rentbook_contracts.message import Fact


@dataclass(frozen=True)
class Record:
    """One event as it stood on its topic. `topic` is without the prefix; headers that can't be read are left out."""

    topic: str
    key: str
    partition: int
    offset: int
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str | None:
        return self.headers.get("ce_id")

    @property
    def event_type(self) -> str | None:
        return self.headers.get("ce_type")

    @property
    def version(self) -> int | None:
        text = self.headers.get("ce_aggregateversion", "")
        return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:19]) < 2**63 and len(text) < 19 else None

    @property
    def payload_hash(self) -> bytes:
        return hashlib.sha256((self.event_type or "").encode() + b"\n" + self.body).digest()


class Unreadable(Exception):
    """Why a record can't be taken as an event; the words carry nothing of its content."""


def read_record(raw: Any, prefix: str) -> Record:
    """The record of aiokafka's. A record without a key stands for its whole partition."""
    return Record(
        topic=raw.topic.removeprefix(prefix),
        key=f"partition {raw.partition}" if raw.key is None else raw.key.decode(errors="backslashreplace").replace("\x00", "\\x00"),
        partition=raw.partition,
        offset=raw.offset,
        headers=_readable(raw.headers),
        body=raw.value or b"",
    )


def _readable(headers: Any) -> dict[str, str]:
    read: dict[str, str] = {}
    for name, value in headers:
        try:
            text = value.decode() if value is not None else None
        except UnicodeDecodeError:
            continue
        if text is not None and "\x00" not in text and "\x00" not in name:
            read[name] = text
    return read


def check_envelope(record: Record) -> None:
    """Whether the record says which event of which aggregate it is. Errors: Unreadable."""
    if record.headers.get("ce_specversion") != "1.0" or not record.event_id or not record.event_type:
        raise Unreadable("no CloudEvents 1.0 headers (ce_specversion, ce_id, ce_type)")
    if record.version is None:
        raise Unreadable("no version of its aggregate (ce_aggregateversion)")
    if record.headers.get("ce_subject") != record.key:
        raise Unreadable("the key is not the event's subject")


def read_fact(record: Record, kind: type[Fact]) -> Fact:
    """The body as the fact that the type promises. Errors: Unreadable."""
    try:
        fact = kind.model_validate_json(record.body)
    except (ValidationError, RecursionError) as error:
        raise Unreadable(f"the body is no {kind.type}{_where(error)}") from None
    if fact.key != record.key:
        raise Unreadable("the key is not the aggregate that the body speaks of")
    return fact


def _where(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return ""
    # The first part of a place is a field's name of ours; deeper parts may be a stranger's words.
    faults = [f"{(*fault['loc'], 'whole')[0]} {fault['type']}" for fault in error.errors(include_input=False, include_url=False)[:5]]
    return ": " + ", ".join(faults)
