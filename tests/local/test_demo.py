"""The demonstration: the same on the same day wherever it is made, and around that day."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from rentbook_local.demo import writing

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
