"""What has moved an account, in words: which kind of entry, of how much, of which day, and what the account stands at since."""

from datetime import date

from rentbook_contracts import ledger
from rentbook_contracts.ledger import AccountFact

from writeoffs.domain.days import in_words
from writeoffs.domain.money import pounds


def movement(fact: AccountFact, listed_on: date) -> str | None:
    """As the end of a sentence. `listed_on`: the day on which the line was listed that the movement meets; what counts from an earlier day
    was backdated. None where the fact tells of no entry, such as a hold.
    """
    entry = _entry(fact, listed_on)
    return f"{entry}, and {_stands(fact.balance_pence)} now" if entry is not None else None


def _entry(fact: AccountFact, listed_on: date) -> str | None:
    match fact:
        case ledger.ReceiptPosted(amount_pence=pence, effective_date=on) if on < listed_on:
            return f"a payment of {pounds(pence)} was posted, backdated to {in_words(on)}"
        case ledger.ReceiptPosted(amount_pence=pence, effective_date=on):
            return f"a payment of {pounds(pence)} was received on {in_words(on)}"
        case ledger.ChargePosted(amount_pence=pence, week_commencing=week):
            return f"a charge of {pounds(pence)} was debited for the week of {in_words(week)}"
        case ledger.JournalReversed(amount_pence=pence):
            return f"an earlier {'payment or credit' if pence > 0 else 'charge or debit'} of {pounds(pence)} was reversed"
        case ledger.TransferPosted(amount_pence=pence):
            return f"{pounds(pence)} was transferred {'from' if pence > 0 else 'to'} it"
        case ledger.RefundPosted(amount_pence=pence):
            return f"{pounds(pence)} of its credit was refunded"
        case ledger.DebtWrittenOff(amount_pence=pence):
            return f"{pounds(pence)} was written off"
        case ledger.DebtReinstated(amount_pence=pence):
            return f"{pounds(pence)} that was written off was put back"
        case ledger.CreditWrittenOn(amount_pence=pence):
            return f"{pounds(pence)} of its credit was taken to income"
        case _:
            return None


def _stands(balance_pence: int) -> str:
    if balance_pence == 0:
        return "nothing is owed"
    return f"{pounds(balance_pence)} is owed" if balance_pence > 0 else f"it is {pounds(balance_pence)} in credit"
