"""Reads and writes the rows of notices."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from sqlalchemy.dialects.postgresql import insert

from notices.tables import CLAIMED, MADE, PROBLEM, SENT, letter, sending


async def keep_letter(tx: Transaction, **columns: Any) -> bool:
    """Write the letter, unless this end of the case was told already; whether it was written."""
    row = insert(letter).values(**columns).on_conflict_do_nothing(constraint="a_case_is_told_once_of_each_end").returning(letter.c.id)
    return (await tx.connection.execute(row)).first() is not None


async def claim_letters(tx: Transaction, boot: str, limit: int) -> list[UUID]:
    """Letters that this run of the process will send: nobody else touches them while it lives."""
    waiting = (
        sa.select(letter.c.id).where(letter.c.status == MADE).order_by(letter.c.made_at).limit(limit).with_for_update(skip_locked=True)
    )
    claim = letter.update().where(letter.c.id.in_(waiting.scalar_subquery())).values(status=CLAIMED, claimed_by=boot).returning(letter.c.id)
    return list((await tx.connection.execute(claim)).scalars())


async def claimed_letters(tx: Transaction) -> Sequence[sa.Row[Any]]:
    """What was claimed and is not settled, by this run of the process or by one that ended in the middle."""
    claimed = sa.select(letter).where(letter.c.status == CLAIMED).order_by(letter.c.made_at).with_for_update(skip_locked=True)
    return (await tx.connection.execute(claimed)).all()


async def note_sending(tx: Transaction, letter_id: UUID, how: str, step: str, proof: str | None = None) -> None:
    await tx.connection.execute(sending.insert().values(letter=letter_id, at=tx.now, how=how, step=step, proof=proof))


async def settle(tx: Transaction, letter_id: UUID, *, problem: str | None = None) -> None:
    """Sent, or a problem that waits for a person."""
    status = PROBLEM if problem else SENT
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(status=status, claimed_by=None, problem=problem))


async def release(tx: Transaction, letter_id: UUID) -> None:
    """Back to the letters that wait: this attempt certainly sent nothing."""
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(status=MADE, claimed_by=None))


async def letter_rows(tx: Transaction, *, account: UUID | None, case: UUID | None) -> list[sa.Row[Any]]:
    """Letters with the last step of their sending, newest first."""
    last = (
        sa.select(sending.c.at, sending.c.how, sending.c.step)
        .where(sending.c.letter == letter.c.id)
        .order_by(sending.c.seq.desc())
        .limit(1)
        .lateral()
    )
    columns = [column for column in letter.c if column.name not in ("pdf", "content")]
    rows = sa.select(*columns, last.c.at.label("sent_at"), last.c.how, last.c.step).outerjoin(last, sa.true())
    if account is not None:
        rows = rows.where(letter.c.account == account)
    if case is not None:
        rows = rows.where(letter.c.case_id == case)
    return [*(await tx.connection.execute(rows.order_by(letter.c.made_at.desc()).limit(200)))]


async def pdf_of(tx: Transaction, letter_id: UUID) -> bytes | None:
    return (await tx.connection.execute(sa.select(letter.c.pdf).where(letter.c.id == letter_id))).scalar()
