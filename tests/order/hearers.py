"""Who hears what in the courses: the counting service of the tests, and each service that hears others, with its own use cases."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from chassis.serving import App, Subscription
from chassis.transaction import Runtime
from ledger.app import LISTENS as LEDGER_LISTENS
from notices.app import LISTENS as NOTICES_LISTENS
from refunds.app import wired
from refunds.domain.days import business_date
from rentbook_contracts.approvals import Answer, DecisionMade, DecisionRecalled, TaskKind
from rentbook_contracts.ledger import ChargePosted, CreditFreed, PersonFacts, ReceiptPosted
from rentbook_contracts.message import Fact
from rentbook_contracts.refunds import CaseOutcome, RefundClosed, RefundRequested, RefundReturned
from rentbook_contracts.workflows import PROPOSAL_CHANGED
from support.counting import Counted, Nudged, note
from support.debts import debt, owed
from support.refund_cases import A
from support.refund_cases import ledger as ledger_facts
from support.refund_service import Refunds
from support.write_off_service import WriteOffs
from writeoffs.app import LISTENS as WRITEOFFS_LISTENS

from order.player import Hearer
from order.schedule import COURSES, Flaw

REPLAYABLE = (Flaw.RULE, Flaw.FAULT, Flaw.BARE, Flaw.MANGLED, Flaw.SAME_ID)
"""Flaws after whose mending nothing is missing: a recall can't do without its decision."""


def _id(key: UUID, what: object) -> UUID:
    return uuid5(COURSES, f"{key}/{what}")


async def _column(runtime: Runtime, sql: str, **values: Any) -> list[Any]:
    async with runtime.engine.connect() as connection:
        return list(await connection.scalars(sa.text(sql), values))


def counter(runtime: Runtime) -> Hearer:
    """Hears two events of three, and notes each."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        return [
            Nudged(counted=str(key)) if version % 3 == 0 else Counted(counted=str(key), number=version) for version in range(1, events + 1)
        ]

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        found = await _column(runtime, "SELECT number FROM effect WHERE key = :key ORDER BY id", key=str(key))
        wanted = [fact.number for fact in heard if isinstance(fact, Counted)]
        return [] if found == wanted else [f"{key}: the effects are {found} and not {wanted}"]

    return Hearer(runtime, App("counter", listens=(Subscription(Counted, note),)), Counted.topic, tuple(Flaw), facts, own)


def ledger_of_decisions(runtime: Runtime) -> Hearer:
    """The ledger hears approvals' decisions and their recalls: a recall finds its decision or fails."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        return [_recalled(key, version - 1) if version % 2 == 0 else _made(key, version) for version in range(1, events + 1)]

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        made = await _column(runtime, "SELECT count(*) FROM heard_decision WHERE case_id = :case", case=key)
        recalled = await _column(
            runtime, "SELECT count(*) FROM heard_recall JOIN heard_decision USING (decision) WHERE case_id = :case", case=key
        )
        wanted = sum(isinstance(fact, DecisionMade) for fact in heard)
        return [] if [*made, *recalled] == [wanted, len(heard) - wanted] else [f"{key}: {made} decisions and {recalled} recalls"]

    return Hearer(runtime, App("ledger", listens=LEDGER_LISTENS), DecisionMade.topic, REPLAYABLE, facts, own)


def _made(key: UUID, version: int) -> DecisionMade:
    return DecisionMade(
        case=key, kind=TaskKind.REFUND, decision=_id(key, version), task=_id(key, f"task {version}"), attempt=1, round=version, stage=1,
        content_hash="0" * 64, answer=Answer.APPROVED, completes=True,
    )  # fmt: skip


def _recalled(key: UUID, version: int) -> DecisionRecalled:
    return DecisionRecalled(case=key, decision=_id(key, version), content_hash="0" * 64)


def ledger_of_returns(runtime: Runtime) -> Hearer:
    """The ledger hears of payments that came back, between events that are none of its business."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        about = {"case": key, "account": _id(key, "account"), "amount_pence": 5_00}
        return [
            RefundRequested(**about) if version % 2 else RefundReturned(**about, attempt=1, reason="B", journal=_id(key, version))
            for version in range(1, events + 1)
        ]

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        found = await _column(runtime, "SELECT journal FROM heard_return WHERE case_id = :case", case=key)
        wanted = {fact.journal for fact in heard if isinstance(fact, RefundReturned)}
        return [] if set(found) == wanted else [f"{key}: {len(found)} returns and not {len(wanted)}"]

    return Hearer(runtime, App("ledger", listens=LEDGER_LISTENS), RefundReturned.topic, (*REPLAYABLE, Flaw.SPOILT), facts, own)


def refunds_of_accounts(refunds: Refunds) -> Hearer:
    """Refunds hears each movement of an account: a case that watches it is told each once and in order, another credit is reviewed once."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        about = {"account": key, "amount_pence": 10_00, "balance_pence": -500_00}
        return [
            ChargePosted(**about, journal=_id(key, version), week_commencing=date(2026, 6, 1))
            if version % 3 == 0
            else ReceiptPosted(
                **about, journal=_id(key, version), method="RSO", effective_date=date(2026, 6, 1), cleared_on=date(2026, 6, 1)
            )
            for version in range(1, events + 1)
        ]

    async def before(key: UUID) -> None:
        account = ledger_facts(
            1_000_00, people=(PersonFacts(person=A),), debts=(), pays_by_direct_debit=False, as_of=business_date(datetime.now(UTC))
        )
        account = account.model_copy(update={"account": key})
        refunds.ledger.facts[key] = account
        if key.int % 2:
            await refunds.opened(account)

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        runtime = refunds.runtime
        if key.int % 2:
            told = await _column(
                runtime,
                "SELECT (argument::jsonb ->> 'version')::int FROM outbox_workflow WHERE argument::jsonb ->> 'account' = :account"
                " AND kind = 'signal' ORDER BY seq",
                account=str(key),
            )
            wanted = await _column(runtime, "SELECT version FROM witness WHERE key = :key ORDER BY id", key=str(key))
            return [] if told == wanted else [f"{key}: the case was told {told} and not {wanted}"]
        reviews = await _column(runtime, "SELECT count(*) FROM refund_case WHERE account = :account AND status = 'review'", account=key)
        wanted = [int(any(isinstance(fact, ReceiptPosted) for fact in heard))]
        return [] if reviews == wanted else [f"{key}: {reviews} reviews and not {wanted}"]

    app = wired(refunds.means, refunds.runtime.settings)  # type: ignore[arg-type]
    return Hearer(refunds.runtime, app, ReceiptPosted.topic, tuple(Flaw), facts, own, before)


def writeoffs_of_accounts(writeoffs: WriteOffs) -> Hearer:
    """Writeoffs hears each movement of an account: a proposal to write its debt off is told of each to look again, and no other is."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        about = {"account": key, "amount_pence": 10_00, "balance_pence": 300_00}
        return [_freed(key, version) if version % 3 == 0 else _charged(about, key, version) for version in range(1, events + 1)]

    async def before(key: UUID) -> None:
        writeoffs.ledger.debts[key] = debt(owed(312_40), account=key)
        if key.int % 2:
            await writeoffs.proposed(key)

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        told = await _column(
            writeoffs.runtime,
            "SELECT count(*) FROM outbox_workflow AS word JOIN proposal ON argument::jsonb ->> 'proposal' = id::text"
            " WHERE account = :account AND word.kind = 'signal' AND word.name = :name",
            account=key,
            name=PROPOSAL_CHANGED.name,
        )
        wanted = len(heard) if key.int % 2 else 0
        return [] if told == [wanted] else [f"{key}: the proposal was told to look again {told} times and not {wanted}"]

    return Hearer(writeoffs.runtime, App("writeoffs", listens=WRITEOFFS_LISTENS), ReceiptPosted.topic, tuple(Flaw), facts, own, before)


def _charged(about: dict[str, Any], key: UUID, version: int) -> Fact:
    on = date(2026, 6, 1)
    if version % 3 == 1:
        return ChargePosted(**about, journal=_id(key, version), week_commencing=on)
    return ReceiptPosted(**about, journal=_id(key, version), method="RSO", effective_date=on, cleared_on=on)


def _freed(key: UUID, version: int) -> CreditFreed:
    """Which is none of writeoffs' business."""
    return CreditFreed(account=key, balance_pence=300_00, hold=_id(key, version), case=_id(key, "case"), amount_pence=1_00)


def notices_of_cases(notices: Runtime) -> Hearer:
    """Notices hears how each attempt at a case ended and which payment came back: a letter of each, and a promise gives way."""

    def facts(key: UUID, events: int) -> Sequence[Fact]:
        return [(_closed, _returned, _resubmitted)[(version - 1) % 3](key, 1 + (version - 1) // 3) for version in range(1, events + 1)]

    async def own(key: UUID, heard: Sequence[Fact]) -> list[str]:
        letters = await _column(
            notices, "SELECT kind || ' ' || attempt || ' ' || status FROM letter WHERE case_id = :case ORDER BY made_at, kind", case=key
        )
        wanted = _letters(heard)
        return [] if sorted(letters) == sorted(wanted) else [f"{key}: the letters are {letters} and not {wanted}"]

    return Hearer(notices, App("notices", listens=NOTICES_LISTENS), RefundClosed.topic, tuple(Flaw), facts, own)


def _closed(key: UUID, attempt: int) -> RefundClosed:
    return RefundClosed(case=key, account=_id(key, "account"), attempt=attempt, outcome=CaseOutcome.PAID, refund_pence=5_00, offset_pence=0)


def _returned(key: UUID, attempt: int) -> RefundReturned:
    return RefundReturned(case=key, account=_id(key, "account"), attempt=attempt, amount_pence=5_00, reason="B", journal=_id(key, attempt))


def _resubmitted(key: UUID, attempt: int) -> RefundRequested:
    """Which is none of notices' business."""
    return RefundRequested(case=key, account=_id(key, "account"), amount_pence=5_00)


def _letters(heard: Sequence[Fact]) -> list[str]:
    """What lies there, as kind, attempt and status, once these were heard in this order."""
    found: dict[tuple[str, int], str] = {}
    for fact in heard:
        if isinstance(fact, RefundClosed):
            found["refund-made", fact.attempt] = "made"
        elif isinstance(fact, RefundReturned) and ("refund-made", fact.attempt) in found:
            found |= {("refund-made", fact.attempt): "withheld", ("refund-returned", fact.attempt): "made"}
    return [f"{kind} {attempt} {status}" for (kind, attempt), status in found.items()]
