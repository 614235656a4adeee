"""Answer a proposal for rates of expected loss: accept it, refuse it, or withdraw one's own."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import CheckPolicy, objection_to_answer

from ledger import store
from ledger.domain.dates import business_date
from ledger.queries.provision import provision_proposals, provision_versions
from ledger.use_cases.permission import may_make_policy


async def check_provision_policy(tx: Transaction, told: CheckPolicy) -> Nothing:
    """Answer as the caller; accepting lays the rates down, in force from their day.

    Errors: NotAllowed, and what `objection_to_answer` names.
    """
    may_make_policy(tx.caller)
    await store.serialise(tx, "provision-policy")
    known = next((one for one in await provision_proposals(tx) if one.proposal == told.proposal), None)
    laid = {one.policy.in_force_from: one.version for one in await provision_versions(tx)}
    day = known.policy.in_force_from if known else None
    refused = objection_to_answer(told, known, tx.caller.person, day, laid, business_date(tx.now))
    if refused is not None:
        raise refused
    await store.write_provision_check(tx, told)
    return Nothing()
