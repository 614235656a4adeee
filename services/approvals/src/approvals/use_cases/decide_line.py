"""Approve one line of a selection that was signed for, as a decision of its own; or note why not."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.forms import AnswerTask
from approvals.domain.together import LineChanged, NoSuchSelection
from approvals.use_cases.decide import decide

REASON = "checks-pass"


@dataclass(frozen=True)
class LineOf:
    """`plan_hash`: that of the content as its owner has it now; None where the owner does not say."""

    selection: UUID
    task: UUID
    plan_hash: str | None


def decision_of(selection: UUID, task: UUID) -> UUID:
    """The id under which a line is decided: the same however often it is tried."""
    return uuid5(selection, task.hex)


async def decide_line(tx: Transaction, form: LineOf) -> Nothing:
    """Approve a line as the caller, whose form is `decision_of` it. A line that has its result keeps it.

    Errors: LineChanged, NoSuchSelection, what `decide` names. Each leaves the other lines alone.
    """
    chosen = await queries.selection(tx, form.selection)
    line = next((one for one in chosen.lines if one.task == form.task), None) if chosen else None
    if line is None:
        raise NoSuchSelection("There is no such line.")
    if line.done:
        return Nothing()
    if form.plan_hash != line.content_hash:
        raise LineChanged("What was shown has changed meanwhile, or can’t be read just now. Look at it by itself.")
    made = await decide(tx, AnswerTask(form.task, line.content_hash, Answer.APPROVED, REASON, selection=form.selection))
    await store.note_line(tx, form.selection, form.task, decision=made.decision)
    return Nothing()


async def refuse_line(tx: Transaction, selection: UUID, task: UUID, why: str) -> None:
    """Note why a line was not decided; a line that has its result keeps it."""
    await store.note_line(tx, selection, task, refused=why)
