"""The rules of credit, clearing, statute-barred debt and payers' fingerprints, without a database."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from ledger.domain.calendar import working_days
from ledger.domain.clearing import ClearingRule, NoClearingRule, cleared_on
from ledger.domain.credit import (
    Moved,
    PastJournal,
    arrears_ages,
    cleared_credit_pence,
    credit_stood,
    credits_behind,
    in_arrears_since,
    limitation_unknown_pence,
    month_ends,
    statute_barred_pence,
    uncleared_pence,
)
from ledger.domain.debt import Debit
from ledger.domain.payer import fingerprint
from ledger.domain.posting import Control, Posting, two_legs
from ledger.domain.sealing import content_of
from rentbook_contracts.ledger import AccountKind

TODAY = date(2026, 6, 10)
CALENDAR = working_days(2025, 2027)
RULES = (ClearingRule("RDD", date(2020, 4, 6), 5), ClearingRule("RDD", date(2026, 6, 1), 6), ClearingRule("RCO", date(2020, 4, 6), 0))


def past(pence: int, cleared: date | None = None, *, undone: bool = False, number: int = 0) -> PastJournal:
    return PastJournal(UUID(int=number), "RDD", "TENANT", pence, TODAY, cleared, "system", None, undone)


@pytest.mark.parametrize(
    ("code", "paid", "clear"),
    [
        ("RDD", date(2026, 5, 20), date(2026, 5, 28)),  # the bank holiday of 25 May counts for nothing
        ("RDD", date(2026, 6, 1), date(2026, 6, 9)),  # the later row is in force
        ("RCO", date(2026, 5, 24), date(2026, 5, 24)),  # cash is there, on a Sunday too
    ],
)
def test_a_receipt_clears_by_the_policy_of_its_day(code: str, paid: date, clear: date) -> None:
    assert cleared_on(RULES, CALENDAR, code, paid) == clear


@pytest.mark.parametrize(
    ("code", "valued", "clear"),
    [
        ("RCO", date(2026, 6, 4), date(2026, 6, 4)),  # booked before the bank lets it be used
        ("RCO", date(2026, 5, 29), date(2026, 6, 1)),
        ("RDD", date(2026, 6, 4), date(2026, 6, 9)),  # the method's own days end later
    ],
)
def test_a_receipt_clears_no_sooner_than_the_bank_lets_it_be_used(code: str, valued: date, clear: date) -> None:
    assert cleared_on(RULES, CALENDAR, code, date(2026, 6, 1), valued) == clear


@pytest.mark.parametrize(("code", "paid"), [("RQP", TODAY), ("RDD", date(2020, 4, 5))])
def test_a_gap_in_the_policy_is_no_guess(code: str, paid: date) -> None:
    with pytest.raises(NoClearingRule):
        cleared_on(RULES, CALENDAR, code, paid)


def test_i_uncleared_direct_debit_leaves_140_of_640() -> None:
    journals = [past(-500_00, date(2026, 6, 16)), past(-140_00, date(2026, 6, 10))]
    assert uncleared_pence(journals, TODAY) == 500_00
    assert cleared_credit_pence(-640_00, 500_00, 0) == 140_00
    assert cleared_credit_pence(-640_00, 500_00, 150_00) == 0


def test_the_newest_credits_that_reach_the_credit_are_behind_it() -> None:
    newest_first = [past(-50, number=1), past(120_00, number=2), past(-60, undone=True, number=3), past(-60, number=4), past(-70, number=5)]
    assert [found.journal.int for found in credits_behind(newest_first, -100)] == [1, 4]
    assert credits_behind(newest_first, 5) == ()


def owed(due_on: date, pence: int) -> Debit:
    return Debit(UUID(int=0), "Basic rent", due_on, pence)


def test_what_fell_due_more_than_six_years_ago_is_barred() -> None:
    debits = [owed(date(2020, 6, 9), 100), owed(date(2020, 6, 10), 10), owed(date(2026, 1, 5), 1)]
    assert statute_barred_pence(debits, AccountKind.RENT, TODAY, 6) == 100
    assert limitation_unknown_pence(debits, AccountKind.RENT, TODAY, 6) == 0


@pytest.mark.parametrize("kind", [AccountKind.COURT, AccountKind.RECHARGE])
def test_of_court_costs_and_recharges_of_that_age_no_day_is_computed(kind: AccountKind) -> None:
    debits = [owed(date(2020, 6, 9), 100), owed(date(2020, 6, 10), 10), owed(date(2026, 1, 5), 1)]
    assert statute_barred_pence(debits, kind, TODAY, 6) == 0
    assert limitation_unknown_pence(debits, kind, TODAY, 6) == 100


def test_six_years_before_a_leap_day() -> None:
    debits = [owed(date(2018, 2, 28), 5), owed(date(2018, 3, 1), 7)]
    assert statute_barred_pence(debits, AccountKind.RENT, date(2024, 2, 29), 6) == 5


@pytest.mark.parametrize(
    ("movements", "since"),
    [
        ([], None),
        ([(date(2026, 1, 5), 10)], date(2026, 1, 5)),
        ([(date(2026, 1, 5), 10), (date(2026, 1, 6), -10), (date(2026, 1, 12), 10), (date(2026, 1, 19), 10)], date(2026, 1, 12)),
        ([(date(2026, 1, 5), 10), (date(2026, 1, 6), -20)], None),
    ],
)
def test_arrears_begin_when_the_balance_last_left_zero(movements: list[tuple[date, int]], since: date | None) -> None:
    assert in_arrears_since(movements) == since
    stood = credit_stood(Moved(day, -pence) for day, pence in movements)
    assert (stood[0][0] if stood else None) == since


JAN, FEB, MAR = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)


@pytest.mark.parametrize(
    ("movements", "stood"),
    [
        ([], ()),
        ([Moved(JAN, -60), Moved(FEB, -500)], ((JAN, 60), (FEB, 500))),
        ([Moved(JAN, -60), Moved(FEB, 10), Moved(MAR, -10)], ((JAN, 50), (MAR, 10))),
        ([Moved(JAN, -60), Moved(FEB, -20), Moved(MAR, 30)], ((JAN, 50),)),
        ([Moved(JAN, -60), Moved(FEB, 70), Moved(MAR, -80)], ((MAR, 70),)),
        ([Moved(JAN, 60), Moved(FEB, -70), Moved(MAR, -5)], ((FEB, 10), (MAR, 5))),
        # What goes to income is the oldest of it, and what comes back from there has stood since then.
        ([Moved(JAN, -60), Moved(FEB, -500), Moved(MAR, 0, 60)], ((FEB, 500),)),
        ([Moved(JAN, -60), Moved(FEB, -500, 20), Moved(MAR, -20)], ((JAN, 40), (FEB, 500), (MAR, 20))),
    ],
)
def test_a_credit_has_stood_as_long_as_no_debit_reached_it(movements: list[Moved], stood: tuple[tuple[date, int], ...]) -> None:
    assert credit_stood(movements) == stood


def test_a_credit_that_went_to_income_is_no_charge() -> None:
    to_income = PastJournal(UUID(int=0), "CWO", None, 90_00, TODAY, None, "system", None, undone=False)
    assert arrears_ages([to_income, debit_of(100_00, 28)], 100_00, TODAY) == ((28, 56, 100_00),)


def debit_of(pence: int, days_ago: int, *, undone: bool = False) -> PastJournal:
    return PastJournal(UUID(int=0), "DBR", None, pence, TODAY - timedelta(days=days_ago), None, "system", None, undone)


@pytest.mark.parametrize(
    ("balance", "ages"),
    [
        (0, ()),
        (-10, ()),
        (90_00, ((0, 28, 90_00),)),
        (220_00, ((0, 28, 200_00), (28, 56, 20_00))),
        (310_00, ((0, 28, 200_00), (28, 56, 100_00), (364, None, 10_00))),
    ],
)
def test_what_is_owed_is_the_newest_debits_by_their_age(balance: int, ages: tuple[tuple[int, int | None, int], ...]) -> None:
    # A debt that was put back is as old as it was.
    put_back = PastJournal(UUID(int=0), "WON", None, 90_00, TODAY, None, "system", None, undone=False)
    newest_first = [put_back, past(-5), debit_of(100_00, 6), debit_of(70_00, 8, undone=True), debit_of(100_00, 27), debit_of(100_00, 28)]
    assert arrears_ages(newest_first, balance, TODAY) == ages
    assert sum(pence for _, _, pence in ages) == max(0, balance)


def test_month_ends_of_the_months_before_and_the_day_itself() -> None:
    assert month_ends(date(2026, 3, 15), 3) == [date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 15)]


@pytest.mark.parametrize("written", ["08999966374958", "GB00ABCD08999966374958", "08-99-99 66374958"])
def test_one_bank_account_has_one_fingerprint(written: str) -> None:
    assert fingerprint(b"k", written) == fingerprint(b"k", "08999966374958")
    assert fingerprint(b"other key", written) != fingerprint(b"k", written)


@pytest.mark.parametrize("written", ["", "66374958", "FR7630006000011234567890189"])
def test_what_is_no_british_account_has_none(written: str) -> None:
    assert fingerprint(b"k", written) is None


def test_a_key_stands_for_its_content() -> None:
    one = Posting("k", "RDR", TODAY, two_legs(UUID(int=1), 5, Control.BANK), "system")
    later = Posting("k", "RDR", date(2026, 6, 11), two_legs(UUID(int=1), 5, Control.BANK), "asha.officer")
    other = Posting("k", "RDR", TODAY, two_legs(UUID(int=1), 6, Control.BANK), "system")
    assert one.id == later.id == other.id
    assert one.request_hash == later.request_hash != other.request_hash


def test_every_sealed_field_counts() -> None:
    head, entries = ("a", "b", None), [(1, "x", 5), (2, "y", -5)]
    assert content_of(head, entries) != content_of(("a", None, "b"), entries)
    assert content_of(head, entries) != content_of(head, [(1, "x", 6), (2, "y", -6)])
