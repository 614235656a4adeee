"""Take an approval back before its payment is released."""

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.approvals import RECALL, DecisionRecalled, DecisionTakenBack
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.forms import TakeBack
from approvals.domain.recalling import RecallNotExplained
from approvals.domain.tasks import found
from approvals.use_cases.read_decision import NoSuchDecision


async def recall_decision(tx: Transaction, form: TakeBack) -> Nothing:
    """Recall as the caller, under the form's id; the case goes round again and keeps its place. The same form again does nothing.

    Errors: what `recall_objection` names, RecallNotExplained, NoSuchDecision, SameFormOtherContent.
    """
    made = await queries.recorded(tx, form.decision)
    if made is None:
        raise NoSuchDecision("There is no such decision.")
    await store.lock_case(tx, made.case)
    made = await queries.recorded(tx, form.decision)
    assert made is not None
    recall = store.form_of(tx)
    if made.recalled_by_form == recall:
        if (made.recalled_by, made.recall_text) != (tx.caller.person, form.text):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    if await queries.recorded(tx, recall) is not None:
        # Its story would take it for the word on that decision, which it has had.
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    refused = await queries.recall_refusal(tx, form.decision)
    if refused is None and not form.text.strip():
        refused = RecallNotExplained("Write down why you recall it.", field="text")
    if refused is not None:
        raise refused
    await store.write_recall(tx, recall, form.decision, form.text)
    await store.note(tx, made.task, made.case, "recalled", said=form.text)
    fact = DecisionRecalled(case=made.case, decision=made.id, content_hash=made.content_hash)
    await tx.publish(fact, version=await store.next_version(tx, made.case))
    head = found(await queries.task_head(tx, made.task))
    await tx.update(head.workflow_id, RECALL, DecisionTakenBack(decision=made.id, task=made.task), update_id=str(recall))
    return Nothing()
