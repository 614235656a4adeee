"""Choose green tasks to be decided together. Which of them have to be opened first is drawn by lot."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.approvals import Lane
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import READS_ONLY, ReadsOnly
from approvals.domain.tasks import Kind
from approvals.domain.together import NotGreen, caps_objection, chosen_to_open


@dataclass(frozen=True)
class PutTogether:
    tasks: tuple[UUID, ...]


async def put_together(tx: Transaction, form: PutTogether) -> Nothing:
    """Keep the selection under the form's id, each line with the content that it is about. The same form again does nothing.

    Errors: NotGreen, what `caps_objection` names, ReadsOnly, SameFormOtherContent.
    """
    if tx.caller.roles <= READS_ONLY:
        raise ReadsOnly("An auditor reads everything and decides nothing.")
    id_ = store.form_of(tx)
    before = await queries.selection(tx, id_)
    tasks = tuple(dict.fromkeys(form.tasks))
    if before is not None:
        if ({line.task for line in before.lines}, before.person) != (set(tasks), tx.caller.person):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    rows = await queries.open_tasks(tx, tasks)
    if len(rows) != len(tasks) or any(row.lane != Lane.GREEN or row.kind != Kind.REFUND for row in rows):
        raise NotGreen("Something that you chose has left the green lane, or was decided meanwhile. Open the list again.", field="task")
    in_force = await queries.policy_in_force(tx, Kind.REFUND)
    refused = caps_objection(in_force, [row.amount_pence for row in rows])
    if refused is not None:
        raise refused
    shuffled = sorted(tasks)
    secrets.SystemRandom().shuffle(shuffled)
    await store.write_selection(tx, id_, rows, chosen_to_open(tasks, in_force.bulk_opened_first, shuffled))
    return Nothing()
