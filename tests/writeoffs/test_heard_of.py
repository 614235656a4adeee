"""What stands against that somebody cannot be found is of the people, and not of the proposal on which it was put (domain.md 5.2)."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.peers import Caller
from rentbook_contracts.ledger import (
    AccountKind,
    DeathChanged,
    LinkedAccount,
    PaymentPlan,
    PaymentPlanChanged,
    PersonFacts,
    PlanRhythm,
)
from rentbook_contracts.writeoffs import OF_THE_LIVING, AddProof, EvidenceKind, ProposalAsked, Reason, StrikeProof
from support.write_off_service import BRYN, WriteOffs
from writeoffs.domain.days import business_date
from writeoffs.domain.ladder import ANSWERS
from writeoffs.use_cases.change_proposal import add_proof, strike_proof
from writeoffs.use_cases.look import proposal_page
from writeoffs.use_cases.move import live, move
from writeoffs.use_cases.schedules import NothingIsReady

TODAY = business_date(datetime.now(UTC))


async def heard(writeoffs: WriteOffs, proposal: UUID, kind: EvidenceKind, by: Caller = BRYN, person: UUID | None = None) -> None:
    await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=kind, on=TODAY, person=person), caller=by)


async def struck(writeoffs: WriteOffs, proposal: UUID, kind: EvidenceKind) -> None:
    [row] = await writeoffs.rows("SELECT id FROM proof WHERE proposal = :id AND kind = :kind", id=proposal, kind=kind)
    await writeoffs.do(strike_proof, StrikeProof(proof=row["id"], because="Of another tenant."), caller=BRYN)


@pytest.mark.parametrize("kind", sorted(ANSWERS))
async def test_what_was_heard_survives_the_proposal_on_which_it_was_put(writeoffs: WriteOffs, kind: EvidenceKind) -> None:
    account = writeoffs.owing()
    first = await writeoffs.untraceable(account)
    schedule = await writeoffs.scheduled(first)
    await heard(writeoffs, first, kind)
    assert (await writeoffs.standings(schedule))[first][0] == "dropped"
    await writeoffs.withdrawn(first)
    again = await writeoffs.untraceable(account)
    assert (await writeoffs.status(again))[0] == "gathering"
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=again))
    assert page.ladder[1].says.startswith("last heard of on")
    assert [(proof.kind, proof.earlier) for proof in page.proofs if proof.earlier is not None] == [(kind, first)], "and it is shown"
    await struck(writeoffs, first, kind)
    await writeoffs.assessed(again)
    assert (await writeoffs.status(again))[0] == "ready", "what was entered in error stands in no way"


async def test_a_letter_that_was_answered_was_answered_when_the_debt_is_proposed_anew(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    first = await writeoffs.proposed(account, Reason.UNECONOMIC)
    await heard(writeoffs, first, EvidenceKind.LETTER_ANSWERED)
    await writeoffs.withdrawn(first)
    again = await writeoffs.proposed(account, Reason.UNECONOMIC)
    await writeoffs.proves(again, EvidenceKind.LETTER_SENT, days_ago=60)
    await writeoffs.assessed(again)
    assert (await writeoffs.status(again))[0] == "gathering"


@pytest.mark.parametrize("kind", sorted(ANSWERS))
async def test_whoever_was_heard_of_on_one_account_is_not_untraceable_on_another(writeoffs: WriteOffs, kind: EvidenceKind) -> None:
    account, elsewhere = writeoffs.of_one_person()
    other = await writeoffs.proposed(elsewhere, Reason.EMIGRATED)
    await heard(writeoffs, other, kind)
    await writeoffs.withdrawn(other)
    proposal = await writeoffs.untraceable(account)
    assert (await writeoffs.status(proposal))[0] == "gathering"
    await struck(writeoffs, other, kind)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "ready"


@pytest.mark.parametrize("kind", sorted(ANSWERS))
async def test_a_line_of_the_same_people_drops_by_what_is_heard_on_another_account_of_theirs(
    writeoffs: WriteOffs, kind: EvidenceKind
) -> None:
    account, elsewhere = writeoffs.of_one_person()
    stranger = await writeoffs.untraceable(writeoffs.owing())
    proposal, other = await writeoffs.untraceable(account), await writeoffs.untraceable(elsewhere)
    schedule = await writeoffs.scheduled(proposal, other, stranger)
    await heard(writeoffs, other, kind)
    found = {line: standing for line, (standing, _) in (await writeoffs.standings(schedule)).items()}
    assert found == {proposal: "dropped", other: "dropped", stranger: "listed"}


async def test_an_open_proposal_of_theirs_is_looked_at_anew(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    proposal, other = await writeoffs.untraceable(account), await writeoffs.untraceable(elsewhere)
    await heard(writeoffs, other, EvidenceKind.FOUND)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "gathering"


async def test_what_was_heard_of_one_joint_tenant_says_nothing_of_what_another_owes_alone(writeoffs: WriteOffs) -> None:
    partner = PersonFacts(person=uuid4())
    joint, alone = writeoffs.of_one_person(None, partner)
    schedule = await writeoffs.scheduled(await writeoffs.untraceable(alone))
    other = await writeoffs.proposed(joint, Reason.UNTRACEABLE)
    await heard(writeoffs, other, EvidenceKind.FOUND, person=partner.person)
    assert [standing for standing, _ in (await writeoffs.standings(schedule)).values()] == ["listed"]
    [tenant] = writeoffs.ledger.debts[alone].people
    await heard(writeoffs, other, EvidenceKind.FOUND, person=tenant.person)
    assert list((await writeoffs.standings(schedule)).values()) == [("dropped", "Somebody who owes it was found.")]


@pytest.mark.parametrize(("change", "status", "in_the_way"), [
    pytest.param({"paid_on": TODAY}, "gathering", "last heard of on", id="they paid on another account"),
    pytest.param({"asked_on": TODAY}, "gathering", "last heard of on", id="they asked for a refund there"),
    pytest.param({"linked": ()}, "ready", "", id="nothing that matters"),
    pytest.param({"linked": (LinkedAccount(account=uuid4(), kind=AccountKind.RENT, former=True, balance_pence=-5_00),)}, "blocked",
                 "£5.00 in credit", id="they have credit there"),
])  # fmt: skip
async def test_the_page_of_what_was_ready_says_at_once_what_came_in_its_way_on_another_account(
    writeoffs: WriteOffs, change: dict[str, Any], status: str, in_the_way: str
) -> None:
    """Of what happens on another account nobody tells it: it follows no story any more."""
    account, _ = writeoffs.of_one_person()
    proposal = await writeoffs.untraceable(account)
    writeoffs.moved(account, **change)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.status == status
    assert in_the_way in " ".join((*page.blocked, *(rung.says for rung in page.ladder)))
    with pytest.raises(NothingIsReady) if status != "ready" else nullcontext():
        await writeoffs.scheduled(proposal)


async def test_whoever_keeps_a_plan_on_one_account_is_not_untraceable_on_another(writeoffs: WriteOffs) -> None:
    account, elsewhere = writeoffs.of_one_person()
    emigrated = writeoffs.owing(50_00)
    writeoffs.moved(emigrated, linked=writeoffs.ledger.debts[account].linked)
    proposal, other = await writeoffs.untraceable(account), await writeoffs.ready(emigrated)
    schedule = await writeoffs.scheduled(proposal, other)
    plan = PaymentPlan(
        plan=uuid4(), agreed_on=TODAY, instalment_pence=50_00, rhythm=PlanRhythm.WEEKLY, first_due_on=TODAY + timedelta(days=7), kept=True
    )
    writeoffs.moved(account, plan_elsewhere=plan)
    agreed = PaymentPlanChanged(account=elsewhere, balance_pence=40_00, plan=plan.plan, in_force=True)
    await writeoffs.do(move, agreed)
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", "A payment plan is being kept."), other: ("listed", None)}
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[:2] == (
        "blocked", "A payment plan of £50.00 is being kept on another account of the same people: they can be found.",
    )  # fmt: skip


DEAD = "Nobody who owes it lives: withdraw this, and propose it because of the death (deceased)."


@pytest.mark.parametrize("reason", sorted(OF_THE_LIVING))
@pytest.mark.parametrize("listed", [True, False])
async def test_the_dead_have_not_gone_away(writeoffs: WriteOffs, reason: Reason, listed: bool) -> None:
    account = writeoffs.owing(80_00)
    proposal = await gone_away(writeoffs, account, reason)
    schedule = await writeoffs.scheduled(proposal) if listed else None
    [tenant] = writeoffs.ledger.debts[account].people
    writeoffs.moved(account, people=(tenant.model_copy(update={"died_on": TODAY}),))
    await writeoffs.do(live, DeathChanged(account=account, balance_pence=80_00, person=tenant.person, died=True))
    if schedule is not None:
        assert await writeoffs.standings(schedule) == {proposal: ("dropped", DEAD)}
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[:2] == ("blocked", DEAD)


async def gone_away(writeoffs: WriteOffs, account: UUID, reason: Reason) -> UUID:
    """A ready proposal for such a reason."""
    if reason is Reason.UNTRACEABLE:
        return await writeoffs.untraceable(account)
    proposal = await writeoffs.proposed(account, reason)
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE, EvidenceKind.NO_ASSETS)
    await writeoffs.assessed(proposal)
    return proposal


@pytest.mark.parametrize("reason", sorted(OF_THE_LIVING))
async def test_whoever_survives_a_joint_tenant_may_have_gone_away_still(writeoffs: WriteOffs, reason: Reason) -> None:
    account = writeoffs.owing(80_00)
    [tenant] = writeoffs.ledger.debts[account].people
    gone = PersonFacts(person=uuid4(), died_on=TODAY)
    writeoffs.moved(account, people=(tenant, gone))
    proposal = await writeoffs.proposed(account, reason)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.blocked == ()
