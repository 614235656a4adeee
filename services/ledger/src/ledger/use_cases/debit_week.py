"""Debit a week's charges on every chargeable account. The week is the key: it is debited once (domain.md 1.3)."""

from collections.abc import Iterable
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ChargePosted, DebitWeek, WeekDebited

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.posting import charge
from ledger.domain.rules import WeekNotAMonday, WeekTooFarAhead
from ledger.use_cases.permission import may_change


async def debit_week(tx: Transaction, week: DebitWeek) -> WeekDebited:
    """Errors: WeekNotAMonday, WeekTooFarAhead, NotAllowed. A week that was debited answers with what was debited then."""
    may_change(tx.caller)
    monday = week.week_commencing
    if monday.weekday() != 0:
        raise WeekNotAMonday("A rent week begins on a Monday.", field="week_commencing")
    if monday > business_date(tx.now):
        raise WeekTooFarAhead("That week has not begun.", field="week_commencing")
    await store.serialise(tx, f"debit-week/{monday}")
    done = await store.debited_week(tx, monday)
    if done is None:
        done = await _debit(tx, week)
    return WeekDebited(week_commencing=monday, accounts=done.accounts, total_pence=done.total_pence, rent_free=done.rent_free)


async def _debit(tx: Transaction, week: DebitWeek) -> store.DebitedWeek:
    monday = week.week_commencing
    accounts = await store.lock_accounts(tx, {due.account for due in await store.due_charges(tx, monday)})
    # Read again under the locks: a charge or a tenancy may have ended meanwhile.
    due = {account: elements for account, elements in grouped(await store.due_charges(tx, monday)).items() if account in accounts}
    postings = [charge(account, monday, elements, actor=tx.caller.person) for account, elements in due.items()]
    await store.post(tx, postings)
    facts = []
    for posting in postings:
        account, total = accounts[posting.legs[0].account], -posting.legs[-1].amount_pence
        account.balance_pence += total
        told = ChargePosted(
            account=account.id, balance_pence=account.balance_pence, journal=posting.id, amount_pence=total, week_commencing=monday
        )
        facts.append((account, told))
    await store.tell(tx, facts)
    debited = sum(fact.amount_pence for _, fact in facts)
    week_done = store.DebitedWeek(monday, len(postings), debited, rent_free=not postings)
    await store.note_debited_week(tx, week_done)
    return week_done


def grouped(due: Iterable[store.DueCharge]) -> dict[UUID, list[tuple[str, int]]]:
    """The elements of each account's charge."""
    accounts: dict[UUID, list[tuple[str, int]]] = {}
    for element in due:
        accounts.setdefault(element.account, []).append((element.element, element.amount_pence))
    return accounts
