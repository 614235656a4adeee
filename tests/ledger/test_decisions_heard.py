"""Decisions on schedules and their recalls, as they come over the bus."""

from datetime import date
from uuid import uuid4

import sqlalchemy as sa
from chassis.transaction import Runtime, run
from ledger.use_cases.note_recall import note_recall
from ledger.use_cases.note_write_off_decision import note_write_off_decision
from rentbook_contracts.approvals import Answer, ApprovedLine, DecisionRecalled, WriteOffDecided


def decided(lines: int) -> WriteOffDecided:
    return WriteOffDecided(
        case=uuid4(),
        decision=uuid4(),
        task=uuid4(),
        round=1,
        stage=1,
        content_hash="c" * 64,
        answer=Answer.APPROVED if lines else Answer.DECLINED,
        completes=lines > 0,
        carried_out_from=date(2026, 5, 4),
        lines=tuple(ApprovedLine(line=uuid4(), content_hash="d" * 64) for _ in range(lines)),
    )


async def test_a_decision_on_a_schedule_is_kept_line_by_line_and_may_be_recalled(empty_ledger: Runtime) -> None:
    approved, declined = decided(1000), decided(0)
    for each in (approved, declined):
        await run(empty_ledger, lambda tx, each=each: note_write_off_decision(tx, each))  # type: ignore[misc]
    recalled = DecisionRecalled(case=approved.case, decision=approved.decision, content_hash=approved.content_hash)
    await run(empty_ledger, lambda tx: note_recall(tx, recalled))
    async with empty_ledger.engine.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "SELECT decision, answer, completes, count(line), heard_recall.decision IS NOT NULL "
                "FROM heard_write_off LEFT JOIN heard_write_off_line USING (decision) LEFT JOIN heard_recall USING (decision) "
                "GROUP BY 1, 2, 3, 5 ORDER BY 4"
            )
        )
        assert [tuple(row) for row in rows] == [
            (declined.decision, "declined", False, 0, False),
            (approved.decision, "approved", True, 1000, True),
        ]
