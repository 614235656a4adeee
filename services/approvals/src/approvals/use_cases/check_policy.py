"""Answer a proposal for a policy: accept it, refuse it, or withdraw one's own."""

from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import AnsweredAlready, CheckNotExplained

from approvals import queries, store
from approvals.domain.policy import AnotherBase, NoSuchProposal, gain_of_a_later, in_force_before, too_far_ahead
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date


@dataclass(frozen=True)
class CheckPolicy:
    """`answer`: accepted, refused or withdrawn. `base`: the version that it was compared with; whoever accepts names it."""

    proposal: UUID
    answer: str
    text: str = ""
    base: str | None = None


async def check_policy(tx: Transaction, form: CheckPolicy) -> Nothing:
    """Answer as the caller. Accepting lays the policy down, in force from its day. The same answer in the same words by the same person
    again does nothing.

    Errors: NoSuchProposal, AnsweredAlready, SameFormOtherContent, CheckNotExplained, TooFarAhead, GainOfALater, AnotherBase, and the rules
    of the database: MakerIsNotChecker, OnlyTheMakerWithdraws, RaisesYourOwnLimit, NotForYouToMake, InForceTooSoon, DayTaken.
    """
    known = next((one for one in await queries.proposals(tx) if one.id == form.proposal), None)
    if known is None:
        raise NoSuchProposal("There is no such proposal.")
    if known.answer is not None:
        if (known.answer, known.checked_by) == (form.answer, tx.caller.person):
            if known.text != form.text.strip():
                raise SameFormOtherContent("You gave this answer already, in other words. Those stand; what you wrote now was not kept.")
            return Nothing()
        raise AnsweredAlready("This proposal was answered already.")
    if form.answer != "accepted" and not form.text.strip():
        raise CheckNotExplained("Write down why.", field="check_text")
    if form.answer == "accepted":
        await store.lock_policy(tx, known.asked.kind)
        versions = await queries.policies(tx, Kind(known.asked.kind))
        refused = too_far_ahead(known.asked.in_force_from, business_date(tx.now))
        if refused is not None:
            raise refused
        base = in_force_before(versions, known.asked.in_force_from)
        if base is None or form.base != base.id:
            raise AnotherBase("Another policy was laid down meanwhile. See what changes beside that one, and answer anew.")
        spoils = gain_of_a_later(await queries.made_a_gain_of(tx, known.asked))
        if spoils is not None:
            raise spoils
    await store.write_check(tx, form.proposal, form.answer, form.text.strip())
    return Nothing()
