"""What moved an account is said in words: which entry, of how much, of which day, and what it stands at since."""

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from rentbook_contracts import ledger
from rentbook_contracts.ledger import AccountFact, AccountHold
from writeoffs.domain.movement import movement

LISTED_ON, BEFORE = date(2026, 11, 27), date(2026, 11, 6)


def receipt(on: date, balance: int = 280_00) -> ledger.ReceiptPosted:
    return ledger.ReceiptPosted(
        account=uuid4(), balance_pence=balance, journal=uuid4(), amount_pence=14_00, method="RBP", effective_date=on, cleared_on=on
    )


def entry(fact: Callable[..., AccountFact], pence: int, balance: int, **more: object) -> AccountFact:
    return fact(account=uuid4(), balance_pence=balance, journal=uuid4(), amount_pence=pence, **more)


SAID = [
    (receipt(LISTED_ON), "a payment of £14.00 was received on 27 November 2026, and £280.00 is owed now"),
    (receipt(BEFORE), "a payment of £14.00 was posted, backdated to 6 November 2026, and £280.00 is owed now"),
    (receipt(LISTED_ON, 0), "a payment of £14.00 was received on 27 November 2026, and nothing is owed now"),
    (receipt(LISTED_ON, -3_00), "a payment of £14.00 was received on 27 November 2026, and it is £3.00 in credit now"),
    (
        entry(ledger.ChargePosted, 94_00, 376_00, week_commencing=BEFORE),
        "a charge of £94.00 was debited for the week of 6 November 2026, and £376.00 is owed now",
    ),
    (
        entry(ledger.JournalReversed, 50_00, 279_00, reverses=uuid4()),
        "an earlier payment or credit of £50.00 was reversed, and £279.00 is owed now",
    ),
    (
        entry(ledger.JournalReversed, -94_00, 188_00, reverses=uuid4()),
        "an earlier charge or debit of £94.00 was reversed, and £188.00 is owed now",
    ),
    (entry(ledger.TransferPosted, -45_00, 237_00), "£45.00 was transferred to it, and £237.00 is owed now"),
    (entry(ledger.TransferPosted, 45_00, -5_00), "£45.00 was transferred from it, and it is £5.00 in credit now"),
    (entry(ledger.RefundPosted, 45_00, 0, case=uuid4()), "£45.00 of its credit was refunded, and nothing is owed now"),
    (entry(ledger.DebtWrittenOff, 45_00, 0, line=uuid4()), "£45.00 was written off, and nothing is owed now"),
    (
        entry(ledger.DebtReinstated, 45_00, 45_00, line=uuid4(), undoes=uuid4()),
        "£45.00 that was written off was put back, and £45.00 is owed now",
    ),
    (entry(ledger.CreditWrittenOn, 45_00, 0, line=uuid4()), "£45.00 of its credit was taken to income, and nothing is owed now"),
]


@pytest.mark.parametrize(("fact", "says"), SAID, ids=lambda one: type(one).__name__)
def test_what_moved_an_account_is_said_in_words(fact: AccountFact, says: str) -> None:
    assert movement(fact, LISTED_ON) == says


def test_every_fact_that_carries_an_amount_of_the_account_is_said() -> None:
    moves = {
        kind
        for kind in AccountFact.__subclasses__()
        if "amount_pence" in kind.model_fields and kind not in (ledger.CreditHeld, ledger.CreditFreed)
    }
    assert moves == {type(fact) for fact, _ in SAID}


def test_what_is_no_entry_is_no_movement() -> None:
    hold = ledger.AccountHoldChanged(account=uuid4(), balance_pence=5_00, account_hold=AccountHold.DISPUTE, in_force=True)
    assert movement(hold, LISTED_ON) is None
