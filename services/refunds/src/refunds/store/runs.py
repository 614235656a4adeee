"""Payment runs, their lines, the file of each with its bytes under the envelope, what was sent of it, and what the bank reported."""

import hashlib
import os
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.approvals import PaymentRunReleased
from rentbook_contracts.refunds import RunStatus
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from refunds.domain.envelope import KeyRing, Sealed, Unopenable, seal, unseal
from refunds.domain.rules import RefundRule
from refunds.tables import (
    PAYMENT_FILE_NUMBER,
    PAYMENT_LINE_NUMBER,
    payment_file,
    payment_file_content,
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


async def unheard(tx: Transaction, *, before: datetime) -> list[tuple[UUID, int]]:
    """The cases, each with its attempt, whose payment was released before then and is neither posted nor dropped."""
    of_run = payment_line.join(payment_run, payment_run.c.id == payment_line.c.run)
    waits = (payment_line.c.status == RELEASED, payment_run.c.heard_at < before)
    rows = sa.select(payment_line.c.case_id, payment_line.c.attempt).select_from(of_run).where(*waits)
    return [(row.case_id, row.attempt) for row in await tx.connection.execute(rows)]


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


async def content_of(tx: Transaction, keys: KeyRing, file: File) -> bytes:
    """The bytes of a file, out of their envelope, as they were built. Errors: Unopenable."""
    sealed = (await tx.connection.execute(sa.select(payment_file_content).where(payment_file_content.c.run == file.run))).first()
    if sealed is not None:
        content = unseal(keys, file.run, Sealed(sealed.key_id, sealed.wrapped_key, sealed.sealed))
    elif file.content is not None:
        # Kept before files were sealed, and not sealed yet.
        content = bytes(file.content)
    else:
        raise Unopenable("the bytes of a payment file are gone")
    # The bank is asked for a file by this hash: other bytes under it would be unknown there, and be sent once more.
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Unopenable("a payment file is not the one that was built")
    return content


async def files_in_clear(tx: Transaction, limit: int) -> list[File]:
    """Files that were kept before files were sealed, the oldest first."""
    rows = sa.select(payment_file).where(payment_file.c.content.is_not(None)).order_by(payment_file.c.number).limit(limit)
    return list(await tx.connection.execute(rows))


async def seal_file(tx: Transaction, keys: KeyRing, file: File) -> None:
    """Put the bytes of a file that lies in clear under the envelope, and keep them nowhere else."""
    await _seal(tx.connection, keys, file.run, bytes(file.content))
    await tx.connection.execute(payment_file.update().where(payment_file.c.number == file.number).values(content=None))


async def _seal(connection: AsyncConnection, keys: KeyRing, run: UUID, content: bytes) -> None:
    sealed = seal(keys, run, content, os.urandom)
    row = {"run": run, "key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key, "sealed": sealed.content}
    await connection.execute(payment_file_content.insert().values(row))


async def next_file_number(tx: Transaction) -> int:
    return await _next(tx, PAYMENT_FILE_NUMBER)


async def _next(tx: Transaction, sequence: str) -> int:
    return int((await tx.connection.execute(sa.select(sa.func.nextval(sequence)))).scalar_one())


async def keep_file_apart(tx: Transaction, keys: KeyRing, content: bytes, **columns: Any) -> File:
    """Keep a run's file for good, its bytes sealed, before anything else is done with it, and give back the one that is kept: the first.

    On a connection of its own, which commits at once: what was written to disk or sent can then be told from what was not.
    """
    async with tx.connection.engine.begin() as apart:
        row = insert(payment_file).values({"built_at": tx.now, **columns}).on_conflict_do_nothing(constraint="a_run_has_one_file")
        if (await apart.execute(row)).rowcount == 1:
            await _seal(apart, keys, columns["run"], content)
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
