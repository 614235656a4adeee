"""Propose what shall be in force from a day on. It counts once somebody else has checked it."""

from dataclasses import dataclass

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY, DayTaken

from approvals import queries, store
from approvals.domain.policy import (
    AnotherBase,
    NoSuchProposal,
    NotForYouToMake,
    ProposedPolicy,
    RaisesYourOwnLimit,
    complaint_about_policy,
    gain_of_a_later,
    in_force_before,
    raised_roles,
)
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date, role_words


@dataclass(frozen=True)
class ProposePolicy:
    """`base`: the version that the draft began with, which is in force until its day. All that was not changed in it is proposed anew."""

    asked: ProposedPolicy
    base: str


async def propose_policy(tx: Transaction, form: ProposePolicy) -> Nothing:
    """Propose as the caller, under the form's id. The same form again does nothing.

    Errors: NoSuchProposal, AnotherBase, what `complaint_about_policy` names, NotForYouToMake, RaisesYourOwnLimit, DayTaken, GainOfALater,
    SameFormOtherContent.
    """
    asked, id_ = form.asked, store.form_of(tx)
    before = next((one for one in await queries.proposals(tx) if one.id == id_), None)
    if before is not None:
        if (before.asked, before.proposed_by) != (asked, tx.caller.person):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    if not tx.caller.roles & MAKES_POLICY:
        raise NotForYouToMake(WHO_MAKES_POLICY)
    if asked.kind not in set(Kind):
        raise NoSuchProposal("There is no policy of this kind that could change.")
    await store.lock_policy(tx, asked.kind)
    versions = await queries.policies(tx, Kind(asked.kind))
    if not versions:
        raise NoSuchProposal("There is no policy of this kind that could change.")
    base = in_force_before(versions, asked.in_force_from)
    refused = complaint_about_policy(asked, base.authorities if base else (), business_date(tx.now))
    if refused is None and asked.in_force_from in {one.in_force_from for one in versions}:
        refused = DayTaken("Another policy comes into force on that day.", field="in_force_from")
    if refused is not None:
        raise refused
    if base is None:
        raise NoSuchProposal("There is no policy of this kind that could change.")
    if form.base != base.id:
        raise AnotherBase(f"Version {base.id} is in force until that day, and your form would undo what it changed. Begin anew with it.")
    refused = gain_of_a_later(await queries.made_a_gain_of(tx, asked))
    if refused is not None:
        raise refused
    own = sorted(raised_roles(asked.kind, base.authorities, asked.bands) & tx.caller.roles)
    if own:
        raise RaisesYourOwnLimit(f"This raises the limit of {role_words(own[0])}, which is yours. Ask somebody else to propose it.")
    await store.write_proposal(tx, id_, base.council, asked)
    return Nothing()
