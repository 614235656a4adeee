"""What the journeys leave for those who watch: one trace through a whole refund, and nothing about the tenant and no secret anywhere."""

import argparse
import io
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from lxml import html
from rentbook_local import export
from rentbook_local.check import places_of
from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import Desk, Page
from rentbook_local.journey.steps import Member, decide, open_task, release, request_refund
from rentbook_local.journey.write_off_steps import Proof, propose
from rentbook_local.layout import DATABASES
from support.doubler import access, every_record
from support.stack import Stack
from temporalio.client import Client, WorkflowHistory

from journeys.canaries import NAMES, NINO, NOTE
from journeys.conftest import look_at_the_books

PAID_IN_PENCE, STATEMENT = 61_37, 77
"""The tenant's payment as the bank's statement tells it, and the statement's number."""
STRAY_PENCE = 13_71
"""Another, which nobody can place."""

WRITTEN_WITHIN_SECONDS = 60.0
SHORTEST_SECRET = 12
"""What is shorter in those files is a name, such as that of a key."""
WRITTEN = {
    ("ledger", "account_hold", "reason"), ("ledger", "payment_plan", "ended_because"), ("ledger", "housing_benefit_claim", "reason"),
    ("refunds", "evidence", "note"), ("writeoffs", "proof", "note"), ("writeoffs", "event", "note"),
    ("approvals", "comment", "text"), ("approvals", "contact_note", "text"), ("approvals", "decision", "text"),
}  # fmt: skip
"""Where what people wrote is kept: service, table and column."""


@pytest.fixture(scope="module")
def other_ways(stack: Stack, members: Mapping[str, Member]) -> None:
    """The canaries on what is no refund: a payment that nobody can place, holds and plans, where letters go, a debt and its letter."""
    canary, debtor, gone = members["canary"], members["debt-plan"], members["debt-story-gone-7"]
    with Desk(stack.layout.desk, "bryn.officer") as officer:
        account = f"/accounts/{debtor.account}"
        for action, values in (
            ("holds", {"hold": "LEGAL", "hold_is": "set", "hold_reason": NOTE}),
            ("benefit-claim", {"claim_is": "open", "claim_since": str(london_today()), "claim_reason": NOTE}),
            ("notes", {"contact_how": "office", "contact_identified": "phone-questions", "contact_text": NOTE}),
            ("plan", {"instalment": "20.00", "rhythm": "weekly", "first_due_on": str(london_today())}),
        ):
            assert officer.send(officer.get(account), f"{account}/{action}", values).errors() == []
        page = officer.get(account)
        [plan] = [str(form.get("action")) for form in page.tree.forms if str(form.get("action")).startswith(f"{account}/plan/")]
        assert officer.send(page, plan, {"plan_reason": NOTE}).errors() == []
        _placed(officer, canary, debtor)
        where = {"letters_for": "tenants", "letters_are": "known", "letters_address": str(canary.told["address"]), "letters_known": NOTE}
        account = f"/accounts/{gone.account}"
        assert officer.send(officer.get(account), f"{account}/letter-address", where).errors() == []
        page = propose(officer, gone.account, "care-home", note=NOTE)
        assert page.errors() == [], page.errors()
        proof = {**Proof("document", london_today() - timedelta(days=20)).typed, "proof_note": NOTE}
        assert officer.send(page, f"{page.path}/proofs", proof).errors() == []
        page = officer.wait(page.path, "the letter as evidence", lambda shown: "The letter (PDF)" in shown.text)
        assert officer.send(page, f"{page.path}/withdraw", {"withdraw_note": NOTE}).errors() == []


def _placed(officer: Desk, canary: Member, onto: Member) -> None:
    """Paid by the tenant without a reference, looked for under another word, and moved onto another account."""
    payer = str(canary.told["sort_code"]) + str(canary.told["account_number"])
    content = camt053([Line(STRAY_PENCE, NINO, canary.name, payer)], business_day(london_today()), STATEMENT + 1)
    taken = officer.upload(officer.get("/files"), "/files", f"{canary.name}.xml", content.encode())
    assert "1 receipt went to suspense" in taken.text
    page = officer.get("/suspense")
    [action, *_] = [str(form.get("action")) for form in page.tree.forms if form.fields.get("amount") == str(STRAY_PENCE)]
    field = f"reference-{action.removeprefix('/suspense/')}"
    refused = officer.send(page, action, {field: NINO})
    assert refused.errors() != []
    assert officer.send(officer.get("/suspense"), action, {field: onto.reference}).errors() == []


@pytest.fixture(autouse=True)
def books_are_right() -> None:
    """They are looked at once all was written (`paid_case`): the tests themselves only read."""


@pytest.fixture(scope="module")
def paid_case(stack: Stack, members: Mapping[str, Member], other_ways: None) -> str:
    """A refund that has gone the whole way, with a canary in every field in which people may write."""
    member = members["canary"]
    with Desk(stack.layout.desk, "bryn.officer") as officer:
        payer = str(member.told["sort_code"]) + str(member.told["account_number"])
        paid_in = camt053([Line(PAID_IN_PENCE, member.reference, member.name, payer)], business_day(london_today()), STATEMENT)
        taken = officer.upload(officer.get("/files"), "/files", f"{member.name}.xml", paid_in.encode())
        assert taken.heading.endswith("was taken"), taken.text
        page = request_refund(officer, member, note=NOTE)
        assert page.errors() == []
        with Desk(stack.layout.desk, "dilip.leader") as leader:
            task = open_task(leader, member.account)
            assert officer.send(officer.get(task.path), f"{task.path}/comments", {"comment": NOTE}).errors() == []
            assert decide(leader, leader.get(task.path), "sent-back", text=NOTE, question_to="bryn.officer").errors() == []
            _answered(officer, page.identity)
            again = open_task(leader, member.account, after=task.path)
            assert decide(leader, again, "approved", text=NOTE).errors() == []
        with Desk(stack.layout.desk, "greta.finance") as finance:
            release(finance, [page.identity])
        officer.wait(f"/cases/{page.identity}", "the letter", lambda shown: bool(shown.links("/letters/")))
    look_at_the_books(stack)
    return page.identity


def _answered(officer: Desk, case: str) -> None:
    """The question of the send-back is answered with an evidence and its note."""

    def asks(page: Page) -> bool:
        return bool(page.tree.xpath(f"//form[@action='/cases/{case}/resubmit']"))

    page = officer.wait(f"/cases/{case}", "the question", asks)
    proof = {"check": "2", "kind": "benefit-answer", "settles": "yes", "note": NOTE, "received_on": str(london_today())}
    assert officer.send(page, f"/cases/{case}/evidence", proof).errors() == []
    assert officer.send(officer.get(f"/cases/{case}"), f"/cases/{case}/resubmit", {"answer_note": NOTE}).errors() == []


@pytest.fixture(scope="module")
def canaries(stack: Stack, members: Mapping[str, Member]) -> tuple[str, ...]:
    """What tells of the tenant, and every secret of this very stack."""
    told = members["canary"].told
    secrets = secrets_of(stack)
    assert len(secrets) > 10
    return (*secrets, *NAMES, NINO, told["account_number"], told["sort_code"] + told["account_number"], told["address"])


def test_one_trace_runs_from_the_request_to_the_letter(traces: Path, paid_case: str) -> None:
    everybody = {"approvals", "refunds", "workflows", "ledger", "notices"}
    # A process writes its spans some time after they end, and a parent ends after its children.
    end = time.monotonic() + WRITTEN_WITHIN_SECONDS
    while True:
        spans = written(traces)
        stories = [span for span in spans if span["service"] == "workflows"]
        of_the_case = {span["trace_id"] for span in stories if paid_case in str(span["attributes"].get("temporalWorkflowID"))}
        inside = [span for span in spans if span["trace_id"] in of_the_case]
        ids = {span["span_id"] for span in inside}
        orphans = [span["name"] for span in inside if span["parent_id"] and span["parent_id"] not in ids]
        missing = everybody - {span["service"] for span in inside}
        if not (orphans or missing) or time.monotonic() > end:
            break
        time.sleep(0.5)
    assert len(of_the_case) == 1
    assert (missing, orphans) == (set(), [])


def written(traces: Path) -> list[dict[str, Any]]:
    """The spans that stand in the files; of a line that is being written there is no end yet."""
    whole = [line for file in traces.glob("*.jsonl") for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in whole]


def test_no_log_and_no_trace_tells_of_the_tenant(stack: Stack, traces: Path, paid_case: str, canaries: tuple[str, ...]) -> None:
    files = [*(stack.layout.folder / "logs").iterdir(), *traces.iterdir()]
    assert len(files) > 10
    assert hits(((file.name, file.read_text(errors="replace")) for file in files), canaries) == []


def test_no_metric_and_no_health_page_tells_of_the_tenant(stack: Stack, paid_case: str, canaries: tuple[str, ...]) -> None:
    pages = [f"{stack.layout.http(service)}/{page}" for service in (*DATABASES, "workflows") for page in ("metrics", "health")]
    assert hits(((page, httpx.get(page).text) for page in pages), canaries) == []


def test_no_event_tells_of_the_tenant(stack: Stack, paid_case: str, canaries: tuple[str, ...]) -> None:
    records = [(f"{one.topic()} {one.offset()}", f"{one.key()!r} {one.value()!r} {one.headers()!r}") for one in every_record(access(stack))]
    assert any(paid_case in record for _, record in records)
    assert hits(records, canaries) == []


async def test_no_workflow_history_tells_of_the_tenant(stack: Stack, paid_case: str, canaries: tuple[str, ...]) -> None:
    client = await Client.connect(f"127.0.0.1:{stack.layout.port('temporal')}", namespace="rentbook")
    histories = [
        (story.id, in_the_clear(await client.get_workflow_handle(story.id, run_id=story.run_id).fetch_history()))
        async for story in client.list_workflows()
    ]
    assert any(f'"case":"{paid_case}"' in history for _, history in histories), "no message was searched"
    assert hits(histories, canaries) == []


async def test_whoever_reads_the_database_of_refunds_without_its_key_sees_no_bank_details(
    stack: Stack, paid_case: str, canaries: tuple[str, ...]
) -> None:
    """Every column, as the role that `./rentbook check` reads with. What people wrote in notes stands there as they wrote it."""
    connection = await asyncpg.connect(places_of(stack.layout).dsns["refunds"])
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = {table: await connection.fetch(f'SELECT * FROM "{table}"') for (table,) in tables}
    finally:
        await connection.close()
    assert rows["payee"]
    assert rows["payment_file_content"]
    kept = [(f"{table}.{column}", value) for table, found in rows.items() for row in found for column, value in row.items()]
    # The bytes of a file are its text, in which a name is in capitals.
    texts = [(where, (value.decode("latin-1") if isinstance(value, bytes) else str(value)).upper()) for where, value in kept]
    assert hits(texts, (NINO,)) != []
    assert hits(texts, tuple(canary.upper() for canary in canaries if canary != NINO)) == []


async def test_the_canaries_went_down_every_way(stack: Stack, paid_case: str) -> None:
    """Each stands in the rows of whoever keeps it: what is found nowhere else was there to be found."""
    assert {where for where in WRITTEN if NOTE not in await column(stack, *where)} == set()


async def column(stack: Stack, service: str, table: str, name: str) -> list[str]:
    connection = await asyncpg.connect(places_of(stack.layout).dsns[service])
    try:
        return [row["it"] for row in await connection.fetch(f"SELECT {name} AS it FROM {table}")]
    finally:
        await connection.close()


async def test_the_bank_account_leaves_in_the_payment_file_alone(
    stack: Stack, members: Mapping[str, Member], paid_case: str, tmp_path: Path
) -> None:
    """Letters, exports and pages name its last digits at most; the search finds it where it has to be."""
    member, left = members["canary"], list[tuple[str, str]]()
    for kind in ("csv", "hledger"):
        journal = tmp_path / f"journal.{kind}"
        export.main(stack.layout, argparse.Namespace(what="journal", format=kind, output=journal))
        left.append((journal.name, journal.read_text()))
    connection = await asyncpg.connect(places_of(stack.layout).dsns["notices"])
    try:
        letters = await connection.fetch("SELECT title, content FROM letter")
    finally:
        await connection.close()
    left += [(f"letter: {row['title']}", str(row["content"])) for row in letters]
    with Desk(stack.layout.desk, "huw.auditor") as auditor:
        account = f"/accounts/{member.account}"
        found = [f"/cases/{paid_case}", account, f"{account}/entries.csv", f"{account}/explain", *SHOWN_TO_AN_AUDITOR]
        kinds = Counter[str]()
        for path in found:
            answer = auditor.http.get(path, follow_redirects=True).raise_for_status()
            left.append((path, in_words_of(answer)))
            for link in links_of(answer):
                more = MORE_OF_IT.match(link)
                if more is not None and link not in found and kinds[more[1]] < MOST_OF_A_KIND:
                    found.append(link)
                    kinds[more[1]] += 1
    assert {*kinds} >= {"files", "tasks", "runs", "write-offs", "entries"}, "what is one of many was looked at too"
    assert hits(left, (str(member.told["address"]),)) != []
    number = str(member.told["account_number"])
    assert hits(left, (number,)) == []
    files = [(file.name, file.read_text(errors="replace")) for file in (stack.layout.folder / "payments").iterdir()]
    assert len(hits(files, (number,))) == 1


SHOWN_TO_AN_AUDITOR = (
    *("/people", "/people.csv", "/work", "/cases", "/files", "/suspense", "/runs", "/write-offs", "/write-offs/schedules"),
    *("/write-offs/register", "/write-offs/register.csv", "/write-offs/register.xlsx", "/write-offs/totals.csv", "/write-offs/totals.xlsx"),
    *("/write-offs/provision", "/write-offs/provision.xlsx"),
)
MORE_OF_IT = re.compile(r"/(?:accounts/[0-9a-f-]{36}/)?(files|tasks|runs|suspense|write-offs|entries)/[0-9a-f-]{36}(?:\.csv|\.xlsx)?$")
MOST_OF_A_KIND = 8
"""What is looked at wherever one of these leads to it, and of each kind how many, those of this case and account first. A payment file is
not: it is where the account has to be. What is a PDF is set from what its page shows, or from the letter's words.
"""


def links_of(answer: httpx.Response) -> list[str]:
    if not answer.headers["content-type"].startswith("text/html"):
        return []
    tree: Any = html.fromstring(answer.text)
    return list(dict.fromkeys(str(link) for link in tree.xpath("//main//a/@href")))


def in_words_of(answer: httpx.Response) -> str:
    """An Excel workbook is a folder of XML that was packed together."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return "\n".join(packed.read(name).decode(errors="replace") for name in packed.namelist())


def secrets_of(stack: Stack) -> set[str]:
    """Passwords, tokens and keys, as they stand in the files that the processes read."""
    found = set[str]()
    for file in (stack.layout.folder / "secrets").rglob("*"):
        if file.is_file():
            text = file.read_text().strip()
            found |= set(strings_in(json.loads(text))) if file.suffix == ".json" else {text}
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


def strings_in(value: object) -> Iterator[str]:
    """The strings of a JSON value, at every depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings_in(each)


def in_the_clear(history: WorkflowHistory) -> str:
    """What a history holds, messages included; as JSON they would be in base64, in which nothing is found."""
    return b"".join(event.SerializeToString() for event in history.events).decode(errors="replace")


def hits(texts: Iterable[tuple[str, str]], canaries: tuple[str, ...]) -> list[tuple[str, str]]:
    """Where which canary stands, however it is written: in capitals, parted by spaces or by hyphens."""
    return [(where, canary) for where, text in texts for bare in [_bare(text)] for canary in canaries if _bare(canary) in bare]


def _bare(text: str) -> str:
    return re.sub(r"[\s\u00a0-]", "", text).casefold()


@pytest.mark.parametrize("written", ["66 37 49 58", "66-37-49-58", "account 66374958."])
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    assert hits([("a text", written)], ("66374958",)) == [("a text", "66374958")]
    assert hits([("a text", "zoe QUACK-enbush")], ("Zoe Quackenbush",)) != []
    assert hits([("a text", written)], ("66374959",)) == []
