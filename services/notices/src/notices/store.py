"""Writes the rows of notices, and reads those that are to be sent."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from sqlalchemy.dialects.postgresql import insert

from notices.tables import CLAIMED, MADE, PROBLEM, SENT, WITHHELD, letter, sending


async def keep_letter(tx: Transaction, *, problem: str | None, **columns: Any) -> None:
    """Write the letter, unless there is one of its kind for this attempt at the case. One with a problem waits for a person."""
    row = insert(letter).values(**columns, problem=problem, status=PROBLEM if problem else MADE)
    told = [letter.c.case_id, letter.c.attempt, letter.c.kind]
    # A literal, because an index is recognised by its condition's words.
    await tx.connection.execute(row.on_conflict_do_nothing(index_elements=told, index_where=sa.text(f"status <> '{WITHHELD}'")))


async def letter_of(tx: Transaction, case: UUID, attempt: int, kind: str) -> UUID | None:
    """The letter of this kind for this attempt at the case that was not withheld."""
    same = sa.and_(letter.c.case_id == case, letter.c.attempt == attempt, letter.c.kind == kind, letter.c.status != WITHHELD)
    found: UUID | None = await tx.connection.scalar(sa.select(letter.c.id).where(same))
    return found


async def letter_under_way(tx: Transaction, case: UUID, account: UUID, kind: str, heard: Collection[UUID], since: datetime) -> UUID | None:
    """The oldest letter of this kind about this account that is to be sent, or was, without being among those heard of.

    One that was sent for another case counts only if it was made since `since`: nobody may ever hear of what no case of theirs asked for.
    One with a problem is a person's to settle, and holds nothing up.
    """
    theirs = sa.and_(letter.c.account == account, letter.c.kind == kind, letter.c.id.not_in(heard))
    sent = sa.and_(letter.c.status == SENT, sa.or_(letter.c.case_id == case, letter.c.made_at >= since))
    wanted = sa.select(letter.c.id).where(theirs, sa.or_(letter.c.status.in_((MADE, CLAIMED)), sent)).order_by(letter.c.made_at).limit(1)
    found: UUID | None = await tx.connection.scalar(wanted)
    return found


async def newest_letter_of(tx: Transaction, case: UUID, attempt: int, kind: str) -> sa.Row[Any] | None:
    """The newest letter of this kind for this attempt at the case, withheld or not; locked."""
    wanted = sa.select(letter).where(letter.c.case_id == case, letter.c.attempt == attempt, letter.c.kind == kind)
    return (await tx.connection.execute(wanted.order_by(letter.c.made_at.desc()).limit(1).with_for_update())).first()


async def waiting_letters(tx: Transaction, limit: int) -> Sequence[sa.Row[Any]]:
    """Letters that wait, the oldest first, locked: nobody else looks at them meanwhile."""
    waiting = sa.select(letter).where(letter.c.status == MADE).order_by(letter.c.made_at).limit(limit).with_for_update(skip_locked=True)
    return (await tx.connection.execute(waiting)).all()


async def claim(tx: Transaction, letter_id: UUID, boot: str) -> None:
    """This run of the process will send the letter: nobody else touches it while it lives."""
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(status=CLAIMED, claimed_by=boot))


async def claimed_letters(tx: Transaction) -> Sequence[sa.Row[Any]]:
    """What was claimed and is not settled, by this run of the process or by one that ended in the middle."""
    claimed = sa.select(letter).where(letter.c.status == CLAIMED).order_by(letter.c.made_at).with_for_update(skip_locked=True)
    return (await tx.connection.execute(claimed)).all()


async def locked_letter(tx: Transaction, letter_id: UUID) -> sa.Row[Any] | None:
    return (await tx.connection.execute(sa.select(letter).where(letter.c.id == letter_id).with_for_update())).first()


def went_out(row: sa.Row[Any]) -> bool:
    """Whether the letter was sent, and waits for nothing."""
    return bool(row.status == SENT)


async def times_sent(tx: Transaction, letter_id: UUID) -> int:
    """How often the letter certainly went out."""
    done = sa.select(sa.func.count()).where(sending.c.letter == letter_id, sending.c.step == "done")
    return int(await tx.connection.scalar(done) or 0)


async def note_sending(tx: Transaction, letter_id: UUID, how: str, step: str, proof: str | None = None, *, by: str | None = None) -> None:
    await tx.connection.execute(sending.insert().values(letter=letter_id, at=tx.now, how=how, step=step, proof=proof, by=by))


async def settle(tx: Transaction, letter_id: UUID, *, problem: str | None = None) -> None:
    """Sent, or a problem that waits for a person."""
    status = PROBLEM if problem else SENT
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(status=status, claimed_by=None, problem=problem))


async def withhold(tx: Transaction, letter_id: UUID, because: str) -> None:
    """It is not sent, now or later; it may be written anew."""
    values = {"status": WITHHELD, "claimed_by": None, "problem": because}
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(values))


async def withhold_waiting(tx: Transaction, locked: sa.Row[Any], because: str) -> bool:
    """Withhold a letter if it still waits; whether it was never sent and will not be. One that waits to go out once more stays sent."""
    if locked.status == MADE and await times_sent(tx, locked.id):
        await settle(tx, locked.id)
        return False
    if locked.status == MADE:
        await withhold(tx, locked.id, because)
    return locked.status in (MADE, WITHHELD)


async def release(tx: Transaction, letter_id: UUID) -> None:
    """Back to the letters that wait: this attempt certainly sent nothing."""
    await tx.connection.execute(letter.update().where(letter.c.id == letter_id).values(status=MADE, claimed_by=None))
