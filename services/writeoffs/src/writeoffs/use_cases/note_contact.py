"""Somebody noted on an account that they spoke with its tenant: whoever does is not untraceable (domain.md 5.2)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.writeoffs import EvidenceKind, ProposalStatus, Reason

from writeoffs import store
from writeoffs.domain.assessment import HEARD
from writeoffs.use_cases.dropping import drop
from writeoffs.use_cases.work import facts_of, look_again


async def look_ahead_of_contacts(tx: Transaction, told: Sequence[TenantContacted]) -> None:
    """Lock what a batch of them comes to before the first of them is taken, as for a batch of moves. Errors: as `note_contact`."""
    await store.hold_about(tx, await _theirs(tx, {one.account for one in told}))


async def note_contact(tx: Transaction, told: TenantContacted) -> None:
    """The day is kept whatever is proposed, for what is proposed later. Nobody takes part by it: it only speaks against a write-off.

    It drops the lines that write off a debt of the same people because nobody can be found, and has open proposals that say so, on each of
    their accounts, looked at anew. What is being posted at this moment has its outcome first.
    Errors: Unanswered (ledger); the event is then tried again.
    """
    await store.keep_contact(tx, told.account, told.noted_at)
    accounts = await _theirs(tx, [told.account])
    await store.hold_about(tx, accounts)
    lines = await store.listed_as_untraceable(tx, told.account)
    for line in lines:
        await _note(tx, line.line)
        await drop(tx, line, HEARD[EvidenceKind.CONTACT])
    for account in sorted(accounts):
        row = await store.open_on_account(tx, account)
        if row is None or row.reason != Reason.UNTRACEABLE or any(line.line == row.id for line in lines):
            continue
        await _note(tx, row.id)
        if row.status != ProposalStatus.ON_SCHEDULE:
            await look_again(tx, row)


async def _theirs(tx: Transaction, accounts: Collection[UUID]) -> set[UUID]:
    """These accounts, and the others of the same people."""
    return {*accounts, *(other.account for facts in (await facts_of(tx, accounts)).values() for other in facts.linked)}


async def _note(tx: Transaction, proposal: UUID) -> None:
    await store.note(tx, [proposal], "there was contact with the tenant")
