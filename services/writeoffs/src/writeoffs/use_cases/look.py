"""What a page shows of a proposal, and what a schedule would post: assessed at the moment of asking, and changing nothing."""

from collections.abc import Iterable, Sequence

from chassis.transaction import Transaction
from rentbook_contracts.ledger import BenefitClaim, ChargeOwed, DebtFacts, LineKind, PastWriteOff
from rentbook_contracts.people import READS_ACCOUNTS
from rentbook_contracts.workflows import proposal_workflow_id
from rentbook_contracts.writeoffs import (
    BulkDryRun,
    DryRun,
    DryRunAsked,
    DryRunLine,
    EvidenceKind,
    ProofShown,
    ProposalAsked,
    ProposalEvent,
    ProposalPage,
    ProposalStatus,
    ProposeInBulk,
    RungShown,
    WouldPropose,
)

from writeoffs import queries
from writeoffs.domain.assessment import Assessment, Standing, assess, past_write_off, still_wanted
from writeoffs.domain.days import business_date
from writeoffs.store import Row
from writeoffs.use_cases.assess import status_of
from writeoffs.use_cases.listing import assessed, listed
from writeoffs.use_cases.propose import sort_out
from writeoffs.use_cases.work import NotYourPart, fact_of

AN_ADDRESS = "An address to write to"
NOTED_DEAD = "the death is noted on the account; what shows it is still wanted, such as the certificate or a grant of probate"


async def proposal_page(tx: Transaction, asked: ProposalAsked) -> ProposalPage:
    """Whoever reads no accounts reads what was put on a schedule. Errors: UnknownProposal, NotYourPart; Unanswered (ledger)."""
    row = await queries.proposal_row(tx, asked.proposal)
    if not tx.caller.reads(READS_ACCOUNTS) and not await queries.was_listed(tx, row.id):
        raise NotYourPart("This proposal was never put on a schedule.")
    today = business_date(tx.now)
    policy = await queries.in_force(tx, today)
    facts = await fact_of(tx, row.account)
    found = (await assessed(tx, [row], {row.account: facts}, policy, today))[row.id]
    proofs = await queries.proofs_shown(tx, row)
    closed = row.closed_at is not None
    kept = await queries.rungs_posted(tx, row.id) if row.status == ProposalStatus.POSTED else None
    writes = row.status in queries.WAITING
    reminded = await queries.reminders_of(tx, [row])
    return ProposalPage(
        proposal=row.id,
        attempt=row.attempt,
        kind=row.kind,
        account=row.account,
        reason=row.reason,
        status=_stands(row, found),
        status_note=row.status_note,
        note=row.note,
        raised_by=row.raised_by,
        raised_at=row.raised_at,
        owed_pence=facts.balance_pence,
        amount_pence=row.amount_pence if closed else found.amount_pence,
        debtor_total_pence=row.debtor_total_pence if closed else found.debtor_total_pence,
        parts=() if closed else found.parts,
        ladder=kept if kept is not None else found.rungs if closed else _death_told_apart(found.rungs, facts, proofs),
        ladder_as_decided=kept is not None,
        blocked=() if closed else found.blocked,
        look_again_on=None if closed else found.look_again_on,
        charges=found.charges,
        proofs=proofs,
        events=_with_claims(await queries.events_of(tx, proposal=row.id), row, facts.claims if tx.caller.reads(READS_ACCOUNTS) else ()),
        undoes=row.undoes,
        schedule=row.schedule,
        journal=row.journal,
        policy_version=row.policy_version,
        letter_on=found.letter.from_on if found.letter is not None and writes and not found.address_missing else None,
        address_missing=writes and found.address_missing,
        stays_pence=0 if closed else found.stays_pence,
        linked=() if closed else facts.linked,
        lately=() if closed else facts.to_income_lately if row.kind == LineKind.CREDIT_WRITE_ON else facts.written_off_lately,
        goes=_goes(row, found, facts),
        reminders=reminded.get(row.id),
        left_out=row.left_out,
        gone_story=None if closed else tx.gone(proposal_workflow_id(row.id, row.attempt)),
        parked_since=None if closed else await queries.parked_since(tx, row.account),
    )


def _stands(row: Row, found: Assessment) -> ProposalStatus:
    """What was just proposed, or confirmed, and is blocked says so before its story has looked at it. What was ready follows no story: what
    came to stand in its way since, as on another account of the same people, is said here, and by the schedule that leaves it out.
    """
    known = ProposalStatus(row.status)
    just_begun = known is ProposalStatus.GATHERING and found.blocked
    return status_of(found) if just_begun or known is ProposalStatus.READY else known


def _with_claims(events: Iterable[ProposalEvent], row: Row, claims: Iterable[BenefitClaim]) -> tuple[ProposalEvent, ...]:
    """With who noted that Benefits had a claim to decide, and who that it was decided: what stood in its way while it was open."""
    told: list[ProposalEvent] = []
    for claim in claims if row.kind == LineKind.WRITE_OFF else ():
        if claim.decided_at is not None and claim.decided_at < row.raised_at:
            continue
        told.append(ProposalEvent(at=claim.noted_at, by=claim.noted_by, what="Benefits has a claim to decide", note=claim.reason))
        if claim.decided_at is not None:
            note = claim.decided_because or ""
            told.append(ProposalEvent(at=claim.decided_at, by=claim.decided_by or "", what="Benefits has decided its claim", note=note))
    in_its_time = (one for one in told if row.closed_at is None or one.at <= row.closed_at)
    return tuple(sorted((*events, *in_its_time), key=lambda one: one.at))


def _goes(row: Row, found: Assessment, facts: DebtFacts) -> tuple[ChargeOwed, ...]:
    """The charges of its own. A write-off of all that is owed is of those, which the page has."""
    if row.closed_at is not None:
        return _put_back(row, facts) if row.kind == LineKind.REINSTATEMENT else _charges_of(past_write_off(facts, row.journal))
    return found.chosen if found.named or row.kind == LineKind.REINSTATEMENT else ()


def _charges_of(past: PastWriteOff | None) -> tuple[ChargeOwed, ...]:
    return past.charges if past is not None else ()


def _put_back(row: Row, facts: DebtFacts) -> tuple[ChargeOwed, ...]:
    past = past_write_off(facts, row.undoes)
    return next((put.charges for put in past.put_back if put.journal == row.journal), ()) if past is not None else ()


def _death_told_apart(rungs: Sequence[RungShown], facts: DebtFacts, proofs: Iterable[ProofShown]) -> tuple[RungShown, ...]:
    """Whoever reads on the account that a tenant died wonders why that is still wanted: a note shows nothing.

    Where evidence of it was brought, its rung says why it does not count.
    """
    brought = any(proof.kind is EvidenceKind.DEATH and proof.struck is None for proof in proofs)
    if brought or all(person.died_on is None for person in facts.people):
        return tuple(rungs)
    wanted = [not rung.met and EvidenceKind.DEATH in rung.shown_by for rung in rungs]
    return tuple(rung.model_copy(update={"says": NOTED_DEAD}) if of_death else rung for rung, of_death in zip(rungs, wanted, strict=True))


async def dry_run(tx: Transaction, asked: DryRunAsked) -> DryRun:
    """Errors: Unanswered (ledger)."""
    rows = await queries.proposal_rows(tx, asked.proposals)
    lines, left_out = await listed(tx, rows)
    made = {one.line.line: one for one in lines}
    shown = tuple(
        DryRunLine(proposal=row.id, account=row.account, line=made[row.id].line, debtor_total_pence=made[row.id].debtor_total_pence)
        if row.id in made
        else DryRunLine(proposal=row.id, account=row.account, line=None, because=left_out.get(row.id))
        for row in rows
    )
    return DryRun(
        lines=shown,
        total_pence=sum(one.line.amount_pence for one in lines),
        vat_pence=sum(part.vat_pence for one in lines for part in one.line.parts),
        band_pence=max((one.debtor_total_pence for one in lines), default=0),
    )


async def bulk_dry_run(tx: Transaction, asked: ProposeInBulk) -> BulkDryRun:
    """What proposing these accounts would make of each. Errors: ReasonOfAnotherKind; Unanswered (ledger)."""
    today = business_date(tx.now)
    policy = await queries.in_force(tx, today)
    sorted_out = await sort_out(tx, asked)
    shown = []
    for account in dict.fromkeys(asked.accounts):
        if account in sorted_out.refused:
            shown.append(WouldPropose(account=account, because=sorted_out.refused[account]))
            continue
        facts = sorted_out.facts[account]
        found = assess(Standing(LineKind.WRITE_OFF, asked.reason, facts.balance_pence, ()), facts, policy, today)
        would = WouldPropose(
            account=account,
            amount_pence=found.amount_pence,
            debtor_total_pence=found.debtor_total_pence,
            blocked=found.blocked,
            missing=(*still_wanted(asked.reason, facts, found.rungs), *((AN_ADDRESS,) if found.address_missing else ())),
        )
        shown.append(would)
    return BulkDryRun(accounts=tuple(shown))
