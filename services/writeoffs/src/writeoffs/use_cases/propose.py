"""Propose to write off a debt, to put one back, or to take an unclaimed credit to income; one, or many former debts at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from chassis.transaction import SYSTEM, Transaction
from rentbook_contracts.ledger import AccountKind, DebtFacts, DroppedBecause, LineKind
from rentbook_contracts.writeoffs import (
    BulkProposed,
    NotProposed,
    ProposalStatus,
    Propose,
    Proposed,
    ProposeInBulk,
    Reason,
    WriteOffProposed,
)

from writeoffs import queries, store
from writeoffs.domain.assessment import (
    DROPS,
    NOT_A_FORMER_TENANTS,
    REASONS,
    is_unclaimed_by_a_former_tenant,
    past_write_off,
    size,
    total_pence,
)
from writeoffs.domain.days import business_date
from writeoffs.domain.money import pounds
from writeoffs.domain.policy import WriteOffPolicy, ladder_for
from writeoffs.domain.rules import WriteOffRule
from writeoffs.store import Row
from writeoffs.use_cases.work import fact_of, facts_of, follow, require_worker, rests_on

OPEN_ALREADY = "The account has an open proposal."


class ReasonOfAnotherKind(WriteOffRule):
    """A debt, a reinstatement and a credit each have reasons of their own."""


class AlreadyProposed(WriteOffRule):
    """An account has one open proposal at a time."""


class NothingToPropose(WriteOffRule):
    """The account owes nothing, or nothing that is written off here, has no credit, or no write-off stands on it."""


class NothingToPutBack(WriteOffRule):
    """What was written off was put back already, or is smaller than what is asked for."""


async def propose(tx: Transaction, told: Propose) -> Proposed:
    """Errors: NotYourPart, ReasonOfAnotherKind, NothingToPropose, NothingToPutBack, NoLadder, AlreadyProposed, UnknownAccount."""
    require_worker(tx)
    if told.reason not in REASONS[told.kind]:
        raise ReasonOfAnotherKind("Choose a reason that fits what is proposed.", field="reason")
    facts = await fact_of(tx, told.account)
    refused = _objection(told, facts)
    if refused is not None:
        raise refused
    policy = await queries.in_force(tx, business_date(tx.now))
    _has_ladder(told, facts, policy)
    row = _row(tx, told, facts, policy)
    if not await _add(tx, [row]):
        raise AlreadyProposed("This account has an open proposal. Add to that one, or wait until it is closed.", field="account")
    await _begin(tx, {row["id"]: row})
    return Proposed(proposal=row["id"])


async def propose_in_bulk(tx: Transaction, told: ProposeInBulk) -> BulkProposed:
    """Each account gets a proposal of its own, or the sentence that says why not. Errors: NotYourPart, ReasonOfAnotherKind."""
    require_worker(tx)
    sorted_out = await sort_out(tx, told)
    rows = {row["id"]: row for row in sorted_out.rows.values()}
    added = await _add(tx, list(rows.values()))
    # Whoever proposed one meanwhile came first.
    overtaken = {row["account"]: OPEN_ALREADY for id_, row in rows.items() if id_ not in added}
    refused = {**sorted_out.refused, **overtaken}
    await _begin(tx, {id_: row for id_, row in rows.items() if id_ in added})
    return BulkProposed(
        proposals=tuple(id_ for id_ in rows if id_ in added),
        refused=tuple(NotProposed(account=account, because=because) for account, because in refused.items()),
    )


@dataclass(frozen=True)
class SortedOut:
    """Of many accounts, the row of each that may be proposed, the sentence that says why not of each other one, and the facts of all."""

    rows: Mapping[UUID, dict[str, Any]]
    refused: Mapping[UUID, str]
    facts: Mapping[UUID, DebtFacts]


async def sort_out(tx: Transaction, told: ProposeInBulk) -> SortedOut:
    """Which of these accounts may be proposed. Writes nothing. Errors: ReasonOfAnotherKind, Unanswered (ledger)."""
    if told.reason not in REASONS[LineKind.WRITE_OFF]:
        raise ReasonOfAnotherKind("Choose a reason for writing off a debt.", field="reason")
    policy = await queries.in_force(tx, business_date(tx.now))
    facts = await facts_of(tx, told.accounts)
    proposed = await queries.accounts_proposed(tx, told.accounts)
    rows: dict[UUID, dict[str, Any]] = {}
    refused: dict[UUID, str] = {}
    for account in dict.fromkeys(told.accounts):
        one = Propose(account=account, reason=told.reason, note=told.note)
        try:
            known = _known(facts, account, one)
            _has_ladder(one, known, policy)
            row = _row(tx, one, known, policy)
        except WriteOffRule as rule:
            refused[account] = rule.message
            continue
        if account in proposed:
            refused[account] = OPEN_ALREADY
        else:
            rows[account] = row
    return SortedOut(rows, refused, facts)


async def propose_to_put_back(tx: Transaction, told: Propose, facts: DebtFacts, after: Row | None) -> None:
    """Of itself, whoever made it known that it is owed again: somebody has to decide it like any other. Nothing where one is open.

    Where the policy in force says nothing of its reason, it is proposed all the same: that blocks it, in words, and somebody is reminded.
    `after`: the proposal in whose place it comes. Whoever had a hand in that one, where it was to put a debt back too, has one in this; so
    has whoever had one in what was set aside of the same undone charges.
    """
    row = {**_row(tx, told, facts, await queries.in_force(tx, business_date(tx.now))), "raised_by": SYSTEM.person}
    if await _add(tx, [row]):
        await _begin(tx, {row["id"]: row}, of_itself=True)
        aside = await store.of_the_undone_before(tx, row["undoes"]) if told.reason is Reason.CHARGE_UNDONE else []
        replaced = [after.id] if after is not None and after.kind == LineKind.REINSTATEMENT else []
        await store.carry_on_all(tx, [*aside, *replaced], row["id"])


def _known(facts: Mapping[UUID, DebtFacts], account: UUID, told: Propose) -> DebtFacts:
    if account not in facts:
        raise NothingToPropose("There is no such tenant's account.")
    refused = _objection(told, facts[account])
    if refused is not None:
        raise refused
    return facts[account]


def _objection(told: Propose, facts: DebtFacts) -> WriteOffRule | None:
    match told.kind:
        case LineKind.WRITE_OFF if facts.balance_pence <= 0:
            return NothingToPropose("Nothing is owed on this account.", field="account")
        case LineKind.WRITE_OFF if facts.kind is AccountKind.HBO:
            return NothingToPropose(DROPS[DroppedBecause.OVERPAID_BENEFIT], field="account")
        case LineKind.CREDIT_WRITE_ON if facts.balance_pence >= 0:
            return NothingToPropose("This account is not in credit.", field="account")
        case LineKind.CREDIT_WRITE_ON if not is_unclaimed_by_a_former_tenant(facts):
            return NothingToPropose(NOT_A_FORMER_TENANTS, field="account")
        case LineKind.REINSTATEMENT:
            return _nothing_to_put_back(told, facts)
        case _:
            return None


def _nothing_to_put_back(told: Propose, facts: DebtFacts) -> WriteOffRule | None:
    found = past_write_off(facts, told.undoes)
    if found is None:
        return NothingToPropose("Choose the write-off that is to be put back.", field="undoes")
    left = found.amount_pence - found.reinstated_pence
    if left == 0 or (told.amount_pence or left) > left:
        return NothingToPutBack(f"Only {pounds(left)} of what was written off is left to put back.", field="amount_pence")
    return None


def _has_ladder(told: Propose, facts: DebtFacts, policy: WriteOffPolicy) -> None:
    """Errors: NoLadder."""
    undoes = told.undoes if told.kind is LineKind.REINSTATEMENT else None
    ladder_for(policy, told.reason, size(told.kind, facts, undoes), facts.kind)


def _row(tx: Transaction, told: Propose, facts: DebtFacts, policy: WriteOffPolicy) -> dict[str, Any]:
    amount = told.amount_pence if told.kind is LineKind.REINSTATEMENT else None
    undoes = told.undoes if told.kind is LineKind.REINSTATEMENT else None
    return {
        "id": uuid4(),
        "kind": told.kind.value,
        "account": told.account,
        "reason": told.reason.value,
        "note": told.note,
        "undoes": undoes,
        "wanted_pence": amount,
        "raised_by": tx.caller.person,
        "raised_at": tx.now,
        **rests_on(told.kind, told.reason, facts, policy),
        "amount_pence": amount or _whole(told, facts) or 1,
        "debtor_total_pence": total_pence(told.kind, facts, undoes),
        "status": ProposalStatus.GATHERING.value,
        "policy_version": policy.version,
    }


def _whole(told: Propose, facts: DebtFacts) -> int:
    """What it is about where no amount is named: the balance, without a sign, or what is left of the write-off."""
    past = past_write_off(facts, told.undoes) if told.kind is LineKind.REINSTATEMENT else None
    return abs(facts.balance_pence) if past is None else past.amount_pence - past.reinstated_pence


async def _add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> frozenset[UUID]:
    """As `add_proposals`. What puts a debt back is written while orders stand, which none has to wait for while the ledger is asked."""
    if any(row["kind"] == LineKind.REINSTATEMENT for row in rows):
        await store.orders_stand(tx)
    return await store.add_proposals(tx, rows)


async def _begin(tx: Transaction, rows: Mapping[UUID, Mapping[str, Any]], *, of_itself: bool = False) -> None:
    if not of_itself:
        await store.take_part(tx, list(rows), "proposed it")
    await store.carry_on(tx, await queries.brought_earlier(tx, list(rows)))
    await store.note(tx, list(rows), "proposed", of_itself=of_itself)
    await store.tell(
        tx,
        [
            (id_, WriteOffProposed(proposal=id_, account=row["account"], kind=LineKind(row["kind"]), amount_pence=row["amount_pence"]))
            for id_, row in rows.items()
        ],
    )
    await follow(tx, [(id_, 1) for id_ in rows])
