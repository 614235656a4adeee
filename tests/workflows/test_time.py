"""Time carried forward on the development server: it reminds, then escalates, by working days; it never decides."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from approvals.domain.working_days import bank_holidays, working_days_after
from refunds.domain.days import business_date
from refunds.domain.working_days import WorkingDays
from rentbook_contracts.approvals import Answer, NudgeTask
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, CloseCase, NoteProgress, RefundCase
from rentbook_contracts.workflows import CASE_CHANGED, QUEUE, REFUND_APPROVAL, CaseChanged, refund_workflow_id
from support.counting import until
from support.fake_services import FakeServices, waits
from support.servers import Temporal
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

Story = WorkflowHandle[Any, Any]

# No two bank holidays of England lie further apart, so that one is always among the days.
BEYOND_A_BANK_HOLIDAY = 90
MORNING = time(8, 30, tzinfo=UTC)
WAITS_FOR_GOOD = timedelta(days=400)
CHANGES = ("refunds.queue-payment", "refunds.close-case", "ledger.post-refund", "ledger.release-hold", "approvals.close-task")


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)


@pytest.fixture
async def services(client: Client) -> AsyncIterator[FakeServices]:
    async with AsyncExitStack() as stack:
        fake = FakeServices()
        await fake.serve(client, stack)
        yield fake


class Clock:
    """The clock of one story."""

    def __init__(self, client: Client, story: Story) -> None:
        self.skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        self.story = story

    async def forward(self, by: timedelta) -> None:
        assert by > timedelta()
        assert await self.skipper.fast_forward(self.story, by), "the story ended while time went by"

    async def forward_to(self, day: date) -> None:
        """To 08:30 UTC of the day."""
        await self.forward(datetime.combine(day, MORNING) - await self.skipper.get_current_time(self.story))


async def begun(client: Client, services: FakeServices) -> Clock:
    case = RefundCase(case=services.case)
    story = await client.start_workflow(REFUND_APPROVAL.name, case, id=refund_workflow_id(case.case, 1), task_queue=QUEUE)
    return Clock(client, story)


async def caught_up(clock: Clock, services: FakeServices) -> None:
    """The story has done all that was to be done by now: it has asked the rows, which say nothing new, and waits again."""
    asked = services.names().count("refunds.read-case")
    await clock.story.signal(CASE_CHANGED.name, CaseChanged(case=services.case))
    await services.until("refunds.read-case", asked + 1)
    await until(lambda: waits(clock.story), "the story waits again")


def nudges(services: FakeServices) -> list[bool]:
    """Of each nudge, whether it escalates."""
    return [asked.escalate for _, asked in services.calls if isinstance(asked, NudgeTask)]


async def test_a_reminder_then_an_escalation_by_working_days_and_the_decision_stays_open(client: Client, services: FakeServices) -> None:
    today, closed = business_date(datetime.now(UTC)), bank_holidays()
    services.remind_on = working_days_after(today, BEYOND_A_BANK_HOLIDAY, closed)
    services.escalate_on = working_days_after(services.remind_on, 2, closed)
    by_weekdays_alone = working_days_after(today, BEYOND_A_BANK_HOLIDAY, ())
    assert by_weekdays_alone < services.remind_on < services.escalate_on

    clock = await begun(client, services)
    await services.noted(CaseStatus.WITH_APPROVER)
    await clock.forward_to(by_weekdays_alone)
    await caught_up(clock, services)
    assert nudges(services) == []
    await clock.forward_to(services.remind_on)
    await services.until("approvals.nudge-task", 1)
    await caught_up(clock, services)
    assert nudges(services) == [False]
    await clock.forward_to(services.escalate_on)
    await services.until("approvals.nudge-task", 2)
    await clock.forward(WAITS_FOR_GOOD)
    await caught_up(clock, services)
    assert nudges(services) == [False, True]
    assert services.names(*CHANGES) == []

    await services.decide(clock.story, Answer.APPROVED)
    await services.until("refunds.queue-payment")


async def test_checks_that_run_out_while_a_payment_waits_for_its_release_void_the_approval(client: Client, services: FakeServices) -> None:
    services.runs_out_at = datetime.now(UTC) + timedelta(days=20)
    clock = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(clock.story, Answer.APPROVED)
    await services.until("refunds.queue-payment")
    await clock.forward(timedelta(days=19))
    await caught_up(clock, services)
    assert services.names("refunds.recheck") == []
    services.void_because, services.runs_out_at = "the bank's answer has run out", None
    await clock.forward(timedelta(days=2))
    await services.until("approvals.open-task", 2)
    assert services.names("refunds.dequeue-payment", "ledger.release-hold") == ["refunds.dequeue-payment", "ledger.release-hold"]
    assert services.names("ledger.post-refund") == []


async def test_checks_that_still_hold_when_they_should_have_run_out_leave_the_question_open(client: Client, services: FakeServices) -> None:
    """Policy may have come to let them hold longer. The reminders come as ever."""
    services.runs_out_at = datetime.now(UTC) + timedelta(days=20)
    clock = await begun(client, services)
    await services.until("approvals.open-task")
    await clock.forward(timedelta(days=21))
    await services.until("refunds.recheck")
    await clock.forward(timedelta(days=20))
    await services.until("approvals.nudge-task", 2)
    await caught_up(clock, services)
    assert services.names("refunds.plan", "refunds.recheck") == ["refunds.plan", "refunds.recheck"]
    await services.decide(clock.story, Answer.APPROVED)
    await services.until("refunds.queue-payment")


async def test_a_missing_document_is_reminded_of_then_overdue_and_refuses_nobody(client: Client, services: FakeServices) -> None:
    holidays = bank_holidays()
    calendar = WorkingDays(lambda day: day in holidays)
    today = business_date(datetime.now(UTC))
    remind_on, lapse_on = calendar.after(today, BEYOND_A_BANK_HOLIDAY), calendar.after(today, BEYOND_A_BANK_HOLIDAY + 5)
    services.remind_at, services.lapse_at = (datetime.combine(day, time(8), UTC) for day in (remind_on, lapse_on))
    services.blocked_rounds = 1

    clock = await begun(client, services)
    await services.noted(CaseStatus.WAITING_FOR_EVIDENCE)
    await clock.forward_to(calendar.after(today, BEYOND_A_BANK_HOLIDAY - 1))
    await caught_up(clock, services)
    assert notes(services) == [None]
    await clock.forward_to(remind_on)
    await said(services, "reminded")
    assert notes(services) == [None, "reminded"]
    await clock.forward_to(lapse_on)
    await said(services, "overdue")
    await clock.forward(WAITS_FOR_GOOD)
    await caught_up(clock, services)
    assert services.names(*CHANGES) == []

    services.row_says(changed=True)
    await clock.story.signal(CASE_CHANGED.name, CaseChanged(case=services.case))
    await services.until("approvals.open-task")
    assert notes(services) == [None, "reminded", "overdue"]
    await services.decide(clock.story, Answer.DECLINED)
    await clock.story.result()
    assert [asked.outcome for _, asked in services.calls if isinstance(asked, CloseCase)] == [CaseOutcome.DECLINED]


async def test_a_day_that_settles_nothing_is_looked_at_once_and_the_wait_goes_on(client: Client, services: FakeServices) -> None:
    now = datetime.now(UTC)
    services.remind_at, services.look_again_at, services.lapse_at = (now + timedelta(days=days) for days in (10, 15, 30))
    services.blocked_rounds = 1

    clock = await begun(client, services)
    await services.noted(CaseStatus.WAITING_FOR_EVIDENCE)
    await clock.forward(timedelta(days=11))
    await said(services, "reminded")
    await caught_up(clock, services)
    assert services.names("refunds.look-again") == []
    await clock.forward(timedelta(days=5))
    await services.until("refunds.look-again")
    await clock.forward(timedelta(days=15))
    await said(services, "overdue")
    await clock.forward(WAITS_FOR_GOOD)
    await caught_up(clock, services)
    assert services.names("refunds.look-again", "refunds.plan") == ["refunds.plan", "refunds.look-again"]
    assert notes(services) == [None, "reminded", "overdue"]


def notes(services: FakeServices) -> list[str | None]:
    """What was said of the waiting, in order."""
    said = [asked for _, asked in services.calls if isinstance(asked, NoteProgress)]
    return [note.note for note in said if note.status is CaseStatus.WAITING_FOR_EVIDENCE]


async def said(services: FakeServices, note: str) -> None:
    await services.when(lambda: note in notes(services))
