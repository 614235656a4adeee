"""A schedule from its making to its last line: what is listed, dropped, excepted, posted, put back."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.transaction import Caller, Unanswered, run, transaction
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import (
    AccountFact,
    AccountHold,
    AccountHoldChanged,
    AccountKind,
    AccountStatus,
    ChargeOwed,
    ChargePosted,
    CreditAskedFor,
    DeathChanged,
    JournalReversed,
    LineKind,
    LineOutcome,
    LinkedAccount,
    PastWriteOff,
    PersonFacts,
    PutBack,
    ReceiptPosted,
    StandingCredit,
    TenancyEnded,
    WriteOffLine,
)
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import OF_AN_OFFICE, Role
from rentbook_contracts.workflows import proposal_workflow_id, schedule_workflow_id
from rentbook_contracts.writeoffs import (
    HEARD_WHILE_LISTED,
    AddProof,
    AnswerSchedule,
    AssessProposal,
    CloseSchedule,
    DryRunAsked,
    EvidenceKind,
    LinesToPost,
    MakeSchedule,
    NoteSchedule,
    OrderKind,
    ProposalAsked,
    ProposalClosed,
    Propose,
    ProposeInBulk,
    ReadSchedule,
    Reason,
    ReconsiderProposal,
    RegisterAsked,
    RegisterOrder,
    RoundBegun,
    ScheduleAsked,
    ScheduleOfHash,
    SchedulesAsked,
    ScheduleStatus,
    StrikeProof,
    TakeLines,
    TakeOffSchedule,
    TotalsAsked,
    WithdrawProposal,
    WithdrawSchedule,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from support.debts import POLICY, in_credit, owed
from support.write_off_service import ASHA, BRYN, HANA, WriteOffs
from writeoffs import queries, store
from writeoffs.domain.assessment import HEARD, LEFT_OUT
from writeoffs.domain.days import business_date, in_words, morning_of
from writeoffs.domain.policy import NoLadder
from writeoffs.use_cases import stories, work
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.change_proposal import add_proof, reconsider_proposal, strike_proof, withdraw_proposal
from writeoffs.use_cases.look import dry_run, proposal_page
from writeoffs.use_cases.move import come_back, end, live, move, receive
from writeoffs.use_cases.propose import propose, propose_in_bulk
from writeoffs.use_cases.rounds import (
    AnotherRound,
    NotDecidedSo,
    NotInTheBooks,
    ScheduleWithdrawn,
    close_schedule,
    note_schedule,
    read_schedule,
    take_lines,
)
from writeoffs.use_cases.schedules import (
    DecidedAlready,
    NothingIsReady,
    NotSentBack,
    answer_schedule,
    make_schedule,
    take_off_schedule,
    withdraw_schedule,
)
from writeoffs.use_cases.work import NotYourPart, OnASchedule, ProposalIsClosed

TODAY = business_date(datetime.now(UTC))


def receipt(account: UUID, balance: int) -> ReceiptPosted:
    return ReceiptPosted(
        account=account, balance_pence=balance, journal=uuid4(), amount_pence=10_00, method="RBP", effective_date=TODAY, cleared_on=TODAY
    )


def by_payment(stands: str) -> str:
    """Why a line drops that a `receipt` meets."""
    return f"What is owed on the account has changed: a payment of £10.00 was received on {in_words(TODAY)}, and {stands} now."


async def posted(writeoffs: WriteOffs, schedule: UUID, decision: UUID, excepted: tuple[UUID, ...] = ()) -> tuple[WriteOffLine, ...]:
    """Every line of round 1 that may be, as the ledger would post it."""
    lines = await writeoffs.taken(schedule, decision, excepted)
    await writeoffs.settled(schedule, decision, *(writeoffs.ledger.posts(line, decision) for line in lines))
    return lines


async def test_only_what_is_ready_is_listed_and_the_rest_says_why(writeoffs: WriteOffs) -> None:
    ready, gathering = await writeoffs.ready(writeoffs.owing()), await writeoffs.proposed(writeoffs.owing())
    made = await writeoffs.do(make_schedule, MakeSchedule(title="November", proposals=(ready, gathering)), caller=BRYN)
    assert made.lines == 1
    assert [one.because for one in made.left_out] == ["Its evidence is still being gathered."]
    assert (await writeoffs.status(ready))[0] == "on-schedule"
    with pytest.raises(OnASchedule):
        await writeoffs.proves(ready, EvidenceKind.DOCUMENT)
    with pytest.raises(NothingIsReady):
        await writeoffs.scheduled(gathering)


@pytest.mark.parametrize("office", sorted(OF_AN_OFFICE))
async def test_whoever_reads_no_accounts_reads_a_proposal_once_it_was_on_a_schedule(writeoffs: WriteOffs, office: Role) -> None:
    member = Caller("mel.member", frozenset({office}))
    proposal = await writeoffs.ready(writeoffs.owing())
    asked = ProposalAsked(proposal=proposal)
    with pytest.raises(NotYourPart):
        await writeoffs.do(proposal_page, asked, caller=member)
    schedule = await writeoffs.scheduled(proposal)
    assert (await writeoffs.do(proposal_page, asked, caller=member)).proposal == proposal
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="A slip"), caller=BRYN)
    assert (await writeoffs.do(proposal_page, asked, caller=member)).proposal == proposal


@pytest.mark.parametrize("status", [ScheduleStatus.WITH_APPROVER, ScheduleStatus.SENT_BACK, ScheduleStatus.CALL_IN])
@pytest.mark.parametrize("heard", HEARD_WHILE_LISTED)
async def test_what_is_heard_of_a_listed_debt_drops_its_line_until_it_is_posted(
    writeoffs: WriteOffs, status: ScheduleStatus, heard: EvidenceKind
) -> None:
    spoke, other = await writeoffs.ready(writeoffs.owing()), await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(spoke, other)
    await writeoffs.round(schedule)
    await writeoffs.comes_to(schedule, status)
    await writeoffs.proves(spoke, heard)
    assert await writeoffs.standings(schedule) == {spoke: ("dropped", HEARD[heard]), other: ("listed", None)}
    assert await writeoffs.status(spoke) == ("blocked", HEARD[heard], 2)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=spoke))
    assert heard in [proof.kind for proof in page.proofs]
    assert proposal_workflow_id(spoke, 2) in await writeoffs.asked_of_workflows("WriteOffProposal")
    told = await writeoffs.rows("SELECT part FROM participant WHERE proposal = :id AND person = 'asha.officer'", id=spoke)
    assert "added evidence" in [row["part"] for row in told]
    assert [line.line for line in await writeoffs.taken(schedule, uuid4())] == [other]


async def test_what_is_heard_once_the_ledger_has_the_line_waits_for_its_outcome(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule, decision = await writeoffs.scheduled(proposal), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    with pytest.raises(OnASchedule, match="being posted"):
        await writeoffs.proves(proposal, EvidenceKind.CONTACT)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    with pytest.raises(ProposalIsClosed):
        await writeoffs.proves(proposal, EvidenceKind.CONTACT)


@pytest.mark.parametrize("kind", [kind for kind in EvidenceKind if kind not in HEARD_WHILE_LISTED])
async def test_other_evidence_waits_until_a_line_is_off_its_schedule(writeoffs: WriteOffs, kind: EvidenceKind) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    told = AddProof(proposal=proposal, kind=kind, on=TODAY, reference="R 1")
    with pytest.raises(OnASchedule):
        await writeoffs.do(add_proof, told, caller=HANA)
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}


async def test_the_ledger_is_asked_anew_when_a_schedule_is_made(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.ready(account)
    writeoffs.moved(account, housing_benefit_unresolved=True)
    with pytest.raises(NothingIsReady, match="Housing Benefit"):
        await writeoffs.scheduled(proposal)


async def test_a_decision_is_on_the_evidence_and_on_whom_it_is_true_of(writeoffs: WriteOffs) -> None:
    hashes = []
    for of_whom in ("nobody in particular", "nobody in particular", "the tenant"):
        account = writeoffs.owing(100_00)
        [tenant] = writeoffs.ledger.debts[account].people
        proposal = await writeoffs.proposed(account)
        person = tenant.person if of_whom == "the tenant" else None
        document = AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY, person=person, source="care home")
        await writeoffs.do(add_proof, document, caller=ASHA)
        await writeoffs.proves(proposal, EvidenceKind.MANAGER_NOTE)
        await writeoffs.assessed(proposal)
        [shown] = (await writeoffs.ask(dry_run, DryRunAsked(proposals=(proposal,)))).lines
        assert shown.line is not None
        hashes.append(shown.line.evidence_hash)
    assert (hashes[0] == hashes[1], hashes[1] == hashes[2]) == (True, False)


async def test_a_dry_run_says_what_would_post_and_changes_nothing(writeoffs: WriteOffs) -> None:
    first, second = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00, debtor_total_pence=700_00))
    shown = await writeoffs.ask(dry_run, DryRunAsked(proposals=(first, second, await writeoffs.proposed(writeoffs.owing()))))
    assert (shown.total_pence, shown.band_pence) == (150_00, 700_00)
    assert [line.because for line in shown.lines] == [None, None, "Its evidence is still being gathered."]
    schedule = await writeoffs.scheduled(first, second)
    [row] = await writeoffs.rows("SELECT content_hash FROM schedule_line WHERE schedule = :id AND line = :line", id=schedule, line=first)
    assert shown.lines[0].line is not None
    assert shown.lines[0].line.content_hash == row["content_hash"]


async def test_a_line_of_all_that_a_current_tenant_owes_stands_over_monday_and_drops_by_what_pays_it(writeoffs: WriteOffs) -> None:
    account, charge = writeoffs.owing(80_00, status=AccountStatus.CURRENT, ended_on=None), owed(80_00, TODAY - timedelta(days=400))
    writeoffs.moved(account, charges=(charge,))
    proposal = await writeoffs.proposed(account, Reason.BANKRUPTCY)
    await writeoffs.proves(proposal, EvidenceKind.INSOLVENCY_ORDER, days_ago=370)
    await writeoffs.assessed(proposal)
    schedule = await writeoffs.scheduled(proposal)
    for balance, charges, stands in (
        (110_00, (charge, owed(30_00, TODAY)), True),
        (100_00, (charge.model_copy(update={"owed_pence": 70_00}), owed(30_00, TODAY)), False),
    ):
        writeoffs.moved(account, charges=charges, balance_pence=balance, debtor_total_pence=balance)
        debit = ChargePosted(account=account, balance_pence=balance, journal=uuid4(), amount_pence=30_00, week_commencing=TODAY)
        await writeoffs.do(move, debit)
        debited = f"a charge of £30.00 was debited for the week of {in_words(TODAY)}, and £100.00 is owed now"
        said = ("listed", None) if stands else ("dropped", f"What is owed on the account has changed: {debited}.")
        assert await writeoffs.standings(schedule) == {proposal: said}


async def test_a_line_says_where_the_policy_takes_a_current_tenants_arrears_too(writeoffs: WriteOffs) -> None:
    """The ledger drops it otherwise, and what is approved is that very line."""
    current = await writeoffs.proposed(writeoffs.owing(status=AccountStatus.CURRENT, ended_on=None), Reason.BANKRUPTCY)
    await writeoffs.proves(current, EvidenceKind.INSOLVENCY_ORDER, days_ago=400)
    await writeoffs.assessed(current)
    former = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(current, former)
    await writeoffs.round(schedule)
    lines = await writeoffs.taken(schedule, uuid4())
    assert {line.line: line.of_current_tenants for line in lines} == {current: True, former: False}
    assert {line.line: "of_current_tenants" in line.model_dump() for line in lines} == {current: True, former: False}


async def test_a_line_says_up_to_which_total_its_evidence_suffices_and_who_answers(writeoffs: WriteOffs) -> None:
    """The ledger drops it where the same people owe more by then, or others answer."""
    ada, ben = UUID(int=1), UUID(int=2)
    people = (PersonFacts(person=ben, died_on=TODAY - timedelta(days=90)), PersonFacts(person=ada))
    small = await writeoffs.proposed(writeoffs.owing(38_20, people=people), Reason.UNECONOMIC)
    await writeoffs.proves(small, EvidenceKind.LETTER_SENT, days_ago=40)
    await writeoffs.assessed(small)
    other = await writeoffs.ready(writeoffs.owing(50_00))
    schedule = await writeoffs.scheduled(small, other)
    await writeoffs.round(schedule)
    lines = {line.line: line for line in await writeoffs.taken(schedule, uuid4())}
    assert (lines[small].up_to_pence, lines[small].answered_by, lines[small].died) == (49_99, (ada, ben), (ben,))
    assert lines[other].up_to_pence is None


async def test_approvals_is_told_the_lines_the_band_and_everyone_who_took_part(writeoffs: WriteOffs) -> None:
    schedule = await writeoffs.scheduled(
        await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(30_00, debtor_total_pence=9_999_99))
    )
    begun = await writeoffs.round(schedule)
    assert begun.content_hash is not None
    told = await writeoffs.ask(queries.schedule_to_decide, ScheduleOfHash(schedule=schedule, content_hash=begun.content_hash))
    assert (told.band_pence, told.total_pence, told.raised_by) == (9_999_99, 130_00, "bryn.officer")
    assert told.participants == ("asha.officer", "bryn.officer", "hana.head")
    with pytest.raises(queries.NoSuchContent):
        await writeoffs.ask(queries.schedule_to_decide, ScheduleOfHash(schedule=schedule, content_hash="0" * 64))


async def test_the_last_line_to_drop_leaves_nothing_to_decide_and_its_story_is_told(writeoffs: WriteOffs) -> None:
    accounts = [writeoffs.owing(100_00), writeoffs.owing(50_00)]
    schedule = await writeoffs.scheduled(*[await writeoffs.ready(account) for account in accounts])
    await writeoffs.round(schedule)
    found = []
    for account in accounts:
        found.append((await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).empty)
        await writeoffs.do(move, receipt(account, 10_00))
    assert found == [False, False]
    assert await writeoffs.asked_of_workflows("schedule_changed") == [f"write-off-schedule/{schedule}"] * 2
    assert (await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).empty
    assert (await writeoffs.round(schedule, 2)).content_hash is None


async def test_a_decline_that_meets_the_drop_of_the_last_line_leaves_an_empty_schedule(writeoffs: WriteOffs) -> None:
    """An approval stands even so, and so does a decline while a line is left."""
    account = writeoffs.owing(100_00)
    proposal = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    writeoffs.approvals.decides(schedule, Answer.DECLINED)
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule, 2)
    await writeoffs.do(move, receipt(account, 10_00))
    writeoffs.approvals.decides(schedule, Answer.APPROVED)
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule, 2)
    writeoffs.approvals.decides(schedule, Answer.DECLINED)
    assert (await writeoffs.round(schedule, 2)).content_hash is None
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=2, status=ScheduleStatus.EMPTY))
    [row] = await writeoffs.rows("SELECT status FROM schedule WHERE id = :id", id=schedule)
    assert row["status"] == "empty"
    assert (await writeoffs.ask(queries.schedule_page, ScheduleAsked(schedule=schedule))).round == 1, "nobody was asked in a second"
    assert (await writeoffs.status(proposal))[0] == "blocked"


async def test_a_payment_drops_its_line_says_why_and_leaves_the_rest(writeoffs: WriteOffs) -> None:
    paid, other = writeoffs.owing(100_00), writeoffs.owing(50_00)
    first, second = await writeoffs.ready(paid), await writeoffs.ready(other)
    schedule = await writeoffs.scheduled(first, second)
    begun = await writeoffs.round(schedule)
    await writeoffs.do(move, receipt(paid, 90_00))
    assert await writeoffs.standings(schedule) == {
        first: ("dropped", by_payment("£90.00 is owed")),
        second: ("listed", None),
    }
    assert (await writeoffs.status(first))[::2] == ("blocked", 2)
    page = await writeoffs.ask(queries.schedule_page, ScheduleAsked(schedule=schedule))
    assert (page.events[-1].what, page.events[-1].note) == ("a line of £100.00 was dropped", by_payment("£90.00 is owed"))
    await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing(7_00)))
    [row] = (await writeoffs.ask(queries.schedules, SchedulesAsked(schedules=(schedule,)))).schedules
    assert (row.lines, row.total_pence, row.left_lines, row.left_pence, row.dropped) == (2, 150_00, 1, 50_00, 1)
    # A later stage of the same round still asks about the content that the first one decided.
    assert begun.content_hash is not None
    told = await writeoffs.ask(queries.schedule_to_decide, ScheduleOfHash(schedule=schedule, content_hash=begun.content_hash))
    assert (len(told.lines), told.gone) == (2, (first,))
    assert [line.line for line in await writeoffs.taken(schedule, uuid4())] == [second]


def breathing_space(account: UUID, balance: int) -> AccountHoldChanged:
    return AccountHoldChanged(account=account, balance_pence=balance, account_hold=AccountHold.BREATHING_SPACE, in_force=True)


@pytest.mark.parametrize(
    ("fact", "because"),
    [
        (lambda account: receipt(account, 260_00), by_payment("£260.00 is owed")),
        (lambda account: breathing_space(account, 270_00), "Breathing Space has begun."),
    ],
)
async def test_what_comes_while_a_schedule_is_being_made_drops_its_line_as_well(
    writeoffs: WriteOffs, fact: Callable[[UUID], AccountFact], because: str
) -> None:
    """It comes after the ledger was asked about the line, and before that can be seen."""
    account = writeoffs.owing(270_00)
    proposal = await writeoffs.ready(account)
    async with transaction(writeoffs.runtime, caller=BRYN) as making:
        made = await make_schedule(making, MakeSchedule(title="November", proposals=(proposal,)))
        moving = asyncio.create_task(writeoffs.do(move, fact(account)))
        await writeoffs.somebody_waits()
        assert not moving.done()
    await moving
    assert await writeoffs.standings(made.schedule) == {proposal: ("dropped", because)}
    assert (await writeoffs.status(proposal))[::2] == ("blocked", 2)


async def unclaimed_credit(writeoffs: WriteOffs, account: UUID) -> UUID:
    """The account is in credit by £62.40, and a proposal to take that to income is ready."""
    writeoffs.moved(account, **in_credit(62_40, TODAY - timedelta(days=2300)))
    claim = Propose(kind=LineKind.CREDIT_WRITE_ON, account=account, reason=Reason.UNCLAIMED)
    proposal = (await writeoffs.do(propose, claim, caller=ASHA)).proposal
    for times in range(1, 7):
        await writeoffs.proves(proposal, EvidenceKind.RETURN_ATTEMPT, days_ago=370 * times)
    await writeoffs.assessed(proposal)
    return proposal


async def test_a_request_for_its_refund_drops_a_credit_and_leaves_a_debt_alone(writeoffs: WriteOffs) -> None:
    debt, credit = writeoffs.owing(100_00), writeoffs.owing()
    listed, unclaimed = await writeoffs.ready(debt), await unclaimed_credit(writeoffs, credit)
    schedules = [await writeoffs.scheduled(one) for one in (listed, unclaimed)]
    for account, pence in ((debt, 100_00), (credit, -62_40)):
        await writeoffs.do(move, CreditAskedFor(account=account, balance_pence=pence, case=uuid4(), asked=True))
    assert [await writeoffs.standings(one) for one in schedules] == [
        {listed: ("listed", None)},
        {unclaimed: ("dropped", "A refund of the credit is asked for.")},
    ]
    assert (await writeoffs.status(unclaimed))[0] == "blocked"


@pytest.mark.parametrize(
    ("fact", "of_debt", "of_credit"),
    [
        (lambda account: receipt(account, -5_00), "There is credit on another account of the same people.", None),
        (lambda account: receipt(account, 5_00), None, "The same people owe on another account, which the credit could pay."),
        (lambda account: receipt(account, 0), None, None),
        (lambda account: breathing_space(account, 0), "Breathing Space has begun.", None),
    ],
    ids=["credit", "a debt", "nothing", "breathing space"],
)
async def test_what_comes_to_stand_on_another_account_of_the_same_people_drops_a_line_at_once(
    writeoffs: WriteOffs, fact: Callable[[UUID], AccountFact], of_debt: str | None, of_credit: str | None
) -> None:
    """As the ledger would find it when it posts."""
    debt, credit, elsewhere = writeoffs.owing(100_00), writeoffs.owing(), uuid4()
    beside = (LinkedAccount(account=elsewhere, kind=AccountKind.RENT, former=False, balance_pence=0),)
    for account in (debt, credit):
        writeoffs.moved(account, linked=beside)
    listed = {await writeoffs.ready(debt): of_debt, await unclaimed_credit(writeoffs, credit): of_credit}
    alone = await writeoffs.ready(writeoffs.owing())
    schedules = [await writeoffs.scheduled(one) for one in (*listed, alone)]
    await writeoffs.do(move, fact(elsewhere))
    stand = {line: told for schedule in schedules for line, told in (await writeoffs.standings(schedule)).items()}
    assert stand == {line: ("dropped", because) if because else ("listed", None) for line, because in (*listed.items(), (alone, None))}


async def test_somebody_whom_another_day_of_the_tenancys_end_brings_in_drops_what_is_not_shown_of_them(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    [tenant] = writeoffs.ledger.debts[account].people
    proposal = await writeoffs.proposed(account, Reason.PRISON)
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)
    await writeoffs.assessed(proposal)
    schedule = await writeoffs.scheduled(proposal)
    ended = TenancyEnded(account=account, balance_pence=40_00, tenancy=uuid4(), ended_on=TODAY - timedelta(days=60))
    await writeoffs.do(end, ended)
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    writeoffs.moved(account, people=(tenant, PersonFacts(person=uuid4())))
    await writeoffs.do(end, ended)
    why = "The day of the tenancy’s end was noted, and with it who answers for the account."
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", why)}


async def test_a_tenancy_that_has_not_ended_after_all_drops_a_line_and_says_that(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(proposal)
    later = TODAY + timedelta(days=30)
    writeoffs.moved(account, status=AccountStatus.NOTICE_GIVEN, ended_on=later)
    await writeoffs.do(end, TenancyEnded(account=account, balance_pence=40_00, tenancy=uuid4(), ended_on=later))
    [(standing, why)] = (await writeoffs.standings(schedule)).values()
    assert (standing, str(why).partition(".")[0]) == ("dropped", "The tenancy has not ended")


@pytest.mark.parametrize("reason", [Reason.STATUTE_BARRED, Reason.DEBT_RELIEF_ORDER])
async def test_a_line_that_names_its_charges_stands_while_other_weeks_are_debited_and_drops_by_what_pays_its_own(
    writeoffs: WriteOffs, reason: Reason
) -> None:
    account, old, new = writeoffs.owing(80_00), owed(80_00, TODAY - timedelta(days=7 * 365)), owed(30_00, TODAY - timedelta(days=7))
    writeoffs.moved(account, charges=(old, new), balance_pence=110_00, debtor_total_pence=110_00)
    proposal = await writeoffs.proposed(account, reason)
    if reason is Reason.STATUTE_BARRED:
        await writeoffs.proves(proposal, EvidenceKind.LEGAL_CONFIRMATION)
    else:
        of_order = {"reference": "DRO 5", "order_kind": OrderKind.DEBT_RELIEF_ORDER, "listed": True, "on": TODAY - timedelta(days=366)}
        await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=ASHA)
    await writeoffs.assessed(proposal)
    schedule = await writeoffs.scheduled(proposal)
    writeoffs.moved(account, charges=(old, new, owed(30_00)), balance_pence=140_00, debtor_total_pence=140_00)
    charge = ChargePosted(account=account, balance_pence=140_00, journal=uuid4(), amount_pence=30_00, week_commencing=TODAY)
    await writeoffs.do(move, charge)
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    # That the tenancy ended brings nobody in: what else is looked at then does not speak of the balance either.
    await writeoffs.do(end, TenancyEnded(account=account, balance_pence=140_00, tenancy=uuid4(), ended_on=TODAY))
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    less = old.model_copy(update={"owed_pence": 70_00})
    writeoffs.moved(account, charges=(less, new, owed(30_00)), balance_pence=130_00, debtor_total_pence=130_00)
    await writeoffs.do(move, receipt(account, 130_00))
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", by_payment("£130.00 is owed"))}


async def test_a_movement_that_changes_nothing_owed_drops_nothing(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(100_00)
    proposal = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.do(move, receipt(account, 100_00))
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}


async def test_a_death_that_was_said_in_error_drops_what_rests_on_it_and_nothing_else(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.owing(40_00), writeoffs.owing(50_00)
    [tenant] = writeoffs.ledger.debts[account].people
    writeoffs.moved(account, people=(tenant.model_copy(update={"died_on": TODAY}),))
    dead, elsewhere = await writeoffs.proposed(account, Reason.DECEASED), await writeoffs.ready(other)
    await writeoffs.proves(dead, EvidenceKind.DEATH)
    await writeoffs.assessed(dead)
    schedule = await writeoffs.scheduled(dead, elsewhere)

    def said(died: bool, of: UUID, pence: int) -> DeathChanged:
        return DeathChanged(account=of, balance_pence=pence, person=tenant.person, died=died)

    await writeoffs.do(live, said(True, account, 40_00))
    await writeoffs.do(live, said(False, other, 50_00))
    assert {standing for standing, _ in (await writeoffs.standings(schedule)).values()} == {"listed"}
    writeoffs.moved(account, people=(tenant,))
    await writeoffs.do(live, said(False, account, 40_00))
    assert (await writeoffs.standings(schedule))[dead] == ("dropped", "That the tenant died was said in error.")


async def test_who_did_not_die_after_all_is_somebody_of_whom_a_reason_of_one_person_is_to_be_shown(
    writeoffs: WriteOffs,
) -> None:
    account = writeoffs.owing(40_00)
    [lives] = writeoffs.ledger.debts[account].people
    dead = lives.model_copy(update={"person": uuid4(), "died_on": TODAY})
    writeoffs.moved(account, people=(lives, dead))
    proposal = await writeoffs.proposed(account, Reason.PRISON)
    shown = AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY, person=lives.person, source="care home")
    await writeoffs.do(add_proof, shown, caller=ASHA)
    await writeoffs.proves(proposal, EvidenceKind.MANAGER_NOTE)
    await writeoffs.assessed(proposal)
    schedule = await writeoffs.scheduled(proposal)
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    writeoffs.moved(account, people=(lives, dead.model_copy(update={"died_on": None})))
    await writeoffs.do(live, DeathChanged(account=account, balance_pence=40_00, person=dead.person, died=False))
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", "That the tenant died was said in error.")}
    assert (await writeoffs.status(proposal))[0] != "on-schedule"


async def test_posted_lines_are_registered_and_exceptions_go_back_to_a_person(writeoffs: WriteOffs) -> None:
    accounts = [writeoffs.owing(pence) for pence in (100_00, 50_00)]
    first, second = [await writeoffs.ready(account) for account in accounts]
    schedule, decision = await writeoffs.scheduled(first, second), uuid4()
    await writeoffs.round(schedule)
    [line] = await posted(writeoffs, schedule, decision, excepted=(second,))
    assert line.line == first
    assert await writeoffs.taken(schedule, decision, (second,)) == ()
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.POSTED, decision=decision))
    standings = await writeoffs.standings(schedule)
    assert {line: standing for line, (standing, _) in standings.items()} == {first: "posted", second: "excepted"}
    assert [(await writeoffs.status(one))[0] for one in (first, second)] == ["posted", "blocked"]
    [row] = (await writeoffs.ask(queries.schedules, SchedulesAsked())).schedules
    assert (row.lines, row.left_lines, row.left_pence, row.dropped) == (2, 1, 100_00, 0), "what was left out will not be posted"
    register = await writeoffs.ask(queries.write_off_register, RegisterAsked(account=accounts[0]))
    assert [(row.proposal, row.amount_pence, row.decision) for row in register.rows] == [(first, 100_00, decision)]
    totals = await writeoffs.ask(queries.write_off_totals, TotalsAsked(since=TODAY, until=TODAY))
    assert [(one.reason, one.lines, one.amount_pence) for one in totals.totals] == [(Reason.EMIGRATED, 1, 100_00)]
    assert [one.status for one in await writeoffs.told(ProposalClosed)] == ["posted"]


async def test_what_a_decision_leaves_out_is_written_in_one_statement_for_all(writeoffs: WriteOffs) -> None:
    first, *others = [await writeoffs.ready(writeoffs.owing()) for _ in range(4)]
    schedule = await writeoffs.scheduled(first, *others)
    await writeoffs.round(schedule)
    statements: list[str] = []
    sa.event.listen(writeoffs.runtime.engine.sync_engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    [line] = await writeoffs.taken(schedule, uuid4(), tuple(others))
    assert line.line == first
    assert len([statement for statement in statements if statement.startswith("UPDATE proposal ")]) == 1
    assert {await writeoffs.status(one) for one in others} == {("blocked", LEFT_OUT, 2)}
    assert {proposal_workflow_id(one, 2) for one in others} <= set(await writeoffs.asked_of_workflows("WriteOffProposal"))


async def test_the_register_is_read_in_any_order_and_its_sums_are_over_all_that_the_filters_find(writeoffs: WriteOffs) -> None:
    owing = (100_00, 50_00, 75_00)
    accounts = [writeoffs.owing(pence) for pence in owing]
    proposals = [await writeoffs.ready(account) for account in accounts]
    schedule, decision = await writeoffs.scheduled(*proposals), uuid4()
    await writeoffs.round(schedule)
    await posted(writeoffs, schedule, decision)

    async def read(order: RegisterOrder, offset: int = 0) -> list[int]:
        found = await writeoffs.ask(queries.write_off_register, RegisterAsked(order=order, offset=offset, limit=2))
        [of_kind] = found.kinds
        assert (found.in_all, found.total_pence) == (3, 225_00) == (of_kind.lines, of_kind.amount_pence)
        return [row.amount_pence for row in found.rows]

    assert await read(RegisterOrder.LARGEST) == [100_00, 75_00]
    assert await read(RegisterOrder.SMALLEST) == [50_00, 75_00]
    assert await read(RegisterOrder.SMALLEST, 2) == [100_00]
    writeoffs.ledger.references = dict(zip(accounts, ("900B", "900C", "900A"), strict=True))
    assert await read(RegisterOrder.ACCOUNT) == [75_00, 100_00]
    assert await read(RegisterOrder.ACCOUNT, 2) == [50_00]
    del writeoffs.ledger.references[accounts[0]]
    assert await read(RegisterOrder.ACCOUNT, 2) == [100_00], "an account that the ledger does not name comes last"
    for order in RegisterOrder:
        assert sorted(await read(order) + await read(order, 2)) == sorted(owing)


async def test_the_newest_of_one_day_come_first(writeoffs: WriteOffs) -> None:
    for pence in (50_00, 75_00, 60_00, 90_00):
        schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing(pence))), uuid4()
        await writeoffs.round(schedule)
        await posted(writeoffs, schedule, decision)
    newest = await writeoffs.ask(queries.write_off_register, RegisterAsked())
    assert [row.amount_pence for row in newest.rows] == [90_00, 60_00, 75_00, 50_00]
    oldest = await writeoffs.ask(queries.write_off_register, RegisterAsked(order=RegisterOrder.OLDEST))
    assert [row.amount_pence for row in oldest.rows] == [50_00, 75_00, 60_00, 90_00]


@pytest.mark.parametrize("order", RegisterOrder)
async def test_whoever_reads_all_of_the_register_reads_each_row_once_whatever_is_posted_meanwhile(
    writeoffs: WriteOffs, order: RegisterOrder
) -> None:
    async def one_more(pence: int) -> None:
        schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing(pence))), uuid4()
        await writeoffs.round(schedule)
        await posted(writeoffs, schedule, decision)

    for pence in (50_00, 75_00, 60_00):
        await one_more(pence)
    before = (await writeoffs.ask(queries.write_off_register, RegisterAsked(order=order))).rows
    read = list((await writeoffs.ask(queries.write_off_register, RegisterAsked(order=order, limit=2))).rows)
    await one_more(90_00)
    await one_more(40_00)
    rest = await writeoffs.ask(queries.write_off_register, RegisterAsked(order=order, after=read[-1].journal))
    read += rest.rows
    known = {row.journal for row in before}
    assert [row.journal for row in read if row.journal in known] == [row.journal for row in before]
    assert len({row.journal for row in read}) == len(read)


async def test_the_ledgers_drop_comes_back_with_its_reason(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule, decision = await writeoffs.scheduled(proposal), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.drops(line, "debtor-owes-more"))
    assert await writeoffs.standings(schedule) == {
        proposal: ("dropped", "The debtor owes more in all than this decision, or its evidence, covers.")
    }
    assert (await writeoffs.ask(queries.write_off_register, RegisterAsked())).rows == ()


async def test_a_declined_schedule_keeps_its_record_and_closes_its_proposals(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    decision = writeoffs.approvals.decides(schedule, Answer.DECLINED, reason_code="no-evidence")
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.DECLINED, decision=decision))
    page = await writeoffs.ask(queries.schedule_page, ScheduleAsked(schedule=schedule))
    assert [(line.standing, line.because) for line in page.lines] == [("declined", "no-evidence")]
    assert (await writeoffs.status(proposal))[0] == "declined"
    assert await writeoffs.proposed(account) != proposal
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule, 2)


async def test_a_question_is_answered_by_taking_a_line_off_and_asking_about_another_content(writeoffs: WriteOffs) -> None:
    first, second = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00))
    schedule = await writeoffs.scheduled(first, second)
    before = await writeoffs.round(schedule)
    off = TakeOffSchedule(schedule=schedule, proposal=first, note="we know where he is")
    with pytest.raises(NotSentBack):
        await writeoffs.do(take_off_schedule, off, caller=ASHA)
    await writeoffs.comes_to(schedule, ScheduleStatus.SENT_BACK)
    await writeoffs.do(take_off_schedule, off, caller=ASHA)
    await writeoffs.do(answer_schedule, AnswerSchedule(schedule=schedule, note="taken off"), caller=ASHA)
    assert await writeoffs.asked_of_workflows("schedule_changed") == [f"write-off-schedule/{schedule}"] * 2
    stands = await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))
    assert (stands.answered_round, stands.withdrawn) == (1, False)
    after = await writeoffs.round(schedule, 2)
    assert (before.lines, after.lines) == (2, 1)
    assert before.content_hash != after.content_hash
    assert (await writeoffs.status(first))[0] == "ready"


async def test_the_last_line_that_is_taken_off_leaves_nothing_to_answer_and_its_story_is_told(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    await writeoffs.comes_to(schedule, ScheduleStatus.SENT_BACK)
    off = TakeOffSchedule(schedule=schedule, proposal=proposal, note="we know where he is")
    await writeoffs.do(take_off_schedule, off, caller=ASHA)
    assert await writeoffs.asked_of_workflows("schedule_changed") == [f"write-off-schedule/{schedule}"]
    assert (await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).empty
    assert (await writeoffs.round(schedule, 2)).content_hash is None


async def test_a_withdrawn_schedule_makes_its_proposals_ready_again(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="wrong month"), caller=BRYN)
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.WITHDRAWN))
    assert (await writeoffs.status(proposal))[0] == "ready"
    assert await writeoffs.scheduled(proposal) != schedule


async def withdrawn(writeoffs: WriteOffs, schedule: UUID) -> None:
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="wrong month"), caller=BRYN)


@pytest.mark.parametrize(("answer", "words"), [(Answer.APPROVED, "Have the approval recalled"), (Answer.DECLINED, "was declined")])
async def test_what_is_decided_is_not_withdrawn_unless_the_decision_falls(writeoffs: WriteOffs, answer: Answer, words: str) -> None:
    """The story may not have heard of the decision yet: the schedule is still with whoever decides."""
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)
    for waits_until in (None, TODAY + timedelta(days=1)):
        writeoffs.approvals.decides(schedule, answer, carried_out_from=waits_until)
        with pytest.raises(DecidedAlready, match=words):
            await withdrawn(writeoffs, schedule)
    assert not (await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).withdrawn
    writeoffs.approvals.comes_to_nothing(schedule)
    await withdrawn(writeoffs, schedule)
    assert (await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).withdrawn


async def test_a_schedule_of_which_it_is_not_known_whether_it_is_decided_is_not_withdrawn(writeoffs: WriteOffs) -> None:
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)
    writeoffs.approvals.silent = True
    with pytest.raises(Unanswered):
        await withdrawn(writeoffs, schedule)
    assert not (await writeoffs.do(read_schedule, ReadSchedule(schedule=schedule))).withdrawn


async def test_a_schedule_is_either_withdrawn_or_carried_out_whichever_comes_first(writeoffs: WriteOffs) -> None:
    """The decision and the withdrawal can miss each other. Handing out the first lines and the withdrawal take one lock."""
    first, second = [await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing())) for _ in range(2)]
    for schedule in (first, second):
        await writeoffs.round(schedule)
    await withdrawn(writeoffs, first)
    decision = uuid4()
    with pytest.raises(ScheduleWithdrawn):
        await writeoffs.taken(first, decision)
    assert {standing for standing, _ in (await writeoffs.standings(first)).values()} == {"listed"}
    await writeoffs.taken(second, decision)
    writeoffs.approvals.comes_to_nothing(second)
    with pytest.raises(DecidedAlready, match="being carried out"):
        await withdrawn(writeoffs, second)


async def test_approvals_is_told_that_a_schedule_was_withdrawn(writeoffs: WriteOffs) -> None:
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    begun = await writeoffs.round(schedule)
    asked = ScheduleOfHash(schedule=schedule, content_hash=begun.content_hash or "")
    assert not (await writeoffs.ask(queries.schedule_to_decide, asked)).withdrawn
    await withdrawn(writeoffs, schedule)
    assert (await writeoffs.ask(queries.schedule_to_decide, asked)).withdrawn


async def test_lines_are_handed_out_by_the_decision_that_approvals_has_and_no_other(writeoffs: WriteOffs) -> None:
    """Whoever reaches Temporal could name any decision, and any line as left out."""
    first, second = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00))
    schedule = await writeoffs.scheduled(first, second)
    await writeoffs.round(schedule)

    def take(decision: UUID) -> TakeLines:
        return TakeLines(schedule=schedule, round=1, decision=decision, excepted=(first,))

    tomorrow = TODAY + timedelta(days=1)
    unheard, declined = uuid4(), writeoffs.approvals.decides(schedule, Answer.DECLINED)
    for forged in (unheard, declined, writeoffs.approvals.decides(schedule, carried_out_from=tomorrow)):
        with pytest.raises(NotDecidedSo):
            await writeoffs.do(take_lines, take(forged))
    assert set((await writeoffs.standings(schedule)).values()) == {("listed", None)}
    decision = writeoffs.approvals.decides(schedule, excepted=(second,))
    assert [line.line for line in (await writeoffs.do(take_lines, take(decision))).lines] == [first]
    await writeoffs.do(take_lines, take(decision))
    assert {line: standing for line, (standing, _) in (await writeoffs.standings(schedule)).items()} == {
        first: "posting",
        second: "excepted",
    }


@pytest.mark.parametrize("status", ScheduleStatus)
async def test_a_schedule_has_come_to_where_its_rows_and_approvals_have_it(writeoffs: WriteOffs, status: ScheduleStatus) -> None:
    """Whoever reaches Temporal could say that it was sent back, and have lines taken off while somebody decides on them."""
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)

    async def noted() -> str:
        await writeoffs.do(note_schedule, NoteSchedule(schedule=schedule, status=status))
        [row] = await writeoffs.rows("SELECT status FROM schedule WHERE id = :id", id=schedule)
        return str(row["status"])

    said = [await noted()]
    writeoffs.approvals.decides(schedule, carried_out_from=TODAY + timedelta(days=1))
    said.append(await noted())
    writeoffs.approvals.decides(schedule)
    said.append(await noted())
    writeoffs.approvals.comes_to_nothing(schedule)
    writeoffs.approvals.sends_back(schedule)
    said.append(await noted())
    come_to = (ScheduleStatus.WITH_APPROVER, ScheduleStatus.CALL_IN, ScheduleStatus.POSTING, ScheduleStatus.SENT_BACK)
    here = come_to.index(status) if status in come_to else len(said)
    assert said == ["with-approver"] * here + [status.value] * (len(said) - here)


async def test_a_round_follows_what_ended_the_one_before_and_no_word_of_a_step(writeoffs: WriteOffs) -> None:
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)
    with pytest.raises(NotDecidedSo):
        await writeoffs.round(schedule, 2)
    await writeoffs.comes_to(schedule, ScheduleStatus.SENT_BACK)
    writeoffs.approvals.fell.add((schedule, 1))
    with pytest.raises(NotDecidedSo):
        await writeoffs.round(schedule, 2)
    await writeoffs.do(answer_schedule, AnswerSchedule(schedule=schedule, note="as she says"), caller=ASHA)
    assert (await writeoffs.round(schedule, 2)).lines == 1
    with pytest.raises(NotDecidedSo):
        await writeoffs.round(schedule, 3)
    writeoffs.approvals.fell.add((schedule, 2))
    assert (await writeoffs.round(schedule, 3)).lines == 1


async def test_a_round_that_somebody_else_has_begun_is_answered_as_it_stands(writeoffs: WriteOffs) -> None:
    """Whoever reaches Temporal could begin the next round before its story does."""
    first, second = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00))
    schedule = await writeoffs.scheduled(first, second)
    begun = await writeoffs.round(schedule)
    assert await writeoffs.round(schedule) == begun
    writeoffs.approvals.fell.add((schedule, 1))
    begun_by_somebody = await writeoffs.round(schedule, 2)
    await writeoffs.proves(first, EvidenceKind.CONTACT)
    again = await writeoffs.round(schedule, 2)
    assert (again.content_hash, again.lines) == (begun_by_somebody.content_hash, 1)
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule, 1)
    await writeoffs.proves(second, EvidenceKind.CONTACT)
    assert await writeoffs.round(schedule, 2) == RoundBegun(content_hash=None, lines=0)


async def test_a_round_of_which_lines_were_handed_out_is_not_begun_again(writeoffs: WriteOffs) -> None:
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing())), uuid4()
    await writeoffs.round(schedule)
    assert len(await writeoffs.taken(schedule, decision)) == 1
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule)


async def test_lines_that_somebody_else_has_taken_are_handed_out_again_until_they_have_an_outcome(writeoffs: WriteOffs) -> None:
    """Whoever reaches Temporal could take them before the story of the schedule does."""
    spoke, other = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00))
    schedule, decision = await writeoffs.scheduled(spoke, other), uuid4()
    await writeoffs.round(schedule)
    by_somebody = await writeoffs.taken(schedule, decision)
    assert {line.line for line in by_somebody} == {spoke, other}
    assert await writeoffs.taken(schedule, decision) == by_somebody
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(by_somebody[0], decision))
    assert await writeoffs.taken(schedule, decision) == by_somebody[1:]
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(by_somebody[1], decision))
    assert await writeoffs.taken(schedule, decision) == ()


async def test_the_ledger_is_told_which_lines_were_handed_out_on_a_decision_and_have_no_outcome(writeoffs: WriteOffs) -> None:
    spoke, other = await writeoffs.ready(writeoffs.owing(100_00)), await writeoffs.ready(writeoffs.owing(50_00))
    schedule, decision = await writeoffs.scheduled(spoke, other), uuid4()
    await writeoffs.round(schedule)

    async def handed_out(on: UUID) -> tuple[UUID, ...]:
        asked = LinesToPost(schedule=schedule, decision=on, lines=(spoke, other, uuid4()))
        return (await writeoffs.ask(queries.lines_handed_out, asked)).lines

    assert await handed_out(decision) == ()
    await writeoffs.proves(spoke, EvidenceKind.CONTACT)
    [line] = await writeoffs.taken(schedule, decision)
    assert await handed_out(decision) == (other,)
    assert await handed_out(uuid4()) == ()
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    assert await handed_out(decision) == ()


@pytest.mark.parametrize("status", [ScheduleStatus.DECLINED, ScheduleStatus.POSTED, ScheduleStatus.WITHDRAWN, ScheduleStatus.EMPTY])
async def test_a_schedule_does_not_end_as_its_rows_and_approvals_do_not_have_it(writeoffs: WriteOffs, status: ScheduleStatus) -> None:
    """Whoever reaches Temporal could say it."""
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    for decision in (None, uuid4(), writeoffs.approvals.decides(schedule)):
        told = CloseSchedule(schedule=schedule, round=1, status=status, decision=decision, reason_code="may-be-recovered")
        with pytest.raises(NotDecidedSo):
            await writeoffs.do(close_schedule, told)
    assert (await writeoffs.status(proposal))[0] == "on-schedule"


async def test_what_the_ledger_refused_whole_is_asked_about_anew(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.round(schedule)
    assert len(await writeoffs.taken(schedule, uuid4())) == 1
    with pytest.raises(AnotherRound):
        await writeoffs.round(schedule, 2)
    writeoffs.approvals.comes_to_nothing(schedule)
    assert (await writeoffs.round(schedule, 2)).lines == 1


async def test_two_schedules_at_once_list_a_proposal_once(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    made = await asyncio.gather(writeoffs.scheduled(proposal), writeoffs.scheduled(proposal), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["NothingIsReady", "UUID"]


# --- putting back -----------------------------------------------------------------------------------------------------------------------


async def written_off(writeoffs: WriteOffs, account: UUID) -> UUID:
    """The journal of a write-off that was posted."""
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(account)), uuid4()
    await writeoffs.round(schedule)
    await posted(writeoffs, schedule, decision)
    [row] = await writeoffs.rows("SELECT journal FROM register WHERE account = :a AND kind = 'write-off'", a=account)
    journal: UUID = row["journal"]
    past = PastWriteOff(journal=journal, line=uuid4(), on=TODAY, amount_pence=312_40, reinstated_pence=0, discharged=False)
    writeoffs.moved(account, balance_pence=0, charges=(), write_offs=(past,), debtor_total_pence=312_40)
    return journal


async def test_a_payment_on_a_written_off_debt_proposes_to_put_back_what_was_paid(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    await writeoffs.do(receive, receipt(account, -10_00))
    [row] = await writeoffs.rows("SELECT * FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert (row["kind"], row["reason"], row["wanted_pence"], row["undoes"]) == ("reinstatement", "paying", 10_00, journal)
    assert row["raised_by"] == "system"
    await writeoffs.assessed(row["id"])
    schedule, decision = await writeoffs.scheduled(row["id"]), uuid4()
    await writeoffs.round(schedule)
    [line] = await posted(writeoffs, schedule, decision)
    assert (line.kind, line.undoes, line.amount_pence) == (LineKind.REINSTATEMENT, journal, 10_00)
    [kept] = await writeoffs.rows("SELECT amount_pence, reinstated_pence FROM register WHERE journal = :j", j=journal)
    assert kept == {"amount_pence": 312_40, "reinstated_pence": 10_00}


async def test_a_credit_that_lies_on_the_account_when_its_tenancy_ends_pays_what_was_written_off(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    for balance, proposed in ((0, []), (-10_00, [(10_00, journal, "system")])):
        writeoffs.moved(account, balance_pence=balance)
        await writeoffs.do(end, TenancyEnded(account=account, balance_pence=balance, tenancy=uuid4(), ended_on=TODAY))
        rows = await writeoffs.rows("SELECT * FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
        assert [(row["wanted_pence"], row["undoes"], row["raised_by"]) for row in rows] == proposed


@pytest.mark.parametrize("how", ["annulled", "struck"])
async def test_what_was_paid_on_a_release_is_proposed_to_be_put_back_as_soon_as_its_order_is_taken_back(
    writeoffs: WriteOffs, how: str
) -> None:
    account = writeoffs.owing(312_40, people=(PersonFacts(person=uuid4()),))
    debt, on = await writeoffs.proposed(account, Reason.BANKRUPTCY), TODAY - timedelta(days=500)
    writeoffs.moved(account, charges=(owed(312_40, on - timedelta(days=90)),))
    order = AddProof(
        proposal=debt, kind=EvidenceKind.INSOLVENCY_ORDER, on=on, reference="BKT 118", order_kind=OrderKind.BANKRUPTCY, listed=True
    )
    await writeoffs.do(add_proof, order, caller=BRYN)
    await writeoffs.assessed(debt)
    schedule = await writeoffs.scheduled(debt)
    await writeoffs.round(schedule)
    [line] = await posted(writeoffs, schedule, uuid4())
    assert (line.discharged, line.released_until, line.release_undone) == (True, on, False)
    [row] = await writeoffs.rows("SELECT journal FROM register WHERE account = :a", a=account)
    past = PastWriteOff(
        journal=row["journal"], line=debt, on=TODAY, amount_pence=312_40, reinstated_pence=0, discharged=True, released_until=on
    )
    writeoffs.moved(account, balance_pence=-10_00, charges=(), write_offs=(past,), debtor_total_pence=312_40)
    wanted = "SELECT id, raised_by FROM proposal WHERE account = :a AND closed_at IS NULL"
    await writeoffs.do(receive, receipt(account, -10_00))
    assert await writeoffs.rows(wanted, a=account) == []
    if how == "annulled":
        await writeoffs.do(add_proof, AddProof(proposal=debt, kind=EvidenceKind.BANKRUPTCY_ANNULLED, on=TODAY), caller=HANA)
    else:
        [proof] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :p", p=debt)
        await writeoffs.do(strike_proof, StrikeProof(proof=proof["id"], because="It is of another person."), caller=HANA)
    [back] = await writeoffs.rows(wanted, a=account)
    assert back["raised_by"] == "system"
    proposed = await writeoffs.rows("SELECT \"by\" FROM event WHERE proposal = :p AND what = 'proposed'", p=back["id"])
    assert proposed == [{"by": "system"}], "whoever made it known did not propose it"
    await writeoffs.assessed(back["id"])
    schedule = await writeoffs.scheduled(back["id"])
    took_part = await writeoffs.rows("SELECT person FROM participant WHERE proposal = :p", p=back["id"])
    assert {row["person"] for row in took_part} == {"bryn.officer", "hana.head"}
    await writeoffs.round(schedule)
    [line] = await posted(writeoffs, schedule, uuid4())
    assert (line.amount_pence, line.released_until, line.release_undone) == (10_00, None, True)
    kept = await writeoffs.rows(
        "SELECT discharged, reinstated_pence, release_undone FROM register WHERE account = :a ORDER BY kind", a=account
    )
    assert [tuple(row.values()) for row in kept] == [(False, 0, True), (True, 10_00, False)]


@pytest.mark.parametrize("how", ["is paid", "an order is taken back"])
async def test_where_the_policy_says_nothing_of_who_pays_that_is_proposed_all_the_same_and_says_what_is_missing(
    writeoffs: WriteOffs, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    silent = POLICY.model_copy(update={"ladders": tuple(one for one in POLICY.ladders if one.reason is not Reason.PAYING)})

    async def in_force(*_: Any) -> Any:
        return silent

    monkeypatch.setattr(queries, "in_force", in_force)
    if how == "is paid":
        writeoffs.moved(account, balance_pence=-10_00)
        await writeoffs.do(receive, receipt(account, -10_00))
    else:
        traced = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
        other = (await writeoffs.do(propose, traced, caller=ASHA)).proposal
        await writeoffs.proves(other, EvidenceKind.INSOLVENCY_ORDER, days_ago=10)
        [order] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :p", p=other)
        await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=other, note="made in error"), caller=ASHA)
        writeoffs.moved(account, balance_pence=-10_00)
        await writeoffs.do(strike_proof, StrikeProof(proof=order["id"], because="It is of another person."), caller=HANA)
    [back] = await writeoffs.rows("SELECT id, wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert back["wanted_pence"] == 10_00
    await writeoffs.assessed(back["id"])
    status, note, _ = await writeoffs.status(back["id"])
    assert (status, note.partition(":")[0]) == (
        "blocked",
        "The policy in force does not say what is asked for to put a debt back as “paying”",
    )
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=back["id"], note="by hand"), caller=ASHA)
    by_hand = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.PAYING, undoes=journal, amount_pence=10_00)
    with pytest.raises(NoLadder):
        await writeoffs.do(propose, by_hand, caller=ASHA)
    monkeypatch.undo()
    again = (await writeoffs.do(propose, by_hand, caller=ASHA)).proposal
    await writeoffs.assessed(again)
    assert (await writeoffs.status(again))[0] == "ready"


async def test_what_the_law_has_released_may_be_proposed_and_waits_until_its_end_is_shown(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40, people=(PersonFacts(person=uuid4()),))
    journal, on = await written_off(writeoffs, account), TODAY - timedelta(days=30)
    [past] = writeoffs.ledger.debts[account].write_offs
    writeoffs.moved(account, write_offs=(past.model_copy(update={"discharged": True, "released_until": on}),))
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
    back = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    order = {"reference": "DRO 9", "order_kind": OrderKind.DEBT_RELIEF_ORDER, "listed": True}
    await writeoffs.do(add_proof, AddProof(proposal=back, kind=EvidenceKind.INSOLVENCY_ORDER, on=on, **order), caller=BRYN)
    await writeoffs.proves(back, EvidenceKind.CONTACT)
    await writeoffs.assessed(back)
    status, note, _ = await writeoffs.status(back)
    assert status == "blocked"
    assert "it is put back only once it is shown" in note
    await writeoffs.do(add_proof, AddProof(proposal=back, kind=EvidenceKind.DEBT_RELIEF_REVOKED, on=TODAY), caller=BRYN)
    await writeoffs.assessed(back)
    assert (await writeoffs.status(back))[0] == "ready"


async def test_a_payment_that_is_heard_late_and_is_owed_again_already_is_not_proposed_again(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    [past] = writeoffs.ledger.debts[account].write_offs
    writeoffs.moved(account, balance_pence=0, write_offs=(past.model_copy(update={"reinstated_pence": 10_00}),))
    await writeoffs.do(receive, receipt(account, -10_00))
    assert await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account) == []


async def test_what_is_proposed_already_is_not_proposed_anew_by_what_moves_nothing(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    for _ in range(2):
        await writeoffs.do(receive, receipt(account, -10_00))
    assert len(await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND kind = 'reinstatement'", a=account)) == 1


async def test_the_charges_of_what_was_written_off_and_of_what_is_put_back_stand_on_the_page_of_each(writeoffs: WriteOffs) -> None:
    account, charge = writeoffs.owing(312_40), owed(312_40)
    journal = await written_off(writeoffs, account)
    [past] = writeoffs.ledger.debts[account].write_offs
    writeoffs.moved(account, write_offs=(past.model_copy(update={"charges": (charge,)}),))
    [row] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a", a=account)
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
    back = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    for proposal in (row["id"], back):
        assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).goes == (charge,)
    await writeoffs.proves(back, EvidenceKind.CONTACT)
    await writeoffs.assessed(back)
    schedule, decision = await writeoffs.scheduled(back), uuid4()
    await writeoffs.round(schedule)
    await posted(writeoffs, schedule, decision)
    [put] = await writeoffs.rows("SELECT journal FROM proposal WHERE id = :id", id=back)
    given = (PutBack(journal=uuid4(), charges=(owed(1_00),)), PutBack(journal=put["journal"], charges=(charge,)))
    left = {"charges": (), "reinstated_pence": 312_40, "put_back": given}
    writeoffs.moved(account, balance_pence=312_40, write_offs=(past.model_copy(update=left),))
    for proposal, goes in ((row["id"], ()), (back, (charge,))):
        assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).goes == goes


async def test_the_rest_is_put_back_by_the_elements_that_are_left(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    for wanted in (10_00, None):
        told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal, amount_pence=wanted)
        proposal = (await writeoffs.do(propose, told, caller=ASHA)).proposal
        await writeoffs.proves(proposal, EvidenceKind.CONTACT)
        await writeoffs.assessed(proposal)
        schedule, decision = await writeoffs.scheduled(proposal), uuid4()
        await writeoffs.round(schedule)
        [line] = await posted(writeoffs, schedule, decision)
        assert line.amount_pence == (wanted or 302_40)
        past = PastWriteOff(journal=journal, line=uuid4(), on=TODAY, amount_pence=312_40, reinstated_pence=10_00, discharged=False)
        writeoffs.moved(account, balance_pence=0, write_offs=(past,))
    [kept] = await writeoffs.rows("SELECT amount_pence, reinstated_pence FROM register WHERE journal = :j", j=journal)
    assert kept == {"amount_pence": 312_40, "reinstated_pence": 312_40}


async def test_a_schedule_of_which_every_line_fell_out_has_posted_nothing_and_says_so(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(100_00)
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(account)), uuid4()
    await writeoffs.round(schedule)
    lines = await writeoffs.taken(schedule, decision, ())
    await writeoffs.settled(schedule, decision, *(writeoffs.ledger.drops(one, "dispute") for one in lines))
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.POSTED, decision=decision))
    [row] = await writeoffs.rows("SELECT status FROM schedule WHERE id = :id", id=schedule)
    assert row["status"] == "empty"


async def test_a_schedule_that_had_posted_some_lines_before_its_recall_is_posted_though_the_others_fall_out(writeoffs: WriteOffs) -> None:
    accounts = [writeoffs.owing(100_00), writeoffs.owing(200_00)]
    schedule, decision = await writeoffs.scheduled(*[await writeoffs.ready(account) for account in accounts]), uuid4()
    await writeoffs.round(schedule)
    first, other = await writeoffs.taken(schedule, decision)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(first, decision))
    writeoffs.approvals.comes_to_nothing(schedule)
    assert (await writeoffs.round(schedule, 2)).lines == 1
    await writeoffs.do(move, receipt(other.account, 150_00))
    assert (await writeoffs.round(schedule, 3)).content_hash is None
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=3, status=ScheduleStatus.EMPTY))
    [row] = await writeoffs.rows("SELECT status FROM schedule WHERE id = :id", id=schedule)
    assert row["status"] == "posted"


NO_MORE_LEFT = "It is more than is left to put back of what was written off."


async def paid_back(writeoffs: WriteOffs) -> tuple[UUID, UUID, UUID]:
    """An account on whose written-off debt £10 were paid, the schedule with what was proposed of it, and that proposal."""
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    await writeoffs.do(receive, receipt(account, -10_00))
    [row] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    await writeoffs.assessed(row["id"])
    return account, await writeoffs.scheduled(row["id"]), row["id"]


async def test_whoever_pays_each_week_owes_again_what_was_listed_and_next_what_was_paid_since(writeoffs: WriteOffs) -> None:
    account, schedule, proposal = await paid_back(writeoffs)
    for balance in (-20_00, -30_00):
        writeoffs.moved(account, balance_pence=balance)
        await writeoffs.do(receive, receipt(account, balance))
        assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    await writeoffs.round(schedule)
    decision = uuid4()
    [line] = await writeoffs.taken(schedule, decision)
    [past] = writeoffs.ledger.debts[account].write_offs
    writeoffs.moved(account, balance_pence=-20_00, write_offs=(past.model_copy(update={"reinstated_pence": 10_00}),))
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    [rest] = await writeoffs.rows("SELECT id, wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert rest["wanted_pence"] == 20_00
    # On no schedule it waits for nobody either, where a hand was had in it, so that it is not made anew with the next payment.
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=rest["id"], note="right"), caller=BRYN)
    await writeoffs.assessed(rest["id"])
    writeoffs.moved(account, balance_pence=-30_00)
    await writeoffs.do(receive, receipt(account, -30_00))
    await writeoffs.assessed(rest["id"])
    assert (await writeoffs.status(rest["id"]))[:2] == ("ready", "")


CREDIT_GONE = "The credit that it answers is no longer on the account: an earlier payment or credit of £10.00 was reversed"


@pytest.mark.parametrize(
    ("balance", "back", "says"),
    [
        (-9_99, 0, f"{CREDIT_GONE}, and it is £9.99 in credit now."),
        (0, 0, f"{CREDIT_GONE}, and nothing is owed now."),
        (-20_00, 302_41, NO_MORE_LEFT),
        (-20_00, 302_40, None),
    ],
    ids=["less than it gives", "undone or refunded", "put back otherwise", "as much is left"],
)
async def test_what_is_put_back_of_a_payment_falls_with_its_credit_or_with_what_is_left_to_put_back(
    writeoffs: WriteOffs, balance: int, back: int, says: str | None
) -> None:
    account, schedule, proposal = await paid_back(writeoffs)
    [past] = writeoffs.ledger.debts[account].write_offs
    writeoffs.moved(account, balance_pence=balance, write_offs=(past.model_copy(update={"reinstated_pence": back}),))
    await writeoffs.do(come_back, undone(account, uuid4(), -10_00, balance))
    assert await writeoffs.standings(schedule) == {proposal: ("listed", None) if says is None else ("dropped", says)}
    if says is not None and not back:
        await writeoffs.assessed(proposal)
        assert "The account has no credit of £10.00 that was paid" in (await writeoffs.status(proposal))[1]


async def test_a_second_payment_is_put_back_together_with_the_first(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    for balance in (-10_00, -25_00):
        writeoffs.moved(account, balance_pence=balance)
        await writeoffs.do(receive, receipt(account, balance))
    rows = await writeoffs.rows("SELECT wanted_pence, status FROM proposal WHERE account = :a AND kind = 'reinstatement'", a=account)
    assert sorted((row["wanted_pence"], row["status"]) for row in rows) == [(10_00, "withdrawn"), (25_00, "gathering")]


async def test_a_second_payment_is_put_back_with_the_first_where_evidence_was_brought_to_an_earlier_proposal_too(
    writeoffs: WriteOffs,
) -> None:
    account = writeoffs.owing(312_40)
    earlier = await writeoffs.proposed(account)
    await writeoffs.do(add_proof, AddProof(proposal=earlier, kind=EvidenceKind.COURT_ACTION, on=TODAY), caller=HANA)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=earlier, note="made in error"), caller=ASHA)
    await written_off(writeoffs, account)
    for balance in (-10_00, -25_00):
        writeoffs.moved(account, balance_pence=balance)
        await writeoffs.do(receive, receipt(account, balance))
    [row] = await writeoffs.rows("SELECT id, wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert row["wanted_pence"] == 25_00
    people = await writeoffs.rows("SELECT person, part FROM participant WHERE proposal = :id", id=row["id"])
    assert people == [{"person": "hana.head", "part": "brought evidence earlier"}]


async def test_a_payment_leaves_alone_what_a_person_has_had_a_hand_in(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    await writeoffs.do(receive, receipt(account, -10_00))
    [row] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=row["id"], note="she rang"), caller=ASHA)
    await writeoffs.do(receive, receipt(account, -25_00))
    [kept] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert kept == row


async def test_what_was_paid_while_the_first_payment_was_being_decided_is_proposed_afterwards(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    await writeoffs.do(receive, receipt(account, -10_00))
    [row] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    await writeoffs.assessed(row["id"])
    schedule, decision = await writeoffs.scheduled(row["id"]), uuid4()
    await writeoffs.round(schedule)
    taken = await writeoffs.taken(schedule, decision)
    # The ledger has posted it, and another payment after it; both facts come before the outcome does.
    writeoffs.moved(account, balance_pence=-15_00)
    await writeoffs.do(receive, receipt(account, -15_00))
    await writeoffs.settled(schedule, decision, *(writeoffs.ledger.posts(line, decision) for line in taken))
    [rest] = await writeoffs.rows("SELECT wanted_pence, undoes FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert rest == {"wanted_pence": 15_00, "undoes": journal}


@pytest.mark.parametrize("heard", ["before its line is settled", "afterwards", "meanwhile"])
async def test_what_was_paid_once_the_ledger_had_written_a_debt_off_is_proposed_whenever_it_is_heard(
    writeoffs: WriteOffs, heard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = writeoffs.owing(312_40)
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(account)), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    outcome = writeoffs.ledger.posts(line, decision)
    assert outcome.journal is not None
    past = PastWriteOff(journal=outcome.journal, line=line.line, on=TODAY, amount_pence=312_40, reinstated_pence=0, discharged=False)
    writeoffs.moved(account, balance_pence=0, charges=(), write_offs=(past,))

    def paid() -> ReceiptPosted:
        writeoffs.moved(account, balance_pence=-10_00)
        return receipt(account, -10_00)

    hearing: list[asyncio.Task[None]] = []
    ask = work.facts_of

    async def late(*told: Any) -> Any:
        """The ledger has answered that nothing was paid, and is paid."""
        answered = await ask(*told)
        hearing.append(asyncio.create_task(writeoffs.do(receive, paid())))
        await writeoffs.somebody_waits()
        return answered

    if heard == "meanwhile":
        monkeypatch.setattr("writeoffs.use_cases.owe_again.facts_of", late)
    elif heard == "before its line is settled":
        await writeoffs.do(receive, paid())
    await writeoffs.settled(schedule, decision, outcome)
    if heard == "afterwards":
        await writeoffs.do(receive, paid())
    await asyncio.gather(*hearing)
    [rest] = await writeoffs.rows("SELECT wanted_pence, undoes FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert rest == {"wanted_pence": 10_00, "undoes": outcome.journal}


def undone(account: UUID, charge: UUID, pence: int, balance: int) -> JournalReversed:
    return JournalReversed(account=account, balance_pence=balance, journal=uuid4(), reverses=charge, amount_pence=-pence)


def nobodys(charge: ChargeOwed) -> ChargeOwed:
    """What was written off of a charge that was undone since, as the ledger tells it."""
    return charge.model_copy(update={"undone": True})


async def test_a_charge_that_is_undone_after_it_was_written_off_is_proposed_back_and_one_that_was_paid_is_not(
    writeoffs: WriteOffs,
) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    gone = owed(312_40)
    past = writeoffs.ledger.debts[account].write_offs[0].model_copy(update={"charges": (gone,)})
    writeoffs.moved(account, balance_pence=-80_00, write_offs=(past,))
    await writeoffs.do(come_back, undone(account, uuid4(), 80_00, -80_00))
    assert await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account) == []
    writeoffs.moved(account, balance_pence=-312_40, write_offs=(past.model_copy(update={"charges": (nobodys(gone),)}),))
    await writeoffs.do(come_back, undone(account, gone.journal, 312_40, -312_40))
    [back] = await writeoffs.rows("SELECT * FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    told = (back["wanted_pence"], back["undoes"], back["reason"], back["note"])
    assert told == (312_40, journal, "charge-undone", "A charge of what was written off was undone: nobody paid this credit.")
    await writeoffs.assessed(back["id"])
    schedule = await writeoffs.scheduled(back["id"])
    await writeoffs.round(schedule)
    await posted(writeoffs, schedule, uuid4())
    found = await writeoffs.ask(queries.write_off_register, RegisterAsked(account=account, reason=Reason.CHARGE_UNDONE))
    assert [(row.kind, row.amount_pence) for row in found.rows] == [(LineKind.REINSTATEMENT, 312_40)]


@pytest.mark.parametrize("paid", [0, 10_00])
async def test_a_charge_that_is_undone_comes_back_of_the_write_off_that_holds_it_and_what_was_paid_beside_it_once_that_is_posted(
    writeoffs: WriteOffs, paid: int
) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    oldest, gone = owed(222_40), owed(90_00, TODAY - timedelta(days=900))
    # As the ledger tells it: what was undone comes back first.
    holds = writeoffs.ledger.debts[account].write_offs[0].model_copy(update={"charges": (nobodys(gone), oldest)})
    later = {"journal": uuid4(), "line": uuid4(), "amount_pence": 200_00, "charges": (owed(200_00, TODAY - timedelta(days=800)),)}
    writeoffs.moved(account, balance_pence=-90_00 - paid, write_offs=(holds, holds.model_copy(update=later)))
    await writeoffs.do(come_back, undone(account, gone.journal, 90_00, -90_00 - paid))
    [back] = await writeoffs.rows("SELECT id, wanted_pence, undoes FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert (back["wanted_pence"], back["undoes"]) == (90_00, journal)
    await writeoffs.assessed(back["id"])
    schedule, decision = await writeoffs.scheduled(back["id"]), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    assert (line.undoes, line.amount_pence, line.charges) == (journal, 90_00, (gone.journal,))
    left = holds.model_copy(update={"charges": (oldest,), "reinstated_pence": 90_00})
    writeoffs.moved(account, balance_pence=-paid, write_offs=(left,))
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    rest = await writeoffs.rows("SELECT wanted_pence, undoes, reason FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert [tuple(row.values()) for row in rest] == ([(paid, journal, "paying")] if paid else [])


async def test_charges_that_are_undone_one_after_the_other_come_back_together(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    rest, first, second = owed(100_00), owed(90_00), owed(122_40)
    past = writeoffs.ledger.debts[account].write_offs[0]
    first_gone = (nobodys(first), rest, second)
    both_gone = (nobodys(first), nobodys(second), rest)
    for charges, gone, balance in ((first_gone, first, -90_00), (both_gone, second, -212_40)):
        writeoffs.moved(account, balance_pence=balance, write_offs=(past.model_copy(update={"charges": charges}),))
        await writeoffs.do(come_back, undone(account, gone.journal, gone.owed_pence, balance))
    wanted = "SELECT wanted_pence, undoes, reason FROM proposal WHERE account = :a AND closed_at IS NULL"
    [back] = await writeoffs.rows(wanted, a=account)
    assert tuple(back.values()) == (212_40, journal, "charge-undone")
    writeoffs.moved(account, balance_pence=-250_00)
    await writeoffs.do(receive, receipt(account, -250_00))
    [back] = await writeoffs.rows(wanted, a=account)
    assert tuple(back.values()) == (212_40, journal, "charge-undone"), "what is paid beside it is another matter"


# What was written off of a charge that was undone, in pence, with the balance that this left and what of it had come back before.
UNDONE = [
    pytest.param(84_20, 0, 84_20, None, id="a week that is still owed was paid by nothing"),
    pytest.param(60_00, 0, -20_00, None, id="newer debt was paid by nothing"),
    pytest.param(91_00, 0, -91_00, "discharged", id="the law had released all of it"),
    pytest.param(91_00, 0, -91_00, "released", id="an order had released what fell due by then"),
    pytest.param(91_00, 0, -91_00, "an order", id="an order became known since"),
    pytest.param(91_00, 0, -91_00, "insolvent", id="an insolvency is recorded"),
    pytest.param(100_00, 30_00, -70_00, None, id="some of it was put back before"),
]


@pytest.mark.parametrize(("pence", "back_before", "balance", "law"), UNDONE)
async def test_what_was_written_off_of_an_undone_charge_comes_back_whole_whatever_is_owed_and_the_law_has_released(
    writeoffs: WriteOffs, pence: int, back_before: int, balance: int, law: str | None
) -> None:
    account = writeoffs.owing(312_40, people=(PersonFacts(person=uuid4()),))
    if law == "an order":
        of_order = {"reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True, "on": TODAY}
        other = await writeoffs.proposed(account)
        await writeoffs.do(add_proof, AddProof(proposal=other, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=BRYN)
        await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=other, note="made in error"), caller=ASHA)
    journal = await written_off(writeoffs, account)
    if back_before:
        async with writeoffs.runtime.engine.begin() as connection:
            came_back = "UPDATE register SET reinstated_pence = :pence WHERE journal = :journal"
            await connection.execute(sa.text(came_back), {"pence": back_before, "journal": journal})
    gone, rest = owed(pence - back_before), owed(312_40 - pence)
    past = (
        writeoffs.ledger.debts[account]
        .write_offs[0]
        .model_copy(
            update={
                "charges": (nobodys(gone), rest),
                "reinstated_pence": back_before,
                "discharged": law == "discharged",
                "released_until": TODAY if law == "released" else None,
            }
        )
    )
    holds = (AccountHold.INSOLVENCY,) if law == "insolvent" else ()
    writeoffs.moved(account, balance_pence=balance, write_offs=(past,), account_holds=holds)
    await writeoffs.do(come_back, undone(account, gone.journal, pence, balance))
    wanted = "SELECT id, wanted_pence, undoes, reason FROM proposal WHERE account = :a AND closed_at IS NULL"
    [back] = await writeoffs.rows(wanted, a=account)
    assert (back["wanted_pence"], back["undoes"], back["reason"]) == (pence - back_before, journal, "charge-undone")
    await writeoffs.assessed(back["id"])
    schedule, decision = await writeoffs.scheduled(back["id"]), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    assert (line.undoes, line.amount_pence, line.charges) == (journal, pence - back_before, (gone.journal,))
    came = past.model_copy(update={"charges": (rest,), "reinstated_pence": pence})
    writeoffs.moved(account, balance_pence=balance + pence - back_before, write_offs=(came,))
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    assert await writeoffs.rows(wanted, a=account) == [], "that is all, and nobody has paid anything"


UNDONE_OPEN = "SELECT id, wanted_pence, status FROM proposal WHERE account = :a AND closed_at IS NULL"


async def of_an_undone_charge(writeoffs: WriteOffs, balance: int) -> tuple[UUID, UUID, PastWriteOff]:
    """The account, the proposal that was made of itself to put £100 back, and the write-off."""
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    gone = owed(100_00)
    past = writeoffs.ledger.debts[account].write_offs[0].model_copy(update={"charges": (nobodys(gone), owed(212_40))})
    writeoffs.moved(account, balance_pence=balance, write_offs=(past,))
    await writeoffs.do(come_back, undone(account, gone.journal, 100_00, balance))
    [back] = await writeoffs.rows(UNDONE_OPEN, a=account)
    return account, back["id"], past


async def test_what_comes_back_of_an_undone_charge_stands_while_other_weeks_are_debited_and_paid(writeoffs: WriteOffs) -> None:
    account, proposal, past = await of_an_undone_charge(writeoffs, 50_00)
    await writeoffs.assessed(proposal)
    debit = ChargePosted(account=account, balance_pence=130_00, journal=uuid4(), amount_pence=80_00, week_commencing=TODAY)
    writeoffs.moved(account, balance_pence=130_00)
    await writeoffs.do(move, debit)
    await writeoffs.assessed(proposal)
    assert await writeoffs.rows(UNDONE_OPEN, a=account) == [{"id": proposal, "wanted_pence": 100_00, "status": "ready"}]
    schedule = await writeoffs.scheduled(proposal)
    for balance in (210_00, 200_00, -10_00):
        writeoffs.moved(account, balance_pence=balance)
        await writeoffs.do(move, debit.model_copy(update={"balance_pence": balance}))
        assert await writeoffs.standings(schedule) == {proposal: ("listed", None)}
    # Somebody has put some of it back meanwhile: what is left of the charge is less than the line gives.
    less = past.model_copy(update={"charges": (nobodys(owed(60_00)),), "reinstated_pence": 252_40})
    writeoffs.moved(account, balance_pence=240_00, write_offs=(less,))
    await writeoffs.do(move, debit.model_copy(update={"balance_pence": 240_00}))
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", NO_MORE_LEFT)}


async def test_whoever_had_a_hand_in_what_is_proposed_anew_has_one_in_that_too(writeoffs: WriteOffs) -> None:
    account, proposal, past = await of_an_undone_charge(writeoffs, 50_00)
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=proposal, note="right"), caller=BRYN)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="not now"), caller=ASHA)
    taking_part = "SELECT DISTINCT person FROM participant WHERE proposal = :id ORDER BY person"
    assert await writeoffs.rows(UNDONE_OPEN, a=account) == [], "a person has set it aside"
    # Another charge of it is undone: that was not set aside.
    charges, before = (*past.charges[:1], *(owed(pence) for pence in (12_40, 200_00))), None
    for count, balance in ((2, 37_60), (3, -162_40)):
        more = past.model_copy(update={"charges": tuple(nobodys(one) if at < count else one for at, one in enumerate(charges))})
        writeoffs.moved(account, balance_pence=balance, write_offs=(more,))
        await writeoffs.do(come_back, undone(account, charges[count - 1].journal, charges[count - 1].owed_pence, balance))
        [again] = await writeoffs.rows(UNDONE_OPEN, a=account)
        assert (again["id"] in (proposal, before), again["wanted_pence"]) == (False, sum(one.owed_pence for one in charges[:count]))
        assert BRYN.person in {row["person"] for row in await writeoffs.rows(taking_part, id=again["id"])}
        before = again["id"]


@pytest.mark.parametrize("listed", [False, True], ids=["withdrawn", "declined"])
async def test_what_a_person_sets_aside_of_an_undone_charge_is_proposed_again_when_it_is_time_to_look_again(
    writeoffs: WriteOffs, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, proposal, past = await of_an_undone_charge(writeoffs, -100_00)
    await writeoffs.assessed(proposal)
    if listed:
        schedule = await writeoffs.scheduled(proposal)
        await writeoffs.round(schedule)
        told = {"decision": writeoffs.approvals.decides(schedule, Answer.DECLINED), "reason_code": "in-order"}
        await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.DECLINED, **told))
    else:
        await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="another first"), caller=ASHA)
    wanted = "SELECT id, wanted_pence, reason, raised_by FROM proposal WHERE account = :a AND closed_at IS NULL"
    assert await writeoffs.rows(wanted, a=account) == []
    [aside] = await writeoffs.rows("SELECT attempt, again_on FROM proposal WHERE id = :id", id=proposal)
    assert aside == {"attempt": 2, "again_on": TODAY + timedelta(days=7)}
    assert (await writeoffs.asked_of_workflows("WriteOffProposal"))[-1] == f"write-off-proposal/{proposal}/2"
    assert f"write-off-proposal/{proposal}/2" in await writeoffs.do(lambda tx, _: stories.needed(tx), None)
    # Whoever wants to proposes another meanwhile, which does not bring it back when it is withdrawn.
    traced = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=past.journal, amount_pence=212_40)
    other = (await writeoffs.do(propose, traced, caller=BRYN)).proposal
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=other, note="not found after all"), caller=BRYN)
    assert await writeoffs.rows(wanted, a=account) == []

    look = AssessProposal(proposal=proposal, attempt=2)
    told_at = await writeoffs.do(assess_proposal, look)
    assert (told_at.done, told_at.look_again_at) == (False, morning_of(TODAY + timedelta(days=7)))
    assert (await writeoffs.do(assess_proposal, look.model_copy(update={"attempt": 1}))).done
    later = TODAY + timedelta(days=7)
    monkeypatch.setattr("writeoffs.use_cases.owe_again.business_date", lambda _: later)
    for _ in range(2):
        assert (await writeoffs.do(assess_proposal, look)).done
    [again] = await writeoffs.rows(wanted, a=account)
    assert (again["wanted_pence"], again["reason"], again["raised_by"]) == (100_00, "charge-undone", "system")


async def test_an_undone_charge_comes_back_once_what_was_listed_of_another_is_posted(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    paid, gone = owed(212_40), owed(100_00, TODAY - timedelta(days=900))
    past = writeoffs.ledger.debts[account].write_offs[0].model_copy(update={"charges": (paid, gone)})
    writeoffs.moved(account, balance_pence=0, write_offs=(past,))
    traced = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal, amount_pence=212_40)
    listed = (await writeoffs.do(propose, traced, caller=ASHA)).proposal
    await writeoffs.proves(listed, EvidenceKind.FOUND)
    await writeoffs.assessed(listed)
    schedule, decision = await writeoffs.scheduled(listed), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    outcome = writeoffs.ledger.posts(line, decision)
    # The ledger posts the line, and a charge is undone before that is settled.
    left = past.model_copy(update={"charges": (nobodys(gone),), "reinstated_pence": 212_40})
    writeoffs.moved(account, balance_pence=112_40, write_offs=(left,))
    await writeoffs.do(come_back, undone(account, gone.journal, 100_00, 112_40))
    wanted = "SELECT wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL"
    assert await writeoffs.rows(wanted, a=account) == [{"wanted_pence": 212_40}], "it is still being posted"
    await writeoffs.settled(schedule, decision, outcome)
    assert await writeoffs.rows(wanted, a=account) == [{"wanted_pence": 100_00}]


@pytest.mark.parametrize("ends", ["withdrawn", "declined"])
async def test_what_was_paid_or_undone_while_another_proposal_was_open_is_proposed_back_once_that_is_closed(
    writeoffs: WriteOffs, ends: str
) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    gone, rest = owed(100_00), owed(212_40)
    past = writeoffs.ledger.debts[account].write_offs[0].model_copy(update={"charges": (gone, rest)})
    writeoffs.moved(account, balance_pence=60_00, charges=(owed(60_00),), write_offs=(past,))
    other = await writeoffs.ready(account)
    wanted = "SELECT id, wanted_pence, undoes, raised_by FROM proposal WHERE account = :a AND closed_at IS NULL"

    async def closes(proposal: UUID, balance: int, *charges: ChargeOwed) -> None:
        """The ledger has come to this balance by then."""
        if ends == "declined":
            schedule = await writeoffs.scheduled(proposal)
            await writeoffs.round(schedule)
        writeoffs.moved(account, balance_pence=balance, charges=(), write_offs=(past.model_copy(update={"charges": charges}),))
        if ends == "withdrawn":
            await writeoffs.do(receive, receipt(account, balance))
            await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="not now"), caller=ASHA)
            return
        told = {"decision": writeoffs.approvals.decides(schedule, Answer.DECLINED), "reason_code": "in-order"}
        await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.DECLINED, **told))

    await closes(other, -40_00, gone, rest)
    [back] = await writeoffs.rows(wanted, a=account)
    assert (back["wanted_pence"], back["undoes"], back["raised_by"]) == (40_00, journal, "system")
    assert await writeoffs.rows("SELECT person FROM participant WHERE proposal = :id", id=back["id"]) == []
    await writeoffs.assessed(back["id"])
    await closes(back["id"], -40_00, gone, rest)
    assert await writeoffs.rows(wanted, a=account) == [], "a person has decided that it is not put back"
    left = (-140_00, nobodys(gone), rest)
    writeoffs.moved(account, balance_pence=-140_00, write_offs=(past.model_copy(update={"charges": left[1:]}),))
    await writeoffs.do(come_back, undone(account, gone.journal, 100_00, -140_00))
    [of_the_undone] = await writeoffs.rows(wanted, a=account)
    assert of_the_undone["wanted_pence"] == 100_00, "what was refused is not proposed beside it"
    await writeoffs.assessed(of_the_undone["id"])
    await closes(of_the_undone["id"], *left)
    assert await writeoffs.rows(wanted, a=account) == [], "it is set aside"
    writeoffs.moved(account, balance_pence=-155_00)
    await writeoffs.do(receive, receipt(account, -155_00))
    [more] = await writeoffs.rows(wanted, a=account)
    assert more["wanted_pence"] == 15_00, "what is paid later is proposed alone"
    await writeoffs.assessed(more["id"])
    await closes(more["id"], -155_00, *left[1:])
    assert await writeoffs.rows(wanted, a=account) == [], "nothing of it is proposed once more"


async def test_money_that_is_paid_anew_once_the_refused_was_paid_out_is_proposed(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    await written_off(writeoffs, account)
    writeoffs.moved(account, balance_pence=-10_00)
    await writeoffs.do(receive, receipt(account, -10_00))
    wanted = "SELECT id, wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL"
    [back] = await writeoffs.rows(wanted, a=account)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=back["id"], note="it is refunded"), caller=ASHA)
    for day, proposed in ((0, []), (1, [10_00])):
        writeoffs.moved(account, balance_pence=-10_00, credit_stood=stood((10_00, day)))
        await writeoffs.do(receive, receipt(account, -10_00))
        assert [row["wanted_pence"] for row in await writeoffs.rows(wanted, a=account)] == proposed


def stood(*parts: tuple[int, int]) -> tuple[StandingCredit, ...]:
    """Credit in pence by the day since which it has stood, so many days from now."""
    return tuple(StandingCredit(since=TODAY + timedelta(days=days), pence=pence) for pence, days in parts)


@pytest.mark.parametrize("known", ["when it was written off", "since"])
@pytest.mark.parametrize(("ordered", "wanted"), [(100, []), (101, [12_40]), (102, [50_00])])
async def test_a_payment_puts_nothing_back_that_the_law_has_released(
    writeoffs: WriteOffs, known: str, ordered: int, wanted: list[int]
) -> None:
    """Charges of 300.00 and of 12.40 fell due 101 and 100 days ago, and the order is of so many days ago."""
    account, order = writeoffs.owing(312_40), TODAY - timedelta(days=ordered)
    await written_off(writeoffs, account)
    if known == "since":
        writeoffs.moved(account, balance_pence=1)
        other = await writeoffs.proposed(account)
        of_order = {"reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True}
        told = AddProof(proposal=other, kind=EvidenceKind.INSOLVENCY_ORDER, on=order, **of_order)
        await writeoffs.do(add_proof, told, caller=BRYN)
        await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=other, note="made in error"), caller=ASHA)
    charges = tuple(owed(pence, TODAY - timedelta(days=days)) for pence, days in ((300_00, 101), (12_40, 100)))
    told_then = {"charges": charges, "released_until": order if known == "when it was written off" else None}
    past = writeoffs.ledger.debts[account].write_offs[0].model_copy(update=told_then)
    writeoffs.moved(account, balance_pence=-50_00, write_offs=(past,))
    await writeoffs.do(receive, receipt(account, -50_00))
    rows = await writeoffs.rows("SELECT id, wanted_pence FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    assert [row["wanted_pence"] for row in rows] == wanted
    for row in rows:
        await writeoffs.assessed(row["id"])
        assert (await writeoffs.status(row["id"]))[0] == "ready"


async def test_a_credit_that_comes_back_from_income_stays_in_the_register_which_says_so(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    journal = await written_off(writeoffs, account)
    back = JournalReversed(account=account, balance_pence=312_40, journal=uuid4(), reverses=journal, amount_pence=312_40)
    await writeoffs.do(come_back, back)
    [debt] = await writeoffs.rows("SELECT reinstated_pence FROM register WHERE journal = :j", j=journal)
    assert debt == {"reinstated_pence": 0}
    credit = uuid4()
    await as_a_credit(writeoffs, journal, credit)
    await writeoffs.do(come_back, back.model_copy(update={"reverses": credit}))
    [row] = await writeoffs.rows("SELECT kind, reinstated_pence FROM register WHERE journal = :j", j=credit)
    assert row == {"kind": "credit-write-on", "reinstated_pence": 312_40}
    totals = (await writeoffs.ask(queries.write_off_totals, TotalsAsked(since=TODAY, until=TODAY))).totals
    told = {total.kind: (total.amount_pence, total.came_back_pence) for total in totals}
    assert told == {LineKind.CREDIT_WRITE_ON: (312_40, 312_40), LineKind.WRITE_OFF: (312_40, 0)}


async def test_what_comes_back_of_a_credit_leaves_the_totals_of_the_time_before_as_they_were_published(writeoffs: WriteOffs) -> None:
    """domain.md 5.3. It was put back on the day that the books say, whenever that was heard."""
    account, credit, (before, back, after) = writeoffs.owing(312_40), uuid4(), (TODAY - timedelta(days=days) for days in (60, 9, 0))
    await as_a_credit(writeoffs, await written_off(writeoffs, account), credit, days_ago=60)

    async def published(since: date, until: date) -> list[tuple[int, int, int]]:
        found = await writeoffs.ask(queries.write_off_totals, TotalsAsked(since=since, until=until))
        of_credits = [one for one in found.totals if one.kind is LineKind.CREDIT_WRITE_ON]
        return [(one.lines, one.amount_pence, one.came_back_pence) for one in of_credits]

    assert await published(before, before) == [(1, 312_40, 0)]
    books = writeoffs.ledger.books
    books[credit] = next(iter(books.values())).model_copy(update={"journal": credit, "undone": True, "undone_on": back})
    heard = JournalReversed(account=account, balance_pence=0, journal=uuid4(), reverses=credit, amount_pence=-312_40)
    for _ in range(2):
        await writeoffs.do(come_back, heard)
    assert await published(before, before) == [(1, 312_40, 0)]
    assert await published(back, back) == [(0, 0, 312_40)]
    assert await published(before, after) == [(1, 312_40, 312_40)]
    assert await published(after, after) == []


@pytest.mark.parametrize("heard", ["before its line is settled", "afterwards", "meanwhile"])
async def test_a_credit_that_came_back_before_its_line_was_settled_is_registered_as_one_that_did(
    writeoffs: WriteOffs, heard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = writeoffs.owing()
    schedule, decision = await writeoffs.scheduled(await unclaimed_credit(writeoffs, account)), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    outcome = writeoffs.ledger.posts(line, decision)
    assert outcome.journal is not None
    back = JournalReversed(account=account, balance_pence=-62_40, journal=uuid4(), reverses=outcome.journal, amount_pence=62_40)

    def undone() -> None:
        books = writeoffs.ledger.books
        books[back.reverses] = books[back.reverses].model_copy(update={"undone": True, "undone_on": TODAY - timedelta(days=1)})

    hearing: list[asyncio.Task[None]] = []
    settle = store.set_posted

    async def late(*told: Any) -> None:
        """The ledger has answered that it stands, and reverses it."""
        undone()
        hearing.append(asyncio.create_task(writeoffs.do(come_back, back)))
        await writeoffs.somebody_waits()
        await settle(*told)

    if heard == "meanwhile":
        monkeypatch.setattr(store, "set_posted", late)
    else:
        undone()
    if heard == "before its line is settled":
        await writeoffs.do(come_back, back)
    await writeoffs.settled(schedule, decision, outcome)
    if heard == "afterwards":
        await writeoffs.do(come_back, back)
    await asyncio.gather(*hearing)
    [row] = await writeoffs.rows("SELECT amount_pence, reinstated_pence, came_back_on FROM register WHERE journal = :j", j=back.reverses)
    assert row == {"amount_pence": 62_40, "reinstated_pence": 62_40, "came_back_on": TODAY - timedelta(days=1)}


async def as_a_credit(writeoffs: WriteOffs, journal: UUID, credit: UUID, *, days_ago: int = 0) -> None:
    """A second row of the register like the one of this journal, for a credit that went to income."""
    copied = "reason, decision, amount_pence, vat_pence, parts, discharged, account"
    other = await writeoffs.proposed(writeoffs.owing(1_00))
    async with writeoffs.runtime.engine.begin() as connection:
        await connection.execute(
            sa.text(
                f"INSERT INTO register (proposal, schedule, kind, journal, posted_on, {copied})"
                f" SELECT :other, schedule, 'credit-write-on', :credit, posted_on - CAST(:days AS integer), {copied}"
                " FROM register WHERE journal = :journal"
            ),
            {"other": other, "credit": credit, "journal": journal, "days": days_ago},
        )


async def test_the_database_keeps_what_was_written_off_and_puts_no_more_of_it_back(writeoffs: WriteOffs) -> None:
    journal = await written_off(writeoffs, writeoffs.owing(312_40))
    statements = {
        "UPDATE register SET reinstated_pence = 31241 WHERE journal = :j": IntegrityError,
        "UPDATE register SET amount_pence = 1 WHERE journal = :j": DBAPIError,
        "DELETE FROM register WHERE journal = :j": DBAPIError,
        "UPDATE schedule_line SET amount_pence = 1 WHERE journal = :j": DBAPIError,
        "DELETE FROM proof WHERE :j IS NOT NULL": DBAPIError,
    }
    for statement, error in statements.items():
        with pytest.raises(error):
            async with writeoffs.runtime.engine.begin() as connection:
                await connection.execute(sa.text(statement), {"j": journal})


async def test_the_policy_in_force_is_shown(writeoffs: WriteOffs) -> None:
    shown, *before = (await writeoffs.ask(queries.write_off_policies, Nothing())).policies
    assert [one.in_force_from for one in (shown, *before)] == [date(2026, 11, 26), date(2026, 11, 1), date(2026, 4, 1), date(2021, 7, 1)]
    assert any("28 days" in figure.says for figure in shown.figures)
    says = {figure.about: figure.says for figure in shown.figures}
    assert says["Released by law, and not put back"] == "bankruptcy, debt relief order, voluntary arrangement"
    assert "statute barred" in says["Of a current tenant too"]


async def test_the_register_takes_no_line_that_the_ledger_has_not_posted(writeoffs: WriteOffs) -> None:
    """Whoever reaches Temporal could say that it was posted."""
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing())), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    of_another_decision = writeoffs.ledger.posts(line, uuid4())
    of_another_amount = writeoffs.ledger.posts(line, decision)
    assert of_another_amount.journal is not None
    books = writeoffs.ledger.books
    books[of_another_amount.journal] = books[of_another_amount.journal].model_copy(update={"amount_pence": line.amount_pence + 1})
    for outcome in (LineOutcome(line=line.line, journal=uuid4()), of_another_decision, of_another_amount):
        with pytest.raises(NotInTheBooks):
            await writeoffs.settled(schedule, decision, outcome)
    assert (await writeoffs.ask(queries.write_off_register, RegisterAsked(limit=10))).rows == ()
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    assert len((await writeoffs.ask(queries.write_off_register, RegisterAsked(limit=10))).rows) == 1


async def test_the_day_of_the_register_is_that_of_the_posting_however_late_it_hears_of_it(writeoffs: WriteOffs) -> None:
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing())), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision, TODAY - timedelta(days=3)))
    [row] = (await writeoffs.ask(queries.write_off_register, RegisterAsked(limit=10))).rows
    assert row.posted_on == TODAY - timedelta(days=3)


async def test_no_line_falls_while_it_is_posted_that_the_ledger_did_not_let_fall(writeoffs: WriteOffs) -> None:
    """Whoever reaches Temporal could say that it fell, and the register would lack what is posted."""
    schedule, decision = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing())), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    forged = LineOutcome(line=line.line, dropped_because="dispute")
    for _ in range(2):
        with pytest.raises(NotInTheBooks):
            await writeoffs.settled(schedule, decision, forged)
        writeoffs.ledger.drops(line.model_copy(update={"attempt": 2}), "dispute")
        writeoffs.ledger.drops(line, "payment-plan")
    assert await writeoffs.standings(schedule) == {line.line: ("posting", None)}


async def test_proposals_that_a_story_follows_and_open_schedules_need_their_stories(writeoffs: WriteOffs) -> None:
    followed, schedule = await writeoffs.proposed(writeoffs.owing()), await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    needed = [proposal_workflow_id(followed, 1), schedule_workflow_id(schedule)]
    assert await run(writeoffs.runtime, stories.needed, read_only=True) == needed
    for story in needed:
        await writeoffs.do(stories.take_up, story)
    assert (await writeoffs.asked_of_workflows("proposal_changed"))[-1:] == needed[:1]
    assert await writeoffs.asked_of_workflows("schedule_changed") == needed[1:]


@pytest.mark.parametrize("answer", [Answer.APPROVED, Answer.DECLINED])
async def test_a_schedule_that_is_decided_and_goes_no_further_is_named_after_some_minutes(writeoffs: WriteOffs, answer: Answer) -> None:
    """Somebody had Temporal tell its story anew without the decision, or it was lost on the way in another manner."""
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)

    async def in_vain(minutes_ago: int) -> list[str]:
        writeoffs.approvals.ended_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        return list(await run(writeoffs.runtime, stories.in_vain, read_only=True))

    assert await in_vain(60) == [], "nobody has decided"
    decision = writeoffs.approvals.decides(schedule, answer)
    assert await in_vain(4) == []
    assert await in_vain(6) == [schedule_workflow_id(schedule)]
    if answer is Answer.APPROVED:
        writeoffs.approvals.comes_to_nothing(schedule)
    else:
        declined = CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.DECLINED, decision=decision)
        await writeoffs.do(close_schedule, declined)
    assert await in_vain(6) == []


async def test_a_schedule_in_its_call_in_goes_on_in_the_morning_and_a_question_as_soon_as_it_is_answered(
    writeoffs: WriteOffs, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(schedule)
    writeoffs.approvals.ended_at = datetime.now(UTC) - timedelta(days=7)
    await writeoffs.comes_to(schedule, ScheduleStatus.CALL_IN)

    async def in_vain() -> list[str]:
        return list(await run(writeoffs.runtime, stories.in_vain, read_only=True))

    assert await in_vain() == [], "it may be called in until tomorrow"
    writeoffs.approvals.decides(schedule)
    morning = datetime.now(UTC) - timedelta(minutes=4)
    monkeypatch.setattr(stories, "morning_of", lambda _: morning)
    assert await in_vain() == []
    monkeypatch.setattr(stories, "morning_of", lambda _: morning - timedelta(minutes=2))
    assert await in_vain() == [schedule_workflow_id(schedule)]

    asked = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    await writeoffs.round(asked)
    await writeoffs.comes_to(asked, ScheduleStatus.SENT_BACK)
    assert schedule_workflow_id(asked) not in await in_vain()
    await writeoffs.do(answer_schedule, AnswerSchedule(schedule=asked, note="As it says."), caller=BRYN)
    assert schedule_workflow_id(asked) in await in_vain()


async def test_the_pages_of_what_is_open_say_that_its_story_is_gone(writeoffs: WriteOffs) -> None:
    proposal, schedule = await writeoffs.proposed(writeoffs.owing()), await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    stories_of = (proposal_workflow_id(proposal, 1), schedule_workflow_id(schedule))

    async def said() -> tuple[str | None, str | None]:
        of_proposal = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
        return of_proposal.gone_story, (await writeoffs.ask(queries.schedule_page, ScheduleAsked(schedule=schedule))).gone_story

    assert await said() == (None, None)
    writeoffs.runtime.stories_gone = frozenset(stories_of)
    assert await said() == stories_of
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="A slip"), caller=BRYN)
    await writeoffs.do(withdraw_schedule, WithdrawSchedule(schedule=schedule, note="A slip"), caller=BRYN)
    await writeoffs.do(close_schedule, CloseSchedule(schedule=schedule, round=0, status=ScheduleStatus.WITHDRAWN))
    assert await said() == (None, None)


async def test_a_chunk_names_no_more_charges_than_a_message_carries_and_no_line_is_left_behind(
    writeoffs: WriteOffs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line alone goes whatever it names."""
    monkeypatch.setattr("writeoffs.use_cases.rounds.CHARGES_IN_A_CHUNK", 4)
    barred = TODAY - timedelta(days=7 * 365)
    proposals = []
    for named in (1, 3, 1, 6):
        account, charges = writeoffs.owing(), (*(owed(80_00, barred) for _ in range(named)), owed(30_00))
        balance = sum(charge.owed_pence for charge in charges)
        writeoffs.moved(account, charges=charges, balance_pence=balance, debtor_total_pence=balance)
        proposal = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
        await writeoffs.proves(proposal, EvidenceKind.LEGAL_CONFIRMATION)
        await writeoffs.assessed(proposal)
        proposals.append(proposal)
    schedule, decision = await writeoffs.scheduled(*proposals), uuid4()
    await writeoffs.round(schedule)
    taken = []
    for _ in range(4):
        chunk = await writeoffs.taken(schedule, decision)
        taken.append([len(line.charges) for line in chunk])
        await writeoffs.settled(schedule, decision, *(writeoffs.ledger.posts(line, decision) for line in chunk))
    assert taken == [[1, 3], [1], [6], []]


async def test_a_thousand_lines_are_listed_taken_and_settled_without_a_round_trip_for_each(writeoffs: WriteOffs) -> None:
    """What the minute from click to posted leaves to writeoffs: generous here, since the machine is shared."""
    accounts = [writeoffs.owing(100_00 + at) for at in range(1000)]
    done = await writeoffs.do(propose_in_bulk, ProposeInBulk(accounts=tuple(accounts), reason=Reason.EMIGRATED), caller=ASHA)
    assert len(done.proposals) == 1000
    async with writeoffs.runtime.engine.begin() as connection:
        await connection.execute(
            sa.text(
                'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at)'
                " SELECT gen_random_uuid(), p.id, shown, current_date, '', '', '', 'asha.officer', now()"
                " FROM proposal p, unnest(ARRAY['document', 'manager-note']) AS shown"
            )
        )
        await connection.execute(sa.text("UPDATE proposal SET status = 'ready', followed = false"))
    ids = [row["id"] for row in await writeoffs.rows("SELECT id FROM proposal")]
    schedule, decision = await writeoffs.scheduled(*ids), uuid4()
    begun = await writeoffs.round(schedule)
    assert begun.lines == 1000
    excepted = tuple(ids[::50])
    begin, chunks = datetime.now(UTC), 0
    while await posted(writeoffs, schedule, decision, excepted):
        chunks += 1
    assert chunks == 10
    assert (datetime.now(UTC) - begin).total_seconds() < 30
    assert len((await writeoffs.ask(queries.write_off_register, RegisterAsked(limit=1000))).rows) == 980
