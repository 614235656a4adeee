"""Everybody comes to orders, lines and proposals in one order, so that no two transactions wait for each other.

Each test holds the row that comes first in that order, and finds the one that comes next free while somebody who needs both waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.inbox import Inbox
from chassis.records import Record
from chassis.transaction import transaction
from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.ledger import AccountHold, AccountHoldChanged, AccountKind, LinkedAccount, ReceiptPosted
from rentbook_contracts.message import Fact
from rentbook_contracts.notices import LetterSent
from rentbook_contracts.writeoffs import (
    CloseSchedule,
    EvidenceKind,
    Propose,
    ProposeInBulk,
    Reason,
    ScheduleStatus,
    StrikeProof,
    WithdrawSchedule,
)
from support.write_off_service import ASHA, BRYN, WriteOffs
from writeoffs import store
from writeoffs.app import make_app
from writeoffs.domain.days import business_date
from writeoffs.settings import WriteOffsSettings
from writeoffs.use_cases.change_proposal import strike_proof
from writeoffs.use_cases.move import move
from writeoffs.use_cases.propose import propose, propose_in_bulk
from writeoffs.use_cases.rounds import close_schedule
from writeoffs.use_cases.schedules import withdraw_schedule

TODAY = business_date(datetime.now(UTC))
PROPOSAL = "SELECT FROM proposal WHERE id = :id FOR NO KEY UPDATE"
LINE = "SELECT FROM schedule_line WHERE line = :id FOR UPDATE"


async def waits_for_the_first_alone(
    writeoffs: WriteOffs, lock: str, first: UUID, then: UUID, work: Callable[[], Awaitable[object]]
) -> None:
    async with transaction(writeoffs.runtime) as tx:
        await tx.connection.execute(sa.text(lock), {"id": first})
        meanwhile = asyncio.ensure_future(work())
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text(f"{lock} NOWAIT"), {"id": then})
    await meanwhile


async def two_ready(writeoffs: WriteOffs) -> tuple[UUID, UUID]:
    """In the order of their ids."""
    first, then = sorted([await writeoffs.ready(writeoffs.owing()) for _ in range(2)])
    return first, then


async def account_of(writeoffs: WriteOffs, proposal: UUID) -> UUID:
    [row] = await writeoffs.rows("SELECT account FROM proposal WHERE id = :id", id=proposal)
    account: UUID = row["account"]
    return account


async def paid(writeoffs: WriteOffs, proposal: UUID, balance_pence: int = 300_00) -> ReceiptPosted:
    return ReceiptPosted(
        account=await account_of(writeoffs, proposal), balance_pence=balance_pence, journal=uuid4(), amount_pence=12_40, method="RBP",
        effective_date=TODAY, cleared_on=TODAY,
    )  # fmt: skip


async def heard_together(writeoffs: WriteOffs, *facts: Fact) -> None:
    """As one batch of a topic."""
    settings = writeoffs.runtime.settings
    assert isinstance(settings, WriteOffsSettings)
    inbox = Inbox(writeoffs.runtime, make_app(settings))
    records = [
        Record(
            fact.topic,
            fact.key,
            0,
            number,
            {
                "ce_specversion": "1.0",
                "ce_id": str(uuid4()),
                "ce_type": fact.type,
                "ce_aggregateversion": "1",
                "ce_subject": fact.key,
                "ce_source": "/rentbook/ledger",
                "ce_time": datetime.now(UTC).isoformat(),
                "content-type": "application/json",
            },
            fact.model_dump_json().encode(),
        )
        for number, fact in enumerate(facts)
    ]
    await inbox.take_together(records)


async def test_a_batch_of_moves_comes_to_proposals_in_the_order_of_their_ids(writeoffs: WriteOffs) -> None:
    first, then = await two_ready(writeoffs)
    facts = [await paid(writeoffs, one) for one in (then, first)]
    await waits_for_the_first_alone(writeoffs, PROPOSAL, first, then, lambda: heard_together(writeoffs, *facts))
    assert {(await writeoffs.status(one))[::2] for one in (first, then)} == {("gathering", 2)}


@pytest.mark.parametrize("stands", ["listed", "posting"])
async def test_a_batch_of_moves_comes_to_lines_in_the_order_of_their_schedule(writeoffs: WriteOffs, stands: str) -> None:
    then, first = await two_ready(writeoffs)
    schedule = await writeoffs.scheduled(first, then)
    await writeoffs.round(schedule)
    if stands == "posting":
        await writeoffs.taken(schedule, uuid4())
    facts = [await paid(writeoffs, one) for one in (then, first)]
    await waits_for_the_first_alone(writeoffs, LINE, first, then, lambda: heard_together(writeoffs, *facts))
    assert {standing for standing, _ in (await writeoffs.standings(schedule)).values()} == {"dropped" if stands == "listed" else stands}


async def test_a_batch_of_moves_holds_no_proposal_while_it_waits_for_an_order(writeoffs: WriteOffs) -> None:
    """Of which the last may put a debt back."""
    first, then = await two_ready(writeoffs)
    facts = [await paid(writeoffs, first), await paid(writeoffs, then, -10_00)]
    async with transaction(writeoffs.runtime) as tx:
        await store.order_becomes_known(tx)
        meanwhile = asyncio.create_task(heard_together(writeoffs, *facts))
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text(f"{PROPOSAL} NOWAIT"), {"id": first})
    await meanwhile


async def test_one_move_that_drops_several_lines_comes_to_their_proposals_in_the_order_of_their_ids(writeoffs: WriteOffs) -> None:
    beside = uuid4()
    linked = (LinkedAccount(account=beside, kind=AccountKind.RENT, former=True, balance_pence=0),)
    first, then = sorted([await writeoffs.ready(writeoffs.owing(linked=linked)) for _ in range(2)])
    schedule = await writeoffs.scheduled(then, first)
    fact = AccountHoldChanged(account=beside, balance_pence=0, account_hold=AccountHold.BREATHING_SPACE, in_force=True)
    await waits_for_the_first_alone(writeoffs, PROPOSAL, first, then, lambda: writeoffs.do(move, fact))
    assert {standing for standing, _ in (await writeoffs.standings(schedule)).values()} == {"dropped"}


async def test_a_batch_of_letters_comes_to_proposals_in_the_order_of_their_ids(writeoffs: WriteOffs) -> None:
    first, then = await two_ready(writeoffs)
    sent = [
        LetterSent(letter=uuid4(), kind="debt", account=await account_of(writeoffs, one), case=one, sha256="ab" * 32, sent_on=TODAY)
        for one in (then, first)
    ]
    await waits_for_the_first_alone(writeoffs, PROPOSAL, first, then, lambda: heard_together(writeoffs, *sent))
    assert len(await writeoffs.rows("SELECT id FROM proof WHERE letter IS NOT NULL")) == 2


async def test_a_batch_of_contacts_comes_to_lines_in_the_order_of_their_schedule(writeoffs: WriteOffs) -> None:
    then, first = await two_ready(writeoffs)
    await writeoffs.scheduled(first, then)
    told = [TenantContacted(note=uuid4(), account=await account_of(writeoffs, one), noted_at=datetime.now(UTC)) for one in (then, first)]
    await waits_for_the_first_alone(writeoffs, LINE, first, then, lambda: heard_together(writeoffs, *told))


@pytest.mark.parametrize("outcome", ["posted", "dropped"])
async def test_whoever_settles_lines_comes_to_their_proposals_in_the_order_of_their_ids(writeoffs: WriteOffs, outcome: str) -> None:
    first, then = await two_ready(writeoffs)
    schedule, decision = await writeoffs.scheduled(then, first), uuid4()
    await writeoffs.round(schedule)
    lines = await writeoffs.taken(schedule, decision)
    ledger = writeoffs.ledger
    outcomes = [ledger.posts(line, decision) if outcome == "posted" else ledger.drops(line, "dispute") for line in lines]
    await waits_for_the_first_alone(writeoffs, PROPOSAL, first, then, lambda: writeoffs.settled(schedule, decision, *outcomes))
    assert {standing for standing, _ in (await writeoffs.standings(schedule)).values()} == {outcome}


async def test_whoever_settles_lines_holds_no_proposal_while_they_wait_for_an_order(writeoffs: WriteOffs) -> None:
    """What was paid meanwhile is proposed back under it."""
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule, decision = await writeoffs.scheduled(proposal), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    outcome = writeoffs.ledger.posts(line, decision)
    async with transaction(writeoffs.runtime) as tx:
        await store.order_becomes_known(tx)
        meanwhile = asyncio.create_task(writeoffs.settled(schedule, decision, outcome))
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text(f"{PROPOSAL} NOWAIT"), {"id": proposal})
    await meanwhile


async def test_lines_are_handed_out_and_left_out_in_the_order_of_their_schedule(writeoffs: WriteOffs) -> None:
    first, then = await two_ready(writeoffs)
    schedule, decision = await writeoffs.scheduled(first, then), uuid4()
    await writeoffs.round(schedule)
    await waits_for_the_first_alone(writeoffs, LINE, first, then, lambda: writeoffs.taken(schedule, decision, (then,)))
    assert {one: standing for one, (standing, _) in (await writeoffs.standings(schedule)).items()} == {first: "posting", then: "excepted"}


async def test_a_schedule_that_closes_comes_to_its_proposals_in_the_order_of_their_ids(writeoffs: WriteOffs) -> None:
    first, then = await two_ready(writeoffs)
    schedule = await writeoffs.scheduled(then, first)
    await writeoffs.round(schedule)
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="A slip"), caller=BRYN)
    closed = CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.WITHDRAWN)
    await waits_for_the_first_alone(writeoffs, PROPOSAL, first, then, lambda: writeoffs.do(close_schedule, closed))
    assert {(await writeoffs.status(one))[0] for one in (first, then)} == {"ready"}


@pytest.mark.parametrize("how", ["heard", "struck"])
async def test_whoever_drops_a_line_by_evidence_comes_to_it_before_its_proposal(writeoffs: WriteOffs, how: str) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    [document] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :id AND kind = 'document'", id=proposal)
    strike = StrikeProof(proof=document["id"], because="It is of somebody else.")
    async with transaction(writeoffs.runtime) as tx:
        await tx.connection.execute(sa.text(LINE), {"id": proposal})
        work = writeoffs.proves(proposal, EvidenceKind.CONTACT) if how == "heard" else writeoffs.do(strike_proof, strike, caller=ASHA)
        meanwhile = asyncio.create_task(work)
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text(f"{PROPOSAL} NOWAIT"), {"id": proposal})
    await meanwhile
    assert [standing for standing, _ in (await writeoffs.standings(schedule)).values()] == ["dropped"]


async def test_two_who_propose_the_same_debts_wait_for_each_other_in_the_order_of_the_accounts(writeoffs: WriteOffs) -> None:
    first, then = sorted([writeoffs.owing(), writeoffs.owing()])
    async with transaction(writeoffs.runtime, caller=ASHA) as tx:
        await propose(tx, Propose(account=first, reason=Reason.EMIGRATED))
        both = ProposeInBulk(accounts=(then, first), reason=Reason.EMIGRATED)
        meanwhile = asyncio.create_task(writeoffs.do(propose_in_bulk, both, caller=BRYN))
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
        await propose(tx, Propose(account=then, reason=Reason.EMIGRATED))
    assert (await meanwhile).proposals == ()
