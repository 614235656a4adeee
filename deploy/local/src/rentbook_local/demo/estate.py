"""The demonstration estate: several hundred tenancies with ten weeks of history up to today, the same on every machine on the same day.

This week's debit is still to be run: it is there to be tried.

Among them stand the cast: accounts that the journeys, the tests and a demonstration need to find in a known state (`CAST`, and the debts of
former tenants in `debts.DEBTORS`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from rentbook_local.demo import debts, names
from rentbook_local.demo.debts import BreathingSpace, Debtor

HISTORY_WEEKS = 10
ORDINARY_TENANCIES = 380
FORMER_TENANCIES = 40
_SPACE = UUID("6f1c2f86-5f0c-4d0e-9d55-0e1b6c3d7a11")
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2)
_PAYER_SORT_CODE = "089999"
_PAYER_WEIGHTS = (7, 1, 3, 7, 1, 3, 7, 1)

Record = dict[str, Any]


NEW_HOMES = 1_200
"""From this number on stand the homes into which former tenants moved; none of them is the council's."""


@dataclass(frozen=True)
class Paid:
    """A receipt of the cast's history: pence, how many days ago, and by which code of domain.md 2.1."""

    pence: int
    days_ago: int
    code: str = "RBP"


@dataclass(frozen=True)
class Role:
    """One of the cast. `balance` is in pence after the history, credit negative.

    `people` names the tenants, so that two accounts can be the same people's; `ended_weeks_ago` makes a former tenancy with keys returned
    and final charges posted.
    """

    people: tuple[str, ...]
    balance: int
    weekly: int = 120_00
    ended_weeks_ago: int | None = None
    paid: tuple[Paid, ...] = ()
    direct_debit: bool = False
    recharge: int = 0
    died: bool = False
    holds: tuple[str, ...] = ()
    breathing_space: BreathingSpace | None = None


def _test_i(which: str, two: tuple[str, str], *, ended: bool, sole_debt: bool = False) -> dict[str, Role]:
    """Test I of domain.md: credit of 640.00, 500.00 of it a Direct Debit of yesterday; former arrears 120.00; recharge 85.50."""
    main = Role(two, -640_00, paid=(Paid(500_00, 1, "RDD"), Paid(140_00, 9)), recharge=85_50, ended_weeks_ago=2 if ended else None)
    return {which: main, f"{which}-fta": Role(two[:1] if sole_debt else two, 120_00, ended_weeks_ago=60)}


CAST: dict[str, Role] = {
    "clean": Role(("Mercy Okafor",), -480_00, paid=(Paid(240_00, 8), Paid(240_00, 15))),
    "declined": Role(("Noreen Hallam",), -730_00, paid=(Paid(490_00, 8), Paid(240_00, 15))),
    "weekly-debit": Role(("Ifor Prosser",), -690_00, paid=(Paid(450_00, 8), Paid(240_00, 15))),
    "voided": Role(("Salma Darwish",), -210_00, ended_weeks_ago=5, paid=(Paid(210_00, 20),)),
    "returned": Role(("Petra Novotna",), -155_00, ended_weeks_ago=5, paid=(Paid(155_00, 20),)),
    "file-refused": Role(("Bogdan Rusu",), -158_00, ended_weeks_ago=5, paid=(Paid(158_00, 20),)),
    "fate-unknown": Role(("Ailsa Drummond",), -159_00, ended_weeks_ago=5, paid=(Paid(159_00, 20),)),
    "canary": Role(("Zebulon Quackenbush",), -163_00, ended_weeks_ago=5, paid=(Paid(163_00, 20),)),
    "restart": Role(("Leon Achterberg",), -162_00, ended_weeks_ago=5, paid=(Paid(162_00, 20),)),
    "band-senior-officer": Role(("Tobias Wren",), -80_00, ended_weeks_ago=6, paid=(Paid(80_00, 25),)),
    "band-team-leader": Role(("Hua Lin Ferris",), -400_00, ended_weeks_ago=6, paid=(Paid(400_00, 25),)),
    "band-income-manager": Role(("Roland Oyelaran",), -2_000_00, ended_weeks_ago=6, paid=(Paid(2_000_00, 25),)),
    "band-head-of-service": Role(("Winifred Castell",), -3_100_00, ended_weeks_ago=6, paid=(Paid(3_100_00, 25),)),
    "bare-hands": Role(("Marit Solheim",), -164_00, ended_weeks_ago=5, paid=(Paid(164_00, 20),)),
    "housing-benefit": Role(("Gwen Tillotson",), -260_00, ended_weeks_ago=4, paid=(Paid(260_00, 20, "RHB"),)),
    "deceased": Role(("Albert Munroe",), -340_00, ended_weeks_ago=4, paid=(Paid(340_00, 30),), died=True, holds=("DECEASED",)),
    "breathing-space": Role(("Joan Attwell",), 412_00, breathing_space=BreathingSpace("standard", 20)),
    "direct-debit": Role(("Kofi Brathwaite",), -300_00, direct_debit=True, paid=(Paid(500_00, 22, "RDD"),)),
    **_test_i("i1", ("Femi Adeyinka", "Ruth Callaway"), ended=False),
    **_test_i("i2", ("Stella Marchetto", "Owain Parry"), ended=True),
    **_test_i("i3", ("Dilnoza Karimova", "Piers Lockett"), ended=True),
    **_test_i("i4", ("Graham Tolley", "Anneke de Wit"), ended=True, sole_debt=True),
    "journey": Role(("Tamsin Haverford",), -480_00, paid=(Paid(240_00, 8), Paid(240_00, 15))),
}


@dataclass
class Estate:
    """The records in the order of the estate file, and where the cast and the ordinary accounts are to be found."""

    today: date
    records: list[Record] = field(default_factory=list)
    cast: dict[str, Record] = field(default_factory=dict)
    ordinary: list[Record] = field(default_factory=list)


def identity(*parts: object) -> str:
    """The same id for the same thing on every machine."""
    return str(uuid5(_SPACE, "/".join(map(str, parts))))


def reference(number: int) -> str:
    """A payment reference of eight digits that begin with 9, and its check letter (domain.md 1.2)."""
    digits = f"9{number:07d}"
    remainder = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
    return digits + "ABCDEFGHIJK"[remainder - 1]


def bank_account(number: int) -> str:
    """Sort code and account number of an invented payer, valid under the table's weights for that sort code (domain.md 3.6)."""
    stem = f"{6_000_000 + number * 17:07d}"
    weighted = sum(weight * int(digit) for weight, digit in zip(_PAYER_WEIGHTS, stem, strict=False))
    return _PAYER_SORT_CODE + stem + str(-weighted % 10)


def this_monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


class _Maker:
    def __init__(self, today: date) -> None:
        self.today = today
        self.mondays = [this_monday(today) - timedelta(weeks=weeks) for weeks in range(HISTORY_WEEKS, 0, -1)]
        self.begun = self.mondays[0] - timedelta(days=1)
        self.chance = Random(20260406)  # noqa: S311 - a demonstration, the same every time
        self.kinds: dict[str, list[Record]] = {kind: [] for kind in ("property", "person", "tenancy", "account", "plan", "history")}
        self.people: dict[str, str] = {}
        self.homes = 0
        self.accounts = 0

    def person(self, name: str, *, died: bool = False, insolvent: bool = False) -> str:
        if name not in self.people:
            self.people[name] = identity("person", name, len(self.people))
            died_on = {"died_on": str(self.today - timedelta(days=50))} if died else {}
            spelt = {"latin": latin} if (latin := names.latin(name)) else {}
            fallen = {"insolvent": True} if insolvent else {}
            self.kinds["person"].append({"record": "person", "id": self.people[name], "name": name, **spelt, **died_on, **fallen})
        return self.people[name]

    def home(self) -> tuple[str, str]:
        line, postcode = names.address(self.homes)
        identifier = identity("property", self.homes)
        self.homes += 1
        self.kinds["property"].append(
            {"record": "property", "id": identifier, "reference": f"RB{self.homes:05d}", "address": line, "postcode": postcode}
        )
        return identifier, line

    def tenancy(self, people: tuple[str, ...], ended_on: date | None, *, garage: bool = False) -> tuple[str, str]:
        home, line = self.home()
        identifier = identity("tenancy", home)
        ended = (
            {}
            if ended_on is None
            else {
                "ended_on": str(ended_on),
                "keys_returned_on": str(ended_on),
                "final_charges_posted": True,
                "recharge_inspected": True,
                "forwarding_address": ", ".join(names.address(NEW_HOMES + self.homes)),
            }
        )
        tenants = [{"person": person, **({"joint": True} if len(people) > 1 else {})} for person in people]
        started = (ended_on or self.begun) - timedelta(weeks=80 + self.homes % 300)
        self.kinds["tenancy"].append(
            {
                "record": "tenancy",
                "id": identifier,
                "property": home,
                "garage": garage,
                "started_on": str(started),
                "tenants": tenants,
                **ended,
            }
        )
        return identifier, line

    def account(
        self,
        tenancy: str,
        kind: str,
        *,
        balance: int,
        weekly: dict[str, int],
        history: int,
        ended_on: date | None = None,
        suffix: str = "",
        **more: Any,
    ) -> Record:
        """An account whose opening balance makes the history end at `balance`: what was charged before the history lies in it.

        It counts from the day before the history, or from the last Monday that was charged where the tenancy had ended by then.
        """
        if not suffix:
            self.accounts += 1
        own = reference(self.accounts) + suffix
        opening = balance - history
        charges = [{"element": element, "amount_pence": pence, "from": str(self.begun)} for element, pence in weekly.items()]
        record = {
            "record": "account",
            "id": identity("account", own),
            "reference": own,
            "kind": kind,
            "status": "CURRENT",
            "tenancy": tenancy,
            "rent_group": "ALL52",
            **({"weekly_charges": charges} if charges else {}),
            **({"opening": {"on": str(self.opened_on(ended_on)), "balance_pence": opening}} if opening else {}),
            **more,
        }
        self.kinds["account"].append(record)
        return record

    def opened_on(self, ended_on: date | None) -> date:
        return self.begun if ended_on is None else min(self.begun, this_monday(ended_on - timedelta(days=1)))

    def debited(self, weekly: int, ended_on: date | None) -> int:
        return weekly * sum(1 for monday in self.mondays if ended_on is None or monday < ended_on)

    def receipt(self, account: str, pence: int, on: date, code: str, payer: str, actor: str = "system") -> None:
        if on <= self.begun:
            raise ValueError("a receipt lies before the history")
        told = {"payer_account": payer} if code in ("RBP", "RSO", "RDD") else {}
        self.kinds["history"].append(
            {
                "record": "receipt",
                "account": account,
                "code": code,
                "amount_pence": pence,
                "effective_date": str(on),
                "actor": actor,
                **told,
            }
        )

    def play(self, role: Role) -> Record:
        """Put one of the cast on the stage."""
        people = tuple(self.person(name, died=role.died) for name in role.people)
        ended_on = None if role.ended_weeks_ago is None else self.mondays[-1] - timedelta(weeks=role.ended_weeks_ago)
        tenancy, line = self.tenancy(people, ended_on)
        payer = bank_account(900 + len(self.kinds["account"]))
        history = self.debited(role.weekly, ended_on) - sum(paid.pence for paid in role.paid)
        status: Record = {"status": "FORMER"} if ended_on else {}
        more: Record = {**self.held(role), "pays_by_direct_debit": role.direct_debit, **status}
        weekly = {"RENT": role.weekly}
        account = self.account(tenancy, "RENT", balance=role.balance, weekly=weekly, history=history, ended_on=ended_on, **more)
        for paid in role.paid:
            self.receipt(account["id"], paid.pence, self.today - timedelta(days=paid.days_ago), paid.code, payer)
        told = {
            "account": account["id"],
            "reference": account["reference"],
            "names": list(role.people),
            "people": list(people),
            "address": line,
            "sort_code": payer[:6],
            "account_number": payer[6:],
            "balance_pence": role.balance,
        }
        if role.recharge:
            more = {"suffix": "-RC", **status}
            recharge = self.account(tenancy, "RECHARGE", balance=role.recharge, weekly={}, history=0, ended_on=ended_on, **more)
            told |= {"recharge": recharge["id"], "recharge_reference": recharge["reference"]}
        return told

    def debtor(self, debtor: Debtor) -> Record:
        """Put a former tenant's debt on the stage: what was charged until the tenancy ended, or what an earlier system brought along."""
        people = tuple(self.person(name, died=name in debtor.died, insolvent=debtor.insolvent) for name in debtor.people)
        monday = this_monday(self.today)
        ended_on, mondays = debtor.ended_on(monday), debtor.mondays(monday)
        tenancy, line = self.tenancy(people, ended_on, garage=debtor.kind == "GARAGE")
        payer = bank_account(900 + len(self.kinds["account"]))
        charges = [
            {"element": element, "amount_pence": pence, "from": str(mondays[0]), "until": str(ended_on)}
            for element, pence in debtor.weekly.items()
        ]
        more: Record = {
            **({"weekly_charges": charges} if charges else {}),
            **({"opening": {"on": str(ended_on), "balance_pence": debtor.migrated}} if debtor.migrated else {}),
        }
        account = self.account(tenancy, debtor.kind, balance=0, weekly={}, history=0, status="FORMER", **self.held(debtor), **more)
        for pence, days_ago in debtor.paid:
            self.receipt(account["id"], pence, self.today - timedelta(days=days_ago), "RBP", payer)
        if debtor.plan is not None:
            self.plan(account["id"], debtor.plan)
        return {
            "account": account["id"],
            "reference": account["reference"],
            "names": list(debtor.people),
            "people": list(people),
            "address": line,
            "sort_code": payer[:6],
            "account_number": payer[6:],
            "balance_pence": debtor.balance,
        }

    def held(self, whose: Role | Debtor) -> Record:
        """What holds an account."""
        runs = whose.breathing_space
        return {"holds": list(whose.holds), **({"breathing_space": runs.told(self.today)} if runs else {})}

    def plan(self, account: str, plan: debts.Plan) -> None:
        agreed_on = self.today - timedelta(days=plan.days_ago)
        told = {"agreed_on": str(agreed_on), "first_due_on": str(agreed_on + timedelta(days=7)), "rhythm": "weekly"}
        self.kinds["plan"].append({"record": "plan", "account": account, "instalment_pence": plan.instalment, **told})

    def ordinary(self, number: int) -> Record:
        """A tenancy such as there are hundreds: it pays in one of the usual ways and is somewhat ahead or behind."""
        chance = self.chance
        people = tuple(self.person(names.person(chance) + self.told_apart()) for _ in range(2 if chance.random() < 0.3 else 1))
        tenancy, _ = self.tenancy(people, None)
        rent = chance.randrange(95_00, 138_00, 5)
        weekly = {"RENT": rent, "SERVICE": chance.choice((0, 4_50, 8_50)), "HEATING": chance.choice((0, 0, 3_00))}
        weekly = {element: pence for element, pence in weekly.items() if pence}
        whole = sum(weekly.values())
        paid = list(self.payments(chance, whole))
        standing = chance.choices((0, whole, 3 * whole, 7 * whole, -whole, -2 * whole), (40, 20, 12, 6, 14, 8))[0]
        wobble = chance.randrange(-15_00, 15_00)
        history = self.debited(whole, None) - sum(pence for _, pence, _ in paid)
        by_debit: Record = {"pays_by_direct_debit": True} if any(code == "RDD" for _, _, code in paid) else {}
        account = self.account(tenancy, "RENT", balance=standing + wobble, weekly=weekly, history=history, **by_debit)
        payer = bank_account(number)
        for on, pence, code in paid:
            self.receipt(account["id"], pence, on, code, payer)
        self.sub_accounts(chance, tenancy)
        return {"account": account["id"], "reference": account["reference"], "weekly": whole, "payer": payer}

    def told_apart(self) -> str:
        """Two people may share a name; two records may not share a key here."""
        return "" if len(self.people) % 7 else f" {'JKLMNPRST'[len(self.people) // 7 % 9]}."

    def payments(self, chance: Random, whole: int) -> Iterator[tuple[date, int, str]]:
        yesterday = self.today - timedelta(days=1)
        match chance.choices(("RDD", "RSO", "RHB", "RUC", "RPY", "RCP", "none"), (30, 15, 20, 12, 13, 5, 5))[0]:
            case "RDD":
                dates = [self.begun + timedelta(days=day) for day in range(1, 7 * HISTORY_WEEKS)]
                yield from ((day, whole * 52 // 12, "RDD") for day in dates if day.day == 1 and day <= yesterday)
            case "RUC":
                yield from ((self.begun + timedelta(days=start), whole * 52 // 12, "RUC") for start in (12, 42))
            case "none":
                return
            case "RPY" | "RCP" as code:
                yield from ((monday + timedelta(days=3), 2 * whole, code) for monday in self.mondays[::2])
            case code:
                yield from ((monday + timedelta(days=1), whole, code) for monday in self.mondays)

    def sub_accounts(self, chance: Random, tenancy: str) -> None:
        if chance.random() < 0.08:
            self.account(tenancy, "RECHARGE", balance=chance.randrange(20_00, 260_00, 50), weekly={}, history=0, suffix="-RC")
        if chance.random() < 0.04:
            self.account(tenancy, "COURT", balance=chance.choice((355_00, 404_00)), weekly={}, history=0, suffix="-CC")

    def garage(self, number: int) -> None:
        name = names.person(self.chance) + f" {'ABCDEFGH'[number % 8]}."
        tenancy, _ = self.tenancy((self.person(name),), None, garage=True)
        self.account(tenancy, "GARAGE", balance=self.debited(17_80, None), weekly={"GARAGE": 17_80}, history=self.debited(17_80, None))

    def former(self, number: int) -> None:
        name = names.person(self.chance) + f" {'VWXYZ'[number % 5]}."
        ended_on = self.mondays[-1] - timedelta(weeks=self.chance.randrange(12, 260))
        tenancy, _ = self.tenancy((self.person(name),), ended_on)
        balance = self.chance.choice((0, 18_75, 96_20, 241_40, 702_35, 1_904_10, -7_20, -36_40, -112_90))
        self.account(tenancy, "RENT", balance=balance, weekly={}, history=0, ended_on=ended_on, status="FORMER")


def make(today: date) -> Estate:
    """The estate as it stands on a business day in Europe/London."""
    maker, estate = _Maker(today), Estate(today)
    estate.cast = {key: maker.play(role) for key, role in CAST.items()}
    estate.ordinary = [maker.ordinary(number) for number in range(ORDINARY_TENANCIES)]
    for number in range(24):
        maker.garage(number)
    for number in range(FORMER_TENANCIES):
        maker.former(number)
    estate.cast |= {key: maker.debtor(debtor) for key, debtor in debts.DEBTORS.items()}
    debited = [*debts.old_weeks(this_monday(today)), *maker.mondays]
    debits = {"record": "debits", "weeks": [str(monday) for monday in debited]}
    estate.records = [
        {"record": "estate", "name": "Rentbridge (a demonstration)"},
        *maker.kinds["property"],
        *maker.kinds["person"],
        *maker.kinds["tenancy"],
        *maker.kinds["account"],
        *maker.kinds["plan"],
        debits,
        *maker.kinds["history"],
    ]
    return estate
