"""The bank's reports, the items that they name, and what became of each."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from sqlalchemy.dialects.postgresql import insert

from refunds.tables import bank_item_effect, bank_report, bank_report_item, payment_file

Item = sa.Row[Any]


async def last_number(tx: Transaction) -> int:
    """The bank's number of the latest report that was taken; 0 before the first."""
    return int((await tx.connection.execute(sa.select(sa.func.coalesce(sa.func.max(bank_report.c.number), 0)))).scalar_one())


async def file_of(tx: Transaction, sha256: str) -> sa.Row[Any] | None:
    """The payment file that the bank speaks of."""
    return (await tx.connection.execute(sa.select(payment_file).where(payment_file.c.sha256 == sha256))).first()


async def add(tx: Transaction, number: int, *, key: str, kind: str, sha256: str, words: str, run: UUID | None = None) -> bool:
    """Keep a report; False where one of this key was taken before."""
    row = {"number": number, "key": key, "kind": kind, "sha256": sha256, "run": run, "words": words, "taken_at": tx.now}
    done = await tx.connection.execute(insert(bank_report).values(row).on_conflict_do_nothing(constraint="a_report_is_taken_once"))
    return done.rowcount == 1


async def sha256_of(tx: Transaction, key: str) -> str:
    return str((await tx.connection.execute(sa.select(bank_report.c.sha256).where(bank_report.c.key == key))).scalar_one())


async def add_item(tx: Transaction, number: int, *, reference: str, code: str, words: str, amount_pence: int) -> None:
    row = {"report": number, "reference": reference, "code": code, "words": words, "amount_pence": amount_pence}
    await tx.connection.execute(bank_report_item.insert().values(row))


async def items_without_effect(tx: Transaction) -> list[Item]:
    """What came back and was not acted on yet, oldest first."""
    both = (bank_item_effect.c.report == bank_report_item.c.report) & (bank_item_effect.c.reference == bank_report_item.c.reference)
    rows = sa.select(bank_report_item).select_from(bank_report_item.outerjoin(bank_item_effect, both))
    open_items = rows.where(bank_item_effect.c.effect.is_(None)).order_by(bank_report_item.c.report, bank_report_item.c.reference)
    return list(await tx.connection.execute(open_items))


async def note_effect(tx: Transaction, item: Item, effect: str, *, line: int | None = None) -> None:
    row = {"report": item.report, "reference": item.reference, "line": line, "effect": effect, "at": tx.now}
    await tx.connection.execute(bank_item_effect.insert().values(row))
