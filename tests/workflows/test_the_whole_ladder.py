"""The evidence ladder from the proposal to the day on which it is ready, with the services that do the work and time carried forward.

The story is told by a Temporal server; writeoffs and notices are their own use cases over PostgreSQL, the letters are set and lie in a
folder. The server carries the story's time forward, and the services' clock goes with it. Facts go from one service to the other as on the
bus, once. Where another code is deployed on the way, the story goes on with it from what Temporal has.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import notices.app
import pytest
import sqlalchemy as sa
import writeoffs.app
from chassis.activities import activity_worker
from chassis.serving import App
from chassis.starter import WorkflowRelay
from chassis.transaction import Runtime
from notices.settings import NoticesSettings
from rentbook_contracts.ledger import AccountHold, AccountHoldChanged, DebtsAsked, DebtsRead, LineKind, Tenant
from rentbook_contracts.notices import WRITE_LADDER_LETTER, LetterSent
from rentbook_contracts.workflows import QUEUE, proposal_workflow_id
from rentbook_contracts.writeoffs import (
    REMIND_OF_PROPOSAL,
    EvidenceKind,
    ProposalAsked,
    ProposalPage,
    Propose,
    Reason,
    WithdrawProposal,
)
from support.debts import in_credit, person
from support.deploying import Answer, patched, replayed
from support.notices_service import account_page, runtime_for, tick
from support.servers import Postgres, Temporal
from support.write_off_service import ASHA, WriteOffs, running
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker
from workflows.app import WORKFLOWS
from writeoffs.domain.days import business_date, months_after
from writeoffs.use_cases.change_proposal import withdraw_proposal
from writeoffs.use_cases.look import proposal_page
from writeoffs.use_cases.move import move
from writeoffs.use_cases.note_letter import note_letter
from writeoffs.use_cases.propose import propose

RESTS = frozenset(
    {
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    }
)
OF_THE_CLOCK = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    }
)
LIMIT_SECONDS = 60
REMINDS_AGAIN = "remind-again-at-look-"
EVENING_HOUR = 20


class Clock:
    """What the services take for now: the machine's time, and as much as the stories were carried forward."""

    def __init__(self) -> None:
        """Who begins in the evening begins the next morning: a midnight on the way would be a day more than the days that go by."""
        now = datetime.now(UTC)
        self.ahead = now.replace(hour=8, minute=30) + timedelta(days=1) - now if now.hour >= EVENING_HOUR else timedelta()

    def now(self, zone: Any = UTC) -> datetime:
        return datetime.now(zone) + self.ahead


@dataclass
class Town:
    """The services, the server, and one account of the ledger at a time."""

    writeoffs: WriteOffs
    notices: Runtime
    client: Client
    clock: Clock
    letters: Path
    worker: AsyncExitStack
    told: set[UUID] = field(default_factory=set)

    # --- what happens ---------------------------------------------------------------------------------------------------------------

    async def propose(self, reason: Reason, account: UUID, kind: LineKind = LineKind.WRITE_OFF) -> UUID:
        proposal = await self.begin(reason, account, kind)
        await self.goes_on(proposal)
        return proposal

    async def begin(self, reason: Reason, account: UUID, kind: LineKind = LineKind.WRITE_OFF) -> UUID:
        """Propose, and no more: what its story has written is not sent yet."""
        made = await self.writeoffs.do(propose, Propose(kind=kind, account=account, reason=reason), caller=ASHA)
        await until(self.nothing_is_asked)
        # A story begins at the machine's time.
        await self.carried_forward(made.proposal, self.clock.ahead)
        await self.rests(made.proposal)
        return made.proposal

    async def deploy(self, answer: Answer = lambda _: None) -> None:
        """A process that asks for patches so, or as always, takes over the stories. Nothing is kept but what Temporal has."""
        await self.worker.aclose()
        self.worker.enter_context(patched(answer))
        await self.worker.enter_async_context(Worker(self.client, task_queue=QUEUE, workflows=WORKFLOWS))

    async def proves(self, proposal: UUID, *kinds: EvidenceKind, source: str = "") -> None:
        """Dated on the day on which the services are by now."""
        gone_by = business_date(self.clock.now()) - business_date(datetime.now(UTC))
        await self.writeoffs.proves(proposal, *kinds, days_ago=-gone_by.days, source=source)
        await self.goes_on(proposal)

    async def days_go_by(self, proposal: UUID, days: int) -> None:
        by = timedelta(days=days) + self.until_the_morning_is_over()
        self.clock.ahead += by
        await self.carried_forward(proposal, by)
        await self.goes_on(proposal)

    async def carried_forward(self, proposal: UUID, by: timedelta) -> None:
        if by:
            await TimeSkipper(self.client, config=TimeSkippingConfig(enabled=False)).fast_forward(self.story(proposal), by)

    def until_the_morning_is_over(self) -> timedelta:
        """Stories look in the morning of a day: whoever runs this at night is carried past it first."""
        now = self.clock.now()
        return max(timedelta(), now.replace(hour=8, minute=30) - now)

    async def goes_on(self, proposal: UUID) -> None:
        """Until nothing is left to do today: stories rest, letters are sent, and what was sent is known."""
        await self.rests(proposal)
        while await tick(self.notices):
            pass
        while await self.hear_letters():
            await self.rests(proposal)

    async def hear_letters(self) -> bool:
        """The bus: what notices told and writeoffs has not heard yet."""
        async with self.notices.engine.connect() as connection:
            rows = (await connection.execute(sa.text("SELECT id, body FROM outbox_event ORDER BY seq"))).all()
        fresh = [row for row in rows if row.id not in self.told]
        for row in fresh:
            await self.writeoffs.do(note_letter, LetterSent.model_validate_json(row.body))
            self.told.add(row.id)
        return bool(fresh)

    async def rests(self, proposal: UUID) -> None:
        """What was asked of the story has reached it, and it waits for time or for a word, or has ended."""
        await until(self.nothing_is_asked)
        await until(lambda: self.story_rests(proposal))

    async def nothing_is_asked(self) -> bool:
        return await self.writeoffs.rows("SELECT 1 FROM outbox_workflow WHERE done_at IS NULL") == []

    async def story_rests(self, proposal: UUID) -> bool:
        events = [event async for event in self.story(proposal).fetch_history_events()]
        last = [event for event in events if event.event_type not in OF_THE_CLOCK][-1]
        begun = [event for event in events if event.HasField("activity_task_scheduled_event_attributes")]
        done = [event for event in events if event.HasField("activity_task_completed_event_attributes")]
        return len(begun) == len(done) and last.event_type in RESTS

    def story(self, proposal: UUID) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(proposal_workflow_id(proposal, 1))

    # --- what is seen ---------------------------------------------------------------------------------------------------------------

    async def page(self, proposal: UUID) -> ProposalPage:
        return await self.writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))

    async def status(self, proposal: UUID) -> str:
        return (await self.writeoffs.status(proposal))[0]

    def pdfs(self) -> list[Path]:
        return list(self.letters.glob("*.pdf"))

    def ledger(self, request: httpx.Request) -> httpx.Response:
        """The ledger as notices asks it: the same debts that writeoffs sees."""
        asked = json.loads(request.content)
        if "debts-for-write-off" in request.url.path:
            accounts = DebtsAsked.model_validate(asked).accounts
            return httpx.Response(200, text=DebtsRead(debts=tuple(self.writeoffs.ledger.debts[one] for one in accounts)).model_dump_json())
        debt = self.writeoffs.ledger.debts[UUID(asked["account"])]
        died_on = debt.people[0].died_on
        tenants = (Tenant(person=uuid4(), name="Mercy Okafor", died_on=died_on),)
        told = {"balance_pence": debt.balance_pence, "account_holds": debt.account_holds, "tenants": tenants}
        return httpx.Response(200, text=account_page().model_copy(update=told).model_dump_json())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - it is in a database and on a server
            await asyncio.sleep(0.02)


@pytest.fixture
async def town(postgres: Postgres, temporal: Temporal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    clock = Clock()
    monkeypatch.setattr("chassis.transaction.datetime", clock)
    client = await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)
    places = [tmp_path / name for name in ("writeoffs", "notices")]
    for place in places:
        place.mkdir()
        (place / "service_token").write_text("token")
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(running(await postgres.new_database("writeoffs"), places[0]))
        async for runtime in runtime_for(postgres, places[1]):
            worker = await stack.enter_async_context(AsyncExitStack())
            town = Town(made, runtime, client, clock, places[1] / "letters", worker)
            runtime.http = httpx.AsyncClient(transport=httpx.MockTransport(town.ledger))
            assert isinstance(runtime.settings, NoticesSettings)
            of_writeoffs = App(name="writeoffs", offers=writeoffs.app.OFFERS)
            await serve(stack, client, made.runtime, of_writeoffs)
            await serve(stack, client, runtime, notices.app.make_app(runtime.settings))
            await worker.enter_async_context(Worker(client, task_queue=QUEUE, workflows=WORKFLOWS))
            relay = asyncio.create_task(WorkflowRelay(made.runtime, of_writeoffs, client).run())
            yield town
            relay.cancel()
            await asyncio.wait([relay])
            await stack.aclose()


async def serve(stack: AsyncExitStack, client: Client, runtime: Runtime, app: App) -> None:
    worker = activity_worker(runtime, app, client)
    assert worker is not None
    await stack.enter_async_context(worker)


def estate(town: Town, pence: int = 312_40) -> UUID:
    return town.writeoffs.owing(pence, people=(person(date(2026, 5, 1)),))


async def test_an_estate_is_written_to_twice_and_after_56_days_of_silence_the_debt_is_ready(town: Town) -> None:
    proposal = await town.propose(Reason.DECEASED, estate(town))
    assert (await town.status(proposal), town.pdfs()) == ("gathering", [])
    await town.proves(proposal, EvidenceKind.DEATH)
    assert len(town.pdfs()) == 1

    await town.days_go_by(proposal, 27)
    assert len(town.pdfs()) == 1
    page = await the_second_letter_and_its_silence(town, proposal)
    assert all(rung.met for rung in page.ladder)


async def the_second_letter_and_its_silence(town: Town, proposal: UUID) -> ProposalPage:
    """From the last day on which the first letter may be answered until the debt is ready, on the day that its policy says."""
    await town.days_go_by(proposal, 1)
    assert len(town.pdfs()) == 2
    await town.days_go_by(proposal, 27)
    assert await town.status(proposal) == "gathering"
    await town.days_go_by(proposal, 1)
    assert await town.status(proposal) == "ready"
    await town.story(proposal).result()
    page = await town.page(proposal)
    letters = [proof for proof in page.proofs if proof.letter is not None]
    assert [(letters[1].on - letters[0].on).days, {proof.by for proof in letters}] == [28, {"system"}]
    assert {f"estate-debt-{proof.letter}.pdf" for proof in letters} == {file.name for file in town.pdfs()}
    return page


def told_before_it_reminded_again(patch: str) -> bool | None:
    """The story as it was when it wrote letters by itself, and reminded once in a look."""
    return False if patch.startswith(REMINDS_AGAIN) else None


async def test_an_estate_is_written_to_twice_and_the_debt_is_ready_with_new_code_deployed_between_the_letters(town: Town) -> None:
    """The code as it was reminds and writes the first letter, the code as it is writes the second, and says when the silence is enough."""
    await town.deploy(told_before_it_reminded_again)
    proposal = await town.propose(Reason.DECEASED, estate(town))
    await town.days_go_by(proposal, 29)
    await town.proves(proposal, EvidenceKind.DEATH)
    await town.days_go_by(proposal, 27)
    assert len(town.pdfs()) == 1
    before = await town.story(proposal).fetch_history()

    # A story that can't go on is tried for ever: it would keep the test waiting and not say why.
    await replayed(before)
    await town.deploy()
    await town.goes_on(proposal)
    assert len(town.pdfs()) == 1
    page = await the_second_letter_and_its_silence(town, proposal)
    told = [event.what for event in page.events]
    assert [told.count(what) for what in ("still waits for somebody", "evidence added: letter-sent", "now ready")] == [1, 2, 1]
    after = await town.story(proposal).fetch_history()
    steps = [event.activity_task_scheduled_event_attributes.activity_type.name for event in after.events]
    assert [steps.count(step.name) for step in (REMIND_OF_PROPOSAL, WRITE_LADDER_LETTER)] == [1, 2]
    await replayed(after)
    # A new version was deployed: what was told before is the code's as it was, and the code as it is goes on from it by its patch alone.
    with patched(told_before_it_reminded_again):
        await replayed(before)
    with patched(lambda patch: True if patch.startswith(REMINDS_AGAIN) else None), pytest.raises(workflow.NondeterminismError):
        await replayed(before)


async def test_an_answer_ends_the_letters_and_time_never_makes_it_a_silence(town: Town) -> None:
    proposal = await town.propose(Reason.DECEASED, estate(town))
    await town.proves(proposal, EvidenceKind.DEATH)
    await town.days_go_by(proposal, 10)
    await town.proves(proposal, EvidenceKind.EXECUTOR_REPLY)
    await town.days_go_by(proposal, 400)
    assert (await town.status(proposal), len(town.pdfs())) == ("gathering", 1)
    assert (await town.page(proposal)).reminders is not None
    # The executor's answer was that there is nothing: that is what the policy takes instead of silence.
    await town.proves(proposal, EvidenceKind.INSUFFICIENT_FUNDS)
    assert await town.status(proposal) == "ready"


async def test_breathing_space_stops_the_letters_and_the_second_is_given_its_time_afterwards(town: Town) -> None:
    account = estate(town)
    proposal = await town.propose(Reason.DECEASED, account)
    await town.proves(proposal, EvidenceKind.DEATH)
    await town.days_go_by(proposal, 20)
    await hold(town, proposal, account, in_force=True)
    await town.days_go_by(proposal, 60)
    assert (await town.status(proposal), len(town.pdfs())) == ("blocked", 1)
    await hold(town, proposal, account, in_force=False)
    assert len(town.pdfs()) == 2
    await town.days_go_by(proposal, 27)
    assert await town.status(proposal) == "gathering"
    await town.days_go_by(proposal, 1)
    assert await town.status(proposal) == "ready"


async def hold(town: Town, proposal: UUID, account: UUID, *, in_force: bool) -> None:
    """Breathing Space begins or is lifted: the ledger says so on the bus."""
    holds = (AccountHold.BREATHING_SPACE,) if in_force else ()
    town.writeoffs.moved(account, account_holds=holds)
    fact = AccountHoldChanged(account=account, balance_pence=312_40, account_hold=AccountHold.BREATHING_SPACE, in_force=in_force)
    await town.writeoffs.do(move, fact)
    await town.goes_on(proposal)


async def test_a_debtor_whom_nobody_finds_for_three_months_of_an_agency_is_ready_on_that_day(town: Town) -> None:
    proposal = await town.propose(Reason.UNTRACEABLE, town.writeoffs.owing())
    for source in ("electoral roll", "credit bureau"):
        await town.proves(proposal, EvidenceKind.TRACE, source=source)
    await town.proves(proposal, EvidenceKind.AGENCY_INSTRUCTED)
    last = days_of(town, months=3) - 1
    await town.days_go_by(proposal, 60)
    await town.proves(proposal, EvidenceKind.AGENCY_RETURN)
    await becomes_ready_on_the_next_day(town, proposal, last - 60)


async def test_an_order_makes_the_debt_ready_when_its_twelve_months_are_over(town: Town) -> None:
    proposal = await town.propose(Reason.BANKRUPTCY, town.writeoffs.owing())
    await town.proves(proposal, EvidenceKind.INSOLVENCY_ORDER)
    await becomes_ready_on_the_next_day(town, proposal, days_of(town, months=12) - 1)


def days_of(town: Town, months: int) -> int:
    """How many days these months have, from the day on which the services are by now."""
    today = business_date(town.clock.now())
    return (months_after(today, months) - today).days


async def becomes_ready_on_the_next_day(town: Town, proposal: UUID, days: int) -> None:
    """After so many days it is not ready yet; one more, and nothing else, makes it so. No letter is written."""
    await town.days_go_by(proposal, days)
    assert await town.status(proposal) == "gathering"
    await town.days_go_by(proposal, 1)
    assert (await town.status(proposal), town.pdfs()) == ("ready", [])
    await town.story(proposal).result()


async def test_a_withdrawn_proposal_writes_no_more(town: Town) -> None:
    proposal = await town.propose(Reason.UNECONOMIC, town.writeoffs.owing(30_00))
    assert len(town.pdfs()) == 1
    await town.writeoffs.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="paid at the counter"), caller=ASHA)
    await town.goes_on(proposal)
    await town.story(proposal).result()
    assert await town.status(proposal) == "withdrawn"


async def test_the_owner_of_a_credit_is_written_to_every_year_and_after_six_years_it_may_go_to_income(town: Town) -> None:
    today = town.clock.now().date()
    told = in_credit(25_00, today - timedelta(days=10))
    account = town.writeoffs.owing(25_00, **told)
    proposal = await town.propose(Reason.UNCLAIMED, account, LineKind.CREDIT_WRITE_ON)
    for year in range(1, 6):
        assert len(town.pdfs()) == year
        await town.days_go_by(proposal, 365)
    assert len(town.pdfs()) == 6
    await town.days_go_by(proposal, 365)
    assert (await town.status(proposal), len(town.pdfs())) == ("gathering", 6)
    # Six years have a 29 February or two in them.
    await town.days_go_by(proposal, 2)
    assert await town.status(proposal) == "ready"


async def test_attempts_that_are_typed_in_while_a_letter_is_on_its_way_bring_no_second_one(town: Town) -> None:
    """They move the number of the next letter on, and it would be due at once."""
    account = town.writeoffs.owing(25_00, **in_credit(25_00, town.clock.now().date() - timedelta(days=900)))
    proposal = await town.begin(Reason.UNCLAIMED, account, LineKind.CREDIT_WRITE_ON)
    for days_ago in (800, 400):
        await town.writeoffs.proves(proposal, EvidenceKind.RETURN_ATTEMPT, days_ago=days_ago)
        await town.rests(proposal)
    await town.goes_on(proposal)
    assert len(town.pdfs()) == 1
    await town.days_go_by(proposal, 364)
    assert len(town.pdfs()) == 1
    await town.days_go_by(proposal, 1)
    assert len(town.pdfs()) == 2
