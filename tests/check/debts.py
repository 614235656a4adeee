"""The town's write-offs: a schedule of three debts of which one is left out and one falls out, one posted, and a part of it put back. Two
credits that nobody claimed go to income, and one comes back. Two charges of a debt are undone after it was written off: one was put back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from approvals.domain.forms import AnswerSchedule
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.use_cases.open_schedule_task import open_schedule_task
from chassis.peers import SYSTEM
from chassis.transaction import run
from rentbook_contracts.approvals import Answer, OpenScheduleTask
from rentbook_contracts.ledger import (
    POST_WRITE_OFF,
    REVERSE_JOURNAL,
    SET_ACCOUNT_HOLD,
    AccountHold,
    BreathingSpaceKind,
    LineKind,
    PostWriteOff,
    ReverseJournal,
    SetAccountHold,
)
from rentbook_contracts.workflows import proposal_workflow_id, schedule_workflow_id
from rentbook_contracts.writeoffs import (
    ADD_PROOF,
    ASSESS_PROPOSAL,
    BEGIN_ROUND,
    CLOSE_SCHEDULE,
    MAKE_SCHEDULE,
    PROPOSE,
    SETTLE_LINES,
    TAKE_LINES,
    AddProof,
    AssessProposal,
    BeginRound,
    CloseSchedule,
    EvidenceKind,
    MakeSchedule,
    OrderKind,
    Propose,
    Reason,
    ScheduleStatus,
    SettleLines,
    TakeLines,
)
from support.ledger_books import LAST_MONTH, LONG_AGO

from .town import TODAY, Town

PROPOSER, HELPER, LEADER, APPROVER = "asha.officer", "bryn.officer", "dilip.leader", "efua.manager"


@dataclass(frozen=True)
class Debtor:
    """A former tenant who left a debt. Pence."""

    number: int
    debt_pence: int
    reference: str

    @property
    def account(self) -> UUID:
        return UUID(int=self.number * 100 + 1)

    @property
    def garage(self) -> UUID:
        """Another account, of another tenancy, on which nothing is owed."""
        return UUID(int=self.number * 100 + 2)

    def lines(self) -> list[dict[str, Any]]:
        """The debtor's lines of an estate."""
        person, tenancy, home, let = (str(UUID(int=self.number * 100 + part)) for part in (0, 3, 4, 5))
        ended = {"started_on": str(LONG_AGO), "ended_on": str(LAST_MONTH), "keys_returned_on": str(LAST_MONTH)}
        opening = {"on": str(LAST_MONTH - timedelta(days=1)), "balance_pence": self.debt_pence}
        return [
            {
                "record": "property", "id": home, "reference": f"D{self.number}", "address": f"{self.number} Yew Lane, Welwyn",
                "postcode": "AL8 6AA",
            },
            {"record": "person", "id": person, "name": f"Debtor {self.number}"},
            {"record": "tenancy", "id": tenancy, "property": home, **ended, "tenants": [{"person": person}]},
            {"record": "tenancy", "id": let, "property": home, "garage": True, **ended, "tenants": [{"person": person}]},
            {
                "record": "account", "id": str(self.garage), "reference": f"{self.reference}-G", "kind": "GARAGE", "tenancy": let,
                "rent_group": "ALL52", "status": "FORMER",
            },
            {
                "record": "account", "id": str(self.account), "reference": self.reference, "kind": "RENT", "tenancy": tenancy,
                "rent_group": "ALL52", "status": "FORMER", "opening": opening,
            },
        ]  # fmt: skip


GONE = Debtor(71, 312_40, "90071001B")
LEFT_OUT = Debtor(72, 80_00, "90071002K")
BREATHING = Debtor(73, 60_00, "90071003I")
BANKRUPT = Debtor(76, 45_00, "90071006C")
DEBTORS = (GONE, LEFT_OUT, BREATHING)


@dataclass(frozen=True)
class Creditor(Debtor):
    """A former tenant who was never heard of again, and left a credit. Pence."""

    def lines(self) -> list[dict[str, Any]]:
        long_gone = {"started_on": str(UNCLAIMED_SINCE - timedelta(days=90)), "ended_on": str(UNCLAIMED_SINCE)}
        receipt = {"record": "receipt", "account": str(self.account), "code": "RSO", "effective_date": str(UNCLAIMED_SINCE)}
        lines = [line | long_gone if line["record"] == "tenancy" else line for line in super().lines()]
        without = [{name: told for name, told in line.items() if name != "opening"} for line in lines]
        return [*without, receipt | {"amount_pence": -self.debt_pence}]


UNCLAIMED_SINCE = TODAY - timedelta(days=2300)
QUIET = Creditor(74, -25_00, "90071004G")
BOUNCED = Creditor(75, -31_00, "90071005E")
CREDITORS = (QUIET, BOUNCED)


async def write_offs(town: Town) -> None:
    """One debt is written off, one is left out by the decision, one by Breathing Space at the last moment, one the law had released; then a
    part of the first is put back.
    """
    proposals = [await ready(town, Propose(account=one.account, reason=Reason.EMIGRATED), DOCUMENTS) for one in DEBTORS]
    proposals.append(await brought(town, Propose(account=BANKRUPT.account, reason=Reason.BANKRUPTCY), ORDERED))
    schedule, decision = await decided(town, proposals, excepted={proposals[1]: "may-be-recovered"})
    hold = SetAccountHold(
        account=BREATHING.account, account_hold=AccountHold.BREATHING_SPACE, in_force=True, reason="notice received",
        kind=BreathingSpaceKind.STANDARD,
    )  # fmt: skip
    await town.command(PROPOSER, SET_ACCOUNT_HOLD, hold, uuid4())
    outcomes = await _posted(town, schedule, decision, excepted=(proposals[1],))
    fell = {proposals[0]: None, proposals[2]: "breathing-space", proposals[3]: None}
    assert {one.line: one.dropped_because for one in outcomes} == fell
    journal = outcomes[0].journal
    back = Propose(kind=LineKind.REINSTATEMENT, account=GONE.account, reason=Reason.TRACED, undoes=journal, amount_pence=100_00)
    again = await ready(town, back, (EvidenceKind.FOUND,))
    schedule, decision = await decided(town, [again])
    [put_back] = await _posted(town, schedule, decision)
    town.named |= {"write-off": journal, "reinstatement": put_back.journal}


async def credits_to_income(town: Town) -> None:
    """Two credits go to income; of one the payment that it was made of is undone, so that it comes back."""
    claims = [Propose(kind=LineKind.CREDIT_WRITE_ON, account=one.account, reason=Reason.UNCLAIMED) for one in CREDITORS]
    schedule, decision = await decided(town, [await ready(town, claim, (EvidenceKind.RETURN_ATTEMPT,) * 6, 370) for claim in claims])
    assert all(one.journal is not None for one in await _posted(town, schedule, decision))
    async with town.runtimes["ledger"].engine.connect() as connection:
        found = sa.text("SELECT journal FROM entry WHERE account = :account AND amount_pence < 0")
        receipt = await connection.scalar(found, {"account": BOUNCED.account})
    await town.command(PROPOSER, REVERSE_JOURNAL, ReverseJournal(journal=receipt, reason="it had bounced"), uuid4())
    await town.deliver()


@dataclass(frozen=True)
class Overcharged(Debtor):
    """A former tenant whose debt is of two charges, neither of which should have been raised. Pence."""

    def lines(self) -> list[dict[str, Any]]:
        on = LAST_MONTH - timedelta(days=1)
        raised = {"record": "adjustment", "account": str(self.account), "code": "DCC", "effective_date": str(on)}
        without = [{name: told for name, told in line.items() if name != "opening"} for line in super().lines()]
        return [*without, *(raised | {"amount_pence": self.debt_pence // 2} for _ in range(2))]


OVERCHARGED = Overcharged(77, 64_00, "90071007A")


async def undone_charges(town: Town) -> None:
    """Two charges that were written off are undone: the write-off of one is put back, and that of the other is yet to be decided."""
    schedule, decision = await decided(town, [await ready(town, Propose(account=OVERCHARGED.account, reason=Reason.EMIGRATED), DOCUMENTS)])
    await _posted(town, schedule, decision)
    async with town.runtimes["ledger"].engine.connect() as connection:
        wanted = "SELECT journal FROM entry JOIN journal ON journal.id = journal WHERE account = :account AND code = 'DCC' ORDER BY seq"
        charges = (await connection.scalars(sa.text(wanted), {"account": OVERCHARGED.account})).all()
    for charge in charges:
        await town.command(PROPOSER, REVERSE_JOURNAL, ReverseJournal(journal=charge, reason="raised in error"), uuid4())
        await town.deliver()
        async with town.runtimes["writeoffs"].engine.connect() as connection:
            proposed = sa.text("SELECT id FROM proposal WHERE account = :account AND closed_at IS NULL")
            [back] = (await connection.scalars(proposed, {"account": OVERCHARGED.account})).all()
        if charge == charges[0]:
            await town.step(ASSESS_PROPOSAL, AssessProposal(proposal=back, attempt=1), proposal_workflow_id(back, 1))
            schedule, decision = await decided(town, [back])
            await _posted(town, schedule, decision)


DOCUMENTS = (EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)
ORDERED: tuple[dict[str, Any], ...] = (
    {"kind": EvidenceKind.INSOLVENCY_ORDER, "on": LAST_MONTH, "order_kind": OrderKind.BANKRUPTCY, "listed": True},
    {"kind": EvidenceKind.DISCHARGE, "on": TODAY},
)


async def ready(town: Town, told: Propose, proofs: tuple[EvidenceKind, ...], days_apart: int = 0) -> UUID:
    dated = ({"kind": kind, "on": TODAY - timedelta(days=days_apart * times)} for times, kind in enumerate(proofs, start=1))
    return await brought(town, told, dated)


async def brought(town: Town, told: Propose, proofs: Iterable[dict[str, Any]]) -> UUID:
    """A proposal that is ready by this evidence."""
    town.named["form of the proposal"] = uuid4()
    proposal: UUID = (await town.command(PROPOSER, PROPOSE, told, town.named["form of the proposal"])).proposal
    for proof in proofs:
        town.named["form of evidence"] = uuid4()
        by = LEADER if proof["kind"] is EvidenceKind.MANAGER_NOTE else HELPER
        shown = AddProof(proposal=proposal, reference="on paper", **proof)
        await town.command(by, ADD_PROOF, shown, town.named["form of evidence"])
    seen = await town.step(ASSESS_PROPOSAL, AssessProposal(proposal=proposal, attempt=1), proposal_workflow_id(proposal, 1))
    assert seen.done, seen
    await town.deliver()
    town.named["proposal"] = proposal
    return proposal


@dataclass(frozen=True)
class Question:
    """What a round of a schedule asks."""

    schedule: UUID
    content_hash: str
    task: UUID


async def asked_about(town: Town, proposals: list[UUID]) -> Question:
    """A schedule of these, with whoever decides."""
    town.named["form of the schedule"] = uuid4()
    wanted = MakeSchedule(title="November", proposals=tuple(proposals))
    made = await town.command(PROPOSER, MAKE_SCHEDULE, wanted, town.named["form of the schedule"])
    schedule: UUID = made.schedule
    town.named["schedule"] = schedule
    begun = await town.step(BEGIN_ROUND, BeginRound(schedule=schedule, round=1), schedule_workflow_id(schedule))
    asked = OpenScheduleTask(
        schedule=schedule, round=1, stage=1, content_hash=begun.content_hash, workflow_id=schedule_workflow_id(schedule)
    )
    opened = await run(town.runtimes["approvals"], lambda tx: open_schedule_task(tx, asked), caller=SYSTEM)
    return Question(schedule, begun.content_hash, opened.task)


async def approved(town: Town, asked: Question, excepted: dict[UUID, str] | None = None) -> UUID:
    """The decision, told to everyone."""
    form = uuid4()
    answer = AnswerSchedule(asked.task, asked.content_hash, Answer.APPROVED, "evidence-complete", excepted=excepted or {})
    await town.at_the_desk(APPROVER, decide_schedule, answer, form)
    await town.deliver()
    town.named["approval"] = form
    return form


async def decided(town: Town, proposals: list[UUID], excepted: dict[UUID, str] | None = None) -> tuple[UUID, UUID]:
    asked = await asked_about(town, proposals)
    return asked.schedule, await approved(town, asked, excepted)


async def _posted(town: Town, schedule: UUID, decision: UUID, excepted: tuple[UUID, ...] = ()) -> tuple[Any, ...]:
    workflow = schedule_workflow_id(schedule)
    take = TakeLines(schedule=schedule, round=1, decision=decision, excepted=excepted)
    lines = (await town.step(TAKE_LINES, take, workflow)).lines
    outcomes: tuple[Any, ...] = (
        await town.step(POST_WRITE_OFF, PostWriteOff(schedule=schedule, decision=decision, lines=lines), workflow)
    ).outcomes
    await town.step(SETTLE_LINES, SettleLines(schedule=schedule, round=1, decision=decision, outcomes=outcomes), workflow)
    closed = CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.POSTED, decision=decision)
    await town.step(CLOSE_SCHEDULE, closed, workflow)
    await town.deliver()
    return outcomes
