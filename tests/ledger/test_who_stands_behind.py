"""Who stands behind a refund and a write-off is one list: each who changed what is known of these people's accounts, on any of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.queries.debts import actors_behind
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.agree_payment_plan import agree_payment_plan
from ledger.use_cases.end_payment_plan import end_payment_plan
from ledger.use_cases.end_tenancy import end_tenancy
from ledger.use_cases.note_death import note_death
from ledger.use_cases.note_letter_address import note_letter_address
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.set_account_hold import set_account_hold
from ledger.use_cases.set_housing_benefit_claim import set_housing_benefit_claim
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountHold,
    ActorsAsked,
    Addressee,
    AgreePaymentPlan,
    BreathingSpaceKind,
    EndPaymentPlan,
    EndTenancy,
    NoteDeath,
    NoteLetterAddress,
    PlanRhythm,
    ReverseJournal,
    SetAccountHold,
    SetHousingBenefitClaim,
)
from rentbook_local.postgres import Database
from support.ledger_books import ADA, EARLIER_HOME, FTA, HOME, LAST_MONTH, MAIN, NEIGHBOUR, NEIGHBOUR_REFERENCE, opened
from support.ledger_calls import do
from support.write_off_books import DEBTORS, OLD, OLD_HOME, TODAY, Debts, outcome_of

from .domain.build_files import allpay
from .test_bank_files import Door, cash, door, entry, statement

__all__ = ["door"]

EFUA = Caller("efua.manager", frozenset({"income-manager"}))
OTHER = Caller("bryn.officer", frozenset({"officer"}))
FTA_REFERENCE = "90012015K"
HOMES = {MAIN: HOME, FTA: EARLIER_HOME}

Act = Callable[[Runtime, UUID, Caller], Awaitable[object]]


async def behind_refund(runtime: Runtime, account: UUID = MAIN) -> set[str]:
    return set((await do(runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=account)))).actors)


async def behind_write_off(runtime: Runtime, *accounts: UUID) -> set[str]:
    return set((await do(runtime, lambda tx: actors_behind(tx, ActorsAsked(accounts=accounts or (FTA,))))).actors)


def hold(account: UUID, in_force: bool, kind: AccountHold = AccountHold.DISPUTE) -> SetAccountHold:
    of = BreathingSpaceKind.STANDARD if in_force and kind is AccountHold.BREATHING_SPACE else None
    return SetAccountHold(account=account, account_hold=kind, in_force=in_force, reason="a letter", kind=of)


async def sets_a_hold(runtime: Runtime, account: UUID, who: Caller) -> None:
    await do(runtime, lambda tx: set_account_hold(tx, hold(account, in_force=True)), who)


async def lifts_a_hold(runtime: Runtime, account: UUID, who: Caller) -> None:
    await sets_a_hold(runtime, account, OTHER)
    await do(runtime, lambda tx: set_account_hold(tx, hold(account, in_force=False)), who)


async def lifts_a_breathing_space(runtime: Runtime, account: UUID, who: Caller) -> None:
    for by, in_force in ((OTHER, True), (who, False)):
        asked = hold(account, in_force, AccountHold.BREATHING_SPACE)
        await do(runtime, lambda tx, asked=asked: set_account_hold(tx, asked), by)  # type: ignore[misc]


def claim(account: UUID, unresolved: bool) -> SetHousingBenefitClaim:
    return SetHousingBenefitClaim(account=account, unresolved=unresolved, since=TODAY, reason="a letter")


async def notes_a_claim(runtime: Runtime, account: UUID, who: Caller) -> None:
    await do(runtime, lambda tx: set_housing_benefit_claim(tx, claim(account, unresolved=True)), who)


async def decides_a_claim(runtime: Runtime, account: UUID, who: Caller) -> None:
    await notes_a_claim(runtime, account, OTHER)
    await do(runtime, lambda tx: set_housing_benefit_claim(tx, claim(account, unresolved=False)), who)


async def agrees_a_plan(runtime: Runtime, account: UUID, who: Caller) -> UUID:
    asked = AgreePaymentPlan(account=account, agreed_on=TODAY, instalment_pence=5_00, rhythm=PlanRhythm.WEEKLY, first_due_on=TODAY)
    return (await do(runtime, lambda tx: agree_payment_plan(tx, asked), who)).plan


async def ends_a_plan(runtime: Runtime, account: UUID, who: Caller) -> None:
    plan = await agrees_a_plan(runtime, account, OTHER)
    await do(runtime, lambda tx: end_payment_plan(tx, EndPaymentPlan(plan=plan, reason="it was not kept")), who)


async def changes_the_end(runtime: Runtime, account: UUID, who: Caller) -> None:
    asked = EndTenancy(tenancy=HOMES[account], ended_on=LAST_MONTH, keys_returned_on=LAST_MONTH, final_charges_posted=True)
    await do(runtime, lambda tx: end_tenancy(tx, asked), who)


async def notes_a_death(runtime: Runtime, account: UUID, who: Caller) -> None:
    asked = NoteDeath(account=account, person=ADA, died_on=TODAY, known_from="the family")
    await do(runtime, lambda tx: note_death(tx, asked), who)


async def notes_where_tenants_are(runtime: Runtime, account: UUID, who: Caller, to: Addressee = Addressee.TENANTS) -> None:
    asked = NoteLetterAddress(tenancy=HOMES[account], addressee=to, name="Ada", address="2 New Road, Hull", known_from="a letter")
    await do(runtime, lambda tx: note_letter_address(tx, asked), who)


async def notes_where_the_estate_is(runtime: Runtime, account: UUID, who: Caller) -> None:
    await notes_where_tenants_are(runtime, account, who, Addressee.ESTATE)


ACTS: tuple[Act, ...] = (
    sets_a_hold, lifts_a_hold, lifts_a_breathing_space, notes_a_claim, decides_a_claim, agrees_a_plan, ends_a_plan, changes_the_end,
    notes_a_death, notes_where_tenants_are, notes_where_the_estate_is,
)  # fmt: skip


@pytest.mark.parametrize("account", [MAIN, FTA], ids=["the one account", "the other account"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_whoever_changes_what_is_known_of_an_account_stands_behind_it_and_the_others_of_its_people(
    ledger: Runtime, act: Act, account: UUID
) -> None:
    assert EFUA.person not in await behind_refund(ledger) | await behind_write_off(ledger)
    await act(ledger, account, EFUA)
    assert EFUA.person in await behind_refund(ledger)
    assert EFUA.person in await behind_write_off(ledger)
    assert EFUA.person not in await behind_write_off(ledger, NEIGHBOUR), "of another household it is nobody's"


async def test_a_plan_that_another_one_replaces_is_ended_by_who_agrees_that(ledger: Runtime) -> None:
    await agrees_a_plan(ledger, FTA, OTHER)
    await agrees_a_plan(ledger, FTA, EFUA)
    assert {OTHER.person, EFUA.person} <= await behind_write_off(ledger)


# --- entries, and the files that they came in ------------------------------------------------------------------------------------------


async def brings(door: Door, who: Caller, *lines: tuple[str, str], kind: str = "T") -> None:
    """A cash file of these payments, or returned cheques."""
    answer = await door.post(f"{uuid4()}.txt", allpay([replace(line, kind=kind) for line in cash(*lines)]), caller=who)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("reference", [FTA_REFERENCE, "97000023E"], ids=["the debt", "the credit"])
async def test_whoever_brings_the_bank_file_stands_behind_what_it_moved(door: Door, reference: str) -> None:
    """The ledger posts it as `system`: nothing proves that a file comes from the bank."""
    assert EFUA.person not in await behind_refund(door.runtime) | await behind_write_off(door.runtime)
    await brings(door, EFUA, (reference, "5.00"))
    assert EFUA.person in await behind_refund(door.runtime)
    assert EFUA.person in await behind_write_off(door.runtime)


async def test_whoever_brings_the_payment_for_which_a_debt_is_owed_again_stands_behind_that(door: Door, database: Database) -> None:
    debts = Debts(door.runtime)
    assert outcome_of(await debts.written_off(await debts.line(NEIGHBOUR, reason="statute-barred", of_current_tenants=True))) is None
    assert await behind_write_off(door.runtime, NEIGHBOUR) == set()
    await brings(door, EFUA, (NEIGHBOUR_REFERENCE, "5.00"))
    assert await behind_write_off(door.runtime, NEIGHBOUR) == {EFUA.person}
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        await owner.execute(
            "WITH written AS (INSERT INTO journal (id, code, effective_date, posted_at, actor, narrative)"
            "  VALUES ($1, 'DEB', current_date + 30, now(), 'system', '')),"
            " accepted AS (INSERT INTO accepted_posting VALUES ('a later charge', '', $1))"
            " INSERT INTO entry VALUES ($1, 1, $2, 'Basic rent', 11000), ($1, 2, $3, '', -11000)",
            uuid4(), NEIGHBOUR, CONTROL_ACCOUNTS[Control.RENT_INCOME])  # fmt: skip
    finally:
        await owner.close()
    assert await behind_write_off(door.runtime, NEIGHBOUR) == {EFUA.person}, "though the balance rests on a later charge alone"


async def test_whoever_brings_a_payment_and_whoever_takes_it_back_stand_behind_the_nothing_that_is_left(door: Door) -> None:
    debts = Debts(door.runtime)
    assert outcome_of(await debts.written_off(await debts.line(NEIGHBOUR, reason="statute-barred", of_current_tenants=True))) is None
    await brings(door, EFUA, (NEIGHBOUR_REFERENCE, "5.00"))
    await brings(door, OTHER, (NEIGHBOUR_REFERENCE, "-5.00"), kind="Q")
    assert (await debts.facts(NEIGHBOUR)).balance_pence == 0
    assert await behind_write_off(door.runtime, NEIGHBOUR) == {EFUA.person, OTHER.person}


async def test_whoever_pays_a_linked_debt_to_nothing_stands_behind_the_rest(door: Door) -> None:
    await brings(door, EFUA, (FTA_REFERENCE, "120.00"))
    assert (await Debts(door.runtime).facts(FTA)).balance_pence == 0
    assert EFUA.person in await behind_refund(door.runtime), "the debt that would be offset is gone"


async def test_whoever_undoes_an_entry_of_a_linked_account_stands_behind_the_debt(door: Door, ledger: Runtime) -> None:
    answer = await door.take("1.xml", statement(entry("R1", "97000023E")))
    [line] = answer.lines
    assert line.journal is not None
    asked = ReverseJournal(journal=line.journal, reason="another tenant's")
    await do(ledger, lambda tx: reverse_journal(tx, asked), EFUA)
    assert EFUA.person in await behind_write_off(ledger)


async def test_what_was_said_long_ago_counts_and_an_entry_on_which_nothing_rests_any_more_does_not(
    empty_ledger: Runtime, database: Database
) -> None:
    """A hold that was lifted years ago is why none stands in the way; a payment for a charge that is paid moves nothing that is owed."""
    past = {"record": "receipt", "account": str(OLD), "code": "RSO", "amount_pence": 10_00, "effective_date": "2020-04-07"}
    await opened(empty_ledger, [*DEBTORS, {**past, "actor": "old.hand"}])
    assert min(charge.due_on for charge in (await Debts(empty_ledger).facts()).charges) == date(2020, 4, 13)
    assert await behind_write_off(empty_ledger, OLD) == set()
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        await owner.execute(
            "INSERT INTO account_hold (account, hold, set_at, set_by, reason, lifted_at, lifted_by)"
            " VALUES ($1, 'LEGAL', '2016-01-01', 'olga.officer', 'x', '2016-02-01', 'omar.leader')", OLD)  # fmt: skip
        await owner.execute("INSERT INTO tenancy_ending (tenancy, by, at) VALUES ($1, 'olive.officer', '2016-01-01')", OLD_HOME)
    finally:
        await owner.close()
    assert await behind_write_off(empty_ledger, OLD) == {"olga.officer", "omar.leader", "olive.officer"}
