"""A bug of handing payments over, put back: a file of unknown fate goes to the bank again, as another file."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from chassis.activities import activity_worker
from chassis.process import make_runtime
from chassis.transaction import Transaction
from refunds.app import wired
from refunds.domain.bacs import Submission, credit_file
from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.settings import RefundsSettings
from refunds.store import runs
from refunds.use_cases import build_file
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.note_release import note_release
from rentbook_contracts.ledger import PersonFacts
from rentbook_contracts.refunds import SUBMIT_FILE, FileFate, LinePosted, PaymentRunCase
from rentbook_contracts.workflows import PAYMENT_RUN, QUEUE, RUN_LINE_SETTLED, RunLineSettled, payment_run_workflow_id
from rentbook_local.checking import payments
from rentbook_local.checking.books import Books, Paid, Places
from support import web
from support.bank import Bank, running_bank
from support.refund_cases import A, ledger
from support.refund_service import VALID_ACCOUNT, VALID_SORT_CODE, FakeBank, FakeLedger, Refunds, released
from support.servers import Postgres, Temporal
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from workflows.payment_run import PaymentRun

from bites.bite import bites

PAID_ONCE = next(promise for promise in payments.PROMISES if promise.name == "paid-once")
Stood = Callable[[], AbstractAsyncContextManager[tuple[Refunds, Bank, Client]]]


@pytest.fixture
def stood(postgres: Postgres, temporal: Temporal, secrets_dir: Path, tmp_path: Path) -> Stood:
    """Refunds, the bank's stand-in and Temporal, where refunds' steps are taken and runs are told of."""
    ring = {"current": "k1", "keys": {"k1": base64.b64encode(b"a" * 32).decode()}, "index_key": base64.b64encode(b"b" * 32).decode()}
    (secrets_dir / "payee_keys.json").write_text(json.dumps(ring), encoding="utf-8")

    @asynccontextmanager
    async def made() -> AsyncIterator[tuple[Refunds, Bank, Client]]:
        database, namespace = await postgres.new_database("refunds"), await temporal.new_namespace()
        books, payees, folder = FakeLedger(), FakeBank(), tmp_path / namespace
        async with running_bank(folder) as bank:
            await bank.register({"sort_code": VALID_SORT_CODE, "account_number": VALID_ACCOUNT, "name": "Ada Match"})
            settings = RefundsSettings(
                database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address=temporal.address,
                temporal_namespace=namespace, peers={"ledger": "http://ledger", "approvals": "http://ledger"}, secrets_dir=secrets_dir,
                bank_url=bank.url, payments_dir=folder / "payments",
            )  # fmt: skip
            client = await Client.connect(temporal.address, namespace=namespace, data_converter=pydantic_data_converter)
            async with make_runtime("refunds", settings) as runtime, web.client(mounts={"http://ledger": books.transport()}) as http:
                runtime.http = http
                steps = activity_worker(runtime, wired(settings.means(), settings), client)
                assert steps is not None
                # What a test puts in a story's place is not seen in the sandbox.
                told = Worker(client, task_queue=QUEUE, workflows=[PaymentRun], workflow_runner=UnsandboxedWorkflowRunner())
                async with steps, told:
                    yield Refunds(runtime, settings.means(), books, payees, database), bank, client

    return made


async def test_bite_a_file_of_unknown_fate_is_handed_over_again_under_a_new_reference(
    stood: Stood, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank takes the file and its answer is lost. Whoever sends the payments again in another file pays them twice.

    Four guards stand behind each other: the story asks, refunds sends nothing of which the last word is *unknown*, a run has one file, and
    its bytes, by which the bank knows it, are kept.
    """

    means: list[Means] = []
    monkeypatch.setattr("workflows.payment_run.FIRST_ASKING", timedelta(milliseconds=50))

    async def scenario(_: str) -> Sequence[str]:
        async with stood() as (refunds, bank, client):
            means[:] = [refunds.means]
            facts = ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=business_date(datetime.now(UTC)))
            plan = await refunds.queued(facts.model_copy(update={"account": uuid4()}))
            fact = released(plan, at=datetime.now(UTC))
            await refunds.do(note_release, fact)
            await refunds.do(line_posted, LinePosted(run=fact.run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
            await bank.next(fault="accept-then-drop-reply")
            id_ = payment_run_workflow_id(fact.run)
            story = await client.start_workflow(PAYMENT_RUN.name, PaymentRunCase(run=fact.run, lines=1), id=id_, task_queue=QUEUE)
            await story.signal(RUN_LINE_SETTLED.name, RunLineSettled(case=plan.case))
            await story.result()
            words = [row["what"] for row in await refunds.rows("SELECT what FROM submission ORDER BY seq")]
            assert words[:2] == ["sending", "unknown"], words
            return await checked(refunds, bank)

    async def in_another_file(tx: Transaction, keys: Any, file: runs.File) -> bytes:
        """The payments of the run, each time under the next serial number."""
        if await runs.last_word(tx, file.run) is None:
            return await kept(tx, keys, file)
        posted = [line for line in await runs.lines_of(tx, file.run) if line.status == runs.POSTED]
        number, today = await runs.next_file_number(tx), business_date(tx.now)
        submission = Submission(means[0].originator, f"{number:06d}", today, processing_day=file.processing_day, file_number=number)
        return credit_file(submission, [await build_file._item(tx, line, means[0]) for line in posted]).content

    kept = runs.content_of
    await bites(
        scenario,
        patches={
            "workflows.payment_run.ASK_FATE": SUBMIT_FILE,
            "refunds.use_cases.submit_file.MAY_BE_SENT_AFTER": (None, *FileFate),
            "refunds.store.runs.content_of": in_another_file,
        },
    )


async def checked(refunds: Refunds, bank: Bank) -> list[str]:
    """What `./rentbook check` finds that the bank paid and should not have."""
    paid = {row["reference"]: Paid(row["times"], row["pence"], row["returned"]) for row in await bank.paid()}
    assert paid, "the bank has paid nothing, and nothing can be found"
    connection = await asyncpg.connect(refunds.database.owner_dsn)
    try:
        return list((await PAID_ONCE.look(Books({"refunds": connection}, Places({}), paid_before=paid, paid_after=paid))).broken)
    finally:
        await connection.close()
