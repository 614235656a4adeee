"""Whoever had a hand in one proposal about a debtor decides none about the same people (decision 7)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from rentbook_contracts.approvals import Answer
from rentbook_contracts.writeoffs import (
    AddProof,
    AnswerSchedule,
    CloseSchedule,
    EvidenceKind,
    LinesToPost,
    MakeSchedule,
    Propose,
    Reason,
    ScheduleStatus,
    StrikeProof,
    TakeOffSchedule,
    WithdrawSchedule,
)
from support.write_off_service import ASHA, BRYN, WriteOffs
from writeoffs.domain.days import business_date
from writeoffs.queries import lines_handed_out
from writeoffs.use_cases.change_proposal import add_proof, strike_proof
from writeoffs.use_cases.propose import propose
from writeoffs.use_cases.rounds import close_schedule
from writeoffs.use_cases.schedules import answer_schedule, make_schedule, take_off_schedule, withdraw_schedule

TODAY = business_date(datetime.now(UTC))
LENA = Caller("lena.manager", frozenset({"income-manager"}), form="form-9")
OF_THE_LINE = {"asha.officer", "bryn.officer", "hana.head"}


async def proposed_by(writeoffs: WriteOffs, account: UUID, by: Caller) -> UUID:
    return (await writeoffs.do(propose, Propose(account=account, reason=Reason.EMIGRATED), caller=by)).proposal


async def document(writeoffs: WriteOffs, proposal: UUID, by: Caller) -> None:
    await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY, reference="R 1"), caller=by)


async def made_ready(writeoffs: WriteOffs, proposal: UUID) -> UUID:
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)
    await writeoffs.assessed(proposal)
    return proposal


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
    await writeoffs.withdrawn(first)
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


async def traces_of(writeoffs: WriteOffs, proposal: UUID) -> None:
    """What shows that somebody is not found, though they were heard of 195 days ago."""
    for source in ("electoral roll", "credit bureau"):
        await writeoffs.proves(proposal, EvidenceKind.TRACE, days_ago=190, source=source)
    await writeoffs.proves(proposal, EvidenceKind.AGENCY_INSTRUCTED, days_ago=100)
    await writeoffs.proves(proposal, EvidenceKind.AGENCY_RETURN, days_ago=2)
    await writeoffs.assessed(proposal)


async def found_and_posted(writeoffs: WriteOffs, account: UUID, by: Caller) -> UUID:
    """The evidence that the debtor of an account was found long ago, whose untraceable debt is written off all the same since."""
    proposal = await writeoffs.proposed(account, Reason.UNTRACEABLE)
    await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.FOUND, on=TODAY - timedelta(days=195)), caller=by)
    await traces_of(writeoffs, proposal)
    schedule, decision = await writeoffs.scheduled(proposal), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    assert (await writeoffs.status(proposal))[0] == "posted"
    [proof] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :id AND kind = 'found'", id=proposal)
    found: UUID = proof["id"]
    return found


@pytest.mark.parametrize("listed", [False, True])
async def test_whoever_strikes_what_spoke_against_a_debt_from_a_posted_one_does_not_decide_it(writeoffs: WriteOffs, listed: bool) -> None:
    account, elsewhere = writeoffs.of_one_person()
    found = await found_and_posted(writeoffs, elsewhere, ASHA)
    proposal = await writeoffs.proposed(account, Reason.UNTRACEABLE)
    await traces_of(writeoffs, proposal)
    schedule = await writeoffs.scheduled(proposal) if listed else None
    await writeoffs.do(strike_proof, StrikeProof(proof=found, because="Another tenant's."), caller=LENA)
    if schedule is None:
        await writeoffs.assessed(proposal)
        schedule = await writeoffs.scheduled(proposal)
    assert await writeoffs.may_not_decide(schedule) == {"asha.officer", "bryn.officer", "lena.manager"}


@pytest.mark.parametrize(("reason", "may_not"), [(Reason.UNTRACEABLE, {"lena.manager"}), (Reason.EMIGRATED, {"hana.head"})])
async def test_whoever_brought_it_does_not_either_where_it_speaks_against_the_debt(
    writeoffs: WriteOffs, reason: Reason, may_not: set[str]
) -> None:
    account, elsewhere = writeoffs.of_one_person()
    await found_and_posted(writeoffs, elsewhere, LENA)
    if reason is Reason.UNTRACEABLE:
        proposal = await writeoffs.proposed(account, reason)
        await traces_of(writeoffs, proposal)
    else:
        proposal = await writeoffs.ready(account)
    assert await writeoffs.may_not_decide(await writeoffs.scheduled(proposal)) == {"asha.officer", "bryn.officer"} | may_not


async def scheduled_by(writeoffs: WriteOffs, proposal: UUID, by: Caller) -> UUID:
    schedule = (await writeoffs.do(make_schedule, MakeSchedule(title="October", proposals=(proposal,)), caller=by)).schedule
    await writeoffs.round(schedule)
    return schedule


async def taken_back(writeoffs: WriteOffs, schedule: UUID, by: Caller) -> None:
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="Made in error."), caller=by)
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.WITHDRAWN))


@pytest.mark.parametrize("how", ["made it", "answered the question", "took the line off", "withdrew it"])
@pytest.mark.parametrize("proposed", ["once", "anew", "on another account"])
async def test_nor_does_whoever_had_a_hand_in_a_schedule_that_did_not_carry_it_out(writeoffs: WriteOffs, how: str, proposed: str) -> None:
    account, elsewhere = writeoffs.of_one_person()
    proposal = await writeoffs.ready(account)
    before = await scheduled_by(writeoffs, proposal, LENA if how == "made it" else BRYN)
    if how in ("answered the question", "took the line off"):
        await writeoffs.comes_to(before, ScheduleStatus.SENT_BACK)
    if how == "answered the question":
        await writeoffs.do(answer_schedule, AnswerSchedule(schedule=before, note="As it says."), caller=LENA)
    if how == "took the line off":
        await writeoffs.do(take_off_schedule, TakeOffSchedule(schedule=before, proposal=proposal, note="Later."), caller=LENA)
    else:
        await taken_back(writeoffs, before, LENA if how == "withdrew it" else BRYN)
    if proposed == "anew":
        await writeoffs.withdrawn(proposal)
        proposal = await writeoffs.ready(account)
    if proposed == "on another account":
        proposal = await writeoffs.ready(elsewhere)
    assert await writeoffs.may_not_decide(await writeoffs.scheduled(proposal)) == OF_THE_LINE | {"lena.manager"}


@pytest.mark.parametrize("how", ["proposed another", "brought evidence to another"])
async def test_a_line_in_which_whoever_decided_takes_part_before_it_is_posted_is_too_close_to_them(writeoffs: WriteOffs, how: str) -> None:
    account, elsewhere = writeoffs.of_one_person()
    other = await proposed_by(writeoffs, elsewhere, ASHA) if how == "brought evidence to another" else None
    line, far = await writeoffs.ready(account), await writeoffs.ready(writeoffs.owing())
    schedule, decision = await writeoffs.scheduled(line, far), uuid4()
    await writeoffs.round(schedule)
    await writeoffs.taken(schedule, decision)
    asked = LinesToPost(schedule=schedule, decision=decision, decided_by=("lena.manager", "kim.s151"), lines=(line, far))
    assert (await writeoffs.ask(lines_handed_out, asked)).too_close == ()
    if other is None:
        await proposed_by(writeoffs, elsewhere, LENA)
    else:
        await document(writeoffs, other, LENA)
    told = await writeoffs.ask(lines_handed_out, asked)
    assert ({*told.lines}, told.too_close) == ({line, far}, (line,))
    bystander = asked.model_copy(update={"decided_by": ("kim.s151",)})
    assert (await writeoffs.ask(lines_handed_out, bystander)).too_close == ()
