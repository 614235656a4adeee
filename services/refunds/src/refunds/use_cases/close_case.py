"""Close a case, or this attempt at it, and tell how it ended."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import DECIDED_JOURNALS, LIFT_HOLD_OF_CASE, JournalsAsked, LiftHoldOfCase
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, CloseCase, RefundClosed

from refunds.domain.checks import in_words
from refunds.domain.rules import RefundRule
from refunds.store import cases, checks, runs
from refunds.store.cases import Case
from refunds.use_cases.case_work import at_attempt
from refunds.use_cases.decided import decision_on

MOVED = (CaseOutcome.PAID, CaseOutcome.OFFSET)


class NotPaid(RefundRule):
    """A case ends as paid when its payment was in a file that the bank accepted."""


class NotEndedSo(RefundRule):
    """A case ends as its rows, approvals' decision and the ledger's books have it."""


async def close_case(tx: Transaction, told: CloseCase) -> Nothing:
    """Errors: UnknownCase, AnotherAttempt, NotPaid, NotEndedSo; Unanswered (approvals, ledger)."""
    row = await at_attempt(tx, told.case, told.attempt)
    if not row.is_open:
        return Nothing()
    # Whoever reaches Temporal could say how it ended, and a letter would tell the tenant so.
    if told.outcome is not CaseOutcome.PAID and (not await _ended_so(tx, row, told) or await _is_paid(tx, row, told)):
        raise NotEndedSo("The case has not ended so.")
    ending = await _with_the_bank(tx, told) if told.outcome is CaseOutcome.PAID else told.outcome.replace("-", " ")
    plan = told.plan if told.outcome in MOVED else None
    await cases.change(tx, row.id, is_open=False, status=CaseStatus(told.outcome.value), status_note="")
    await cases.leave_queue(tx, row.id)
    await cases.note(tx, row.id, f"closed: {ending}")
    closed = RefundClosed(
        case=row.id, account=row.account, attempt=told.attempt, outcome=told.outcome,
        refund_pence=plan.refund_pence if plan and told.outcome is CaseOutcome.PAID else 0,
        offset_pence=plan.total_pence - plan.refund_pence if plan else 0,
        reason_code=told.reason_code,
    )  # fmt: skip
    await cases.tell(tx, row, closed)
    return Nothing()


async def _with_the_bank(tx: Transaction, told: CloseCase) -> str:
    """How a paid case ends, in words that are true before the payee has the money too. Errors: NotPaid."""
    line = await runs.live_line(tx, told.case, told.attempt)
    if line is None or line.status != runs.PAID or told.plan is None or told.plan.content_hash != line.content_hash:
        raise NotPaid("The bank has accepted no payment of this attempt.")
    file = await runs.file_of(tx, line.run)
    return f"the bank has the payment{f', which arrives on {in_words(file.entry_day)}' if file else ''}"


async def _ended_so(tx: Transaction, row: Case, told: CloseCase) -> bool:
    if told.outcome is CaseOutcome.WITHDRAWN:
        return bool(row.withdrawn_attempt == row.attempt)
    if told.outcome is CaseOutcome.DECLINED:
        made = await decision_on(tx, row)
        return made is not None and (made.answer, made.reason_code) == (Answer.DECLINED, told.reason_code)
    latest = await checks.latest_plan(tx, row.id)
    if latest is None or (latest.attempt, latest.round) != (row.attempt, row.round):
        return False
    if told.outcome is CaseOutcome.NOTHING_DUE:
        return latest.plan is None and not latest.blocked
    return told.plan is not None and latest.content_hash == told.plan.content_hash and await _offset_in_the_books(tx, row, told)


async def _is_paid(tx: Transaction, row: Case, told: CloseCase) -> bool:
    """Whether a payment of this attempt is on its way, or posted without one: then it ends as paid, and as nothing else.

    An attempt that ends with nothing posted has nothing earmarked either.
    """
    if await runs.live_line(tx, row.id, row.attempt) is not None:
        return True
    if told.outcome is CaseOutcome.OFFSET:
        return False
    lift = LiftHoldOfCase(case=row.id, attempt=row.attempt)
    return (await tx.command(LIFT_HOLD_OF_CASE, lift, form=f"close/{row.id}/{row.attempt}/{row.round}")).refund_journal is not None


async def _offset_in_the_books(tx: Transaction, row: Case, told: CloseCase) -> bool:
    """Whether the ledger has posted all of the plan, and nothing of it is paid out."""
    if told.plan is None or told.plan.refund_pence or not told.offset_journals:
        return False
    posted = (await tx.ask(DECIDED_JOURNALS, JournalsAsked(journals=told.offset_journals))).journals
    of_case = {one.journal: one.amount_pence for one in posted if one.case == row.id and not one.undone}
    return of_case.keys() == set(told.offset_journals) and sum(of_case.values()) == told.plan.total_pence
