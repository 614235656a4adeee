"""A schedule of 1,000 lines with long histories, in chunks of 100: posted whole, and measured."""

import sys
import time
from uuid import UUID

from chassis.transaction import Runtime
from ledger.domain.debt import owed_by_element
from ledger.queries.debts import actors_behind, debts_for_write_off, find_debts
from ledger.queries.provision import provision
from rentbook_contracts.approvals import ApprovedLine
from rentbook_contracts.ledger import (
    LINES_IN_A_CHUNK,
    LINES_IN_A_SCHEDULE,
    ActorsAsked,
    DebtFacts,
    DebtsAsked,
    FindDebts,
    LineKind,
    LinePart,
    ProvisionAsked,
    WriteOffLine,
)
from support.ledger_books import opened
from support.ledger_calls import do
from support.thousand import OWED_PENCE, estate
from support.write_off_books import Debts, day

SECONDS = 60.0
"""Issue 5: from click to posted in under a minute on two cores. The ledger's part of that alone must be far below."""


async def lines_of(debts: Debts) -> list[WriteOffLine]:
    """All that is owed on each account, as writeoffs reads it: 200 accounts a question."""
    lines: list[WriteOffLine] = []
    for first in range(1, LINES_IN_A_SCHEDULE + 1, 200):
        asked = DebtsAsked(accounts=tuple(UUID(int=number) for number in range(first, first + 200)))
        read = await do(debts.runtime, lambda tx, asked=asked: debts_for_write_off(tx, asked))  # type: ignore[misc]
        lines += [line_of(facts) for facts in read.debts]
    return lines


def line_of(facts: DebtFacts) -> WriteOffLine:
    return WriteOffLine(
        line=UUID(int=10_000 + facts.account.int),
        attempt=1,
        kind=LineKind.WRITE_OFF,
        account=facts.account,
        reason="untraceable",
        balance_pence=facts.balance_pence,
        parts=tuple(LinePart(element=element, amount_pence=pence) for element, pence in owed_by_element(facts.charges).items()),
        evidence_hash="e" * 64,
    )


async def test_a_thousand_debts_are_found_with_whoever_stands_behind_them_and_provided_for(empty_ledger: Runtime) -> None:
    await opened(empty_ledger, estate())
    began = time.perf_counter()
    found = await do(empty_ledger, lambda tx: find_debts(tx, FindDebts(ended_on_or_before=day("2021-12-31"))))
    looked = time.perf_counter()
    accounts = tuple(debt.account for debt in found.debts)
    behind = await do(empty_ledger, lambda tx: actors_behind(tx, ActorsAsked(accounts=accounts)))
    asked = time.perf_counter()
    report = await do(empty_ledger, lambda tx: provision(tx, ProvisionAsked(month_end=day("2021-12-31"))))
    sys.stdout.write(
        f"\n1,000 debts found in {looked - began:.2f} s, who stands behind them in {asked - looked:.2f} s, "
        f"provision in {time.perf_counter() - asked:.2f} s\n"
    )
    assert (len(accounts), found.more, behind.actors) == (1000, False, ())
    assert sum(row.owed_pence for row in report.rows) == 1000 * OWED_PENCE


async def test_a_schedule_of_a_thousand_lines_is_posted_in_ten_chunks(empty_ledger: Runtime) -> None:
    await opened(empty_ledger, estate())
    debts = Debts(empty_ledger)
    began = time.perf_counter()
    lines = await lines_of(debts)
    read = time.perf_counter() - began
    asked = await debts.approve(lines[0], lines=tuple(ApprovedLine(line=line.line, content_hash=line.content_hash) for line in lines))
    chunks = []
    for first in range(0, LINES_IN_A_SCHEDULE, LINES_IN_A_CHUNK):
        chunk = asked.model_copy(update={"lines": tuple(lines[first : first + LINES_IN_A_CHUNK])})
        began = time.perf_counter()
        outcomes = await debts.post(chunk)
        chunks.append(time.perf_counter() - began)
        assert all(outcome.journal is not None for outcome in outcomes)
    sys.stdout.write(f"\n1,000 debts read in {read:.2f} s; 10 chunks posted in {sum(chunks):.2f} s, the slowest in {max(chunks):.2f} s\n")
    assert await debts.rows("SELECT count(*), sum(amount_pence) FROM written_off") == [(1000, 1000 * OWED_PENCE)]
    assert await debts.rows("SELECT count(*) FROM account WHERE balance_pence <> 0") == [(0,)]
    assert read + sum(chunks) < SECONDS
