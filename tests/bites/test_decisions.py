"""Bugs of deciding, put back one by one: the approver held against the last editor, and an update believed without its row."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from approvals import queries
from approvals.domain.eligibility import Part
from approvals.domain.forms import TakePart
from approvals.domain.rules import ApprovalRule
from approvals.settings import ApprovalsSettings
from approvals.use_cases.add_participant import add_participant
from chassis.process import make_runtime
from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, Decision
from rentbook_contracts.refunds import RefundCase
from rentbook_contracts.workflows import QUEUE, REFUND_APPROVAL, refund_workflow_id
from support.fake_services import FakeServices
from support.office import Office
from support.servers import Postgres, Temporal
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from workflows.refund_approval import RefundApproval

from bites.bite import bites, spoil

# --- the approver compared with the last editor ------------------------------------------------------------------------------------

ONLY_THE_LAST = """
DO $$
DECLARE
  guard text := pg_get_functiondef('guard_decision'::regproc);
  bad text := replace(guard, 'p.case_id = asked.case_id AND p.person = NEW.decided_by',
    'p.case_id = asked.case_id AND p.person = NEW.decided_by'
    ' AND p.at = (SELECT max(q.at) FROM participant q WHERE q.case_id = asked.case_id)');
BEGIN
  ASSERT bad <> guard, 'the guard is not as it was';
  EXECUTE bad;
END $$
"""


async def test_bite_approver_compared_with_the_last_editor(postgres: Postgres, secrets_dir: Path) -> None:
    """A team leader adds evidence, an officer changes the case after that, and the team leader decides it."""

    async def scenario(sql: str) -> Sequence[str]:
        database = await postgres.new_database("approvals")
        await spoil(database, sql)
        settings = ApprovalsSettings(
            database_url=database.app_url, kafka_bootstrap="127.0.0.1:9", temporal_address="127.0.0.1:9", secrets_dir=secrets_dir,
            peers={"ledger": "http://ledger", "refunds": "http://refunds"}, public_url="http://127.0.0.1:8000",
            oidc_issuer="http://127.0.0.1:9", oidc_client_id="desk",
        )  # fmt: skip
        async with make_runtime("approvals", settings) as runtime:
            office = Office(runtime, database)
            async with httpx.AsyncClient(transport=httpx.MockTransport(office.answer)) as peers:
                runtime.http = peers
                asked, opened = await office.open(200_00)
                for person in ("tess.leader", "ben.officer"):
                    await office.do(person, add_participant, TakePart(asked.case, Part.EVIDENCE))
                try:
                    await office.answer_task("tess.leader", opened)
                except ApprovalRule:
                    assert sql == "", "the bug is in the way of itself"
                wanted = (
                    "SELECT d.decided_by FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.person = d.decided_by"
                    " AND p.at <= d.decided_at"
                )
                return [f"{row['decided_by']} decided a case of their own" for row in await office.owner_sql(wanted)]

    standing = queries.standing

    async def only_the_last(tx: Transaction, task: UUID) -> Any:
        known = await standing(tx, task)
        assert known is not None
        return replace(known, participants=[max(known.participants, key=lambda one: one.at)])

    await bites(scenario, patches={"approvals.queries.standing": only_the_last}, sql=ONLY_THE_LAST)


# --- an update believed without the row --------------------------------------------------------------------------------------------


async def believe(self: RefundApproval, answer: UUID) -> Decision:
    """What the update says, as if the row said it too."""
    assert self.asked is not None
    return Decision(
        decision=answer, task=self.asked.task or uuid4(), case=self.case.case, attempt=self.case.attempt, round=self.round, stage=1,
        content_hash=self.asked.content_hash, answer=Answer.APPROVED, reason_code="in-order", completes=True, recalled=False,
    )  # fmt: skip


BELIEVES_WITHOUT_THE_ROW: Mapping[str, object] = {
    "workflows.refund_approval.RefundApproval.believed": believe,
    # In a sandbox the story would be loaded anew, without the bug.
    "support.fake_services.Worker": partial(Worker, workflow_runner=UnsandboxedWorkflowRunner()),
}


async def test_bite_update_believed_without_the_row(temporal: Temporal) -> None:
    """Somebody with Temporal's own tool says that it was approved, and approvals knows nothing of it."""

    async def scenario(_: str) -> Sequence[str]:
        client = await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)
        services = FakeServices()
        async with AsyncExitStack() as stack:
            await services.serve(client, stack)
            case = RefundCase(case=services.case)
            story = await client.start_workflow(REFUND_APPROVAL.name, case, id=refund_workflow_id(case.case, 1), task_queue=QUEUE)
            await services.until("approvals.open-task")
            await services.decide(story, Answer.APPROVED, row=False)
            async with asyncio.timeout(20), services.heard:
                await services.heard.wait_for(lambda: bool(services.names("approvals.read-decision", "refunds.queue-payment")))
            if not services.names("refunds.queue-payment"):
                await services.decide(story, Answer.DECLINED)
                await story.result()
            return [f"{name} without a decision" for name in services.names("refunds.queue-payment")]

    await bites(scenario, patches=BELIEVES_WITHOUT_THE_ROW)
