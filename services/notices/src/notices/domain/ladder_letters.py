"""What the letters of the evidence ladder say (domain.md 5.2): to who owes, to the estate of who has died, to who has a credit.

They ask; they threaten nobody. While Breathing Space runs nobody is written to about arrears (domain.md 5.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rentbook_contracts.ledger import Addressee
from rentbook_contracts.notices import LadderLetter, goes_to

from notices.domain.letters import Letter, in_words, lines_of, listed, pounds

ABOUT_ARREARS = frozenset({LadderLetter.DEBT, LadderLetter.ESTATE_DEBT})

NO_ADDRESS = "No address is known to which this letter could go: note one on the account."
BREATHING_SPACE = "Breathing Space runs: nobody is written to about arrears until it is lifted."
NOTHING_OWED = "Nothing is owed on the account any more."


@dataclass(frozen=True)
class LadderTold:
    """What the letter rests on, as the ledger has it now. Balance in pence, debit positive. Names: of the living, and of the dead.

    `anew`: it is written as the first, whatever its number. `address`: where it goes; None where nobody knows.
    `deals_with_estate`: who is written to for the dead, if that is known.
    """

    kind: LadderLetter
    number: int
    balance_pence: int
    living: tuple[str, ...]
    dead: tuple[str, ...]
    breathing_space: bool
    address: str | None
    reply_within_days: int = 0
    deals_with_estate: str = ""
    anew: bool = False


def objection(told: LadderTold) -> str | None:
    """Why nothing is written, in a sentence without personal data; None where it is written."""
    match told.kind:
        case LadderLetter.UNCLAIMED_CREDIT if told.balance_pence >= 0:
            return "The account is not in credit any more."
        case LadderLetter.UNCLAIMED_CREDIT:
            return _without_address(told)
        case _ if told.breathing_space:
            return BREATHING_SPACE
        case _ if told.balance_pence <= 0:
            return NOTHING_OWED
        case LadderLetter.DEBT if not told.living:
            return "Everybody who answers for the account has died: the estate is written to instead."
        case LadderLetter.ESTATE_DEBT if not told.dead:
            return "Nobody who answers for the account is recorded as dead."
        case _:
            return _without_address(told)


def _without_address(told: LadderTold) -> str | None:
    """A letter to a home that was left is read by somebody else: it tells them of a debt, and is evidence of nothing."""
    return NO_ADDRESS if told.address is None else None


def ladder_letter(told: LadderTold, *, address: str, reference: str, on: date, advice: Sequence[str]) -> Letter:
    """The letter. `advice` names who helps with debts, free of charge. Where everybody has died it goes to the estate."""
    to_estate = goes_to(told.kind, somebody_lives=bool(told.living)) is Addressee.ESTATE
    names = _of_the_estate(told) if to_estate else told.living
    return Letter(
        kind=told.kind.value,
        title=_TITLES[told.kind],
        date=in_words(on),
        names=names,
        greeting="Dear Sir or Madam" if to_estate else f"Dear {listed(names)}",
        address=lines_of(address),
        subject="Rent account of the person who died" if to_estate else "Your account",
        reference=reference,
        paragraphs=tuple(words for words in _paragraphs(told, on) if words),
        lines=(),
        closing=_closing(told, advice),
    )


def _of_the_estate(told: LadderTold) -> tuple[str, ...]:
    representatives = f"he personal representatives of {listed(told.dead)}"
    return (told.deals_with_estate, f"For t{representatives}") if told.deals_with_estate else (f"T{representatives}",)


_TITLES: Mapping[LadderLetter, str] = {
    LadderLetter.DEBT: "What you owe us",
    LadderLetter.ESTATE_DEBT: "What is owed by the estate",
    LadderLetter.UNCLAIMED_CREDIT: "Money that we hold for you",
}


def _paragraphs(told: LadderTold, on: date) -> tuple[str, ...]:
    amount, until = pounds(told.balance_pence), _until(told, on)
    again = "We wrote to you about this before and have not heard from you." if told.number > 1 and not told.anew else ""
    match told.kind:
        case LadderLetter.DEBT:
            return (
                again,
                f"You owe {amount} on this account.",
                f"Please pay it, or get in touch{until} and tell us what you can pay. We can agree instalments that you can afford.",
                "If you have paid it already, or think that this is wrong, please tell us.",
            )
        case LadderLetter.ESTATE_DEBT:
            return (
                again or f"We are sorry to hear of the death of {listed(told.dead)}.",
                f"{amount} is owed on the account. The estate owes it: you do not have to pay it with money of your own.",
                f"Please tell us{until} who deals with the estate, and whether there is money in it to pay this. "
                "If there is none, tell us that too.",
            )
        case LadderLetter.UNCLAIMED_CREDIT:
            owner = "It is your money." if told.living else "It belongs to the estate."
            return (
                again,
                f"The account is {amount} in credit. {owner} You can have it paid out.",
                "Please get in touch. We will ask you to show who you are, and into which bank account it should go.",
                "You can ask for it at any time.",
            )


def _until(told: LadderTold, on: date) -> str:
    return f" by {in_words(on + timedelta(days=told.reply_within_days))}" if told.reply_within_days else ""


def _closing(told: LadderTold, advice: Sequence[str]) -> tuple[str, ...]:
    if told.kind is not LadderLetter.DEBT:
        return ()
    return (f"Free and independent advice about debts: {listed(advice)}.",)
