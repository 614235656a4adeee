"""What a person typed, kept as it was, with the errors beside the fields; and the words of a form read as amounts, dates and ids."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

YEARS = range(1900, 2101)
"""The years in which a date on the desk may lie."""

MOST_PENCE = 100_000_000_00
"""No form takes more than a hundred million pounds: larger is a slip of the finger."""


_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX 9), and their ends."""


_SORT_CODE, _ACCOUNT_NUMBER = "[0-9]{2}[-–. ]?[0-9]{2}[-–. ]?[0-9]{2}", "[0-9]{4}[- ]?[0-9]{4}"
_BETWEEN = "[^0-9]{1,40}"
_SORT_CODE_AND_NUMBER = re.compile(
    f"(?<![0-9])(?:{_SORT_CODE}{_BETWEEN}{_ACCOUNT_NUMBER}|{_ACCOUNT_NUMBER}{_BETWEEN}{_SORT_CODE})(?![0-9])"
)
_LIKE_IBAN = re.compile(r"\b[a-z]{2}[0-9]{2}(?:[a-z0-9]{11,30}|(?:[ -][a-z0-9]{4}){2,7}(?:[ -][a-z0-9]{1,3})?)\b", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class FieldError:
    """What is wrong, and the id of the field that it is wrong with; None where it is the form as a whole."""

    message: str
    field: str | None = None


@dataclass
class Form:
    """A form as it was sent. Its id is the key under which it takes effect once, however often it is sent; a form not yet sent has none."""

    id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def chosen(self, name: str) -> tuple[str, ...]:
        """Every value of a field that may be ticked more than once."""
        return self.lists.get(name, ())

    def error(self, name: str) -> str | None:
        return next((error.message for error in self.errors if error.field == name), None)

    def wrong(self, message: str, name: str | None = None) -> None:
        self.errors.append(FieldError(message, name))

    def text(self, name: str, *, needed: str | None = None, longest: int = 2000) -> str:
        """A field's words without the space around them. `needed` is the error where there are none.

        No words of a form may be bank details: they are kept as they were typed, and everybody reads them. Those of a payee have fields
        of their own, which are read as digits, and are kept under envelope.
        """
        words = self.value(name).strip()
        if has_bank_details(words):
            self.wrong(
                "Take the bank details out: a sort code with an account number, or an IBAN, would stay to be read here. "
                "If it is a date, write its month as a word",
                name,
            )
        if needed and not words:
            self.wrong(needed, name)
        if len(words) > longest:
            self.wrong(f"Shorten this to {longest} characters; it has {len(words)}", name)
        return words

    def one_of(self, name: str, choices: Mapping[str, str], needed: str) -> str:
        chosen = self.value(name)
        if chosen not in choices:
            self.wrong(needed, name)
        return chosen

    def pence(self, name: str, what: str) -> int | None:
        """An amount above nothing, typed in pounds; None, with the error noted, where it is none. Empty is None without an error."""
        typed = self.value(name).strip()
        if not typed:
            return None
        pence = read_pence(typed)
        if pence is None:
            like = "must have a comma only before each three digits, and a point before the pence, like 1,234.56"
            self.wrong(f"{what} {like if ',' in typed else 'must be an amount in pounds, like 141.20'}", name)
            return None
        if not 0 < pence <= MOST_PENCE:
            self.wrong(f"{what} must be more than £0.00" if pence == 0 else f"{what} is too large", name)
            return None
        return pence

    def whole(self, name: str, what: str, least: int, most: int) -> int | None:
        """A whole number between two; None, with the error noted, where it is none."""
        typed = self.value(name).strip()
        if not re.fullmatch("[0-9]{1,9}", typed) or not least <= int(typed) <= most:
            self.wrong(f"{what} must be a number from {least} to {most}", name)
            return None
        return int(typed)

    def rate(self, name: str, what: str) -> int | None:
        """A percentage up to 100 with at most two decimals, in basis points; None, with the error noted, where it is none."""
        match = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", self.value(name).strip().removesuffix("%").strip())
        points = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else None
        if points is None or points > 10_000:
            self.wrong(f"{what} must be a percentage from 0 to 100, like 12.5", name)
            return None
        return points

    def day(self, name: str, what: str, *, needed: bool = False) -> date | None:
        """A date as browsers send it (2026-11-23) or as people type it (23/11/2026)."""
        typed = self.value(name).strip()
        if not typed:
            if needed:
                self.wrong(f"Enter {what}", name)
            return None
        found = read_day(typed)
        if found is None:
            self.wrong(f"{what[:1].upper()}{what[1:]} must be a real date, like 23/11/2026", name)
        return found

    def uuid(self, name: str, needed: str) -> UUID | None:
        found = read_uuid(self.value(name))
        if found is None:
            self.wrong(needed, name)
        return found


def printable(typed: str) -> str:
    """What was typed without characters that no keyboard types: controls other than line ends and tabs."""
    return "".join(one for one in typed if one in "\r\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))


def unturned(typed: str) -> str:
    """What was typed without the marks that turn the text that follows round: what is kept would be read otherwise than it was typed.
    Letters that run from right to left do so by themselves.
    """
    return printable(typed).translate(_TURNING)


def has_bank_details(words: str) -> bool:
    """Whether they name a bank account: by an IBAN (ISO 13616; a British one also where its check digits are wrong), or by a sort code of
    six digits and an account number of eight close to each other. Either number alone may be any reference.
    """
    return _SORT_CODE_AND_NUMBER.search(words) is not None or any(map(_is_iban, _like_ibans(words)))


def _like_ibans(words: str) -> Iterator[str]:
    """What may be an IBAN, in one piece or in groups of four; of groups also the first ones, for words may follow."""
    for found in _LIKE_IBAN.findall(words):
        groups = re.split("[ -]", found.upper())
        yield from ("".join(groups[:end]) for end in range(1, len(groups) + 1))


def _is_iban(typed: str) -> bool:
    turned = "".join(str(int(one, 36)) for one in typed[4:] + typed[:4])
    return re.fullmatch("GB[0-9]{2}[A-Z]{4}[0-9]{14}", typed) is not None or (15 <= len(typed) <= 34 and int(turned) % 97 == 1)


def read_pence(typed: str) -> int | None:
    """Pence of an amount typed in pounds: *141.20*, *£1,234.5*, *7*; None where it is none. A comma that does not part thousands may be a
    point or a digit gone wrong, and what was meant is not guessed.
    """
    match = re.fullmatch(r"£?\s*([0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12})(?:\.([0-9]{1,2}))?", typed.strip())
    return int(match[1].replace(",", "")) * 100 + int((match[2] or "").ljust(2, "0")) if match else None


def read_day(typed: str) -> date | None:
    """A date from 2026-11-23, 23/11/2026 or 23 11 2026; None where it is none, or lies outside any rent account's life."""
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", typed, re.ASCII)
    british = re.fullmatch(r"(\d{1,2})[/ .-](\d{1,2})[/ .-](\d{4})", typed, re.ASCII)
    parts = iso.groups() if iso else british.groups()[::-1] if british else None
    if parts is None:
        return None
    try:
        found = date(*(int(part) for part in parts))
    except ValueError:
        return None
    return found if found.year in YEARS else None


def read_offset(typed: str) -> int:
    """Where a page of a list begins; 0 where it is no number that a list could have."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 8 else 0


def read_uuid(typed: str | None) -> UUID | None:
    """An id from an address or a hidden field; None where it is none."""
    try:
        return UUID(typed or "")
    except ValueError:
        return None


def digits(typed: str) -> str:
    """The digits of a sort code or account number, however people space them."""
    return re.sub(r"[\s-]", "", typed)
