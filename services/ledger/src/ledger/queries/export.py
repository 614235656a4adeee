"""The whole journal, oldest first, as a stream: memory holds a thousand journals at a time."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction

from ledger.domain.export import CSV, HLEDGER, ExportedEntry, ExportedJournal, ExportForm
from ledger.queries.refund_facts import one_snapshot
from ledger.tables import account, entry, journal, posting_code

FORMATS = {"hledger": HLEDGER, "csv": CSV}
JOURNALS_AT_ONCE = 1000


async def exported_journal(tx: Transaction, form: ExportForm) -> AsyncIterator[bytes]:
    """Every posting in the order of posting, in one snapshot of the books."""
    await one_snapshot(tx)
    yield form.head.encode()
    last = 0
    while found := await _after(tx, last):
        yield "".join(form.journal(each) for each in found).encode()
        last = found[-1].seq


async def _after(tx: Transaction, seq: int) -> list[ExportedJournal]:
    wanted = sa.select(journal, posting_code.c.words).select_from(journal).join(posting_code, posting_code.c.code == journal.c.code)
    rows = (await tx.connection.execute(wanted.where(journal.c.seq > seq).order_by(journal.c.seq).limit(JOURNALS_AT_ONCE))).all()
    entries = await _entries(tx, [row.id for row in rows])
    return [
        ExportedJournal(row.seq, row.id, row.code, row.words, row.effective_date, row.posted_at, row.reverses, row.actor, entries[row.id])
        for row in rows
    ]


async def _entries(tx: Transaction, journals: list[UUID]) -> dict[UUID, list[ExportedEntry]]:
    found: dict[UUID, list[ExportedEntry]] = {id_: [] for id_ in journals}
    wanted = sa.select(entry, account.c.reference, account.c.kind).select_from(entry).join(account, account.c.id == entry.c.account)
    row: Any
    for row in await tx.connection.execute(wanted.where(entry.c.journal.in_(journals)).order_by(entry.c.journal, entry.c.line)):
        found[row.journal].append(ExportedEntry(row.line, row.reference, row.kind, row.element, row.amount_pence))
    return found
