"""Payment runs in any order, with repeated releases, crashes while sending and a bank that breaks off: nobody is paid twice."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.serving import Tick
from refunds.domain.days import business_date
from refunds.use_cases.ask_fate import ask_fate
from refunds.use_cases.build_file import build_file
from refunds.use_cases.close_case import close_case
from refunds.use_cases.dequeue_payment import dequeue_payment
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.note_release import note_release
from refunds.use_cases.queue_payment import queue_payment
from refunds.use_cases.record_bank_reports import record_bank_reports
from refunds.use_cases.return_payments import return_payments
from refunds.use_cases.settle_run import settle_run
from refunds.use_cases.submit_file import submit_file
from rentbook_contracts.ledger import PersonFacts, RefundFacts, RefundPlan
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.refunds import (
    BuildFile,
    CaseOutcome,
    CloseCase,
    DequeuePayment,
    FileFate,
    LinePosted,
    QueuePayment,
    SettleRun,
    SubmitFile,
)
from support.bank import Bank
from support.refund_cases import A, ledger
from support.refund_service import Refunds, released

NOW = datetime.now(UTC)
STEPS = 60
STRAY = 0.2
LONGEST_ASKING = 30
CASES = 3


def tenant() -> RefundFacts:
    facts = ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=business_date(NOW))
    return facts.model_copy(update={"account": uuid4()})


class Crash(Exception):
    """The process ends after the use case and before its commit."""


@dataclass
class Player:
    """Plays steps of the stories as they may be repeated and interleaved; a broken rule is an answer, not a fault."""

    refunds: Refunds
    bank: Bank
    dice: random.Random
    plans: list[RefundPlan]
    runs: list[UUID] = field(default_factory=list)
    journals: dict[UUID, UUID] = field(default_factory=dict)
    files: dict[UUID, str] = field(default_factory=dict)
    fates: dict[UUID, FileFate] = field(default_factory=dict)
    played: Counter[str] = field(default_factory=Counter)

    async def play(self) -> None:
        steps: tuple[Callable[[], Awaitable[None]], ...] = (
            self.release, self.release, self.post, self.post, self.post, self.post, self.drop, self.queue, self.queue, self.dequeue,
            self.build, self.build, self.build, self.submit, self.submit, self.submit_and_crash, self.ask, self.settle, self.settle,
            self.break_bank, self.come_back, self.hear_bank,
        )  # fmt: skip
        step = self.dice.choice(steps)
        try:
            await step()
            self.played[step.__name__] += 1
        except BrokenRule as rule:
            self.played[f"{step.__name__}: {rule.rule}"] += 1

    def run(self) -> UUID:
        """Any run, the latest more often."""
        if not self.runs:
            raise BrokenRule("nothing is released yet")
        return self.dice.choice([*self.runs, self.runs[-1]])

    def file(self) -> SubmitFile:
        if not self.files:
            raise BrokenRule("there is no file yet")
        run, sha256 = self.dice.choice(list(self.files.items()))
        return SubmitFile(run=run, sha256=sha256)

    async def release(self) -> None:
        ready = {row["id"] for row in await self.refunds.rows("SELECT id FROM refund_case WHERE queued_at IS NOT NULL")}
        fitting = [plan for plan in self.plans if plan.case in ready] if self.dice.random() > STRAY else self.plans
        if not fitting:
            raise BrokenRule("nothing is ready")
        chosen = self.dice.sample(fitting, self.dice.randint(1, len(fitting)))
        fact = released(*chosen, at=NOW)
        await self.refunds.do(note_release, fact)
        self.runs.append(fact.run)

    async def waiting(self) -> tuple[UUID, RefundPlan]:
        """A run and a plan that it waits for; now and then a pair that has nothing to do with each other."""
        found = await self.refunds.rows("SELECT run, case_id FROM payment_line WHERE status = 'released' ORDER BY number")
        if not found or self.dice.random() < STRAY:
            return self.run(), self.dice.choice(self.plans)
        line = self.dice.choice(found)
        return line["run"], next(plan for plan in self.plans if plan.case == line["case_id"])

    async def post(self) -> None:
        run, plan = await self.waiting()
        await self.refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=self.journal(plan)))

    def journal(self, plan: RefundPlan) -> UUID:
        """The ledger's journal of the payment, which it posts once."""
        if plan.case not in self.journals:
            self.journals[plan.case] = self.refunds.ledger.posts(plan)
        return self.journals[plan.case]

    async def drop(self) -> None:
        run, plan = await self.waiting()
        await self.refunds.do(line_posted, LinePosted(run=run, plan=plan, dropped_because="void"))

    async def queue(self) -> None:
        """Approved again after a line was dropped or a file refused; or once more, as a repeated step would."""
        await self.refunds.do(queue_payment, self.approved(self.dice.choice(self.plans)))

    def approved(self, plan: RefundPlan) -> QueuePayment:
        return QueuePayment(plan=plan, decision=self.refunds.decides(plan))

    async def dequeue(self) -> None:
        plan = self.dice.choice(self.plans)
        await self.refunds.do(dequeue_payment, DequeuePayment(case=plan.case, attempt=plan.attempt, content_hash=plan.content_hash))

    async def build(self) -> None:
        run = self.run()
        built = await self.refunds.do(build_file, BuildFile(run=run))
        if built.count:
            assert self.files.setdefault(run, built.sha256) == built.sha256, "a file that was built again has other bytes"

    async def submit(self) -> None:
        file = self.file()
        self.fates[file.run] = (await self.refunds.do(submit_file, file)).fate

    async def submit_and_crash(self) -> None:
        async def dies(tx: Any, message: SubmitFile, means: Any) -> None:
            await submit_file(tx, message, means)
            raise Crash

        with pytest.raises(Crash):
            await self.refunds.do(dies, self.file())

    async def ask(self) -> None:
        file = self.file()
        self.fates[file.run] = (await self.refunds.do(ask_fate, file)).fate

    async def settle(self) -> None:
        run = self.file().run
        await self.refunds.do(settle_run, SettleRun(run=run, fate=self.fates.get(run, FileFate.UNKNOWN)))
        for plan in self.plans:
            closing = CloseCase(case=plan.case, attempt=plan.attempt, outcome=CaseOutcome.PAID, plan=plan)
            if "paid" in {row["status"] for row in await self.lines(plan.case)}:
                await self.refunds.do(close_case, closing)

    async def break_bank(self) -> None:
        await self.bank.next(fault=self.dice.choice(["accept-then-drop-reply", "lose", "refuse", "unavailable"]))

    async def come_back(self) -> None:
        paid = await self.bank.paid()
        if paid:
            await self.bank.next(fault="return", reference=self.dice.choice(paid)["reference"], code="B")

    async def hear_bank(self) -> None:
        while await self.refunds.do(record_bank_reports, Tick(at=NOW)):
            pass
        await self.refunds.do(return_payments, Tick(at=NOW))

    async def wind_up(self) -> None:
        """What the stories see through in the end: every line gets its word, every file its fate."""
        await self.queue_all()
        for line in await self.refunds.rows("SELECT run, case_id FROM payment_line WHERE status = 'released'"):
            plan = next(plan for plan in self.plans if plan.case == line["case_id"])
            told = LinePosted(run=line["run"], plan=plan, refund_journal=self.journal(plan))
            await self.refunds.do(line_posted, told)
        for run in self.runs:
            built = await self.refunds.do(build_file, BuildFile(run=run))
            if built.count:
                self.files[run] = built.sha256
        for run, sha256 in self.files.items():
            file, fate = SubmitFile(run=run, sha256=sha256), FileFate.UNKNOWN
            for _ in range(LONGEST_ASKING):
                fate = (await self.refunds.do(submit_file if fate is FileFate.NOT_SEEN else ask_fate, file)).fate
                if fate in (FileFate.ACCEPTED, FileFate.REFUSED):
                    break
            else:
                raise AssertionError("the bank never said what became of a file")

    async def queue_all(self) -> None:
        """Whoever is not on the way is approved once more, and released."""
        on_the_way = {row["case_id"] for row in await self.refunds.rows("SELECT case_id FROM payment_line WHERE status <> 'dropped'")}
        again = [plan for plan in self.plans if plan.case not in on_the_way]
        for plan in again:
            await self.refunds.do(queue_payment, self.approved(plan))
        if again:
            fact = released(*again, at=NOW)
            await self.refunds.do(note_release, fact)
            self.runs.append(fact.run)

    async def lines(self, case: UUID) -> list[Any]:
        return list(await self.refunds.rows("SELECT * FROM payment_line WHERE case_id = :case", case=case))


@pytest.mark.parametrize("seed", range(1, 5))
async def test_nobody_is_paid_twice(refunds: Refunds, bank: Bank, seed: int) -> None:
    plans = [await refunds.queued(tenant(), amount_pence=10_00 + place) for place in range(CASES)]
    player = Player(refunds, bank, random.Random(seed), plans)
    for _ in range(STEPS):
        await player.play()
    await player.wind_up()
    paid = {entry["reference"]: entry for entry in await bank.paid()}
    lines = {row["reference"]: row for row in await refunds.rows("SELECT * FROM payment_line")}
    assert paid or await refunds.rows("SELECT 1 FROM submission WHERE what = 'refused'"), player.played
    assert all(entry["times"] == 1 and entry["pence"] == lines[reference]["amount_pence"] for reference, entry in paid.items())
    kept = Counter((lines[reference]["case_id"], lines[reference]["attempt"]) for reference, entry in paid.items() if not entry["returned"])
    assert max(kept.values(), default=0) <= 1, "a payment was made twice"
    assert {lines[reference]["case_id"] for reference in paid} <= player.journals.keys(), "paid without a posting"
    sent = await refunds.rows("SELECT DISTINCT sha256 FROM submission WHERE what = 'accepted'")
    assert {await bank.posts(row["sha256"]) for row in sent} <= {1}, "a file was handed over again"
    told = await refunds.rows("SELECT key, array_agg(aggregate_version ORDER BY aggregate_version) AS v FROM outbox_event GROUP BY key")
    assert all(row["v"] == list(range(1, len(row["v"]) + 1)) for row in told)
