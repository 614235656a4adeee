"""The ledger has moved an account: listed lines that rest on it are dropped, proposals are looked at again, a payment is noticed."""

from chassis.transaction import Transaction
from rentbook_contracts import ledger
from rentbook_contracts.ledger import AccountFact, AccountHold, DroppedBecause, LineKind
from rentbook_contracts.writeoffs import ProposalStatus, Propose, Reason

from writeoffs import store
from writeoffs.domain.assessment import DROPS
from writeoffs.use_cases.dropping import drop
from writeoffs.use_cases.propose import propose_to_put_back
from writeoffs.use_cases.work import fact_of, look_again

_HOLDS = {AccountHold.BREATHING_SPACE: DroppedBecause.BREATHING_SPACE, AccountHold.DISPUTE: DroppedBecause.DISPUTE}


async def move(tx: Transaction, fact: AccountFact) -> None:
    """A line is dropped by what changes what its account owes, or by what forbids to write it off."""
    stopped = _stopped(fact)
    for line in await store.listed_on_account(tx, fact.account):
        because = stopped or (DroppedBecause.BALANCE_MOVED if fact.balance_pence != line.balance_pence else None)
        if because is not None:
            await drop(tx, line, DROPS[because])
    row = await store.open_on_account(tx, fact.account)
    if row is None or row.status == ProposalStatus.ON_SCHEDULE:
        return
    if row.followed or stopped or fact.balance_pence != row.balance_pence:
        await look_again(tx, row)


async def receive(tx: Transaction, fact: ledger.ReceiptPosted) -> None:
    """Who pays on a written-off debt owes it again, up to what was paid: that is proposed, and decided like any other."""
    await move(tx, fact)
    if fact.balance_pence >= 0:
        return
    standing = await store.written_off_on(tx, fact.account)
    if not standing or await store.open_on_account(tx, fact.account) is not None:
        return
    latest = standing[-1]
    amount = min(-fact.balance_pence, latest.amount_pence - latest.reinstated_pence)
    told = Propose(kind=LineKind.REINSTATEMENT, account=fact.account, reason=Reason.PAYING, undoes=latest.journal, amount_pence=amount)
    await propose_to_put_back(tx, told, await fact_of(tx, fact.account))


def _stopped(fact: AccountFact) -> DroppedBecause | None:
    match fact:
        case ledger.AccountHoldChanged(account_hold=hold, in_force=True):
            return _HOLDS.get(hold)
        case ledger.HousingBenefitClaimChanged(unresolved=True):
            return DroppedBecause.HOUSING_BENEFIT
        case ledger.PaymentPlanChanged(in_force=True):
            return DroppedBecause.PAYMENT_PLAN
        case _:
            return None
