"""Answer a proposal for a policy on evidence: accept it, refuse it, or withdraw one's own."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY, CheckPolicy, objection_to_answer

from writeoffs import queries, store
from writeoffs.domain.days import business_date
from writeoffs.use_cases.work import NotYourPart


async def check_policy(tx: Transaction, told: CheckPolicy) -> Nothing:
    """Answer as the caller; accepting lays the policy down, in force from its day.

    Errors: NotYourPart, and what `objection_to_answer` names.
    """
    if not tx.caller.roles & MAKES_POLICY:
        raise NotYourPart(WHO_MAKES_POLICY)
    await store.lock_policy(tx)
    known = next((one for one in await queries.policy_proposals(tx) if one.proposal == told.proposal), None)
    laid = {one.in_force_from: one.version for one in await queries.policies(tx)}
    day = known.policy.in_force_from if known else None
    refused = objection_to_answer(told, known, tx.caller.person, day, laid, business_date(tx.now))
    if refused is not None:
        raise refused
    await store.write_policy_check(tx, told)
    return Nothing()
