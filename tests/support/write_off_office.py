"""The office with schedules of write-offs: writeoffs and the ledger say of a schedule what a test wants."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from approvals.domain.forms import AnswerSchedule, DecisionTaken, Minute
from approvals.domain.words import business_date
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.use_cases.open_schedule_task import open_schedule_task
from chassis.transaction import SYSTEM, run
from rentbook_contracts.approvals import Answer, ApprovedLine, OpenScheduleTask, TaskOpened
from rentbook_contracts.ledger import LineKind
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_contracts.writeoffs import LineToDecide, ScheduleContent, ScheduleToDecide

from support.office import PEOPLE, Office

COUNCIL = (
    "INSERT INTO policy SELECT 'with-council', council, kind, in_force_from + 1, decide_within_working_days, remind_after_working_days,"
    " escalate_after_working_days, claim_minutes, source, made_by, checked_by, made_at, bulk_most_lines, bulk_most_pence, bulk_opened_first"
    " FROM policy WHERE id = 'write-off-2021-07-01'",
    "INSERT INTO authority (policy_id, act, stage, role, from_pence, to_pence, body, call_in_working_days)"
    " SELECT 'with-council', act, stage, role, from_pence, to_pence, body, call_in_working_days FROM authority"
    " WHERE policy_id = 'write-off-2021-07-01'"
    " UNION ALL SELECT 'with-council', 'decide', 3, 'democratic-services', 250000000, NULL, 'Council', 0",
)
"""A table as a council may lay it down: what its housing account could not bear goes on from Cabinet to Council (domain.md 5.1)."""


def minuted() -> Minute:
    """The minute of a meeting of today, which every round that waits began before or on."""
    return Minute("CAB/2026/118", business_date(datetime.now(UTC)), b"%PDF-1.7 minutes of the Cabinet %%EOF")


def line(pence: int, total: int | None = None) -> LineToDecide:
    return LineToDecide(line=uuid4(), content_hash=uuid4().hex * 2, account=uuid4(), amount_pence=pence, debtor_total_pence=total or pence)


def told(lines: tuple[LineToDecide, ...], schedule: UUID | None = None, round_: int = 1) -> ScheduleToDecide:
    return ScheduleToDecide(
        schedule=schedule or uuid4(),
        round=round_,
        kind=LineKind.WRITE_OFF,
        title="November",
        lines=lines,
        band_pence=max(one.debtor_total_pence for one in lines),
        total_pence=sum(one.amount_pence for one in lines),
        raised_by="ola.officer",
        participants=("ola.officer", "ben.officer"),
    )


def hash_of(about: ScheduleToDecide) -> str:
    lines = tuple(ApprovedLine(line=one.line, content_hash=one.content_hash) for one in about.lines)
    return ScheduleContent(schedule=about.schedule, round=about.round, lines=lines).content_hash


@dataclass
class WriteOffOffice:
    """An office whose writeoffs knows these schedules; `actors`: who the ledger says stands behind the debts."""

    office: Office
    schedules: dict[UUID, ScheduleToDecide] = field(default_factory=dict)
    actors: tuple[str, ...] = ()

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/queries/schedule-to-decide":
            about = self.schedules[UUID(json.loads(request.content)["schedule"])]
            return httpx.Response(200, text=about.model_dump_json())
        if request.url.path == "/queries/actors-behind":
            return httpx.Response(200, json={"actors": self.actors})
        return self.office.answer(request)

    async def opened(self, about: ScheduleToDecide, stage: int = 1, **other: Any) -> TaskOpened:
        """The task as the story opens it."""
        self.schedules[about.schedule] = about
        asked = OpenScheduleTask(
            **{
                "schedule": about.schedule,
                "round": about.round,
                "stage": stage,
                "content_hash": hash_of(about),
                "workflow_id": schedule_workflow_id(about.schedule),
                **other,
            }
        )
        return await run(self.office.runtime, lambda tx: open_schedule_task(tx, asked), caller=SYSTEM)

    async def decided(
        self,
        person: str,
        about: ScheduleToDecide,
        opened: TaskOpened,
        answer: Answer = Answer.APPROVED,
        form: UUID | None = None,
        **more: Any,
    ) -> DecisionTaken:
        reason = {
            Answer.APPROVED: "evidence-complete",
            Answer.DECLINED: "may-be-recovered",
            Answer.SENT_BACK: "evidence-missing",
        }[answer]
        said = "" if answer is Answer.APPROVED else "Please see the note."
        asked = "ola.officer" if answer is Answer.SENT_BACK else None
        if asked:
            await self.office.signs_in(asked, *PEOPLE[asked])
        words = {"reason_code": reason, "text": said, "question_to": asked, **more}
        return await self.office.do(person, decide_schedule, AnswerSchedule(opened.task, hash_of(about), answer, **words), form)

    async def facts(self) -> list[dict[str, Any]]:
        """What was told of schedules, oldest first."""
        rows = await self.office.sql(
            "select body from outbox_event where headers ->> 'ce_type' = 'approvals.write-off-decided.v1' order by seq"
        )
        return [json.loads(row["body"]) for row in rows]
