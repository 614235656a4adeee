"""Reports of write-offs: the same figures as a workbook that calculates nothing, as PDF that anyone can read, and as CSV."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx
import page as validation
import pytest
from approvals.domain.forms import AnswerSchedule, Minute
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.web.pages import register
from approvals.web.report import Column, Report, Table, as_message
from approvals.web.workbook import Kind, NotWritten, Sheet, workbook
from chassis.peers import Refused
from notices import typesetting
from notices.typesetting import set_report
from notices.use_cases.make_report import ReportCannotBeSet, make_report
from pydantic import BaseModel
from python_calamine import CalamineWorkbook
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import ACCOUNT_LABELS, AccountLabels, LineKind
from rentbook_contracts.notices import SET_REPORT, ReportColumn, ReportTable, SetReport
from rentbook_contracts.writeoffs import (
    WRITE_OFF_REGISTER,
    WRITE_OFF_TOTALS,
    Reason,
    Register,
    RegisterAsked,
    RegisterOrder,
    ScheduleAsked,
    TotalsAsked,
    WriteOffTotals,
)

from desk import debts, estate
from desk.conftest import PEOPLE, Place
from desk.peers import CANNED
from desk.visitor import visiting

REGISTER = "/write-offs/register"
TOTALS = "/write-offs/totals"
DONE = f"/write-offs/schedules/{debts.DONE}"
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
HOSTILE = ("=1+1", "@SUM(A1)", "+44", "-1", "http://x.example", "0123", "=cmd|' /C calc'!A0", "tab\there", "a\x01b", "{=A1}")


async def fetched(place: Place, who: str, path: str, status: int = 200) -> httpx.Response:
    async with visiting(place, who) as visitor:
        answer = await visitor.http.get(path)
    assert answer.status_code == status, answer.text[:400]
    return answer


def cells(content: bytes, sheet: str) -> Sequence[Sequence[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()


def formulas(content: bytes) -> list[str]:
    """The parts of a workbook in which anything is calculated or leads elsewhere."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return [name for name in parts.namelist() if b"<f>" in (part := parts.read(name)) or b"hyperlink" in part]


def asked_of_notices(place: Place) -> SetReport:
    """What notices was asked to set, with more patience than another answer gets."""
    [call] = [call for call in place.peers.calls if call.path == f"/queries/{SET_REPORT.name}"]
    assert call.limit_seconds == 40
    assert {one.limit_seconds for one in place.peers.calls} == {10, 40}
    return SET_REPORT.takes.model_validate_json(call.body)


async def test_the_register_is_a_workbook_of_numbers_and_days(place: Place) -> None:
    answer = await fetched(place, "hugo", f"{REGISTER}.xlsx?reason=untraceable")
    assert "spreadsheetml" in answer.headers["content-type"]
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    head, row, empty, total = cells(answer.content, "Register")
    assert head[:6] == ["Posted on", "What", "Reason", "Account", "Tenants", "Amount (£)"]
    assert row[0] == debts.register(WRITE_OFF_REGISTER.takes()).rows[0].posted_on
    assert row[1:9] == ["Write-off", "Untraceable", estate.IVANOVA.reference, estate.IVANOVA.names[0], 210.0, 5.0, 10.0, "no"]
    assert set(empty) == {""}
    assert (total[0], total[5:8]) == ("Together", [210.0, 5.0, 10.0])
    about = cells(answer.content, "About")
    assert about[0][0] == "Register of written-off debts"
    assert "Made by Hugo Stern" in str(about[1][0])
    assert ["Reason", "Untraceable"] in about
    assert formulas(answer.content) == []


async def test_the_register_of_several_kinds_sums_each_apart_and_keeps_its_order(place: Place) -> None:
    canned = debts.register(RegisterAsked())
    back = canned.rows[0].model_copy(update={"kind": LineKind.REINSTATEMENT, "amount_pence": 3_00, "vat_pence": 0, "reinstated_pence": 0})

    def answer(asked: BaseModel) -> Register:
        assert isinstance(asked, RegisterAsked)
        rows = (*canned.rows, back) if asked.order is RegisterOrder.LARGEST else ()
        return canned.model_copy(update={"rows": rows, "in_all": len(rows)})

    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = answer
    content = (await fetched(place, "hugo", f"{REGISTER}.xlsx?order=largest")).content
    rows = cells(content, "Register")[1:]
    assert [(row[1], row[5]) for row in rows] == [("Write-off", 210.0), ("Write-off", 210.0), ("Reinstatement", -3.0)]
    assert cells(content, "Together")[1:] == [["Written off", 2.0, 420.0, 10.0, 10.0], ["Put back", 1.0, 3.0, 0.0, 0.0]]


async def test_what_was_put_back_is_below_nothing_in_every_file_so_that_a_sum_over_the_register_is_right(place: Place) -> None:
    canned = debts.register(RegisterAsked()).rows[0]
    back = canned.model_copy(update={"kind": LineKind.REINSTATEMENT, "amount_pence": 10_00, "vat_pence": 1_00, "reinstated_pence": 0})
    found = debts.register(RegisterAsked()).model_copy(update={"rows": (canned, back), "in_all": 2})
    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = lambda _: found
    told = list(csv.DictReader(io.StringIO((await fetched(place, "hugo", f"{REGISTER}.csv")).content.decode("utf-8-sig"))))
    assert [(row["What"], row["Amount (£)"], row["Of which VAT (£)"]) for row in told] == [
        ("Write-off", "210.00", "5.00"),
        ("Reinstatement", "-10.00", "-1.00"),
    ]
    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = lambda _: found.model_copy(update={"rows": (back,), "in_all": 1})
    assert cells((await fetched(place, "hugo", f"{REGISTER}.xlsx")).content, "Register")[-1][5:8] == [-10.0, -1.0, 0.0]


async def test_a_register_of_several_pages_has_each_row_once_whatever_is_posted_meanwhile(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "EXPORTED_AT_ONCE", 1)
    newest_first = list(debts.register(RegisterAsked()).rows)
    expected = [str(row.journal) for row in newest_first]

    def answer(asked: BaseModel) -> Register:
        assert isinstance(asked, RegisterAsked)
        journals = [row.journal for row in newest_first]
        start = journals.index(asked.after) + 1 if asked.after else asked.offset
        rows = tuple(newest_first[start : start + asked.limit])
        newest_first.insert(0, newest_first[0].model_copy(update={"journal": uuid4()}))
        return debts.register(asked).model_copy(update={"rows": rows, "in_all": len(newest_first)})

    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = answer
    told = (await fetched(place, "hugo", f"{REGISTER}.csv")).content.decode("utf-8-sig")
    assert [row["Journal"] for row in csv.DictReader(io.StringIO(told))] == expected


async def test_names_that_look_like_formulas_stay_words(place: Place) -> None:
    canned: Callable[[BaseModel], AccountLabels] = CANNED[f"/queries/{ACCOUNT_LABELS.name}"][1]  # type: ignore[assignment]

    def hostile(asked: BaseModel) -> AccountLabels:
        labels = canned(asked).labels
        return AccountLabels(labels=tuple(one.model_copy(update={"names": ("=HYPERLINK(1)",)}) for one in labels))

    place.peers.answers[f"/queries/{ACCOUNT_LABELS.name}"] = hostile
    answer = await fetched(place, "asha", f"{REGISTER}.xlsx")
    assert cells(answer.content, "Register")[1][4] == "=HYPERLINK(1)"
    assert formulas(answer.content) == []
    assert "'=HYPERLINK(1)" in (await fetched(place, "asha", f"{REGISTER}.csv")).text


def test_whatever_words_begin_with_they_are_a_string_of_the_workbook() -> None:
    content = workbook("T", [("=1+1", "=2")], [Sheet("S", [("=A1", Kind.WORDS)], [(one,) for one in HOSTILE])], NOW)
    read = [str(row[0]) for row in cells(content, "S")]
    assert read[: len(HOSTILE) - 1] == ["=A1", *HOSTILE[: len(HOSTILE) - 2]]
    assert formulas(content) == []
    assert [str(cell) for cell in cells(content, "About")[0]] == ["=1+1", "=2"]


def test_a_cell_that_does_not_fit_leaves_no_workbook_with_a_hole() -> None:
    with pytest.raises(NotWritten):
        workbook("T", [], [Sheet("S", [("A", Kind.WORDS)], [("x" * 40_000,)])], NOW)


def test_pence_and_rates_are_exact_to_the_last_place() -> None:
    row = (99_999_999_99, -1, 1_234, 12_50)
    columns = [("A", Kind.MONEY), ("B", Kind.MONEY), ("C", Kind.COUNT), ("D", Kind.RATE)]
    assert cells(workbook("T", [], [Sheet("S", columns, [row])], NOW), "S")[1] == [99_999_999.99, -0.01, 1234.0, 0.125]


async def test_the_register_goes_to_paper_through_notices_with_what_has_room_there(place: Place) -> None:
    answer = await fetched(place, "hugo", f"{REGISTER}.pdf")
    assert answer.content.startswith(b"%PDF")
    asked = asked_of_notices(place)
    [table, sums] = asked.tables
    assert sums.rows == (("Written off", "2", "£420.00", "£10.00", "£10.00"),)
    assert [column.heading for column in table.columns][-2:] == ["Released by law", "Decided by"]
    assert table.rows[0][5:] == ("£210.00", "£5.00", "£10.00", "no", "")
    assert table.total[0] == "Together"
    assert ("Filters", "none: the whole register") in {(one.term, one.said) for one in asked.facts}


async def test_totals_for_publication_carry_their_days_and_nobody(place: Place) -> None:
    query = "?since=2026-04-01&until=2026-06-30"
    [_, row] = cells((await fetched(place, "mabel", f"{TOTALS}.xlsx{query}")).content, "Totals by reason")
    assert row == [date(2026, 4, 1), date(2026, 6, 30), "Write-off", "Untraceable", 12.0, 4825.2, 60.0, ""]
    await fetched(place, "mabel", f"{TOTALS}.pdf{query}")
    assert {(one.term, one.said) for one in asked_of_notices(place).facts} == {
        ("Posted since", "1 Apr 2026"),
        ("Posted until", "30 Jun 2026"),
    }


DEBTS_ALONE = debts.totals(TotalsAsked(since=NOW.date(), until=NOW.date()))
CREDITS = DEBTS_ALONE.totals[0].model_copy(update={"kind": LineKind.CREDIT_WRITE_ON, "reason": Reason.UNCLAIMED, "came_back_pence": 1_00})


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (DEBTS_ALONE, "Of which VAT"),
        (DEBTS_ALONE.model_copy(update={"totals": (*DEBTS_ALONE.totals, CREDITS)}), "Put back in that time"),
    ],
)
async def test_on_paper_the_totals_have_one_word_for_a_count_and_nothing_of_credits_where_none_went_to_income(
    place: Place, told: WriteOffTotals, last: str
) -> None:
    place.peers.answers[f"/queries/{WRITE_OFF_TOTALS.name}"] = lambda _: told
    await fetched(place, "mabel", f"{TOTALS}.pdf")
    by_reason, together = ([column.heading for column in table.columns] for table in asked_of_notices(place).tables)
    assert (by_reason[-1], together[-1]) == (last, last)
    assert by_reason[2] == together[1] == "Lines"


async def test_the_register_says_who_decided_or_by_which_minute(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    approved = AnswerSchedule(
        task, debts.hash_of(debts.to_decide(debts.SCHEDULE)), Answer.APPROVED, "evidence-complete", "", None, {}, None
    )
    decision = await place.does("ella", decide_schedule, approved)
    [row, other] = debts.register(RegisterAsked()).rows
    found = debts.register(RegisterAsked()).model_copy(update={"rows": (row.model_copy(update={"decision": decision}), other)})
    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = lambda _: found
    told = list(csv.DictReader(io.StringIO((await fetched(place, "hugo", f"{REGISTER}.csv")).content.decode("utf-8-sig"))))
    assert [one["Decided by"] for one in told] == ["Ella Kim, income manager", ""]
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read(REGISTER)
    assert said.count("decided by") == 1
    assert "decided by Ella Kim, income manager" in said


async def test_the_register_names_each_who_decided_in_turn(place: Place) -> None:
    """An officer and a body one after the other, as the policy asks for such a debt: on the page, and in every file."""
    await place.everyone_known()
    last = await place.put_to("mabel")
    about = debts.to_decide(debts.SCHEDULE, 50_000_00)
    minute = Minute("CAB/2026/118", estate.TODAY, b"%PDF-1.7 the minute of Cabinet %%EOF")
    approved = AnswerSchedule(last, debts.hash_of(about), Answer.APPROVED, "evidence-complete", "", None, {}, minute)
    decision = await place.does("mabel", decide_schedule, approved)
    [row, other] = debts.register(RegisterAsked()).rows
    found = debts.register(RegisterAsked()).model_copy(update={"rows": (row.model_copy(update={"decision": decision}), other)})
    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = lambda _: found
    in_turn = f"{PEOPLE['kirsi'].name}, s151 officer; then Cabinet, minute CAB/2026/118"
    assert cells((await fetched(place, "hugo", f"{REGISTER}.xlsx")).content, "Register")[1][11] == in_turn
    async with visiting(place, "hugo") as visitor:
        assert f"decided by {in_turn}" in await visitor.read(REGISTER)


async def test_a_schedule_is_handed_out_with_its_decision_and_the_fate_of_each_line(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task(debts.DONE)
    waiting = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    async with visiting(place, "ella") as visitor:
        place.peers.answers["/queries/schedule-page"] = lambda _: waiting
        await visitor.read(f"/tasks/{task}")
        fields = {"answer": "approved", "reason_code": "approved:other", "text": "As Cabinet wished", "minute_copy": ""}
        await visitor.send_with_file(f"/tasks/{task}/decision", "minute_copy", ("", b""), **fields)
        place.peers.answers["/queries/schedule-page"] = debts.schedule_page
        content = (await visitor.http.get(f"{DONE}.xlsx")).content
        assert (await visitor.http.get(f"{DONE}.pdf")).content.startswith(b"%PDF")
    lines = cells(content, "Lines")
    assert [row[7] for row in lines[1:4]] == ["Posted", "Dropped: The balance moved", "Left out: More evidence"]
    assert (lines[5][0], lines[5][5]) == ("Still on it", 402.1)
    [_, made] = cells(content, "Decisions")
    assert made[1:4] == ["Ella Kim, income manager", "Approved", "Another reason to approve, written below: As Cabinet wished"]
    assert [one.title for one in asked_of_notices(place).tables] == ["Lines", "Totals by reason", "Decisions"]
    assert {row[1] for row in cells(content, "Totals by reason")[1:4]} == {"Posted", "Dropped", "Left out"}


async def test_a_report_is_named_where_it_cannot_be_handed_out(place: Place) -> None:
    await fetched(place, "asha", f"{REGISTER}.docx", 404)
    place.peers.silent.add("notices")
    assert "Notices does not answer" in (await fetched(place, "asha", f"{REGISTER}.pdf", 503)).text
    await fetched(place, "asha", f"{REGISTER}.xlsx")


def a_report(rows: int, name: str = "Nguyễn Thị Lan") -> Report:
    columns = (Column("Posted on", Kind.DAY), Column("Tenants"), Column("Amount", Kind.MONEY), Column("Rate", Kind.RATE))
    return Report("r", "Register", (Table("Rows", columns, [(estate.TODAY, name, 1_00, 250)] * rows, ("Together", None, 1_00, None)),))


def test_a_report_that_is_too_long_for_paper_says_what_to_do() -> None:
    with pytest.raises(Refused, match=r"2,001 rows; as PDF it may have 2,000\. Narrow the filters, or take the workbook"):
        as_message(a_report(2001), "")


@pytest.mark.parametrize("rows", [0, 60])
def test_every_report_is_pdf_ua(rows: int) -> None:
    pdf = set_report(as_message(a_report(rows), "Made by Asha Rao.").model_dump(mode="json"))
    found = validation.validate_pdf_bytes(pdf, profile=validation.ValidationProfile.PDF_UA_1)
    assert found.is_compliant, found.failures


async def test_what_cannot_be_set_is_refused_in_words() -> None:
    two = ReportTable(title="t", columns=(ReportColumn(heading="a"), ReportColumn(heading="b")), rows=(("only one",),))
    with pytest.raises(ReportCannotBeSet, match="not as many cells"):
        await make_report(None, SetReport(title="t", made="", tables=(two,)))  # type: ignore[arg-type]
    unwritten = "".join(chr(0x12000 + at) for at in range(300))
    with pytest.raises(ReportCannotBeSet, match="Take it as a workbook"):
        await make_report(None, as_message(a_report(1, unwritten), ""))  # type: ignore[arg-type]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was set of each report that could be."""
    found: list[str] = []
    real = typesetting._set

    def noted(template: str, content: dict[str, Any]) -> Any:
        done = real(template, content)
        found.append(json.dumps(content["report"], ensure_ascii=False))
        return done

    monkeypatch.setattr(typesetting, "_set", noted)
    return found


@pytest.mark.parametrize("name", ["Former tenants \U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467 gone", "𒀀 and 𒀁, Żaneta, 陳"])
async def test_a_character_that_no_font_has_is_replaced_in_sight(name: str, printed: list[str]) -> None:
    """In a title and in a row."""
    asked = as_message(a_report(3, name), "Made by Asha Rao.").model_copy(update={"title": name})
    pdf = (await make_report(None, asked)).pdf  # type: ignore[arg-type]
    found = validation.validate_pdf_bytes(pdf, profile=validation.ValidationProfile.PDF_UA_1)
    assert found.is_compliant, found.failures
    shown = "".join("\ufffd" if ord(one) > 0xFFFF else one for one in name)
    assert printed[-1].count(shown) == 4
    assert "stands for a character that no font of this report has" in printed[-1]


async def test_a_report_whose_characters_all_have_fonts_is_set_as_it_is(printed: list[str]) -> None:
    await make_report(None, as_message(a_report(3, "Żaneta, 陳, فاطمة"), ""))  # type: ignore[arg-type]
    [only] = printed
    assert "Żaneta, 陳, فاطمة" in only
    assert "no font" not in only


def lines_to_a_page(rows: int) -> int:
    """How many pages a report has with so many rows, and few sums below them."""
    columns = (Column("Tenants"), Column("Amount", Kind.MONEY))
    sums = Table("Together", columns, [("Written off", 1_00), ("Put back", 1_00)])
    report = Report(
        "r", "Register", (Table("Rows", columns, [("Nguyễn Thị Lan", 1_00)] * rows, ("Together", 1_00)), sums), notes=("A note.",)
    )
    return set_report(as_message(report, "Made by Asha Rao.").model_dump(mode="json")).count(b"/Type/Page/")


def test_a_few_last_lines_need_no_page_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {rows: lines_to_a_page(rows) for rows in (30, 36, 60)}
    monkeypatch.setattr(typesetting, "_FEW_PAGES", 1)
    assert ([lines_to_a_page(rows) for rows in few], list(few.values())) == ([1, 2, 2], [1, 1, 2])
