"""The envelope around payees' bank details (traps.md 6): AES-256-GCM under a key of the record's own, which a ring key wraps.

Additional authenticated data is the record's id, so that a sealed record that is copied onto another row does not open. The blind index
is a keyed hash that says whether two records name the same bank account, and nothing else. Random bytes are passed in by the caller.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12

RandomBytes = Callable[[int], bytes]


class UnusableKeyRing(ValueError):
    """The key ring is missing or is none. The message is one sentence that says what to do; it shows no key."""


class Unopenable(Exception):
    """A sealed record does not open: its key is not on the ring, or it was changed or moved."""


@dataclass(frozen=True)
class KeyRing:
    """Keys by their id, the one that seals now, and the key of the blind index."""

    current: str
    keys: dict[str, bytes]
    index_key: bytes

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current!r})"


@dataclass(frozen=True)
class Sealed:
    key_id: str
    wrapped_key: bytes
    content: bytes


def read_key_ring(text: str) -> KeyRing:
    """Read {"current": ID, "keys": {ID: base64 of 32 bytes}, "index_key": base64 of 32 bytes}. Errors: UnusableKeyRing."""
    try:
        told = json.loads(text)
        keys = {str(key): _key(value) for key, value in told["keys"].items()}
        ring = KeyRing(str(told["current"]), keys, _key(told["index_key"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnusableKeyRing("The payees' key ring is not one: restore it from its safe copy, never make another.") from None
    if ring.current not in ring.keys:
        raise UnusableKeyRing("The payees' key ring names a current key that it does not hold: restore it from its safe copy.")
    return ring


def seal(ring: KeyRing, record: UUID, content: bytes, random: RandomBytes) -> Sealed:
    """Seal a record's content under a key of its own. `random` gives bytes that nobody can guess, as os.urandom does."""
    own_key = random(KEY_BYTES)
    wrapped = _encrypt(ring.keys[ring.current], own_key, _bound_to(record, ring.current), random(NONCE_BYTES))
    return Sealed(ring.current, wrapped, _encrypt(own_key, content, record.bytes, random(NONCE_BYTES)))


def unseal(ring: KeyRing, record: UUID, sealed: Sealed) -> bytes:
    """Open what was sealed for this record. Errors: Unopenable."""
    ring_key = ring.keys.get(sealed.key_id)
    if ring_key is None:
        raise Unopenable(f"the key {sealed.key_id} is not on the ring")
    try:
        own_key = _decrypt(ring_key, sealed.wrapped_key, _bound_to(record, sealed.key_id))
        return _decrypt(own_key, sealed.content, record.bytes)
    except (InvalidTag, ValueError):
        raise Unopenable("a sealed record was changed or moved") from None


def rewrap(ring: KeyRing, record: UUID, key_id: str, wrapped_key: bytes, random: RandomBytes) -> tuple[str, bytes]:
    """The record's own key under the ring's current key; what it seals stays as it is. Errors: Unopenable."""
    ring_key = ring.keys.get(key_id)
    if ring_key is None:
        raise Unopenable(f"the key {key_id} is not on the ring")
    try:
        own_key = _decrypt(ring_key, wrapped_key, _bound_to(record, key_id))
    except (InvalidTag, ValueError):
        raise Unopenable("a sealed record was changed or moved") from None
    return ring.current, _encrypt(ring.keys[ring.current], own_key, _bound_to(record, ring.current), random(NONCE_BYTES))


def blind_index(ring: KeyRing, sort_code: str, account_number: str) -> bytes:
    """HMAC-SHA-256 of a bank account: equal for equal accounts, and useless without the index key."""
    return hmac.new(ring.index_key, f"{sort_code}/{account_number}".encode("ascii"), hashlib.sha256).digest()


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return key


def _bound_to(record: UUID, key_id: str) -> bytes:
    return record.bytes + key_id.encode()


def _encrypt(key: bytes, content: bytes, bound_to: bytes, nonce: bytes) -> bytes:
    return nonce + AESGCM(key).encrypt(nonce, content, bound_to)


def _decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
