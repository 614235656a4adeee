"""Have a letter go out once more, as it is: the tenant says that it never came, or has lost it (desk.md, an officer on the phone)."""

from collections.abc import Callable, Coroutine
from typing import Any

from chassis.transaction import Transaction
from rentbook_contracts.notices import SendLetterAgain
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.people import CASE_WORKERS

from notices import store
from notices.domain.delivery import Delivery
from notices.domain.ladder_letters import ABOUT_ARREARS
from notices.domain.letters import LetterKind


class NotYourPart(BrokenRule):
    """Letters are sent again by whoever works with tenants."""


class NoSuchLetter(BrokenRule):
    """There is no letter of this id."""


class NeverSent(BrokenRule):
    """Only what certainly went out goes out once more: a letter that waits will go by itself, and a problem is for a person to solve."""


class ArrearsAreNotRepeated(BrokenRule):
    """A letter about arrears is evidence by its number and its day, and Breathing Space may forbid it: the ladder writes the next."""


class PaymentCameBack(BrokenRule):
    """A letter that promises a payment which the bank has sent back is true no longer; the letter on the return took its place."""


def again_by(delivery: Delivery) -> Callable[[Transaction, SendLetterAgain], Coroutine[Any, Any, Nothing]]:
    """The use case, with the way out."""

    async def send_again(tx: Transaction, asked: SendLetterAgain) -> Nothing:
        """Errors: NotYourPart, NoSuchLetter, ArrearsAreNotRepeated, NeverSent, PaymentCameBack."""
        if not tx.caller.roles & CASE_WORKERS:
            raise NotYourPart("Letters are sent again by officers and those who lead them.")
        row = await store.locked_letter(tx, asked.letter)
        if row is None:
            raise NoSuchLetter("There is no such letter.")
        if row.kind in ABOUT_ARREARS:
            raise ArrearsAreNotRepeated("A letter about arrears is not repeated: the next one is written in its time.")
        if not store.went_out(row):
            raise NeverSent("This letter is not on record as sent, so it is not sent once more.")
        if row.kind == LetterKind.REFUND_MADE and await store.letter_of(tx, row.case_id, row.attempt, LetterKind.REFUND_RETURNED):
            raise PaymentCameBack("The payment that this letter tells of came back from the bank, so it is not sent once more.")
        await store.note_sending(tx, row.id, delivery.how, "asked", by=tx.caller.person)
        await store.release(tx, row.id)
        return Nothing()

    return send_again
