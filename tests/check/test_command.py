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
from rentbook_contracts.operation import Command
from rentbook_local import check, export, places
from rentbook_local.checking import accepted, examine
from rentbook_local.checking.accepted import Acknowledged, read_list
from rentbook_local.checking.books import Paid
from rentbook_local.checking.examine import PROMISES, Looked
from rentbook_local.checking.promise import Finding
from rentbook_local.problem import Problem
from support.published import MODULES
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


OF_COMMANDS = {
    "request-refund": "refund-request",
    "propose": "write-off-proposal",
    "add-proof": "evidence",
    "make-schedule": "write-off-schedule",
}
"""Under which kind a command's form is known, where that is not the command's name."""

BY_SERVICES = {"lift-hold-of-case"}
"""Commands that only a service gives."""

OF_THE_DESK = {
    "decide": "decision",
    "decide_line": "decision",
    "decide_schedule": "decision",
    "put_together": "selection",
    "sign_together": "together",
    "lend_authority": "delegation",
    "recall_decision": "recall",
    "release_run": "release",
    "propose_policy": "policy-proposal",
    "check_policy": "policy-check",
}


def acknowledged(town: Town) -> list[Acknowledged]:
    """All that people of the town did, and some of it by what its answer named."""
    did = [(OF_COMMANDS.get(what, OF_THE_DESK.get(what, what)), id_) for what, id_ in town.acknowledged if what != "note_seen"]
    return [
        *(Acknowledged(kind, None, id_) for kind, id_ in did),
        Acknowledged("bank-file", town.named["bank file"], None),
        Acknowledged("refund-request", town.named["paid"].case, town.named["request 1"]),
        Acknowledged("write-off-proposal", town.named["proposal"], town.named["form of the proposal"]),
        Acknowledged("write-off-schedule", town.named["schedule"], None),
    ]


async def lost(town: Town, paid: dict[str, Paid], told: list[Acknowledged]) -> tuple[str, ...]:
    async with reading(town.places(), paid) as books:
        return (await accepted.promise(told).look(books)).broken


async def test_what_a_client_was_told_is_there(town: Town, paid: dict[str, Paid]) -> None:
    told = acknowledged(town)
    assert len({one.kind for one in told}) > 20
    assert await lost(town, paid, told) == ()


@pytest.mark.parametrize("kind", accepted.KINDS)
async def test_what_is_not_there_is_named(town: Town, paid: dict[str, Paid], kind: str) -> None:
    for told in (Acknowledged(kind, uuid4(), None), Acknowledged(kind, None, uuid4())):
        [place] = await lost(town, paid, [told])
        assert place.startswith(f"{kind} with {'id' if told.id else 'form'} {told.id or told.form}: ")
        assert re.search(r": (ledger|refunds|notices|writeoffs|approvals) (has|does not know)", place), place
        assert "0 times" not in place


def test_where_something_accepted_is_lost_the_command_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    asked = accepted.promise([Acknowledged("decision", uuid4(), None)])
    for broken, says in ((("it is lost",), True), ((), False)):
        check._tell(Looked(asked, Finding(1, broken)))
        assert ("What to do: look first whether the list is of this stack" in capsys.readouterr().out) is says


@pytest.mark.parametrize("service", ["ledger", "refunds", "notices", "writeoffs"])
async def test_what_was_accepted_and_has_left_nothing_is_named(postgres: Postgres, town: Town, paid: dict[str, Paid], service: str) -> None:
    forms = {kind: (uuid4(), one) for kind, one in accepted.COMMANDS.items() if one.service == service and one.left is not None}
    rows = ", ".join(f"('form:{form}', '{one.name}', '', '{{}}', 'nobody', now())" for form, one in forms.values())
    taken = f"INSERT INTO accepted_command (key, name, request_hash, answer, person, accepted_at) VALUES {rows}"
    copy = await broken_copy(postgres, town, service, (taken,))
    async with reading(town.places(**{service: copy}), paid) as books:
        told = [Acknowledged(kind, None, form) for kind, (form, _) in forms.items()]
        broken = (await accepted.promise(told).look(books)).broken
    assert len(broken) == len(forms)
    assert all("has left nothing in" in place for place in broken)


async def test_a_line_without_its_result_and_an_untold_recall_are_named(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    lost_rows = ("DELETE FROM selection_result", "DELETE FROM outbox_event WHERE headers ->> 'ce_type' = 'approvals.decision-recalled.v1'")
    copy = await broken_copy(postgres, town, "approvals", lost_rows)
    async with reading(town.places(approvals=copy), paid) as books:
        broken = (await accepted.promise(acknowledged(town)).look(books)).broken
    assert {place.split()[0] for place in broken} == {"together", "recall"}


def test_every_command_that_people_give_has_a_kind() -> None:
    commands = {one.name for module in MODULES for one in vars(module).values() if isinstance(one, Command)}
    assert {OF_COMMANDS.get(name, name) for name in commands - BY_SERVICES} <= set(accepted.KINDS)
    assert commands >= BY_SERVICES


def test_the_page_lists_every_kind() -> None:
    page = (places.ROOT / "docs" / "checks.md").read_text(encoding="utf-8").partition("## A client's own list")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(rows))) == sorted(accepted.KINDS)


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


def test_an_empty_list_is_not_called_kept(tmp_path: Path) -> None:
    file = tmp_path / "accepted.jsonl"
    for text in ("", "\n"):
        file.write_text(text)
        with pytest.raises(Problem, match="is empty"):
            read_list(file)


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"kind": "decision"}', '{"kind": "cake", "id": "x"}', '{"kind": "release", "id": "x"}'])
def test_a_line_that_is_no_acknowledgement_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "accepted.jsonl"
    file.write_text(f'{{"kind": "release", "id": "{UUID(int=1)}"}}\n{line}\n')
    with pytest.raises(Problem, match="Line 2"):
        read_list(file)


# --- what it is made of -----------------------------------------------------------------------------------------------------------


def test_the_page_lists_every_promise_in_the_order_in_which_they_are_looked_at() -> None:
    page = (places.ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \|", page.partition("## A client's own list")[0], re.MULTILINE)
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
