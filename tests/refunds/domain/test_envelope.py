"""The envelope around bank details: what opens it, what does not, and what the blind index tells."""

import base64
import itertools
import json
import os
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.envelope import KeyRing, Sealed, Unopenable, UnusableKeyRing, blind_index, read_key_ring, rewrap, seal, unseal

OLD, NEXT, INDEX = os.urandom(32), os.urandom(32), os.urandom(32)
RING = KeyRing("2026-a", {"2026-a": OLD}, INDEX)
ROTATED = KeyRing("2026-b", {"2026-a": OLD, "2026-b": NEXT}, INDEX)
ROW = uuid4()
DETAILS = b'{"sort_code":"089999","account_number":"66374958"}'


@given(st.binary(max_size=500), st.uuids())
def test_what_is_sealed_opens_for_its_own_record(content: bytes, row: UUID) -> None:
    assert unseal(RING, row, seal(RING, row, content, os.urandom)) == content


def test_old_keys_still_open_and_the_current_one_seals() -> None:
    before = seal(RING, ROW, DETAILS, os.urandom)
    after = seal(ROTATED, ROW, DETAILS, os.urandom)
    assert (before.key_id, after.key_id) == ("2026-a", "2026-b")
    assert unseal(ROTATED, ROW, before) == unseal(ROTATED, ROW, after) == DETAILS
    with pytest.raises(Unopenable):
        unseal(RING, ROW, after)


def test_processes_that_are_a_step_of_the_rotation_apart_open_what_either_seals() -> None:
    """The steps of docs/runbooks/keys.md: one process is restarted before another."""
    held = replace(ROTATED, current="2026-a")
    for earlier, later in itertools.pairwise((RING, held, ROTATED)):
        for seals, opens in ((earlier, later), (later, earlier)):
            assert unseal(opens, ROW, seal(seals, ROW, DETAILS, os.urandom)) == DETAILS


def test_a_sealed_record_does_not_open_on_another_row() -> None:
    with pytest.raises(Unopenable):
        unseal(RING, uuid4(), seal(RING, ROW, DETAILS, os.urandom))


def test_a_wrapped_key_cannot_be_carried_to_another_record() -> None:
    mine, other = seal(RING, ROW, DETAILS, os.urandom), seal(RING, uuid4(), b"other", os.urandom)
    with pytest.raises(Unopenable):
        unseal(RING, ROW, replace(mine, wrapped_key=other.wrapped_key))
    with pytest.raises(Unopenable):
        unseal(RING, ROW, replace(mine, content=other.content))


def test_any_changed_byte_is_noticed() -> None:
    whole = seal(RING, ROW, DETAILS, os.urandom)
    for name in ("wrapped_key", "content"):
        part = getattr(whole, name)
        for place in range(len(part)):
            changed = part[:place] + bytes([part[place] ^ 1]) + part[place + 1 :]
            with pytest.raises(Unopenable):
                unseal(RING, ROW, replace(whole, **{name: changed}))


@pytest.mark.parametrize("short", [Sealed("2026-a", b"", b""), Sealed("2026-a", b"\0" * 12, b"\0" * 12), Sealed("2026-a", b"\0" * 60, b"")])
def test_a_stump_does_not_open(short: Sealed) -> None:
    with pytest.raises(Unopenable):
        unseal(RING, ROW, short)


def test_each_record_has_a_key_and_a_nonce_of_its_own_and_shows_nothing() -> None:
    sealed = [seal(RING, ROW, DETAILS, os.urandom) for _ in range(50)]
    assert len({item.content[:12] for item in sealed} | {item.wrapped_key[:12] for item in sealed}) == 100
    assert len({item.content for item in sealed}) == 50
    assert not any(b"66374958" in item.content + item.wrapped_key for item in sealed)


def test_the_blind_index_knows_the_same_account_and_nothing_else() -> None:
    pairs = [("089999", "66374958"), ("089999", "66374959"), ("089998", "66374958")]
    indices = [blind_index(RING, *pair) for pair in pairs]
    assert blind_index(ROTATED, *pairs[0]) == indices[0], "a rotated sealing key leaves the index as it was"
    assert len(set(indices)) == 3
    assert blind_index(replace(RING, index_key=os.urandom(32)), *pairs[0]) != indices[0]


def ring_text(**changes: object) -> str:
    ring = {"current": "a", "keys": {"a": base64.b64encode(OLD).decode()}, "index_key": base64.b64encode(INDEX).decode()}
    return json.dumps({**ring, **changes})


def test_a_key_ring_is_read_and_shows_no_key() -> None:
    ring = read_key_ring(ring_text())
    assert (ring.current, ring.keys["a"], ring.index_key) == ("a", OLD, INDEX)
    shown = repr(ring)
    assert not any(secret in shown for secret in (repr(OLD), base64.b64encode(OLD).decode(), repr(INDEX)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        ring_text(current="b"),
        ring_text(keys={"a": base64.b64encode(b"short").decode()}),
        ring_text(keys={"a": "not base64!"}),
        ring_text(index_key=None),
        ring_text(keys=[]),
    ],
    ids=["nothing", "a list", "no fields", "no current key", "a short key", "not base64", "no index key", "no keys"],
)
def test_what_is_no_key_ring_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UnusableKeyRing) as refused:
        read_key_ring(text)
    assert refused.value.__cause__ is None
    assert not any(piece in str(refused.value) for piece in itertools.chain([base64.b64encode(OLD).decode()], ["not base64!"]))


def test_a_record_is_wrapped_anew_and_what_it_seals_stays_as_it_is() -> None:
    sealed = seal(RING, ROW, DETAILS, os.urandom)
    key_id, wrapped = rewrap(ROTATED, ROW, sealed.key_id, sealed.wrapped_key, os.urandom)
    again = Sealed(key_id, wrapped, sealed.content)
    without_the_old = KeyRing("2026-b", {"2026-b": NEXT}, INDEX)
    assert key_id == "2026-b"
    assert unseal(without_the_old, ROW, again) == DETAILS
    for ring, record, envelope in ((RING, ROW, again), (without_the_old, ROW, sealed)):
        with pytest.raises(Unopenable):
            unseal(ring, record, envelope)
    for ring, record in ((ROTATED, uuid4()), (without_the_old, ROW)):
        with pytest.raises(Unopenable):
            rewrap(ring, record, sealed.key_id, sealed.wrapped_key, os.urandom)
