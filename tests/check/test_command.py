"""The commands as people and other tools meet them: what they print, how they end, and what they are made of."""

import ast
import asyncio
import json
import re
import time
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import rentbook_local.checking
from rentbook_local import check, export, places
from rentbook_local.checking import accepted, examine
from rentbook_local.checking.accepted import Acknowledged, read_list
from rentbook_local.checking.books import Paid
from rentbook_local.checking.examine import PROMISES
from rentbook_local.problem import Problem
from support.servers import Postgres

from .test_every_promise_can_break import broken_copy, reading
from .town import Town


async def test_it_tells_each_promise_with_its_rows(town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    assert await check.check(town.places(), PROMISES, within_seconds=1, report=report) == 0
    printed = capsys.readouterr().out
    assert all(promise.name in printed for promise in PROMISES)
    assert f"All {len(PROMISES)} promises are kept." in printed
    told = json.loads(report.read_text())
    assert told["kept"]
    assert [each["name"] for each in told["promises"]] == [promise.name for promise in PROMISES]
    assert all(each["rows"] > 0 for each in told["promises"] if each["name"] not in ("paid-once", "nothing-parked"))


async def test_it_ends_at_the_first_that_is_broken(postgres: Postgres, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "UPDATE account SET balance_pence = balance_pence + 1 WHERE kind = 'RENT'"
    copy = await broken_copy(postgres, town, "ledger", (wrong,))
    assert await check.check(town.places(ledger=copy), PROMISES, within_seconds=1, report=None) == 1
    printed = capsys.readouterr().out
    assert "The promise balances is broken." in printed
    assert "the balance is" in printed
    assert "seal-chain" not in printed


async def test_it_goes_on_after_one_that_is_broken_where_all_are_wanted(
    postgres: Postgres, town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ("UPDATE account SET balance_pence = balance_pence + 1 WHERE kind = 'RENT'", "DELETE FROM seal WHERE audit_no = 1")
    copy, report = await broken_copy(postgres, town, "ledger", wrong), tmp_path / "report.json"
    assert await check.check(town.places(ledger=copy), PROMISES, within_seconds=1, report=report, go_on=True) == 1
    assert "balances, seal-chain" in capsys.readouterr().out
    promises = json.loads(report.read_text())["promises"]
    assert [each["name"] for each in promises] == [promise.name for promise in PROMISES]


async def test_it_does_not_check_what_is_under_way(postgres: Postgres, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    copy = await broken_copy(postgres, town, "refunds", ("UPDATE outbox_event SET published_at = NULL",))
    assert await check.check(town.places(refunds=copy), PROMISES, within_seconds=0.1, report=None) == 1
    printed = capsys.readouterr()
    assert "facts are not published" in printed.err
    assert "sum-zero" not in printed.out


async def test_it_waits_as_long_as_what_is_under_way_goes_on(
    postgres: Postgres, town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = "UPDATE heard_version SET version = version - 1 WHERE topic = 'ledger.accounts'"
    copy = await broken_copy(postgres, town, "refunds", (behind,))
    monkeypatch.setattr(examine, "SAY_SECONDS", 0.5)
    checking = asyncio.ensure_future(check.check(town.places(refunds=copy), PROMISES, within_seconds=5, report=None))
    connection = await asyncpg.connect(postgres.superuser_dsn(copy.name))
    try:
        one_more = """
        UPDATE heard_version SET version = version + 1 WHERE (topic, key) =
          (SELECT topic, key FROM heard_version WHERE topic = 'ledger.accounts' AND key <> ALL ($1) ORDER BY key LIMIT 1) RETURNING key
        """
        heard: list[str] = []
        began = time.monotonic()
        # Each well within the five seconds, all of them together well beyond.
        while (key := await connection.fetchval(one_more, heard)) is not None:
            assert not checking.done()
            heard.append(key)
            await asyncio.wait({checking}, timeout=1.0 if time.monotonic() - began < 7 else 0.001)
        assert time.monotonic() - began > 6
    finally:
        await connection.close()
    assert await checking == 0
    assert "refunds has yet to hear" in capsys.readouterr().err


async def test_parked_events_are_told_loudly(postgres: Postgres, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    parked = """
    INSERT INTO parked (topic, key, partition, record_offset, headers, body, payload_hash, reason, parked_at)
    VALUES ('ledger.accounts', 'a key', 0, 0, '{}', '', '', 'unreadable', now())
    """
    copy = await broken_copy(postgres, town, "refunds", (parked,))
    assert await check.check(town.places(refunds=copy), PROMISES, within_seconds=1, report=None) == 1
    printed = capsys.readouterr().out
    assert "1 EVENTS ARE PARKED" in printed
    assert printed.index("PARKED") < printed.index("sum-zero")


# --- a client's own list ----------------------------------------------------------------------------------------------------------


KINDS = ("bank-file", "refund-request", "decision", "release", "write-off-proposal", "evidence", "write-off-schedule")


def acknowledged(town: Town) -> list[Acknowledged]:
    return [
        Acknowledged("bank-file", town.named["bank file"], None),
        Acknowledged("refund-request", None, town.named["request 1"]),
        Acknowledged("refund-request", town.named["paid"].case, town.named["request 1"]),
        Acknowledged("decision", None, town.named["decision"]),
        Acknowledged("release", None, town.named["run"]),
        Acknowledged("write-off-proposal", None, town.named["form of the proposal"]),
        Acknowledged("write-off-proposal", town.named["proposal"], town.named["form of the proposal"]),
        Acknowledged("evidence", None, town.named["form of evidence"]),
        Acknowledged("write-off-schedule", None, town.named["form of the schedule"]),
        Acknowledged("write-off-schedule", town.named["schedule"], None),
        Acknowledged("decision", None, town.named["approval"]),
    ]


async def lost(town: Town, paid: dict[str, Paid], told: list[Acknowledged]) -> tuple[str, ...]:
    async with reading(town.places(), paid) as books:
        return (await accepted.promise(told).look(books)).broken


async def test_what_a_client_was_told_is_there(town: Town, paid: dict[str, Paid]) -> None:
    assert await lost(town, paid, acknowledged(town)) == ()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_there_is_named(town: Town, paid: dict[str, Paid], kind: str) -> None:
    for told in (Acknowledged(kind, uuid4(), None), Acknowledged(kind, None, uuid4())):
        [place] = await lost(town, paid, [*acknowledged(town), told])
        assert str(told.id or told.form) in place


async def test_a_form_that_made_something_else_is_named(town: Town, paid: dict[str, Paid]) -> None:
    other = uuid4()
    forms = {"refund-request": "request 1", "write-off-proposal": "form of the proposal", "write-off-schedule": "form of the schedule"}
    for kind, form in forms.items():
        [place] = await lost(town, paid, [Acknowledged(kind, other, town.named[form])])
        assert "its form made" in place


def test_a_list_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "accepted.jsonl"
    id_ = UUID(int=7)
    file.write_text(f'{{"kind": "decision", "form": "{id_}", "at": "2026-11-23T09:00:00Z"}}\n{{"kind": "release", "id": "{id_}"}}\n')
    assert read_list(file) == [Acknowledged("decision", None, id_), Acknowledged("release", id_, None)]


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"kind": "decision"}', '{"kind": "cake", "id": "x"}', '{"kind": "release", "id": "x"}'])
def test_a_line_that_is_no_acknowledgement_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "accepted.jsonl"
    file.write_text(f'{{"kind": "release", "id": "{UUID(int=1)}"}}\n{line}\n')
    with pytest.raises(Problem, match="Line 2"):
        read_list(file)


# --- what it is made of -----------------------------------------------------------------------------------------------------------


def test_the_page_lists_every_promise_in_the_order_in_which_they_are_looked_at() -> None:
    page = (places.ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert listed == [*(promise.name for promise in PROMISES), "accepted"]


def test_the_checker_uses_none_of_the_services_code() -> None:
    folder = Path(rentbook_local.checking.__path__[0])
    files = [*folder.glob("*.py"), Path(check.__file__), Path(export.__file__)]
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in {
                    "approvals", "bank_simulator", "chassis", "ledger", "notices", "refunds", "workflows", "writeoffs",
                }, (file.name, name)  # fmt: skip
