"""The decision as its row holds it: what a workflow believes, whatever the update said."""

from datetime import date

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Deciders, Decision, ReadDecision, RoundAsked, RoundDecided

from approvals import queries
from approvals.domain.rules import ApprovalRule
from approvals.domain.words import business_date
from approvals.queries import Recorded


class NoSuchDecision(ApprovalRule):
    """No decision has this id."""


async def read_decision(tx: Transaction, asked: ReadDecision) -> Decision:
    """Errors: NoSuchDecision."""
    row = await queries.recorded(tx, asked.decision)
    if row is None:
        raise NoSuchDecision("There is no such decision.")
    return await _as_it_is(tx, row)


async def round_decided(tx: Transaction, asked: RoundAsked) -> RoundDecided:
    """What a service goes by that must not take a workflow's word for a decision."""
    row = await queries.end_of_round(tx, asked.case, asked.round, asked.attempt)
    return RoundDecided(
        decision=await _as_it_is(tx, row) if row is not None else None,
        ended_at=row.decided_at if row is not None else None,
        asked_back=await queries.is_asked_back(tx, asked.case, asked.round),
        fell=await queries.has_fallen(tx, asked.case, asked.round),
    )


async def who_decided(tx: Transaction, asked: ReadDecision) -> Deciders:
    """For the ledger, which knows who stands behind what they decided."""
    return await queries.deciders(tx, asked.decision)


async def _as_it_is(tx: Transaction, row: Recorded) -> Decision:
    return Decision(
        decision=row.id,
        task=row.task,
        case=row.case,
        attempt=row.attempt,
        round=row.round,
        stage=row.stage,
        content_hash=row.content_hash,
        answer=row.answer,
        reason_code=row.reason_code,
        completes=row.completes,
        recalled=row.recalled_by is not None,
        excepted=tuple(sorted(await queries.excepted(tx, row.case, row.round, row.stage))),
        carried_out_from=await _waits_until(tx, row),
    )


async def _waits_until(tx: Transaction, row: Recorded) -> date | None:
    """The day from which it is carried out; None where that has come, so that what nobody may call in waits for no morning."""
    day = await queries.latest_carried_out_from(tx, row.case, row.round)
    return day if day is not None and day > business_date(tx.now) else None
