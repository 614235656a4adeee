"""A workflow that ended before its time: whoever works on its case reads that nothing goes on, and what has it restarted."""

from collections.abc import Callable
from typing import Any

import pytest
from rentbook_contracts.refunds import CASE_PAGE, CASES, RUN_PAGE, Cases
from rentbook_contracts.workflows import payment_run_workflow_id, proposal_workflow_id, refund_workflow_id, schedule_workflow_id
from rentbook_contracts.writeoffs import PROPOSAL_PAGE, PROPOSALS, SCHEDULE_PAGE, ProposalAsked, Proposals, ScheduleAsked

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

CASE = estate.CASE_OKAFOR


async def pages_of_a_refund(place: Place) -> list[str]:
    return [f"/cases/{CASE}", f"/tasks/{await place.task(CASE)}"]


async def pages_of_a_schedule(place: Place) -> list[str]:
    return [f"/write-offs/schedules/{debts.SCHEDULE}", f"/tasks/{await place.schedule_task()}"]


async def pages_of_a_proposal(_: Place) -> list[str]:
    return [f"/write-offs/{debts.READY}"]


async def pages_of_a_run(_: Place) -> list[str]:
    return [f"/runs/{estate.RUN}"]


@pytest.mark.parametrize(
    ("pages", "query", "shown", "story", "service", "what"),
    [
        (pages_of_a_refund, CASE_PAGE, lambda: estate.case_page(CASE), refund_workflow_id(CASE, 1), "refunds", "case"),
        (
            pages_of_a_schedule,
            SCHEDULE_PAGE,
            lambda: debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE)),
            schedule_workflow_id(debts.SCHEDULE),
            "writeoffs",
            "schedule",
        ),
        (
            pages_of_a_proposal,
            PROPOSAL_PAGE,
            lambda: debts.proposal_page(ProposalAsked(proposal=debts.READY)),
            proposal_workflow_id(debts.READY, 1),
            "writeoffs",
            "proposal",
        ),
        (pages_of_a_run, RUN_PAGE, lambda: estate.run_page(estate.RUN), payment_run_workflow_id(estate.RUN), "refunds", "payment run"),
    ],
    ids=["refund", "schedule", "proposal", "payment run"],
)
async def test_its_pages_say_so_with_the_command_that_restarts_it(
    place: Place, pages: Callable[[Place], Any], query: Any, shown: Callable[[], Any], story: str, service: str, what: str
) -> None:
    await place.everyone_known()
    paths = await pages(place)
    says = f"The workflow of this {what} does not run"
    async with visiting(place, "ella") as manager:
        for path in paths:
            assert says not in await manager.read(path)
        page = shown().model_copy(update={"gone_story": story})
        place.peers.answers[f"/queries/{query.name}"] = lambda _: page
        for path in paths:
            said = await manager.read(path)
            assert says in said
            assert ("What is decided now is not carried out: wait with it." in said) is (what not in ("proposal", "payment run"))
            assert f"./rentbook operate {service} stories restart {story} --by NAME" in said


async def test_the_pages_of_a_case_say_that_an_event_about_it_waits_for_an_operator(place: Place) -> None:
    await place.everyone_known()
    says, paths = "An event about this waits for an operator", await pages_of_a_refund(place)
    async with visiting(place, "ella") as manager:
        for path in paths:
            assert says not in await manager.read(path)
        page = estate.case_page(CASE).model_copy(update={"parked_since": estate.NOW})
        place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda _: page
        for path in paths:
            said = await manager.read(path)
            assert says in said
            assert "./rentbook operate refunds parked list" in said


async def test_the_page_of_a_proposal_says_that_an_event_about_its_account_waits_for_an_operator(place: Place) -> None:
    says, path = "An event about this waits for an operator", f"/write-offs/{debts.READY}"
    async with visiting(place, "ella") as manager:
        assert says not in await manager.read(path)
        page = debts.proposal_page(ProposalAsked(proposal=debts.READY)).model_copy(update={"parked_since": estate.NOW})
        place.peers.answers[f"/queries/{PROPOSAL_PAGE.name}"] = lambda _: page
        said = await manager.read(path)
    assert says in said
    assert "./rentbook operate writeoffs parked list" in said


async def test_the_page_of_an_account_says_for_whom_an_event_about_it_waits_for_an_operator(place: Place) -> None:
    says, path = "An event about this waits for an operator", f"/accounts/{estate.OKAFOR.account}"
    async with visiting(place, "ella") as manager:
        assert says not in await manager.read(path)
        place.peers.answers[f"/queries/{CASES.name}"] = lambda _: Cases(cases=(), in_all=0, parked_since=estate.NOW)
        said = await manager.read(path)
        assert said.count(says) == 1
        assert "refunds has heard nothing further of it, and its refunds stand still." in said
        proposals = Proposals(proposals=(), in_all=0, total_pence=0, parked_since=estate.NOW)
        place.peers.answers[f"/queries/{PROPOSALS.name}"] = lambda _: proposals
        said = await manager.read(path)
        assert said.count(says) == 2
        assert "writeoffs has heard nothing further of it, and its write-offs stand still." in said
