"""What the checks found, the evidence that settles them, and the plans that were made of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import RefundFacts, RefundPlan
from rentbook_contracts.refunds import AddEvidence
from sqlalchemy.dialects.postgresql import distinct_on, insert

from refunds.domain.checks import CheckResult
from refunds.domain.covered import Ground
from refunds.domain.days import business_date
from refunds.tables import check_result, evidence, evidence_document, payment_line, payment_run, refund_plan

Result = sa.Row[Any]


async def add_result(
    tx: Transaction,
    case: UUID,
    attempt: int,
    round_: int,
    occasion: str,
    result: CheckResult,
    *,
    ledger: RefundFacts,
    policy_version: str,
) -> None:
    row = {
        "case_id": case, "attempt": attempt, "round": round_, "check_no": result.number, "occasion": occasion, "outcome": result.outcome,
        "reason_code": result.reason_code, "evidence": list(result.evidence), "source": result.source, 
        "account_version": ledger.version, "policy_version": policy_version, "by": tx.caller.person, "at": tx.now,
        "expires_on": result.expires_on,
    }  # fmt: skip
    await tx.connection.execute(insert(check_result).values(row))


async def results_of_round(tx: Transaction, case: UUID, attempt: int, round_: int) -> list[Result]:
    """The results that the round's plan is made of, by number: the latest of each, but for what was found after the plan."""
    rows = (
        sa.select(check_result)
        .ext(distinct_on(check_result.c.check_no))
        .where(
            check_result.c.case_id == case,
            check_result.c.attempt == attempt,
            check_result.c.round == round_,
            check_result.c.occasion.in_(("round", "plan")),
        )
    )
    return list(await tx.connection.execute(rows.order_by(check_result.c.check_no, check_result.c.seq.desc())))


async def doubt_in_sight(tx: Transaction, case: UUID, check: int) -> str:
    """The reason code of the latest run of a check: an answer settles this doubt, and none that comes later."""
    rows = sa.select(check_result.c.reason_code).where(check_result.c.case_id == case, check_result.c.check_no == check)
    return (await tx.connection.execute(rows.order_by(check_result.c.seq.desc()).limit(1))).scalar_one_or_none() or ""


async def add_evidence(
    tx: Transaction, case: UUID, told: AddEvidence, *, answers: str, payee: UUID | None, accounts: Sequence[UUID]
) -> UUID:
    evidence_id = uuid4()
    row = {"id": evidence_id, "case_id": case, "check_no": told.check, "answers": answers, "payee": payee, "accounts": list(accounts)}
    words = {"kind": told.kind, "reference": told.reference, "note": told.note, "settles": told.settles, "received_on": told.received_on}
    await tx.connection.execute(evidence.insert().values({**row, **words, "by": tx.caller.person, "at": tx.now}))
    return evidence_id


async def evidence_of(tx: Transaction, case: UUID) -> list[sa.Row[Any]]:
    """With the hash of each one's document, where it has one."""
    rows = sa.select(evidence, evidence_document.c.sha256.label("document_sha256")).select_from(evidence.outerjoin(evidence_document))
    return list(await tx.connection.execute(rows.where(evidence.c.case_id == case).order_by(evidence.c.at, evidence.c.id)))


async def add_plan(
    tx: Transaction,
    case: UUID,
    attempt: int,
    round_: int,
    *,
    plan: RefundPlan | None,
    ground: Ground | None,
    blocked: Sequence[int],
    policy_version: str,
    lane: Lane,
    lane_reasons: Sequence[str],
) -> None:
    row = {
        "case_id": case, "attempt": attempt, "round": round_, "plan": plan.model_dump(mode="json") if plan else None,
        "content_hash": plan.content_hash if plan else None, "ground": ground.model_dump(mode="json") if ground else None,
        "blocked": list(blocked), "policy_version": policy_version, "made_at": tx.now,
        "lane": lane, "lane_reasons": list(lane_reasons),
    }  # fmt: skip
    await tx.connection.execute(refund_plan.insert().values(row))


async def latest_plan(tx: Transaction, case: UUID) -> sa.Row[Any] | None:
    """The last round's plan, or its finding that nothing may move."""
    rows = sa.select(refund_plan).where(refund_plan.c.case_id == case)
    return (await tx.connection.execute(rows.order_by(refund_plan.c.attempt.desc(), refund_plan.c.round.desc()).limit(1))).first()


async def plan_of_hash(tx: Transaction, case: UUID, content_hash: str) -> sa.Row[Any] | None:
    rows = sa.select(refund_plan).where(refund_plan.c.case_id == case, refund_plan.c.content_hash == content_hash)
    return (await tx.connection.execute(rows.order_by(refund_plan.c.round.desc()).limit(1))).first()


async def payments_of(tx: Transaction, account: UUID, *, since: datetime, besides: UUID) -> list[tuple[int, date]]:
    """Refunds of an account, paid or on their way, with the business day of their release; those that came back do not count."""
    made = payment_line.join(payment_run, payment_run.c.id == payment_line.c.run)
    rows = (
        sa.select(payment_line.c.amount_pence, payment_run.c.released_at)
        .select_from(made)
        .where(
            payment_line.c.account == account,
            payment_line.c.case_id != besides,
            payment_run.c.released_at >= since,
            payment_line.c.status.in_(("released", "posted", "paid")),
        )
    )
    return [(row.amount_pence, business_date(row.released_at)) for row in await tx.connection.execute(rows)]
