"""Deciding as the desk does it: each rule at the use case, in the words that a person reads."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from approvals import queries
from approvals.domain import eligibility, reasons, recalling, releasing
from approvals.domain.asking import NotTheirsToAnswer
from approvals.domain.eligibility import Part, Status
from approvals.domain.forms import AnswerTask, OfTask, TakeBack, TakePart
from approvals.queries import Carried, Filters, View
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.claim import claim
from approvals.use_cases.close_task import NothingToCarryOut, close_task
from approvals.use_cases.decide import decide
from approvals.use_cases.note_update_outcome import note_decision_outcome, note_recall_outcome
from approvals.use_cases.open_task import NotThisPlan, open_task
from approvals.use_cases.read_decision import read_decision
from approvals.use_cases.recall_decision import recall_decision
from chassis.serving import Settled, Settlement
from chassis.transaction import Refused, SameFormOtherContent, run
from rentbook_contracts.approvals import Answer, CloseTask, ReadDecision, TaskOpened
from rentbook_contracts.approvals import DecisionTaken as Taken
from rentbook_contracts.approvals import DecisionTakenBack as TakenBack
from support.office import HASH, OTHER_HASH, PEOPLE, Office

WITHIN = [
    (1, "sen.senior"), (100_00, "sen.senior"), (100_01, "tess.leader"), (500_00, "tess.leader"), (500_01, "ines.manager"),
    (2_500_00, "ines.manager"), (2_500_01, "hana.head"), (50_00, "hana.head"),
]  # fmt: skip
ABOVE = [
    (100_01, "sen.senior", "£100.01 is above your £100.00."),
    (500_01, "tess.leader", "£500.01 is above your £500.00."),
    (612_00, "tess.leader", "£612.00 is above your £500.00."),
    (2_500_01, "ines.manager", "£2,500.01 is above your £2,500.00."),
]
NO_PART = [
    (50_00, "ben.officer", "Deciding this is for a senior officer."),
    (50_00, "finn.finance", "Deciding this is for a senior officer."),
]


@pytest.mark.parametrize(("pence", "person"), WITHIN)
async def test_a_limit_reaches_up_to_its_edge(office: Office, pence: int, person: str) -> None:
    _, opened = await office.open(pence)
    made = await office.answer_task(person, opened)
    assert made.completes == (pence <= 2_500_00)


@pytest.mark.parametrize(("pence", "person", "words"), ABOVE)
async def test_a_limit_ends_a_penny_above_its_edge(office: Office, pence: int, person: str, words: str) -> None:
    _, opened = await office.open(pence)
    with pytest.raises(eligibility.AboveYourLimit) as refused:
        await office.answer_task(person, opened)
    assert refused.value.message == words
    page = await office.look(person, queries.task_page, opened.task)
    assert page is not None
    assert page.row.why_not == words


@pytest.mark.parametrize(("pence", "person", "words"), NO_PART)
async def test_a_role_without_authority_at_a_stage_decides_nothing(office: Office, pence: int, person: str, words: str) -> None:
    _, opened = await office.open(pence)
    with pytest.raises(eligibility.NotYourStage) as refused:
        await office.answer_task(person, opened)
    assert refused.value.message == words


async def test_above_the_last_band_the_head_of_service_and_then_finance_decide(office: Office) -> None:
    asked, first = await office.open(2_500_01)
    assert first.stages == 2
    assert (await office.answer_task("hana.head", first)).completes is False
    _, second = await office.open(2_500_01, asked.case, stage=2, account=asked.account)
    with pytest.raises(eligibility.NotYourStage):
        await office.answer_task("ines.manager", second)
    assert (await office.answer_task("finn.finance", second)).completes is True


async def test_the_second_stage_waits_for_the_first(office: Office) -> None:
    asked, _ = await office.open(3_000_00)
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    with pytest.raises(eligibility.EarlierStageFirst):
        await office.answer_task("finn.finance", second)


async def test_one_person_with_both_roles_does_not_decide_both_stages(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEOPLE, "hana.head", ("head-of-service", "finance"))
    asked, first = await office.open(3_000_00)
    await office.answer_task("hana.head", first)
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    with pytest.raises(eligibility.DecidedAnEarlierStage):
        await office.answer_task("hana.head", second)


async def test_whoever_raised_it_does_not_decide_it(office: Office) -> None:
    _, opened = await office.open(50_00, raised_by="tess.leader", participants=())
    with pytest.raises(eligibility.ParticipantMayNotDecide) as refused:
        await office.answer_task("tess.leader", opened)
    assert refused.value.message == "You raised this case, so someone else must decide."


async def test_whoever_posted_an_entry_behind_the_credit_does_not_decide_it(office: Office) -> None:
    office.actors = ["tess.leader", "system"]
    _, opened = await office.open(50_00)
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.answer_task("tess.leader", opened)
    await office.answer_task("tim.leader", opened)


async def test_whoever_moved_money_while_the_task_waited_does_not_decide_it(office: Office) -> None:
    """The ledger is asked at the decision, not only when the task was opened."""
    _, opened = await office.open(50_00)
    office.actors = ["tess.leader"]
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.answer_task("tess.leader", opened)
    await office.answer_task("tim.leader", opened)


async def test_whoever_took_part_in_another_request_of_the_same_people_does_not_decide_it(office: Office) -> None:
    office.elsewhere = ["tess.leader"]
    _, opened = await office.open(50_00)
    page = await office.look("tess.leader", queries.task_page, opened.task)
    assert page is not None
    assert page.row.why_not is not None
    assert "or in another about the same people" in page.row.why_not
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.answer_task("tess.leader", opened)
    await office.answer_task("tim.leader", opened)


async def test_nor_does_whoever_took_part_in_one_while_the_task_waited(office: Office) -> None:
    """Refunds is asked at the decision, not only when the task was opened."""
    _, opened = await office.open(50_00)
    office.elsewhere = ["tess.leader"]
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.answer_task("tess.leader", opened)
    await office.answer_task("tim.leader", opened)


async def test_whoever_added_evidence_earlier_is_told_since_when(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await office.do("tess.leader", add_participant, TakePart(asked.case, Part.EVIDENCE))
    page = await office.look("tess.leader", queries.task_page, opened.task)
    assert page is not None
    assert page.row.why_not_rule == "ParticipantMayNotDecide"
    assert page.row.why_not is not None
    assert page.row.why_not.startswith("You added evidence at ")
    assert "tess.leader" not in {one.subject for one in page.may_decide}


async def test_an_auditor_decides_nothing(office: Office) -> None:
    asked, opened = await office.open(50_00)
    with pytest.raises(eligibility.ReadsOnly):
        await office.answer_task("aud.auditor", opened)
    with pytest.raises(eligibility.ReadsOnly):
        await office.do("aud.auditor", add_participant, TakePart(asked.case, Part.EVIDENCE))


async def test_a_decision_is_on_what_was_shown(office: Office) -> None:
    _, opened = await office.open(50_00)
    with pytest.raises(eligibility.ContentChanged):
        await office.answer_task("tess.leader", opened, content_hash=OTHER_HASH)


async def test_a_task_is_decided_once_and_says_when(office: Office) -> None:
    _, opened = await office.open(50_00)
    await office.answer_task("tess.leader", opened)
    with pytest.raises(eligibility.AlreadyDecided) as refused:
        await office.answer_task("tim.leader", opened, Answer.DECLINED)
    assert refused.value.message.startswith("A colleague approved this at ")


async def test_the_same_form_decides_once(office: Office) -> None:
    _, opened = await office.open(50_00)
    form = uuid4()
    first = await office.answer_task("tess.leader", opened, form_id=form)
    assert await office.answer_task("tess.leader", opened, form_id=form) == first
    with pytest.raises(SameFormOtherContent):
        await office.answer_task("tess.leader", opened, Answer.DECLINED, form_id=form)
    with pytest.raises(SameFormOtherContent):
        await office.answer_task("tim.leader", opened, form_id=form)
    assert (await office.sql("select count(*) from outbox_event"))[0]["count"] == 1


async def test_the_same_form_sent_twice_at_once_decides_once(office: Office) -> None:
    _, opened = await office.open(50_00)
    form = uuid4()
    both = await asyncio.gather(*(office.answer_task("tess.leader", opened, form_id=form) for _ in range(2)))
    assert both[0] == both[1]
    assert (await office.sql("select count(*) from decision"))[0]["count"] == 1


async def test_two_people_at_once_make_one_decision(office: Office) -> None:
    _, opened = await office.open(50_00)
    people = ("tess.leader", "tim.leader", "ines.manager")
    results = await asyncio.gather(*(office.answer_task(person, opened) for person in people), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["AlreadyDecided", "AlreadyDecided", "DecisionTaken"]


async def test_the_decision_the_fact_and_the_word_to_the_workflow_leave_together(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    [fact] = await office.sql("select topic, key, aggregate_version, body from outbox_event")
    assert (fact["topic"], fact["key"], fact["aggregate_version"]) == ("approvals.cases", str(asked.case), 1)
    assert json.loads(fact["body"])["completes"] is True
    [word] = await office.sql("select kind, name, workflow_id, update_id, argument from outbox_workflow")
    assert (word["kind"], word["name"], word["update_id"]) == ("update", "decide", str(made.decision))
    assert word["workflow_id"] == asked.workflow_id
    [row] = await office.sql("select roles, limit_pence, decided_by from decision")
    assert (row["roles"], row["limit_pence"], row["decided_by"]) == (["team-leader"], 500_00, "tess.leader")


async def test_saying_no_needs_words_and_asking_needs_a_person(office: Office) -> None:
    _, opened = await office.open(50_00)
    with pytest.raises(reasons.ExplanationMissing) as refused:
        await office.do("tess.leader", decide, AnswerTask(opened.task, "ab" * 32, Answer.DECLINED, "duplicate", " "))
    assert refused.value.field == "text"
    with pytest.raises(reasons.NobodyAsked):
        await office.do("tess.leader", decide, AnswerTask(opened.task, "ab" * 32, Answer.SENT_BACK, "evidence-missing", "Which bank?"))
    with pytest.raises(reasons.UnknownReason):
        await office.do("tess.leader", decide, AnswerTask(opened.task, "ab" * 32, Answer.APPROVED, "because"))


async def test_a_participant_who_joins_while_a_decision_is_made_is_before_or_after_it_and_never_both(office: Office) -> None:
    for _ in range(10):
        asked, opened = await office.open(50_00)
        joined, decided = await asyncio.gather(
            office.do("tess.leader", add_participant, TakePart(asked.case, Part.EVIDENCE)),
            office.answer_task("tess.leader", opened),
            return_exceptions=True,
        )
        outcome = (type(joined).__name__, type(decided).__name__)
        assert outcome in {("Nothing", "ParticipantMayNotDecide"), ("DeciderMayNotTakePart", "DecisionTaken")}


async def test_a_sent_back_case_returns_to_the_same_person_at_the_same_place(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await office.answer_task("tess.leader", opened, Answer.SENT_BACK)
    work = await office.look("ola.officer", queries.worklist, View.MINE)
    assert [(row.task, row.asked_you) for row in work.rows] == [(opened.task, True)]
    _, later = await office.open(60_00)
    _, again = await office.open(50_00, asked.case, round=2, account=asked.account, content_hash=OTHER_HASH)
    assert (await office.look("ola.officer", queries.worklist, View.MINE)).rows == ()
    mine = await office.look("tess.leader", queries.worklist, View.EVERYONE)
    assert [row.task for row in mine.rows] == [again.task, later.task]
    assert mine.rows[0].assigned_to == "tess.leader"
    await office.answer_task("tess.leader", again, content_hash=OTHER_HASH)


@pytest.mark.parametrize("asked", ["aud.auditor", "finn.finance", "kim.s151", "tess.leader", "nobody.known"])
async def test_a_question_goes_to_nobody_whose_answer_would_be_refused(office: Office, asked: str) -> None:
    """Refunds takes an answer from officers and their managers alone, and nobody asks themselves."""
    await office.everyone_signs_in()
    _, opened = await office.open(50_00)
    page = await office.look("tess.leader", queries.task_page, opened.task)
    assert page is not None
    offered = {one.subject for one in page.may_be_asked}
    assert asked not in offered
    assert {"ola.officer", "ben.officer", "tim.leader", "hana.head"} <= offered
    question = AnswerTask(opened.task, HASH, Answer.SENT_BACK, "evidence-missing", "Which bank?", asked)
    with pytest.raises(NotTheirsToAnswer) as refused:
        await office.do("tess.leader", decide, question)
    assert refused.value.field == "question_to"


async def test_whoever_approved_an_earlier_stage_is_not_asked_at_the_next(office: Office) -> None:
    """Their answer would be refused: they would take part in a case whose approval of theirs is being carried out."""
    await office.everyone_signs_in()
    asked, opened = await office.open(3_000_00)
    await office.answer_task("hana.head", opened)
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    page = await office.look("finn.finance", queries.task_page, second.task)
    assert page is not None
    assert "hana.head" not in {one.subject for one in page.may_be_asked}
    with pytest.raises(NotTheirsToAnswer):
        await office.do("finn.finance", decide, AnswerTask(second.task, HASH, Answer.SENT_BACK, "other", "Whose?", "hana.head"))
    await office.answer_task("finn.finance", second, Answer.SENT_BACK)
    assert (await office.look("hana.head", queries.worklist, View.EVERYONE)).rows == ()


async def test_a_question_is_among_everyones_for_those_who_may_answer_it(office: Office) -> None:
    _, opened = await office.open(50_00)
    await office.answer_task("tess.leader", opened, Answer.SENT_BACK)
    for person in ("ola.officer", "ben.officer", "tim.leader"):
        work = await office.look(person, queries.worklist, View.EVERYONE)
        assert [(row.task, row.awaits_answer, row.asked_you) for row in work.rows] == [(opened.task, True, person == "ola.officer")]
        assert work.counts[View.EVERYONE] == 1
    for person in ("tess.leader", "finn.finance", "aud.auditor"):
        assert (await office.look(person, queries.worklist, View.EVERYONE)).rows == ()
    assert (await office.look("ben.officer", queries.worklist, View.MINE)).rows == ()


async def test_a_new_round_voids_what_waited_or_was_approved(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    await office.open(50_00, asked.case, round=2, account=asked.account)
    shown = await office.look("tess.leader", queries.decision_shown, made.decision)
    assert shown is not None
    assert (shown.carried, shown.because) == (Carried.NOT_CARRIED_OUT, "The case has changed since")
    with pytest.raises(recalling.TooLateToRecall):
        await office.recall("tess.leader", made)


async def test_whoever_approves_and_then_changes_the_case_does_not_count(office: Office) -> None:
    asked, opened = await office.open(3_000_00)
    await office.answer_task("hana.head", opened)
    with pytest.raises(eligibility.DeciderMayNotTakePart):
        await office.do("hana.head", add_participant, TakePart(asked.case, Part.EVIDENCE))
    office.actors = ["hana.head"]
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    with pytest.raises(eligibility.EarlierApproverTookPart):
        await office.answer_task("finn.finance", second)
    await office.answer_task("finn.finance", second, Answer.SENT_BACK)


async def test_a_recall_before_release_takes_the_approval_back_once(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    with pytest.raises(recalling.NotYoursToRecall):
        await office.recall("ola.officer", made)
    await office.recall("tess.leader", made)
    with pytest.raises(recalling.AlreadyRecalled):
        await office.recall("tess.leader", made)
    facts = await office.sql("select aggregate_version, body from outbox_event order by seq")
    assert [fact["aggregate_version"] for fact in facts] == [1, 2]
    assert [word["name"] for word in await office.sql("select name from outbox_workflow order by seq")] == ["decide", "recall"]
    row = await run(office.runtime, lambda tx: read_decision(tx, ReadDecision(decision=made.decision)))
    assert row.recalled is True
    with pytest.raises(eligibility.TaskClosed):
        await office.answer_task("tim.leader", opened)
    with pytest.raises(releasing.LineNotReady):
        await office.release("finn.finance", office.make_ready(asked, made))


async def test_a_form_that_was_a_decision_is_no_recall_and_one_that_was_a_recall_no_decision(office: Office) -> None:
    """A story knows both by the form's id, and takes each once: it would never hear of the second."""
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    with pytest.raises(SameFormOtherContent):
        await office.do("tess.leader", recall_decision, TakeBack(made.decision, "It was a slip"), made.decision)
    assert await office.sql("select id from recall") == []
    await office.recall("tess.leader", made)
    [recalled] = await office.sql("select id from recall")
    _, again = await office.open(50_00, asked.case, round=2, account=asked.account)
    with pytest.raises(SameFormOtherContent):
        await office.answer_task("tim.leader", again, form_id=recalled["id"])
    await office.answer_task("tim.leader", again)
    assert len(await office.sql("select id from decision")) == 2


async def test_what_finance_released_is_not_recalled(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    await office.release("finn.finance", office.make_ready(asked, made))
    with pytest.raises(recalling.AlreadyReleased):
        await office.recall("tess.leader", made)


async def test_a_later_stage_is_recalled_first(office: Office) -> None:
    asked, first = await office.open(3_000_00)
    one = await office.answer_task("hana.head", first)
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    two = await office.answer_task("finn.finance", second)
    with pytest.raises(recalling.RecallTheLaterStageFirst):
        await office.recall("hana.head", one)
    await office.recall("finn.finance", two)
    await office.recall("hana.head", one)


async def test_a_claim_keeps_colleagues_away_until_it_ends(office: Office) -> None:
    _, opened = await office.open(50_00)
    ends = await office.do("tess.leader", claim, OfTask(opened.task))
    assert timedelta(minutes=29) < ends - datetime.now(UTC) <= timedelta(minutes=30)
    with pytest.raises(eligibility.ClaimedByColleague):
        await office.answer_task("tim.leader", opened)
    assert (await office.look("tim.leader", queries.worklist, View.MINE, Filters(unclaimed=True))).total == 0
    await office.sql("update task set claim_expires_at = now() - interval '1 second'")
    await office.answer_task("tim.leader", opened)


async def test_who_may_not_decide_may_not_claim(office: Office) -> None:
    _, opened = await office.open(50_00)
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.do("ola.officer", claim, OfTask(opened.task))


@pytest.mark.parametrize(
    ("settlement", "carried", "because"),
    [
        (Settlement.ACCEPTED, Carried.BEING_CARRIED_OUT, None),
        (Settlement.REJECTED, Carried.NOT_CARRIED_OUT, "the round has moved on"),
        (Settlement.CLOSED, Carried.NOT_CARRIED_OUT, "The case had ended, or its workflow did not run."),
    ],
)
async def test_what_the_workflow_said_is_the_decisions_fate(
    office: Office, settlement: Settlement, carried: Carried, because: str | None
) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    word = Taken(decision=made.decision, task=opened.task, round=1, content_hash=asked.content_hash)
    reason = "the round has moved on" if settlement is Settlement.REJECTED else None
    settled = Settled[Taken](
        workflow_id=asked.workflow_id, update_id=str(made.decision), argument=word, settlement=settlement, reason=reason
    )
    await run(office.runtime, lambda tx: note_decision_outcome(tx, settled))
    shown = await office.look("tess.leader", queries.decision_shown, made.decision)
    assert shown is not None
    assert (shown.carried, shown.because) == (carried, because)


async def test_closing_says_what_became_of_it_and_again_changes_nothing(office: Office) -> None:
    _, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    for because in ("the tenancy ended", "another word"):
        closed = CloseTask(task=opened.task, carried_out=False, because=because)
        await run(office.runtime, lambda tx, closed=closed: close_task(tx, closed))  # type: ignore[misc]
    shown = await office.look("tess.leader", queries.decision_shown, made.decision)
    assert shown is not None
    assert (shown.carried, shown.because) == (Carried.NOT_CARRIED_OUT, "the tenancy ended")
    assert (await told_of_the_end(office, opened))[:1] == [("not-carried-out", "the tenancy ended")]


async def test_what_nobody_decided_is_not_told_as_carried_out(office: Office) -> None:
    _, opened = await office.open(50_00)
    closed = CloseTask(task=opened.task, carried_out=False, because="withdrawn")
    await run(office.runtime, lambda tx: close_task(tx, closed))
    assert await told_of_the_end(office, opened) == [("void", "withdrawn")]


async def told_of_the_end(office: Office, opened: TaskOpened) -> list[tuple[str, str | None]]:
    """How the case tells that its task was closed."""
    page = await office.look("aud.auditor", queries.task_page, opened.task)
    assert page is not None
    return [(event.what, event.note) for event in page.history.events if event.what in ("closed", "not-carried-out", "void")]


async def test_an_approved_first_stage_awaits_the_next_until_it_is_decided(office: Office) -> None:
    asked, first = await office.open(3_000_00)
    one = await office.answer_task("hana.head", first)
    shown = await office.look("aud.auditor", queries.decision_shown, one.decision)
    assert shown is not None
    assert shown.carried is Carried.AWAITS_NEXT
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    two = await office.answer_task("finn.finance", second)
    fates = [await office.look("aud.auditor", queries.decision_shown, made.decision) for made in (one, two)]
    assert [fate and fate.carried for fate in fates] == [Carried.BEING_CARRIED_OUT, Carried.BEING_CARRIED_OUT]


async def test_a_no_at_the_second_stage_is_carried_out_and_the_first_approval_is_not(office: Office) -> None:
    for answer in (Answer.DECLINED, Answer.SENT_BACK):
        asked, first = await office.open(3_000_00)
        one = await office.answer_task("hana.head", first)
        _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
        two = await office.answer_task("finn.finance", second, answer)
        closed = CloseTask(task=second.task, carried_out=True)
        await run(office.runtime, lambda tx, closed=closed: close_task(tx, closed))  # type: ignore[misc]
        fates = [await office.look("aud.auditor", queries.decision_shown, made.decision) for made in (one, two)]
        assert [fate and (fate.carried, fate.because) for fate in fates] == [
            (Carried.NOT_CARRIED_OUT, "A later stage did not approve"),
            (Carried.CARRIED_OUT, None),
        ]
        assert sorted(await told_of_the_end(office, second)) == [("closed", None), ("not-carried-out", "A later stage did not approve")]


async def test_a_recall_that_came_too_late_leaves_the_approval_carried_out_and_says_so(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    await office.recall("tess.leader", made)
    [recalled] = await office.sql("select id from recall")
    word = TakenBack(decision=made.decision, task=opened.task)
    settled = Settled[TakenBack](
        workflow_id=asked.workflow_id, update_id=str(recalled["id"]), argument=word, settlement=Settlement.REJECTED, reason="it is posted"
    )
    await run(office.runtime, lambda tx: note_recall_outcome(tx, settled))
    await run(office.runtime, lambda tx: close_task(tx, CloseTask(task=opened.task, carried_out=True)))
    page = await office.look("tess.leader", queries.task_page, opened.task)
    assert page is not None
    assert page.row.status is Status.CARRIED_OUT
    assert [(one.carried, one.recall_refused) for one in page.history.decisions] == [(Carried.CARRIED_OUT, "it is posted")]


async def test_what_nobody_decided_or_not_every_stage_is_not_carried_out_whoever_says_so(office: Office) -> None:
    """Whoever reaches Temporal could say it: nobody could decide it, or take it back, any more."""
    asked, first = await office.open(3_000_00)
    said = CloseTask(task=first.task, carried_out=True)
    with pytest.raises(NothingToCarryOut):
        await run(office.runtime, lambda tx: close_task(tx, said))
    made = await office.answer_task("hana.head", first)
    with pytest.raises(NothingToCarryOut):
        await run(office.runtime, lambda tx: close_task(tx, said))
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    with pytest.raises(NothingToCarryOut):
        await run(office.runtime, lambda tx: close_task(tx, CloseTask(task=second.task, carried_out=True)))
    await office.recall("hana.head", made)


async def test_a_task_that_nobody_decided_is_void_when_the_case_ends(office: Office) -> None:
    _, opened = await office.open(50_00)
    await run(office.runtime, lambda tx: close_task(tx, CloseTask(task=opened.task, carried_out=False, because="withdrawn")))
    page = await office.look("tess.leader", queries.task_page, opened.task)
    assert page is not None
    assert (page.row.status, page.row.why_not) == (Status.VOID, "This no longer waits for a decision: withdrawn.")


async def test_a_task_is_about_what_refunds_says_and_not_about_what_its_opener_says(office: Office) -> None:
    """Somebody who reaches Temporal names a smaller amount, which would find a lower band, and nobody as its raiser."""
    asked, opened = await office.open(3_100_00)
    forged = asked.model_copy(update={"round": 2, "amount_pence": 1, "participants": (), "raised_by": "system"})
    with pytest.raises(NotThisPlan):
        await run(office.runtime, lambda tx: open_task(tx, forged))
    unknown = asked.model_copy(update={"round": 2, "content_hash": OTHER_HASH})
    with pytest.raises(Refused):
        await run(office.runtime, lambda tx: open_task(tx, unknown))
    await office.answer_task("hana.head", opened)
