"""Payment runs, their lines, the file of each, what was sent of it, and what the bank reported."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.approvals import PaymentRunReleased
from rentbook_contracts.refunds import RunStatus
from sqlalchemy.dialects.postgresql import insert

from refunds.domain.rules import RefundRule
from refunds.tables import (
    PAYMENT_FILE_NUMBER,
    PAYMENT_LINE_NUMBER,
    payment_file,
    payment_line,
    payment_run,
    submission,
)

Run = sa.Row[Any]
Line = sa.Row[Any]
File = sa.Row[Any]

RELEASED, POSTED, DROPPED, PAID, REFUSED, RETURNED = "released", "posted", "dropped", "paid", "refused", "returned"


class UnknownRun(RefundRule):
    """There is no payment run of this id."""


async def add(tx: Transaction, released: PaymentRunReleased) -> None:
    row = {"id": released.run, "status": RunStatus.RELEASED, "status_note": "", "released_at": released.released_at}
    await tx.connection.execute(payment_run.insert().values(**row, released_total_pence=released.total_pence, heard_at=tx.now))


async def locked(tx: Transaction, run: UUID) -> Run:
    """Errors: UnknownRun."""
    # Not against rows that refer to it: submissions are noted over a second connection while this lock is held.
    row = (await tx.connection.execute(sa.select(payment_run).where(payment_run.c.id == run).with_for_update(key_share=True))).first()
    if row is None:
        raise UnknownRun("There is no such payment run.")
    return row


async def under_way(tx: Transaction) -> list[UUID]:
    """The runs whose file was not answered by the bank, or whose lines have not all had its word."""
    waits = sa.exists().where(payment_line.c.run == payment_run.c.id, payment_line.c.status.in_((RELEASED, POSTED)))
    unanswered = payment_run.c.status.not_in((RunStatus.ACCEPTED, RunStatus.REFUSED, RunStatus.EMPTY))
    return list(await tx.connection.scalars(sa.select(payment_run.c.id).where(sa.or_(unanswered, waits))))


async def change(tx: Transaction, run: UUID, status: RunStatus, status_note: str = "") -> None:
    await tx.connection.execute(payment_run.update().where(payment_run.c.id == run).values(status=status, status_note=status_note))


async def add_line(tx: Transaction, **columns: Any) -> None:
    """The payment's reference is its number: it says nothing about anybody."""
    number = await _next(tx, PAYMENT_LINE_NUMBER)
    await tx.connection.execute(payment_line.insert().values(number=number, reference=f"REFUND {number:08d}", **columns))


async def lines_of(tx: Transaction, run: UUID) -> list[Line]:
    return list(await tx.connection.execute(sa.select(payment_line).where(payment_line.c.run == run).order_by(payment_line.c.number)))


async def live_line(tx: Transaction, case: UUID, attempt: int) -> Line | None:
    """The line by which this payment is in a run now, locked."""
    live = payment_line.c.status.in_((RELEASED, POSTED, PAID))
    rows = sa.select(payment_line).where(payment_line.c.case_id == case, payment_line.c.attempt == attempt, live)
    return (await tx.connection.execute(rows.with_for_update(key_share=True))).first()


async def released_line(tx: Transaction, case: UUID, attempt: int) -> Line | None:
    """The line by which finance released this payment last, whatever became of it since, unless it was dropped."""
    kept = payment_line.c.status != DROPPED
    rows = sa.select(payment_line).where(payment_line.c.case_id == case, payment_line.c.attempt == attempt, kept)
    return (await tx.connection.execute(rows.order_by(payment_line.c.number.desc()).limit(1))).first()


async def change_line(tx: Transaction, number: int, **columns: Any) -> None:
    await tx.connection.execute(payment_line.update().where(payment_line.c.number == number).values(columns))


async def file_of(tx: Transaction, run: UUID) -> File | None:
    return (await tx.connection.execute(sa.select(payment_file).where(payment_file.c.run == run))).first()


async def next_file_number(tx: Transaction) -> int:
    return await _next(tx, PAYMENT_FILE_NUMBER)


async def _next(tx: Transaction, sequence: str) -> int:
    return int((await tx.connection.execute(sa.select(sa.func.nextval(sequence)))).scalar_one())


async def keep_file_apart(tx: Transaction, **columns: Any) -> File:
    """Keep a run's file for good before anything else is done with it, and give back the one that is kept: the first.

    On a connection of its own, which commits at once: what was written to disk or sent can then be told from what was not.
    """
    async with tx.connection.engine.begin() as apart:
        row = insert(payment_file).values({"built_at": tx.now, **columns}).on_conflict_do_nothing(constraint="a_run_has_one_file")
        await apart.execute(row)
        return (await apart.execute(sa.select(payment_file).where(payment_file.c.run == columns["run"]))).one()


async def last_word(tx: Transaction, run: UUID) -> str | None:
    """What was sent or answered last about the run's file; None before it was ever sent."""
    rows = sa.select(submission.c.what).where(submission.c.run == run).order_by(submission.c.seq.desc()).limit(1)
    return (await tx.connection.execute(rows)).scalar_one_or_none()


async def note_sending_apart(tx: Transaction, run: UUID, sha256: str) -> None:
    """From here on the file may have reached the bank; committed at once, so that a crash cannot forget it."""
    async with tx.connection.engine.begin() as apart:
        await apart.execute(submission.insert().values(run=run, sha256=sha256, what="sending", reason="", at=tx.now))


async def note_word(tx: Transaction, run: UUID, sha256: str, what: str, reason: str) -> None:
    await tx.connection.execute(submission.insert().values(run=run, sha256=sha256, what=what, reason=reason, at=tx.now))


async def line_of_reference(tx: Transaction, reference: str) -> Line | None:
    """The line that a payment's reference names, locked."""
    rows = sa.select(payment_line).where(payment_line.c.reference == reference).with_for_update(key_share=True)
    return (await tx.connection.execute(rows)).first()
