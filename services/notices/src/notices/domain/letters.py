"""What a letter is, and what a refund's says. Sentences for a tenant; amounts as people write them.

A letter is built from facts that are passed in and holds no clock. Its content is plain data, which the template sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from rentbook_contracts.refunds import CaseOutcome


class LetterKind(StrEnum):
    REFUND_MADE = "refund-made"
    REFUND_OFFSET = "refund-offset"
    REFUND_DECLINED = "refund-declined"


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
class RefundTold:
    """A case that has ended, as the letter needs it. Pence; `offsets` are account reference and pence without a sign.

    `uncleared_pence` of the balance has not cleared at the bank; `kept_pence` is what has to stay for the rent of the next weeks.
    `paid_on` is the day on which the payee has the refund; None where it is not known. `breathing_space`: one runs on the account.
    """

    outcome: CaseOutcome
    refund_pence: int
    offsets: Sequence[tuple[str, int]]
    reason_code: str | None
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
    """*A, B and C*."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def lines_of(address: str) -> tuple[str, ...]:
    """An address in one line as the lines of an envelope."""
    return tuple(part.strip() for part in address.split(","))


def standing(told: RefundTold) -> str:
    """The balance in words, with what of a credit cannot be paid out and why: credit is negative (domain.md 0).

    In a Breathing Space nobody is written to about arrears (domain.md 5.3): the letter answers the request and is silent on them.
    """
    if told.balance_pence > 0 and told.breathing_space:
        return ""
    if told.balance_pence == 0:
        return "Your account is now at £0.00."
    if told.balance_pence > 0:
        return f"Your account is now {pounds(told.balance_pence)} behind."
    return " ".join((f"Your account is now {pounds(told.balance_pence)} in credit.", *_tied_up(told)))


def _tied_up(told: RefundTold) -> tuple[str, ...]:
    waits = f"{pounds(told.uncleared_pence)} of this has not cleared at the bank yet." if told.uncleared_pence else ""
    stays = f"{pounds(told.kept_pence)} has to stay on the account for the rent of the next weeks." if told.kept_pence else ""
    return tuple(words for words in (waits, stays) if words)


def refund_letter(told: RefundTold, *, names: Sequence[str], address: str, reference: str, on: date) -> Letter:
    """The letter for the end of a refund case. Raises KeyError for an end that is not told by letter."""
    kind = KINDS[told.outcome]
    return Letter(
        kind=kind.value,
        title=TITLES[kind],
        date=in_words(on),
        names=tuple(names),
        greeting=f"Dear {listed(names)}",
        address=lines_of(address),
        subject="Your rent account",
        reference=reference,
        paragraphs=tuple(words for words in _paragraphs(kind, told, on) if words),
        lines=_lines(told),
        closing=_closing(kind),
    )


def _arrival(told: RefundTold, on: date) -> str:
    """When the money is there, as it is true on the letter's day."""
    if told.paid_on is None:
        return "It should be there within three working days."
    day = f"{told.paid_on:%A} {told.paid_on.day} {told.paid_on:%B %Y}"
    return f"It will be there on {day}." if told.paid_on > on else f"It has been there since {day}."


def _paragraphs(kind: LetterKind, told: RefundTold, on: date) -> tuple[str, ...]:
    if kind is LetterKind.REFUND_MADE:
        paid = f"We have sent {pounds(told.refund_pence)} to the bank account that you gave us. {_arrival(told, on)}"
        used = (
            ("We used part of your credit to pay what was owed on your other accounts. The table shows each amount.",)
            if told.offsets
            else ()
        )
        return (paid, *used, standing(told))
    if kind is LetterKind.REFUND_OFFSET:
        used_up = "We used your credit to pay what was owed on your other accounts. The table shows each amount."
        return (used_up, "Nothing that has cleared is left to pay out.", standing(told))
    asked = "You asked us to refund the credit on your rent account. We can't do this at present."
    if told.outcome is CaseOutcome.NOTHING_DUE:
        return (asked, standing(told) or NO_CREDIT, "So there is nothing that we can pay out today.")
    return (asked, _because(told), standing(told))


def _because(told: RefundTold) -> str:
    if told.breathing_space and told.reason_code == DEBT_FIRST:
        return ASK_US
    return BECAUSE.get(told.reason_code or "", ASK_US)


def _lines(told: RefundTold) -> tuple[Line, ...]:
    offsets = [Line(f"Paid towards account {reference}", pounds(pence)) for reference, pence in told.offsets]
    refund = [Line("Sent to your bank account", pounds(told.refund_pence))] if told.refund_pence else []
    whole = told.refund_pence + sum(pence for _, pence in told.offsets)
    total = [Line("Credit used in all", pounds(whole))] if len(offsets) + len(refund) > 1 else []
    return (*offsets, *refund, *total)


def _closing(kind: LetterKind) -> tuple[str, ...]:
    asks = "If you think that this is wrong, tell us within 28 days and somebody who had no part in the decision will look at it again."
    ask_again = "You can ask again at any time." if kind is LetterKind.REFUND_DECLINED else ""
    return tuple(part for part in (asks, ask_again) if part)
