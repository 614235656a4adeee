"""The modulus check of a sort code and account number (domain.md 3.6; the publisher is Pay.UK).

Valid means that the pair could exist, not that it does. The weight table and the sort-code substitutions are dated data
that somebody else publishes several times a year; they are passed in as text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from refunds.domain.rules import RefundRule

SORT_CODE_DIGITS = 6
ACCOUNT_DIGITS = 8
SHORTEST_ACCOUNT = 6

# Exceptions 2 and 9: euro accounts are held at this sort code, whatever sort code their holders quote.
EURO_SORT_CODE = "309634"
# Exception 8: the check is made as if the account were held here.
EXCEPTION_8_SORT_CODE = "090126"
EXCEPTION_1_ADDS = 27
STERLING_WEIGHTS = (0, 0, 1, 2, 5, 3, 6, 4, 8, 7, 10, 9, 3, 1)
STERLING_WEIGHTS_G_IS_9 = (0, 0, 0, 0, 0, 0, 0, 0, 8, 7, 10, 9, 3, 1)
EITHER_PASSES = ({2, 9}, {10, 11}, {12, 13})


class UnreadableModulusTable(RefundRule):
    """A line of the weight or substitution table is not in the publisher's layout; the message names the line."""


class NoModulusTable(RefundRule):
    """No weight table is in use on the day: a table must be installed before an account can be checked."""


class MalformedBankDetails(RefundRule):
    """The sort code is not six digits, or the account number not six to eight. Never repeats what was typed."""


class ModulusAnswer(StrEnum):
    """What the check can say. A sort code that no line covers cannot be checked and counts as valid (domain.md 3.6)."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_IN_TABLE = "sort code not in table"


class Method(StrEnum):
    """How a line adds up: remainder of ten, of eleven, or the digits of each product, remainder of ten."""

    MOD10 = "MOD10"
    MOD11 = "MOD11"
    DBLAL = "DBLAL"


@dataclass(frozen=True)
class WeightLine:
    """One line of the weight table: a range of sort codes, both ends in it, and what applies to it."""

    first: str
    last: str
    method: Method
    weights: tuple[int, ...]
    exception: int | None


@dataclass(frozen=True)
class ModulusTable:
    """A published weight table. `version` is the publisher's, `in_use_from` the day from which we use it."""

    version: str
    in_use_from: date
    lines: tuple[WeightLine, ...]
    substitutions: dict[str, str]

    def lines_for(self, sort_code: str) -> list[WeightLine]:
        """The lines whose range contains the sort code, in the table's order: none, one or two."""
        return [line for line in self.lines if line.first <= sort_code <= line.last]


@dataclass(frozen=True)
class _Digits:
    """The fourteen digits u v w x y z a b c d e f g h, named as the specification names them."""

    sort_code: str
    account: str

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(int(digit) for digit in self.sort_code + self.account)

    @property
    def a(self) -> int:
        return int(self.account[0])

    @property
    def b(self) -> int:
        return int(self.account[1])

    @property
    def c(self) -> int:
        return int(self.account[2])

    @property
    def g(self) -> int:
        return int(self.account[6])

    @property
    def h(self) -> int:
        return int(self.account[7])


def read_table(version: str, in_use_from: date, weights: Iterable[str], substitutions: Iterable[str]) -> ModulusTable:
    """Read the publisher's two text files, given as lines.

    Raises `UnreadableModulusTable`, naming the line, rather than leave a line out: a missing line would let an account
    pass that the publisher refuses.
    """
    lines = tuple(_weight_line(number, text) for number, text in enumerate(weights, start=1) if text.strip())
    pairs = [_substitution(number, text) for number, text in enumerate(substitutions, start=1) if text.strip()]
    if not lines:
        raise UnreadableModulusTable("The weight table is empty")
    return ModulusTable(version=version, in_use_from=in_use_from, lines=lines, substitutions=dict(pairs))


def table_in_use(tables: Iterable[ModulusTable], today: date) -> ModulusTable:
    """The latest table that is in use on a day of Europe/London. Raises `NoModulusTable` before the first."""
    in_use = [table for table in tables if table.in_use_from <= today]
    if not in_use:
        raise NoModulusTable("No modulus table is in use on this day")
    return max(in_use, key=lambda table: table.in_use_from)


def padded_account(account_number: str) -> str:
    """Eight digits: accounts of six or seven digits get leading zeros (domain.md 3.6)."""
    if not (account_number.isascii() and account_number.isdecimal()):
        raise MalformedBankDetails("The account number must be digits only", field="account_number")
    if not SHORTEST_ACCOUNT <= len(account_number) <= ACCOUNT_DIGITS:
        raise MalformedBankDetails("The account number must have six to eight digits", field="account_number")
    return account_number.zfill(ACCOUNT_DIGITS)


def plain_sort_code(sort_code: str) -> str:
    """Six digits, with the hyphens or spaces in which people write sort codes taken away."""
    digits = sort_code.replace("-", "").replace(" ", "")
    if not (len(digits) == SORT_CODE_DIGITS and digits.isascii() and digits.isdecimal()):
        raise MalformedBankDetails("The sort code must have six digits", field="sort_code")
    return digits


def modulus_check(table: ModulusTable, sort_code: str, account_number: str) -> ModulusAnswer:
    """Whether the pair could exist, by every line of the table that covers the sort code.

    Two lines must both pass, but for the pairs of exceptions 2+9, 10+11 and 12+13, where one is enough.
    """
    digits = _Digits(plain_sort_code(sort_code), padded_account(account_number))
    lines = table.lines_for(digits.sort_code)
    if not lines:
        return ModulusAnswer.NOT_IN_TABLE
    passes = (_line_passes(line, digits, table.substitutions) for line in lines)
    passed = any(passes) if {line.exception for line in lines} in EITHER_PASSES else all(passes)
    return ModulusAnswer.VALID if passed else ModulusAnswer.INVALID


def _line_passes(line: WeightLine, digits: _Digits, substitutions: dict[str, str]) -> bool:
    match line.exception:
        case 3 if digits.c in (6, 9):
            return True
        case 4:
            return _remainder(line, digits) == digits.g * 10 + digits.h
        case 5:
            return _exception_5(line, digits, substitutions)
        case 6 if 4 <= digits.a <= 8 and digits.g == digits.h:
            return True
        case 8:
            return _remainder(line, replace(digits, sort_code=EXCEPTION_8_SORT_CODE)) == 0
        case 9:
            return _remainder(line, replace(digits, sort_code=EURO_SORT_CODE)) == 0
        case 14:
            return _exception_14(line, digits)
        case _:
            return _remainder(line, digits) == 0


def _exception_5(line: WeightLine, digits: _Digits, substitutions: dict[str, str]) -> bool:
    """The remainder yields a check digit: g of the MOD11 line, h of the DBLAL line."""
    elsewhere = replace(digits, sort_code=substitutions.get(digits.sort_code, digits.sort_code))
    modulus, check_digit = (11, digits.g) if line.method is Method.MOD11 else (10, digits.h)
    remainder = _remainder(line, elsewhere)
    expected = 0 if remainder == 0 else modulus - remainder
    return expected == check_digit


def _exception_14(line: WeightLine, digits: _Digits) -> bool:
    if _remainder(line, digits) == 0:
        return True
    if digits.h not in (0, 1, 9):
        return False
    return _remainder(line, replace(digits, account="0" + digits.account[:-1])) == 0


def _remainder(line: WeightLine, digits: _Digits) -> int:
    products = [weight * digit for weight, digit in zip(_weights(line, digits), digits.all, strict=True)]
    if line.method is Method.DBLAL:
        total = sum(sum(divmod(product, 10)) for product in products)
        return (total + (EXCEPTION_1_ADDS if line.exception == 1 else 0)) % 10
    return sum(products) % (10 if line.method is Method.MOD10 else 11)


def _weights(line: WeightLine, digits: _Digits) -> Sequence[int]:
    match line.exception:
        case 2 if digits.a != 0:
            return STERLING_WEIGHTS_G_IS_9 if digits.g == 9 else STERLING_WEIGHTS
        case 7 if digits.g == 9:
            return _without_u_to_b(line.weights)
        case 10 if digits.a in (0, 9) and digits.b == 9 and digits.g == 9:
            return _without_u_to_b(line.weights)
        case _:
            return line.weights


def _without_u_to_b(weights: tuple[int, ...]) -> tuple[int, ...]:
    return (0,) * 8 + weights[8:]


def _weight_line(number: int, text: str) -> WeightLine:
    parts = text.split()
    try:
        first, last, method = parts[0], parts[1], Method(parts[2])
        weights = tuple(int(part) for part in parts[3:17])
        exception = int(parts[17]) if len(parts) > 17 else None
    except (IndexError, ValueError) as unreadable:
        raise UnreadableModulusTable(f"Line {number} of the weight table is not in the published layout") from unreadable
    known = exception is None or 1 <= exception <= 14
    in_layout = len(parts) in (17, 18) and _is_sort_code(first) and _is_sort_code(last)
    if not (in_layout and known and len(weights) == SORT_CODE_DIGITS + ACCOUNT_DIGITS and first <= last):
        raise UnreadableModulusTable(f"Line {number} of the weight table is not in the published layout")
    return WeightLine(first, last, method, weights, exception)


def _substitution(number: int, text: str) -> tuple[str, str]:
    parts = text.split()
    if len(parts) != 2 or not all(map(_is_sort_code, parts)):
        raise UnreadableModulusTable(f"Line {number} of the substitution table is not two sort codes")
    return parts[0], parts[1]


def _is_sort_code(text: str) -> bool:
    return len(text) == SORT_CODE_DIGITS and text.isascii() and text.isdecimal()
