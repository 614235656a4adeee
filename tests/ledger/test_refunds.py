"""Holds on credit, refunds that rest on approvals' own word, and their reversal."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import SYSTEM, Caller
from chassis.transaction import Runtime, Transaction, run
from ledger import store
from ledger.domain import rules
from ledger.domain.dates import business_date
from ledger.domain.posting import Control, Posting, two_legs
from ledger.queries.account_page import account_page
from ledger.queries.credits import credits_of
from ledger.queries.decided import decided_journals
from ledger.queries.explain import explain_balance
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.end_tenancy import end_tenancy
from ledger.use_cases.lift_hold_of_case import lift_hold_of_case
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_not_carried_out import note_not_carried_out
from ledger.use_cases.note_recall import note_recall
from ledger.use_cases.note_release import note_release
from ledger.use_cases.note_return import note_return
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import NotHeardYet, post_refund
from ledger.use_cases.release_hold import release_hold
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.reverse_refund import reverse_refund
from ledger.use_cases.set_account_hold import set_account_hold
from rentbook_contracts.approvals import (
    Answer,
    DecisionMade,
    DecisionNotCarriedOut,
    DecisionRecalled,
    PaymentRunReleased,
    ReleasedLine,
    TaskKind,
)
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountHold,
    AccountPage,
    AccountPageAsked,
    AccountStatus,
    CreditFacts,
    CreditsAsked,
    DebitWeek,
    EndTenancy,
    ExplainBalance,
    HoldOfCaseLifted,
    JournalsAsked,
    LiftHoldOfCase,
    Offset,
    PlaceHold,
    PostRefund,
    RefundIsPosted,
    RefundPlan,
    ReleaseHold,
    ReverseJournal,
    ReverseRefund,
    SetAccountHold,
)
from rentbook_contracts.refunds import RefundReturned
from support.ledger_books import FTA, HOME, MAIN, NEIGHBOUR, RECHARGE, WEEK_BEFORE
from workflows.refund_approval import MOVED_ON

T = TypeVar("T")


def plan(refund: int = 20_00, *offsets: tuple[UUID, int], case: UUID | None = None, attempt: int = 1) -> RefundPlan:
    listed = tuple(Offset(account=account, amount_pence=pence) for account, pence in offsets)
    return RefundPlan(
        case=case or uuid4(),
        attempt=attempt,
        account=MAIN,
        refund_pence=refund,
        offsets=listed,
        payee=uuid4() if refund else None,
        checks_hash="x",
    )


class Books:
    """The ledger's use cases, each in a transaction of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def do(self, work: Callable[[Transaction], Awaitable[T]], caller: Caller | None = None) -> T:
        return await run(self.runtime, work, caller=caller or SYSTEM)

    async def hold(self, of: RefundPlan) -> UUID:
        return (await self.do(lambda tx: place_hold(tx, PlaceHold(plan=of)))).hold

    async def approve(self, of: RefundPlan, *, released: bool = True, **other: Any) -> UUID:
        approval = {
            "case": of.case, "kind": TaskKind.REFUND, "decision": uuid4(), "task": uuid4(), "attempt": of.attempt, "round": 1, "stage": 1,
            "content_hash": of.content_hash, "answer": Answer.APPROVED, "completes": True,
        }  # fmt: skip
        made = DecisionMade.model_validate({**approval, **other})
        await self.do(lambda tx: note_decision(tx, made))
        if of.refund_pence and released:
            await self.release(of)
        return made.decision

    async def release(self, of: RefundPlan, **other: Any) -> None:
        run_ = other.pop("run", uuid4())
        line = {"case": of.case, "attempt": of.attempt, "content_hash": of.content_hash, "amount_pence": of.refund_pence, **other}
        released = PaymentRunReleased(
            run=run_, lines=(ReleasedLine.model_validate(line),), total_pence=of.refund_pence, released_at=datetime.now(UTC)
        )
        await self.do(lambda tx: note_release(tx, released))

    async def versions(self, *accounts: UUID) -> dict[UUID, int]:
        async with self.runtime.engine.connect() as connection:
            rows = await connection.execute(sa.text("SELECT id, version FROM account WHERE id = ANY(:ids)"), {"ids": list(accounts)})
            return {row.id: row.version for row in rows}

    async def asked(self, of: RefundPlan, **other: object) -> PostRefund:
        """A posting as the workflow asks for it: held, approved, checked."""
        hold = other.pop("hold", None) or await self.hold(of)
        decision = other.pop("decision", None) or await self.approve(of)
        versions = await self.versions(of.account, *(offset.account for offset in of.offsets))
        return PostRefund.model_validate({"plan": of, "hold": hold, "decision": decision, "versions": versions, **other})

    async def post(self, asked: PostRefund) -> RefundIsPosted:
        return await self.do(lambda tx: post_refund(tx, asked))

    async def page(self, account: UUID = MAIN, as_at: date | None = None) -> AccountPage:
        return await self.do(lambda tx: account_page(tx, AccountPageAsked(account=account, as_at=as_at)))

    async def told(self, account: UUID = MAIN) -> list[str]:
        async with self.runtime.engine.connect() as connection:
            wanted = sa.text("SELECT aggregate_version, headers->>'ce_type' AS type FROM outbox_event WHERE key = :key ORDER BY seq")
            rows = (await connection.execute(wanted, {"key": str(account)})).all()
        assert [row.aggregate_version for row in rows] == list(range(1, len(rows) + 1)), "versions have no gap"
        return [row.type.removeprefix("ledger.").removesuffix(".v1") for row in rows]


@pytest.fixture
def books(ledger: Runtime) -> Books:
    return Books(ledger)


# --- a story that is gone ------------------------------------------------------------------------------------------------------------


async def test_what_a_story_that_is_gone_has_earmarked_is_lifted_and_never_posted(books: Books) -> None:
    made = plan(20_00)
    asked = await books.asked(made)
    other = LiftHoldOfCase(case=made.case, attempt=made.attempt + 1)
    assert (await books.do(lambda tx: lift_hold_of_case(tx, other))).refund_journal is None
    gone = LiftHoldOfCase(case=made.case, attempt=made.attempt)
    for _ in range(2):
        assert (await books.do(lambda tx: lift_hold_of_case(tx, gone))).refund_journal is None
    assert (await books.told())[-2:] == ["credit-held", "credit-freed"], "another attempt's earmark stays, and this one is lifted once"
    with pytest.raises(rules.HoldGone):
        await books.post(asked)


async def test_what_was_posted_before_its_story_was_gone_is_named_and_stays(books: Books) -> None:
    made = plan(20_00)
    posted = await books.post(await books.asked(made))
    gone = LiftHoldOfCase(case=made.case, attempt=made.attempt)
    assert (await books.do(lambda tx: lift_hold_of_case(tx, gone))).refund_journal == posted.refund_journal
    with pytest.raises(rules.NotAllowed):
        await books.do(lambda tx: lift_hold_of_case(tx, gone), Caller("lind.officer", frozenset({"officer"})))


async def test_a_line_that_fell_out_of_its_run_is_not_posted_by_it_whatever_is_earmarked_anew(books: Books) -> None:
    """The next release posts the same plan; a drop may be told before the ledger hears of the release."""
    made = plan(20_00)
    decision = await books.approve(made, released=False)
    dropped = LiftHoldOfCase(case=made.case, attempt=made.attempt, run=uuid4())
    for _ in range(2):
        assert (await books.do(lambda tx: lift_hold_of_case(tx, dropped))).refund_journal is None
    await books.release(made, run=dropped.run)
    asked = await books.asked(made, decision=decision)
    with pytest.raises(NotHeardYet):
        await books.post(asked)
    await books.release(made)
    posted = await books.post(asked)
    assert posted.run not in (None, dropped.run)
    late = LiftHoldOfCase(case=made.case, attempt=made.attempt, run=posted.run)
    assert (await books.do(lambda tx: lift_hold_of_case(tx, late))).refund_journal == posted.refund_journal
    assert (await books.post(asked)).run == posted.run, "what is posted did not fall out"


async def test_another_lines_earmark_stays_where_nothing_is_to_be_lifted(books: Books) -> None:
    made = plan(20_00)
    asked = await books.asked(made)
    dropped = LiftHoldOfCase(case=made.case, attempt=made.attempt, run=uuid4(), lifts=False)
    assert (await books.do(lambda tx: lift_hold_of_case(tx, dropped))).refund_journal is None
    assert (await books.post(asked)).refund_journal is not None


@pytest.mark.parametrize("round_", range(4))
async def test_a_line_is_either_posted_or_falls_out_of_its_run(books: Books, round_: int) -> None:
    made = plan(20_00)
    asked = await books.asked(made, decision=await books.approve(made, released=False))
    run_ = uuid4()
    await books.release(made, run=run_)
    drop = LiftHoldOfCase(case=made.case, attempt=made.attempt, run=run_, lifts=bool(round_ % 2))
    dropping = books.do(lambda tx: lift_hold_of_case(tx, drop))
    posted, dropped = await asyncio.gather(books.post(asked), dropping, return_exceptions=True)
    assert isinstance(dropped, HoldOfCaseLifted)
    journal = posted.refund_journal if isinstance(posted, RefundIsPosted) else None
    assert dropped.refund_journal == journal


# --- holds -------------------------------------------------------------------------------------------------------------------------


async def test_no_second_case_counts_the_same_credit(books: Books) -> None:
    await books.hold(plan(100_00))
    with pytest.raises(rules.CreditNotFree):
        await books.hold(plan(40_01))
    await books.hold(plan(40_00))
    page = await books.page()
    assert (page.balance_pence, page.held_pence, page.cleared_credit_pence) == (-140_00, 140_00, 0)


async def test_two_cases_at_once_cannot_both_have_it(books: Books) -> None:
    tries = await asyncio.gather(*(books.hold(plan(100_00)) for _ in range(6)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in tries) == ["CreditNotFree"] * 5 + ["UUID"]


async def test_a_plan_is_earmarked_once_and_its_own_earmark_does_not_count_against_it(books: Books) -> None:
    of = plan(140_00)
    assert await books.hold(of) == await books.hold(of)
    facts = await books.do(lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN, case=of.case)))
    assert (facts.cleared_credit_pence, facts.held_by_others_pence) == (140_00, 0)
    others = await books.do(lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)))
    assert (others.cleared_credit_pence, others.held_by_others_pence) == (0, 140_00)


async def test_the_credits_of_many_accounts_are_those_of_each(books: Books) -> None:
    today = business_date(datetime.now(UTC))
    legs = two_legs(MAIN, -10_00, Control.BANK)
    debits = [Posting(f"debit {days}", "RDD", today, legs, "system", cleared_on=today + timedelta(days=days)) for days in (5, 3)]
    await books.do(lambda tx: store.post(tx, debits))
    await books.hold(plan(100_00))
    accounts = (MAIN, RECHARGE, FTA, NEIGHBOUR)
    read = await books.do(lambda tx: credits_of(tx, CreditsAsked(accounts=(*accounts, uuid4()))))
    assert {credit.account for credit in read.credits} == set(accounts)
    same = set(CreditFacts.model_fields) - {"next_clears_on"}
    for credit in read.credits:
        asked = AccountForRefund(account=credit.account)
        alone = await books.do(partial(account_for_refund, asked=asked))
        assert credit.model_dump(include=same) == alone.model_dump(include=same)
    found = {credit.account: (credit.cleared_credit_pence, credit.next_clears_on) for credit in read.credits}
    assert (found[MAIN], found[FTA][1]) == ((40_00, today + timedelta(days=3)), None)


async def test_a_lifted_hold_frees_the_credit_once(books: Books) -> None:
    of = plan(140_00)
    hold = await books.hold(of)
    for _ in range(2):
        await books.do(lambda tx: release_hold(tx, ReleaseHold(hold=hold, case=of.case)))
    assert await books.told() == ["account-opened", "credit-held", "credit-freed"]
    await books.hold(plan(140_00))
    with pytest.raises(rules.HoldGone):
        await books.do(lambda tx: release_hold(tx, ReleaseHold(hold=hold, case=uuid4())))


# --- posting -----------------------------------------------------------------------------------------------------------------------


async def test_an_approved_plan_is_posted_whole(books: Books) -> None:
    of = plan(54_50, (RECHARGE, 85_50))
    posted = await books.post(await books.asked(of))
    balances = [(await books.page(account)).balance_pence for account in (MAIN, RECHARGE, FTA)]
    assert balances == [0, 0, 120_00]
    page = await books.page()
    assert [(entry.code, entry.amount_pence) for entry in page.entries[:2]] == [("RDR", 54_50), ("RIT", 85_50)]
    assert page.entries[0].journal == posted.refund_journal
    assert page.entries[0].provenance.case == of.case
    assert page.entries[0].provenance.decision is not None
    assert page.credit_holds == ()
    assert await books.told() == ["account-opened", "credit-held", "transfer-posted", "refund-posted"]
    assert await books.told(RECHARGE) == ["account-opened", "transfer-posted"]
    explained = await books.do(lambda tx: explain_balance(tx, ExplainBalance(account=MAIN)))
    assert {part.kind: part.sum_pence for part in explained.parts} == {"receipts": -140_00, "transfers": 85_50, "refunds": 54_50}


async def test_the_books_say_what_was_posted_on_a_decision(books: Books) -> None:
    of = plan(54_50, (RECHARGE, 85_50))
    asked = await books.asked(of)
    posted = await books.post(asked)
    assert posted.refund_journal is not None
    receipt = (await books.page()).entries[-1].journal
    everything = (posted.refund_journal, *posted.offset_journals, receipt, uuid4())
    told = await books.do(lambda tx: decided_journals(tx, JournalsAsked(journals=everything)))
    assert {one.effective_date for one in told.journals} == {business_date(datetime.now(UTC))}
    assert {(one.journal, one.code, one.case, one.decision, one.amount_pence, one.undone) for one in told.journals} == {
        (posted.refund_journal, "RDR", of.case, asked.decision, 54_50, False),
        (posted.offset_journals[0], "RIT", of.case, asked.decision, 85_50, False),
    }


async def test_a_plan_that_only_offsets_has_no_refund_journal(books: Books) -> None:
    posted = await books.post(await books.asked(plan(0, (FTA, 120_00))))
    assert (posted.refund_journal, len(posted.offset_journals)) == (None, 1)


async def test_a_repeated_posting_answers_with_the_first(books: Books) -> None:
    asked = await books.asked(plan(20_00, (FTA, 120_00)))
    first = await books.post(asked)
    assert await books.post(asked) == first
    assert await books.post(asked.model_copy(update={"hold": uuid4(), "versions": {}})) == first, "its story may see other versions by now"
    assert (await books.page()).balance_pence == 0


async def test_one_attempt_at_a_case_is_posted_once_whatever_is_approved_later(books: Books) -> None:
    case = uuid4()
    await books.post(await books.asked(plan(20_00, case=case)))
    with pytest.raises(rules.KeyUsedForOtherContent):
        await books.post(await books.asked(plan(30_00, case=case)))


async def test_a_decision_not_heard_yet_is_waited_for(books: Books) -> None:
    of = plan()
    asked = await books.asked(of, decision=uuid4())
    with pytest.raises(NotHeardYet):
        await books.post(asked)
    assert not issubclass(NotHeardYet, rules.LedgerRule), "a broken rule would be the last word"
    await books.approve(of, decision=asked.decision)
    await books.post(asked)


@pytest.mark.parametrize(
    "other",
    [None, {"amount_pence": 1}, {"content_hash": "0" * 64}, {"case": uuid4()}, {"attempt": 2}],
    ids=lambda other: next(iter(other)) if other else "nothing",
)
async def test_a_refund_that_finance_did_not_release_is_not_posted(books: Books, other: dict[str, object] | None) -> None:
    of = plan()
    asked = await books.asked(of, decision=await books.approve(of, released=False))
    if other is not None:
        await books.release(of, **other)
    with pytest.raises(NotHeardYet):
        await books.post(asked)
    assert (await books.page()).balance_pence == -140_00
    await books.release(of)
    assert (await books.post(asked)).run is not None


@pytest.mark.parametrize(
    "other",
    [
        {"answer": Answer.DECLINED},
        {"answer": Answer.SENT_BACK},
        {"completes": False},
        {"content_hash": "0" * 64},
        {"case": uuid4()},
        {"attempt": 2},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_only_a_completing_approval_of_this_very_plan_moves_money(books: Books, other: dict[str, Any]) -> None:
    of = plan()
    asked = await books.asked(of, decision=await books.approve(of, **other))
    with pytest.raises(rules.NotApproved):
        await books.post(asked)
    assert (await books.page()).balance_pence == -140_00


async def test_a_plan_changed_after_approval_is_not_posted(books: Books) -> None:
    of = plan(20_00)
    asked = await books.asked(of)
    richer = of.model_copy(update={"refund_pence": 21_00})
    with pytest.raises(rules.NotApproved):
        await books.post(asked.model_copy(update={"plan": richer}))


async def test_a_recalled_approval_moves_nothing(books: Books) -> None:
    of = plan()
    asked = await books.asked(of)
    recalled = DecisionRecalled(case=of.case, decision=asked.decision, content_hash=of.content_hash)
    await books.do(lambda tx: note_recall(tx, recalled))
    with pytest.raises(rules.DecisionRecalled):
        await books.post(asked)


async def test_an_approval_that_came_to_nothing_moves_nothing(books: Books) -> None:
    of = plan()
    asked = await books.asked(of)
    ended = DecisionNotCarriedOut(case=of.case, decision=asked.decision)
    await books.do(lambda tx: note_not_carried_out(tx, ended))
    with pytest.raises(rules.DecisionRecalled):
        await books.post(asked)


async def test_an_account_that_moved_since_the_check_is_checked_again(books: Books, officer: Caller) -> None:
    of = plan(20_00, (FTA, 10_00))
    asked = await books.asked(of)
    dispute = SetAccountHold(account=FTA, account_hold=AccountHold.DISPUTE, in_force=True, reason="letter of 3 May")
    await books.do(lambda tx: set_account_hold(tx, dispute), officer)
    with pytest.raises(rules.AccountMoved):
        await books.post(asked)
    await books.post(asked.model_copy(update={"versions": await books.versions(MAIN, FTA)}))


async def test_a_version_that_nobody_checked_is_not_believed(books: Books) -> None:
    with pytest.raises(rules.AccountMoved):
        await books.post(await books.asked(plan(20_00, (FTA, 10_00)), versions=await books.versions(MAIN)))


async def test_without_its_earmark_nothing_is_posted(books: Books) -> None:
    of = plan()
    asked = await books.asked(of)
    await books.do(lambda tx: release_hold(tx, ReleaseHold(hold=asked.hold, case=of.case)))
    with pytest.raises(rules.HoldGone):
        await books.post(asked)
    other = plan()
    with pytest.raises(rules.HoldGone):
        await books.post(await books.asked(of, hold=await books.hold(other), decision=asked.decision))


async def test_no_refund_above_cleared_credit_even_if_approved(books: Books, officer: Caller) -> None:
    of = plan(140_00)
    asked = await books.asked(of)
    cash = next(entry.journal for entry in (await books.page()).entries if entry.code == "RCO")
    await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=cash, reason="keyed twice")), officer)
    with pytest.raises(rules.CreditNotFree):
        await books.post(asked.model_copy(update={"versions": await books.versions(MAIN)}))


def test_the_workflow_knows_these_rules_by_their_names() -> None:
    assert all(issubclass(getattr(rules, name), rules.LedgerRule) for name in {*MOVED_ON, "AccountMoved"})


async def test_an_offset_pays_no_more_than_is_owed(books: Books) -> None:
    with pytest.raises(rules.OffsetAboveDebt):
        await books.post(await books.asked(plan(0, (RECHARGE, 85_51))))


async def test_one_posting_of_many_at_once(books: Books) -> None:
    asked = await books.asked(plan(20_00, (FTA, 120_00)))
    answers = await asyncio.gather(*(books.post(asked) for _ in range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert (await books.page()).balance_pence == 0


# --- reversals ---------------------------------------------------------------------------------------------------------------------


async def test_a_returned_payment_puts_the_credit_back_with_its_source(books: Books) -> None:
    of = plan(140_00)
    posted = await books.post(await books.asked(of))
    assert posted.refund_journal is not None
    asked = ReverseRefund(case=of.case, attempt=1, journal=posted.refund_journal, reason="0 account closed")
    with pytest.raises(NotHeardYet):
        await books.do(lambda tx: reverse_refund(tx, asked))
    returned = RefundReturned(case=of.case, account=MAIN, attempt=1, amount_pence=140_00, reason="0", journal=posted.refund_journal)
    await books.do(lambda tx: note_return(tx, returned))
    first, again = [await books.do(lambda tx: reverse_refund(tx, asked)) for _ in range(2)]
    assert first == again
    [told] = (await books.do(lambda tx: decided_journals(tx, JournalsAsked(journals=(posted.refund_journal,))))).journals
    assert told.undone
    facts = await books.do(lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)))
    assert (facts.balance_pence, facts.cleared_credit_pence) == (-140_00, 140_00)
    assert {credit.method for credit in facts.credits} == {"RSO", "RCO"}
    assert (await books.told())[-1] == "journal-reversed"
    page = await books.page()
    assert page.entries[0].reverses == posted.refund_journal
    assert page.entries[1].reversed_by == first.journal
    await books.post(await books.asked(plan(140_00, case=of.case, attempt=2)))


async def test_nothing_that_was_posted_for_a_refund_is_undone_by_hand(books: Books, officer: Caller) -> None:
    """Undone by hand, the credit of a payment that was made could be paid out once more."""
    posted = await books.post(await books.asked(plan(20_00, (FTA, 120_00))))
    assert posted.refund_journal is not None
    for journal in (posted.refund_journal, *posted.offset_journals):
        with pytest.raises(rules.BelongsToARefund):
            await books.do(lambda tx, journal=journal: reverse_journal(tx, ReverseJournal(journal=journal, reason="x")), officer)  # type: ignore[misc]
    assert (await books.page()).balance_pence == 0


async def test_an_opening_balance_is_not_undone(books: Books, officer: Caller) -> None:
    page = await books.do(lambda tx: account_page(tx, AccountPageAsked(account=FTA)))
    [opening] = [one for one in page.entries if one.code == "ROB"]
    with pytest.raises(rules.OpeningBalanceStays):
        await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=opening.journal, reason="x")), officer)


async def test_only_a_refund_of_the_case_is_reversed_as_one(books: Books) -> None:
    receipt = (await books.page()).entries[0].journal
    with pytest.raises(rules.NotARefund):
        await books.do(lambda tx: reverse_refund(tx, ReverseRefund(case=uuid4(), attempt=1, journal=receipt, reason="x")))


async def test_of_many_reversals_at_once_one_succeeds(books: Books, officer: Caller) -> None:
    journal = (await books.page()).entries[0].journal
    asked = ReverseJournal(journal=journal, reason="keyed twice")
    tries = await asyncio.gather(*(books.do(lambda tx: reverse_journal(tx, asked), officer) for _ in range(6)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in tries) == ["AlreadyReversed"] * 5 + ["JournalIsReversed"]
    reversal = next(each.journal for each in tries if not isinstance(each, BaseException))
    with pytest.raises(rules.AlreadyReversed):
        await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=reversal, reason="again")), officer)


async def test_an_auditor_reverses_nothing(books: Books) -> None:
    journal = (await books.page()).entries[0].journal
    auditor = Caller("vera.auditor", frozenset({"auditor"}))
    with pytest.raises(rules.NotAllowed):
        await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=journal, reason="x")), auditor)


# --- weeks, holds on the debtor, ends ----------------------------------------------------------------------------------------------


async def test_a_week_is_debited_once(books: Books) -> None:
    week = DebitWeek(week_commencing=WEEK_BEFORE)
    first, again = [await books.do(lambda tx: debit_week(tx, week)) for _ in range(2)]
    assert first == again
    assert (first.accounts, first.total_pence, first.rent_free) == (2, 230_00, False)
    assert [(await books.page(account)).balance_pence for account in (MAIN, NEIGHBOUR)] == [-20_00, 140_00]
    assert await books.told() == ["account-opened", "charge-posted"]


async def test_a_week_begins_on_a_monday_that_has_come(books: Books) -> None:
    with pytest.raises(rules.WeekNotAMonday):
        await books.do(lambda tx: debit_week(tx, DebitWeek(week_commencing=WEEK_BEFORE + timedelta(days=1))))
    with pytest.raises(rules.WeekTooFarAhead):
        await books.do(lambda tx: debit_week(tx, DebitWeek(week_commencing=date(2100, 1, 4))))


async def test_a_week_debited_twice_at_once_is_debited_once(books: Books) -> None:
    week = DebitWeek(week_commencing=WEEK_BEFORE)
    answers = await asyncio.gather(*(books.do(lambda tx: debit_week(tx, week)) for _ in range(4)))
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert (await books.page()).balance_pence == -20_00


async def _actors(books: Books) -> set[str]:
    return set((await books.do(lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)))).actors)


async def test_whoever_makes_credit_or_takes_away_what_stands_in_its_way_stands_behind_it(books: Books) -> None:
    """Each of them changes what may be refunded, so that none of them decides it (domain.md 4, check 9)."""
    found = await _actors(books)
    await books.do(lambda tx: debit_week(tx, DebitWeek(week_commencing=WEEK_BEFORE)))
    charge = (await books.page()).entries[0].journal
    leader = Caller("dilip.leader", frozenset({"team-leader"}))
    await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=charge, reason="not due")), leader)
    found |= {"dilip.leader"}
    assert await _actors(books) == found
    for person, in_force in (("bryn.officer", True), ("carys.senior", False)):
        held = SetAccountHold(account=MAIN, account_hold=AccountHold.FRAUD, in_force=in_force, reason="a letter")
        await books.do(lambda tx, held=held: set_account_hold(tx, held), Caller(person, frozenset({"officer"})))  # type: ignore[misc]
    found |= {"bryn.officer", "carys.senior"}
    assert await _actors(books) == found
    ended = EndTenancy(tenancy=HOME, ended_on=WEEK_BEFORE, keys_returned_on=WEEK_BEFORE, final_charges_posted=True)
    await books.do(lambda tx: end_tenancy(tx, ended), Caller("efua.manager", frozenset({"income-manager"})))
    found |= {"efua.manager"}
    assert await _actors(books) == found
    disputed = SetAccountHold(account=RECHARGE, account_hold=AccountHold.DISPUTE, in_force=True, reason="a letter")
    await books.do(lambda tx: set_account_hold(tx, disputed), Caller("hana.head", frozenset({"head-of-service"})))
    assert await _actors(books) == found | {"hana.head"}, "a debt that is kept out leaves more to be refunded"


async def test_an_ended_tenancy_is_charged_no_more_and_its_accounts_say_so(books: Books, officer: Caller) -> None:
    ended = EndTenancy(tenancy=HOME, ended_on=WEEK_BEFORE, keys_returned_on=WEEK_BEFORE, final_charges_posted=True)
    await books.do(lambda tx: end_tenancy(tx, ended), officer)
    await books.do(lambda tx: debit_week(tx, DebitWeek(week_commencing=WEEK_BEFORE)))
    page = await books.page()
    assert (page.balance_pence, page.label.status, page.tenancy.ended_on) == (-140_00, AccountStatus.FORMER, WEEK_BEFORE)
    assert (await books.told(RECHARGE))[-1] == "tenancy-ended"


async def test_a_hold_on_the_debtor_is_told_once_and_lifted(books: Books, officer: Caller) -> None:
    asked = SetAccountHold(account=MAIN, account_hold=AccountHold.DECEASED, in_force=True, reason="told by the family")
    lifted = asked.model_copy(update={"in_force": False})
    for each in (asked, asked, lifted):
        await books.do(lambda tx, each=each: set_account_hold(tx, each), officer)  # type: ignore[misc]
    with pytest.raises(rules.HoldNotSet):
        await books.do(lambda tx: set_account_hold(tx, lifted), officer)
    assert await books.told() == ["account-opened", "account-hold-changed", "account-hold-changed"]
    assert (await books.page()).account_holds == ()


async def test_a_balance_as_at_a_date(books: Books) -> None:
    before = date(2025, 1, 1)
    assert before < (await books.page()).entries[-1].effective_date
    assert (await books.page(as_at=before)).balance_pence == 0
    assert (await books.page(NEIGHBOUR, as_at=before)).entries_in_all == 0
    assert (await books.page()).months[-1].balance_pence == -140_00


async def test_what_was_reversed_later_had_not_cleared_before(books: Books, officer: Caller) -> None:
    today = business_date(datetime.now(UTC))
    came, cleared = today - timedelta(days=2), today + timedelta(days=3)
    debit = Posting("direct debit", "RDD", came, two_legs(MAIN, -50_00, Control.BANK), "system", cleared_on=cleared)
    await books.do(lambda tx: store.post(tx, [debit]))
    await books.do(lambda tx: reverse_journal(tx, ReverseJournal(journal=debit.id, reason="keyed twice")), officer)
    page = await books.page(as_at=came)
    assert (page.balance_pence, page.uncleared_pence, page.cleared_credit_pence) == (-190_00, 50_00, 140_00)
    page = await books.page(as_at=today)
    assert (page.balance_pence, page.uncleared_pence, page.cleared_credit_pence) == (-140_00, 0, 140_00)


async def test_arrears_have_a_beginning(books: Books) -> None:
    page = await books.page(NEIGHBOUR)
    assert page.in_arrears_since == page.entries[-1].effective_date
    assert sum(age.amount_pence for age in page.arrears_ages) == page.balance_pence
    assert (await books.page()).arrears_ages == ()
    assert (await books.page()).in_arrears_since is None
