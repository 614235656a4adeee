"""Time reminds of a proposal that waits for a person, again and again, and then it stands before a manager."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHold
from rentbook_contracts.notices import LetterSent
from rentbook_contracts.writeoffs import (
    Assessed,
    AssessProposal,
    EvidenceKind,
    ProposalAsked,
    ProposalsAsked,
    Reason,
    ReconsiderProposal,
    Reminders,
    RemindOfProposal,
)
from support.debts import owed
from support.write_off_service import ASHA, WriteOffs
from writeoffs import queries, store
from writeoffs.domain.assessment import LEFT_OUT
from writeoffs.domain.days import LONDON, business_date, morning_of
from writeoffs.use_cases.assess import assess_proposal, remind_of_proposal
from writeoffs.use_cases.change_proposal import reconsider_proposal
from writeoffs.use_cases.look import proposal_page
from writeoffs.use_cases.note_letter import note_letter

TODAY = business_date(datetime.now(UTC))


class Clock:
    """What writeoffs takes for now: a day in London, whichever hours the clocks went forward or back by then, from noon on."""

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self.days = 0

    def now(self, zone: Any = UTC) -> datetime:
        noon = datetime.combine(TODAY + timedelta(days=self.days), time(12), LONDON)
        return (noon.astimezone(UTC) + (datetime.now(UTC) - self.began)).astimezone(zone)

    def forward_to(self, days: int) -> None:
        self.days = days


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("chassis.transaction.datetime", clock)
    return clock


def day(number: int) -> datetime:
    """The morning so many days from today."""
    return morning_of(TODAY + timedelta(days=number))


async def looked_at(writeoffs: WriteOffs, proposal: UUID) -> Assessed:
    return await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))


async def reminds(writeoffs: WriteOffs, proposal: UUID) -> Reminders | None:
    """What the page says once the story has reminded, twice for one step as a delivery may be."""
    for _ in range(2):
        await writeoffs.do(remind_of_proposal, RemindOfProposal(proposal=proposal, attempt=1))
    return (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).reminders


async def test_a_reminder_comes_again_every_so_many_days_and_the_third_goes_to_managers(writeoffs: WriteOffs, clock: Clock) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    assert (await looked_at(writeoffs, proposal)).remind_at == day(28)
    clock.forward_to(27)
    assert await reminds(writeoffs, proposal) is None
    for times, at in enumerate((28, 56, 84), start=1):
        clock.forward_to(at)
        assert await reminds(writeoffs, proposal) == Reminders(times=times, last_on=TODAY + timedelta(days=at), escalated=times == 3)
        assert (await looked_at(writeoffs, proposal)).remind_at == day(at + 28)


async def test_what_is_looked_at_every_week_is_reminded_of_all_the_same(writeoffs: WriteOffs, clock: Clock) -> None:
    account = writeoffs.owing()
    writeoffs.moved(account, account_holds=(AccountHold.DISPUTE,))
    proposal = await writeoffs.proposed(account)
    for at in (0, 7, 14, 21):
        clock.forward_to(at)
        assert (await looked_at(writeoffs, proposal)).remind_at == day(28)


async def test_whatever_happens_to_a_proposal_begins_the_wait_anew(writeoffs: WriteOffs, clock: Clock) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    clock.forward_to(28)
    assert await reminds(writeoffs, proposal) is not None
    clock.forward_to(30)
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT)
    assert (await looked_at(writeoffs, proposal)).remind_at == day(58)
    assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).reminders is None


async def test_nobody_is_reminded_of_what_only_needs_its_time(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    found = await looked_at(writeoffs, proposal)
    assert found.letter is not None
    assert found.remind_at is None
    sent = LetterSent(letter=uuid4(), kind="debt", account=account, case=proposal, sha256="ab" * 32, sent_on=TODAY)
    await writeoffs.do(note_letter, sent)
    assert (await looked_at(writeoffs, proposal)).remind_at is None
    writeoffs.moved(account, reachable=())
    other = await writeoffs.proposed(writeoffs.owing(40_00, reachable=()), Reason.UNECONOMIC)
    assert (await looked_at(writeoffs, other)).remind_at == day(28)


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        pytest.param(Reason.STATUTE_BARRED, {"charges": (owed(80_00, TODAY - timedelta(days=5 * 365)),)}, id="time has not run out yet"),
        pytest.param(Reason.EMIGRATED, {"account_holds": (AccountHold.BREATHING_SPACE,)}, id="Breathing Space runs"),
    ],
)
async def test_nobody_is_reminded_before_the_day_that_lets_them_do_something(
    writeoffs: WriteOffs, reason: Reason, changed: dict[str, Any]
) -> None:
    account = writeoffs.owing(80_00)
    writeoffs.moved(account, **changed)
    proposal = await writeoffs.proposed(account, reason)
    assert (await looked_at(writeoffs, proposal)).remind_at is None
    assert (await writeoffs.status(proposal))[0] == "blocked"
    writeoffs.moved(account, account_holds=(*changed.get("account_holds", ()), AccountHold.DISPUTE))
    assert (await looked_at(writeoffs, proposal)).remind_at == day(28), "a dispute is for somebody to settle meanwhile"


async def test_a_line_that_the_decision_left_out_is_reminded_of_until_somebody_has_worked_on_it(writeoffs: WriteOffs, clock: Clock) -> None:
    first, second = await writeoffs.ready(writeoffs.owing()), await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(first, second)
    await writeoffs.round(schedule)
    await writeoffs.taken(schedule, uuid4(), (second,))
    assert await writeoffs.status(second) == ("blocked", LEFT_OUT, 2)
    assert f"write-off-proposal/{second}/2" in await writeoffs.asked_of_workflows("WriteOffProposal")
    for _ in range(2):
        found = await writeoffs.do(assess_proposal, AssessProposal(proposal=second, attempt=2))
        assert (found.done, found.remind_at) == (False, day(28)), "its evidence is complete, and a person looks at it all the same"
    clock.forward_to(28)
    await writeoffs.do(remind_of_proposal, RemindOfProposal(proposal=second, attempt=2))
    assert [row.proposal for row in (await writeoffs.ask(queries.proposals, ProposalsAsked(reminded=True))).proposals] == [second]
    await writeoffs.do(reconsider_proposal, ReconsiderProposal(proposal=second, note="It is as it was."), caller=ASHA)
    await writeoffs.assessed(second)
    assert (await writeoffs.status(second))[0] == "ready"


async def test_what_a_reminder_is_does_not_rest_on_its_words(writeoffs: WriteOffs, clock: Clock) -> None:
    proposal = await writeoffs.proposed(writeoffs.owing())
    clock.forward_to(28)
    assert await reminds(writeoffs, proposal) is not None
    told = await writeoffs.rows("SELECT kind FROM event WHERE proposal = :id ORDER BY id", id=proposal)
    assert [row["kind"] for row in told] == ["change", "reminder"]
    clock.forward_to(29)
    await writeoffs.do(said, ("now and then somebody calls", proposal))
    assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).reminders is None


async def said(tx: Transaction, told: tuple[str, UUID]) -> None:
    """Something happened, in these words."""
    await store.note(tx, [told[1]], told[0])


async def test_what_was_reminded_of_is_found_and_the_oldest_may_come_first(writeoffs: WriteOffs, clock: Clock) -> None:
    first = await writeoffs.proposed(writeoffs.owing())
    clock.forward_to(1)
    second, third = await writeoffs.proposed(writeoffs.owing()), await writeoffs.proposed(writeoffs.owing())
    clock.forward_to(29)
    for proposal in (first, second):
        assert await reminds(writeoffs, proposal) is not None
    found = await writeoffs.ask(queries.proposals, ProposalsAsked(reminded=True, oldest_first=True))
    assert [(row.proposal, row.reminders.times if row.reminders else 0) for row in found.proposals] == [(first, 1), (second, 1)]
    assert found.in_all == 2
    every = (await writeoffs.ask(queries.proposals, ProposalsAsked())).proposals
    assert every[-1].proposal == first
    assert {row.proposal for row in every if row.reminders is None} == {third}
    await writeoffs.proves(first, EvidenceKind.DOCUMENT)
    found = await writeoffs.ask(queries.proposals, ProposalsAsked(reminded=True))
    assert [row.proposal for row in found.proposals] == [second]


async def test_what_was_reminded_of_is_counted_for_whoever_made_it_and_for_managers_without_being_read(
    writeoffs: WriteOffs, clock: Clock
) -> None:
    often, once = await writeoffs.proposed(writeoffs.owing(100_00)), await writeoffs.proposed(writeoffs.owing(20_00))
    clock.forward_to(28)
    await reminds(writeoffs, once)
    for at in (28, 56, 84):
        clock.forward_to(at)
        await reminds(writeoffs, often)

    async def counted(**narrowed: Any) -> tuple[int, int, int]:
        found = await writeoffs.ask(queries.proposals, ProposalsAsked(reminded=True, limit=0, **narrowed))
        return len(found.proposals), found.in_all, found.total_pence

    assert await counted() == (0, 2, 120_00)
    assert await counted(escalated=True) == (0, 1, 100_00)
    assert await counted(raised_by="asha.officer") == (0, 2, 120_00)
    assert await counted(raised_by="bryn.officer") == (0, 0, 0)
