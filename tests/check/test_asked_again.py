"""One person's request withdrawn, and the very same taken by another, on the rows of all services together: no case of its own begins."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from approvals.domain.eligibility import ParticipantMayNotDecide
from rentbook_contracts.refunds import CLOSE_CASE, WITHDRAW_CASE, CaseOutcome, CloseCase, WithdrawCase
from rentbook_contracts.workflows import refund_workflow_id
from support.ledger_books import opened
from support.servers import Postgres

from .town import DECLINED, Town, estate, founded


@pytest.fixture
async def place(postgres: Postgres, tmp_path: Path) -> AsyncIterator[Town]:
    """Nothing has happened here but old credits."""
    async with founded(postgres, tmp_path) as town:
        await opened(town.runtimes["ledger"], estate())
        await town.deliver()
        yield town


async def test_whoever_took_and_withdrew_a_request_does_not_decide_it_when_a_colleague_takes_it_again(place: Town) -> None:
    first = await place.requested(DECLINED, by="carys.senior")
    await place.command("carys.senior", WITHDRAW_CASE, WithdrawCase(case=first, note="mistake"), uuid4())
    await place.step(CLOSE_CASE, CloseCase(case=first, attempt=1, outcome=CaseOutcome.WITHDRAWN), refund_workflow_id(first, 1))
    await place.deliver()
    plan, _, task = await place.planned(await place.requested(DECLINED))
    with pytest.raises(ParticipantMayNotDecide) as refused:
        await place.decided("carys.senior", plan, task)
    assert "or in another about the same people" in refused.value.message
    await place.decided("dilip.leader", plan, task)
