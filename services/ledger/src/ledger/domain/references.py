"""Payment references with a check letter, by configured scheme (domain.md 1.2).

A scheme is policy data: the prefix, the length, the weights, the modulus and the letters are what a council's paying-in cards carry.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class ReferenceScheme:
    """How one kind of payment reference is built: `digits` digits that begin with `prefix`, then a check letter, then perhaps a suffix.

    The check letter is `letters[r - 1]` for r = modulus - (weighted sum of the digits mod modulus), so r runs from 1 to the modulus.
    `suffixes` are those of sub-accounts (domain.md 1.1); a reference with one is written `97000023E-RC`.
    """

    name: str
    prefix: str
    digits: int
    weights: tuple[int, ...]
    modulus: int
    letters: str
    suffixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a scheme that could not check anything (ValueError)."""
        if len(self.weights) != self.digits or len(self.letters) != self.modulus or len(set(self.letters)) != self.modulus:
            raise ValueError(f"scheme {self.name}: one weight for each digit and one letter for each remainder are needed")
        if not re.fullmatch("[0-9]*", self.prefix) or len(self.prefix) > self.digits or not re.fullmatch("[A-Z]+", self.letters):
            raise ValueError(f"scheme {self.name}: the prefix is digits and the letters are A to Z")
        if not all(re.fullmatch("[A-Z0-9]{1,6}", suffix) for suffix in self.suffixes):
            raise ValueError(f"scheme {self.name}: a suffix is one to six letters or digits")


def scheme_of(told: Mapping[str, Any]) -> ReferenceScheme:
    """A scheme as policy data tells it. Errors: ValueError, TypeError."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return ReferenceScheme(**fields)


def check_letter(scheme: ReferenceScheme, number: str) -> str:
    """The letter that belongs to a number of this scheme. Raises ValueError where the number is not one of the scheme's."""
    if not _is_number(scheme, number):
        raise ValueError("not a number of this scheme")
    total = sum(weight * int(digit) for weight, digit in zip(scheme.weights, number, strict=True))
    return scheme.letters[scheme.modulus - total % scheme.modulus - 1]


def payment_reference(scheme: ReferenceScheme, number: str, suffix: str = "") -> str:
    """The whole reference as it is printed: number, check letter and, for a sub-account, `-` and its suffix."""
    if suffix and suffix not in scheme.suffixes:
        raise ValueError("not a suffix of this scheme")
    return number + check_letter(scheme, number) + (f"-{suffix}" if suffix else "")


def valid_reference(scheme: ReferenceScheme, reference: str) -> bool:
    """Whether a reference, as printed, belongs to the scheme and its check letter is right."""
    main, dash, suffix = reference.partition("-")
    number, letter = main[:-1], main[-1:]
    right = _is_number(scheme, number) and check_letter(scheme, number) == letter
    return right and (suffix in scheme.suffixes if dash else True)


def references_in(text: str, schemes: Iterable[ReferenceScheme]) -> tuple[str, ...]:
    """Every different valid reference that a text carries, in the order found, as printed.

    Payers write them in small letters and with single spaces, dots, hyphens or slashes between the characters. A number inside a longer
    number, and a letter that begins a word, are no reference. What only looks like one (a wrong check letter) is left out.
    """
    folded = text.upper()
    found = {reference: None for scheme in schemes for reference in _of_scheme(scheme, folded)}
    return tuple(found)


def reference_of_card_number(text: str, schemes: Iterable[ReferenceScheme]) -> str | None:
    """The reference for a paying-in card's account number, which is the reference without its letter, padded with zeros on the left.

    The card carries a check digit of its own (domain.md 7), so the letter is computed. None where no scheme, or more than one, fits.
    """
    stripped = text.strip()
    if not re.fullmatch("[0-9]+", stripped):
        return None
    found = {
        payment_reference(scheme, stripped[-scheme.digits :])
        for scheme in schemes
        if _is_number(scheme, stripped[-scheme.digits :]) and not stripped[: -scheme.digits].strip("0")
    }
    return found.pop() if len(found) == 1 else None


def _is_number(scheme: ReferenceScheme, number: str) -> bool:
    return bool(re.fullmatch("[0-9]+", number)) and len(number) == scheme.digits and number.startswith(scheme.prefix)


@lru_cache(maxsize=64)
def _pattern(scheme: ReferenceScheme) -> re.Pattern[str]:
    between = r"[ .\-/]?"
    number = between.join(["[0-9]"] * scheme.digits)
    suffix = f"(?:{between}({'|'.join(scheme.suffixes)}))?" if scheme.suffixes else "()"
    return re.compile(rf"(?<![0-9])({number}){between}([{scheme.letters}]){suffix}(?![0-9A-Z])")


def _of_scheme(scheme: ReferenceScheme, text: str) -> Sequence[str]:
    found = []
    at = 0
    while match := _pattern(scheme).search(text, at):
        digits = re.sub("[^0-9]", "", match[1])
        reference = f"{digits}{match[2]}" + (f"-{match[3]}" if match[3] else "")
        right = valid_reference(scheme, reference)
        if right:
            found.append(reference)
        at = match.end() if right else match.start() + 1
    return found
