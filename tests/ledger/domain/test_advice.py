"""Every rule that a bank file can break comes with what to do about it, and with advice that fits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ledger
import pytest
from ledger.domain import advice as advised
from ledger.domain.advice import advice

READERS = ("domain/bank_file.py", "domain/allpay.py", "domain/camt053.py", "domain/camt053_checked.py", "domain/camt053_totals.py",
           "domain/camt053_values.py", "domain/xml_stream.py", "domain/text_lines.py", "use_cases/import_receipts.py")  # fmt: skip
ROOT = Path(ledger.__file__).parent


def words_of(file: str) -> Iterator[str]:
    """Every text in a reader that is written as rules are: in capitals and small letters, several words in one."""
    for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isalpha():
            yield node.value


RULES = {word for file in READERS for word in words_of(file) if word[0].isupper() and not word.isupper() and not word.istitle()}


@pytest.mark.parametrize("rule", sorted(advised._BY_RULE))
def test_advice_is_about_a_rule_that_there_is(rule: str) -> None:
    assert rule in RULES


@pytest.mark.parametrize(
    ("rules", "begins"),
    [
        (("ArchiveNotAllowed",), ["Send the file as the bank"]),
        (("CutOff",), ["Download the file again"]),
        (("NotWellFormed",), ["The file is not as the bank"]),
        (("EntryReferenceTaken", "EntryReferenceTaken", "StatementTaken"), ["These payments are in the books"]),
        (("BookingDateInFuture",), ["Check that it is the right file"]),
        (("FileTooLarge",), ["Ask for the statement in shorter periods"]),
        (("WrongAccount", "WrongCurrency"), ["Choose the statement of one", "Only sterling accounts"]),
        (("ControlTotalWrong", "BatchTotalWrong"), ["Ask the bank or the provider to produce the file anew"]),
        ((), []),
    ],
)
def test_what_to_do(rules: tuple[str, ...], begins: list[str]) -> None:
    told = advice(rules)
    assert len(told) == len(begins)
    assert all(words.startswith(beginning) for words, beginning in zip(told, begins, strict=True))


def test_nobody_is_told_to_have_a_file_mended_whose_payments_are_in_the_books() -> None:
    for rule in ("EntryReferenceTaken", "StatementTaken", "RecordsTaken"):
        assert "anew" not in " ".join(advice([rule]))
