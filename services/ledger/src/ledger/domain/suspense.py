"""Which account money in suspense may be for (domain.md 2.3): by the payer's earlier payments, a reference, a name, the amount.

Suggestions only. A person decides, and stands behind what they decided. And which payment it was that the bank takes back.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from ledger.domain.folding import folded
from ledger.domain.references import ReferenceScheme, check_letter, payment_reference, references_in

Why = Literal["payer", "reference", "name", "charge", "debt"]
Sign = Literal["bank-account", "reference", "words", "name"]

PAID_OUT = "money out, to be matched with what was paid"
"""Why money out lies in suspense that does not say that it takes a payment back."""

MATCHES = 3
WEEKS_AT_ONCE = 5
"""Up to how many weeks' charges people pay in one sum: a month has at most five Mondays."""

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "sir", "lady", "and", "joint", "acc", "account", "ref"})
_WORTH: dict[Why, int] = {"payer": 16, "reference": 8, "name": 4, "debt": 2, "charge": 1}
_SPEAKS: dict[Sign, int] = {"bank-account": 8, "reference": 4, "words": 2, "name": 1}


@dataclass(frozen=True)
class Candidate:
    """An account that takes money, with what may be recognised of it. Pence; `balance_pence` above 0 is owed."""

    account: UUID
    reference: str
    names: tuple[str, ...]
    weekly_pence: int
    balance_pence: int


@dataclass(frozen=True)
class Match:
    account: UUID
    because: tuple[Why, ...]


def matches(
    amount_pence: int,
    payer_name: str,
    text: str,
    candidates: Iterable[Candidate],
    near: frozenset[str],
    paid_before: Collection[UUID] = (),
) -> tuple[Match, ...]:
    """At most three accounts, likeliest first. `near` are the references that `near_references` finds in the text, `paid_before` the
    accounts onto which somebody moved earlier payments of this payer.

    An amount alone speaks for an account only where it speaks for no more than three: a common rent is nobody's.
    """
    found = [
        (each.account, (*(("payer",) if each.account in paid_before else ()), *_reasons(amount_pence, payer_name, text, each, near)))
        for each in candidates
    ]
    by_amount_alone = [account for account, because in found if because and not {"payer", "reference", "name"} & set(because)]
    told = [
        Match(account, because)
        for account, because in found
        if because and (account not in by_amount_alone or len(by_amount_alone) <= MATCHES)
    ]
    return tuple(sorted(told, key=lambda match: (-sum(_WORTH[why] for why in match.because), str(match.account)))[:MATCHES])


def _reasons(amount_pence: int, payer_name: str, text: str, candidate: Candidate, near: frozenset[str]) -> Iterator[Why]:
    if candidate.reference in near:
        yield "reference"
    if any(same_name(payer_name, name) or _named_in(text, name) for name in candidate.names):
        yield "name"
    if amount_pence > 0 and amount_pence == candidate.balance_pence:
        yield "debt"
    if candidate.weekly_pence and amount_pence in {weeks * candidate.weekly_pence for weeks in range(1, WEEKS_AT_ONCE + 1)}:
        yield "charge"


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name that tell people apart, in plain spelling, without titles."""
    return tuple(word for word in folded(name).split() if word not in _TITLES and not word.isdigit())


def same_name(payer: str, tenant: str) -> bool:
    """Whether two names may be one person's: every word of the shorter has its word in the longer, in any order.

    An initial stands for a word that begins with it; one word at least has to be whole.
    """
    shorter, longer = sorted((name_words(payer), name_words(tenant)), key=len)
    if len(shorter) < 2:
        return False
    left = list(longer)
    whole = False
    for word in sorted(shorter, key=len, reverse=True):
        like = next((other for other in left if other == word), None) or next(
            (other for other in left if 1 in (len(word), len(other)) and other[0] == word[0]), None
        )
        if like is None:
            return False
        whole = whole or (like == word and len(word) > 1)
        left.remove(like)
    return whole


def _named_in(text: str, name: str) -> bool:
    """Whether a text holds the whole name."""
    wanted, words = name_words(name), set(folded(text).split())
    return len(wanted) > 1 and all(len(word) > 1 and word in words for word in wanted)


def near_references(text: str, schemes: Sequence[ReferenceScheme]) -> frozenset[str]:
    """References that a text quotes, or that it would quote but for one slip.

    A slip is: one digit wrong, two neighbours swapped, a digit left out or written twice, the check letter wrong or left out.
    """
    found = set(references_in(text, schemes))
    for scheme in schemes:
        for digits, letter in _written(text, scheme):
            found.update(_one_slip_from(scheme, digits, letter))
    return frozenset(found)


def whole_references(text: str, schemes: Sequence[ReferenceScheme]) -> frozenset[str]:
    """References that a text quotes without a slip, however they are spaced, with or without their check letter."""
    found = set(references_in(text, schemes))
    for scheme in schemes:
        for digits, letter in _written(text, scheme):
            if not letter and len(digits) == scheme.digits and digits.startswith(scheme.prefix):
                found.add(payment_reference(scheme, digits))
    return frozenset(found)


def exact(candidates: Iterable[Candidate], whole: Collection[str], paid_before: Collection[UUID]) -> UUID | None:
    """The one account for which a reference that is quoted whole, or the payer's earlier payments speak; None where these are several.

    `whole` are the references that `whole_references` finds.
    """
    certain = {each.account for each in candidates if each.reference in whole} | set(paid_before)
    return certain.pop() if len(certain) == 1 else None


def _written(text: str, scheme: ReferenceScheme) -> Iterator[tuple[str, str]]:
    """Runs of about as many digits as the scheme has, each with the letter behind it, if any."""
    for match in re.finditer(r"(?<![0-9])([0-9](?:[ .\-/]?[0-9])*)(?:[ .\-/]?([A-Z])(?![A-Z]))?", text.upper()):
        digits = re.sub("[^0-9]", "", match[1])
        if abs(len(digits) - scheme.digits) <= 1:
            yield digits, match[2] or ""


def _one_slip_from(scheme: ReferenceScheme, digits: str, letter: str) -> Iterator[str]:
    if len(digits) == scheme.digits and digits.startswith(scheme.prefix):
        yield payment_reference(scheme, digits)
    if not letter:
        return
    for number in _neighbours(digits, scheme.digits):
        if number.startswith(scheme.prefix) and check_letter(scheme, number) == letter:
            yield payment_reference(scheme, number)


def _neighbours(digits: str, length: int) -> Iterator[str]:
    """Numbers of this length that are one slip away."""
    places = range(len(digits))
    if len(digits) == length:
        yield from (digits[:at] + other + digits[at + 1 :] for at in places for other in "0123456789")
        yield from (digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :] for at in places[:-1])
    elif len(digits) < length:
        yield from (digits[:at] + other + digits[at:] for at in range(length) for other in "0123456789")
    else:
        yield from (digits[:at] + digits[at + 1 :] for at in places)


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells one payment from another of its amount: the fingerprint of the paying bank account, its holder's name, what they wrote."""

    payer: str | None
    name: str = field(repr=False)
    text: str = field(repr=False)


def payer_key(marks: Marks) -> tuple[str | None, tuple[str, ...]] | None:
    """What two payments of one payer have alike: the bank account and the name under it; without an account, a name of two words at least.

    None where a payment does not say whose it is.
    """
    name = tuple(sorted(name_words(marks.name)))
    return (marks.payer, name) if marks.payer is not None or len(name) > 1 else None


# --- which payment the bank takes back ----------------------------------------------------------------------------------------------


def agrees(takes_back: Mapping[str, str], method: str, paid_by: str, *, any_method: bool) -> bool:
    """Whether a return by one method may take back what was paid by another. `takes_back`: what a method takes back, where it says so.

    A cash file has one type for every returned cheque and none for the cheque: its returns are of `any_method`.
    """
    return any_method or takes_back.get(method, paid_by) == paid_by


def signs(back: Marks, paid: Marks, schemes: Sequence[ReferenceScheme]) -> tuple[Sign, ...]:
    """What a return says of itself that speaks for one payment, the strongest first."""
    quoted = set(references_in(back.text, schemes)) & set(references_in(paid.text, schemes))
    words, name = folded(back.text), sorted(name_words(back.name))
    holds: dict[Sign, bool] = {
        "bank-account": back.payer is not None and back.payer == paid.payer,
        "reference": bool(quoted),
        "words": bool(words) and words == folded(paid.text),
        "name": bool(name) and name == sorted(name_words(paid.name)),
    }
    return tuple(sign for sign, speaks in holds.items() if speaks)


def alike(back: Marks, paid: Marks, schemes: Sequence[ReferenceScheme]) -> int:
    """How strongly what a return says of itself speaks for one payment; 0 where nothing does.

    The same bank account weighs more than a reference that both quote, that more than all the words, and those more than the name.
    """
    return sum(_SPEAKS[sign] for sign in signs(back, paid, schemes))


def taken_back(back: Marks, payments: Sequence[Marks], schemes: Sequence[ReferenceScheme]) -> int | None:
    """The place of the payment that a return takes back, of payments of its amount and method, newest first.

    None where nothing but the amount speaks for any, or as much for payments of different payers: nobody guesses whose money it was.
    """
    speaks = [alike(back, paid, schemes) for paid in payments]
    most = max(speaks, default=0)
    likeliest = [place for place, weight in enumerate(speaks) if weight == most]
    return likeliest[0] if most and len({payments[place] for place in likeliest}) == 1 else None
