"""What proposals would post if they were listed now: the same for a dry run, for a schedule, and for a story that looks."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ChargeOwed, DebtFacts, LineKind, WriteOffLine
from rentbook_contracts.writeoffs import ProposalStatus, Reason

from writeoffs import queries, store
from writeoffs.domain.assessment import Assessment, Standing, assess, is_discharging, rests_on_orders
from writeoffs.domain.days import business_date
from writeoffs.domain.ladder import Proof
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.store import LineToList, Row
from writeoffs.use_cases.work import facts_of

_STANDS: Mapping[ProposalStatus, str] = {
    ProposalStatus.GATHERING: "Its evidence is still being gathered.",
    ProposalStatus.BLOCKED: "Something stands in its way.",
    ProposalStatus.ON_SCHEDULE: "It is on a schedule already.",
    ProposalStatus.POSTED: "It was posted already.",
    ProposalStatus.DECLINED: "It was declined.",
    ProposalStatus.WITHDRAWN: "It was withdrawn.",
}
"""Why a proposal that is not ready is left out."""


async def assessed(
    tx: Transaction, rows: Sequence[Row], facts: Mapping[UUID, DebtFacts], policy: WriteOffPolicy, today: date
) -> dict[UUID, Assessment]:
    """Each proposal as it stands today."""
    proofs = await queries.proofs_of(tx, [row.id for row in rows])
    orders = await queries.orders_known(tx, {row.account: facts[row.account].people for row in rows})
    struck = await queries.orders_struck(tx, {row.account: facts[row.account].people for row in rows})
    letters = await queries.letters_ever(tx, [row.id for row in rows])
    written = await queries.letters_written_on(tx, [row.account for row in rows])
    found: dict[UUID, Assessment] = {}
    for row in rows:
        known = facts[row.account]
        standing = await _standing(tx, row, known, proofs[row.id], orders[row.account], row.account in struck)
        standing = replace(standing, letters_ever=letters[row.id], written_on=written[row.account])
        found[row.id] = assess(_as_looked_at(row, standing, known), known, policy, today)
    return found


def _as_looked_at(row: Row, standing: Standing, facts: DebtFacts) -> Standing:
    """Once it is listed its line rests on the balance, or on the charges that it names: whatever moves the account looks at that."""
    if row.status != ProposalStatus.ON_SCHEDULE:
        return standing
    return replace(standing, balance_pence=facts.balance_pence, charges=None)


async def listed(tx: Transaction, rows: Sequence[Row]) -> tuple[list[LineToList], dict[UUID, str]]:
    """The lines of ready proposals, and of the others why they are left out. Errors: Unanswered (ledger)."""
    today = business_date(tx.now)
    policy = await queries.in_force(tx, today)
    facts = await facts_of(tx, [row.account for row in rows])
    proofs = await queries.proofs_of(tx, [row.id for row in rows])
    orders = await queries.orders_known(tx, {account: known.people for account, known in facts.items()})
    struck = await queries.orders_struck(tx, {account: known.people for account, known in facts.items()})
    hands = await queries.had_a_hand_in_orders(tx, {account: known.people for account, known in facts.items()})
    lines: list[LineToList] = []
    left_out: dict[UUID, str] = {}
    for row in rows:
        why = _not_ready(row, facts)
        if why is not None:
            left_out[row.id] = why
            continue
        standing = await _standing(tx, row, facts[row.account], proofs[row.id], orders[row.account], row.account in struck)
        found = assess(standing, facts[row.account], policy, today)
        if not found.ready:
            left_out[row.id] = found.blocked[0] if found.blocked else "Its evidence is not complete any more."
            continue
        line = _line(row, found, facts[row.account], proofs[row.id], policy)
        beside = tuple(other.account for other in facts[row.account].linked)
        rests_on = hands[row.account] if rests_on_orders(line) else frozenset[str]()
        lines.append(LineToList(line, found.debtor_total_pence, beside, rests_on, found.rungs))
    return lines, left_out


def _not_ready(row: Row, facts: Mapping[UUID, DebtFacts]) -> str | None:
    if row.status != ProposalStatus.READY:
        return row.status_note if row.status == ProposalStatus.BLOCKED and row.status_note else _STANDS[ProposalStatus(row.status)]
    return None if row.account in facts else "The ledger does not know its account."


async def _standing(
    tx: Transaction, row: Row, facts: DebtFacts, proofs: Sequence[Proof], orders: Sequence[Proof], order_struck: bool
) -> Standing:
    undone = await store.registered(tx, row.undoes) if row.undoes is not None else None
    # Of no other reason does it matter that a tenant was spoken with, unless somebody brings it as evidence to this debt.
    beside, untraceable = [other.account for other in facts.linked], row.reason == Reason.UNTRACEABLE
    contacts = await queries.contacts_noted(tx, [row.account, *beside]) if untraceable else []
    heard = await queries.heard_beside(tx, beside, [one.person for one in facts.people]) if untraceable else []
    return Standing(
        kind=LineKind(row.kind),
        reason=Reason(row.reason),
        balance_pence=row.balance_pence,
        proofs=proofs,
        undoes=row.undoes,
        wanted_pence=row.wanted_pence,
        undone_parts=store.parts_of(undone) if undone is not None else (),
        back_pence=undone.reinstated_pence if undone is not None else 0,
        orders=orders,
        order_struck=order_struck,
        left_out=row.left_out,
        heard=(*heard, *contacts),
        charges=tuple(ChargeOwed.model_validate(charge) for charge in row.charges) if row.charges is not None else None,
    )


def _line(row: Row, found: Assessment, facts: DebtFacts, proofs: Sequence[Proof], policy: WriteOffPolicy) -> WriteOffLine:
    return WriteOffLine(
        line=row.id,
        attempt=row.attempt,
        kind=LineKind(row.kind),
        account=row.account,
        reason=row.reason,
        balance_pence=facts.balance_pence,
        parts=found.parts,
        undoes=row.undoes,
        discharged=row.kind == LineKind.WRITE_OFF and is_discharging(policy, Reason(row.reason)),
        evidence_hash=_hash(proofs),
        charges=found.named,
        released_until=found.released_until if row.kind != LineKind.CREDIT_WRITE_ON else None,
        release_undone=found.release_undone,
        up_to_pence=found.up_to_pence,
        answered_by=tuple(sorted(person.person for person in facts.people)),
        died=tuple(sorted(person.person for person in facts.people if person.died_on is not None)),
        of_current_tenants=row.kind == LineKind.WRITE_OFF and Reason(row.reason) in policy.of_current_tenants,
    )


def _of_order(proof: Proof) -> tuple[str, ...]:
    return (proof.order_kind.value, str(proof.listed)) if proof.order_kind is not None else ()


def _hash(proofs: Sequence[Proof]) -> str:
    told = sorted([proof.kind.value, proof.on.isoformat(), proof.source, str(proof.person or ""), *_of_order(proof)] for proof in proofs)
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
