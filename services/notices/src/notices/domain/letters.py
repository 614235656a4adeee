"""What a letter is, and what a refund's says. Sentences for a tenant; amounts as people write them.

A letter is built from facts that are passed in and holds no clock. Its content is plain data, which the template sets.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from rentbook_contracts.refunds import CaseOutcome
from rentbook_contracts.words import isolated


class LetterKind(StrEnum):
    REFUND_MADE = "refund-made"
    REFUND_OFFSET = "refund-offset"
    REFUND_DECLINED = "refund-declined"
    REFUND_RETURNED = "refund-returned"


KINDS: Mapping[CaseOutcome, LetterKind] = {
    CaseOutcome.PAID: LetterKind.REFUND_MADE,
    CaseOutcome.OFFSET: LetterKind.REFUND_OFFSET,
    CaseOutcome.DECLINED: LetterKind.REFUND_DECLINED,
    CaseOutcome.NOTHING_DUE: LetterKind.REFUND_DECLINED,
}
"""Which end of a case is told by letter. Who withdraws a request knows of it."""

TITLES: Mapping[LetterKind, str] = {
    LetterKind.REFUND_MADE: "Your refund",
    LetterKind.REFUND_OFFSET: "Your credit has been used",
    LetterKind.REFUND_DECLINED: "Your request for a refund",
    LetterKind.REFUND_RETURNED: "Your refund came back to us",
}

DEBT_FIRST = "debt-to-be-paid-first"

BECAUSE: Mapping[str, str] = {
    "credit-not-the-tenants": "The money on the account was paid by someone else, who may have to have it back.",
    "credit-needed-for-charges": "The credit is needed for charges that fall due on the account soon.",
    DEBT_FIRST: "There is another debt to the council that is to be paid first.",
    "payee-not-shown": "We could not confirm that the bank account you gave belongs to a tenant of this tenancy.",
    "duplicate": "Our records show that this credit was refunded already.",
}
"""The reason of a decline in words for the tenant. Others are told in person: a letter must not warn off a suspected fraud."""

NO_CREDIT = "There is no credit on your account that we can pay out."

ASK_US = "We would like to talk to you about the reason: please get in touch with us."


@dataclass(frozen=True)
class Line:
    """One line of the letter's table."""

    words: str
    amount: str


@dataclass(frozen=True)
class Letter:
    """All that the template needs. `names` are all whom it is addressed to, `subject` whose account it is about."""

    kind: str
    title: str
    date: str
    names: tuple[str, ...]
    greeting: str
    address: tuple[str, ...]
    subject: str
    reference: str
    paragraphs: tuple[str, ...]
    lines: tuple[Line, ...]
    closing: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class End:
    """How an attempt at a case ended, for good. Pence; `offsets` are account reference and pence without a sign.

    A reference is empty where only the sum of the offsets is known.
    """

    kind: LetterKind
    refund_pence: int = 0
    offsets: tuple[tuple[str, int], ...] = ()
    reason_code: str | None = None
    nothing_due: bool = False


@dataclass(frozen=True)
class Facts:
    """What a letter says beside the end: true on its day, and looked at again until the letter goes out.

    `uncleared_pence` of the balance has not cleared at the bank; `kept_pence` is what has to stay for the rent of the next weeks.
    `paid_on` is the day on which the payee has the refund; None where it is not known. `breathing_space`: one runs on an account of
    these people.
    """

    names: tuple[str, ...]
    address: str
    reference: str
    balance_pence: int
    uncleared_pence: int = 0
    kept_pence: int = 0
    paid_on: date | None = None
    breathing_space: bool = False


def pounds(pence: int) -> str:
    """`£1,234.56`, without a sign."""
    return f"£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def in_words(day: date) -> str:
    """*3 May 2026*."""
    return f"{day.day} {day:%B} {day.year}"


def listed(names: Sequence[str]) -> str:
    """*A, B and C*, each in its own direction."""
    apart = [isolated(name) for name in names]
    return " and ".join((", ".join(apart[:-1]), apart[-1])) if len(apart) > 1 else "".join(apart)


def lines_of(address: str) -> tuple[str, ...]:
    """An address in one line as the lines of an envelope."""
    return tuple(part.strip() for part in address.split(","))


def standing(facts: Facts) -> str:
    """The balance in words, with what of a credit cannot be paid out and why: credit is negative (domain.md 0).

    In a Breathing Space nobody is written to about arrears (domain.md 5.3): the letter answers the request and is silent on them.
    """
    if facts.balance_pence > 0 and facts.breathing_space:
        return ""
    if facts.balance_pence == 0:
        return "Your account is now at £0.00."
    if facts.balance_pence > 0:
        return f"Your account is now {pounds(facts.balance_pence)} behind."
    return " ".join((f"Your account is now {pounds(facts.balance_pence)} in credit.", *_tied_up(facts)))


def _tied_up(facts: Facts) -> tuple[str, ...]:
    waits = f"{pounds(facts.uncleared_pence)} of this has not cleared at the bank yet." if facts.uncleared_pence else ""
    stays = f"{pounds(facts.kept_pence)} has to stay on the account for the rent of the next weeks." if facts.kept_pence else ""
    return tuple(words for words in (waits, stays) if words)


def refund_letter(end: End, facts: Facts, on: date) -> Letter:
    """The letter on how an attempt at a refund ended, with what is true on a day."""
    return Letter(
        kind=end.kind.value,
        title=TITLES[end.kind],
        date=in_words(on),
        names=facts.names,
        greeting=f"Dear {listed(facts.names)}",
        address=lines_of(facts.address),
        subject="Your rent account",
        reference=facts.reference,
        paragraphs=tuple(words for words in _paragraphs(end, facts, on) if words),
        lines=_lines(end),
        closing=_closing(end.kind),
    )


def _arrival(facts: Facts, on: date) -> str:
    """When the money should be there: the payee's bank may still send it back, and says so only afterwards (domain.md 4, ARUCS)."""
    if facts.paid_on is None:
        return "It should be there within three working days."
    day = f"{facts.paid_on:%A} {in_words(facts.paid_on)}"
    return f"It should be there on {day}." if facts.paid_on > on else f"It should have been there since {day}."


USED_PART = "We used part of your credit to pay what was owed on your other accounts. The table shows each amount."


def _paragraphs(end: End, facts: Facts, on: date) -> tuple[str, ...]:
    if end.kind is LetterKind.REFUND_MADE:
        paid = f"We have told our bank to pay {pounds(end.refund_pence)} into the bank account that you gave us. {_arrival(facts, on)}"
        missing = "If it is not there then, please get in touch with us."
        return (f"{paid} {missing}", USED_PART if end.offsets else "", standing(facts))
    if end.kind is LetterKind.REFUND_RETURNED:
        return _came_back(end)
    if end.kind is LetterKind.REFUND_OFFSET:
        used_up = "We used your credit to pay what was owed on your other accounts. The table shows each amount."
        return (used_up, "Nothing that has cleared is left to pay out.", standing(facts))
    asked = "You asked us to refund the credit on your rent account. We can't do this at present."
    if end.nothing_due:
        return (asked, standing(facts) or NO_CREDIT, "So there is nothing that we can pay out today.")
    return (asked, _because(end, facts), standing(facts))


def _came_back(end: End) -> tuple[str, ...]:
    """Says nothing of the balance: the ledger puts the credit back by itself, at another moment."""
    return (
        f"We told our bank to pay {pounds(end.refund_pence)} into the bank account that you gave us. The payment came back to us.",
        "Your money is safe: it goes back to your rent account, and your request stays open.",
        "Please get in touch with us about the bank account that we should pay it into.",
        USED_PART if end.offsets else "",
    )


def _because(end: End, facts: Facts) -> str:
    if facts.breathing_space and end.reason_code == DEBT_FIRST:
        return ASK_US
    return BECAUSE.get(end.reason_code or "", ASK_US)


def _lines(end: End) -> tuple[Line, ...]:
    offsets = [
        Line(f"Paid towards {f'account {reference}' if reference else 'your other accounts'}", pounds(pence))
        for reference, pence in end.offsets
    ]
    made = end.kind is LetterKind.REFUND_MADE
    refund = [Line("To be paid into your bank account", pounds(end.refund_pence))] if made else []
    whole = end.refund_pence * made + sum(pence for _, pence in end.offsets)
    total = [Line("Credit used in all", pounds(whole))] if len(offsets) + len(refund) > 1 else []
    return (*offsets, *refund, *total)


def _closing(kind: LetterKind) -> tuple[str, ...]:
    if kind is LetterKind.REFUND_RETURNED:
        return ()
    asks = "If you think that this is wrong, tell us within 28 days and somebody who had no part in the decision will look at it again."
    ask_again = "You can ask again at any time." if kind is LetterKind.REFUND_DECLINED else ""
    return tuple(part for part in (asks, ask_again) if part)


def end_as_text(end: End) -> str:
    """An end as it is kept with its letter."""
    return json.dumps(asdict(end), ensure_ascii=False)


def end_of_text(text: str) -> End:
    """The end that `end_as_text` wrote."""
    kept = json.loads(text)
    return End(**{**kept, "kind": LetterKind(kept["kind"]), "offsets": tuple((reference, pence) for reference, pence in kept["offsets"])})
