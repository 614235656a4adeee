"""Answer a task. The row comes first; the fact and the word to the workflow leave with it or not at all."""

from typing import Any
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts import approvals as contract

from approvals import queries, store
from approvals.domain.asking import NotTheirsToAnswer
from approvals.domain.delegation import Mandate
from approvals.domain.eligibility import ContentChanged, mandate_for, objection
from approvals.domain.forms import AnswerSchedule, AnswerTask, DecisionTaken
from approvals.domain.reasons import complaints_about
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import AnotherKindOfTask, Kind, found
from approvals.use_cases.gather_actors import OfPlan, actors_of_refunds, take_part


async def decide(tx: Transaction, form: AnswerTask) -> DecisionTaken:
    """Decide as the caller, under the form's id. The same form again does nothing and gives the first answer.

    Errors: what `objection` and `complaints_about` name, NotTheirsToAnswer, ContentChanged, SameFormOtherContent, NoSuchTask,
    AnotherKindOfTask, Unanswered (ledger, refunds); and, whatever was looked at here, the rules of the database.
    """
    head = await locked_task(tx, form.task, Kind.REFUND)
    decision = store.form_of(tx)
    before = await queries.recorded(tx, decision)
    if before is not None:
        return _same(tx, form, before)
    assert head.account is not None, "a refund is of an account"
    await take_part(tx, await actors_of_refunds(tx, [OfPlan(head.case, head.account, head.content_hash)]))
    complaint = next(complaints_about(form.answer, form.reason_code, form.text, form.question_to), None)
    complaint = complaint or await complaint_about_asked(tx, head, form.question_to)
    mandate = await mandate_or_refuse(tx, head, form.content_hash, complaint)
    completes = await store.write_decision(tx, {**row_of(tx, form, head, decision, mandate), "selection_id": form.selection})
    await store.set_claim(tx, head.id, None, None)
    await _tell(tx, form, head, decision, completes=completes)
    return DecisionTaken(decision, completes)


async def locked_task(tx: Transaction, task: UUID, kind: Kind) -> queries.TaskHead:
    """A task of a kind, under its case's lock. Errors: NoSuchTask, AnotherKindOfTask."""
    head = found(await queries.task_head(tx, task))
    if head.kind is not kind:
        raise AnotherKindOfTask("This is answered on another page.")
    await store.lock_case(tx, head.case)
    return head


async def mandate_or_refuse(tx: Transaction, head: queries.TaskHead, content_hash: str, complaint: ApprovalRule | None) -> Mandate:
    """Refuse what four eyes and authority forbid, then what is wrong with the form, and give the authority that allows it."""
    known = await queries.standing(tx, head.id)
    assert known is not None
    refused = objection(known, tx.caller.person, tx.caller.roles, tx.now)
    if refused is None and content_hash != head.content_hash:
        refused = ContentChanged("What was shown has changed. Look at it again before you decide.")
    refused = refused or complaint
    if refused is not None:
        raise refused
    mandate = mandate_for(known, tx.caller.person, tx.caller.roles)
    assert mandate is not None, "objection names a missing authority"
    return mandate


async def complaint_about_asked(tx: Transaction, head: queries.TaskHead, asked: str | None) -> ApprovalRule | None:
    """NotTheirsToAnswer where a question would go to somebody whose answer would be refused, or whom the desk has never seen."""
    if asked is None or any(one.subject == asked for one in await queries.may_be_asked(tx, head.kind, head.case)):
        return None
    return NotTheirsToAnswer("This person may not answer it. Choose someone else.", field="question_to")


def row_of(tx: Transaction, form: AnswerTask | AnswerSchedule, head: queries.TaskHead, decision: UUID, mandate: Mandate) -> dict[str, Any]:
    """The decision, as its row has it."""
    return {
        "id": decision,
        "task_id": head.id,
        "case_id": head.case,
        "attempt": head.attempt,
        "round": head.round,
        "stage": head.stage,
        "stages": head.stages,
        "content_hash": form.content_hash,
        "amount_pence": head.amount_pence,
        "decided_by": tx.caller.person,
        "roles": sorted(tx.caller.roles),
        "authority_id": mandate.authority.id,
        "delegations": [one.id for one in mandate.chain],
        "answer": form.answer,
        "reason_code": form.reason_code,
        "text": form.text,
        "question_to": form.question_to,
    }


def _same(tx: Transaction, form: AnswerTask, before: queries.Recorded) -> DecisionTaken:
    now = AnswerTask(before.task, before.content_hash, before.answer, before.reason_code, before.text, before.question_to, form.selection)
    if now != form or before.decided_by != tx.caller.person:
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    return DecisionTaken(before.id, before.completes)


async def _tell(tx: Transaction, form: AnswerTask, head: queries.TaskHead, decision: UUID, *, completes: bool) -> None:
    fact = contract.DecisionMade(
        case=head.case,
        kind=contract.TaskKind.REFUND,
        decision=decision,
        task=head.id,
        attempt=head.attempt,
        round=head.round,
        stage=head.stage,
        content_hash=form.content_hash,
        answer=form.answer,
        completes=completes,
    )
    await tx.publish(fact, version=await store.next_version(tx, head.case))
    await tell_workflow(tx, head, decision)


async def tell_workflow(tx: Transaction, head: queries.TaskHead, decision: UUID) -> None:
    """The id of the row, to whoever waits for it. A recall has ids of the same kind: a story that had it would take this for the same word.

    Errors: SameFormOtherContent.
    """
    if await queries.is_recall(tx, decision):
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    taken = contract.DecisionTaken(decision=decision, task=head.id, round=head.round, content_hash=head.content_hash)
    await tx.update(head.workflow_id, contract.DECIDE, taken, update_id=str(decision))
