"""Refund cases, what happened to them, and who took part."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.message import Fact
from rentbook_contracts.refunds import CaseStatus
from sqlalchemy.dialects.postgresql import insert

from refunds.domain.rules import RefundRule
from refunds.tables import case_event, participant, refund_case, watched_account

Case = sa.Row[Any]

ENDED_IN_A_PAYMENT = (CaseStatus.PAID, CaseStatus.OFFSET)


class UnknownCase(RefundRule):
    """There is no case of this id."""


async def lock_account(tx: Transaction, account: UUID) -> None:
    """Until the end of the transaction nobody else opens a case on this account."""
    key = sa.func.hashtextextended(f"case on {account}", 0)
    await tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def open_on(tx: Transaction, account: UUID) -> Case | None:
    """The open case on an account, locked; the oldest, where a returned payment re-opened another."""
    rows = sa.select(refund_case).where(refund_case.c.account == account, refund_case.c.is_open).order_by(refund_case.c.opened_at)
    return (await tx.connection.execute(rows.limit(1).with_for_update(key_share=True))).first()


async def locked(tx: Transaction, case: UUID) -> Case:
    """The case, locked against other changes. Errors: UnknownCase."""
    # Rows that refer to the case may still be written, by this use case over a second connection too.
    row = (await tx.connection.execute(sa.select(refund_case).where(refund_case.c.id == case).with_for_update(key_share=True))).first()
    if row is None:
        raise UnknownCase("There is no such refund case.")
    return row


async def read(tx: Transaction, case: UUID) -> Case:
    """The case as it stands. Errors: UnknownCase."""
    row = (await tx.connection.execute(sa.select(refund_case).where(refund_case.c.id == case))).first()
    if row is None:
        raise UnknownCase("There is no such refund case.")
    return row


async def add(tx: Transaction, **columns: Any) -> None:
    """A case that nothing was told of yet: its first fact has version 1."""
    empty = {"identified_how": "", "reason_code": "", "note": "", "status_note": ""}
    wishes = {"joint_consent": False, "consents": [], "opted_out": []}
    counted = {"version": 0, "attempt": 1, "round": 0, "floor_pence": 0, "cleared_credit_pence": 0}
    row = {**empty, **wishes, **counted, "is_open": True, "opened_at": tx.now, **columns}
    await tx.connection.execute(refund_case.insert().values(row))


async def change(tx: Transaction, case: UUID, **columns: Any) -> None:
    await tx.connection.execute(refund_case.update().where(refund_case.c.id == case).values(columns))


async def begin_round(tx: Transaction, case: UUID, number: int, *, changes: int) -> None:
    """Rounds only go up; the ten checks of a round may arrive together. The round has seen what its earliest reader saw of the changes."""
    begins = refund_case.c.round < number
    read_less = (refund_case.c.round == number) & (refund_case.c.changes_in_round > changes)
    earlier = refund_case.update().where(refund_case.c.id == case, begins | read_less)
    await tx.connection.execute(earlier.values(round=number, changes_in_round=changes, unlisted_since=None))


async def count_change(tx: Transaction, case: UUID) -> None:
    """Evidence, payee or content of a locked case is another than before: checks that read it earlier have to run again."""
    await change(tx, case, changes=refund_case.c.changes + 1)


async def tell(tx: Transaction, case: Case, fact: Fact) -> None:
    """Publish a fact of a case that this transaction has locked, under the case's next version."""
    await change(tx, case.id, version=refund_case.c.version + 1)
    version = (await tx.connection.execute(sa.select(refund_case.c.version).where(refund_case.c.id == case.id))).scalar_one()
    await tx.publish(fact, version=version)


async def note(tx: Transaction, case: UUID, what: str, note: str = "") -> None:
    """Add to the case's history. `what` carries no personal data; a note is a person's own words."""
    await tx.connection.execute(case_event.insert().values(case_id=case, at=tx.now, by=tx.caller.person, what=what, note=note))


async def take_part(tx: Transaction, case: UUID, part: str) -> None:
    """The caller took part in the case, and may never decide it. The system is nobody."""
    if tx.caller.person != "system":
        row = insert(participant).values(case_id=case, person=tx.caller.person, part=part, since=tx.now)
        await tx.connection.execute(row.on_conflict_do_nothing())


async def participants(tx: Transaction, case: UUID) -> frozenset[str]:
    rows = await tx.connection.execute(sa.select(participant.c.person).where(participant.c.case_id == case).distinct())
    return frozenset(rows.scalars())


async def participants_beside(tx: Transaction, accounts: Collection[UUID], *, but_not: UUID | None = None) -> frozenset[str]:
    """Who took part in a request on one of the accounts, other than that case, that has not ended in a payment, and is not over.

    One person's withdrawal and another's request for the same credit would make a new case of it (decision 7). It is over once somebody
    asked for as much, or for all, since they took part in it, and was paid, or had it offset: by a decision that they could not take.
    """
    other, since = refund_case.alias("other"), refund_case.alias("since")
    asked_later = (since.c.account == other.c.account) & since.c.id.is_distinct_from(but_not) & (since.c.asked_at > participant.c.since)
    as_much = since.c.requested_pence.is_(None) | (since.c.requested_pence >= other.c.requested_pence)
    over = sa.exists().where(asked_later, as_much, since.c.status.in_(ENDED_IN_A_PAYMENT))
    theirs = sa.select(participant.c.person).join(other, other.c.id == participant.c.case_id).where(
        other.c.account.in_(accounts), other.c.id.is_distinct_from(but_not), other.c.asked_at.is_not(None),
        other.c.status.not_in(ENDED_IN_A_PAYMENT), ~over,
    )  # fmt: skip
    return frozenset(await tx.connection.scalars(theirs.distinct()))


async def watch(tx: Transaction, case: UUID, accounts: Collection[UUID]) -> None:
    """A ledger event on any of these accounts concerns the case."""
    if accounts:
        rows = [{"case_id": case, "account": account} for account in accounts]
        await tx.connection.execute(insert(watched_account).on_conflict_do_nothing(), rows)


async def watched(tx: Transaction, case: UUID) -> frozenset[UUID]:
    """The case's own account, and those of the debts that its plans have looked at."""
    rows = await tx.connection.execute(sa.select(watched_account.c.account).where(watched_account.c.case_id == case))
    return frozenset(rows.scalars())


async def watching(tx: Transaction, account: UUID) -> list[Case]:
    """The open cases that an event on this account concerns, without those that nobody asked for: no workflow follows them."""
    mine = sa.select(watched_account.c.case_id).where(watched_account.c.account == account)
    concerned = refund_case.c.is_open & (refund_case.c.status != CaseStatus.REVIEW) & refund_case.c.id.in_(mine)
    return list(await tx.connection.execute(sa.select(refund_case).where(concerned).order_by(refund_case.c.id)))


async def followed(tx: Transaction) -> list[tuple[UUID, int]]:
    """The open cases that a workflow follows, each with its attempt: all but those that nobody asked for."""
    mine = sa.select(refund_case.c.id, refund_case.c.attempt).where(refund_case.c.is_open, refund_case.c.status != CaseStatus.REVIEW)
    return [(row.id, row.attempt) for row in await tx.connection.execute(mine)]


async def open_among(tx: Transaction, accounts: Collection[UUID]) -> frozenset[UUID]:
    """Those of the accounts that have an open case."""
    return await _with_a_case(tx, accounts, refund_case.c.is_open)


async def reviewed_among(tx: Transaction, accounts: Collection[UUID]) -> frozenset[UUID]:
    """Those of the accounts that have an open case for which nobody asked."""
    return await _with_a_case(tx, accounts, refund_case.c.is_open & (refund_case.c.status == CaseStatus.REVIEW))


async def _with_a_case(tx: Transaction, accounts: Collection[UUID], such: sa.ColumnElement[bool]) -> frozenset[UUID]:
    rows = sa.select(refund_case.c.account).where(refund_case.c.account.in_(accounts), such)
    return frozenset(await tx.connection.scalars(rows)) if accounts else frozenset()


async def review_on(tx: Transaction, account: UUID) -> Case | None:
    """The open case on an account that nobody asked for, locked: whoever asks meanwhile waits for what becomes of it."""
    rows = sa.select(refund_case).where(refund_case.c.account == account, refund_case.c.is_open, refund_case.c.status == CaseStatus.REVIEW)
    return (await tx.connection.execute(rows.with_for_update(key_share=True))).first()


async def leave_queue(tx: Transaction, case: UUID) -> None:
    """The case's payment may no longer be taken into a run."""
    await change(tx, case, queued_hash=None, queued_decision=None, queued_at=None)


async def left_unlisted(tx: Transaction, case: UUID) -> None:
    """An approved refund of a locked case stands on no list of payments and in no run any more, until its story goes another round."""
    await change(tx, case, unlisted_since=tx.now)


async def unlisted(tx: Transaction, *, before: datetime) -> list[tuple[UUID, int]]:
    """The open cases, each with its attempt, whose approved refund has stood on no list and in no run since before then."""
    rows = sa.select(refund_case.c.id, refund_case.c.attempt).where(refund_case.c.is_open, refund_case.c.unlisted_since < before)
    return [(row.id, row.attempt) for row in await tx.connection.execute(rows)]
