"""Logs say what happened to machines and nothing about people."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from chassis.telemetry import OncePerWhile, start_logging
from sqlalchemy.ext.asyncio import create_async_engine
from support.servers import Postgres
from temporalio import activity
from temporalio.worker._workflow_instance import _WorkflowInstanceImpl


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    start_logging("counter", "json", text)
    yield text
    root.handlers[:], root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_only_allowed_keys_are_written(stream: io.StringIO) -> None:
    logging.getLogger("ledger").warning("a receipt waits", extra={"key": "k1", "tenant": "canary"})
    [line] = lines(stream)
    assert (line["message"], line["key"], line["service"]) == ("a receipt waits", "k1", "counter")
    assert "canary" not in stream.getvalue()


def test_what_others_weave_into_a_sentence_is_left_out(stream: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.pool").error("row %s", "canary")
    assert lines(stream)[0]["message"] == "row %s"
    assert "canary" not in stream.getvalue()


def test_an_errors_words_are_dropped_and_its_place_is_kept(stream: io.StringIO) -> None:
    try:
        raise sa.exc.IntegrityError("INSERT canary", {"name": "canary"}, Exception("canary"))
    except sa.exc.IntegrityError:
        logging.getLogger("ledger").exception("it failed")
    [line] = lines(stream)
    assert line["error"] == "IntegrityError"
    assert "test_telemetry.py" in str(line["where"])
    assert "canary" not in stream.getvalue()


async def what_a_database_says(postgres: Postgres) -> sa.exc.DBAPIError:
    """Its words quote what it was given, whatever SQLAlchemy hides."""
    database = await postgres.new_database("refunds")
    engine = create_async_engine(database.app_url, hide_parameters=True)
    with pytest.raises(sa.exc.DBAPIError) as told:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT CAST(CAST(:number AS text) AS integer)"), {"number": "canary"})
    await engine.dispose()
    assert "canary" in repr(told.value), "it would be told"
    return told.value


async def test_what_a_task_died_of_that_nobody_awaited_is_named_and_not_told(stream: io.StringIO, postgres: Postgres) -> None:
    error = await what_a_database_says(postgres)

    async def die() -> None:
        raise error

    task = asyncio.ensure_future(die())
    await asyncio.wait({task})
    asyncio.get_running_loop().call_exception_handler({"message": "Task exception was never retrieved", "exception": error, "task": task})
    [line] = lines(stream)
    assert (line["logger"], line["message"], line["error"]) == ("asyncio", "Task exception was never retrieved", "DBAPIError")
    assert "canary" not in stream.getvalue()


class Died:
    """A story's loop as temporalio makes it, as far as its words go: it takes its manner from asyncio, and speaks as a machine."""

    default_exception_handler = _WorkflowInstanceImpl.default_exception_handler


async def test_what_libraries_weave_into_their_own_sentences_is_dropped(stream: io.StringIO, postgres: Postgres) -> None:
    error = await what_a_database_says(postgres)
    died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    died.set_exception(error)
    died.exception()
    Died().default_exception_handler({"message": "Task exception was never retrieved", "future": died})  # type: ignore[misc]
    activity.logger.warning(f"Completing as failure during heartbeat with error of type {type(error)}: {error}")
    activity.logger.warning(f"Exception handling failed, original error: {error}")
    logging.getLogger("somebody").error(f"'{error}' raised, retrying...\n{error}")
    logging.getLogger("sqlalchemy.pool").error("Exception during reset or similar %r", error, exc_info=error)
    assert [line["message"] for line in lines(stream)] == [
        "Task exception was never retrieved",
        "Completing as failure during heartbeat with error of type",
        "Exception handling failed, original error",
        "",
        "Exception during reset or similar %r",
    ]
    assert "canary" not in stream.getvalue()


def test_a_sentence_of_ours_is_whole(stream: io.StringIO) -> None:
    logging.getLogger("refunds").error("a bank report can't be read")
    assert lines(stream)[0]["message"] == "a bank report can't be read"


def test_a_dead_brokers_complaint_is_written_once_and_counted(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0] * 50 + [11.0] * 2)
    monkeypatch.setattr("chassis.telemetry.time.monotonic", lambda: next(clock))
    for _ in range(51):
        logging.getLogger("aiokafka").error("Unable to connect to %s", "127.0.0.1:9")
    first, second = lines(stream)
    assert first["message"] == "Unable to connect to 127.0.0.1:9"
    assert (second["message"], second["held_back"]) == (first["message"], 49)


def test_each_parked_event_is_written_with_its_id_and_reason_and_no_more_than_once(stream: io.StringIO) -> None:
    for event in ("e1", "e2", "e3", "e3"):
        logging.getLogger("chassis.inbox").error("an event was parked", extra={"event_id": event, "reason": f"because of {event}"})
    assert [(line["event_id"], line["reason"]) for line in lines(stream)] == [
        (event, f"because of {event}") for event in ("e1", "e2", "e3")
    ]


def test_the_filter_lets_ordinary_news_pass() -> None:
    news = logging.LogRecord("chassis", logging.INFO, "", 0, "ready", None, None)
    quiet = OncePerWhile()
    assert [quiet.filter(news) for _ in range(3)] == [True] * 3
