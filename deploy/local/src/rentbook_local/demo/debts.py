"""The debts of the demonstration: former tenants who left years of rent unpaid, at least one for every reason of domain.md 5.3.

Evidence is not among them: it is brought at the desk, dated by what it shows, so that every proposal can be made and completed at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

BASIC_RENT, SERVICE, HEATING, GARAGE = "RENT", "SERVICE", "HEATING", "GARAGE"
SIX_YEARS_IN_WEEKS = 313
STORY_DEBTORS = 10
"""How often the journey of a write-off can be played on one state: each play writes off one of these debts for good."""


@dataclass(frozen=True)
class Plan:
    """A payment plan, weekly, agreed so many days ago; its first instalment fell due a week later. Pence."""

    instalment: int
    days_ago: int


@dataclass(frozen=True)
class BreathingSpace:
    """One that runs since so many days. One of a mental health crisis runs however long the demonstration is kept."""

    kind: str
    days_ago: int

    def told(self, today: date) -> dict[str, str]:
        return {"kind": self.kind, "from": str(today - timedelta(days=self.days_ago))}


@dataclass(frozen=True)
class Debtor:
    """One account of former tenants. `owed` is in pence what `weeks` Mondays up to the tenancy's end charged, split over `elements`.

    `migrated` (pence, credit negative) came along as an opening balance instead, as from an earlier system. `died` names who of `people`
    has died; two debtors with the same people are linked. `paid`: pence and how many days ago.
    """

    people: tuple[str, ...]
    ended_weeks_ago: int
    weeks: int = 0
    weekly: Mapping[str, int] = field(default_factory=dict)
    migrated: int = 0
    kind: str = "RENT"
    died: tuple[str, ...] = ()
    insolvent: bool = False
    holds: tuple[str, ...] = ()
    breathing_space: BreathingSpace | None = None
    paid: tuple[tuple[int, int], ...] = ()
    plan: Plan | None = None

    @property
    def balance(self) -> int:
        return self.migrated + self.weeks * sum(self.weekly.values()) - sum(pence for pence, _ in self.paid)

    def ended_on(self, monday: date) -> date:
        return monday - timedelta(weeks=self.ended_weeks_ago)

    def mondays(self, monday: date) -> list[date]:
        """The Mondays whose charges are owed; `monday` is that of the present week."""
        return [self.ended_on(monday) - timedelta(weeks=week) for week in range(self.weeks, 0, -1)]


def _rent(pence: int, service: int = 0, heating: int = 0) -> dict[str, int]:
    return {name: amount for name, amount in ((BASIC_RENT, pence), (SERVICE, service), (HEATING, heating)) if amount}


def _linked(key: str, person: str, total: int, here: int) -> dict[str, Debtor]:
    """Test J: a debtor whose total over two accounts decides who has authority, and of whom one account alone would mislead."""
    return {
        f"debt-{key}": Debtor((person,), 60, migrated=here),
        f"debt-{key}-other": Debtor((person,), 190, migrated=total - here),
    }


_GWILYM, _HAROLD, _MAUD = "Gwilym Prothero", "Harold Pickersgill", "Maud Pickersgill"

DEBTORS: dict[str, Debtor] = {
    "debt-deceased": Debtor(("Edna Brierley",), 40, 2, _rent(82_15), died=("Edna Brierley",)),
    "debt-survivor": Debtor((_HAROLD, _MAUD), 44, 3, _rent(92_00), died=(_HAROLD,)),
    "debt-care-home": Debtor(("Beatrix Onslow",), 52, 3, _rent(74_90, service=4_50)),
    "debt-bankruptcy": Debtor(("Declan Hartigan",), 90, 10, _rent(91_00), insolvent=True, holds=("INSOLVENCY",)),
    "debt-debt-relief-order": Debtor(("Shanice Boateng",), 95, 8, _rent(88_40), insolvent=True, holds=("INSOLVENCY",)),
    "debt-voluntary-arrangement": Debtor(("Viktor Lindgren",), 130, 6, _rent(101_20), insolvent=True, holds=("INSOLVENCY",)),
    # Some of these charges are barred today, some in some days, the last in weeks: each by its own day.
    "debt-statute-barred": Debtor((_GWILYM,), SIX_YEARS_IN_WEEKS - 2, 8, _rent(78_00, heating=6_20)),
    "debt-acknowledged": Debtor(("Rhona Struthers",), SIX_YEARS_IN_WEEKS + 3, 4, _rent(80_00)),
    "debt-untraceable": Debtor(("Kwabena Frimpong",), 71, 6, _rent(88_00, service=4_50)),
    "debt-uneconomic": Debtor(("Idris Calloway",), 70, 1, _rent(38_20)),
    "debt-prison": Debtor(("Terence Maddocks",), 64, 5, _rent(86_75)),
    "debt-emigrated": Debtor(("Ottilie Brandvold",), 83, 4, _rent(93_10)),
    "debt-disputed-end": Debtor(("Ravindra Pillai",), 58, 4, _rent(90_00)),
    "debt-judgment-unenforceable": Debtor(("Sylvester Quigley",), 150, migrated=355_00, kind="COURT"),
    "debt-garage": Debtor(("Corin Vasquez-Hale",), 61, 4, {GARAGE: 17_80}, kind="GARAGE"),
    "debt-unclaimed": Debtor(("Philippa Underwood",), SIX_YEARS_IN_WEEKS + 60, migrated=-62_40),
    "debt-plan": Debtor(("Marguerite Ansah",), 30, 4, _rent(89_50), paid=((20_00, 11), (20_00, 4)), plan=Plan(20_00, 21)),
    "debt-dispute": Debtor(("Lionel Featherstone",), 36, 2, _rent(95_00), holds=("DISPUTE",)),
    "debt-breathing-space": Debtor(("Naomi Castleton",), 33, 3, _rent(84_00), breathing_space=BreathingSpace("mental-health", 12)),
    "debt-credit-elsewhere": Debtor(("Bartholomew Oyinlola",), 48, 3, _rent(83_00)),
    "debt-credit-elsewhere-credit": Debtor(("Bartholomew Oyinlola",), 130, migrated=-45_00),
    "debt-claim": Debtor(("Josephine Tranter",), 29, 2, _rent(87_00)),
    "debt-pays-before": Debtor(("Alistair Goodhew",), 75, 3, _rent(90_00)),
    "debt-pays-during": Debtor(("Yvette Marchbanks",), 76, 3, _rent(91_00)),
    "debt-pays-after": Debtor(("Cornelius Abara",), 77, 3, _rent(92_00)),
    "debt-undone-before": Debtor(("Eluned Carrowby",), 81, 3, _rent(96_00), paid=((40_00, 14),)),
    "debt-undone-during": Debtor(("Sunniva Halloran",), 78, 3, _rent(93_00), paid=((50_00, 12),)),
    "debt-undone-after": Debtor(("Fitzroy Lansbury",), 79, 3, _rent(94_00), paid=((60_00, 13),)),
    "debt-backdated-before": Debtor(("Jarvis Omondi-Pell",), 82, 3, _rent(97_00)),
    "debt-backdated-during": Debtor(("Constance Yarborough",), 84, 3, _rent(98_00)),
    "debt-backdated-after": Debtor(("Perpetua Okell",), 80, 3, _rent(95_00)),
    "debt-line-manager": Debtor(("Winston Trelawney",), 66, 1, _rent(41_60)),
    **_linked("j-4999", "Amabel Rushworth", 49_99, 30_00),
    **_linked("j-5000", "Clement Dankwa", 50_00, 30_00),
    **_linked("j-499999", "Drusilla Hepworth", 4_999_99, 4_000_00),
    **_linked("j-500000", "Ephraim Tolliver", 5_000_00, 4_000_00),
    **_linked("j-999999", "Florian Bexley", 9_999_99, 4_999_99),
    **_linked("j-1000000", "Griselda Mbeki-Shaw", 10_000_00, 4_999_99),
    **_linked("j-4999999", "Hereward Bannister", 49_999_99, 9_999_99),
    **_linked("j-5000000", "Isolde Carmichael", 50_000_00, 9_999_99),
    "debt-story-paying": Debtor(("Rosamund Achebe",), 67, 5, _rent(84_20, service=4_50)),
    "debt-story-left-out": Debtor(("Barnaby Thistlewood",), 68, 2, _rent(86_00)),
    **{
        f"debt-story-gone-{n + 1}": Debtor((f"Ludovic Penhallow {'ABCDEFGHIJ'[n]}.",), 100 + n, 3, _rent(88_30))
        for n in range(STORY_DEBTORS)
    },
}


def old_weeks(monday: date) -> Iterator[date]:
    """Every Monday of which a debt's charge is owed, oldest first."""
    yield from sorted({week for debtor in DEBTORS.values() for week in debtor.mondays(monday)})
