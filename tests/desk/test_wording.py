"""How the desk says amounts, dates and states, and what it makes of what people type."""

import csv
import inspect
import io
import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from approvals.queries import History
from approvals.web import wording
from approvals.web.assets import load_assets, without_government_marks
from approvals.web.chart import balance_chart, money_step
from approvals.web.entries_csv import as_csv
from approvals.web.forms import Form, digits, printable, read_day, read_offset, unturned
from approvals.web.lanes import REASONS, lane_reason
from approvals.web.pages.cases import EVIDENCE
from approvals.web.story import story
from refunds.domain import checks
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import Entry, Provenance
from rentbook_contracts.refunds import AskedAs, CaseEvent, EvidenceKind
from rentbook_contracts.words import isolated

from desk import estate

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("pence", "words"),
    [
        (84_10, "£84.10 behind"),
        (-141_20, "£141.20 in credit"),
        (0, "nothing owed"),
        (1_234_567_89, "£1,234,567.89 behind"),
        (-5, "£0.05 in credit"),
    ],
)
def test_a_balance_in_the_tenants_words(pence: int, words: str) -> None:
    assert wording.balance(pence) == words


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("RECHARGE of a former tenancy, £85.50: offset £85.50.", "Recharge of a former tenancy, £85.50: offset £85.50."),
        ("USEOCC current, £12.00: offset £0.00.", "Use and occupation current, £12.00: offset £0.00."),
        ("HBO current, £12.00: offset £0.00.", "Overpaid Housing Benefit current, £12.00: offset £0.00."),
        ("No other debt of the same people.", "No other debt of the same people."),
    ],
)
def test_what_a_check_found_names_the_kind_of_an_account_in_words(told: str, words: str) -> None:
    assert wording.found_words(told) == words


def test_within_a_sentence_a_word_begins_small_and_an_abbreviation_does_not() -> None:
    assert wording.lower_first("A colleague has claimed this.") == "a colleague has claimed this."
    assert wording.lower_first("FTA of Mr Moss") == "FTA of Mr Moss"


def test_a_case_tells_once_what_two_services_noted() -> None:
    """Approvals says who decided and released; that refunds heard of it is no further event."""
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    heard = ("approved", "approved, ready for a payment run", "released", "released in a payment run", "with bank")
    events = tuple(CaseEvent(at=at, by="system", what=what) for what in heard)
    case = estate.case_page(estate.CASE_OKAFOR).model_copy(update={"events": events})
    made = SimpleNamespace(decided_at=at, decided_by="dev.leader", answer=Answer.APPROVED, text="", on_behalf_of=(), stage=1, stages=1)
    signed = SimpleNamespace(released_at=at, released_by="grace.finance")
    whole = SimpleNamespace(decisions=(made,), events=(), releases=(signed,))
    told = [one.what for one in story(cast(History, whole), case)]
    assert sorted(told) == ["decision: approved", "finance released the payment run", "with bank"]
    second = SimpleNamespace(**{**vars(made), "stage": 2, "stages": 2, "on_behalf_of": ("Ella Kim",)})
    of_two = SimpleNamespace(decisions=(second,), events=(), releases=())
    assert [one.what for one in story(cast(History, of_two), None)] == ["decision 2 of 2: approved, by authority of Ella Kim"]
    ended = SimpleNamespace(at=at, person="system", what="not-carried-out", note="the tenancy ended", whom_name=None)
    came_to_nothing = SimpleNamespace(decisions=(), events=(ended,), releases=())
    assert [one.what for one in story(cast(History, came_to_nothing), None)] == ["the decision was not carried out"]
    nothing_here = SimpleNamespace(decisions=(), events=(), releases=())
    assert [one.what for one in story(cast(History, nothing_here), case)] == list(heard)


def test_amounts_have_a_true_minus_and_columns_say_the_direction() -> None:
    assert wording.pounds(-1_005) == "−£10.05"
    assert (wording.debit(500), wording.credit(500)) == ("£5.00", "")
    assert (wording.debit(-500), wording.credit(-500)) == ("", "£5.00")
    assert (wording.balance_short(84_10), wording.balance_short(-84_10), wording.balance_short(0)) == ("£84.10 DR", "£84.10 CR", "£0.00")


def test_instants_are_said_in_london() -> None:
    summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert wording.when(summer) == "2 Jul 2026 at 00:30"
    assert wording.day(summer) == "Thu 2 Jul 2026"
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert wording.when_near(datetime(2026, 11, 23, 10, 42, tzinfo=UTC), now) == "10:42"
    assert wording.when_near(datetime(2026, 11, 22, 10, 42, tzinfo=UTC), now) == "yesterday at 10:42"


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (TODAY, "today"),
        (date(2026, 11, 22), "yesterday"),
        (date(2026, 11, 11), "12 days ago"),
        (date(2026, 6, 23), "5 months ago"),
        (date(2025, 11, 24), "11 months ago"),
        (date(2025, 11, 23), "1 year ago"),
        (date(2024, 11, 24), "1 year and 11 months ago"),
        (date(2024, 11, 23), "2 years ago"),
        (date(2023, 11, 23), "3 years ago"),
        (date(2026, 11, 25), "in 2 days"),
    ],
)
def test_an_age_in_words(since: date, words: str) -> None:
    assert wording.age(since, TODAY) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [(2, "2 working days left"), (1, "1 working day left"), (0, "due today"), (-1, "1 working day late"), (-3, "3 working days late")],
)
def test_a_due_date_in_working_days(days: int, words: str) -> None:
    assert wording.working_days_left(days) == words


def test_names_are_listed_as_a_sentence_has_them() -> None:
    assert wording.listed(["Asha"]) == "Asha"
    assert wording.listed(["Asha", "Ben", "Carol"]) == "Asha, Ben and Carol"
    assert wording.listed(("Asha", "Ben"), "or") == "Asha or Ben"


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-23", TODAY),
        ("23/11/2026", TODAY),
        ("3 5 2026", date(2026, 5, 3)),
        ("31/02/2026", None),
        ("11/23/2026", None),
        ("0000-00-00", None),
        ("tomorrow", None),
    ],
)
def test_a_date_as_browsers_send_it_or_people_type_it(typed: str, day: date | None) -> None:
    assert read_day(typed) == day


@pytest.mark.parametrize(
    ("typed", "pence"),
    [("141.20", 141_20), ("£1,041.5", 1_041_50), ("£ 1,234,567.89", 1_234_567_89), (" 7 ", 7_00), ("0.01", 1), ("", None)],
)
def test_an_amount_as_people_type_it(typed: str, pence: int | None) -> None:
    form = Form(values={"amount": typed})
    assert form.pence("amount", "The amount") == pence
    assert form.errors == []


@pytest.mark.parametrize("typed", ["£1,41.20", "141,20", "1,2345", ",141.20", "1,,234", "1234,567", "0,5", "1,234,56.00", "1,234.5,6"])
def test_an_amount_with_a_comma_out_of_place_is_not_guessed_at(typed: str) -> None:
    form = Form(values={"amount": typed})
    assert form.pence("amount", "The amount") is None
    assert form.error("amount") == "The amount must have a comma only before each three digits, and a point before the pence, like 1,234.56"


@pytest.mark.parametrize("typed", ["£", "1 41.20", "1.234", "-5", "5-", "££5", "12.", ".50", "1e3", "5.00 5.00"])
def test_what_is_no_amount_is_said_at_its_field(typed: str) -> None:
    form = Form(values={"amount": typed})
    assert form.pence("amount", "The amount") is None
    assert form.error("amount") == "The amount must be an amount in pounds, like 141.20"


@pytest.mark.parametrize(
    "typed",
    [
        "GB29NWBK60161331926819 my bank",
        "pay to gb29 nwbk 6016 1331 9268 19 please",
        "GB30NWBK60161331926819, mistyped",
        "BE68 5390 0754 7034 paid late",
        "DE89370400440532013000",
        "sort code 08-99-99, account number 60153007",
        "089999 60153007",
        "08 99 99\n6015 3007",
        "a/c 60153007 (08-99-99)",
    ],
)
def test_bank_details_among_the_words_of_a_form_are_refused(typed: str) -> None:
    form = Form(values={"note": typed})
    form.text("note")
    assert "Take the bank details out" in (form.error("note") or "")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "They rang 0161 496 0123 on 12 May 2026 and offer £20.00 a week.",
        "letter of 12-05-26, case 1234-A1, 4 pages",
        "reference 60153007",
        "the sort code 08-99-99 is of their old bank",
        "from 2026-05-12 until 2026-11-23, files 20260512 and 20261123",
        "AB12 0LU, court order 1BM04321",
    ],
)
def test_other_words_and_numbers_are_no_bank_details(typed: str) -> None:
    form = Form(values={"note": typed})
    form.text("note")
    assert form.errors == []


def test_only_what_runs_from_right_to_left_is_set_apart_in_plain_text() -> None:
    assert isolated("Żaneta Ślusarz") == "Żaneta Ślusarz"
    assert isolated("דוד לוי") == "\u2068דוד לוי\u2069"
    assert wording.named(["A<b>", "B", "C"]) == "<bdi>A&lt;b&gt;</bdi>, <bdi>B</bdi> and <bdi>C</bdi>"
    assert wording.asker("A<b>", AskedAs.EXECUTOR) == "the executor of A&lt;b&gt;"


def test_bank_digits_lose_their_spaces_and_dashes_alone() -> None:
    assert digits(" 08-99 99 ") == "089999"
    assert digits("o8-99-99") == "o89999"


def test_the_style_sheet_asks_for_nothing_and_names_no_government_font() -> None:
    css = "@font-face{font-family:GDS Transport;src:url(/a.woff2)}.a{font-family:GDS Transport,arial,sans-serif;background:url(/crest.svg)}"
    assert without_government_marks(css) == ".a{font-family:Arial,sans-serif;background:none}"
    real = load_assets().files["govuk.css"].decode()
    assert "url(" not in real
    assert "GDS Transport" not in real
    assert "crown" not in load_assets().files["mark.svg"].decode()


def test_the_picture_of_a_balance_keeps_nought_and_both_extremes_in_sight() -> None:
    chart = balance_chart([(date(2026, 1, 31), -520_00), (date(2026, 2, 28), 84_10), (date(2026, 3, 31), 0)])
    assert chart is not None
    assert {mark.pence for mark in chart.across} >= {0}
    assert min(mark.pence for mark in chart.across) <= -520_00
    assert max(mark.pence for mark in chart.across) >= 84_10
    assert chart.dots[0].y < chart.zero < chart.dots[1].y
    assert balance_chart([(date(2026, 1, 31), 0)]) is None


@pytest.mark.parametrize(("low", "high"), [(0, 0), (-1, 0), (-520_00, 84_10), (0, 99_999_99), (-3, 7)])
def test_the_lines_across_are_few_and_round(low: int, high: int) -> None:
    step = money_step(low, high)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert (high - low) / step <= 5


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("check 2: settled-by-evidence", "Source of the credit: settled by evidence"),
        (
            "check 6: joint-consent+card-money-back-to-card",
            "Payee: not every joint tenant has signed, and card money goes back to the card",
        ),
        ("check 8: a-reason-not-known-here", "Duplicates and conflicts: a reason not known here"),
        ("the account has a hold", "The account has a hold"),
    ],
)
def test_why_a_task_is_to_be_looked_at_in_words(told: str, words: str) -> None:
    assert lane_reason(told) == words


def test_every_reason_of_a_check_has_words() -> None:
    source = inspect.getsource(checks)
    codes = set(re.findall(r'Doubt\("([a-z-]+)"', source)) | set(re.findall(r'(?:FAIL|REFER), "([a-z-]+)"', source))
    assert codes
    assert codes <= set(REASONS)


def test_every_kind_of_evidence_for_or_against_a_refund_has_words() -> None:
    assert set(EVIDENCE) == set(EvidenceKind)


def test_names_keep_their_capital_within_a_sentence() -> None:
    said = [
        wording.lower_first(words) for words in ("Direct Debit", "Housing Benefit", "RENT", "Weekly charge", "\u00a3621.20 from tenant")
    ]
    assert said == ["Direct Debit", "Housing Benefit", "RENT", "weekly charge", "\u00a3621.20 from tenant"]


@pytest.mark.parametrize("typed", ["0001-01-01", "9999-12-31", "31/12/2101"])
def test_a_date_outside_every_accounts_life_is_none(typed: str) -> None:
    assert read_day(typed) is None


@pytest.mark.parametrize(("typed", "offset"), [("", 0), ("200", 200), ("-1", 0), ("1e3", 0), ("12345678", 0), ("\u0663", 0)])
def test_a_list_begins_at_its_first_row_where_its_address_says_nothing_that_can_be_read(typed: str, offset: int) -> None:
    assert read_offset(typed) == offset


def test_amounts_in_other_digits_are_none() -> None:
    form = Form(values={"amount": "\u0661\u0662"})
    assert form.pence("amount", "The amount") is None
    assert form.error("amount")


def test_what_no_keyboard_types_is_left_out() -> None:
    assert printable("one\x00\ntwo\tthree\x1b\ud800") == "one\ntwo\tthree"


def test_nothing_that_is_typed_turns_the_text_beside_it_round() -> None:
    assert unturned("paid \u202e00.05£\u202c in \u2067May\u2069") == "paid 00.05£ in May"
    assert unturned("محمد الفارسي, 12\u200f") == "محمد الفارسي, 12\u200f"


def test_the_export_of_an_account_calculates_nothing_in_a_spreadsheet() -> None:
    page = estate.account_page(estate.OKAFOR)
    entry = page.entries[0].model_copy(update={"narrative": "=1+1", "amount_pence": -141_20, "running_pence": -621_20})
    rows = list(csv.DictReader(io.StringIO(as_csv([entry], {}).decode("utf-8-sig"))))
    assert [(row["Text"], row["Debit"], row["Credit"], row["Balance after"]) for row in rows] == [("'=1+1", "", "141.20", "-621.20")]


@pytest.mark.parametrize(
    ("code", "case", "by_hand"),
    [("RSO", False, True), ("ROB", False, False), ("RDR", True, False), ("WOF", True, False), ("CWO", True, True)],
)
def test_what_was_decided_or_brought_along_is_not_undone_but_for_a_credit_that_went_to_income(code: str, case: bool, by_hand: bool) -> None:
    provenance = Provenance(case=UUID(int=2) if case else None)
    day, at = date(2026, 1, 5), datetime(2026, 1, 5, tzinfo=UTC)
    entry = Entry(
        journal=UUID(int=1), code=code, code_words="", element="", amount_pence=1, running_pence=1, effective_date=day, posted_at=at,
        cleared_on=None, narrative="", provenance=provenance,
    )  # fmt: skip
    assert wording.undoable(entry) is by_hand
