"""What the desk asks of refunds: cases, the list of payments, runs. Nothing here changes a row."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.parked import waits_since
from chassis.transaction import Transaction
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import (
    CaseAsked,
    CaseEvent,
    CasePage,
    CaseRow,
    Cases,
    CasesAsked,
    CaseStatus,
    CheckOutcome,
    CheckShown,
    DocumentShown,
    EvidenceShown,
    Glance,
    Glances,
    GlancesAsked,
    PayeeShown,
    PoliciesShown,
    PolicyFigure,
    PolicyShown,
    ReadyPayment,
    ReadyPayments,
    RunAsked,
    RunLine,
    RunPage,
    Runs,
    RunsAsked,
)
from rentbook_contracts.words import counted
from rentbook_contracts.workflows import payment_run_workflow_id, refund_workflow_id
from sqlalchemy.dialects.postgresql import distinct_on

from refunds.domain.checks import TITLES, pounds, speaks_against
from refunds.domain.envelope import Sealed, unseal
from refunds.domain.evidence import settled_by
from refunds.domain.means import Means, cut_off_of, next_bacs_days
from refunds.domain.payee_text import bank_details
from refunds.domain.policy import RefundPolicy
from refunds.domain.rules import RefundRule
from refunds.tables import (
    bank_report,
    case_event,
    check_result,
    evidence,
    evidence_document,
    payee,
    payee_confirmation,
    payment_file,
    payment_line,
    payment_run,
    policy,
    refund_case,
    refund_plan,
    submission,
)

MOST_EVENTS = 500
# So many lines a release may carry; what is beyond them waits for the next.
MOST_PAYMENTS = 2000
ALL_TEN = range(1, 11)
SOURCE_OF_THE_CREDIT = 2
LATER_EVENTS = 10
PAYMENT_STANDS = (CaseStatus.WITH_BANK, CaseStatus.PAID)
OCCASIONS_OF_A_PLAN = ("round", "plan")
SUBMISSION_WORDS = {
    "sending": "Sent to the bank.",
    "accepted": "The bank has accepted the file.",
    "refused": "The bank has refused the file.",
    "unknown": "The bank's answer is not known; it is asked.",
    "not-seen": "The bank says that it has no such file; it is sent again.",
}


class NothingThere(RefundRule):
    """There is no case or run of this id."""


async def case_page(tx: Transaction, asked: CaseAsked, means: Means) -> CasePage:
    """Errors: NothingThere."""
    row = (await tx.connection.execute(sa.select(refund_case).where(refund_case.c.id == asked.case))).first()
    if row is None:
        raise NothingThere("There is no such refund case.")
    planned = await _latest_plan(tx, row.id, row.attempt)
    made = RefundPlan.model_validate(planned.plan) if planned is not None and planned.plan is not None else None
    return CasePage(
        case=row.id, attempt=row.attempt, round=row.round, account=row.account, status=row.status, status_note=row.status_note,
        asked_by=row.asked_by, asked_at=row.asked_at or row.opened_at, taken_by=row.taken_by, identified_how=row.identified_how,
        requested_pence=row.requested_pence, reason_code=row.reason_code, note=row.note, joint_consent=row.joint_consent,
        consents=tuple(row.consents), opted_out=tuple(row.opted_out), payee=await _payee(tx, row.payee, means),
        checks=await _checks(tx, row), evidence=await _evidence(tx, row.id), plan=made, plan_hash=made.content_hash if made else None,
        floor_pence=row.floor_pence, cleared_credit_pence=row.cleared_credit_pence, events=await _events(tx, row.id), run=row.run,
        refund_journal=row.refund_journal, decide_by=row.decide_by, pay_by=row.pay_by, policy_version=row.policy_version,
        paid_on=_paid_on(row, await _entry_day(tx, row.run)), asked_as=row.asked_as,
        gone_story=(tx.gone(refund_workflow_id(row.id, row.attempt)) if row.is_open else None) or _gone_run(tx, row.run),
        parked_since=await waits_since(tx, [str(one) for one in (row.account, row.run) if one]) if row.is_open else None,
    )  # fmt: skip


async def cases(tx: Transaction, asked: CasesAsked) -> Cases:
    wanted = _asked_for(asked)
    of_the_case = sa.select(refund_plan.c.plan).where(refund_plan.c.case_id == refund_case.c.id)
    latest = of_the_case.order_by(refund_plan.c.attempt.desc(), refund_plan.c.round.desc()).limit(1).lateral()
    whole = refund_case.outerjoin(latest, sa.true()).outerjoin(payment_file, payment_file.c.run == refund_case.c.run)
    rows = sa.select(refund_case, latest.c.plan, payment_file.c.entry_day).select_from(whole).where(*wanted)
    opened = refund_case.c.opened_at.asc() if asked.oldest_first else refund_case.c.opened_at.desc()
    found = await tx.connection.execute(rows.order_by(opened, refund_case.c.id).offset(asked.offset).limit(asked.limit))
    in_all = await tx.connection.scalar(sa.select(sa.func.count()).select_from(refund_case).where(*wanted))
    parked_since = await waits_since(tx, [str(asked.account)]) if asked.account is not None else None
    return Cases(cases=tuple(_case_row(row) for row in found), in_all=in_all or 0, parked_since=parked_since)


def _asked_for(asked: CasesAsked) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = []
    if asked.account is not None:
        wanted.append(refund_case.c.account == asked.account)
    if asked.cases:
        wanted.append(refund_case.c.id.in_(asked.cases))
    if asked.statuses:
        wanted.append(refund_case.c.status.in_(asked.statuses))
    if asked.taken_by is not None:
        wanted.append(refund_case.c.taken_by == asked.taken_by)
    return wanted


async def case_glances(tx: Transaction, asked: GlancesAsked) -> Glances:
    """Many cases in one round trip."""
    mine = (check_result.c.case_id == refund_case.c.id) & (check_result.c.attempt == refund_case.c.attempt)
    of_check = sa.select(check_result.c.evidence).where(mine, check_result.c.check_no == SOURCE_OF_THE_CREDIT)
    source = of_check.order_by(check_result.c.seq.desc()).limit(1).scalar_subquery()
    said = sa.select(payee_confirmation.c.answer).where(payee_confirmation.c.payee == refund_case.c.payee)
    confirmation = said.order_by(payee_confirmation.c.seq.desc()).limit(1).scalar_subquery()
    other = refund_case.alias()
    paid = (other.c.account == refund_case.c.account) & (other.c.id != refund_case.c.id) & (other.c.status == CaseStatus.PAID)
    earlier = sa.select(sa.func.count()).select_from(other).where(paid, other.c.opened_at <= refund_case.c.opened_at).scalar_subquery()
    columns = (
        refund_case.c.id, refund_case.c.asked_by, refund_case.c.asked_as, refund_case.c.attempt, refund_case.c.status, payee.c.entered_at,
        source.label("source"), confirmation.label("answer"), earlier.label("earlier"),
    )  # fmt: skip
    wanted = sa.select(*columns).select_from(refund_case.outerjoin(payee, payee.c.id == refund_case.c.payee))
    rows = await tx.connection.execute(wanted.where(refund_case.c.id.in_(asked.cases)))
    return Glances(
        glances=tuple(
            Glance(
                case=row.id, source=tuple(row.source or ()), confirmation=row.answer, entered_at=row.entered_at,
                earlier_refunds=row.earlier, asked_by=row.asked_by, asked_as=row.asked_as, attempt=row.attempt, status=row.status,
            )
            for row in rows
        )
    )  # fmt: skip


async def refund_policies(tx: Transaction, _: Nothing) -> PoliciesShown:
    rows = await tx.connection.execute(sa.select(policy.c.figures).order_by(policy.c.in_force_from.desc()))
    return PoliciesShown(policies=tuple(_policy(RefundPolicy.model_validate(row.figures)) for row in rows))


def _policy(made: RefundPolicy) -> PolicyShown:
    order = ", ".join(rung.replace("_", " ").lower().replace("hb ", "Housing Benefit ") for rung in made.recovery_order)
    notice = f"{counted(made.opt_out_notice_days, 'day')}" if made.offset_after_notice else "never: only with consent"
    figures = (
        ("Floor: stays on a current tenant\u2019s account", f"{counted(made.floor_weeks, 'week')} of its charge"),
        ("Direct Debit: credit that opens no review", f"up to {counted(made.direct_debit_review_weeks, 'week')} of its charge"),
        ("Smallest refund, current tenant", pounds(made.minimum_current_pence)),
        ("Smallest refund, former tenant", pounds(made.minimum_former_pence)),
        ("Debts that a credit may pay, in this order", order),
        ("An unanswered opt-out notice counts as consent after", notice),
        ("Small estate: an indemnity is enough up to", pounds(made.small_estate_limit_pence)),
        ("Same amount refunded: looked for in the last", counted(made.duplicate_window_days, "day")),
        ("Confirmation of Payee holds for", counted(made.confirmation_valid_days, "day")),
        ("Checks of tenancy and payee hold for", counted(made.checks_valid_days, "day")),
        ("Decide within", counted(made.decide_within_working_days, "working day")),
        ("Pay within", counted(made.pay_within_working_days, "working day")),
        ("Remind of a missing document after", counted(made.evidence_remind_working_days, "working day")),
        ("A request lapses without its document after", counted(made.evidence_lapse_working_days, "working day")),
        ("Act on a returned payment within", counted(made.returned_act_within_working_days, "working day")),
    )
    shown = tuple(PolicyFigure(about=about, says=says) for about, says in figures)
    return PolicyShown(version=made.version, in_force_from=made.in_force_from, figures=shown)


async def ready_payments(tx: Transaction, _: Nothing, means: Means) -> ReadyPayments:
    """What finance may release now, the oldest approval first."""
    of_the_queue = (refund_plan.c.case_id == refund_case.c.id) & (refund_plan.c.content_hash == refund_case.c.queued_hash)
    rows = (
        sa.select(refund_case, refund_plan.c.plan, payee.c.masked, payee.c.person.is_(None).label("third_party"))
        .ext(distinct_on(refund_case.c.queued_at, refund_case.c.id))
        .select_from(
            refund_case.join(refund_plan, of_the_queue).join(payee, payee.c.id == sa.cast(refund_plan.c.plan["payee"].astext, sa.Uuid))
        )
    )
    found = (await tx.connection.execute(rows.order_by(refund_case.c.queued_at, refund_case.c.id).limit(MOST_PAYMENTS))).all()
    payments = tuple(_ready(row) for row in found)
    days = next_bacs_days(means, tx.now)
    return ReadyPayments(
        payments=payments, total_pence=sum(payment.amount_pence for payment in payments), next_processing_day=days.processing,
        next_entry_day=days.entry, cut_off=cut_off_of(means, days),
    )  # fmt: skip


async def run_page(tx: Transaction, asked: RunAsked) -> RunPage:
    """Errors: NothingThere."""
    pages = await _run_pages(tx, sa.select(payment_run.c.id).where(payment_run.c.id == asked.run))
    if not pages:
        raise NothingThere("There is no such payment run.")
    return pages[0]


async def runs(tx: Transaction, asked: RunsAsked) -> Runs:
    newest = sa.select(payment_run.c.id).order_by(payment_run.c.released_at.desc(), payment_run.c.id).limit(asked.limit)
    return Runs(runs=await _run_pages(tx, newest))


async def document_of(tx: Transaction, document: UUID, means: Means) -> tuple[str, bytes] | None:
    """The media type and the bytes of an evidence's document, out of its envelope. Errors: Unopenable."""
    row = (await tx.connection.execute(sa.select(evidence_document).where(evidence_document.c.id == document))).first()
    if row is None:
        return None
    return row.media_type, unseal(means.keys, row.id, Sealed(row.key_id, row.wrapped_key, row.sealed))


# --- a case -------------------------------------------------------------------------------------------------------------------------


async def _latest_plan(tx: Transaction, case: UUID, attempt: int) -> sa.Row[Any] | None:
    rows = sa.select(refund_plan).where(refund_plan.c.case_id == case, refund_plan.c.attempt == attempt)
    return (await tx.connection.execute(rows.order_by(refund_plan.c.round.desc()).limit(1))).first()


async def _checks(tx: Transaction, row: sa.Row[Any]) -> tuple[CheckShown, ...]:
    """The ten as the plan was made of them; the tenth as it was found last, because later events are its matter."""
    of_round = (check_result.c.case_id == row.id) & (check_result.c.attempt == row.attempt) & (check_result.c.round == row.round)
    shown = check_result.c.occasion.in_(OCCASIONS_OF_A_PLAN) | (check_result.c.check_no == LATER_EVENTS)
    rows = sa.select(check_result).ext(distinct_on(check_result.c.check_no)).where(of_round, shown)
    found = await tx.connection.execute(rows.order_by(check_result.c.check_no, check_result.c.seq.desc()))
    by_number = {result.check_no: result for result in found}
    return tuple(_check(number, by_number.get(number)) for number in ALL_TEN)


def _check(number: int, found: sa.Row[Any] | None) -> CheckShown:
    if found is None:
        return CheckShown(
            check=number, title=TITLES[number], outcome=None, reason_code="", evidence=(), source="", by="", at=None, expires_on=None,
            settled_by=settled_by(number, ""),
        )  # fmt: skip
    return CheckShown(
        check=number, title=TITLES[number], outcome=CheckOutcome(found.outcome), reason_code=found.reason_code,
        evidence=tuple(found.evidence), source=found.source, by=found.by, at=found.at, expires_on=found.expires_on,
        settled_by=settled_by(number, found.reason_code), speaks_against=speaks_against(CheckOutcome(found.outcome), found.reason_code),
    )  # fmt: skip


async def _evidence(tx: Transaction, case: UUID) -> tuple[EvidenceShown, ...]:
    about = (evidence_document.c.id.label("document"), *(evidence_document.c[name] for name in ("media_type", "size_bytes", "sha256")))
    rows = sa.select(evidence, *about).select_from(evidence.outerjoin(evidence_document)).where(evidence.c.case_id == case)
    return tuple(
        EvidenceShown(
            check=row.check_no, kind=row.kind, reference=row.reference, note=row.note, settles=row.settles, by=row.by, at=row.at,
            document=_document(row),
        )
        for row in await tx.connection.execute(rows.order_by(evidence.c.at, evidence.c.id))
    )  # fmt: skip


def _document(row: sa.Row[Any]) -> DocumentShown | None:
    if row.document is None:
        return None
    return DocumentShown(document=row.document, media_type=row.media_type, size_bytes=row.size_bytes, sha256=row.sha256)


async def _payee(tx: Transaction, payee_id: UUID | None, means: Means) -> PayeeShown | None:
    if payee_id is None:
        return None
    row = (await tx.connection.execute(sa.select(payee).where(payee.c.id == payee_id))).one()
    said = sa.select(payee_confirmation).where(payee_confirmation.c.payee == payee_id).order_by(payee_confirmation.c.seq.desc()).limit(1)
    confirmed = (await tx.connection.execute(said)).first()
    opened = bank_details(unseal(means.keys, row.id, Sealed(row.key_id, row.wrapped_key, row.sealed)))
    return PayeeShown(
        payee=row.id, name=opened.name, masked=row.masked, belongs_to=row.person, entered_by=row.entered_by, entered_at=row.entered_at,
        modulus=row.modulus, confirmation=confirmed.answer if confirmed else "not asked yet", suggested_name=_suggested(confirmed, means),
    )  # fmt: skip


def _suggested(confirmed: sa.Row[Any] | None, means: Means) -> str | None:
    if confirmed is None or confirmed.sealed_name is None:
        return None
    return unseal(means.keys, confirmed.payee, Sealed(confirmed.key_id, confirmed.wrapped_key, confirmed.sealed_name)).decode()


async def _events(tx: Transaction, case: UUID) -> tuple[CaseEvent, ...]:
    rows = sa.select(case_event).where(case_event.c.case_id == case).order_by(case_event.c.seq.desc()).limit(MOST_EVENTS)
    return tuple(CaseEvent(at=row.at, by=row.by, what=row.what, note=row.note) for row in await tx.connection.execute(rows))


def _case_row(row: sa.Row[Any]) -> CaseRow:
    made = RefundPlan.model_validate(row.plan) if row.plan is not None else None
    return CaseRow(
        case=row.id, attempt=row.attempt, account=row.account, status=row.status, requested_pence=row.requested_pence,
        refund_pence=made.refund_pence if made else 0, offset_pence=made.total_pence - made.refund_pence if made else 0,
        opened_at=row.opened_at, taken_by=row.taken_by, pay_by=row.pay_by, paid_on=_paid_on(row, row.entry_day),
        asked_by=row.asked_by, asked_as=row.asked_as, found_pence=row.review_credit_pence,
    )  # fmt: skip


def _paid_on(row: sa.Row[Any], entry_day: date | None) -> date | None:
    """The entry day of the run's file while the payment stands: what came back was not paid on any day."""
    return entry_day if row.status in PAYMENT_STANDS else None


async def _entry_day(tx: Transaction, run: UUID | None) -> date | None:
    return (await tx.connection.execute(sa.select(payment_file.c.entry_day).where(payment_file.c.run == run))).scalar() if run else None


def _ready(row: sa.Row[Any]) -> ReadyPayment:
    return ReadyPayment(
        case=row.id, attempt=row.attempt, account=row.account, content_hash=row.queued_hash,
        amount_pence=RefundPlan.model_validate(row.plan).refund_pence, approved_at=row.queued_at, decision=row.queued_decision,
        pay_by=row.pay_by, masked=row.masked, third_party=row.third_party,
    )  # fmt: skip


# --- payment runs -------------------------------------------------------------------------------------------------------------------


async def _run_pages(tx: Transaction, wanted: sa.Select[Any]) -> tuple[RunPage, ...]:
    ids: list[UUID] = list((await tx.connection.execute(wanted)).scalars())
    whole = sa.select(payment_run, payment_file).select_from(payment_run.outerjoin(payment_file, payment_file.c.run == payment_run.c.id))
    rows = {row.id: row for row in await tx.connection.execute(whole.where(payment_run.c.id.in_(ids)))}
    lines = await _grouped(tx, payment_line, payment_line.c.number, ids, _run_line)
    sent = await _grouped(tx, submission, submission.c.seq, ids, lambda row: f"{SUBMISSION_WORDS[row.what]} {row.reason}".strip())
    reports = await _grouped(tx, bank_report, bank_report.c.taken_at, ids, lambda row: str(row.words))
    return tuple(_run_page(rows[run], lines.get(run, []), [*sent.get(run, []), *reports.get(run, [])], _gone_run(tx, run)) for run in ids)


def _gone_run(tx: Transaction, run: UUID | None) -> str | None:
    """The story of a payment run that rows need and Temporal does not tell."""
    return tx.gone(payment_run_workflow_id(run)) if run is not None else None


async def _grouped(
    tx: Transaction, table: sa.Table, order: sa.ColumnElement[Any], ids: Sequence[UUID], shown: Callable[[sa.Row[Any]], Any]
) -> dict[UUID, list[Any]]:
    rows: Iterable[sa.Row[Any]] = await tx.connection.execute(sa.select(table).where(table.c.run.in_(ids)).order_by(order))
    grouped: dict[UUID, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.run, []).append(shown(row))
    return grouped


def _run_line(row: sa.Row[Any]) -> RunLine | None:
    if row.account is None:
        return None
    return RunLine(
        case=row.case_id, attempt=row.attempt, account=row.account, amount_pence=row.amount_pence, status=row.status, because=row.because,
        refund_journal=row.refund_journal,
    )  # fmt: skip


def _run_page(row: sa.Row[Any], lines: Sequence[RunLine | None], reports: Sequence[str], gone: str | None) -> RunPage:
    return RunPage(
        run=row.id, status=row.status, released_at=row.released_at, released_total_pence=row.released_total_pence,
        processing_day=row.processing_day, entry_day=row.entry_day, file_name=row.name, sha256=row.sha256, count=row.items or 0,
        total_pence=row.total_pence or 0, lines=tuple(line for line in lines if line is not None), reports=tuple(reports),
        status_note=row.status_note, gone_story=gone,
    )  # fmt: skip
