"""A document or an answer that settles a referred check; the checks run again."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import AddEvidence

from refunds.domain.days import business_date
from refunds.domain.documents import document_type
from refunds.domain.evidence import ABOUT_DEBTS, refuse_unfit
from refunds.domain.means import Means
from refunds.domain.rules import RefundRule
from refunds.store import cases, checks, documents
from refunds.store.cases import Case
from refunds.use_cases.case_work import requested_case, require_case_worker, say_changed


class ReceivedInTheFuture(RefundRule):
    """Evidence was received today or before."""


async def add_evidence(tx: Transaction, told: AddEvidence, means: Means) -> Nothing:
    """An answer settles the doubt that was in sight when it was given, about the payee who was there then.

    Errors: NotYourPart, UnknownCase, CaseIsClosed, NobodyAsked, ReceivedInTheFuture, RestsOnFigures, DoesNotSettle,
    NotADocument, DocumentTooLarge.
    """
    require_case_worker(tx)
    kind = document_type(told.document) if told.document is not None else None
    row = await requested_case(tx, told.case)
    answers = await checks.doubt_in_sight(tx, row.id, told.check)
    refuse_unfit(told.check, told.kind, settles=told.settles, in_sight=answers)
    if told.received_on > business_date(tx.now):
        raise ReceivedInTheFuture("Evidence cannot be received after today.", field="received_on")
    about = told.accounts or await _every_other_debt(tx, row, told)
    evidence = await checks.add_evidence(tx, row.id, told, answers=answers, payee=row.payee, accounts=about)
    if told.document is not None and kind is not None:
        await documents.add(tx, means.keys, evidence, kind, told.document)
    await cases.take_part(tx, row.id, "added evidence")
    await cases.note(tx, row.id, f"evidence added for check {told.check}")
    await say_changed(tx, row)
    return Nothing()


async def _every_other_debt(tx: Transaction, row: Case, told: AddEvidence) -> tuple[UUID, ...]:
    """An answer about debts that names none is about all that the request left unanswered."""
    if told.kind not in ABOUT_DEBTS:
        return ()
    return tuple(sorted(await cases.watched(tx, row.id) - {row.account, *row.consents, *row.opted_out}))
