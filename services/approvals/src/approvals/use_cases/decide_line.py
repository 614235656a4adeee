"""Approve one line of a selection that was signed for, as a decision of its own; or note why not."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import objection
from approvals.domain.forms import AnswerTask
from approvals.domain.together import (
    LeftAlone,
    Line,
    LineChanged,
    NoSuchSelection,
    Selection,
    SignatureTooOld,
    StandsStill,
    signature_holds,
)
from approvals.use_cases.decide import decide

REASON = "checks-pass"


@dataclass(frozen=True)
class LineOf:
    """`plan_hash`: that of the content as its owner has it now; None where the owner does not say. `stands_still`: its workflow does not
    run, as far as the owner knows. `left_alone`: whoever signs was told that it could not be approved.
    """

    selection: UUID
    task: UUID
    plan_hash: str | None
    stands_still: bool = False
    left_alone: bool = False


def decision_of(selection: UUID, task: UUID) -> UUID:
    """The id under which a line is decided: the same however often it is tried."""
    return uuid5(selection, task.hex)


async def decide_line(tx: Transaction, form: LineOf) -> Nothing:
    """Approve a line as the caller, whose form is `decision_of` it. A line that has its result keeps it.

    Errors: what `objection` names, LineChanged, StandsStill, LeftAlone, NoSuchSelection, SignatureTooOld, what `decide` names. Each leaves
    the other lines alone.
    """
    chosen, line = await _locked(tx, form.selection, form.task)
    if line.done:
        return Nothing()
    if chosen.signed_at is not None and not signature_holds(chosen.signed_at, tx.now):
        raise SignatureTooOld("This was signed for too long ago. Choose it again, or look at it by itself.")
    known = await queries.standing(tx, form.task)
    # Before all that is the same of whatever changed: it says what has happened to the task.
    refused = objection(known, tx.caller.person, tx.caller.roles, tx.now) if known is not None else None
    if refused is not None:
        raise refused
    if form.stands_still:
        raise StandsStill(
            "Its workflow does not run, so that nothing would be carried out. Ask whoever looks after Rentbook to restart it."
        )
    if form.plan_hash != line.content_hash:
        raise LineChanged("What was shown has changed meanwhile, or can’t be read just now. Look at it by itself.")
    if form.left_alone:
        raise LeftAlone("It could not be approved as it was shown to you. Look at it by itself.")
    made = await decide(tx, AnswerTask(form.task, line.content_hash, Answer.APPROVED, REASON, selection=form.selection))
    await store.note_line(tx, form.selection, form.task, decision=made.decision)
    return Nothing()


async def refuse_line(tx: Transaction, selection: UUID, task: UUID, why: str) -> None:
    """Note why a line was not decided; a line that has its result keeps it. Errors: NoSuchSelection."""
    _, line = await _locked(tx, selection, task)
    if not line.done:
        await store.note_line(tx, selection, task, refused=why)


async def _locked(tx: Transaction, selection: UUID, task: UUID) -> tuple[Selection, Line]:
    """A line under its case's lock, so that a form that was sent twice refuses nothing that it is just deciding."""
    _, line = await _found(tx, selection, task)
    await store.lock_case(tx, line.case)
    return await _found(tx, selection, task)


async def _found(tx: Transaction, selection: UUID, task: UUID) -> tuple[Selection, Line]:
    chosen = await queries.selection(tx, selection)
    line = next((one for one in chosen.lines if one.task == task), None) if chosen else None
    if chosen is None or line is None:
        raise NoSuchSelection("There is no such line.")
    return chosen, line
