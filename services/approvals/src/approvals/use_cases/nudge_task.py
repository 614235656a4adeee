"""Time reminds, then escalates to a person; it never decides."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import NudgeTask
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.absence import stand_in
from approvals.domain.authority import next_above
from approvals.domain.eligibility import Status, objection
from approvals.domain.tasks import found


async def nudge_task(tx: Transaction, asked: NudgeTask) -> Nothing:
    """Note the reminder on an open task, or give it to somebody with more authority who may decide it. Errors: NoSuchTask."""
    head = found(await queries.task_head(tx, asked.task))
    await store.lock_case(tx, head.case)
    head = found(await queries.task_head(tx, asked.task))
    if head.status is not Status.OPEN:
        return Nothing()
    await store.note_nudge(tx, head.id, escalate=asked.escalate)
    if not asked.escalate:
        await store.note(tx, head.id, head.case, "reminded", whom=head.assigned_to)
        return Nothing()
    person = await _somebody_above(tx, head)
    if person is not None:
        await store.set_claim(tx, head.id, None, None)
        await store.set_assigned(tx, head.id, person)
    await store.note(tx, head.id, head.case, "escalated", whom=person)
    return Nothing()


async def _somebody_above(tx: Transaction, head: queries.TaskHead) -> str | None:
    """Of the next higher role at this stage, whoever was at the desk last and may decide, or their deputy; None where nobody is known."""
    known = await queries.standing(tx, head.id)
    assert known is not None
    role = next_above(known.authorities, head.stage, head.required_role)
    staff, away = await queries.staff_known(tx), await queries.deputies_today(tx)
    able = {
        one.subject
        for one in staff
        if one.subject != head.assigned_to and objection(known.unclaimed(), one.subject, one.roles, tx.now) is None
    }
    of_role = sorted((one for one in staff if role in one.roles), key=lambda one: one.last_seen_at, reverse=True)
    there = [one.subject for one in of_role if one.subject not in away]
    deputies = [stand_in(one.subject, away) for one in of_role if one.subject in away]
    return next((person for person in [*there, *deputies] if person in able), None)
