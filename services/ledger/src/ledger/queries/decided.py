"""What the books say of journals that rest on a decision, and of lines that were left out."""

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import DecidedJournal, DecidedJournals, DroppedLines, JournalsAsked, LineDropped, LinesTried

from ledger.domain.dates import business_date
from ledger.tables import account, dropped_line, entry, journal


async def decided_journals(tx: Transaction, asked: JournalsAsked) -> DecidedJournals:
    """The journals in no order; one that does not exist, or rests on no decision, is left out."""
    undone = journal.alias("undone")
    on_tenants = sa.func.sum(entry.c.amount_pence).filter(entry.c.amount_pence > 0)
    off_tenants = -sa.func.sum(entry.c.amount_pence).filter(entry.c.amount_pence < 0)
    moved = sa.cast(sa.func.greatest(sa.func.coalesce(on_tenants, 0), sa.func.coalesce(off_tenants, 0)), sa.BigInteger).label("moved")
    undone_at = sa.select(undone.c.posted_at).where(undone.c.reverses == journal.c.id).scalar_subquery().label("undone_at")
    rows = await tx.connection.execute(
        sa.select(journal.c.id, journal.c.code, journal.c.case_id, journal.c.decision_id, journal.c.effective_date, moved, undone_at)
        .join(entry, entry.c.journal == journal.c.id)
        .join(account, account.c.id == entry.c.account)
        .where(
            journal.c.id.in_(asked.journals),
            journal.c.case_id.is_not(None),
            journal.c.decision_id.is_not(None),
            account.c.tenancy.is_not(None),
        )
        .group_by(journal.c.id)
    )
    return DecidedJournals(
        journals=tuple(
            DecidedJournal(
                journal=row.id,
                code=row.code,
                case=row.case_id,
                decision=row.decision_id,
                amount_pence=row.moved,
                effective_date=row.effective_date,
                undone=row.undone_at is not None,
                undone_on=business_date(row.undone_at) if row.undone_at is not None else None,
            )
            for row in rows
        )
    )


async def dropped_lines(tx: Transaction, asked: LinesTried) -> DroppedLines:
    """In no order; an attempt that was posted, or never asked for, is left out."""
    tried = [(one.line, one.attempt) for one in asked.lines]
    rows = await tx.connection.execute(sa.select(dropped_line).where(sa.tuple_(dropped_line.c.line, dropped_line.c.attempt).in_(tried)))
    return DroppedLines(lines=tuple(LineDropped(line=row.line, attempt=row.attempt, because=row.because) for row in rows))
