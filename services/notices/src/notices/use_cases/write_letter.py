"""Write the letter that tells a tenant how a refund case ended."""

from zoneinfo import ZoneInfo

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_LABELS, ACCOUNT_PAGE, AccountHold, AccountPageAsked, Accounts
from rentbook_contracts.refunds import CASE_PAGE, CaseAsked, CasePage, RefundClosed

from notices.domain.letters import KINDS, Letter, RefundTold, refund_letter
from notices.use_cases.keeping import keep

LONDON = ZoneInfo("Europe/London")


async def write_letter(tx: Transaction, closed: RefundClosed) -> None:
    """One letter for each end of a case. A name that no font can show leaves the letter as a problem for a person.

    Errors: Unanswered while ledger or refunds can't be asked; the event is then tried again.
    """
    if closed.outcome not in KINDS:
        return
    await keep(tx, await _content(tx, closed), account=closed.account, case=closed.case, attempt=closed.attempt)


async def _content(tx: Transaction, closed: RefundClosed) -> Letter:
    case = await tx.ask(CASE_PAGE, CaseAsked(case=closed.case))
    page = await tx.ask(ACCOUNT_PAGE, AccountPageAsked(account=closed.account, limit=1))
    told = RefundTold(
        outcome=closed.outcome,
        refund_pence=closed.refund_pence,
        offsets=await _offsets(tx, case) if closed.offset_pence else (),
        reason_code=closed.reason_code,
        balance_pence=page.balance_pence,
        uncleared_pence=page.uncleared_pence,
        kept_pence=case.floor_pence,
        paid_on=case.paid_on if case.attempt == closed.attempt else None,
        breathing_space=AccountHold.BREATHING_SPACE in page.account_holds,
    )
    label = page.label
    return refund_letter(told, names=label.names, address=label.address, reference=label.reference, on=tx.now.astimezone(LONDON).date())


async def _offsets(tx: Transaction, case: CasePage) -> tuple[tuple[str, int], ...]:
    if case.plan is None:
        return ()
    asked = Accounts(accounts=tuple(offset.account for offset in case.plan.offsets))
    references = {label.account: label.reference for label in (await tx.ask(ACCOUNT_LABELS, asked)).labels}
    return tuple((references[offset.account], offset.amount_pence) for offset in case.plan.offsets)
