"""What everyone who works on proposals by hand has in common: the part they must hold, the facts of a debt, and the word to the story."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import ROUND_DECIDED, Decision, RoundAsked, RoundDecided
from rentbook_contracts.ledger import DEBTS_FOR_WRITE_OFF, DebtFacts, DebtsAsked, LineKind
from rentbook_contracts.people import WRITE_OFF_WORKERS
from rentbook_contracts.workflows import PROPOSAL_CHANGED, WRITE_OFF_PROPOSAL, ProposalChanged, proposal_workflow_id
from rentbook_contracts.writeoffs import ProposalCase, ProposalClosed, ProposalStatus, Reason

from writeoffs import store
from writeoffs.domain.assessment import goes_in_part
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.domain.rules import WriteOffRule
from writeoffs.store import Row

ASKED_AT_ONCE = 200
"""Accounts in one question to the ledger."""


class NotYourPart(WriteOffRule):
    """The caller's roles do not include this work."""


class ProposalIsClosed(WriteOffRule):
    """A closed proposal stays as it is; the debt may be proposed anew."""


class OnASchedule(WriteOffRule):
    """What is on a schedule stays as it was shown to whoever decides."""


class UnknownAccount(WriteOffRule):
    """The ledger has no such tenant's account."""


def rests_on(kind: LineKind, reason: Reason, facts: DebtFacts, policy: WriteOffPolicy) -> dict[str, Any]:
    """The columns that keep what was owed when it was proposed, or confirmed: until that has changed, nobody has to look at it again."""
    of_each = goes_in_part(kind, reason, policy) or (kind is LineKind.WRITE_OFF and not facts.former)
    charges = [charge.model_dump(mode="json") for charge in facts.charges] if of_each else None
    return {"balance_pence": facts.balance_pence, "charges": charges}


def require_worker(tx: Transaction) -> None:
    """Errors: NotYourPart."""
    if not tx.caller.roles & WRITE_OFF_WORKERS:
        raise NotYourPart("Write-offs are worked on by officers and their managers.")


async def facts_of(tx: Transaction, accounts: Collection[UUID]) -> dict[UUID, DebtFacts]:
    """What the ledger knows of each account, in questions asked together; unknown ones are left out. Errors: Unanswered."""
    wanted = sorted(set(accounts))
    parts = [tuple(wanted[start : start + ASKED_AT_ONCE]) for start in range(0, len(wanted), ASKED_AT_ONCE)]
    told = await asyncio.gather(*(tx.ask(DEBTS_FOR_WRITE_OFF, DebtsAsked(accounts=part)) for part in parts))
    return {one.account: one for answer in told for one in answer.debts}


async def fact_of(tx: Transaction, account: UUID) -> DebtFacts:
    """Errors: UnknownAccount, Unanswered."""
    found = await facts_of(tx, [account])
    if account not in found:
        raise UnknownAccount("There is no such tenant's account.", field="account")
    return found[account]


async def decision_on(tx: Transaction, schedule: Row) -> Decision | None:
    """The decision that ends the round of this locked schedule and stands, as approvals has it. Errors: Unanswered."""
    return (await round_of(tx, schedule)).decision


async def round_of(tx: Transaction, schedule: Row) -> RoundDecided:
    """What approvals says of the round of this locked schedule. Errors: Unanswered."""
    if schedule.round == 0:
        return RoundDecided(decision=None)
    return await tx.ask(ROUND_DECIDED, RoundAsked(case=schedule.id, round=schedule.round))


async def unclosed(tx: Transaction, id_: UUID) -> Row:
    """An open proposal, locked. Errors: UnknownProposal, ProposalIsClosed."""
    row = await store.proposal_locked(tx, id_)
    if row.closed_at is not None:
        raise ProposalIsClosed("This proposal is closed. The debt may be proposed anew.")
    return row


async def workable(tx: Transaction, id_: UUID) -> Row:
    """An open proposal that is on no schedule, locked. Errors: UnknownProposal, ProposalIsClosed, OnASchedule."""
    row = await unclosed(tx, id_)
    if row.status == ProposalStatus.ON_SCHEDULE:
        raise OnASchedule("This proposal is on a schedule. Take it off first, or wait for the decision.")
    return row


async def follow(tx: Transaction, rows: Sequence[tuple[UUID, int]]) -> None:
    """Have a story follow each proposal's pass, given with its number."""
    for id_, attempt in rows:
        await tx.start(WRITE_OFF_PROPOSAL, ProposalCase(proposal=id_, attempt=attempt), workflow_id=proposal_workflow_id(id_, attempt))


async def look_again(tx: Transaction, row: Row) -> None:
    """Have a locked proposal assessed again: by the story that follows it, or by a new pass where none does."""
    if row.followed:
        changed = ProposalChanged(proposal=row.id)
        await tx.nudge(proposal_workflow_id(row.id, row.attempt), PROPOSAL_CHANGED, changed)
        return
    await store.change_proposal(tx, row.id, status=ProposalStatus.GATHERING, attempt=row.attempt + 1, followed=True, schedule=None)
    await follow(tx, [(row.id, row.attempt + 1)])


async def end_as_withdrawn(tx: Transaction, row: Row, note: str, *, of_itself: bool = False) -> None:
    """Close a locked, open proposal that is on no schedule; the story that follows it is told and ends. `of_itself`: Rentbook does so."""
    await store.change_proposal(tx, row.id, status=ProposalStatus.WITHDRAWN, status_note="", closed_at=tx.now)
    await store.note(tx, [row.id], "withdrawn", note, of_itself=of_itself)
    ended = ProposalClosed(
        proposal=row.id, account=row.account, kind=LineKind(row.kind), status=ProposalStatus.WITHDRAWN, amount_pence=row.amount_pence
    )
    await store.tell(tx, [(row.id, ended)])
    if row.followed:
        await look_again(tx, row)
