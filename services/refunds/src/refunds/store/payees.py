"""Payees: bank details under an envelope, and what the bank said of them."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction

from refunds.domain.envelope import KeyRing, Sealed, blind_index, seal, unseal
from refunds.domain.facts import Confirmation
from refunds.domain.modulus import ModulusAnswer
from refunds.domain.payee_text import BankDetails, bank_details
from refunds.tables import bank_item_effect, payee, payee_confirmation, payment_line, refund_case

Payee = sa.Row[Any]


@dataclass(frozen=True)
class Confirmed:
    """What Confirmation of Payee said last, and the name that the bank holds where it is close."""

    answer: Confirmation
    at: datetime
    suggested_name: str | None = field(default=None, repr=False)


async def add(
    tx: Transaction,
    keys: KeyRing,
    case: UUID,
    details: BankDetails,
    *,
    payee_id: UUID,
    person: UUID | None,
    business: bool,
    modulus: ModulusAnswer,
    modulus_table: str,
    changes: UUID | None = None,
    called_back: bool = False,
) -> None:
    sealed = seal(keys, payee_id, details.as_bytes(), os.urandom)
    row = {
        "id": payee_id, "case_id": case, "person": person, "business": business, "key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key,
        "sealed": sealed.content, "blind_index": blind_index(keys, details.sort_code, details.account_number), "masked": details.masked,
        "modulus": modulus, "modulus_table": modulus_table, "changes": changes, "called_back": called_back,
    }  # fmt: skip
    await tx.connection.execute(payee.insert().values(entered_by=tx.caller.person, entered_at=tx.now, **row))


async def read(tx: Transaction, payee_id: UUID) -> Payee:
    return (await tx.connection.execute(sa.select(payee).where(payee.c.id == payee_id))).one()


def details_of(keys: KeyRing, row: Payee) -> BankDetails:
    """Open the envelope. Errors: Unopenable."""
    return bank_details(unseal(keys, row.id, Sealed(row.key_id, row.wrapped_key, row.sealed)))


async def note_confirmation(tx: Transaction, keys: KeyRing, payee_id: UUID, answer: Confirmation, suggested_name: str | None) -> None:
    sealed = seal(keys, payee_id, suggested_name.encode(), os.urandom) if suggested_name else None
    row = {"key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key, "sealed_name": sealed.content} if sealed else {}
    await tx.connection.execute(payee_confirmation.insert().values(payee=payee_id, answer=answer, at=tx.now, **row))


async def confirmation(tx: Transaction, keys: KeyRing, payee_id: UUID) -> Confirmed | None:
    """The latest answer about this payee, if one was given."""
    rows = sa.select(payee_confirmation).where(payee_confirmation.c.payee == payee_id).order_by(payee_confirmation.c.seq.desc()).limit(1)
    row = (await tx.connection.execute(rows)).first()
    if row is None:
        return None
    name = None if row.sealed_name is None else unseal(keys, payee_id, Sealed(row.key_id, row.wrapped_key, row.sealed_name)).decode()
    return Confirmed(Confirmation(row.answer), row.at, name)


async def others_paid_to(tx: Transaction, row: Payee, *, asked_by: UUID | None) -> int:
    """How many other people's accounts have a case that pays, or paid, to the same bank account."""
    same = payee.join(refund_case, refund_case.c.payee == payee.c.id)
    others = sa.select(sa.func.count(sa.distinct(refund_case.c.account))).select_from(same)
    found = others.where(payee.c.blind_index == row.blind_index, refund_case.c.asked_by.is_distinct_from(asked_by))
    return int((await tx.connection.execute(found)).scalar_one())


async def came_back_on(tx: Transaction, row: Payee) -> datetime | None:
    """When the bank last returned a payment that went to this bank account, on whatever case it was entered."""
    returned = bank_item_effect.join(payment_line, payment_line.c.number == bank_item_effect.c.line)
    rows = sa.select(sa.func.max(bank_item_effect.c.at)).select_from(returned.join(payee, payee.c.id == payment_line.c.payee))
    rows = rows.where(payee.c.blind_index == row.blind_index, bank_item_effect.c.effect == "returned")
    found: datetime | None = (await tx.connection.execute(rows)).scalar_one()
    return found


def fingerprint(row: Payee) -> str:
    return bytes(row.blind_index).hex()
