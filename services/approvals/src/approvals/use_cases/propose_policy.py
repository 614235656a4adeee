"""Propose what shall be in force from a day on. It counts once somebody else has checked it."""

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import MAKES_POLICY, DayTaken

from approvals import queries, store
from approvals.domain.policy import (
    NoSuchProposal,
    NotForYouToMake,
    ProposedPolicy,
    RaisesYourOwnLimit,
    complaint_about_policy,
    in_force_before,
    raised_roles,
)
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date, role_words


async def propose_policy(tx: Transaction, form: ProposedPolicy) -> Nothing:
    """Propose as the caller, under the form's id. The same form again does nothing.

    Errors: NoSuchProposal, what `complaint_about_policy` names, NotForYouToMake, RaisesYourOwnLimit, DayTaken, SameFormOtherContent.
    """
    id_ = store.form_of(tx)
    before = next((one for one in await queries.proposals(tx) if one.id == id_), None)
    if before is not None:
        if (before.asked, before.proposed_by) != (form, tx.caller.person):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    if not tx.caller.roles & MAKES_POLICY:
        raise NotForYouToMake("Proposing and checking policy is for managers and finance.")
    if form.kind not in set(Kind):
        raise NoSuchProposal("There is no policy of this kind that could change.")
    versions = await queries.policies(tx, Kind(form.kind))
    base = in_force_before(versions, form.in_force_from)
    refused = complaint_about_policy(form, base.authorities if base else (), business_date(tx.now))
    if refused is not None:
        raise refused
    if base is None:
        raise NoSuchProposal("There is no policy of this kind that could change.")
    if form.in_force_from in {one.in_force_from for one in versions}:
        raise DayTaken("Another policy comes into force on that day.", field="in_force_from")
    own = sorted(raised_roles(form.kind, base.authorities, form.bands) & tx.caller.roles)
    if own:
        raise RaisesYourOwnLimit(f"This raises the limit of {role_words(own[0])}, which is yours. Ask somebody else to propose it.")
    await store.write_proposal(tx, id_, base.council, form)
    return Nothing()
