"""Put a hold on the debtor in force, or lift it (domain.md 1.1)."""

from datetime import date
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHold, AccountHoldChanged, BreathingSpaceKind, SetAccountHold
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.breathing_space import last_day_of, refuse_too_soon
from ledger.domain.dates import business_date
from ledger.domain.rules import DayHasPassed, HoldNotSet, KindMissing, NoSuchAccount, NotABreathingSpace
from ledger.queries.debts import linked_accounts
from ledger.queries.refund_facts import breathing_space_policy
from ledger.use_cases.permission import may_change


async def set_account_hold(tx: Transaction, asked: SetAccountHold) -> Nothing:
    """Says nothing where the hold is set as asked already; another last day is another hold.

    A Breathing Space lasts as long as the law says and is had no sooner than it says (domain/breathing_space.py), by the figures of the day
    on which it is recorded; one that is corrected keeps its first day unless another is given.

    Errors: NotAllowed, NoSuchAccount, HoldNotSet, DayHasPassed; KindMissing, DayHasNotCome, LastsTooLong, AnotherTooSoon of a Breathing
    Space; NotABreathingSpace of any other hold.
    """
    may_change(tx.caller)
    accounts = await store.lock_accounts(tx, await _of_the_same_people(tx, asked))
    account = accounts.get(asked.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    held = await store.account_hold(tx, account.id, asked.account_hold)
    if held is None and not asked.in_force:
        raise HoldNotSet("This hold is not set on this account, so there is nothing to lift.", field="account_hold")
    wanted = await _as_asked(tx, asked, held, list(accounts)) if asked.in_force else None
    if wanted == held:
        return Nothing()
    if held is not None:
        await store.lift_account_hold(tx, account.id, asked.account_hold)
    if wanted is not None:
        await store.set_account_hold(tx, wanted, asked.reason)
    told = AccountHoldChanged(
        account=account.id, balance_pence=account.balance_pence, account_hold=asked.account_hold, in_force=asked.in_force
    )
    await store.tell(tx, [(account, told)])
    return Nothing()


async def _of_the_same_people(tx: Transaction, asked: SetAccountHold) -> list[UUID]:
    """The account, and where it gets a standard Breathing Space, the others of its people: each waits for what is recorded on the rest."""
    linked = await linked_accounts(tx, [asked.account]) if asked.kind is BreathingSpaceKind.STANDARD else {}
    return [asked.account, *(other.account for other in linked.get(asked.account, ()))]


async def _as_asked(tx: Transaction, asked: SetAccountHold, held: store.AccountHoldRow | None, theirs: list[UUID]) -> store.AccountHoldRow:
    today = business_date(tx.now)
    if asked.account_hold is AccountHold.BREATHING_SPACE:
        return await _breathing_space(tx, asked, _first_day(asked, held, today), theirs, today)
    if asked.kind is not None or asked.first_day is not None:
        raise NotABreathingSpace("Only a Breathing Space has a kind and a first day.", field="first_day" if asked.kind is None else "kind")
    if asked.until is not None and asked.until < today:
        raise DayHasPassed("The last day of the hold has passed already.", field="until")
    return store.AccountHoldRow(asked.account, asked.account_hold, asked.until)


def _first_day(asked: SetAccountHold, held: store.AccountHoldRow | None, today: date) -> date:
    runs = held.first_day if held is not None and held.kind is asked.kind and held.in_force(today) else None
    return asked.first_day or runs or today


async def _breathing_space(
    tx: Transaction, asked: SetAccountHold, first_day: date, theirs: list[UUID], today: date
) -> store.AccountHoldRow:
    if asked.kind is None:
        raise KindMissing("Say whether it is a standard one or one of a mental health crisis.", field="kind")
    policy = await breathing_space_policy(tx, today)
    last_day = last_day_of(asked.kind, first_day, asked.until, policy, today)
    if asked.kind is BreathingSpaceKind.STANDARD:
        refuse_too_soon(asked.account, first_day, await store.standard_breathing_spaces(tx, theirs), policy, today)
    return store.AccountHoldRow(asked.account, asked.account_hold, last_day, asked.kind, first_day)
