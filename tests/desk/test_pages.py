"""Every page of the desk in a real browser: readable by everyone, on a narrow screen, without scripts, and without a request elsewhere."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from approvals.web.routes import PAGES as SERVED
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request
from rentbook_contracts.approvals import Lane
from rentbook_contracts.refunds import CASE_PAGE, CaseStatus
from starlette.responses import Response
from starlette.routing import Match, Route
from support.servers import Postgres

from desk import debts, estate
from desk.conftest import Place, at_the_desk, opened

AXE = Path(__file__).parents[2] / "services" / "approvals" / "node_modules" / "axe-core" / "axe.min.js"

OKAFOR, NGUYEN = estate.OKAFOR.account, estate.NGUYEN.account

PAGES = {
    "work, mine": ("dev", "/work"),
    "work, everyone's": ("hugo", "/work?view=everyone"),
    "work, narrowed and to be saved": ("dev", "/work?view=everyone&lane=look&due=soon"),
    "work, decided, nothing there": ("dev", "/work?view=decided"),
    "work, a filter that is no amount": ("dev", "/work?from=lots"),
    "work, schedules alone": ("ella", "/work?view=everyone&kind=write-off"),
    "a task to decide": ("dev", "/tasks/{green}"),
    "a task that is not for me": ("dev", "/tasks/{look}"),
    "a task, read by the auditor": ("hugo", "/tasks/{green}"),
    "accounts": ("asha", "/accounts"),
    "accounts found": ("asha", "/accounts?q=oldfield"),
    "accounts, none found": ("asha", "/accounts?q=nowhere"),
    "an account in credit": ("asha", f"/accounts/{OKAFOR}"),
    "an account behind, as at a date": ("asha", f"/accounts/{estate.IVANOVA.account}?as_at=2026-10-01&kind=receipts"),
    "an account with sub-accounts": ("hugo", f"/accounts/{NGUYEN}"),
    "an entry to undo": ("asha", f"/accounts/{OKAFOR}/entries/{estate.an_id('okafor RCP 1')}"),
    "an entry of a refund, not to undo": ("asha", f"/accounts/{OKAFOR}/entries/{estate.an_id('okafor REF 30')}"),
    "explain this balance": ("hugo", f"/accounts/{OKAFOR}/explain"),
    "a refund request": ("asha", f"/accounts/{NGUYEN}/refund"),
    "cases": ("asha", "/cases"),
    "cases, none there": ("asha", "/cases?status=declined"),
    "a case that waits for evidence": ("asha", f"/cases/{estate.CASE_BEGUM}"),
    "a case that is paid": ("hugo", f"/cases/{estate.CASE_PAID}"),
    "files": ("asha", "/files"),
    "a file that was taken": ("asha", f"/files/{estate.FILE}"),
    "a file that was refused": ("asha", f"/files/{estate.REFUSED_FILE}"),
    "a file that looks like an earlier one, sent by me": ("asha", f"/files/{estate.ALIKE_FILE}"),
    "a file that looks like an earlier one, sent by another": ("ben", f"/files/{estate.ALIKE_FILE}"),
    "a file that was taken on a second person's word": ("hugo", f"/files/{estate.NEW_ALIKE_FILE}"),
    "a file whose entries are pending": ("asha", f"/files/{estate.PENDING_FILE}"),
    "a file that was taken already": ("asha", f"/files/{estate.REPEATED_FILE}"),
    "a file whose one payment may have come twice": ("ben", f"/files/{estate.TWICE_FILE}"),
    "suspense": ("asha", "/suspense"),
    "suspense, read by the auditor": ("hugo", "/suspense"),
    "exact suggestions": ("asha", "/suspense/exact"),
    "exact suggestions, read by the auditor": ("hugo", "/suspense/exact"),
    "a return that says nothing": ("asha", f"/suspense/{estate.RETURNED}/return"),
    "a return that says nothing, read by the auditor": ("hugo", f"/suspense/{estate.RETURNED}/return"),
    "a return, and no such account": ("asha", f"/suspense/{estate.RETURNED}/return?reference=99999999Z"),
    "a return that was matched": ("asha", f"/suspense/{estate.MATCHED}/return"),
    "a return that was matched, read by the auditor": ("hugo", f"/suspense/{estate.MATCHED}/return"),
    "a payment to split": ("asha", f"/suspense/{estate.UNPLACED}/split?lines=all"),
    "a payment to split, read by the auditor": ("hugo", f"/suspense/{estate.UNPLACED}/split"),
    "runs, for finance": ("grace", "/runs"),
    "runs, for an officer": ("asha", "/runs"),
    "a run before its release": ("grace", f"/runs/preview?case={estate.CASE_OKAFOR}"),
    "a run": ("grace", f"/runs/{estate.RUN}"),
    "green tasks to decide together": ("dev", "/together"),
    "green tasks, for the auditor": ("hugo", "/together"),
    "a selection with some to open": ("dev", "/together/{selection}"),
    "a selection that was decided": ("dev", "/together/{decided}"),
    "cover, for somebody with authority": ("dev", "/cover"),
    "cover, for the auditor": ("hugo", "/cover"),
    "policy": ("hugo", "/policy"),
    "policy, for somebody who may propose": ("farid", "/policy"),
    "a policy to propose": ("farid", "/policy/proposals/new?kind=refund"),
    "a policy for write-offs to propose": ("farid", "/policy/proposals/new?kind=write-off"),
    "other evidence to propose": ("farid", "/policy/evidence/new"),
    "other evidence to check": ("grace", f"/policy/evidence/{debts.EVIDENCE}"),
    "other evidence, for its maker": ("farid", f"/policy/evidence/{debts.EVIDENCE}"),
    "other rates to propose": ("farid", "/policy/provision/new"),
    "other rates to check": ("grace", f"/policy/provision/{debts.RATES}"),
    "other rates, for their maker": ("farid", f"/policy/provision/{debts.RATES}"),
    "a policy that is not theirs to propose": ("dev", "/policy/proposals/new?kind=refund"),
    "a proposed policy to check": ("grace", "/policy/proposals/{proposal}"),
    "a proposed policy that raises one's own limit": ("ella", "/policy/proposals/{proposal}"),
    "a proposed policy, for its maker": ("farid", "/policy/proposals/{proposal}"),
    "a policy that was accepted": ("hugo", "/policy/proposals/{accepted}"),
    "who may do what": ("hugo", "/people"),
    "a debt to propose": ("asha", f"/accounts/{NGUYEN}/write-off"),
    "a credit to propose": ("asha", f"/accounts/{OKAFOR}/write-off"),
    "a write-off to put back": ("asha", f"/accounts/{NGUYEN}/write-off?undoes={debts.WRITTEN_OFF}"),
    "a write-off that is put back only once its order was taken back": ("asha", f"/accounts/{NGUYEN}/write-off?undoes={debts.RELEASED}"),
    "proposals": ("asha", "/write-offs"),
    "proposals that are ready": ("asha", "/write-offs?status=ready"),
    "proposals, none there": ("hugo", "/write-offs?status=declined"),
    "former debts to find": ("asha", "/write-offs/find"),
    "former debts that were found": ("asha", "/write-offs/find?reason=untraceable&ended_by=2026-01-01&from=10"),
    "former debts, none found": ("grace", "/write-offs/find?reason=deceased&from=9000"),
    "former debts, filters that are no amounts": ("asha", "/write-offs/find?reason=untraceable&from=9&to=lots"),
    "a proposal whose evidence is gathered": ("asha", f"/write-offs/{debts.GATHERING}"),
    "a proposal that is blocked": ("grace", f"/write-offs/{debts.BLOCKED}"),
    "a proposal that is posted": ("hugo", f"/write-offs/{debts.POSTED}"),
    "a schedule before it is made": ("asha", f"/write-offs/schedules/preview?proposal={debts.READY}&proposal={debts.BLOCKED}"),
    "a schedule of nothing": ("asha", "/write-offs/schedules/preview"),
    "schedules": ("hugo", "/write-offs/schedules"),
    "a schedule that waits": ("asha", f"/write-offs/schedules/{debts.SCHEDULE}"),
    "a schedule that was sent back": ("asha", f"/write-offs/schedules/{debts.SENT_BACK}"),
    "a schedule that is posted": ("hugo", f"/write-offs/schedules/{debts.DONE}"),
    "the register": ("asha", "/write-offs/register"),
    "totals by reason": ("hugo", "/write-offs/totals"),
    "the provision, before it is posted": ("grace", "/write-offs/provision"),
    "the provision, as it was posted": ("hugo", "/write-offs/provision?month_end=2026-03-31"),
    "a schedule to decide": ("ella", "/tasks/{schedule}"),
    "a schedule that Cabinet decides": ("mabel", "/tasks/{cabinet}"),
    "a schedule that is not for me": ("dev", "/tasks/{schedule}"),
    "work, for a member": ("lowri", "/work?view=everyone"),
    "schedules, for whoever records for Cabinet": ("mabel", "/write-offs/schedules"),
    "a schedule, for whoever records for Cabinet": ("mabel", f"/write-offs/schedules/{debts.SENT_BACK}"),
    "a proposal on a schedule, for a member": ("lowri", f"/write-offs/{debts.LINE}"),
    "what is not for a member": ("lowri", "/accounts"),
    "a schedule to decide, read by the auditor": ("hugo", "/tasks/{schedule}"),
    "no such task": ("dev", f"/tasks/{estate.an_id('no such task')}"),
    "no such page": ("dev", "/nowhere"),
}


REFUSED = {
    "work, a filter that is no amount": 422,
    "a policy that is not theirs to propose": 403,
    "former debts, filters that are no amounts": 422,
    "a schedule of nothing": 422,
    "what is not for a member": 403,
    "no such task": 404,
    "no such page": 404,
}
"""What says that something can't be shown or taken as it was asked, by its status. All others are the whole page of their address."""

NO_PAGES = {
    "/": "leads to a person's work",
    "/decisions/{decision:uuid}": "leads to its task",
    "/decisions/{decision:uuid}/minute.pdf": "a file",
    "/accounts/{account:uuid}/entries.csv": "a file",
    "/documents/{document:uuid}.{ending}": "a file",
    "/letters/{letter:uuid}.pdf": "a file",
    "/runs/{run:uuid}/file": "a file",
    "/write-offs/register.{ending}": "a file",
    "/write-offs/totals.{ending}": "a file",
    "/write-offs/provision.{ending}": "a file",
    "/write-offs/schedules/{schedule:uuid}.{ending}": "a file",
    "/people.csv": "a file",
}
"""Addresses of the desk that answer with no page."""


TWICE = """
() => [...document.querySelectorAll("[id]")].map((one) => one.id).filter((id, at, ids) => ids.indexOf(id) !== at)
"""
"""The ids that a page has twice: a label, a link or a description of the second leads to the first. axe finds those of controls alone."""


def address_of(path: str) -> str | None:
    """The address of the routes that answers this path."""
    asked = {"type": "http", "method": "GET", "path": urlsplit(re.sub(r"\{\w+\}", str(UUID(int=1)), path)).path, "root_path": ""}
    routes = [Route(address, lambda _: Response()) for address, *_ in SERVED]
    return next((route.path for route in routes if route.matches(asked)[0] is Match.FULL), None)


def test_every_page_of_the_desk_is_visited_here() -> None:
    visited = {address_of(path) for name, (_, path) in PAGES.items() if name not in REFUSED}
    assert visited == {address for address, *_ in SERVED} - set(NO_PAGES)


@pytest.fixture(scope="module")
async def shown(postgres: Postgres, issuer: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Place, dict[str, str]]]:
    """One desk for all pages, with a green task and one to look at."""
    async with opened(postgres, issuer, tmp_path_factory.mktemp("desk")) as place:
        await place.everyone_known()
        green = await place.task(estate.CASE_OKAFOR)
        look = await place.task(estate.CASE_BEGUM, lane=Lane.LOOK, reasons=("A dispute is set on the account",), raised_by="ben.officer")
        await place.cover()
        proposal, accepted = await place.policies()
        decided, selection = await place.decides_together("dev"), await place.selects("dev", [await place.another_task() for _ in range(5)])
        await place.put_to("lowri", debts.DONE)
        schedule = await place.schedule_task()
        cabinet = await place.put_to("mabel", debts.SENT_BACK)
        shown = {
            "cabinet": cabinet,
            "green": green,
            "look": look,
            "proposal": proposal,
            "accepted": accepted,
            "selection": selection,
            "decided": decided,
        }
        yield place, {name: str(id_) for name, id_ in {**shown, "schedule": schedule}.items()}


async def violations(page: Page) -> list[str]:
    """What axe finds wrong; its rules come from npm, else from the copy inside axe-playwright-python."""
    # Half of a run's time goes into reading axe: a page that was judged at another width has it.
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(f"{AXE.read_text() if AXE.exists() else AXE_SCRIPT};0")
    found = await page.evaluate("axe.run({resultTypes: ['violations']}).then((found) => found.violations)")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


async def widest(page: Page) -> int:
    """How far the page reaches to the right, in CSS pixels."""
    return int(await page.evaluate("document.documentElement.scrollWidth"))


HIDDEN_SIDEWAYS = """
() => [...document.querySelectorAll(".desk-table")].flatMap((table) => {
  const frame = table.closest(".desk-scroll");
  const open = table.checkVisibility();
  return open && (!frame || frame.scrollWidth > frame.clientWidth) ? [table.caption.textContent] : [];
})
"""
NAMELESS = """
() => [...document.querySelectorAll(".desk-table tbody td")]
  .filter((cell) => cell.textContent.trim() && !cell.dataset.label && !cell.dataset.leads && cell.colSpan === 1)
  .map((cell) => cell.outerHTML.slice(0, 120))
"""

GLUED = """
() => [...document.querySelectorAll("main small, main span, main strong, main a, main s, main label")]
  .filter((one) => !one.matches(".govuk-visually-hidden") && /^(block|flex|grid)$/.test(getComputedStyle(one).display))
  .filter((one) => one.previousSibling && /\\S$/.test(one.previousSibling.textContent) && !one.previousElementSibling?.matches("br"))
  .map((one) => one.parentElement.textContent.slice(0, 120))
"""
"""What is set on a line of its own by its looks alone: whoever listens hears it as one word with what stands before it."""


Turn = Callable[[str], Awaitable[Page]]
"""A person's turn at the desk: their tab, which the page before theirs has left as it was."""


@asynccontextmanager
async def tabs(browser: Browser, place: Place, **how: Any) -> AsyncIterator[Turn]:
    """One tab for each person, kept from page to page: a tab of its own would cost each page twice what its judgement does."""
    async with AsyncExitStack() as open_until_the_end:
        known: dict[str, Page] = {}

        async def turn(who: str) -> Page:
            if who not in known:
                context: BrowserContext = await open_until_the_end.enter_async_context(at_the_desk(browser, place, who, **how))
                known[who] = await context.new_page()
            return known[who]

        yield turn


@pytest.fixture(scope="module")
async def turn(shown: tuple[Place, dict[str, str]], browser: Browser) -> AsyncIterator[Turn]:
    async with tabs(browser, shown[0]) as turn:
        yield turn


@pytest.fixture(scope="module")
async def turn_without_scripts(shown: tuple[Place, dict[str, str]], browser: Browser) -> AsyncIterator[Turn]:
    async with tabs(browser, shown[0], viewport={"width": 320, "height": 640}, java_script_enabled=False) as turn:
        yield turn


@contextmanager
def overheard(page: Page, place: Place) -> Iterator[tuple[list[str], list[str]]]:
    """What the page asks of other places, and what it complains of, while this is open."""
    elsewhere: list[str] = []
    complaints: list[str] = []

    def asked(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(place.url).netloc:
            elsewhere.append(request.url)

    def said(message: ConsoleMessage) -> None:
        if "status of 4" not in message.text:
            complaints.append(message.text)

    def failed(error: Error) -> None:
        complaints.append(str(error))

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", failed)
    try:
        yield elsewhere, complaints
    finally:
        page.remove_listener("request", asked)
        page.remove_listener("console", said)
        page.remove_listener("pageerror", failed)


@pytest.mark.parametrize("name", PAGES)
async def test_page_is_readable_by_everyone(name: str, shown: tuple[Place, dict[str, str]], turn: Turn) -> None:
    place, tasks = shown
    who, path = PAGES[name]
    page = await turn(who)
    await page.set_viewport_size({"width": 1280, "height": 900})
    with overheard(page, place) as (elsewhere, complaints):
        answer = await page.goto(path.format(**tasks), wait_until="load")
        assert answer is not None
        assert answer.status == REFUSED.get(name, 200)
        assert await page.locator("h1").count() == 1
        assert await page.evaluate(TWICE) == []
        assert await page.evaluate(GLUED) == []
        assert await violations(page) == []
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await widest(page) <= 320
        assert await violations(page) == []
        assert await page.evaluate(HIDDEN_SIDEWAYS) == []
        assert await page.evaluate(NAMELESS) == []
    assert elsewhere == []
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
async def test_page_works_without_scripts(name: str, shown: tuple[Place, dict[str, str]], turn_without_scripts: Turn) -> None:
    _, tasks = shown
    who, path = PAGES[name]
    page = await turn_without_scripts(who)
    answer = await page.goto(path.format(**tasks), wait_until="load")
    assert answer is not None
    assert answer.status == REFUSED.get(name, 200)
    assert await page.locator("h1").is_visible()
    for part in ("Work", "Write-offs", "Policy"):
        assert await page.get_by_role("link", name=part, exact=True).first.is_visible()


@pytest.mark.parametrize("silent", ["ledger", "refunds", "notices"])
async def test_a_source_that_does_not_answer_is_named_and_the_rest_is_shown(place: Place, browser: Browser, silent: str) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    place.peers.silent.add(silent)
    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()
        answer = await page.goto(f"/tasks/{task}")
        assert answer is not None
        assert answer.status == 200
        await page.get_by_text(f"{silent.capitalize()} does not answer", exact=True).wait_for()
        assert await page.get_by_role("heading", name="Who has touched the case").is_visible()
        assert await violations(page) == []


async def test_a_page_that_is_all_of_a_silent_source_says_so(place: Place, browser: Browser) -> None:
    place.peers.silent.add("ledger")
    async with at_the_desk(browser, place, "asha") as context:
        page = await context.new_page()
        answer = await page.goto(f"/accounts/{OKAFOR}")
        assert answer is not None
        assert answer.status == 503
        assert await page.get_by_role("heading", name="Ledger does not answer").is_visible()


async def test_a_list_that_could_not_be_loaded_never_looks_empty(place: Place, browser: Browser) -> None:
    place.peers.silent.add("refunds")
    async with at_the_desk(browser, place, "grace") as context:
        page = await context.new_page()
        await page.goto("/runs")
        assert await page.get_by_text("What is ready can’t be shown just now").is_visible()
        assert not await page.get_by_text("Nothing waits for a payment run").is_visible()


async def test_a_task_whose_case_cannot_be_shown_cannot_be_decided(place: Place, browser: Browser) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    place.peers.silent.add("refunds")
    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        assert await page.get_by_role("button", name="Record my decision").count() == 0
        assert await page.get_by_text("what would be decided can’t be shown").is_visible()


async def test_a_question_that_came_back_is_answered_on_the_case(place: Place, browser: Browser) -> None:
    place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda asked: estate.case_page(asked.case, status=CaseStatus.SENT_BACK)
    async with at_the_desk(browser, place, "asha") as context:
        page = await context.new_page()
        await page.goto(f"/cases/{estate.CASE_OKAFOR}")
        assert await page.get_by_label("Your answer").is_visible()
        assert await violations(page) == []


async def test_a_table_stays_a_table_to_a_screen_reader_where_it_is_shown_as_blocks(place: Place, browser: Browser) -> None:
    async with at_the_desk(browser, place, "asha", viewport={"width": 320, "height": 640}) as context:
        page = await context.new_page()
        await page.goto("/cases")
        table = page.get_by_role("table", name="Refund cases")
        assert await table.get_by_role("columnheader").all_inner_texts() == [
            "Refund to", "Where it stands", "Opened", "Pay by", "Asked for", "Refund", "To other debts",
        ]  # fmt: skip
        first = table.get_by_role("row").nth(1)
        assert await first.get_by_role("cell").count() == 7
        amount = await first.get_by_role("cell", name="£141.20").bounding_box()
        assert amount is not None
        assert amount["x"] + amount["width"] <= 320


async def test_the_printed_page_has_every_figure_and_no_form(place: Place, browser: Browser) -> None:
    async with at_the_desk(browser, place, "grace") as context:
        page = await context.new_page()
        await page.goto("/runs")
        await page.emulate_media(media="print")
        assert await page.get_by_role("table", name="Ready to be paid").get_by_text("£141.20").first.is_visible()
        assert not await page.get_by_role("button").first.is_visible()
        await page.goto(f"/accounts/{OKAFOR}")
        assert await page.get_by_role("table", name="Balance at each month’s end").is_visible()
        assert not await page.get_by_role("search").is_visible()


async def test_verdicts_can_be_told_apart_in_forced_colours(place: Place, browser: Browser) -> None:
    async with at_the_desk(browser, place, "asha", forced_colors="active") as context:
        page = await context.new_page()
        await page.goto(f"/accounts/{OKAFOR}")
        paper = await page.locator("body").evaluate("(one) => getComputedStyle(one).backgroundColor")
        drawn = await page.locator(".desk-chart__line").evaluate("(one) => getComputedStyle(one).stroke")
        edged = await page.locator(".desk-tag").first.evaluate("(one) => getComputedStyle(one).borderTopColor")
        assert paper not in (drawn, edged)
