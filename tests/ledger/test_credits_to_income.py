"""Credit that nobody claimed goes to income: what keeps it from there, whose authority it takes, and how it comes back."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.transaction import Runtime
from ledger import store
from ledger.domain.posting import Control, Posting, two_legs
from ledger.domain.rules import NobodyAsks
from ledger.queries.account_page import account_page
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.end_tenancy import end_tenancy
from ledger.use_cases.match_return import match_return
from ledger.use_cases.note_close import note_close
from ledger.use_cases.note_request import note_request
from ledger.use_cases.note_return import note_return
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.put_back_credit import put_back_credit
from ledger.use_cases.reverse_journal import reverse_journal
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountPageAsked,
    DroppedBecause,
    EndTenancy,
    LineKind,
    LineOutcome,
    LinePart,
    MatchReturn,
    PlaceHold,
    PutBackCredit,
    RefundPlan,
    ReverseJournal,
    StandingCredit,
)
from rentbook_contracts.refunds import CaseOutcome, RefundClosed, RefundRequested, RefundReturned
from sqlalchemy.exc import DBAPIError
from support.ledger_books import NEIGHBOUR, NEIGHBOUR_REFERENCE, NEXT_DOOR, opened
from support.ledger_calls import do, told_of
from support.write_off_books import CREDIT, DEBTORS, OFFICER, OLD, RECHARGE, TODAY, Debts, day, outcome_of

from .test_bank_files import Door
from .test_returned_from_suspense import returned, take
from .test_suspense import door, in_suspense

__all__ = ["door"]

LONG_AGO = day("2020-05-13")


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def moved(debts: Debts, account: UUID, pence: int, on: str | None = None, receipt: str = "RSO") -> UUID:
    """Post a receipt (pence below nothing) or a charge, and tell nobody."""
    code, control = (receipt, Control.BANK) if pence < 0 else ("DEB", Control.RENT_INCOME)
    posting = Posting(f"test/{uuid4()}", code, day(on) if on else TODAY, two_legs(account, pence, control, ""), "system")
    await do(debts.runtime, lambda tx: store.post(tx, [posting]))
    return posting.id


async def undo(debts: Debts, journal: UUID) -> UUID:
    asked = ReverseJournal(journal=journal, reason="bounced")
    return (await do(debts.runtime, lambda tx: reverse_journal(tx, asked), OFFICER)).journal


async def receipt_of(debts: Debts, account: UUID = CREDIT) -> UUID:
    [(journal,)] = await debts.rows("SELECT journal FROM entry WHERE account = :id", id=account)
    return UUID(str(journal))


async def to_income(debts: Debts, account: UUID = CREDIT, pence: int | None = None, covers_to_pence: int | None = None) -> LineOutcome:
    parts = {"parts": (LinePart(element="", amount_pence=pence),)} if pence else {}
    line = await debts.line(account, LineKind.CREDIT_WRITE_ON, **parts)
    [outcome] = await debts.written_off(line, covers_to_pence=covers_to_pence)
    return outcome


async def both_in_credit(debts: Debts) -> None:
    """One person's two accounts, 40.00 in credit each."""
    await moved(debts, OLD, -320_00, "2020-06-01")
    await moved(debts, RECHARGE, -90_00, "2020-06-01")


# --- since when it has stood -----------------------------------------------------------------------------------------------------------


async def test_a_credit_is_told_by_the_days_since_which_it_has_stood(debts: Debts) -> None:
    await moved(debts, CREDIT, -500_00)
    stood = (await debts.facts(CREDIT)).credit_stood
    assert stood == (StandingCredit(since=LONG_AGO, pence=25_00), StandingCredit(since=TODAY, pence=500_00))
    assert (await to_income(debts, pence=25_00)).journal is not None
    facts = await debts.facts(CREDIT)
    assert (facts.balance_pence, facts.credit_stood) == (-500_00, (StandingCredit(since=TODAY, pence=500_00),))


# --- whose authority -------------------------------------------------------------------------------------------------------------------


async def test_authority_is_by_all_credits_of_the_same_people_and_what_of_them_went_to_income(debts: Debts) -> None:
    await both_in_credit(debts)
    assert [(await debts.facts(account)).credits_total_pence for account in (OLD, RECHARGE, CREDIT)] == [80_00, 80_00, 25_00]
    assert (await to_income(debts, OLD, covers_to_pence=79_99)).dropped_because == "credits-above"
    assert (await to_income(debts, OLD, covers_to_pence=80_00)).journal is not None
    gone = (await debts.facts(RECHARGE)).to_income_lately
    assert [one.account for one in gone] == [OLD]
    assert (await debts.facts(RECHARGE)).credits_total_pence == 80_00 == gone[0].pence - (await debts.facts(RECHARGE)).balance_pence
    assert (await to_income(debts, RECHARGE, covers_to_pence=79_99)).dropped_because == "credits-above"
    [put_back] = await debts.rows("SELECT id FROM journal WHERE code = 'CWO'")
    await undo(debts, put_back[0])
    assert (await debts.facts(RECHARGE)).credits_total_pence == 80_00


async def test_what_gives_a_credit_back_is_not_called_what_took_it(debts: Debts) -> None:
    await to_income(debts)
    [(gone,)] = await debts.rows("SELECT id FROM journal WHERE code = 'CWO'")
    back = await undo(debts, gone)
    shown = await do(debts.runtime, lambda tx: account_page(tx, AccountPageAsked(account=CREDIT)), OFFICER)
    words = {one.journal: one.code_words for one in shown.entries}
    assert (words[gone], words[back]) == ("Unclaimed credit taken to income", "Unclaimed credit given back from income")


async def test_two_credits_of_one_person_on_one_schedule_need_authority_for_both(debts: Debts) -> None:
    await both_in_credit(debts)
    lines = [await debts.line(account, LineKind.CREDIT_WRITE_ON) for account in (OLD, RECHARGE)]
    outcomes = await debts.written_off(*lines, covers_to_pence=49_99)
    assert [one.dropped_because for one in outcomes] == ["credits-above"] * 2


# --- what keeps it from income ---------------------------------------------------------------------------------------------------------


async def asks(debts: Debts, account: UUID = CREDIT) -> UUID:
    case = uuid4()
    await do(debts.runtime, lambda tx: note_request(tx, RefundRequested(case=case, account=account)))
    return case


async def closes(debts: Debts, case: UUID) -> None:
    ended = RefundClosed(case=case, account=CREDIT, attempt=1, outcome=CaseOutcome.NOTHING_DUE, refund_pence=0, offset_pence=0)
    await do(debts.runtime, lambda tx: note_close(tx, ended))


async def set_aside(debts: Debts) -> None:
    plan = RefundPlan(case=uuid4(), attempt=1, account=CREDIT, refund_pence=1, payee=uuid4(), checks_hash="x")
    await do(debts.runtime, lambda tx: place_hold(tx, PlaceHold(plan=plan)))


KEPT: dict[str, tuple[Callable[[Debts], Awaitable[object]], DroppedBecause]] = {
    "its refund is asked for": (asks, DroppedBecause.CREDIT_ASKED_FOR),
    "some of it is set aside": (set_aside, DroppedBecause.CREDIT_HELD),
}


@pytest.mark.parametrize("what", KEPT)
async def test_what_keeps_a_credit_from_income_is_said_before_and_asked_again_when_it_is_posted(debts: Debts, what: str) -> None:
    happens, because = KEPT[what]
    asked = await debts.approve(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    assert (await debts.facts(CREDIT)).credit_blocked == ()
    await happens(debts)
    assert (await debts.facts(CREDIT)).credit_blocked == (because,)
    assert outcome_of(await debts.post(asked)) == because


async def test_a_credit_that_could_pay_what_the_same_people_owe_elsewhere_stays(debts: Debts) -> None:
    await both_in_credit(debts)
    asked = await debts.approve(await debts.line(OLD, LineKind.CREDIT_WRITE_ON))
    # The payment that had paid the other account is taken back between the decision and its posting.
    [(paid,)] = await debts.rows("SELECT journal FROM entry WHERE account = :id AND amount_pence < 0", id=RECHARGE)
    await undo(debts, paid)
    assert (await debts.facts(OLD)).credit_blocked == (DroppedBecause.OWED_ELSEWHERE,)
    assert outcome_of(await debts.post(asked)) == "owed-elsewhere"


async def test_a_credit_is_free_again_when_nobody_asks_for_it_any_more(debts: Debts) -> None:
    case, other = await asks(debts), await asks(debts)
    await closes(debts, case)
    assert (await debts.facts(CREDIT)).credit_blocked == (DroppedBecause.CREDIT_ASKED_FOR,)
    await closes(debts, other)
    assert (await debts.facts(CREDIT)).credit_blocked == ()
    # The bank sent the payment back: the case is open again.
    back = RefundReturned(case=case, account=CREDIT, attempt=1, amount_pence=25_00, reason="0B")
    await do(debts.runtime, lambda tx: note_return(tx, back))
    assert (await debts.facts(CREDIT)).credit_blocked == (DroppedBecause.CREDIT_ASKED_FOR,)
    assert await told_of(debts.runtime, CREDIT) == ["account-opened", *["credit-asked-for"] * 5]


async def test_who_asked_stays_heard(debts: Debts) -> None:
    await asks(debts)
    for statement in ("UPDATE credit_asked SET asked = false", "DELETE FROM credit_asked", "TRUNCATE credit_asked"):
        with pytest.raises(DBAPIError):
            async with debts.runtime.engine.begin() as connection:
                await connection.execute(sa.text(statement))


async def test_what_went_to_income_while_the_request_was_on_its_way_comes_back_when_the_case_asks_again(debts: Debts) -> None:
    case = uuid4()
    asked = PutBackCredit(case=case, account=CREDIT)
    first = await do(debts.runtime, lambda tx: put_back_credit(tx, asked))
    assert first.journals == ()
    assert (await to_income(debts)).journal is not None
    await do(debts.runtime, lambda tx: note_request(tx, RefundRequested(case=case, account=CREDIT)))
    back = await do(debts.runtime, lambda tx: put_back_credit(tx, asked))
    assert len(back.journals) == 1
    assert (await debts.facts(CREDIT)).balance_pence == -25_00


async def test_a_case_that_has_ended_puts_nothing_back(debts: Debts) -> None:
    """Whoever reaches Temporal could ask in its name, and undo what was decided since."""
    case = await asks(debts)
    asked = PutBackCredit(case=case, account=CREDIT)
    await closes(debts, case)
    assert (await to_income(debts)).journal is not None
    for _ in range(2):
        with pytest.raises(NobodyAsks):
            await do(debts.runtime, lambda tx: put_back_credit(tx, asked))
    assert (await debts.facts(CREDIT)).balance_pence == 0
    back = RefundReturned(case=case, account=CREDIT, attempt=1, amount_pence=25_00, reason="0B")
    await do(debts.runtime, lambda tx: note_return(tx, back))
    assert len((await do(debts.runtime, lambda tx: put_back_credit(tx, asked))).journals) == 1


# --- how it comes back when the account would owe --------------------------------------------------------------------------------------


async def test_nobody_owes_what_went_to_income(debts: Debts) -> None:
    paid = await receipt_of(debts)
    on = await to_income(debts)
    await undo(debts, paid)
    facts = await debts.facts(CREDIT)
    assert (facts.balance_pence, facts.charges) == (0, ())
    [(narrative, actor)] = await debts.rows("SELECT narrative, actor FROM journal WHERE reverses = :id", id=on.journal)
    assert (narrative, actor) == ("put back: a payment was undone", "lind.officer")
    assert await told_of(debts.runtime, CREDIT) == ["account-opened", "credit-written-on", "journal-reversed", "journal-reversed"]


async def test_the_newest_comes_back_first_and_only_as_far_as_it_is_needed(debts: Debts) -> None:
    first = await to_income(debts, pence=15_00)
    later = await moved(debts, CREDIT, -30_00)
    second = await to_income(debts, pence=40_00)
    assert None not in (first.journal, second.journal)
    await undo(debts, later)
    assert (await debts.facts(CREDIT)).balance_pence == -10_00
    rows = await debts.rows("SELECT reverses FROM journal WHERE code = 'CWO' AND reverses IS NOT NULL")
    assert rows == [(second.journal,)]


async def test_what_is_owed_beyond_the_credit_is_owed_as_ever(debts: Debts) -> None:
    await to_income(debts)
    await moved(debts, CREDIT, 60_00)
    facts = await debts.facts(CREDIT)
    assert (facts.balance_pence, [charge.owed_pence for charge in facts.charges]) == (60_00, [60_00])
    paid = await moved(debts, CREDIT, -60_00)
    await undo(debts, paid)
    facts = await debts.facts(CREDIT)
    assert (facts.balance_pence, [charge.owed_pence for charge in facts.charges]) == (35_00, [35_00])


async def test_what_was_paid_on_a_written_off_debt_pays_it_again_when_it_is_put_back(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    for account, pence in ((OLD, -40_00), (RECHARGE, -50_00)):
        await moved(debts, account, pence, "2020-06-01")
    on = await to_income(debts, OLD)
    [back] = await debts.written_off(await debts.back(off.journal, ("Basic rent", 250_00), ("Heating", 30_00)))
    assert None not in (on.journal, back.journal)
    facts = await debts.facts()
    assert (facts.balance_pence, sum(charge.owed_pence for charge in facts.charges)) == (240_00, 240_00)
    rows = await debts.rows("SELECT narrative FROM journal WHERE reverses = :id", id=on.journal)
    assert rows == [("put back: a written-off debt was put back",)]
    assert (await told_of(debts.runtime, OLD))[-2:] == ["debt-reinstated", "journal-reversed"]


async def test_an_account_that_owes_nothing_after_it_is_left_alone(debts: Debts) -> None:
    paid = await receipt_of(debts)
    await moved(debts, CREDIT, -500_00)
    await to_income(debts, pence=25_00)
    await undo(debts, paid)
    assert (await debts.facts(CREDIT)).balance_pence == -475_00
    assert await debts.rows("SELECT count(*) FROM journal WHERE reverses IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("by_hand", [False, True], ids=["as the file says", "as a person says"])
async def test_what_the_bank_takes_back_gives_the_credit_back_too(door: Door, by_hand: bool) -> None:
    books = Debts(door.runtime)
    ended = EndTenancy(tenancy=NEXT_DOOR, ended_on=TODAY, keys_returned_on=TODAY, final_charges_posted=True)
    await do(door.runtime, lambda tx: end_tenancy(tx, ended), OFFICER)
    balance = (await books.facts(NEIGHBOUR)).balance_pence
    cheque = await moved(books, NEIGHBOUR, -60_00, "2020-05-13", receipt="RQP")
    assert (await to_income(books, NEIGHBOUR)).journal is not None
    await take(door, "2", returned("R2", text="no words at all" if by_hand else NEIGHBOUR_REFERENCE))
    if by_hand:
        [item] = (await in_suspense(door.runtime)).items
        told = MatchReturn(item=item.item, payment=cheque, reason="the same cheque")
        await do(door.runtime, lambda tx: match_return(tx, told), OFFICER)
    facts = await do(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=NEIGHBOUR)))
    assert (facts.balance_pence, facts.written_on_pence) == (balance, 0)
