"""Say where a proposal stands now: gathering, blocked because, or ready for a schedule."""

from datetime import date, datetime, timedelta

from chassis.transaction import Transaction
from rentbook_contracts.notices import WriteLadderLetter
from rentbook_contracts.operation import Nothing
from rentbook_contracts.writeoffs import Assessed, AssessProposal, ProposalStatus, RemindOfProposal

from writeoffs import queries, store
from writeoffs.domain.assessment import Assessment
from writeoffs.domain.days import business_date, morning_of
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.domain.reminding import EventKind, next_reminder, waits_for_a_person
from writeoffs.store import Row
from writeoffs.use_cases.listing import assessed
from writeoffs.use_cases.owe_again import bring_again
from writeoffs.use_cases.work import fact_of


async def assess_proposal(tx: Transaction, asked: AssessProposal) -> Assessed:
    """Of one that was closed, only whether its day to come again has come. Errors: UnknownProposal; Unanswered (ledger)."""
    if await store.is_set_aside(tx, asked.proposal):
        comes_at = await bring_again(tx, asked.proposal, asked.attempt)
        return Assessed(done=comes_at is None, look_again_at=comes_at)
    row = await store.proposal_locked(tx, asked.proposal)
    if row.attempt != asked.attempt or row.status not in queries.WAITING:
        return Assessed(done=True)
    today = business_date(tx.now)
    policy = await queries.in_force(tx, today)
    found = (await assessed(tx, [row], {row.account: await fact_of(tx, row.account)}, policy, today))[row.id]
    status = status_of(found)
    look_again_on = _next_look(found, policy, today)
    await store.change_proposal(
        tx,
        row.id,
        status=status,
        status_note=found.blocked[0] if found.blocked else "",
        amount_pence=found.amount_pence,
        debtor_total_pence=found.debtor_total_pence,
        look_again_on=None if found.ready else look_again_on,
        policy_version=policy.version,
        followed=not found.ready,
    )
    if status != row.status:
        await store.note(tx, [row.id], f"now {status.value}", found.blocked[0] if found.blocked else "", EventKind.STANDING)
    if found.ready:
        return Assessed(done=True)
    return Assessed(
        done=False,
        look_again_at=morning_of(look_again_on) if look_again_on else None,
        remind_at=await _remind_at(tx, row, policy) if waits_for_a_person(found) else None,
        letter=await _letter_due(tx, row, found, today),
    )


async def remind_of_proposal(tx: Transaction, asked: RemindOfProposal) -> Nothing:
    """It is due, and so noted once however often it is delivered. Errors: UnknownProposal."""
    row: Row = await store.proposal_locked(tx, asked.proposal)
    if row.attempt != asked.attempt or row.status not in queries.WAITING:
        return Nothing()
    today = business_date(tx.now)
    if await _remind_on(tx, row, await queries.in_force(tx, today)) <= today:
        await store.note(tx, [row.id], "still waits for somebody", kind=EventKind.REMINDER)
    return Nothing()


async def _remind_at(tx: Transaction, row: Row, policy: WriteOffPolicy) -> datetime:
    return morning_of(await _remind_on(tx, row, policy))


async def _remind_on(tx: Transaction, row: Row, policy: WriteOffPolicy) -> date:
    return next_reminder((await queries.waited(tx, [row.id]))[row.id], policy)


def status_of(found: Assessment) -> ProposalStatus:
    """Where an open proposal stands that is on no schedule."""
    if found.ready:
        return ProposalStatus.READY
    # A credit that is only too young is not blocked: the years are for returning it, and that is the evidence.
    return ProposalStatus.BLOCKED if found.blocked and not found.only_young else ProposalStatus.GATHERING


async def _letter_due(tx: Transaction, row: Row, found: Assessment, today: date) -> WriteLadderLetter | None:
    letter = found.letter
    if letter is None or letter.from_on > today or found.address_missing:
        return None
    return WriteLadderLetter(
        proposal=row.id,
        account=row.account,
        kind=letter.kind,
        number=letter.number,
        reply_within_days=letter.reply_within_days,
        anew=letter.anew,
        heard=await queries.letters_heard(tx, row.account),
    )


def _next_look(found: Assessment, policy: WriteOffPolicy, today: date) -> date | None:
    """What blocks it may pass without an event of the account itself, as credit on another one does; a letter may be long on its way."""
    writes = found.letter is not None and found.letter.from_on <= today and not found.address_missing
    weekly = today + timedelta(days=policy.look_again_days) if writes or (found.blocked and not found.only_young) else None
    return min((day for day in (weekly, found.look_again_on) if day is not None), default=None)
