"""Write the letter that tells a tenant how a refund case ended."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_LABELS, Accounts
from rentbook_contracts.refunds import CASE_PAGE, CaseAsked, CaseOutcome, RefundClosed

from notices.domain.letters import KINDS, End
from notices.use_cases.letter_work import keep_end, look


async def write_letter(tx: Transaction, closed: RefundClosed) -> None:
    """One letter for each end of a case.

    Errors: Unanswered while ledger or refunds can't be asked; the event is then tried again.
    """
    if closed.outcome not in KINDS:
        return
    end = End(
        KINDS[closed.outcome],
        closed.refund_pence,
        await _offsets(tx, closed),
        closed.reason_code,
        nothing_due=closed.outcome is CaseOutcome.NOTHING_DUE,
    )
    facts, _ = await look(tx, closed.account, closed.case, closed.attempt)
    await keep_end(tx, end, facts, account=closed.account, case=closed.case, attempt=closed.attempt)


async def _offsets(tx: Transaction, closed: RefundClosed) -> tuple[tuple[str, int], ...]:
    """By account, where the case still shows the plan of this attempt; else their sum."""
    if not closed.offset_pence:
        return ()
    case = await tx.ask(CASE_PAGE, CaseAsked(case=closed.case))
    if case.plan is None or case.attempt != closed.attempt:
        return (("", closed.offset_pence),)
    asked = Accounts(accounts=tuple(offset.account for offset in case.plan.offsets))
    references = {label.account: label.reference for label in (await tx.ask(ACCOUNT_LABELS, asked)).labels}
    return tuple((references[offset.account], offset.amount_pence) for offset in case.plan.offsets)
