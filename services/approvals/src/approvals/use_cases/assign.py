"""Give an open task to a person who may decide it."""

from chassis.transaction import Transaction

from approvals import queries, store
from approvals.domain.absence import stand_in
from approvals.domain.eligibility import READS_ONLY, ReadsOnly, Status, TaskClosed, objection
from approvals.domain.forms import AssignTask
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import found


class MayNotBeAssigned(ApprovalRule):
    """A task is given only to somebody who may decide it."""


_NOT_THEM = "This person may not decide it. Choose someone else."
_NOT_THE_DEPUTY = "This person is out of office, and their deputy may not decide it. Choose someone else."


async def assign(tx: Transaction, form: AssignTask) -> str | None:
    """Assign, or take the assignment away; whoever is out of office has it go to their deputy. Gives whose it is now.

    Errors: NoSuchTask, TaskClosed, ReadsOnly, MayNotBeAssigned.
    """
    if tx.caller.roles <= READS_ONLY:
        raise ReadsOnly("An auditor reads everything and changes nothing.")
    head = found(await queries.task_head(tx, form.task))
    await store.lock_case(tx, head.case)
    known = await queries.standing(tx, head.id)
    assert known is not None
    if known.status is not Status.OPEN:
        raise TaskClosed("This no longer waits for a decision.")
    to = None if form.to is None else stand_in(form.to, await queries.deputies_today(tx))
    if form.to is not None:
        person = next((one for one in await queries.staff_known(tx) if one.subject == to), None)
        if person is None or objection(known.unclaimed(), person.subject, person.roles, tx.now) is not None:
            raise MayNotBeAssigned(_NOT_THEM if to == form.to else _NOT_THE_DEPUTY, field="to")
    await store.set_assigned(tx, head.id, to)
    absent = (await queries.names_of(tx, {form.to})).get(form.to) if form.to is not None and to != form.to else None
    await store.note(tx, head.id, head.case, "assigned", whom=to, said=f"In place of {absent}, who is out of office" if absent else None)
    return to
