"""What the letters about a refund share: their facts, looked at now, and the letter made from them."""

from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_PAGE, AccountPage, AccountPageAsked, Addressee
from rentbook_contracts.refunds import CASE_PAGE, CaseAsked

from notices.domain.letters import End, Facts, end_as_text, refund_letter
from notices.use_cases.keeping import keep

LONDON = ZoneInfo("Europe/London")


async def look(tx: Transaction, account: UUID, case: UUID, attempt: int) -> tuple[Facts, bool]:
    """The facts of a letter as they are now, and whether the case still stands at this attempt.

    Errors: Unanswered while ledger or refunds can't be asked.
    """
    shown = await tx.ask(CASE_PAGE, CaseAsked(case=case))
    page = await tx.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
    stands = shown.attempt == attempt
    facts = Facts(
        names=page.label.names,
        address=_where_to(page),
        reference=page.label.reference,
        balance_pence=page.balance_pence,
        uncleared_pence=page.uncleared_pence,
        kept_pence=shown.floor_pence,
        paid_on=shown.paid_on if stands else None,
        breathing_space=page.breathing_space,
    )
    return facts, stands


def _where_to(page: AccountPage) -> str:
    """Where the tenants are known to be; else the home, as a tenant who asks for a refund is owed an answer."""
    known = (one.address for one in page.letter_addresses if one.addressee is Addressee.TENANTS and one.address is not None)
    return next(known, page.label.address)


def today(tx: Transaction) -> date:
    """The day that a letter of this moment bears."""
    return tx.now.astimezone(LONDON).date()


async def keep_end(tx: Transaction, end: End, facts: Facts, *, account: UUID, case: UUID, attempt: int) -> None:
    """Make the letter on an end as it is true today, and keep it with that end."""
    await keep(tx, refund_letter(end, facts, today(tx)), account=account, case=case, attempt=attempt, told=end_as_text(end))
