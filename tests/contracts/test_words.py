import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rentbook_contracts.words import safe_cell
from support.formulas import HOSTILE


@pytest.mark.parametrize("hostile", HOSTILE)
def test_formula_gets_an_apostrophe(hostile: str) -> None:
    assert safe_cell(hostile) == f"'{hostile}"


@pytest.mark.parametrize("harmless", ["", "RENT 97000023E", "Zoë Ødegård", "a=1", "'=1", "£5 -1", " rent", "李小龙"])
def test_other_text_stays_as_it_is(harmless: str) -> None:
    assert safe_cell(harmless) == harmless


@given(st.text())
def test_no_cell_of_a_csv_begins_as_a_formula_and_the_text_is_still_there(text: str) -> None:
    buffer = StringIO(newline="")
    csv.writer(buffer).writerow([safe_cell(text)])
    buffer.seek(0)
    cell = next(iter(csv.reader(buffer)), [""])[0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert safe_cell(safe_cell(text)) == safe_cell(text)
