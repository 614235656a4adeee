"""Answers about letters."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.notices import LetterFate, LetterRow, Letters, LettersAsked

from notices.domain.letters import LetterKind
from notices.tables import PROBLEM, SENT, WITHHELD, letter, sending


async def letters(tx: Transaction, asked: LettersAsked) -> Letters:
    """Letters about an account or a case, newest first, with what became of them."""
    rows = await _letter_rows(tx, account=asked.account, case=asked.case)
    return Letters(
        letters=tuple(
            LetterRow(
                letter=row.id,
                kind=row.kind,
                title=row.title,
                account=row.account,
                case=row.case_id,
                made_at=row.made_at,
                sent_at=row.sent_at,
                sent_how=row.how or "",
                sha256=row.sha256 or "",
                fate=_fate(row),
                problem=row.problem,
                times_sent=row.times_sent or 0,
                asked_again_by=row.asked_by,
                asked_again_at=row.asked_at,
                payment_came_back=row.came_back,
            )
            for row in rows
        )
    )


def _fate(row: sa.Row[Any]) -> LetterFate:
    if row.status == PROBLEM:
        return LetterFate.NOT_KNOWN if row.step == "unknown" else LetterFate.NOT_SENT
    return {SENT: LetterFate.SENT, WITHHELD: LetterFate.WITHHELD}.get(row.status, LetterFate.WAITS)


async def _letter_rows(tx: Transaction, *, account: UUID | None, case: UUID | None) -> list[sa.Row[Any]]:
    """Letters with what is on record of their sending, newest first."""
    of_it = sa.select(sending).where(sending.c.letter == letter.c.id).order_by(sending.c.seq.desc()).limit(1)
    last, done, asked = of_it.lateral(), of_it.where(sending.c.step == "done").lateral(), of_it.where(sending.c.step == "asked").lateral()
    times = sa.select(sa.func.count()).where(sending.c.letter == letter.c.id, sending.c.step == "done").scalar_subquery()
    since = letter.alias("since")
    told_of_return = (since.c.kind == LetterKind.REFUND_RETURNED, since.c.status != WITHHELD)
    same_attempt = (since.c.case_id == letter.c.case_id, since.c.attempt == letter.c.attempt, letter.c.kind == LetterKind.REFUND_MADE)
    came_back = sa.exists().where(*same_attempt, *told_of_return)
    columns = [column for column in letter.c if column.name not in ("pdf", "content")]
    told = (last.c.how, last.c.step, done.c.at.label("sent_at"), asked.c.by.label("asked_by"), asked.c.at.label("asked_at"))
    joined = letter.outerjoin(last, sa.true()).outerjoin(done, sa.true()).outerjoin(asked, sa.true())
    rows = sa.select(*columns, *told, times.label("times_sent"), came_back.label("came_back")).select_from(joined)
    if account is not None:
        rows = rows.where(letter.c.account == account)
    if case is not None:
        rows = rows.where(letter.c.case_id == case)
    return [*(await tx.connection.execute(rows.order_by(letter.c.made_at.desc()).limit(200)))]


async def pdf_of(tx: Transaction, letter_id: UUID) -> bytes | None:
    return (await tx.connection.execute(sa.select(letter.c.pdf).where(letter.c.id == letter_id))).scalar()
