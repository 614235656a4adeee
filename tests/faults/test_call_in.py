"""What members decided waits out its call-in and is posted the day after it, on a stack of its own whose time is carried forward."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from journeys.test_write_offs import MINUTE, TODAY, J, approved, balance, entries, listed, ready
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_local.journey.desk import Desk, Page
from rentbook_local.journey.steps import cast
from rentbook_local.journey.write_off_steps import register, schedule_says
from rentbook_local.signin import PERSONAS
from support.ahead import days_ahead
from support.counting import until
from support.fake_services import waits
from support.stack import Stack, running_stack
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

WAITS = [pence for pence, (_, _, may_be_called_in) in J.items() if may_be_called_in]
CALLED_IN = 49_999_99
MORNING_HOUR = 9
"""By then in UTC a story has looked whether its day has come."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ahead() -> AsyncIterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        async with running_stack(runner_module="support.ahead") as running:
            yield running


async def test_what_members_decided_is_posted_when_its_call_in_is_over_unless_it_was_called_in(ahead: Stack) -> None:
    """By Cabinet and by a member alone; one of a member's is called in."""
    client = await Client.connect(
        f"127.0.0.1:{ahead.layout.port('temporal')}", namespace="rentbook", data_converter=pydantic_data_converter
    )
    with ExitStack() as signed_in:
        desks = {
            persona.subject.partition(".")[0]: signed_in.enter_context(Desk(ahead.layout.desk, persona.subject)) for persona in PERSONAS
        }
        asha, members = desks["asha"], cast(ahead.layout)
        accounts = {pence: members[f"debt-j-{pence}"].account for pence in WAITS}

        def decided(pence: int) -> tuple[Page, str]:
            title, last = f"Debtor of {pence}", ""
            schedule = listed(desks, [ready(desks, members[f"debt-j-{pence}"])], title)
            for name in J[pence][0]:
                last = approved(desks[name], title, after=last or None, minute=MINUTE if name == "mabel" else None)
            return schedule_says(asha, schedule, "Decided, in its call-in time"), last

        waiting = {pence: await asyncio.to_thread(decided, pence) for pence in WAITS}
        pages = {pence: page for pence, (page, _) in waiting.items()}
        stories = {pence: client.get_workflow_handle(schedule_workflow_id(UUID(page.identity))) for pence, page in pages.items()}
        [day] = {posted_on(page) for page in pages.values()}
        days = (day - TODAY).days
        assert days >= 6 + 2, "five working days, and the weekend among them"

        await asyncio.to_thread(call_in, desks["lowri"], waiting[CALLED_IN][1])
        await carried_forward(client, ahead, [*stories.values()], days - 1, of=days - 1)
        for pence, page in pages.items():
            said = "With whoever decides" if pence == CALLED_IN else "Decided, in its call-in time"
            await asyncio.to_thread(schedule_says, asha, page.identity, said)
        assert {pence: written_off(asha, account) for pence, account in accounts.items()} == {pence: [] for pence in WAITS}

        await carried_forward(client, ahead, [*stories.values()], days, of=1)
        for pence, page in pages.items():
            said = "With whoever decides" if pence == CALLED_IN else "✓ Posted"
            await asyncio.to_thread(schedule_says, asha, page.identity, said)
        posted = {pence: written_off(asha, account) for pence, account in accounts.items()}
        pounds = {10_000_00: "4999.99", 50_000_00: "9999.99"}
        assert posted == {pence: [(str(day), "WOF", f"-{pounds[pence]}")] if pence in pounds else [] for pence in WAITS}
        for pence in pounds:
            assert balance(asha, accounts[pence]) == "Nothing owed"
            assert [row.kind for row in register(asha, accounts[pence])] == ["Write-off"]
    words = [sys.executable, "-m", "rentbook_local", "check", "--state", str(ahead.layout.folder)]
    checked = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    said_of_books, _ = await checked.communicate()
    assert checked.returncode == 0, said_of_books.decode()


def posted_on(page: Page) -> date:
    """The day that the schedule's page names."""
    found = re.search(r"It is posted on \w+ (\d+ \w+ \d{4}), unless it is called in before", page.text)
    assert found is not None, page.text
    return datetime.strptime(found[1], "%d %b %Y").replace(tzinfo=UTC).date()


def written_off(desk: Desk, account: str) -> list[tuple[str, str, str]]:
    return [entry for entry in entries(desk, account) if entry[1] == "WOF"]


def call_in(member: Desk, task: str) -> None:
    page = member.get(task)
    [action] = [str(form.get("action")) for form in page.tree.forms if str(form.get("action")).endswith("/recall")]
    assert member.send(page, action, {"recall_text": "Called in by three members"}).errors() == []


async def carried_forward(client: Client, stack: Stack, stories: list[WorkflowHandle[object, object]], to: int, *, of: int) -> None:
    """The services' clock to this many days ahead, and the stories by some days, past the morning; until each rests."""
    days_ahead(stack.layout, to)
    by = timedelta(days=of, hours=max(0, MORNING_HOUR - datetime.now(UTC).hour))
    for story in stories:
        await TimeSkipper(client, config=TimeSkippingConfig(enabled=False)).fast_forward(story, by)
        await until(partial(waits, story), "the story rests")
