"""Whoever had a hand in one proposal about a debtor decides none about the same people (decision 7)."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from rentbook_contracts.approvals import Answer
from rentbook_contracts.writeoffs import (
    AddProof,
    CloseSchedule,
    EvidenceKind,
    Propose,
    Reason,
    ScheduleStatus,
    StrikeProof,
    WithdrawProposal,
)
from support.write_off_service import ASHA, WriteOffs
from writeoffs.domain.days import business_date
from writeoffs.use_cases.change_proposal import add_proof, strike_proof, withdraw_proposal
from writeoffs.use_cases.propose import propose
from writeoffs.use_cases.rounds import close_schedule

TODAY = business_date(datetime.now(UTC))
LENA = Caller("lena.manager", frozenset({"income-manager"}), form="form-9")
OF_THE_LINE = {"asha.officer", "bryn.officer", "hana.head"}


async def proposed_by(writeoffs: WriteOffs, account: UUID, by: Caller) -> UUID:
    return (await writeoffs.do(propose, Propose(account=account, reason=Reason.EMIGRATED), caller=by)).proposal


async def document(writeoffs: WriteOffs, proposal: UUID, by: Caller) -> None:
    await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY), caller=by)


async def made_ready(writeoffs: WriteOffs, proposal: UUID) -> UUID:
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)
    await writeoffs.assessed(proposal)
    return proposal


async def withdrawn(writeoffs: WriteOffs, proposal: UUID) -> None:
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="Made in error."), caller=ASHA)


@pytest.mark.parametrize("how", ["proposed it", "brought evidence", "struck evidence"])
async def test_whoever_had_a_hand_in_a_withdrawn_proposal_does_not_decide_the_debt_that_a_colleague_raises_again(
    writeoffs: WriteOffs, how: str
) -> None:
    account = writeoffs.owing()
    first = await proposed_by(writeoffs, account, LENA if how == "proposed it" else ASHA)
    await document(writeoffs, first, LENA if how == "brought evidence" else ASHA)
    if how == "struck evidence":
        [proof] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :id", id=first)
        await writeoffs.do(strike_proof, StrikeProof(proof=proof["id"], because="Another tenant's."), caller=LENA)
    await withdrawn(writeoffs, first)
    schedule = await writeoffs.scheduled(await writeoffs.ready(account))
    assert await writeoffs.may_not_decide(schedule) == OF_THE_LINE | {"lena.manager"}


async def test_nor_does_whoever_fed_another_account_of_theirs_before_it_was_listed_or_while_it_waits(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    other = await proposed_by(writeoffs, elsewhere, LENA)
    schedule = await writeoffs.scheduled(await writeoffs.ready(account))
    content_hash = (await writeoffs.round(schedule)).content_hash
    assert await writeoffs.may_not_decide(schedule, content_hash) == OF_THE_LINE | {"lena.manager"}
    dora = Caller("dora.leader", frozenset({"team-leader"}), form="form-8")
    await document(writeoffs, other, dora)
    assert await writeoffs.may_not_decide(schedule, content_hash) == OF_THE_LINE | {"lena.manager", "dora.leader"}


async def test_what_was_declined_counts(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    before = await writeoffs.scheduled(await made_ready(writeoffs, await proposed_by(writeoffs, elsewhere, LENA)))
    await writeoffs.round(before)
    declined = writeoffs.approvals.decides(before, Answer.DECLINED)
    await writeoffs.do(close_schedule, CloseSchedule(schedule=before, round=1, status=ScheduleStatus.DECLINED, decision=declined))
    schedule = await writeoffs.scheduled(await writeoffs.ready(account))
    assert await writeoffs.may_not_decide(schedule) == OF_THE_LINE | {"lena.manager"}


async def test_what_was_posted_counts_no_more(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    other = await made_ready(writeoffs, await proposed_by(writeoffs, elsewhere, LENA))
    before = await writeoffs.scheduled(other)
    await writeoffs.round(before)
    decision = uuid4()
    [line] = await writeoffs.taken(before, decision)
    debt = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(debt)
    content_hash = (await writeoffs.round(schedule)).content_hash
    assert "lena.manager" in await writeoffs.may_not_decide(schedule, content_hash)
    await writeoffs.settled(before, decision, writeoffs.ledger.posts(line, decision))
    assert await writeoffs.may_not_decide(schedule, content_hash) == OF_THE_LINE, "its debt is gone"


async def test_what_was_carried_on_to_a_proposal_makes_nobody_take_part_in_a_third(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    other = await proposed_by(writeoffs, elsewhere, ASHA)
    carried_on = sa.text("INSERT INTO participant VALUES (:proposal, 'lena.manager', 'brought evidence earlier', now())")
    async with writeoffs.runtime.engine.begin() as connection:
        await connection.execute(carried_on, {"proposal": other})
    assert await writeoffs.may_not_decide(await writeoffs.scheduled(await writeoffs.ready(account))) == OF_THE_LINE
    assert await writeoffs.may_not_decide(await writeoffs.scheduled(await made_ready(writeoffs, other))) == OF_THE_LINE | {"lena.manager"}
