"""Many decided together, at the desk: chosen, some opened, a sign-in anew, and a result per line."""

import re
from uuid import UUID, uuid4

from approvals import queries
from approvals.domain.together import Selection
from approvals.use_cases.close_task import close_task
from chassis.transaction import run
from playwright.async_api import Browser
from rentbook_contracts.approvals import CloseTask, Lane
from rentbook_contracts.refunds import CASE_PAGE

from desk import estate
from desk.conftest import Place, at_the_desk
from desk.test_work import approve
from desk.visitor import Visitor, visiting


async def cases(place: Place, how_many: int) -> list[UUID]:
    """Green tasks on cases of their own; gives the tasks."""
    tasks = []
    for at in range(how_many):
        case = uuid4()
        estate.PLANS[case], estate.HOME_OF[case] = estate.plan_of(case, estate.OKAFOR, 100_00 + at), estate.OKAFOR
        tasks.append(await place.task(case))
    return tasks


async def put(visitor: Visitor) -> str:
    """Choose all that is ticked, and give the address of the selection."""
    assert (await visitor.read("/together")).count("Refund £") >= 1
    assert visitor.page is not None
    ticked = [str(one.get("value")) for one in visitor.page.xpath('//input[@name="task"][@checked]')]
    fields = visitor.fields("/together")
    sent = {**{name: str(value) for name, value in fields.items() if name != "task"}, "task": ticked}
    answer = await visitor.http.post("/together", data=sent, headers={"origin": visitor.origin})
    assert answer.status_code == 303, answer.text[:300]
    return str(answer.headers["location"])


async def selection(place: Place, address: str) -> Selection:
    found = await run(place.runtime, lambda tx: queries.selection(tx, UUID(address.rpartition("/")[2])))
    assert found is not None
    return found


async def test_forty_before_lunch_safely(place: Place) -> None:
    await place.everyone_known()
    tasks = await cases(place, 5)
    look = await place.task(estate.CASE_BEGUM, lane=Lane.LOOK, reasons=("x",))
    async with visiting(place, "dev", again=True) as leader, visiting(place, "carol") as other:
        address = await put(leader)
        said = await leader.read(address)
        assert "5 refunds, £500.10" in said
        assert said.count("Open this one first") == 3
        assert "Approve 5 refunds" not in said
        for line in (await selection(place, address)).lines:
            if line.opened_first:
                await leader.read(f"/tasks/{line.task}")
        await other.read(f"/tasks/{tasks[0]}")
        assert "Approve 5 refunds, £500.10" in await leader.read(address)
        said = await leader.send(address)
        assert "5 refunds approved, £500.10" in said
        assert said.count("✓ Approved") == 5
        again = await leader.http.post(address, data={**leader.fields("/sign-out"), "form_id": str(uuid4())}, headers={"origin": place.url})
        assert again.status_code == 303
    made = await run(place.runtime, lambda tx: queries.worklist(tx, queries.View.DECIDED))
    assert made.total == 5
    assert look not in {row.task for row in made.rows}


async def chosen(place: Place, leader: Visitor, many: int) -> tuple[list[UUID], str]:
    """Tasks that the leader put together and has opened, each of them, and the address of their selection."""
    tasks = await cases(place, many)
    address = await put(leader)
    for task in tasks:
        await leader.read(f"/tasks/{task}")
    return tasks, address


async def now_told(place: Place, address: str, *tasks: UUID, **changed: str) -> None:
    """Of the cases of these lines refunds says something else than when they were chosen."""
    about = {line.case for line in (await selection(place, address)).lines if line.task in tasks}
    plain = estate.case_page
    place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda asked: plain(asked.case).model_copy(
        update=changed if asked.case in about else {}
    )


async def test_a_line_that_is_not_for_one_says_why_and_leaves_the_others_alone(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev", again=True) as leader, visiting(place, "ella") as manager:
        tasks, address = await chosen(place, leader, 3)
        await leader.read(address)
        await approve(manager, tasks[0])
        await now_told(place, address, tasks[1], plan_hash="0" * 64)
        said = await leader.send(address)
        assert "1 refund approved" in said
        assert re.search("Not decided A colleague approved this at [0-9:]+", said)
        assert "Not decided What was shown has changed meanwhile" in said


async def test_whoever_opens_a_line_finds_back_to_the_selection(place: Place) -> None:
    await place.everyone_known()
    tasks = await cases(place, 2)

    async def back(visitor: Visitor, task: UUID) -> str:
        await visitor.read(f"/tasks/{task}")
        assert visitor.page is not None
        [link] = visitor.page.xpath('//a[@class="govuk-back-link"]')
        return str(link.get("href"))

    async with visiting(place, "dev", again=True) as leader, visiting(place, "ella") as manager:
        assert await back(leader, tasks[0]) == "/work"
        address = await put(leader)
        assert [await back(leader, task) for task in tasks] == [address, address]
        assert await back(manager, tasks[0]) == "/work", "it is not theirs"
        assert "Chosen and not signed for yet 2 refunds, £200.01, chosen" in await leader.read("/together")
        await leader.read(address)
        await leader.send(address)
        assert await back(leader, tasks[0]) == "/work"
        assert "not signed for yet" not in await leader.read("/together")


async def test_no_more_is_signed_for_than_can_be_approved(place: Place) -> None:
    """Of five one is closed because of a hold, and one has changed; a third is claimed, and that is over when the form arrives."""
    await place.everyone_known()
    async with visiting(place, "dev", again=True) as leader, visiting(place, "ella") as manager:
        tasks, address = await chosen(place, leader, 5)
        why = "a hold on the account was set or lifted"
        await run(place.runtime, lambda tx: close_task(tx, CloseTask(task=tasks[0], carried_out=False, because=why)))
        await now_told(place, address, *tasks[:2], plan_hash="0" * 64)
        await manager.read(f"/tasks/{tasks[2]}")
        await manager.send(f"/tasks/{tasks[2]}/claim")
        said = await leader.read(address)
        assert "2 refunds, £200.07 You chose 5 refunds, £500.10: 3 can’t be approved, for the reason beside each" in said
        assert f"Not for you This no longer waits for a decision: {why}." in said
        assert "Changed What was shown has changed meanwhile, and it is left alone." in said
        assert "Not for you A colleague has claimed this" in said
        assert "To be approved£200.07" in said, "the foot of the table"
        assert "Approve 2 refunds, £200.07" in said
        form = leader.fields(address)
        await manager.read(f"/tasks/{tasks[2]}")
        await manager.send(f"/tasks/{tasks[2]}/release")
        said = await leader.post(address, form)
        assert "2 refunds approved, £200.07" in said
        assert f"Not decided This no longer waits for a decision: {why}." in said
        assert "Not decided What was shown has changed meanwhile" in said
        assert "Not decided It could not be approved as it was shown to you." in said


async def test_nothing_is_signed_for_while_refunds_does_not_answer(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev", again=True) as leader:
        _, address = await chosen(place, leader, 2)
        place.peers.silent.add("refunds")
        said = await leader.read(address)
        assert said.count("Can’t be read Refunds does not answer just now") == 2
        assert "Nothing of this can be approved" in said
        assert "Approve 2 refunds" not in said
        place.peers.silent.clear()
        assert "Approve 2 refunds, £200.01" in await leader.read(address)


async def test_a_case_whose_workflow_is_gone_is_named_before_and_left_alone(place: Place) -> None:
    """Nothing would carry the decision out."""
    await place.everyone_known()
    async with visiting(place, "dev", again=True) as leader:
        tasks, address = await chosen(place, leader, 2)
        await now_told(place, address, tasks[1], gone_story="refund/somebody/1")
        said = await leader.read(address)
        assert said.count("Stands still Its workflow does not run, and it is left alone.") == 1
        said = await leader.send(address)
        assert "1 refund approved" in said
        assert "Not decided Its workflow does not run, so that nothing would be carried out." in said


async def test_without_a_sign_in_anew_nothing_is_decided(place: Place) -> None:
    await place.everyone_known()
    tasks = await cases(place, 1)
    async with visiting(place, "dev") as leader:
        address = await put(leader)
        await leader.read(f"/tasks/{tasks[0]}")
        assert "Sign in again" in await leader.read(address)
        keys = {**leader.fields("/sign-out"), "form_id": str(uuid4())}
        assert "Sign in again first" in await leader.post(address, keys, 422)
    assert (await run(place.runtime, lambda tx: queries.worklist(tx, queries.View.DECIDED))).total == 0


async def test_the_way_to_the_issuer_and_back_leads_to_the_button(place: Place, browser: Browser) -> None:
    await place.everyone_known()
    tasks = await cases(place, 1)
    async with at_the_desk(browser, place, "dev", viewport={"width": 1280, "height": 900}) as context:
        page = await context.new_page()
        await page.goto("/together")
        await page.get_by_role("button", name="Show them together").click()
        await page.wait_for_url("**/together/*-*")
        address = page.url
        await page.goto(f"/tasks/{tasks[0]}")
        await page.goto(address)
        await page.get_by_role("button", name="Sign in again").click()
        await page.get_by_text("dev.leader").click()
        await page.wait_for_url("**/together/*-*")
        await page.get_by_role("button", name="Approve 1 refund, £100.00").click()
        await page.get_by_text("1 refund approved").wait_for()


async def test_what_may_not_be_put_together_is_said(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev") as leader, visiting(place, "hugo") as auditor:
        assert "Nothing of the green lane waits for you" in await leader.read("/together")
        await cases(place, 1)
        await leader.read("/together")
        keys = {name: value for name, value in leader.fields("/together").items() if name != "task"}
        await leader.post("/together", keys, 422)
        assert leader.summary() == {"#task": "Choose at least one task."}
        assert "reads everything and decides nothing" in await auditor.read("/together")
