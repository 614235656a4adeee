"""Answer a proposal for a policy on evidence: accept it, refuse it, or withdraw one's own."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.writeoffs import CheckEvidencePolicy, EvidenceProposal, PolicyAnswer

from writeoffs import queries, store
from writeoffs.domain.days import business_date
from writeoffs.domain.policy import (
    MAKES_POLICY,
    AnsweredAlready,
    CheckNotExplained,
    DayTaken,
    InForceTooSoon,
    MakerIsNotChecker,
    NoSuchPolicyProposal,
    OnlyTheMakerWithdraws,
)
from writeoffs.domain.rules import WriteOffRule
from writeoffs.use_cases.work import NotYourPart


async def check_policy(tx: Transaction, told: CheckEvidencePolicy) -> Nothing:
    """Answer as the caller; accepting lays the policy down, in force from its day.

    Errors: NotYourPart, NoSuchPolicyProposal, AnsweredAlready, CheckNotExplained, OnlyTheMakerWithdraws, MakerIsNotChecker,
    InForceTooSoon, DayTaken.
    """
    if not tx.caller.roles & MAKES_POLICY:
        raise NotYourPart("Proposing and checking policy is for managers and finance.")
    await store.lock_policy(tx)
    known = next((one for one in await queries.policy_proposals(tx) if one.proposal == told.proposal), None)
    refused = await _objection(tx, told, known)
    if refused is not None:
        raise refused
    await store.write_policy_check(tx, told)
    return Nothing()


async def _objection(tx: Transaction, told: CheckEvidencePolicy, known: EvidenceProposal | None) -> WriteOffRule | None:
    if known is None:
        return NoSuchPolicyProposal("There is no such proposal.")
    if known.answer is not None:
        return AnsweredAlready("This proposal was answered already.")
    if told.answer is not PolicyAnswer.ACCEPTED and not told.text.strip():
        return CheckNotExplained("Write down why.", field="check_text")
    mine = known.proposed_by == tx.caller.person
    if told.answer is PolicyAnswer.WITHDRAWN:
        return None if mine else OnlyTheMakerWithdraws("Only whoever made a proposal withdraws it.")
    if mine:
        return MakerIsNotChecker("You proposed this, so someone else must check it.")
    if told.answer is PolicyAnswer.REFUSED:
        return None
    if known.policy.in_force_from <= business_date(tx.now):
        return InForceTooSoon("Its day has come. Have it proposed anew, from a later day.")
    if known.policy.in_force_from in {one.in_force_from for one in await queries.policies(tx)}:
        return DayTaken("Another policy comes into force on that day.")
    return None
