"""The demonstration: the same on the same day wherever it is made, and around that day."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from rentbook_contracts.writeoffs import Reason
from rentbook_local.demo import debts, estate, writing

DAYS = [date(2026, 11, 23), date(2026, 12, 27), date(2027, 2, 28), date(2028, 2, 29)]


def written(folder: Path, today: date) -> dict[str, bytes]:
    writing.write(folder / "state", folder / "demo", today)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_the_same_day_gives_the_same_bytes(tmp_path: Path, today: date) -> None:
    here = written(tmp_path / "here", today)
    there = tmp_path / "there"
    # In a process of its own, where texts have other hashes and sets another order.
    code = (
        "import sys; from datetime import date; from pathlib import Path; from rentbook_local.demo.writing import write;"
        "write(Path(sys.argv[1], 'state'), Path(sys.argv[1], 'demo'), date.fromisoformat(sys.argv[2]))"
    )
    surroundings = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati"}
    subprocess.run([sys.executable, "-c", code, str(there), str(today)], check=True, env=surroundings, timeout=60)
    assert {str(path.relative_to(there)): path.read_bytes() for path in sorted(there.rglob("*")) if path.is_file()} == here


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_nothing_in_the_estate_is_of_a_later_day(tmp_path: Path, today: date) -> None:
    path = writing.write(tmp_path / "state", tmp_path / "demo", today)
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    dates = [record["effective_date"] for record in records if "effective_date" in record]
    assert dates
    assert max(dates) <= str(today)
    weeks = next(record["weeks"] for record in records if record["record"] == "debits")
    assert len(weeks) >= 10
    assert (today - date.fromisoformat(weeks[-1])).days < 14


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_what_former_tenants_brought_along_counts_from_when_they_left_and_no_later(today: date) -> None:
    """So that arrears, limitation and the provision know its true age."""
    made = estate.make(today)
    ended = {record["id"]: record["ended_on"] for record in made.records if record["record"] == "tenancy" and "ended_on" in record}
    brought = [record for record in made.records if record["record"] == "account" and "opening" in record and record["tenancy"] in ended]
    ages = {(today - date.fromisoformat(record["opening"]["on"])).days // 365 for record in brought}
    assert all(record["opening"]["on"] <= ended[record["tenancy"]] for record in brought)
    assert {0, 1, 2, 3, 4} <= ages


def test_the_ten_lines_of_the_readme_name_the_account_that_its_tenant_pays_from_and_the_journey_takes_another() -> None:
    steps = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    cast = estate.make(DAYS[0]).cast
    code, number = cast["clean"]["sort_code"], cast["clean"]["account_number"]
    assert re.search(rf"sort code {code[:2]}-{code[2:4]}-{code[4:]} and account\s+number {number}\b", steps)
    assert cast["journey"]["account"] != cast["clean"]["account"]


TO_PUT_BACK = {Reason.TRACED, Reason.PAYING, Reason.CHARGE_UNDONE, Reason.APPLIES_FOR_HOUSING}


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_every_reason_to_write_off_has_a_debt_to_try_it_on(today: date) -> None:
    made = estate.make(today)
    assert {f"debt-{reason.value}" for reason in set(Reason) - TO_PUT_BACK} <= made.cast.keys()
    charged: dict[str, int] = {}
    weeks = [date.fromisoformat(week) for record in made.records if record["record"] == "debits" for week in record["weeks"]]
    assert weeks == sorted(set(weeks))
    for record in made.records:
        if record["record"] == "account":
            charged[record["id"]] = record.get("opening", {}).get("balance_pence", 0) + sum(
                charge["amount_pence"]
                for charge in record.get("weekly_charges", ())
                for week in weeks
                if date.fromisoformat(charge["from"]) <= week < date.fromisoformat(charge.get("until", str(date.max)))
            )
        if record["record"] == "receipt":
            charged[record["account"]] -= record["amount_pence"]
    assert {key: charged[made.cast[key]["account"]] for key in debts.DEBTORS} == {key: one.balance for key, one in debts.DEBTORS.items()}


@pytest.mark.parametrize("pence", [49_99, 50_00, 4_999_99, 5_000_00, 9_999_99, 10_000_00, 49_999_99, 50_000_00])
def test_the_debtors_of_test_j_owe_its_amounts_over_two_accounts(pence: int) -> None:
    here, other = debts.DEBTORS[f"debt-j-{pence}"], debts.DEBTORS[f"debt-j-{pence}-other"]
    assert (here.people, here.balance + other.balance) == (other.people, pence)
    assert min(here.balance, other.balance) > 0
