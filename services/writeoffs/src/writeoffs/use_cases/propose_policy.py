"""Propose what evidence is asked for from a day on. It counts once somebody else has checked it."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY, PolicyProposed
from rentbook_contracts.writeoffs import ProposeEvidencePolicy

from writeoffs import queries, store
from writeoffs.domain.days import business_date
from writeoffs.domain.policy import complaint_about
from writeoffs.use_cases.work import NotYourPart


async def propose_policy(tx: Transaction, told: ProposeEvidencePolicy) -> PolicyProposed:
    """Errors: NotYourPart, and what `complaint_about` names."""
    if not tx.caller.roles & MAKES_POLICY:
        raise NotYourPart(WHO_MAKES_POLICY)
    await store.lock_policy(tx)
    versions = await queries.policies(tx)
    refused = complaint_about(told.policy, {one.in_force_from for one in versions}, business_date(tx.now))
    if refused is not None:
        raise refused
    id_ = uuid4()
    await store.write_policy_proposal(tx, id_, versions[0].council, told.policy)
    return PolicyProposed(proposal=id_)
