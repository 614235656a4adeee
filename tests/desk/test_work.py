"""The worklist, a task, and the answers: who may, who may not and why, and what is left when two are at it at once."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from approvals import queries
from approvals.domain.eligibility import Status
from approvals.use_cases.close_task import close_task
from approvals.use_cases.nudge_task import nudge_task
from approvals.web import wording
from approvals.web.pages import worklist
from approvals.web.wording import day
from chassis.transaction import run
from playwright.async_api import Browser, expect
from rentbook_contracts.approvals import Answer, CloseTask, Lane, NudgeTask, content_hash
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, ACCOUNT_PAGE, AccountPageAsked, EntryKind, Provenance
from rentbook_contracts.refunds import (
    CASE_GLANCES,
    CASE_PAGE,
    CASES,
    PLAN_TO_DECIDE,
    AskedAs,
    CaseRow,
    CaseStatus,
    Glances,
    PlanToDecide,
    ReadyPayments,
)
from rentbook_contracts.writeoffs import PROPOSALS

from desk import estate
from desk.conftest import Place, at_the_desk
from desk.peers import cases_among
from desk.visitor import Visitor, visiting

APPROVE = {"answer": "approved", "reason_code": "approved:checks-pass"}


async def decisions(place: Place, case: UUID) -> tuple[queries.DecisionShown, ...]:
    return await run(place.runtime, lambda tx: queries.decisions_of_case(tx, case))


async def approve(visitor: Visitor, task: UUID) -> str:
    await visitor.read(f"/tasks/{task}")
    return await visitor.send(f"/tasks/{task}/decision", **APPROVE)


async def test_a_row_reads_as_a_sentence_with_its_due_date(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/work")
    assert "Refund £141.20 to Mary Okafor, 12 Elm Rise, Oldfield" in said
    assert "request taken by Asha Rao" in said
    assert "5 working days left" in said


async def test_a_review_waits_at_work_until_somebody_takes_it_up(place: Place) -> None:
    """Credit that Rentbook found by itself has neither a task nor a request yet."""
    await place.everyone_known()
    found = {"taken_by": "system", "found_pence": 35_00, "opened_at": estate.NOW - timedelta(days=9), "asked_by": None}
    review = estate.case_row(estate.CASE_BEGUM, CaseStatus.REVIEW).model_copy(update=found)
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among((review,))
    async with visiting(place, "asha") as asha:
        for view, words in (("team", "My team’s (1)"), ("everyone", "Everyone’s (3)")):
            said = await asha.read(f"/work?view={view}")
            assert words in said
            assert "Reviews to take up (1)" in said
            assert "Review £35.00 of credit of রাবেয়া বেগম, 9 Station Road, Oldfield" in said
            assert "found by Rentbook 9 days ago" in said
            assert asha.page is not None
            assert asha.page.xpath(f'//a[@href="/cases/{estate.CASE_BEGUM}"]')
        assert "Reviews to take up" not in await asha.read("/work?view=mine")
        assert "Reviews to take up" not in await asha.read("/work?view=everyone&lane=green")


async def test_no_more_reviews_are_listed_than_are_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "CASES_SHOWN", 1)
    await place.everyone_known()
    long_ago = {"opened_at": estate.NOW - timedelta(days=90)}
    rows = (estate.case_row(estate.CASE_OKAFOR, CaseStatus.REVIEW), estate.case_row(estate.CASE_BEGUM, CaseStatus.REVIEW))
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among((rows[0], rows[1].model_copy(update=long_ago)))
    async with visiting(place, "asha") as asha:
        said = await asha.read("/work?view=everyone")
        assert asha.page is not None
        [others] = [link.get("href") for link in asha.page.xpath("//a[text()='see the others']")]
        assert "Mary Okafor" in await asha.read(others)
        assert asha.page.xpath(f'//main//a[@href="/cases/{estate.CASE_OKAFOR}"]')
        assert not asha.page.xpath(f'//main//a[@href="/cases/{estate.CASE_BEGUM}"]')
    assert "Reviews to take up (2)" in said
    assert "The 1 that wait longest are shown; see the others." in said
    assert said.count("Review the credit of") == 1
    assert "Review the credit of রাবেয়া বেগম" in said


def many_later(number: int) -> tuple[CaseRow, ...]:
    """Cases that came after those which a test looks for."""
    one = estate.case_row(estate.CASE_PAID, CaseStatus.CHECKING)
    return tuple(one.model_copy(update={"case": uuid4(), "opened_at": estate.NOW - timedelta(minutes=at)}) for at in range(number))


async def test_what_has_waited_for_long_is_at_work_however_many_cases_came_later(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_NGUYEN)
    long_ago = {"opened_at": estate.NOW - timedelta(days=90)}
    old = (
        estate.case_row(estate.CASE_NGUYEN),
        estate.case_row(estate.CASE_BEGUM, CaseStatus.WAITING_FOR_EVIDENCE),
        estate.case_row(estate.CASE_OKAFOR, CaseStatus.REVIEW),
    )
    rows = [*many_later(600), *(row.model_copy(update=long_ago) for row in old)]
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among(rows)
    async with visiting(place, "asha") as asha, visiting(place, "ben") as ben:
        mine = await asha.read("/work?view=mine")
        whole = await asha.read("/work?view=everyone")
        others = await ben.read("/work?view=mine")
    for said in (mine, whole):
        assert ("Mine (1)" in said, "Everyone’s (5)" in said, "Waiting for evidence (1)" in said) == (True, True, True)
        assert "Refund case of রাবেয়া বেগম, 9 Station Road, Oldfield" in said
    assert ("Mine (2)" in others, "Waiting for evidence" in others) == (True, False)
    assert "Reviews to take up (1)" in whole
    assert "and £85.50 to other debts" in whole, "also the split of a task whose case is old"


async def test_what_waits_beyond_those_that_are_shown_is_counted_and_a_link_leads_to_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "CASES_SHOWN", 2)
    await place.everyone_known()
    waits = [row.model_copy(update={"status": CaseStatus.WAITING_FOR_EVIDENCE}) for row in many_later(5)]
    rows = [*waits[:3], *(row.model_copy(update={"taken_by": "ben.officer"}) for row in waits[3:])]
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among(rows)
    async with visiting(place, "asha") as asha:
        for view, in_all in (("mine", 3), ("everyone", 5)):
            said = await asha.read(f"/work?view={view}")
            assert f"Waiting for evidence ({in_all})" in said
            assert asha.page is not None
            [others] = [link.get("href") for link in asha.page.xpath("//a[text()='see the others']")]
            assert f"{in_all} cases, the longest waiting first. Shown: 3 to {in_all}." in await asha.read(others)


async def test_work_that_could_not_be_asked_for_does_not_look_as_if_there_were_none(place: Place) -> None:
    await place.everyone_known()
    place.peers.silent.add("refunds")
    async with visiting(place, "asha") as asha:
        said = await asha.read("/work?view=mine")
    assert "The day’s payment cut-off; what waits for evidence; which reviews wait" in said
    assert ": these can’t be shown just now." in said
    assert "Nothing waits for you" not in said


async def test_every_case_is_on_a_page_of_the_list(place: Place) -> None:
    await place.everyone_known()
    rows = many_later(120)
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among((*rows, estate.case_row(estate.CASE_PAID, CaseStatus.PAID)))
    listed: list[str] = []
    async with visiting(place, "asha") as asha:
        address: str | None = "/cases?status=checking"
        while address:
            assert "120 cases, newest first. Shown: " in await asha.read(address)
            assert asha.page is not None
            listed += [link.get("href").removeprefix("/cases/") for link in asha.page.xpath("//main//tbody//a")]
            address = next(iter(asha.page.xpath("//a[@rel='next']/@href")), None)
    assert listed == [str(row.case) for row in rows]


async def test_only_whoever_can_raise_a_case_is_a_filter(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev") as dev:
        await dev.read("/work?view=everyone")
        assert dev.page is not None
        raisers = dev.page.xpath('//select[@id="raised_by"]/option/text()')
    assert "Asha Rao" in raisers
    assert not {"Hugo Stern", "Mabel Hart"} & set(raisers)


async def test_a_refunds_entry_names_who_approved_it(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as dev:
        await approve(dev, task)
        [made] = await decisions(place, estate.CASE_OKAFOR)
        explained = estate.explained(estate.OKAFOR)
        paid = (
            explained.parts[1]
            .entries[0]
            .model_copy(
                update={"code": "REF", "code_words": "refund", "provenance": Provenance(case=estate.CASE_OKAFOR, decision=made.decision)}
            )
        )
        part = explained.parts[1].model_copy(update={"entries": (paid,)})
        place.peers.answers["/queries/explain-balance"] = lambda _: explained.model_copy(update={"parts": (part,)})
        for path in ("explain", f"entries/{paid.journal}"):
            assert "Approved by Dev Patel" in await dev.read(f"/accounts/{estate.OKAFOR.account}/{path}")


async def test_a_row_says_what_pays_other_debts(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_NGUYEN)
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/work")
    assert "Refund £54.50 to Nguyễn Thị Lan and Trần Văn Minh, 3 Harbour Court, Flat 7, Oldfield, and £85.50 to other debts" in said


async def test_a_question_is_read_where_it_is_answered(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda asked: estate.case_page(asked.case, status=CaseStatus.SENT_BACK)
    asked = {"answer": "sent-back", "reason_code": "sent-back:payee-unclear", "text": "Whose account is it?", "question_to": "asha.officer"}
    async with visiting(place, "dev") as dev, visiting(place, "asha") as asha:
        await dev.read(f"/tasks/{task}")
        assert "The question is with Asha Rao." in await dev.send(f"/tasks/{task}/decision", **asked)
        assert "A question for you Answer it" in await asha.read("/work")
        said = await asha.read(f"/cases/{estate.CASE_OKAFOR}")
    assert "Dev Patel asks you:" in said
    assert "Whose account is it?" in said


async def test_only_whoever_may_answer_is_offered_to_ask_and_finds_the_question(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    asked = {"answer": "sent-back", "reason_code": "sent-back:payee-unclear", "text": "Whose account is it?"}
    async with visiting(place, "dev") as dev, visiting(place, "ben") as ben, visiting(place, "hugo") as hugo:
        await dev.read(f"/tasks/{task}")
        assert dev.page is not None
        offered = dev.page.xpath('//select[@id="question_to"]/option/text()')
        assert offered == ["Choose", "Asha Rao", "Ben Moss", "Carol Díaz", "Ella Kim", "Farid Nasser"]
        await dev.send(f"/tasks/{task}/decision", 422, **asked, question_to="hugo.auditor")
        assert "may not answer it" in dev.summary()["#question_to"]
        await dev.send(f"/tasks/{task}/decision", **asked, question_to="asha.officer")
        said = await ben.read("/work?view=everyone")
        assert ben.page is not None
        assert ben.page.xpath('//a[starts-with(., "Answer it")]/@href') == [f"/cases/{estate.CASE_OKAFOR}"]
        assert "for Asha Rao" in said
        assert "Not for you" not in said
        assert "Answer it" not in await hugo.read("/work?view=everyone")


async def test_whoever_moved_money_since_the_task_was_opened_is_told_before_they_answer(place: Place) -> None:
    """The ledger is asked as the page is opened: nobody fills in an answer that will be refused."""
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    facts = estate.refund_facts(estate.OKAFOR.account).model_copy(update={"actors": ("dev.leader",)})
    async with visiting(place, "dev") as dev, visiting(place, "ella") as ella:
        assert "Why can’t I decide this?" not in await dev.read(f"/tasks/{task}")
        place.peers.answers[f"/queries/{ACCOUNT_FOR_REFUND.name}"] = lambda _: facts
        said = await dev.read(f"/tasks/{task}")
        assert "Why can’t I decide this?" in said
        assert "an entry behind the credit or the debt, or in a hold, a plan or a note" in said, "each of these counts as well"
        assert "Why can’t I decide this?" not in await ella.read(f"/tasks/{task}")


async def test_whoever_took_part_in_another_request_of_the_same_people_is_told_before_they_answer(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    address = f"/queries/{PLAN_TO_DECIDE.name}"
    told = PlanToDecide(plan=estate.PLANS[estate.CASE_OKAFOR], raised_by="asha.officer", participants=("asha.officer", "dev.leader"))
    async with visiting(place, "dev") as dev, visiting(place, "ella") as ella:
        assert "Why can’t I decide this?" not in await dev.read(f"/tasks/{task}")
        place.peers.answers[address] = lambda _: told
        said = await dev.read(f"/tasks/{task}")
        assert "Why can’t I decide this?" in said
        assert "You took part in this case, or in another about the same people, as was seen" in said
        assert "Why can’t I decide this?" not in await ella.read(f"/tasks/{task}")


async def test_a_task_shows_the_other_refunds_of_the_same_people_with_who_approved_them(place: Place) -> None:
    """No rule adds refunds up: whether one is split is for the approver to see."""
    await place.everyone_known()
    garage = replace(estate.OKAFOR, key="okafor's garage")
    page = estate.account_page(estate.OKAFOR)
    both = page.model_copy(update={"other_accounts": (page.label.model_copy(update={"account": garage.account}),)})
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: both
    place.peers.answers[f"/queries/{ACCOUNT_FOR_REFUND.name}"] = lambda _: estate.refund_facts(estate.OKAFOR.account)
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "carol") as carol, visiting(place, "dev") as dev:
        assert "None was approved, and none waits." in await dev.read(f"/tasks/{task}")
        for home, pence in ((estate.OKAFOR, 99_00), (garage, 98_00), (estate.NGUYEN, 97_00)):
            await approve(carol, await place.another_task(home, pence))
        await place.another_task(garage, 55_00)
        said = await dev.read(f"/tasks/{task}")
        assert "2 refunds approved, £197.00 in all." in said
        assert said.partition("Other refunds")[2].partition("Checks")[0].count("Carol Díaz") == 2
        assert "£97.00" not in said
        assert "Another £55.00 of another account waits for a decision" in said
        assert "Came back from the bank" not in said
        place.peers.answers[f"/queries/{CASE_GLANCES.name}"] = lambda asked: Glances(
            glances=tuple(estate.glance(case).model_copy(update={"attempt": 2, "status": CaseStatus.CHECKING}) for case in asked.cases[:1])
        )
        assert (await dev.read(f"/tasks/{task}")).count("Came back from the bank") == 1
        place.peers.silent.add("ledger")
        silent = await dev.read(f"/tasks/{task}")
    assert "1 refund approved, £99.00 in all." in silent
    assert "refunds of their other accounts can’t be shown just now" in silent


async def test_the_count_of_a_tab_is_what_the_tab_shows(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_OKAFOR)
    await place.task(estate.CASE_NGUYEN)
    await place.task(estate.CASE_BEGUM, lane=Lane.LOOK, reasons=("A dispute is set",), raised_by="ben.officer")
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/work?view=team")
        assert "Mine (2)" in said
        assert "My team’s (4)" in said
        assert "Everyone’s (6)" in said
        assert "Waiting for evidence (1)" in said
        assert said.count("Refund £") == 2
        narrowed = await visitor.read("/work?view=everyone&lane=look")
    assert "Everyone’s (1)" in narrowed
    assert "A dispute is set" in narrowed
    assert "Not for you: £612.00 is above your £500.00." in narrowed


async def test_a_proposal_that_was_reminded_of_stands_before_whoever_made_it_and_at_last_before_managers(place: Place) -> None:
    heading = "Proposals to write off that wait for somebody"
    seen = {}
    for who in ("ben", "asha", "dev", "hugo"):
        async with visiting(place, who) as visitor:
            for view in ("mine", "team", "everyone"):
                said = await visitor.read(f"/work?view={view}")
                seen[who, view] = next((count for count in (1, 2) if f"{heading} ({count})" in said), 0)
    assert [seen["ben", view] for view in ("mine", "team", "everyone")] == [2, 0, 2]
    assert [seen["asha", view] for view in ("mine", "team", "everyone")] == [0, 0, 2]
    assert [seen["dev", view] for view in ("mine", "team", "everyone")] == [0, 1, 2]
    assert [seen["hugo", view] for view in ("mine", "team", "everyone")] == [0, 0, 0]
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/work?view=team")
    assert f"Reminded on {wording.short_day(estate.TODAY - timedelta(days=5))}" in said
    assert "a payment plan is kept" in said


async def test_reminded_proposals_are_counted_by_their_owner_and_only_those_of_the_shown_view_are_read(place: Place) -> None:
    async with visiting(place, "dev") as visitor:
        await visitor.read("/work?view=team")
    asked = [PROPOSALS.takes.model_validate_json(call.body) for call in place.peers.calls if call.path == f"/queries/{PROPOSALS.name}"]
    assert {(one.raised_by, one.escalated, one.limit) for one in asked} == {("dev.leader", False, 0), (None, False, 0), (None, True, 50)}


async def test_nothing_is_called_sent_where_the_desk_itself_reminds(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    await run(place.runtime, lambda tx: nudge_task(tx, NudgeTask(task=task, escalate=False)))
    async with visiting(place, "dev") as visitor:
        for page in ("/work", f"/tasks/{task}"):
            said = await visitor.read(page)
            assert f"Reminded on {wording.short_day(datetime.now(UTC))}" in said
            assert "Reminder sent" not in said


async def test_a_view_is_saved_with_its_filters_and_forgotten(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor, visiting(place, "ella") as other:
        await visitor.read("/work?view=everyone&lane=green&from=100&unclaimed=yes")
        said = await visitor.send("/work/views", name="Green and free")
        assert "The view is saved." in said
        assert "Green and free" not in await other.read("/work")
        await visitor.read("/work")
        assert visitor.page is not None
        [link] = [one.get("href") for one in visitor.page.xpath("//a") if one.text_content() == "Green and free"]
        assert link == "/work?view=everyone&lane=green&from=100.00&unclaimed=yes"
        [forget] = [form.get("action") for form in visitor.page.forms if form.get("action").endswith("/forget")]
        assert "Green and free" not in await visitor.send(forget)


async def test_an_approval_is_a_row_and_says_that_it_is_being_carried_out(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        said = await approve(visitor, task)
        assert "Your decision is recorded." in said
        assert "Approved by you" in said
        assert "being carried out" in said
        [made] = await decisions(place, estate.CASE_OKAFOR)
        assert (made.decided_by, made.answer, made.content_hash) == (
            "dev.leader",
            Answer.APPROVED,
            content_hash(estate.PLANS[estate.CASE_OKAFOR]),
        )
        await run(place.runtime, lambda tx: close_task(tx, CloseTask(task=task, carried_out=True)))
        assert "carried out" in await visitor.read(f"/tasks/{task}")
        assert "Refund £141.20 to Mary Okafor" in await visitor.read("/work?view=decided&decided_by=dev.leader&answer=approved")


async def test_the_first_of_two_approvals_says_whose_decision_is_awaited(place: Place) -> None:
    await place.everyone_known()
    case = uuid4()
    estate.PLANS[case], estate.HOME_OF[case] = estate.plan_of(case, estate.OKAFOR, 3_000_00), estate.OKAFOR
    task = await place.task(case)
    async with visiting(place, "farid") as visitor:
        said = await approve(visitor, task)
    assert "decision 2 of 2 is awaited" in said
    assert "The next decision is for finance. Nothing is paid before it." in said
    assert "being carried out" not in said


async def test_what_nobody_present_may_decide_is_said_alike_on_both_pages(place: Place) -> None:
    task = await place.task(estate.CASE_OKAFOR)
    words = "Nobody who has signed in at the desk today has the authority and took no part in the case."
    async with visiting(place, "hugo") as visitor:
        assert words in await visitor.read("/work?view=everyone")
        assert words in await visitor.read(f"/tasks/{task}")


async def test_what_was_not_carried_out_says_why(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
        await run(
            place.runtime, lambda tx: close_task(tx, CloseTask(task=task, carried_out=False, because="The credit was used meanwhile"))
        )
        said = await visitor.read(f"/tasks/{task}")
    assert "not carried out, because the credit was used meanwhile" in said


async def test_the_same_form_twice_decides_once(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        words = {**visitor.fields(f"/tasks/{task}/decision"), **APPROVE}
        await visitor.post(f"/tasks/{task}/decision", words)
        said = await visitor.post(f"/tasks/{task}/decision", words)
    assert "There is a problem" not in said
    assert len(await decisions(place, estate.CASE_OKAFOR)) == 1


async def test_who_comes_second_reads_who_was_faster(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as first, visiting(place, "ella") as second:
        await second.read(f"/tasks/{task}")
        await approve(first, task)
        said = await second.send(f"/tasks/{task}/decision", 422, answer="declined", reason_code="declined:duplicate", text="Paid in May")
    assert "A colleague approved this at" in said
    assert "Approved by Dev Patel" in said
    assert len(await decisions(place, estate.CASE_OKAFOR)) == 1


async def test_a_plan_that_changed_meanwhile_is_shown_and_asked_about_again(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        changed = estate.plan_of(estate.CASE_OKAFOR, estate.OKAFOR, 99_00)
        page = estate.case_page(estate.CASE_OKAFOR).model_copy(update={"plan": changed, "plan_hash": content_hash(changed)})
        place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda _: page
        said = await visitor.send(f"/tasks/{task}/decision", 422, **APPROVE, text="my words")
        assert "What was shown has changed meanwhile. Nothing was decided." in said
        assert "The plan has changed since this task was opened." in said
        assert visitor.typed("text") == "my words"
    assert await decisions(place, estate.CASE_OKAFOR) == ()


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({}, "#answer", "Choose your answer"),
        ({"answer": "declined"}, "#reason_code", "Choose a reason that goes with “decline”"),
        ({"answer": "declined", "reason_code": "approved:other", "text": "x"}, "#reason_code", "Choose a reason that goes with “decline”"),
        ({"answer": "declined", "reason_code": "declined:suspected-fraud"}, "#text", "Explain why this is declined"),
        ({"answer": "sent-back", "reason_code": "sent-back:other", "text": "Whose?"}, "#question_to", "Choose who shall answer"),
    ],
)
async def test_an_incomplete_answer_leads_to_its_field(place: Place, typed: dict[str, str], field: str, says: str) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        await visitor.send(f"/tasks/{task}/decision", 422, **typed)
        assert says in visitor.summary()[field]
        assert visitor.page is not None
        assert visitor.page.xpath(f'//*[@id="{field[1:]}"]')
    assert await decisions(place, estate.CASE_OKAFOR) == ()


async def test_every_fault_of_an_answer_is_said_at_once(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        await visitor.send(f"/tasks/{task}/decision", 422)
        assert list(visitor.summary()) == ["#answer", "#reason_code"]
        await visitor.send(f"/tasks/{task}/decision", 422, answer="declined", reason_code="")
        assert list(visitor.summary()) == ["#reason_code", "#text"]
        await visitor.send(f"/tasks/{task}/decision", 422, answer="sent-back", reason_code="", text="")
        assert list(visitor.summary()) == ["#reason_code", "#text", "#question_to"]
    assert await decisions(place, estate.CASE_OKAFOR) == ()


async def test_a_decline_against_the_evidence_is_asked_about_and_then_recorded_with_its_words(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    declined = {"answer": "declined", "reason_code": "declined:debt-to-be-paid-first", "text": "A debt on paper"}
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        assert visitor.page is not None
        groups = {
            group.get("label"): [one.text for one in group] for group in visitor.page.xpath('//optgroup[@data-for-answer="declined"]')
        }
        assert groups["If you decline"] == ["Fraud is suspected", "Another reason to decline, written below"]
        assert "Another debt is to be paid first" in groups["Though the checks say otherwise"]
        await visitor.send(f"/tasks/{task}/decision", 422, **declined)
        [(link, said)] = visitor.summary().items()
        assert (link, said) == (
            "#nevertheless",
            "The evidence says otherwise: check 4, other debts of the same people, passes. "
            "Choose another reason, or tick that you decline all the same",
        )
        assert visitor.page.xpath('//*[@id="nevertheless"]')
        assert await decisions(place, estate.CASE_OKAFOR) == ()
        await visitor.send(f"/tasks/{task}/decision", **declined, nevertheless="yes")
    [made] = await decisions(place, estate.CASE_OKAFOR)
    assert (made.reason_code, made.text) == ("debt-to-be-paid-first", "A debt on paper")


async def test_a_decline_that_the_evidence_bears_out_is_not_asked_about(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_BEGUM)
    async with visiting(place, "ella") as visitor:
        await visitor.read(f"/tasks/{task}")
        await visitor.send(f"/tasks/{task}/decision", answer="declined", reason_code="declined:payee-not-shown", text="Another name")
    [made] = await decisions(place, estate.CASE_BEGUM)
    assert made.reason_code == "payee-not-shown"


async def test_a_row_names_who_asks_and_who_took_the_request(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/work?view=everyone")
    assert "asked for by Mary Okafor" in said
    assert "request taken by" in said


async def test_a_row_names_who_asks_for_the_estate(place: Place) -> None:
    await place.everyone_known()
    await place.task(estate.CASE_OKAFOR)
    asks = estate.glance(estate.CASE_OKAFOR).model_copy(update={"asked_as": AskedAs.EXECUTOR})
    place.peers.answers["/queries/case-glances"] = lambda _: Glances(glances=(asks,))
    async with visiting(place, "dev") as visitor:
        assert "asked for by the executor of Mary Okafor" in await visitor.read("/work?view=everyone")


async def test_a_task_says_until_when_it_must_be_approved_for_the_money_to_arrive_on_which_day(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    ready = ReadyPayments(
        payments=(), total_pence=0, next_processing_day=date(2026, 11, 26), next_entry_day=date(2026, 11, 27),
        cut_off=datetime(2026, 11, 25, 17, tzinfo=UTC),
    )  # fmt: skip
    place.peers.answers["/queries/ready-payments"] = lambda _: ready
    async with visiting(place, "dev") as visitor:
        said = await visitor.read(f"/tasks/{task}")
    assert "The money arrives on Fri 27 Nov 2026 if this is approved and released before" in said


async def test_why_cant_i_above_the_limit_names_who_may(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_BEGUM, raised_by="ben.officer")
    async with visiting(place, "dev") as visitor:
        said = await visitor.read(f"/tasks/{task}")
    assert "£612.00 is above your £500.00." in said
    assert "Ella Kim or Farid Nasser may." in said
    assert "Record my decision" not in said


async def test_whoever_adds_evidence_decides_no_more(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_BEGUM, raised_by="ben.officer")
    async with visiting(place, "ella") as visitor:
        assert "Record my decision" in await visitor.read(f"/tasks/{task}")
        old = visitor.fields(f"/tasks/{task}/decision")
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        received = (estate.TODAY - timedelta(days=1)).isoformat()
        evidence = {"check": "7", "kind": "call-back", "settles": "yes", "received_on": received}
        assert "The evidence is added" in await visitor.send(f"/cases/{estate.CASE_BEGUM}/evidence", **evidence)
        assert "You added evidence at" in await visitor.read(f"/tasks/{task}")
        await visitor.post(f"/tasks/{task}/decision", {**old, **APPROVE}, 422)
    assert await decisions(place, estate.CASE_BEGUM) == ()


async def test_a_claim_keeps_others_from_it_until_it_is_released(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as dev, visiting(place, "ella") as ella:
        await dev.read(f"/tasks/{task}")
        assert "Claimed by you" in await dev.send(f"/tasks/{task}/claim")
        assert "A colleague has claimed this" in await ella.read(f"/tasks/{task}")
        await dev.send(f"/tasks/{task}/release")
        assert "Record my decision" in await ella.read(f"/tasks/{task}")


async def test_a_task_is_assigned_to_somebody_who_may_decide_it(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/tasks/{task}")
        assert "Assigned to Ella Kim" in await visitor.send(f"/tasks/{task}/assign", to="ella.manager")
        said = await visitor.post(f"/tasks/{task}/assign", {**visitor.fields(f"/tasks/{task}/assign"), "to": "ben.officer"}, 422)
    assert "This person may not decide it." in said


async def test_a_task_for_somebody_who_is_away_goes_to_their_deputy_and_says_so(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    day = f"{estate.TODAY}"
    async with visiting(place, "dev") as leader, visiting(place, "asha") as officer:
        await leader.read("/cover")
        await leader.send("/cover/absences", deputy="ella.manager", away_from=day, away_until=day)
        await officer.read(f"/tasks/{task}")
        said = await officer.send(f"/tasks/{task}/assign", to="dev.leader")
        assert "is out of office: the task is assigned to whoever stands in for them" in said
        assert "In place of Dev Patel, who is out of office" in said
        assert officer.page is not None
        [box] = officer.page.xpath('//section[@aria-labelledby="whose"]')
        assert "Assigned to Ella Kim." in box.text_content()


async def test_a_comment_is_kept_and_makes_nobody_a_participant(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        said = await visitor.send(f"/tasks/{task}/comments", comment="Looks <b>right</b> to me")
        assert "Looks <b>right</b> to me" in said
        assert "Record my decision" in said
        await visitor.send(f"/tasks/{task}/comments", 422, comment="   ")
        assert visitor.summary()["#comment"] == "Write the comment"


async def test_an_approval_is_recalled_with_a_reason(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
        [made] = await decisions(place, estate.CASE_OKAFOR)
        await visitor.send(f"/decisions/{made.decision}/recall", 422)
        assert visitor.summary()["#recall_text"] == "Write down why you recall it"
        said = await visitor.send(f"/decisions/{made.decision}/recall", recall_text="The tenant rang")
        assert "The approval is recalled. Nothing was paid on it." in said
        assert "Recalled by Dev Patel" in said
    [made] = await decisions(place, estate.CASE_OKAFOR)
    assert made.recall_text == "The tenant rang"
    row = (await run(place.runtime, lambda tx: queries.tasks_of_case(tx, estate.CASE_OKAFOR)))[0]
    assert row.status is Status.VOID


async def test_what_changed_since_i_last_looked_is_on_top(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as dev, visiting(place, "asha") as asha:
        assert "Changed since you last looked" not in await dev.read(f"/tasks/{task}")
        await asha.read(f"/tasks/{task}")
        await asha.send(f"/tasks/{task}/assign", to="dev.leader")
        said = await dev.read(f"/tasks/{task}")
        assert "Changed since you last looked" in said
        assert "Assigned to Dev Patel (Asha Rao" in said
        assert "Changed since you last looked" not in await dev.read(f"/tasks/{task}")


async def test_a_payment_on_its_way_is_not_called_paid(place: Place) -> None:
    """The bank's acceptance closes the case two days before the payee has the money."""
    arrives = day(estate.TODAY + timedelta(days=2))
    places = (f"/cases/{estate.CASE_PAID}", "/cases?status=paid", f"/accounts/{estate.OKAFOR.account}")
    async with visiting(place, "hugo") as visitor:
        for path in places:
            said = await visitor.read(path)
            assert f"With the bank, arrives on {arrives}" in said
            assert "Paid on" not in said
        page = estate.case_page(estate.CASE_PAID, status=CaseStatus.PAID).model_copy(update={"paid_on": estate.TODAY})
        place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda _: page
        said = await visitor.read(f"/cases/{estate.CASE_PAID}")
        assert f"Paid on {day(estate.TODAY)}" in said
        assert "arrives" not in said


async def test_a_decisions_address_leads_to_its_task(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
        [made] = await decisions(place, estate.CASE_OKAFOR)
        assert "Approved by you" in await visitor.read(f"/decisions/{made.decision}")
        await visitor.read(f"/decisions/{uuid4()}", 404)


async def test_deciding_by_keyboard_in_a_browser_and_going_to_the_next(place: Place, browser: Browser) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    other = await place.task(estate.CASE_NGUYEN)
    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        await page.get_by_label("Approve", exact=True).focus()
        await page.keyboard.press("Space")
        assert await page.get_by_label("If you send it back").is_hidden()
        await page.get_by_label("Reason").select_option("approved:checks-pass")
        await page.get_by_role("button", name="Record my decision").press("Enter")
        await expect(page.get_by_text("Approved by you")).to_be_visible()
        await page.get_by_role("link", name="Next task").press("Enter")
        await page.wait_for_url(f"**/tasks/{other}")


async def test_deciding_and_going_on_is_one_press(place: Place) -> None:
    await place.everyone_known()
    task, other = await place.task(estate.CASE_OKAFOR), await place.task(estate.CASE_NGUYEN)
    async with visiting(place, "dev") as visitor:
        await visitor.read(f"/tasks/{task}")
        said = await visitor.send(f"/tasks/{task}/decision", **APPROVE, then="next")
        assert "Your decision is recorded. This is the next task." in said
        assert f"/tasks/{other}/decision" in [form.get("action") for form in visitor.page.forms]  # type: ignore[union-attr]
        said = await visitor.send(f"/tasks/{other}/decision", **APPROVE, then="next")
        assert "Your decision is recorded. Nothing else waits for you." in said


async def test_the_page_notices_by_itself_that_the_decision_was_carried_out(place: Place, browser: Browser) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        await expect(page.locator("#decision-state")).to_contain_text("being carried out")
        await run(place.runtime, lambda tx: close_task(tx, CloseTask(task=task, carried_out=True)))
        await expect(page.locator("#decision-state")).to_contain_text(", carried out")


async def test_the_entries_of_an_account_come_as_a_file_that_is_whole_and_narrowed_as_the_page_is(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        address = f"/accounts/{estate.OKAFOR.account}/entries.csv"
        whole = await visitor.http.get(address)
        receipts = await visitor.http.get(f"{address}?kind=receipts")
        page = estate.account_page(estate.OKAFOR)
    assert whole.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"account-{page.label.reference}-{page.as_at.isoformat()}.csv"
    assert whole.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert whole.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(whole.content.decode("utf-8-sig"))))
    assert [row["Date"] for row in rows] == [entry.effective_date.isoformat() for entry in page.entries]
    assert [row["Balance after"] for row in rows] == [str(Decimal(entry.running_pence).scaleb(-2)) for entry in page.entries]
    assert receipts.status_code == 200
    asked = [AccountPageAsked.model_validate_json(call.body) for call in place.peers.calls if call.path == f"/queries/{ACCOUNT_PAGE.name}"]
    assert [one.kind for one in asked] == [None, EntryKind.RECEIPTS], "the owner narrows"


async def test_the_entries_of_an_account_may_be_narrowed_to_each_kind_that_there_is(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        address = f"/accounts/{estate.OKAFOR.account}"
        await visitor.read(address)
        assert visitor.page is not None
        offered = [str(value) for value in visitor.page.xpath("//select[@name='kind']/option/@value") if value]
        for kind in offered:
            await visitor.read(f"{address}?kind={kind}")
    assert sorted(offered) == sorted(EntryKind)
    asked = [AccountPageAsked.model_validate_json(call.body) for call in place.peers.calls if call.path == f"/queries/{ACCOUNT_PAGE.name}"]
    assert [one.kind for one in asked] == [None, *offered]


async def test_no_file_comes_of_a_day_that_cannot_be_read(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        address = f"/accounts/{estate.OKAFOR.account}/entries.csv?as_at=2026-13-01"
        assert "There is a problem" in await visitor.read(address, 422)
