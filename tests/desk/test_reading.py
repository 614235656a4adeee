"""What a member, and whoever records what a body decided, read: what was put to them, and no account, case, payment or letter."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from approvals.domain.forms import BeAway
from approvals.use_cases.be_away import be_away
from approvals.web.routes import FORMS, PAGES
from lxml import html
from rentbook_contracts.people import READS_ACCOUNTS
from support.servers import Postgres

from desk import debts, estate
from desk.conftest import PEOPLE, Place
from desk.doors import YES, doors_of
from desk.test_routes import BEHIND_THE_DESK, refused_by_owners
from desk.visitor import Visitor, visiting
from desk.walk import ASKED, filled

OFFICES = ("lowri", "mabel")
TENANTS = [name for home in estate.HOMES for name in home.names]
WHOSE = "This is read by officers and those who lead them, by finance, the s151 officer and auditors."


@pytest.fixture
async def owners(postgres: Postgres, tmp_path: Path, place: Place) -> Place:
    """The desk before services that refuse whom the real ones refuse."""
    doors: dict[str, dict[str, str]] = {}
    for service in BEHIND_THE_DESK:
        doors |= await doors_of(service, postgres, tmp_path / service)
    place.peers.not_for = refused_by_owners(doors)
    await place.everyone_known()
    return place


def links(page: html.HtmlElement) -> set[str]:
    """Where a page leads on the desk, and where its forms that only ask are sent."""
    found = {*page.xpath("//a/@href"), *(form.get("action") for form in page.forms if form.method == "GET")}
    return {link.split("#")[0] for link in found if link.startswith("/")} - {""}


async def every_link(visitor: Visitor, begin: str = "/") -> dict[str, str]:
    """The answer at each address that can be reached from the first page, by the address without its question."""
    found: dict[str, str] = {}
    waiting = [(begin, "the desk")]
    seen = {begin}
    while waiting:
        path, on = waiting.pop()
        answer = await visitor.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"{path}, to which {on} leads: {answer.status_code}"
        found[urlsplit(path).path] = answer.text
        if answer.headers["content-type"].startswith("text/html"):
            further = {link for link in links(html.document_fromstring(answer.text)) if not link.startswith("/static/")} - seen
            seen |= further
            waiting += [(link, path) for link in sorted(further)]
    return found


@pytest.mark.parametrize("who", OFFICES)
async def test_no_link_leads_a_member_where_they_are_turned_away(owners: Place, who: str) -> None:
    """Of all pages that they reach, with every service as strict as it is."""
    task = await owners.put_to(who)
    await owners.task(estate.CASE_OKAFOR)
    async with visiting(owners, who) as visitor:
        found = await every_link(visitor)
    reached = {f"/tasks/{task}", f"/write-offs/schedules/{debts.SCHEDULE}", f"/write-offs/{debts.LINE}", "/write-offs/totals", "/policy"}
    assert reached <= found.keys()
    assert [path for path in found if path.startswith(("/accounts", "/cases", "/files", "/suspense", "/runs", "/letters"))] == []
    assert estate.IVANOVA.names[0] in found[f"/write-offs/{debts.LINE}"], "whom they decide about they may know"
    assert "The letter" in found[f"/write-offs/{debts.LINE}"], "that it was written is evidence"


@pytest.mark.parametrize("who", OFFICES)
async def test_what_is_not_for_a_member_is_refused_in_words_and_nothing_is_asked_for(place: Place, who: str) -> None:
    await place.put_to(who)
    refund, other = await place.task(estate.CASE_OKAFOR), await place.schedule_task(debts.SENT_BACK)
    known: dict[str, object] = dict.fromkeys(
        ("account", "journal", "bank_file", "item", "letter", "run", "document", "selection", "decision"), other
    )
    known |= {"ending": "csv", "task": refund, "case": estate.CASE_OKAFOR, "schedule": debts.SENT_BACK, "proposal": debts.GATHERING}
    shut = [path for path, _, whom in PAGES if not PEOPLE[who].has(*whom.roles)]
    assert len(shut) > 25
    async with visiting(place, who) as visitor:
        place.peers.calls.clear()
        said = {path: await visitor.read(filled(path, known) + ASKED.get(path, ""), 403) for path in shut}
        await visitor.read(f"/tasks/{other}", 403)
    assert place.peers.calls == []
    assert all("You may not open this page" in words for words in said.values())
    assert WHOSE in said["/accounts"]
    assert "A member, and whoever records for a body, reads the schedules that were put to them" in said["/accounts"]
    assert "Files and requests are taken, and accounts and cases changed, by officers" in said["/accounts/{account:uuid}/refund"]


async def test_a_form_shows_a_member_nothing_of_a_page_that_is_not_for_them(place: Place) -> None:
    """A form that is sent with faults is answered with its page."""
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "lowri") as visitor:
        await visitor.read("/work")
        keys = {"csrf": visitor.fields("/sign-out")["csrf"], "form_id": str(estate.an_id("a form"))}
        for what in ("claim", "release", "assign", "comments", "decision"):
            assert WHOSE in await visitor.post(f"/tasks/{task}/{what}", keys, 403)
    shut = [path for path, _, whom in FORMS if not PEOPLE["lowri"].has(*whom.roles) and whom.put is None]
    assert {"/accounts/{account:uuid}/refund", "/cases/{case:uuid}/evidence", "/together", "/files"} <= set(shut)


@pytest.mark.parametrize("who", OFFICES)
async def test_work_shows_a_member_the_schedules_that_were_put_to_them_and_no_tenant(place: Place, who: str) -> None:
    """Whichever view they look at, and whoever they stand in for."""
    await place.everyone_known()
    await place.does("dev", be_away, BeAway(PEOPLE[who].subject, estate.TODAY, estate.TODAY))
    await place.task(estate.CASE_OKAFOR)
    await place.schedule_task(debts.SENT_BACK)
    task = await place.put_to(who)
    async with visiting(place, who) as visitor:
        for view in ("mine", "team", "everyone", "decided"):
            said = await visitor.read(f"/work?view={view}")
            assert not [name for name in TENANTS if name in said], view
            assert visitor.page is not None
            shown = {link for link in visitor.page.xpath("//main//a/@href") if link.startswith("/tasks/")}
            # what the chief finance officer decided before them is of the same schedule
            assert (f"/tasks/{task}" in shown) == (view != "decided"), view
            assert len(shown) == (1 if view != "decided" else int(who == "mabel")), view
        assert "Reviews to take up" not in said
        said = await visitor.read("/write-offs/schedules")
        assert said.count("Former tenants, quarter 3: 3 lines") == 1
        assert visitor.page is not None
        assert visitor.page.xpath("//table//a/@href") == [f"/write-offs/schedules/{debts.SCHEDULE}"]
    theirs = [call for call in place.peers.calls if call.person == PEOPLE[who].subject]
    assert theirs
    assert [call.path for call in theirs if call.service == "refunds"] == []


async def test_a_schedule_is_a_members_from_the_moment_at_which_they_are_asked(place: Place) -> None:
    """Not while the chief finance officer considers it; and it stays theirs to read when it was decided. It is never a recorder's."""
    await place.everyone_known()
    first = await place.schedule_task(band_pence=20_000_00)
    schedule = f"/write-offs/schedules/{debts.SCHEDULE}"
    paths = (f"/tasks/{first}", schedule, f"{schedule}.csv", f"/write-offs/{debts.LINE}")
    async with visiting(place, "kirsi") as officer, visiting(place, "lowri") as member, visiting(place, "mabel") as recorder:
        for path in paths:
            await member.read(path, 403)
        await officer.read(paths[0])
        await officer.send(f"{paths[0]}/decision", answer="approved", reason_code="approved:evidence-complete")
        second = await place.schedule_task(band_pence=20_000_00, stage=2)
        for path in (*paths, f"/tasks/{second}"):
            assert (await member.http.get(path)).status_code == 200
            await recorder.read(path, 403)
        await member.read(f"/tasks/{second}")
        await member.send(f"/tasks/{second}/decision", answer="approved", reason_code="approved:evidence-complete")
        assert "Lowri Vaughan" in await member.read(schedule)
        await recorder.read(schedule, 403)


@pytest.mark.parametrize(("asked", "other"), [("lowri", "mabel"), ("mabel", "lowri")])
async def test_what_was_put_to_one_office_is_not_the_other_ones_to_read(place: Place, asked: str, other: str) -> None:
    """Whom nobody asked needs none of it: a consultation of a member is no business of a recorder's, nor a minute of Cabinet a member's."""
    await place.everyone_known()
    task = await place.put_to(asked)
    paths = (f"/tasks/{task}", f"/write-offs/schedules/{debts.SCHEDULE}", f"/write-offs/{debts.LINE}")
    async with visiting(place, asked) as theirs, visiting(place, other) as visitor:
        for path in paths:
            await theirs.read(path)
            assert WHOSE in await visitor.read(path, 403)
        assert "Former tenants, quarter 3" not in await visitor.read("/write-offs/schedules")
        for view in ("mine", "team", "everyone", "decided"):
            assert f"/tasks/{task}" not in await visitor.read(f"/work?view={view}")


async def test_the_rest_of_the_desk_is_offered_to_nobody_who_may_not_open_it(place: Place) -> None:
    async with visiting(place, "lowri") as visitor:
        await visitor.read("/work")
        assert visitor.page is not None
        parts = visitor.page.xpath('//nav[@aria-label="Parts of the desk"]//a')
        assert [(one.text_content().strip(), one.get("href")) for one in parts] == [
            ("Work", "/work"), ("Write-offs", "/write-offs/schedules"), ("Cover", "/cover"), ("Policy", "/policy"),
        ]  # fmt: skip
        assert visitor.page.xpath('//form[@role="search"]') == []
        await visitor.read("/write-offs/totals")
        tabs = visitor.page.xpath('//nav[@aria-label="Write-offs"]//a')
        assert [one.text_content() for one in tabs] == ["Schedules", "Totals by reason", "Provision"]
        active = visitor.page.xpath('//nav[@aria-label="Parts of the desk"]//a[@aria-current]')
        assert [one.text_content().strip() for one in active] == ["Write-offs"]


async def test_whoever_reads_accounts_is_offered_no_member_to_stand_in_for_them(place: Place) -> None:
    await place.everyone_known()

    async def offered(who: str) -> set[str]:
        async with visiting(place, who) as visitor:
            await visitor.read("/cover")
            assert visitor.page is not None
            return set(visitor.page.xpath('//select[@name="deputy"]/option/@value')) - {""}

    readers = {one.subject for one in PEOPLE.values() if READS_ACCOUNTS & one.roles and one.roles != {"auditor"}}
    assert await offered("dev") == readers - {"dev.leader"}
    assert await offered("lowri") == readers | {"mabel.democratic"}


async def test_an_officer_who_is_a_member_too_reads_as_an_officer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    both = PEOPLE["lowri"].roles | {"officer"}
    monkeypatch.setitem(PEOPLE, "lowri", type(PEOPLE["lowri"])("lowri.member", "Lowri Vaughan", both))
    async with visiting(place, "lowri") as visitor:
        await visitor.read(f"/accounts/{estate.OKAFOR.account}")


# --- the services behind the desk -------------------------------------------------------------------------------------------------------


async def test_what_the_desk_keeps_from_a_member_its_owner_refuses_too(postgres: Postgres, tmp_path: Path) -> None:
    """So that a hole in the desk shows nothing: what is left is what their own pages need."""
    doors: dict[str, dict[str, str]] = {}
    for service in BEHIND_THE_DESK:
        doors |= await doors_of(service, postgres, tmp_path / service)
    of_members = {
        address.split(" ", 1)[1]
        for address, answers in doors.items()
        if answers["executive-member"] == YES and not address.endswith(("/health", "/metrics"))
    }
    assert of_members == {
        "ledger /queries/account-labels", "ledger /queries/debts-for-write-off", "ledger /queries/actors-behind",
        "ledger /queries/provision", "ledger /queries/provision-policies", "refunds /queries/refund-policies",
        "refunds /queries/asked-in-vain",
        "writeoffs /queries/schedule-to-decide", "writeoffs /queries/proposal-page", "writeoffs /queries/schedule-page",
        "writeoffs /queries/schedules", "writeoffs /queries/write-off-totals", "writeoffs /queries/write-off-policies",
        "writeoffs /queries/evidence-policies", "notices /queries/set-report",
    }  # fmt: skip
    for address, answers in doors.items():
        assert answers["democratic-services"] == answers["executive-member"], address
        if address.startswith(("GET", "POST ledger /queries", "POST refunds /queries", "POST writeoffs /queries", "POST notices /queries")):
            assert answers["auditor"] == YES or "/payment-files/" in address, address
