"""What becomes of an event that came in."""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from chassis.consumer import LONGEST_PAUSE_SECONDS, TopicConsumer
from chassis.inbox import Heard, Inbox, MustPark, heard_up_to
from chassis.parked import NotPossible, StillWaits
from chassis.records import Record, Unreadable, read_record
from chassis.serving import App, Subscription
from chassis.transaction import Runtime, Transaction
from rentbook_contracts.operation import BrokenRule
from support.counting import Counted, effects, note, scalar

from chassis import parked


def record(key: str, version: int, *, body: bytes | None = None, event_type: str = Counted.type, offset: int | None = None) -> Record:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key} {version}")),
        "ce_type": event_type,
        "ce_subject": key,
        "ce_aggregateversion": str(version),
    }
    told = json.dumps({"counted": key, "number": version}).encode() if body is None else body
    return Record(Counted.topic, key, 0, version if offset is None else offset, headers, told)


def counter(use_case: Callable[[Transaction, Counted], Any] = note) -> App:
    return App("counter", listens=(Subscription(Counted, use_case),))


async def waiting(runtime: Runtime) -> list[str]:
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT reason FROM parked WHERE resolved_at IS NULL ORDER BY id"))
        return list(rows.scalars())


async def test_an_event_heard_twice_has_one_effect(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    assert [await inbox.take(record("a", 1)) for _ in range(3)] == [Heard.DONE, Heard.DUPLICATE, Heard.DUPLICATE]
    assert await effects(dry, "a") == [1]


async def test_a_batch_is_taken_in_one_transaction_and_a_repeated_one_has_no_effect(dry: Runtime) -> None:
    seen: list[int] = []

    async def note_version(tx: Transaction, fact: Counted) -> None:
        seen.append(await heard_up_to(tx, Counted.topic, fact.counted))
        await note(tx, fact)

    inbox = Inbox(dry, counter(note_version))
    batch = [record("a", 1), record("b", 1), record("a", 2, event_type="counter.nudged.v1"), record("a", 3), record("b", 1)]
    await inbox.take_together(batch)
    await inbox.take_together([*batch, record("b", 2)])
    assert (await effects(dry, "a"), await effects(dry, "b"), seen) == ([1, 3], [1, 2], [1, 1, 3, 2])
    assert await scalar(dry, "SELECT count(DISTINCT xmin::text) FROM inbox") == 2


async def test_a_batch_is_shown_whole_before_its_first_event_is_taken_and_repetitions_are_not_shown(dry: Runtime) -> None:
    shown: list[list[int]] = []

    async def ahead(tx: Transaction, facts: Sequence[Counted]) -> None:
        assert await effects(dry, "a") == []
        shown.append([fact.number for fact in facts])
        tx.known |= {UUID(int=fact.number): "found ahead" for fact in facts}

    async def use(tx: Transaction, fact: Counted) -> None:
        assert (UUID(int=fact.number) in tx.known) == (fact.number < 4)
        await note(tx, fact)

    inbox = Inbox(dry, App("counter", listens=(Subscription(Counted, use, ahead=ahead),)))
    batch = [record("a", 1), record("a", 2), record("a", 3)]
    await inbox.take_together(batch)
    shown_then = list(shown)
    assert await inbox.take(record("a", 4)) is Heard.DONE
    with pytest.raises(AssertionError):
        await inbox.take_together([record("a", 3), record("a", 5)])
    assert shown_then == shown == [[1, 2, 3]]


@pytest.mark.parametrize("bad", [record("b", 1, body=b"{"), record("b", 2), record("b", 1, event_type="counter.counted.v9")])
async def test_a_batch_with_a_bad_record_leaves_nothing_and_each_is_judged_by_itself(dry: Runtime, bad: Record) -> None:
    inbox = Inbox(dry, counter())
    with pytest.raises((MustPark, Unreadable)):
        await inbox.take_together([record("a", 1), bad, record("a", 2)])
    assert await effects(dry, "a") == []
    assert [await inbox.take(each) for each in (record("a", 1), bad, record("a", 2))] == [Heard.DONE, Heard.PARKED, Heard.DONE]
    with pytest.raises(MustPark, match="parked"):
        await inbox.take_together([record("a", 3), record("b", 3)])


async def test_after_an_outage_a_batch_waits_once_and_not_for_each_of_its_records(dry: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    consumer = TopicConsumer(dry, counter(), Counted.topic)
    consumer._rounds = 3000
    monkeypatch.setattr(consumer, "_pause", pause)
    await consumer.handle([raw(record("a", version)) for version in range(1, 31)])
    assert (await effects(dry, "a"), pauses, consumer._rounds) == (list(range(1, 31)), [LONGEST_PAUSE_SECONDS], 0)


def raw(told: Record) -> SimpleNamespace:
    headers = [(name, value.encode()) for name, value in told.headers.items()]
    return SimpleNamespace(
        topic=told.topic, partition=told.partition, offset=told.offset, key=told.key.encode(), value=told.body, headers=headers, timestamp=0
    )


async def test_two_consumers_at_once_have_one_effect(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    heard = await asyncio.gather(*(inbox.take(record("a", 1)) for _ in range(8)))
    assert sorted(heard) == [Heard.DONE] + [Heard.DUPLICATE] * 7
    assert await effects(dry, "a") == [1]


async def test_a_failing_use_case_leaves_nothing_behind(dry: Runtime) -> None:
    async def note_and_fail(tx: Transaction, fact: Counted) -> None:
        await note(tx, fact)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await Inbox(dry, counter(note_and_fail)).take(record("a", 1))
    assert await effects(dry, "a") == []
    assert await Inbox(dry, counter()).take(record("a", 1)) is Heard.DONE


async def test_the_same_id_with_other_content_is_parked(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    await inbox.take(record("a", 1))
    other = replace(record("a", 2, offset=9), headers={**record("a", 2).headers, "ce_id": record("a", 1).headers["ce_id"]})
    assert await inbox.take(other) is Heard.PARKED
    assert await waiting(dry) == ["an event of the same id was heard with other content"]


async def test_poison_is_parked_with_all_later_events_of_its_key_and_no_other(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    assert await inbox.take(record("a", 1, body=b'{"counted": "a", "number": "secret"}')) is Heard.PARKED
    assert await inbox.take(record("a", 2)) is Heard.PARKED
    assert await inbox.take(record("b", 1)) is Heard.DONE
    assert await effects(dry, "a") == []
    reasons = await waiting(dry)
    assert len(reasons) == 2
    assert "number int_parsing" in reasons[0]
    assert "secret" not in "".join(reasons)
    assert dry.telemetry.registry.get_sample_value("rentbook_parked_total", {"topic": record("a", 1).topic}) == 2


async def test_a_parked_key_is_replayed_in_order_before_what_comes_live(dry: Runtime) -> None:
    may_go = False

    async def note_when_allowed(tx: Transaction, fact: Counted) -> None:
        if fact.number == 2 and not may_go:
            raise BrokenRule("Not before the rule is mended.")
        await note(tx, fact)

    app = counter(note_when_allowed)
    inbox = Inbox(dry, app)
    for version in (1, 2, 3, 4):
        await inbox.take(record("a", version))
    assert await effects(dry, "a") == [1]
    first = await scalar(dry, "SELECT min(id) FROM parked")
    with pytest.raises(StillWaits, match=r"^0 taken, 3 still wait: BrokenRule: Not before the rule is mended"):
        await parked.replay(dry, app, first, by="ada")
    assert await effects(dry, "a") == [1]
    may_go = True
    assert await parked.replay(dry, app, first, by="ada") == "3 taken. Nothing of the key waits any more."
    assert await inbox.take(record("a", 5)) is Heard.DONE
    assert await effects(dry, "a") == [1, 2, 3, 4, 5]
    assert await scalar(dry, "SELECT count(*) FROM parked WHERE resolution = 'replayed' AND resolved_by = 'ada'") == 3


async def test_a_redelivered_parked_event_is_parked_once(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    for _ in range(3):
        await inbox.take(record("a", 1, body=b"{"))
    assert len(await waiting(dry)) == 1


async def test_a_gap_stops_the_key_and_closes_when_the_missing_event_comes(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    assert [await inbox.take(record("a", version)) for version in (1, 3, 4)] == [Heard.DONE, Heard.PARKED, Heard.PARKED]
    assert await effects(dry, "a") == [1]
    assert (await waiting(dry))[0] == "version 2 of the key is missing: version 3 came"
    assert await inbox.take(record("a", 2)) is Heard.DONE
    assert await effects(dry, "a") == [1, 2, 3, 4]
    assert await waiting(dry) == []
    assert await inbox.take(record("a", 5)) is Heard.DONE


async def test_who_begins_late_accepts_the_first_that_the_topic_still_holds(dry: Runtime) -> None:
    async def forgot_its_first() -> bool:
        return False

    inbox = Inbox(dry, counter())
    assert await inbox.take(record("a", 7), whole_log=forgot_its_first) is Heard.DONE
    assert await inbox.take(record("a", 9), whole_log=forgot_its_first) is Heard.PARKED


async def test_who_begins_late_with_an_event_that_cannot_be_taken_goes_on_once_it_is_dealt_with(dry: Runtime) -> None:
    async def forgot_its_first() -> bool:
        return False

    app = counter()
    inbox = Inbox(dry, app)
    for version, body in ((7, b"{"), (8, None)):
        assert await inbox.take(record("a", version, body=body), whole_log=forgot_its_first) is Heard.PARKED
    first = await scalar(dry, "SELECT min(id) FROM parked")
    await parked.discard(dry, first, by="ada", second="ben", reason="spoilt on the wire")
    assert await parked.replay(dry, app, first + 1, by="ada") == "1 taken. Nothing of the key waits any more."
    assert await effects(dry, "a") == [8]


async def test_events_that_overtake_each_other_are_all_taken_in_order_and_none_stays_behind(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    for key in (f"account-{number}" for number in range(15)):
        await asyncio.gather(*(inbox.take(record(key, version)) for version in (3, 1, 4, 2)))
        assert await effects(dry, key) == [1, 2, 3, 4]
    assert await waiting(dry) == []


async def test_the_whole_copy_of_an_event_is_taken_after_its_spoilt_one_was_discarded(dry: Runtime) -> None:
    app = counter()
    inbox = Inbox(dry, app)
    for each in (record("a", 1, body=b"{"), record("a", 1, offset=2), record("a", 2, offset=3)):
        assert await inbox.take(each) is Heard.PARKED
    first = await scalar(dry, "SELECT min(id) FROM parked")
    await parked.discard(dry, first, by="ada", second="ben", reason="spoilt on the wire")
    await parked.replay(dry, app, first + 1, by="ada")
    assert await effects(dry, "a") == [1, 2]


async def test_an_event_that_another_took_meanwhile_is_not_parked(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    await inbox.take(record("a", 1))
    await inbox.park(record("a", 1), "the use case failed")
    assert await waiting(dry) == []


async def test_a_type_that_nobody_listens_to_is_acknowledged_and_holds_no_one_up(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    assert await inbox.take(record("a", 1, event_type="counter.nudged.v1", body=b"\xff")) is Heard.IGNORED
    assert await inbox.take(record("a", 2)) is Heard.DONE


async def test_an_unknown_major_of_a_type_that_we_listen_to_is_parked(dry: Runtime) -> None:
    inbox = Inbox(dry, counter())
    assert await inbox.take(record("a", 1, event_type="counter.counted.v2")) is Heard.PARKED
    assert await waiting(dry) == ["counter.counted.v2 is of a major version that is not understood here"]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("ce_id", None),),
        (("ce_id", b"\xff\xfe"),),
        (("ce_specversion", b"1.0"), ("ce_id", b"x"), ("ce_type", b"t"), ("n\x00", b"\x00")),
    ],
)
async def test_a_record_with_hostile_headers_is_parked(dry: Runtime, headers: tuple[tuple[str, bytes | None], ...]) -> None:
    class Raw:
        topic, partition, offset, key, value = Counted.topic, 0, 0, b"\xff\x00k", None

    Raw.headers = headers  # type: ignore[attr-defined]
    assert await Inbox(dry, counter()).take(read_record(Raw(), "")) is Heard.PARKED


async def test_discarding_takes_two_people_and_a_reason_and_lets_the_key_go_on(dry: Runtime) -> None:
    app = counter()
    inbox = Inbox(dry, app)
    await inbox.take(record("a", 1, body=b"{"))
    await inbox.take(record("a", 2))
    number = await scalar(dry, "SELECT min(id) FROM parked")
    with pytest.raises(NotPossible, match="Two different people"):
        await parked.discard(dry, number, by="Ada", second=" ada ", reason="spoilt")
    with pytest.raises(NotPossible, match="reason"):
        await parked.discard(dry, number, by="ada", second="ben", reason=" ")
    await parked.discard(dry, number, by="ada", second="ben", reason="spoilt on the wire")
    await parked.replay(dry, app, number + 1, by="ada")
    assert await effects(dry, "a") == [2]
    kept = await scalar(dry, "SELECT resolved_by || seconded_by || because FROM parked WHERE resolution = 'discarded'")
    assert kept == "adabenspoilt on the wire"


async def test_the_database_itself_refuses_a_discard_by_one_person(dry: Runtime) -> None:
    await Inbox(dry, counter()).take(record("a", 1, body=b"{"))
    alone = "UPDATE parked SET resolved_at = now(), resolution = 'discarded', resolved_by = 'a', seconded_by = 'a', because = 'x'"
    with pytest.raises(sa.exc.IntegrityError, match="two_people_and_a_reason_discard"):
        async with dry.engine.begin() as connection:
            await connection.execute(sa.text(alone))


async def test_who_runs_the_service_cannot_delete_or_rewrite_what_was_said(dry: Runtime) -> None:
    for forbidden in ("DELETE FROM outbox_event", "UPDATE outbox_event SET body = ''", "TRUNCATE inbox", "DELETE FROM accepted_command"):
        with pytest.raises(sa.exc.ProgrammingError) as refused:
            async with dry.engine.begin() as connection:
                await connection.execute(sa.text(forbidden))
        assert isinstance(refused.value.orig.__cause__, asyncpg.InsufficientPrivilegeError)  # type: ignore[union-attr]


async def test_a_parked_event_is_an_alarm_without_its_content(dry: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await Inbox(dry, counter()).take(record("a", 1, body=b'{"counted": "a", "number": "canary"}'))
    [line] = [each for each in caplog.records if each.msg == "an event was parked"]
    assert "canary" not in str(line.__dict__)
