"""A proposal from its making to the day on which it is ready for a schedule."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.tables import parked
from chassis.transaction import transaction
from rentbook_contracts.ledger import (
    AccountHold,
    AccountHoldChanged,
    AccountKind,
    AccountStatus,
    BenefitClaim,
    ChargeOwed,
    ChargePosted,
    GoneLately,
    LineKind,
    LinkedAccount,
    PastWriteOff,
    PaymentPlanChanged,
    PersonFacts,
    ReceiptPosted,
    WriteOffLine,
)
from rentbook_contracts.people import MANAGERS, WRITE_OFF_WORKERS, Role
from rentbook_contracts.writeoffs import (
    AddProof,
    AssessProposal,
    EvidenceKind,
    OrderKind,
    ProposalAsked,
    ProposalClosed,
    ProposalPage,
    ProposalsAsked,
    ProposalStatus,
    Propose,
    ProposeInBulk,
    Reason,
    ReconsiderProposal,
    ScheduleAsked,
    StrikeProof,
    WithdrawProposal,
    WriteOffProposed,
)
from support.debts import in_credit, owed
from support.write_off_service import ASHA, AUDREY, BRYN, HANA, WriteOffs
from writeoffs import store
from writeoffs.domain.days import business_date
from writeoffs.domain.policy import NoLadder
from writeoffs.queries import proposals, schedule_page
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.change_proposal import (
    BeforeTheDebt,
    DeathOfNobody,
    LetterWithoutReference,
    NotAManager,
    NotATenant,
    OrderOfNobody,
    OrderUnsaid,
    OrderWithoutReference,
    SaysNothing,
    ShownInTheFuture,
    add_proof,
    reconsider_proposal,
    strike_proof,
    withdraw_proposal,
)
from writeoffs.use_cases.look import bulk_dry_run, proposal_page
from writeoffs.use_cases.move import move, receive
from writeoffs.use_cases.propose import AlreadyProposed, NothingToPropose, ReasonOfAnotherKind, propose, propose_in_bulk
from writeoffs.use_cases.work import NotYourPart, OnASchedule, ProposalIsClosed, UnknownAccount, fact_of

TODAY = business_date(datetime.now(UTC))


async def test_a_proposal_is_told_followed_by_a_story_and_takes_its_maker_in(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    proposal = await writeoffs.proposed(account)
    assert await writeoffs.told(WriteOffProposed) == [
        WriteOffProposed(proposal=proposal, account=account, kind=LineKind.WRITE_OFF, amount_pence=312_40)
    ]
    assert await writeoffs.asked_of_workflows("WriteOffProposal") == [f"write-off-proposal/{proposal}/1"]
    people = await writeoffs.rows("SELECT person, part FROM participant WHERE proposal = :id", id=proposal)
    assert people == [{"person": "asha.officer", "part": "proposed it"}]


async def test_what_cannot_be_proposed_is_refused(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    paid = writeoffs.owing()
    writeoffs.moved(paid, balance_pence=0, charges=())
    split = writeoffs.owing(30_00, debtor_total_pence=50_00)
    benefit = writeoffs.owing(30_00, kind=AccountKind.HBO)
    refusals = [
        (Propose(account=uuid4(), reason=Reason.EMIGRATED), UnknownAccount),
        (Propose(account=paid, reason=Reason.EMIGRATED), NothingToPropose),
        (Propose(account=benefit, reason=Reason.EMIGRATED), NothingToPropose),
        (Propose(account=account, reason=Reason.PAYING), ReasonOfAnotherKind),
        (Propose(account=account, reason=Reason.UNECONOMIC), NoLadder),
        (Propose(account=split, reason=Reason.UNECONOMIC), NoLadder),
    ]
    for told, rule in refusals:
        with pytest.raises(rule):
            await writeoffs.do(propose, told, caller=ASHA)
    with pytest.raises(NotYourPart):
        await writeoffs.do(propose, Propose(account=account, reason=Reason.EMIGRATED), caller=AUDREY)
    await writeoffs.proposed(account)
    with pytest.raises(AlreadyProposed):
        await writeoffs.proposed(account)


async def test_many_debts_are_proposed_at_once_each_for_itself_with_the_reason_where_not(writeoffs: WriteOffs) -> None:
    good = [writeoffs.owing(pence) for pence in (49_99, 12_00, 30_00)]
    large, taken, unknown = writeoffs.owing(50_00), writeoffs.owing(20_00), uuid4()
    await writeoffs.proposed(taken)
    told = ProposeInBulk(accounts=(*good, large, taken, unknown), reason=Reason.UNECONOMIC)
    done = await writeoffs.do(propose_in_bulk, told, caller=ASHA)
    assert len(done.proposals) == 3
    assert {one.account for one in done.refused} == {large, taken, unknown}
    assert len(await writeoffs.asked_of_workflows("WriteOffProposal")) == 4


async def test_a_dry_run_says_of_each_debt_what_proposing_it_would_make_and_proposes_nothing(writeoffs: WriteOffs) -> None:
    free, held = writeoffs.owing(49_99), writeoffs.owing(12_00)
    writeoffs.moved(held, account_holds=(AccountHold.DISPUTE,))
    large, taken, unknown = writeoffs.owing(50_00), writeoffs.owing(20_00), uuid4()
    await writeoffs.proposed(taken)
    asked = ProposeInBulk(accounts=(free, held, large, taken, unknown, free), reason=Reason.UNECONOMIC)
    found = (await writeoffs.ask(bulk_dry_run, asked)).accounts
    assert [one.account for one in found] == [free, held, large, taken, unknown]
    assert (found[0].because, found[0].amount_pence, found[0].blocked) == (None, 49_99, ())
    assert found[0].missing
    assert (found[1].because, found[1].blocked) == (None, ("The debt is disputed: settle the dispute first.",))
    done = await writeoffs.do(propose_in_bulk, asked, caller=ASHA)
    assert {one.account: one.because for one in found if one.because} == {one.account: one.because for one in done.refused}
    assert len(done.proposals) == 2


async def test_a_proposal_shows_what_counts_beside_the_account_itself_until_it_is_closed(writeoffs: WriteOffs) -> None:
    other = LinkedAccount(account=uuid4(), kind=AccountKind.RECHARGE, former=True, balance_pence=50_00)
    off, income = (GoneLately(account=other.account, on=TODAY, pence=pence) for pence in (20_00, 5_00))
    beside = {"linked": (other,), "written_off_lately": (off,), "to_income_lately": (income,)}
    debt = await writeoffs.proposed(writeoffs.owing(312_40, debtor_total_pence=382_40, **beside))
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=debt))
    assert (page.linked, page.lately, page.debtor_total_pence) == ((other,), (off,), 382_40)
    credit = writeoffs.owing(**in_credit(30_00, TODAY - timedelta(days=3000)) | beside)
    told = Propose(kind=LineKind.CREDIT_WRITE_ON, account=credit, reason=Reason.UNCLAIMED)
    made = await writeoffs.do(propose, told, caller=ASHA)
    assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=made.proposal))).lately == (income,)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=debt, note="error"), caller=ASHA)
    closed = await writeoffs.ask(proposal_page, ProposalAsked(proposal=debt))
    assert (closed.linked, closed.lately) == ((), ())


async def test_the_history_of_a_write_off_tells_who_noted_and_who_decided_a_claim_for_benefit_in_its_time(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.proposed(account)
    now = datetime.now(UTC)

    def claim(reason: str, days: int, **decided: Any) -> BenefitClaim:
        return BenefitClaim(since=TODAY, reason=reason, noted_by="bryn.officer", noted_at=now - timedelta(days=days), **decided)

    def decided(days: int) -> dict[str, Any]:
        at = now - timedelta(days=days)
        return {"decided_on": TODAY, "decided_because": "they pay nothing", "decided_by": "hana.head", "decided_at": at}

    async def told() -> list[tuple[str, str, str]]:
        page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
        assert [one.at for one in page.events] == sorted(one.at for one in page.events)
        return [(one.what, one.by, one.note) for one in page.events if "Benefits" in one.what]

    writeoffs.moved(account, claims=(claim("over by then", 90, **decided(80)), claim("a letter", 5)))
    noted = ("Benefits has a claim to decide", "bryn.officer", "a letter")
    assert await told() == [noted]
    writeoffs.moved(account, claims=(claim("a letter", 5, **decided(-1)),))
    assert await told() == [noted, ("Benefits has decided its claim", "hana.head", "they pay nothing")]
    await writeoffs.withdrawn(proposal)
    assert await told() == [noted], "what came after it was closed is none of it"


async def test_a_proposal_and_its_list_say_that_an_event_about_the_account_waits_for_an_operator(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.owing(), writeoffs.owing()
    proposal = await writeoffs.proposed(account)

    async def since(of: UUID = account) -> tuple[datetime | None, datetime | None]:
        page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
        return page.parked_since, (await writeoffs.ask(proposals, ProposalsAsked(account=of, limit=0))).parked_since

    assert await since() == (None, None)
    about = {"topic": "ledger.accounts", "partition": 0, "headers": {}, "body": b"{", "payload_hash": b"x", "reason": "no CloudEvents"}
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    async with transaction(writeoffs.runtime) as tx:
        await tx.connection.execute(parked.insert().values(about | {"key": str(account), "record_offset": 1, "parked_at": at}))
    assert await since() == (at, at)
    assert await since(other) == (at, None)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="error"), caller=ASHA)
    assert await since() == (None, at), "nothing more happens to a closed one"


async def test_a_proposal_gathers_evidence_until_it_is_ready(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "gathering"
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "gathering"
    await writeoffs.proves(proposal, EvidenceKind.MANAGER_NOTE)
    assert len(await writeoffs.asked_of_workflows("proposal_changed")) == 2
    found = await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))
    assert found.done
    assert (await writeoffs.status(proposal))[0] == "ready"


@pytest.mark.parametrize("role", [*Role])
async def test_a_managers_note_is_a_managers(writeoffs: WriteOffs, role: Role) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    note = AddProof(proposal=proposal, kind=EvidenceKind.MANAGER_NOTE, on=TODAY, note="Nothing to be had.")
    who = Caller("somebody", frozenset({role}), form="a form")
    if role in MANAGERS:
        await writeoffs.do(add_proof, note, caller=who)
        return
    with pytest.raises((NotAManager, NotYourPart)) as refused:
        await writeoffs.do(add_proof, note, caller=who)
    assert (type(refused.value) is NotAManager, refused.value.field) == ((True, "kind") if role in WRITE_OFF_WORKERS else (False, None))


async def test_time_alone_makes_a_letter_count_and_says_when(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing(40_00), Reason.UNECONOMIC)
    await writeoffs.proves(proposal, EvidenceKind.LETTER_SENT, days_ago=20)
    found = await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))
    assert found.look_again_at is not None
    assert found.look_again_at.date() == TODAY + timedelta(days=8)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    [rung] = page.ladder
    assert (rung.met, rung.from_on) == (False, TODAY + timedelta(days=8))


async def test_evidence_of_tomorrow_is_refused(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    told = AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY + timedelta(days=1))
    with pytest.raises(ShownInTheFuture):
        await writeoffs.do(add_proof, told, caller=ASHA)


async def test_evidence_is_of_a_tenant_of_the_account_or_of_all(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.proposed(account)
    told = AddProof(proposal=proposal, kind=EvidenceKind.DOCUMENT, on=TODAY, person=uuid4(), reference="R 1")
    with pytest.raises(NotATenant):
        await writeoffs.do(add_proof, told, caller=ASHA)
    [tenant] = writeoffs.ledger.debts[account].people
    await writeoffs.do(add_proof, told.model_copy(update={"person": tenant.person}), caller=ASHA)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert [proof.person for proof in page.proofs] == [tenant.person]


async def test_nobody_tried_to_return_a_credit_before_it_was_there(writeoffs: WriteOffs) -> None:
    since = TODAY - timedelta(days=2300)
    account = writeoffs.owing()
    writeoffs.moved(account, **in_credit(62_40, since))
    told = Propose(kind=LineKind.CREDIT_WRITE_ON, account=account, reason=Reason.UNCLAIMED)
    proposal = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    early = AddProof(proposal=proposal, kind=EvidenceKind.RETURN_ATTEMPT, on=since - timedelta(days=1))
    with pytest.raises(BeforeTheDebt, match="in credit since"):
        await writeoffs.do(add_proof, early, caller=ASHA)
    await writeoffs.do(add_proof, early.model_copy(update={"on": since}), caller=ASHA)


async def test_an_attempt_to_return_a_credit_that_is_noted_later_counts_from_then_unless_it_names_its_record(writeoffs: WriteOffs) -> None:
    """Six could be typed at once for the years before, of which nobody has kept anything."""
    account = writeoffs.owing()
    writeoffs.moved(account, **in_credit(62_40, TODAY - timedelta(days=2300)))
    claim = Propose(kind=LineKind.CREDIT_WRITE_ON, account=account, reason=Reason.UNCLAIMED)
    proposal = (await writeoffs.do(propose, claim, caller=ASHA)).proposal

    async def after_six(reference: str) -> ProposalPage:
        for times in range(1, 7):
            on = TODAY - timedelta(days=370 * times)
            attempt = AddProof(proposal=proposal, kind=EvidenceKind.RETURN_ATTEMPT, on=on, reference=reference)
            await writeoffs.do(add_proof, attempt, caller=ASHA)
        await writeoffs.assessed(proposal)
        return await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))

    page = await after_six(" ")
    assert (page.status, page.ladder[0].says) == ("gathering", "1 of 6 so far that are 365 days apart")
    assert [proof.counts_on for proof in page.proofs] == [TODAY] * 6
    page = await after_six("letter book, 114")
    until = TODAY + timedelta(days=28)
    assert (page.status, page.ladder[0].from_on) == ("gathering", until), "what counts as of today has its time to be answered"
    for proof in page.proofs:
        if not proof.reference.strip():
            await writeoffs.do(strike_proof, StrikeProof(proof=proof.proof, because="No record was made of it."), caller=ASHA)
    await writeoffs.assessed(proposal)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.status == "ready"
    assert [proof.counts_on for proof in page.proofs if proof.reference.strip()] == [None] * 6


async def test_a_current_tenants_credit_is_not_proposed_for_income(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    writeoffs.moved(account, **in_credit(62_40, TODAY - timedelta(days=2300)), status=AccountStatus.CURRENT)
    with pytest.raises(NothingToPropose, match="Only a former tenant’s credit goes to income"):
        await writeoffs.do(propose, Propose(kind=LineKind.CREDIT_WRITE_ON, account=account, reason=Reason.UNCLAIMED), caller=ASHA)
    assert await writeoffs.rows("SELECT * FROM proposal") == []


async def test_a_credit_that_is_too_young_gathers_attempts_to_return_it(writeoffs: WriteOffs) -> None:
    """Nothing blocks it: its years are for these attempts, which are written by themselves."""
    account = writeoffs.owing()
    writeoffs.moved(account, **in_credit(62_40, TODAY - timedelta(days=400)))
    told = Propose(kind=LineKind.CREDIT_WRITE_ON, account=account, reason=Reason.UNCLAIMED)
    proposal = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    seen = await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))
    assert seen.letter is not None
    status, note, _ = await writeoffs.status(proposal)
    assert status == "gathering"
    assert "for less than 6 years" in note


SAID_OF_A_DEBT = (EvidenceKind.LETTER_SENT, EvidenceKind.NO_ASSETS, EvidenceKind.INSUFFICIENT_FUNDS, EvidenceKind.MANAGER_NOTE)


@pytest.mark.parametrize("kind", SAID_OF_A_DEBT)
async def test_what_was_done_or_said_about_a_debt_is_not_older_than_its_oldest_charge(writeoffs: WriteOffs, kind: EvidenceKind) -> None:
    account = writeoffs.owing(40_00)
    [charge] = writeoffs.ledger.debts[account].charges
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    early = AddProof(proposal=proposal, kind=kind, on=charge.due_on - timedelta(days=1), reference="copy on paper")
    with pytest.raises(BeforeTheDebt, match="oldest charge"):
        await writeoffs.do(add_proof, early, caller=HANA)
    for may_be in (EvidenceKind.DEATH, EvidenceKind.DOCUMENT):
        await writeoffs.do(add_proof, early.model_copy(update={"kind": may_be}), caller=HANA)
    await writeoffs.do(add_proof, early.model_copy(update={"on": charge.due_on}), caller=HANA)


async def test_a_letter_that_somebody_types_in_names_the_record_of_its_sending(writeoffs: WriteOffs) -> None:
    """What Rentbook sends is its own proof; of any other there is none but that."""
    proposal = await writeoffs.proposed(writeoffs.owing(40_00), Reason.UNECONOMIC)
    typed = AddProof(proposal=proposal, kind=EvidenceKind.LETTER_SENT, on=TODAY - timedelta(days=60), reference=" ", note="posted")
    with pytest.raises(LetterWithoutReference) as refused:
        await writeoffs.do(add_proof, typed, caller=ASHA)
    assert refused.value.field == "reference"
    await writeoffs.do(add_proof, typed.model_copy(update={"reference": "copy in file 118"}), caller=ASHA)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "ready"


@pytest.mark.parametrize("kind", [EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE])
async def test_a_document_and_a_managers_note_say_something(writeoffs: WriteOffs, kind: EvidenceKind) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing(40_00))
    bare = AddProof(proposal=proposal, kind=kind, on=TODAY, note=" ")
    with pytest.raises(SaysNothing) as refused:
        await writeoffs.do(add_proof, bare, caller=HANA)
    assert refused.value.field == "reference"
    for said in ("source", "reference", "note"):
        await writeoffs.do(add_proof, bare.model_copy(update={said: "border agency"}), caller=HANA)


async def test_what_is_blocked_says_so_before_its_story_has_looked_at_it(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    writeoffs.moved(account, account_holds=(AccountHold.DISPUTE,))
    proposal = await writeoffs.proposed(account)
    assert (await writeoffs.status(proposal))[0] == "gathering", "nobody has looked"
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (page.status, page.blocked) == (ProposalStatus.BLOCKED, ("The debt is disputed: settle the dispute first.",))
    writeoffs.moved(account, account_holds=())
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (page.status, page.blocked) == (ProposalStatus.GATHERING, ())


async def test_an_order_has_its_reference_and_says_what_it_is_and_whether_it_lists_the_debt(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing(), Reason.BANKRUPTCY)
    order = AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, on=TODAY, reference=" ")
    with pytest.raises(OrderWithoutReference):
        await writeoffs.do(add_proof, order, caller=ASHA)
    for said, field in (({}, "order_kind"), ({"order_kind": OrderKind.BANKRUPTCY}, "listed")):
        with pytest.raises(OrderUnsaid) as refused:
            await writeoffs.do(add_proof, order.model_copy(update={"reference": "BKT 118", **said}), caller=ASHA)
        assert refused.value.field == field
    whole = {"reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": False}
    await writeoffs.do(add_proof, order.model_copy(update=whole), caller=ASHA)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert [(proof.order_kind, proof.listed) for proof in page.proofs] == [(OrderKind.BANKRUPTCY, False)]
    assert page.blocked[0].endswith("does not list this debt: it is not released by it.")
    assert not page.ladder[0].met


@pytest.mark.parametrize("kind", [EvidenceKind.SIGNED_ACKNOWLEDGMENT, EvidenceKind.COURT_ACTION])
async def test_what_starts_or_stops_the_time_of_a_debt_outlives_the_proposal_to_which_it_was_brought(
    writeoffs: WriteOffs, kind: EvidenceKind
) -> None:
    due_on = TODAY - timedelta(days=7 * 365)
    account = writeoffs.owing(80_00)
    writeoffs.moved(account, charges=(owed(80_00, due_on),))
    first = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    told = AddProof(proposal=first, kind=kind, on=due_on + timedelta(days=365 * 5))
    await writeoffs.do(add_proof, told, caller=BRYN)
    await writeoffs.proves(first, EvidenceKind.LEGAL_CONFIRMATION)
    await writeoffs.withdrawn(first)
    second = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    await writeoffs.proves(second, EvidenceKind.LEGAL_CONFIRMATION)
    await writeoffs.assessed(second)
    assert (await writeoffs.status(second))[0] == "blocked"
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=second))
    assert [(proof.kind, proof.earlier) for proof in page.proofs] == [(kind, first), (EvidenceKind.LEGAL_CONFIRMATION, None)]
    people = await writeoffs.rows("SELECT DISTINCT person FROM participant WHERE proposal = :id ORDER BY person", id=second)
    assert [row["person"] for row in people] == ["asha.officer", "bryn.officer"]


async def written_off(writeoffs: WriteOffs, account: UUID, due_on: date) -> UUID:
    """What was owed of one charge has been written off. The journal."""
    facts, journal = writeoffs.ledger.debts[account], uuid4()
    past = PastWriteOff(
        journal=journal, line=uuid4(), on=TODAY, amount_pence=80_00, reinstated_pence=0, discharged=False, charges=(owed(80_00, due_on),)
    )
    writeoffs.ledger.debts[account] = facts.model_copy(
        update={"balance_pence": 0, "charges": (), "debtor_total_pence": 80_00, "write_offs": (past,)}
    )
    return journal


async def put_back(writeoffs: WriteOffs, account: UUID, journal: UUID) -> UUID:
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
    proposal = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    await writeoffs.proves(proposal, EvidenceKind.FOUND, source="registry")
    await writeoffs.assessed(proposal)
    return proposal


def of_insolvency(proposal: UUID, days_ago: int, person: UUID | None = None) -> AddProof:
    on = TODAY - timedelta(days=days_ago)
    of_order = {"order_kind": OrderKind.BANKRUPTCY, "listed": True}
    return AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, on=on, reference="BKT 118", person=person, **of_order)


async def test_an_order_that_is_known_keeps_what_it_released_from_being_put_back_whatever_it_was_written_off_for(
    writeoffs: WriteOffs,
) -> None:
    account = writeoffs.owing(80_00)
    first = await writeoffs.proposed(account, Reason.EMIGRATED)
    await writeoffs.do(add_proof, of_insolvency(first, 100), caller=BRYN)
    await writeoffs.withdrawn(first)
    journal = await written_off(writeoffs, account, TODAY - timedelta(days=100))
    second = await put_back(writeoffs, account, journal)
    status, why, _ = await writeoffs.status(second)
    assert status == "blocked"
    assert "The law has released the debtor" in why
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=second))
    assert [(proof.kind, proof.earlier) for proof in page.proofs] == [
        (EvidenceKind.INSOLVENCY_ORDER, first), (EvidenceKind.FOUND, None)
    ]  # fmt: skip


async def test_what_fell_due_after_the_order_is_put_back_and_the_line_says_so(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(80_00)
    first = await writeoffs.proposed(account, Reason.EMIGRATED)
    await writeoffs.do(add_proof, of_insolvency(first, 101), caller=BRYN)
    await writeoffs.withdrawn(first)
    second = await put_back(writeoffs, account, await written_off(writeoffs, account, TODAY - timedelta(days=100)))
    assert (await writeoffs.status(second))[0] == "ready"
    schedule = await writeoffs.scheduled(second)
    [row] = await writeoffs.rows("SELECT content FROM schedule_line WHERE schedule = :id", id=schedule)
    line = WriteOffLine.model_validate(row["content"])
    assert (line.charges, line.released_until) == ((), TODAY - timedelta(days=101))


async def test_an_order_is_of_the_person_whatever_account_it_was_brought_for(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.of_one_person()
    second = await put_back(writeoffs, account, await written_off(writeoffs, account, TODAY - timedelta(days=100)))
    assert (await writeoffs.status(second))[0] == "ready"
    schedule = await writeoffs.scheduled(second)
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    await writeoffs.do(add_proof, of_insolvency(elsewhere, 50), caller=BRYN)
    assert (await writeoffs.standings(schedule))[second] == ("dropped", "An order of insolvency became known of somebody who owes it.")
    await writeoffs.assessed(second)
    assert "The law has released the debtor" in (await writeoffs.status(second))[1]


async def who_takes_part(writeoffs: WriteOffs, proposal: UUID) -> list[str]:
    rows = await writeoffs.rows("SELECT DISTINCT person FROM participant WHERE proposal = :id ORDER BY person", id=proposal)
    return [row["person"] for row in rows]


async def test_who_brought_an_order_on_another_account_of_the_person_decides_nothing_that_is_put_back_over_it(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.of_one_person()
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    await writeoffs.do(add_proof, of_insolvency(elsewhere, 101), caller=HANA)
    back = await put_back(writeoffs, account, await written_off(writeoffs, account, TODAY - timedelta(days=100)))
    assert await writeoffs.may_not_decide(await writeoffs.scheduled(back)) == {"asha.officer", "bryn.officer", "hana.head"}


@pytest.mark.parametrize("stands", ["gathering", "ready", "listed"])
async def test_who_brings_an_order_on_another_account_of_the_person_later_decides_nothing_that_is_put_back_over_it(
    writeoffs: WriteOffs, stands: str
) -> None:
    account, other = writeoffs.of_one_person()
    journal = await written_off(writeoffs, account, TODAY - timedelta(days=100))
    if stands == "gathering":
        told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
        back = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    else:
        back = await put_back(writeoffs, account, journal)
    schedule = await writeoffs.scheduled(back) if stands == "listed" else None
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    await writeoffs.do(add_proof, of_insolvency(elsewhere, 101), caller=HANA)
    assert await who_takes_part(writeoffs, back) == ["asha.officer", "hana.head"]
    if schedule is not None:
        assert (await writeoffs.standings(schedule))[back][0] == "dropped"


async def test_an_order_on_another_account_waits_for_the_outcome_of_what_is_being_put_back(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.of_one_person()
    back = await put_back(writeoffs, account, await written_off(writeoffs, account, TODAY - timedelta(days=100)))
    schedule, decision = await writeoffs.scheduled(back), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    with pytest.raises(OnASchedule, match="put back at this moment"):
        await writeoffs.do(add_proof, of_insolvency(elsewhere, 101), caller=HANA)
    assert await writeoffs.standings(schedule) == {back: ("posting", None)}
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    await writeoffs.do(add_proof, of_insolvency(elsewhere, 101), caller=HANA)
    assert await who_takes_part(writeoffs, back) == ["asha.officer"], "whoever decided what was posted may go on working"


async def test_an_order_on_another_account_binds_nobody_to_what_is_written_off(writeoffs: WriteOffs) -> None:
    account, beside = writeoffs.of_one_person()
    debt = await writeoffs.proposed(beside)
    await writeoffs.do(add_proof, of_insolvency(await writeoffs.proposed(account, Reason.BANKRUPTCY), 101), caller=HANA)
    assert await who_takes_part(writeoffs, debt) == ["asha.officer"]


@pytest.mark.parametrize("first", ["what is put back", "the order"])
async def test_an_order_and_what_is_put_back_over_it_never_miss_each_other(writeoffs: WriteOffs, first: str) -> None:
    """Each is written while the other one's transaction has not ended: whoever brings the order decides nothing over it."""
    account, other = writeoffs.of_one_person()
    journal = await written_off(writeoffs, account, TODAY - timedelta(days=100))
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal)
    steps: list[tuple[Callable[..., Coroutine[Any, Any, object]], Any, Caller]]
    steps = [(propose, told, ASHA), (add_proof, of_insolvency(elsewhere, 101), HANA)]
    (one, of_one, by_one), (two, of_two, by_two) = steps if first == "what is put back" else reversed(steps)
    async with transaction(writeoffs.runtime, caller=by_one) as tx:
        await one(tx, of_one)
        meanwhile = asyncio.create_task(writeoffs.do(two, of_two, caller=by_two))
        await writeoffs.somebody_waits()
        assert not meanwhile.done()
    await meanwhile
    [row] = await writeoffs.rows("SELECT id FROM proposal WHERE account = :a AND closed_at IS NULL", a=account)
    await writeoffs.proves(row["id"], EvidenceKind.FOUND, source="registry")
    await writeoffs.assessed(row["id"])
    await writeoffs.scheduled(row["id"])
    assert await who_takes_part(writeoffs, row["id"]) == ["asha.officer", "hana.head"]


async def test_nobody_who_brings_an_order_waits_while_the_ledger_is_asked_about_a_debt_to_put_back(
    writeoffs: WriteOffs, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, _ = writeoffs.of_one_person()
    journal = await written_off(writeoffs, account, TODAY - timedelta(days=100))
    held: list[Any] = []

    async def asked(*told: Any) -> Any:
        here = "JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        held.extend(await writeoffs.rows(f"SELECT l.pid FROM pg_locks l {here}"))
        return await fact_of(*told)

    monkeypatch.setattr("writeoffs.use_cases.propose.fact_of", asked)
    await writeoffs.do(propose, Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=journal), caller=ASHA)
    assert held == []


async def test_what_is_paid_holds_no_proposal_while_it_waits_for_an_order(writeoffs: WriteOffs) -> None:
    """Whoever brings the order comes to that proposal next: each would wait for the other."""
    account = writeoffs.owing()
    proposal = await writeoffs.proposed(account)
    paid = ReceiptPosted(
        account=account, balance_pence=-10_00, journal=uuid4(), amount_pence=10_00, method="RBP", effective_date=TODAY, cleared_on=TODAY
    )
    async with transaction(writeoffs.runtime, caller=HANA) as tx:
        await store.order_becomes_known(tx)
        meanwhile = asyncio.create_task(writeoffs.do(receive, paid))
        await writeoffs.somebody_waits()
        await tx.connection.execute(sa.text("SELECT FROM proposal WHERE id = :id FOR UPDATE NOWAIT"), {"id": proposal})
    await meanwhile


async def test_an_order_is_of_one_of_joint_tenants(writeoffs: WriteOffs) -> None:
    tenants = (PersonFacts(person=uuid4()), PersonFacts(person=uuid4()))
    proposal = await writeoffs.proposed(writeoffs.owing(people=tenants), Reason.BANKRUPTCY)
    with pytest.raises(OrderOfNobody):
        await writeoffs.do(add_proof, of_insolvency(proposal, 50), caller=ASHA)
    await writeoffs.do(add_proof, of_insolvency(proposal, 50, tenants[1].person), caller=ASHA)
    alone = await writeoffs.proposed(account := writeoffs.owing(), Reason.BANKRUPTCY)
    await writeoffs.do(add_proof, of_insolvency(alone, 50), caller=ASHA)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=alone))
    assert [proof.person for proof in page.proofs] == [writeoffs.ledger.debts[account].people[0].person]


async def test_a_death_is_of_one_of_joint_tenants(writeoffs: WriteOffs) -> None:
    tenants = tuple(PersonFacts(person=uuid4(), died_on=TODAY - timedelta(days=90)) for _ in range(2))
    proposal = await writeoffs.proposed(writeoffs.owing(40_00, people=tenants), Reason.DECEASED)
    certificate = AddProof(proposal=proposal, kind=EvidenceKind.DEATH, on=TODAY - timedelta(days=80), source="registrar")
    with pytest.raises(DeathOfNobody) as refused:
        await writeoffs.do(add_proof, certificate, caller=ASHA)
    assert refused.value.field == "person"
    for tenant, status in zip(tenants, ("gathering", "ready"), strict=True):
        await writeoffs.do(add_proof, certificate.model_copy(update={"person": tenant.person}), caller=ASHA)
        await writeoffs.assessed(proposal)
        assert (await writeoffs.status(proposal))[0] == status


async def test_the_line_of_barred_charges_names_them(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(80_00)
    old, new = owed(80_00, TODAY - timedelta(days=7 * 365)), owed(30_00)
    writeoffs.moved(account, charges=(old, new), balance_pence=110_00, debtor_total_pence=110_00)
    proposal = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    await writeoffs.proves(proposal, EvidenceKind.LEGAL_CONFIRMATION)
    await writeoffs.assessed(proposal)
    schedule = await writeoffs.scheduled(proposal)
    [row] = await writeoffs.rows("SELECT content FROM schedule_line WHERE schedule = :id", id=schedule)
    assert row["content"]["charges"] == [str(old.journal)]
    page = await writeoffs.ask(schedule_page, ScheduleAsked(schedule=schedule))
    assert [line.named for line in page.lines] == [1]
    shown = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (shown.goes, len(shown.charges)) == ((old,), 2)
    whole = await writeoffs.scheduled(await writeoffs.ready(writeoffs.owing()))
    [row] = await writeoffs.rows("SELECT content FROM schedule_line WHERE schedule = :id", id=whole)
    assert "charges" not in row["content"]
    assert [line.named for line in (await writeoffs.ask(schedule_page, ScheduleAsked(schedule=whole))).lines] == [0]
    assert "released_until" not in row["content"]


async def test_a_balance_that_moved_blocks_until_a_person_has_looked(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40)
    proposal = await writeoffs.ready(account)
    fewer = writeoffs.ledger.debts[account].charges[0].model_copy(update={"owed_pence": 300_00})
    writeoffs.moved(account, balance_pence=300_00, charges=(fewer,), debtor_total_pence=300_00)
    receipt = ReceiptPosted(
        account=account, balance_pence=300_00, journal=uuid4(), amount_pence=12_40, method="RBP", effective_date=TODAY, cleared_on=TODAY
    )
    await writeoffs.do(move, receipt)
    assert (await writeoffs.status(proposal))[::2] == ("gathering", 2)
    await writeoffs.assessed(proposal)
    status, why, _ = await writeoffs.status(proposal)
    assert status == "blocked"
    assert "moved from £312.40 owed to £300.00 owed" in why
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=proposal, note="paid a little"), caller=ASHA)
    assert (await writeoffs.status(proposal))[:2] == ("gathering", ""), "it no longer says that the balance has moved"
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "ready"
    assert (await writeoffs.rows("SELECT amount_pence FROM proposal WHERE id = :id", id=proposal))[0]["amount_pence"] == 300_00


@pytest.mark.parametrize("reason", [Reason.STATUTE_BARRED, Reason.DEBT_RELIEF_ORDER])
async def test_other_weeks_are_debited_without_anybody_confirming_what_goes_in_part(writeoffs: WriteOffs, reason: Reason) -> None:
    account, old = writeoffs.owing(80_00), owed(80_00, TODAY - timedelta(days=7 * 365))
    new, week = owed(30_00, TODAY - timedelta(days=7)), owed(30_00, TODAY)

    async def comes_to_owe(*charges: ChargeOwed) -> tuple[str, str]:
        """Where the proposal stands once the ledger has told of it."""
        balance = sum(charge.owed_pence for charge in charges)
        writeoffs.moved(account, charges=charges, balance_pence=balance, debtor_total_pence=balance)
        told = ChargePosted(account=account, balance_pence=balance, journal=uuid4(), amount_pence=30_00, week_commencing=TODAY)
        await writeoffs.do(move, told)
        await writeoffs.assessed(proposal)
        return (await writeoffs.status(proposal))[:2]

    writeoffs.moved(account, charges=(old, new), balance_pence=110_00, debtor_total_pence=110_00)
    proposal = await writeoffs.proposed(account, reason)
    assert await comes_to_owe(old, new, week) != ("ready", "")
    if reason is Reason.STATUTE_BARRED:
        await writeoffs.proves(proposal, EvidenceKind.LEGAL_CONFIRMATION)
    else:
        of_order = {"reference": "DRO 5", "order_kind": OrderKind.DEBT_RELIEF_ORDER, "listed": True, "on": TODAY - timedelta(days=366)}
        await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=ASHA)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[:2] == ("ready", "")
    assert await comes_to_owe(old, new, week, owed(30_00, TODAY)) == ("ready", "")
    less = old.model_copy(update={"owed_pence": 50_00})
    status, why = await comes_to_owe(less, new, week)
    assert status == "blocked", "the balance is what it was when it was proposed, and a part of the old charge is paid"
    assert "changed since it was proposed, from £80.00 to £50.00" in why
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=proposal, note="paid a little"), caller=ASHA)
    assert await comes_to_owe(less, new, week, owed(30_00, TODAY)) == ("ready", "")


@pytest.mark.parametrize("what", ["breathing space", "payment plan"])
async def test_what_forbids_a_write_off_takes_a_ready_proposal_back(writeoffs: WriteOffs, what: str) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.ready(account)
    fact = (
        AccountHoldChanged(account=account, balance_pence=312_40, account_hold=AccountHold.BREATHING_SPACE, in_force=True)
        if what == "breathing space"
        else PaymentPlanChanged(account=account, balance_pence=312_40, plan=uuid4(), in_force=True)
    )
    await writeoffs.do(move, fact)
    assert (await writeoffs.status(proposal))[::2] == ("gathering", 2)
    assert await writeoffs.asked_of_workflows("WriteOffProposal") == [f"write-off-proposal/{proposal}/{n}" for n in (1, 2)]


async def test_a_withdrawn_proposal_stays_withdrawn_and_the_debt_may_be_proposed_anew(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.proposed(account)
    await writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="found him"), caller=ASHA)
    with pytest.raises(ProposalIsClosed):
        await writeoffs.proves(proposal, EvidenceKind.DOCUMENT)
    assert [one.status for one in await writeoffs.told(ProposalClosed)] == ["withdrawn"]
    assert (await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))).done
    assert await writeoffs.proposed(account) != proposal
