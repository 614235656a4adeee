"""The provision for bad debts at the desk: a month shown, handed out as a report, and posted by finance."""

import io
from datetime import UTC, date, datetime

import pytest
from approvals.web.chart import BAR_LEFT, BAR_RIGHT, WIDTH, Bar, bar_chart
from approvals.web.pages.provision import month_ends, provision_report
from approvals.web.wording import rate
from python_calamine import CalamineWorkbook
from rentbook_contracts.ledger import POST_PROVISION, PROVISION, ProvisionAsked
from rentbook_contracts.notices import SET_REPORT

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

PAGE = "/write-offs/provision"
POST = f"{PAGE}/post"
OCTOBER = date(2026, 10, 31)


async def test_a_month_is_shown_with_its_rates_and_the_journal_that_closes_the_gap(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read(f"{PAGE}?month_end=2026-10-31")
        for words in ("Sat 31 Oct 2026", "£60.75", "£40.00", "12.5%", "14.32%", "91 days or more", "£1,110.00", "Finance posts it"):
            assert words in said
        assert "Bad-debt expense£20.75" in said
        assert "As it was posted" in await visitor.read(f"{PAGE}?month_end=2026-03-31")


async def test_the_month_that_ended_last_comes_first(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        await visitor.read(PAGE)
    [call] = [call for call in place.peers.calls if call.path == f"/queries/{PROVISION.name}"]
    assert PROVISION.takes.model_validate_json(call.body).month_end == month_ends(estate.TODAY)[0]


@pytest.mark.parametrize(
    ("today", "first", "second"),
    [
        (date(2026, 11, 25), date(2026, 10, 31), date(2026, 9, 30)),
        (date(2026, 3, 1), date(2026, 2, 28), date(2026, 1, 31)),
        (date(2024, 3, 31), date(2024, 2, 29), date(2024, 1, 31)),
    ],
)
def test_months_are_offered_by_their_last_days(today: date, first: date, second: date) -> None:
    assert month_ends(today)[:2] == [first, second]


async def test_finance_posts_what_it_saw(place: Place) -> None:
    async with visiting(place, "grace") as visitor:
        await visitor.read(f"{PAGE}?month_end=2026-10-31")
        assert "The provision is posted" in await visitor.send(POST)
    assert [one.month_end for one in place.peers.given(POST_PROVISION)] == [OCTOBER]


async def test_what_has_changed_since_it_was_shown_is_shown_again_before_it_is_posted(place: Place) -> None:
    async with visiting(place, "grace") as visitor:
        await visitor.read(f"{PAGE}?month_end=2026-10-31")
        changed = debts.provision(ProvisionAsked(month_end=OCTOBER)).model_copy(update={"to_post_pence": 99_00})
        place.peers.answers[f"/queries/{PROVISION.name}"] = lambda _: changed
        refused: dict[str, str | None] = {"rule": "ProvisionMoved", "message": "£99.00 would be posted by now.", "field": None}
        place.peers.refusals[f"/commands/{POST_PROVISION.name}"] = refused
        said = await visitor.send(POST, 422)
        assert "£99.00 would be posted by now" in said
        assert visitor.typed("seen") == "9900"


async def test_a_form_that_does_not_say_what_was_seen_posts_nothing(place: Place) -> None:
    async with visiting(place, "grace") as visitor:
        await visitor.read(f"{PAGE}?month_end=2026-10-31")
        assert "Look at what would be posted" in await visitor.send(POST, 422, seen="2e3")
    assert place.peers.given(POST_PROVISION) == []


async def test_who_posted_it_and_when_stands_on_the_page_and_in_the_report(place: Place) -> None:
    posted = debts.provision(ProvisionAsked(month_end=date(2026, 5, 31))).model_copy(
        update={"posted_by": "grace", "posted_at": datetime(2026, 6, 2, 9, 30, tzinfo=UTC)}
    )
    place.peers.answers[f"/queries/{PROVISION.name}"] = lambda _: posted
    async with visiting(place, "asha") as visitor:
        assert "on 2 Jun 2026 at 10:30" in await visitor.read(f"{PAGE}?month_end=2026-05-31")
        facts = dict(provision_report(posted, {"grace": "Grace Oduya"}).facts)
        assert facts["Posted by"] == "Grace Oduya on 2 Jun 2026 at 10:30"
        assert "Posted" in facts
        assert "To post" not in facts


async def test_its_report_has_the_sums_of_each_status_as_the_page_has_and_its_first_sheet_numbers(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read(f"{PAGE}?month_end=2026-10-31")
        book = CalamineWorkbook.from_filelike(io.BytesIO((await visitor.http.get(f"{PAGE}.xlsx?month_end=2026-10-31")).content))
        await visitor.http.get(f"{PAGE}.pdf?month_end=2026-10-31")
    [call] = [call for call in place.peers.calls if call.path == f"/queries/{SET_REPORT.name}"]
    asked = SET_REPORT.takes.model_validate_json(call.body)
    assert asked.tables[1].rows == (("Current tenants", "£1,000.00", "£45.00"), ("Former tenants", "£110.00", "£15.75"))
    assert all(f"{words} together{owed}{loss}" in said for words, owed, loss in asked.tables[1].rows)
    assert ("It has to be", "£60.75") in {(one.term, one.said) for one in asked.facts}
    assert book.get_sheet_by_name("By status").to_python()[1] == ["Current tenants", 1000.0, 45.0]
    assert ["It has to be", 60.75] in book.get_sheet_by_name("About").to_python()
    assert "Rate" in book.get_sheet_by_name("Expected loss").to_python()[0]


@pytest.mark.parametrize(
    ("report", "page"),
    [
        ("/write-offs/register.csv?since=1e3", "/write-offs/register?since=1e3"),
        ("/write-offs/totals.xlsx?since=2026-12-01&until=2026-01-01", "/write-offs/totals?since=2026-12-01&until=2026-01-01"),
        ("/write-offs/provision.pdf?month_end=0000-00-00", "/write-offs/provision?month_end=0000-00-00"),
    ],
)
async def test_no_report_is_handed_out_for_filters_that_cannot_be_read(place: Place, report: str, page: str) -> None:
    async with visiting(place, "grace") as visitor:
        answered = await visitor.http.get(report, follow_redirects=False)
        assert (answered.status_code, answered.headers["location"]) == (303, page)
        await visitor.read(page, 422)


async def test_a_month_out_of_its_order_says_so(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "LaterMonthPosted", "message": "A later month was posted already.", "field": "month_end"}
    place.peers.refusals[f"/commands/{POST_PROVISION.name}"] = refused
    async with visiting(place, "grace") as visitor:
        await visitor.read(f"{PAGE}?month_end=2026-10-31")
        await visitor.send(POST, 422)
        assert visitor.summary() == {"#month_end": "A later month was posted already."}


async def test_a_month_before_one_that_was_posted_is_not_offered_for_posting(place: Place) -> None:
    earlier = debts.provision(ProvisionAsked(month_end=date(2026, 9, 30))).model_copy(update={"later": OCTOBER})
    place.peers.answers[f"/queries/{PROVISION.name}"] = lambda _: earlier
    async with visiting(place, "grace") as visitor:
        said = await visitor.read(f"{PAGE}?month_end=2026-09-30")
        assert "Nothing more is posted for this month: the provision of October 2026 was posted already" in said
        assert "Post £" not in said


@pytest.mark.parametrize("who", ["asha", "farid", "kirsi"])
async def test_nobody_but_finance_posts_it(place: Place, who: str) -> None:
    async with visiting(place, who) as visitor:
        assert "Post £" not in await visitor.read(PAGE)
        csrf = visitor.fields("/sign-out")["csrf"]
        form = {"csrf": csrf, "form_id": "0190a7f2-0000-7000-8000-000000000001", "month_end": "2026-10-31", "seen": "2075"}
        assert "Only finance posts the provision" in await visitor.post(POST, form, 403)
    assert place.peers.given(POST_PROVISION) == []


async def test_its_report_has_every_cell_and_the_journal(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        content = (await visitor.http.get(f"{PAGE}.xlsx?month_end=2026-10-31")).content
        assert (await visitor.http.get(f"{PAGE}.pdf?month_end=2026-10-31")).content.startswith(b"%PDF")
        told = (await visitor.http.get(f"{PAGE}.csv?month_end=2026-10-31")).content.decode("utf-8-sig")
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    loss, journal = book.get_sheet_by_name("Expected loss").to_python(), book.get_sheet_by_name("Journal").to_python()
    assert loss[1] == ["Current tenants", "up to 90 days", 800.0, 0.025, 20.0]
    assert (loss[5][2], loss[5][4]) == (1110.0, 60.75)
    assert journal[1:] == [["Bad-debt expense", 20.75, ""], ["Provision for bad debts", "", 20.75]]
    lines = told.splitlines()
    assert lines[2] == "2026-10-31,Expected loss,Current tenants,91 days or more,200.00,12.50,25.00,,,,"
    assert lines[-3:] == [
        "2026-10-31,Together,,,1110.00,,60.75,,,,",
        "2026-10-31,Journal,,,,,,Bad-debt expense,20.75,,not posted",
        "2026-10-31,Journal,,,,,,Provision for bad debts,,20.75,not posted",
    ]


def test_bars_are_as_long_as_their_amounts() -> None:
    chart = bar_chart([Bar("a", 50), Bar("b", 100), Bar("c", 0)])
    assert chart is not None
    room = WIDTH - BAR_LEFT - BAR_RIGHT
    assert [bar.length for bar in chart.bars] == [room / 2, room, 0]
    assert chart.most.words == "b"
    assert len({bar.at for bar in chart.bars}) == 3
    assert bar_chart([Bar("a", 0)]) is None
    assert bar_chart([]) is None


@pytest.mark.parametrize(("points", "words"), [(0, "0%"), (2_50, "2.5%"), (10_000, "100%"), (1, "0.01%"), (14_32, "14.32%")])
def test_a_rate_is_said_in_percent(points: int, words: str) -> None:
    assert rate(points) == words
