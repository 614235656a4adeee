"""A tenant died: noted once for all their accounts, by somebody who says from where it is known, and taken back where it was an error."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain import rules
from ledger.queries.debts import actors_behind
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.note_death import note_death
from rentbook_contracts.ledger import AccountForRefund, ActorsAsked, NoteDeath
from sqlalchemy.exc import DBAPIError
from support.ledger_books import opened
from support.ledger_calls import do
from support.write_off_books import DEBTORS, DEE, DWELLING, OFFICER, OLD, RECHARGE, TODAY, Debts

DIED = TODAY - timedelta(days=40)


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def note(debts: Debts, died_on: date | None, *, person: UUID = DEE, account: UUID = OLD, caller: Caller = OFFICER) -> None:
    told = NoteDeath(account=account, person=person, died_on=died_on, known_from="the registrar")
    await do(debts.runtime, lambda tx: note_death(tx, told), caller)


async def died(debts: Debts) -> date | None:
    [person] = (await debts.facts()).people
    return person.died_on


async def test_a_death_is_noted_taken_back_and_every_word_is_kept(debts: Debts) -> None:
    await note(debts, DIED)
    assert await died(debts) == DIED
    await note(debts, DIED)
    await note(debts, None)
    assert await died(debts) is None
    kept = await debts.rows("SELECT died_on, known_from, by FROM death_note ORDER BY id")
    assert kept == [(DIED, "the registrar", OFFICER.person), (None, "the registrar", OFFICER.person)]
    for changed in ("UPDATE death_note SET by = 'nobody'", "UPDATE person SET name = 'Nobody'"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with debts.runtime.engine.begin() as connection:
                await connection.execute(sa.text(changed))


async def test_it_is_told_of_every_account_of_the_person_and_without_the_day(debts: Debts) -> None:
    await note(debts, DIED)
    told = [body for (body,) in await debts.rows("SELECT body FROM outbox_event WHERE headers ->> 'ce_type' = 'ledger.death-changed.v1'")]
    assert {account for account in (OLD, RECHARGE) if any(str(account) in body for body in told)} == {OLD, RECHARGE}
    assert not any(DIED.isoformat() in body for body in told)


async def test_what_cannot_be_is_refused(debts: Debts) -> None:
    refusals: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"died_on": TODAY + timedelta(days=1)}, rules.DayHasNotCome),
        ({"died_on": date(1926, 5, 1)}, rules.DiedBeforeTheTenancy),
        ({"died_on": DIED, "person": uuid4()}, rules.NoSuchTenant),
        ({"died_on": DIED, "account": uuid4()}, rules.NoSuchTenant),
        ({"died_on": DIED, "caller": Caller("audrey.auditor", frozenset({"auditor"}))}, rules.NotAllowed),
    ]
    for told, rule in refusals:
        with pytest.raises(rule):
            await note(debts, **told)
    assert await debts.rows("SELECT id FROM death_note") == []


async def test_whoever_notes_a_death_stands_behind_what_is_decided_on_it(debts: Debts) -> None:
    async def behind() -> tuple[set[str], set[str]]:
        refund = (await do(debts.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=OLD)))).actors
        debt = (await do(debts.runtime, lambda tx: actors_behind(tx, ActorsAsked(accounts=(OLD,))))).actors
        return set(refund), set(debt)

    before = await behind()
    await note(debts, DIED, caller=Caller("bryn.officer", frozenset({"officer"})))
    await note(debts, None, caller=Caller("carys.senior", frozenset({"senior-officer"})))
    assert await behind() == tuple(known | {"bryn.officer", "carys.senior"} for known in before)
    elsewhere = (await do(debts.runtime, lambda tx: actors_behind(tx, ActorsAsked(accounts=(DWELLING,))))).actors
    assert not {"bryn.officer", "carys.senior"} & {*elsewhere}, "of another household it is nobody's evidence"
