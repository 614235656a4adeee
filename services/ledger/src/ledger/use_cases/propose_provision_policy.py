"""Propose the rates of expected loss from a day on. They count once somebody else has checked them."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ProposeProvisionPolicy
from rentbook_contracts.policy import PolicyProposed

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.provision import complaint_about_rates
from ledger.queries.provision import provision_versions
from ledger.use_cases.permission import may_make_policy


async def propose_provision_policy(tx: Transaction, told: ProposeProvisionPolicy) -> PolicyProposed:
    """Errors: NotAllowed, and what `complaint_about_rates` names."""
    may_make_policy(tx.caller)
    await store.serialise(tx, "provision-policy")
    taken = {one.policy.in_force_from for one in await provision_versions(tx)}
    refused = complaint_about_rates(told.policy, taken, business_date(tx.now))
    if refused is not None:
        raise refused
    id_ = uuid4()
    await store.write_provision_proposal(tx, id_, told.policy)
    return PolicyProposed(proposal=id_)
