"""Former debts found by age, amount and reason, looked at together, and proposed at once."""

from datetime import date

import pytest
from playwright.async_api import Browser
from rentbook_contracts.ledger import FIND_DEBTS, FoundDebt, FoundDebts
from rentbook_contracts.writeoffs import BULK_DRY_RUN, PROPOSE_IN_BULK, BulkDryRun, Reason, WouldPropose

from desk import debts, estate
from desk.conftest import Place, at_the_desk
from desk.test_pages import HIDDEN_SIDEWAYS, NAMELESS, violations, widest
from desk.visitor import Visitor, visiting

FIND = "/write-offs/find?reason=untraceable&ended_by=2026-01-01&from=10&to=1000"
MANY = "/write-offs/many"
IVANOVA, NGUYEN, OKAFOR = (home.account for home in (estate.IVANOVA, estate.NGUYEN, estate.OKAFOR))


async def test_debts_are_found_by_age_amount_and_reason(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "Choose the reason to see the debts" in await visitor.read("/write-offs/find")
        assert "2 debts, £487.60 together" in await visitor.read(FIND)
        place.peers.answers[f"/queries/{FIND_DEBTS.name}"] = lambda _: FoundDebts(debts=(), more=False)
        assert "noted on the account as dead; there is none" in await visitor.read("/write-offs/find?reason=deceased")
    first, second = (FIND_DEBTS.takes.model_validate_json(call.body) for call in place.peers.calls if "find-debts" in call.path)
    assert (first.ended_on_or_before, first.from_pence, first.to_pence, first.deceased) == (date(2026, 1, 1), 10_00, 1_000_00, None)
    assert (second.ended_on_or_before, second.from_pence, second.to_pence, second.deceased) == (estate.TODAY, 1, None, True)


async def test_what_would_be_blocked_is_marked_where_it_is_found_and_what_cannot_be_proposed_is_counted_with_the_reason(
    place: Place,
) -> None:
    rest = tuple(FoundDebt(account=one, owed_pence=99_00, ended_on=date(2020, 1, 1)) for one in (IVANOVA, NGUYEN, OKAFOR))
    place.peers.answers[f"/queries/{FIND_DEBTS.name}"] = lambda _: FoundDebts(debts=rest, more=False)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(FIND)
        assert "2 debts, £198.00 together" in said
        assert "✕ Blocked A payment plan of £20.00 is being kept." in said
        assert f"1 other debt within these filters can’t be proposed1 debt: {debts.OPEN_ALREADY} Whose can’t be proposed" in said
        assert visitor.page is not None
        assert visitor.page.xpath("//details//li/a/@href") == [f"/accounts/{OKAFOR}"]
        assert visitor.fields(MANY)["found"] == f"{IVANOVA} {NGUYEN}"
        place.peers.answers[f"/queries/{FIND_DEBTS.name}"] = lambda _: FoundDebts(debts=rest[2:], more=False)
        assert "None of the debts within these filters can be proposed for this reason." in await visitor.read(FIND)
        place.peers.silent.add("writeoffs")
        assert "1 debt, £99.00 together" in await visitor.read(FIND)


async def test_filters_that_say_nothing_are_named_and_nothing_is_asked(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/write-offs/find?reason=paying", 422)
        assert visitor.summary() == {"#reason": "Choose the reason"}
        await visitor.read("/write-offs/find?reason=untraceable&from=20&to=10", 422)
        assert visitor.summary() == {"#to": "The most can’t be below the least"}
    assert not [call for call in place.peers.calls if "find-debts" in call.path]


async def test_what_each_would_be_is_seen_before_anything_is_proposed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(FIND)
        await visitor.send(MANY, 422, then="chosen")
        assert visitor.summary() == {"#account": "Choose at least one debt"}
        said = await visitor.send(MANY, then="all")
        for words in ("A payment plan of £20.00 is being kept.", "Traces in two sources", "Propose only the 1 that nothing blocks"):
            assert words in said
    [*_, asked] = [BULK_DRY_RUN.takes.model_validate_json(call.body) for call in place.peers.calls if "bulk-dry-run" in call.path]
    assert (asked.accounts, asked.reason) == ((IVANOVA, NGUYEN), Reason.UNTRACEABLE)
    assert place.peers.given(PROPOSE_IN_BULK) == []


async def preview(visitor: Visitor) -> str:
    """The dry run of three debts, of which one is proposed already."""
    await visitor.read(FIND)
    return await visitor.send(MANY, then="all", found=f"{IVANOVA} {NGUYEN} {OKAFOR}")


async def test_what_cannot_be_proposed_says_why_and_stays_out(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await preview(visitor)
        assert f"{estate.OKAFOR.names[0]}, {estate.OKAFOR.address}The account has an open proposal." in said
        assert said.index("Debts that would be proposed") < said.index("Debts that can’t be proposed")
        assert "Propose all 2 debts, 1 of them blocked" in said
        done = await visitor.send(MANY, then="propose", note="Traced to nowhere")
        assert "1 proposal is made, 1 of them blocked." in done
        assert f"{estate.IVANOVA.names[0]}, {estate.IVANOVA.address}✕ BlockedA payment plan of £20.00 is being kept." in done
        assert visitor.page is not None
        assert f"/write-offs/{estate.an_id(f'proposal of {IVANOVA}')}" in visitor.page.xpath("//a/@href")
        assert f"{estate.NGUYEN.names[0]}" in done
        assert "1 debt not proposed" in done
    [asked] = place.peers.given(PROPOSE_IN_BULK)
    assert (asked.accounts, asked.reason, asked.note) == ((IVANOVA, NGUYEN), Reason.UNTRACEABLE, "Traced to nowhere")


async def test_a_form_that_is_sent_again_says_what_was_made_and_nothing_of_what_it_would_be(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await preview(visitor)
        words = {**visitor.fields(MANY), "then": "propose"}
        first = await visitor.post(MANY, words)
        would = tuple(WouldPropose(account=one, because=debts.OPEN_ALREADY) for one in (IVANOVA, NGUYEN))
        place.peers.answers[f"/queries/{BULK_DRY_RUN.name}"] = lambda _: BulkDryRun(accounts=would)
        again = await visitor.post(MANY, words)
    assert "Proposed already" not in first
    assert "Proposed already, when this form was first sent: its page says how it stands." in again
    assert "1 proposal is made. Each gathers its own evidence now." in again
    assert "£0.00" not in again
    assert "nothing" not in again


async def test_only_what_nothing_blocks_may_be_proposed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await preview(visitor)
        await visitor.send(MANY, then="propose-free")
    [asked] = place.peers.given(PROPOSE_IN_BULK)
    assert asked.accounts == (NGUYEN,)


async def test_what_writeoffs_refuses_leaves_the_dry_run_on_the_page(place: Place) -> None:
    place.peers.refusals[f"/commands/{PROPOSE_IN_BULK.name}"] = {"rule": "NoPolicy", "message": "No policy is in force.", "field": None}
    async with visiting(place, "asha") as visitor:
        await preview(visitor)
        said = await visitor.send(MANY, 422, then="propose", note="Kept")
        assert "No policy is in force." in said
        assert visitor.typed("note") == "Kept"


@pytest.mark.parametrize(("who", "reads"), [("hugo", "/write-offs"), ("mabel", "/write-offs/schedules")])
async def test_nobody_else_proposes_in_bulk(place: Place, who: str, reads: str) -> None:
    async with visiting(place, who) as visitor:
        await visitor.read(FIND, 403)
        assert "/write-offs/find" not in (await visitor.http.get(reads)).text


@pytest.mark.parametrize("script", [True, False])
async def test_the_dry_run_and_the_result_are_readable_by_everyone(place: Place, browser: Browser, script: bool) -> None:
    async with at_the_desk(browser, place, "asha", viewport={"width": 320, "height": 640}, java_script_enabled=script) as context:
        page = await context.new_page()
        await page.goto(FIND)
        await page.locator(f"[id='account-{NGUYEN}']").check()
        await page.locator(f"[id='account-{IVANOVA}']").check()
        await page.get_by_role("button", name="See what the chosen ones would be").click()
        for wanted in ("What would be proposed", "What became of each debt"):
            await page.get_by_role("heading", name=wanted).wait_for()
            assert await widest(page) <= 320
            if script:
                assert await violations(page) == []
                assert await page.evaluate(HIDDEN_SIDEWAYS) == []
                assert await page.evaluate(NAMELESS) == []
            if wanted == "What would be proposed":
                await page.get_by_role("button", name="Propose all 2 debts").click()
    [asked] = place.peers.given(PROPOSE_IN_BULK)
    assert set(asked.accounts) == {IVANOVA, NGUYEN}
