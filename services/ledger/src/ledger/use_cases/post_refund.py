"""Post an approved plan whole: its offsets and its refund, and use up its earmark, in one transaction."""

from collections.abc import Mapping
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, TaskKind
from rentbook_contracts.ledger import AccountFact, AccountForRefund, PostRefund, RefundIsPosted, RefundPlan, RefundPosted, TransferPosted

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.posting import TRANSFER_CODE, Control, Leg, Posting, two_legs
from ledger.domain.rules import (
    AccountMoved,
    CreditNotFree,
    DecisionRecalled,
    HoldGone,
    KeyUsedForOtherContent,
    NotApproved,
    OffsetAboveDebt,
)
from ledger.queries.refund_facts import available_credit

Locked = Mapping[UUID, store.LockedAccount]


class NotHeardYet(Exception):
    """The decision, or finance's release, is still on its way over the bus: to be tried again."""


async def post_refund(tx: Transaction, asked: PostRefund) -> RefundIsPosted:
    """Errors: NotHeardYet (try again); DecisionRecalled, NotApproved, AccountMoved, HoldGone, CreditNotFree, OffsetAboveDebt."""
    plan = asked.plan
    locked = await store.lock_accounts(tx, {plan.account, *(offset.account for offset in plan.offsets)})
    # A line that falls out of its run does so either before this or not at all.
    await store.serialise(tx, attempt_key(plan.case, plan.attempt))
    postings = _postings(plan, asked.decision, tx)
    run = await store.released_in(tx, plan) if plan.refund_pence else None
    if await _posted_before(tx, postings):
        return _answer(plan, postings, run)
    await _believe(tx, plan, asked.decision)
    # Before the release: one that was lifted because the line fell out of its run has none to wait for.
    await _hold_stands(tx, asked)
    if plan.refund_pence and run is None:
        raise NotHeardYet
    _unmoved(asked, locked)
    if plan.total_pence > await available_credit(
        tx, AccountForRefund(account=plan.account, case=plan.case), locked[plan.account].balance_pence
    ):
        raise CreditNotFree("Cleared credit does not cover the plan.")
    _within_debts(plan, locked)
    await store.post(tx, postings)
    await store.settle_earmark(tx, asked.hold, "POSTED")
    await store.tell(tx, _facts(plan, postings, locked))
    return _answer(plan, postings, run)


def attempt_key(case: UUID, attempt: int) -> str:
    return f"refund/{case}/{attempt}"


def refund_key(case: UUID, attempt: int) -> str:
    """Under which the refund itself is posted once."""
    return f"{attempt_key(case, attempt)}/refund"


def _postings(plan: RefundPlan, decision: UUID, tx: Transaction) -> list[Posting]:
    """The offsets in the plan's order, then the refund. One posting of each for an attempt at a case."""
    today, key, case = business_date(tx.now), attempt_key(plan.case, plan.attempt), plan.case
    postings = [
        Posting(
            f"{key}/offset/{offset.account}",
            TRANSFER_CODE,
            today,
            (Leg(plan.account, "", offset.amount_pence), Leg(offset.account, "", -offset.amount_pence)),
            tx.caller.person,
            case=case,
            decision=decision,
        )
        for offset in plan.offsets
    ]
    if plan.refund_pence:
        legs = two_legs(plan.account, plan.refund_pence, Control.REFUNDS_PAYABLE)
        postings.append(Posting(refund_key(plan.case, plan.attempt), "RDR", today, legs, tx.caller.person, case=case, decision=decision))
    return postings


async def _posted_before(tx: Transaction, postings: list[Posting]) -> bool:
    """Whether this very attempt was posted. The accounts are locked, so nobody is posting it now. Errors: KeyUsedForOtherContent."""
    found = await store.posted_under(tx, [posting.key for posting in postings])
    if not found:
        return False
    if found != {posting.key: posting.request_hash for posting in postings}:
        raise KeyUsedForOtherContent("This attempt at the case was posted with another plan.")
    return True


async def _believe(tx: Transaction, plan: RefundPlan, decision: UUID) -> None:
    """Only approvals' own word, for this case, this attempt and this very content."""
    await store.serialise(tx, store.decision_name(decision))
    heard = await store.heard_decision(tx, decision)
    if heard is None:
        raise NotHeardYet
    bound = (heard.kind, heard.case, heard.attempt, heard.content_hash) == (TaskKind.REFUND, plan.case, plan.attempt, plan.content_hash)
    if not bound or heard.answer != Answer.APPROVED or not heard.completes:
        raise NotApproved("The decision that was heard does not approve this plan.")
    if heard.fallen:
        raise DecisionRecalled("The approval was taken back, or came to nothing.")


async def _hold_stands(tx: Transaction, asked: PostRefund) -> None:
    hold, plan = await store.earmark(tx, asked.hold), asked.plan
    if (
        hold is None
        or hold.state != "PENDING"
        or (hold.case, hold.account, hold.content_hash) != (plan.case, plan.account, plan.content_hash)
    ):
        raise HoldGone("The plan has no earmark any more.")


def _unmoved(asked: PostRefund, locked: Locked) -> None:
    wanted = {asked.plan.account, *(offset.account for offset in asked.plan.offsets)}
    if any(account not in locked or asked.versions.get(account) != locked[account].version for account in wanted):
        raise AccountMoved("An account has moved since the last check.")


def _within_debts(plan: RefundPlan, locked: Locked) -> None:
    if any(offset.amount_pence > locked[offset.account].balance_pence for offset in plan.offsets):
        raise OffsetAboveDebt("An offset would pay more than is owed.")


def _facts(plan: RefundPlan, postings: list[Posting], locked: Locked) -> list[tuple[store.LockedAccount, AccountFact]]:
    source = locked[plan.account]
    facts: list[tuple[store.LockedAccount, AccountFact]] = []
    for offset, posting in zip(plan.offsets, postings, strict=False):
        for account, pence in ((source, offset.amount_pence), (locked[offset.account], -offset.amount_pence)):
            account.balance_pence += pence
            moved = TransferPosted(
                account=account.id, balance_pence=account.balance_pence, journal=posting.id, amount_pence=pence, case=plan.case
            )
            facts.append((account, moved))
    if plan.refund_pence:
        source.balance_pence += plan.refund_pence
        refunded = RefundPosted(
            account=source.id, balance_pence=source.balance_pence, journal=postings[-1].id, amount_pence=plan.refund_pence, case=plan.case
        )
        facts.append((source, refunded))
    return facts


def _answer(plan: RefundPlan, postings: list[Posting], run: UUID | None) -> RefundIsPosted:
    offsets = tuple(posting.id for posting in postings[: len(plan.offsets)])
    return RefundIsPosted(refund_journal=postings[-1].id if plan.refund_pence else None, offset_journals=offsets, run=run)
