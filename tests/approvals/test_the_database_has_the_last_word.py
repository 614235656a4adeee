"""The same rules by raw SQL as the role that runs the service: what a use case forgot, the database refuses."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from approvals.store import RULES
from rentbook_contracts.approvals import (
    FACTS,
    Answer,
    DecisionMade,
    DecisionNotCarriedOut,
    DecisionRecalled,
    OpenTask,
    PaymentRunReleased,
    TaskOpened,
    TenantContacted,
)
from support.office import HASH, OTHER_HASH, Office

APPEND_ONLY = (
    "policy", "authority", "participant", "decision", "recall", "release", "release_line", "comment", "task_event", "update_outcome",
)  # fmt: skip


async def insert_decision(office: Office, asked: OpenTask, opened: TaskOpened, **other: Any) -> UUID:
    """A decision of tess.leader as a row, whatever a use case would say."""
    row: dict[str, Any] = {
        "id": uuid4(), "task_id": opened.task, "case_id": asked.case, "attempt": asked.attempt, "round": asked.round, "stage": asked.stage,
        "stages": opened.stages, "content_hash": asked.content_hash, "amount_pence": asked.amount_pence, "decided_by": "tess.leader",
        "roles": ["team-leader"], "answer": "approved", "reason_code": "checks-pass", "text": "", "question_to": None, **other,
    }  # fmt: skip
    if "authority_id" not in row:
        row["authority_id"] = await office.authority("team-leader")
    places = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    await office.sql(f"insert into decision ({', '.join(row)}) values ({places})", *row.values())
    decision: UUID = row["id"]
    return decision


async def refused(rule: str, work: Any) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await work
    assert error.value.constraint_name == rule


async def test_a_participant_does_not_decide(office: Office) -> None:
    asked, opened = await office.open(50_00, raised_by="tess.leader")
    await refused("a_participant_does_not_decide", insert_decision(office, asked, opened))


async def test_a_decision_is_on_what_was_shown(office: Office) -> None:
    asked, opened = await office.open(50_00)
    for other in ({"content_hash": OTHER_HASH}, {"amount_pence": 1}, {"stages": 2}, {"case_id": uuid4()}, {"task_id": uuid4()}):
        await refused("a_decision_is_on_what_was_shown", insert_decision(office, asked, opened, **other))


async def test_the_amount_is_within_the_limit(office: Office) -> None:
    asked, opened = await office.open(500_01)
    await refused("the_amount_is_within_the_limit", insert_decision(office, asked, opened))


async def test_authority_is_of_ones_own_role_for_this_stage_and_in_force(office: Office) -> None:
    asked, opened = await office.open(3_000_00)
    head, finance = await office.authority("head-of-service"), await office.authority("finance")
    release = await office.authority("finance", "release")
    await refused("authority_is_of_the_persons_role", insert_decision(office, asked, opened, authority_id=head))
    await refused("authority_is_of_the_persons_role", insert_decision(office, asked, opened, authority_id=head, roles=[None]))
    await refused("authority_is_for_this_stage", insert_decision(office, asked, opened, authority_id=finance, roles=["finance"]))
    await refused("authority_is_for_this_stage", insert_decision(office, asked, opened, authority_id=release, roles=["finance"]))
    await lay_down(office, "2026-06-01")
    await refused("authority_is_in_force", insert_decision(office, asked, opened, authority_id=head, roles=["head-of-service"]))


async def test_a_policy_of_the_future_gives_no_authority_yet(office: Office) -> None:
    asked, opened = await office.open(400_00)
    later = await lay_down(office, "2999-01-01")
    await refused("authority_is_in_force", insert_decision(office, asked, opened, authority_id=later))
    await insert_decision(office, asked, opened)


async def test_a_policy_that_asks_for_another_stage_stops_what_was_opened_before(office: Office) -> None:
    asked, opened = await office.open(400_00)
    row = await lay_down(office, "2026-06-01", second_stage=True)
    await refused("the_stages_are_those_in_force", insert_decision(office, asked, opened, authority_id=row))
    asking_back = {"answer": "sent-back", "text": "Asked for anew", "question_to": "ola.officer"}
    await insert_decision(office, asked, opened, authority_id=row, **asking_back)


async def test_a_task_is_decided_once(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await insert_decision(office, asked, opened)
    await refused("a_task_is_decided_once", insert_decision(office, asked, opened, decided_by="tim.leader"))
    await refused("a_closed_task_stays_closed", office.sql("update task set status = 'OPEN' where id = $1", opened.task))


async def test_a_task_of_an_earlier_round_is_not_decided(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await office.open(50_00, asked.case, round=2, account=asked.account)
    await refused("a_closed_task_is_not_decided", insert_decision(office, asked, opened))


async def test_stages_come_in_order_each_with_its_own_decider(office: Office) -> None:
    asked, first = await office.open(3_000_00)
    later, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    both = {"decided_by": "hana.head", "roles": ["head-of-service", "finance"]}
    finance, head = await office.authority("finance"), await office.authority("head-of-service")
    await refused("an_earlier_stage_comes_first", insert_decision(office, later, second, authority_id=finance, **both))
    await insert_decision(office, asked, first, authority_id=head, **both)
    await refused("each_stage_has_its_own_decider", insert_decision(office, later, second, authority_id=finance, **both))
    await office.sql("insert into participant (case_id, person, why) values ($1, 'hana.head', 'evidence')", asked.case)
    other = {"decided_by": "finn.finance", "roles": ["finance"], "authority_id": finance}
    await refused("an_earlier_approver_took_no_part_since", insert_decision(office, later, second, **other))


async def test_a_refusal_has_a_reason_words_and_for_a_question_a_person(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await refused("a_decision_has_a_reason", insert_decision(office, asked, opened, reason_code=""))
    await refused("saying_no_is_explained", insert_decision(office, asked, opened, answer="declined"))
    await refused("a_question_goes_to_a_named_person", insert_decision(office, asked, opened, answer="sent-back", text="Why?"))


async def test_nobody_can_date_a_decision_or_a_participation_back(office: Office) -> None:
    asked, opened = await office.open(50_00)
    await office.sql("insert into participant (case_id, person, why, at) values ($1, 'tim.leader', 'edited', '2001-01-01')", asked.case)
    await insert_decision(office, asked, opened)
    moments = await office.sql("select now() - at as age from participant union all select now() - decided_at from decision")
    assert all(0 <= row["age"].total_seconds() < 60 for row in moments)


async def test_a_participant_who_joins_first_makes_the_decision_wait_and_fail(office: Office) -> None:
    asked, opened = await office.open(50_00)
    connection = await asyncpg.connect(office.database.app_dsn)
    try:
        joining = connection.transaction()
        await joining.start()
        await connection.execute("insert into participant (case_id, person, why) values ($1, 'tess.leader', 'evidence')", asked.case)
        deciding = asyncio.create_task(insert_decision(office, asked, opened))
        await office.somebody_waits()
        assert not deciding.done()
        await joining.commit()
        await refused("a_participant_does_not_decide", deciding)
    finally:
        await connection.close()


async def test_a_recall_is_of_an_approval_that_still_waits_by_someone_who_could_have_given_it(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await insert_decision(office, asked, opened)
    statement = "insert into recall (decision_id, id, recalled_by, roles, text) values ($1, $2, $3, $4, $5)"
    await refused("a_recall_is_of_ones_own_or_within_authority", office.sql(statement, made, uuid4(), "ola.officer", ["officer"], "why"))
    await refused("a_recall_is_explained", office.sql(statement, made, uuid4(), "tess.leader", ["team-leader"], " "))
    await office.sql(statement, made, uuid4(), "tim.leader", ["team-leader"], "why")
    await refused("recall_pkey", office.sql(statement, made, uuid4(), "tess.leader", ["team-leader"], "why"))
    other, again = await office.open(50_00)
    declined = await insert_decision(office, other, again, answer="declined", text="no")
    await refused("only_an_approval_is_recalled", office.sql(statement, declined, uuid4(), "tess.leader", ["team-leader"], "why"))


async def release_by_sql(office: Office, asked: OpenTask, made: UUID, person: str, **other: Any) -> None:
    """A run of one line as rows, in one transaction."""
    words: dict[str, Any] = {
        "content_hash": asked.content_hash,
        "amount_pence": asked.amount_pence,
        "total_pence": asked.amount_pence,
        **other,
    }
    authority = await office.authority("finance", "release")
    connection = await asyncpg.connect(office.database.app_dsn)
    try:
        async with connection.transaction():
            head = "insert into release (run, released_by, roles, authority_id, lines, total_pence) values ($1, $2, $3, $4, 1, $5)"
            run = uuid4()
            await connection.execute(head, run, person, words.get("roles", ["finance"]), authority, words["total_pence"])
            line = (
                "insert into release_line (run, case_id, attempt, content_hash, amount_pence, decision_id) values ($1, $2, 1, $3, $4, $5)"
            )
            await connection.execute(line, run, asked.case, words["content_hash"], words["amount_pence"], made)
    finally:
        await connection.close()


async def test_a_release_is_of_a_standing_approval_by_somebody_else_for_its_sum(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await insert_decision(office, asked, opened)
    await refused("a_decider_does_not_release", release_by_sql(office, asked, made, "tess.leader"))
    await refused("a_participant_does_not_release", release_by_sql(office, asked, made, "ola.officer"))
    await refused("authority_is_of_the_persons_role", release_by_sql(office, asked, made, "finn.finance", roles=["officer"]))
    await refused("a_line_is_of_a_standing_approval", release_by_sql(office, asked, made, "finn.finance", content_hash=OTHER_HASH))
    await refused("a_line_is_of_a_standing_approval", release_by_sql(office, asked, made, "finn.finance", amount_pence=50_01))
    await refused("a_release_equals_its_lines", release_by_sql(office, asked, made, "finn.finance", total_pence=50_01))
    await release_by_sql(office, asked, made, "finn.finance")
    await refused("a_payment_is_released_once", release_by_sql(office, asked, made, "finn.finance"))
    recall = "insert into recall (decision_id, id, recalled_by, roles, text) values ($1, $2, 'tess.leader', '{team-leader}', 'why')"
    await refused("a_released_payment_is_not_recalled", office.sql(recall, made, uuid4()))


async def test_a_declined_or_unfinished_case_is_not_released(office: Office) -> None:
    asked, opened = await office.open(50_00)
    declined = await insert_decision(office, asked, opened, answer="declined", text="no")
    await refused("a_line_is_of_a_standing_approval", release_by_sql(office, asked, declined, "finn.finance"))
    large, first = await office.open(3_000_00)
    head = await office.authority("head-of-service")
    half = await insert_decision(office, large, first, authority_id=head, decided_by="hana.head", roles=["head-of-service"])
    await refused("a_line_is_of_a_standing_approval", release_by_sql(office, large, half, "finn.finance"))


def made_of(asked: OpenTask, opened: TaskOpened, decision: UUID, **other: Any) -> DecisionMade:
    words: dict[str, Any] = {
        "case": asked.case, "kind": asked.kind, "decision": decision, "task": opened.task, "attempt": asked.attempt, "round": asked.round,
        "stage": asked.stage, "content_hash": asked.content_hash, "answer": Answer.APPROVED, "completes": True, **other,
    }  # fmt: skip
    return DecisionMade(**words)


UNTRUE = "a_fact_says_what_its_row_says"


async def test_a_decision_that_nobody_made_is_not_told(office: Office) -> None:
    asked, opened = await office.open(50_00, raised_by="tess.leader")
    await refused(UNTRUE, office.tell(made_of(asked, opened, uuid4())))


async def test_a_decision_is_told_as_it_was_made(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await insert_decision(office, asked, opened, answer="declined", text="no")
    no = made_of(asked, opened, made, answer=Answer.DECLINED, completes=False)
    for other in (
        {"answer": "approved"},
        {"completes": True},
        {"content_hash": OTHER_HASH},
        {"case": str(uuid4())},
        {"attempt": 2},
        {"more": 1},
    ):
        await refused(UNTRUE, office.tell(no, **other))
    await office.tell(no)


async def test_no_key_of_a_fact_stands_twice_in_it(office: Office) -> None:
    asked, opened = await office.open(50_00)
    no = made_of(
        asked, opened, await insert_decision(office, asked, opened, answer="declined", text="no"), answer=Answer.DECLINED, completes=False
    )
    twice = no.model_dump_json().replace('"answer"', '"answer":"approved","answer"')
    statement = (
        "insert into outbox_event (id, bucket, topic, key, aggregate_version, headers, body, written_at)"
        " values ($1, 0, 'approvals.cases', $2, 900, jsonb_build_object('ce_type', $3::text), $4, now())"
    )
    await refused(UNTRUE, office.sql(statement, uuid4(), no.key, no.type, twice))


async def test_an_approval_that_was_recalled_is_not_told_again_and_one_that_stands_not_as_recalled(office: Office) -> None:
    asked, opened = await office.open(50_00)
    made = await office.answer_task("tess.leader", opened)
    recalled = DecisionRecalled(case=asked.case, decision=made.decision, content_hash=asked.content_hash)
    nothing = DecisionNotCarriedOut(case=asked.case, decision=made.decision)
    await refused(UNTRUE, office.tell(recalled))
    await refused(UNTRUE, office.tell(nothing))
    await office.recall("tess.leader", made)
    await refused(UNTRUE, office.tell(made_of(asked, opened, made.decision)))


async def test_a_release_that_nobody_signed_is_not_told(office: Office) -> None:
    asked, opened = await office.open(50_00)
    line = office.make_ready(asked, await office.answer_task("tess.leader", opened))
    released = PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=50_00, released_at=datetime.now(UTC))
    await refused(UNTRUE, office.tell(released))
    signed = await office.release("finn.finance", line)
    more = line.model_copy(update={"amount_pence": 51_00})
    for other in ({"total_pence": 51_00}, {"lines": [more.model_dump(mode="json")]}, {"lines": [line.model_dump(mode="json")] * 2}):
        await refused(UNTRUE, office.tell(released.model_copy(update={"run": signed.run}), **other))


async def test_a_contact_is_told_as_it_was_noted_and_only_where_the_tenant_was_known(office: Office) -> None:
    note, account = uuid4(), uuid4()
    columns = "id, account, person, how, identified, text"
    statement = f"insert into contact_note ({columns}) values ($1, $2, 'ben.officer', 'visit', $3, 'x') returning at"
    [row] = await office.sql(statement, note, account, "phone-questions")
    contacted = TenantContacted(note=note, account=account, noted_at=row["at"])
    for other in ({"note": str(uuid4())}, {"account": str(uuid4())}, {"noted_at": "2020-01-01T00:00:00Z"}, {"more": 1}):
        await refused(UNTRUE, office.tell(contacted, **other))
    await office.tell(contacted)
    unknown = uuid4()
    [row] = await office.sql(statement, unknown, account, "not-identified")
    await refused(UNTRUE, office.tell(TenantContacted(note=unknown, account=account, noted_at=row["at"])))


async def test_a_fact_that_approvals_does_not_know_is_not_told(office: Office) -> None:
    class Invented(DecisionNotCarriedOut):
        type = "approvals.decision-made.v2"

    await refused(UNTRUE, office.tell(Invented(case=uuid4(), decision=uuid4())))


async def test_the_database_knows_every_fact_of_approvals(office: Office) -> None:
    [row] = await office.owner_sql("select prosrc from pg_proc where proname = 'says_what_its_row_says'")
    assert {part.split("'")[0] for part in row["prosrc"].split("WHEN '")[1:]} == {fact.type for fact in FACTS}


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_what_was_written_stays(office: Office, table: str) -> None:
    asked, opened = await office.open(50_00)
    await insert_decision(office, asked, opened)
    assert "append_only" in {
        row["tgname"] for row in await office.owner_sql(f"select tgname from pg_trigger where tgrelid = '{table}'::regclass")
    }
    for statement in (f"update {table} set {_a_column(table)} = {_a_column(table)}", f"delete from {table}", f"truncate {table} cascade"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(statement)
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await office.owner_sql(statement)
        assert str(error.value.constraint_name).endswith("_is_append_only")


async def test_not_even_a_session_that_replays_changes_skips_the_rules(office: Office, postgres: Any) -> None:
    asked, opened = await office.open(50_00, raised_by="tess.leader")
    authority = await office.authority("team-leader")
    connection = await asyncpg.connect(postgres.superuser_dsn(office.database.name))
    try:
        await connection.execute("set session_replication_role = replica")
        statement = (
            "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
            " authority_id, answer, reason_code, text) values"
            " ($1, $2, $3, 1, 1, 1, 1, $4, 5000, 'tess.leader', '{team-leader}', $5, 'approved', 'x', '')"
        )
        await refused("a_participant_does_not_decide", connection.execute(statement, uuid4(), opened.task, asked.case, HASH, authority))
        await refused("participant_is_append_only", connection.execute("delete from participant"))
    finally:
        await connection.close()


async def test_what_a_task_is_about_stays(office: Office) -> None:
    _, opened = await office.open(50_00)
    for change in ("amount_pence = 1", f"content_hash = '{OTHER_HASH}'", "stages = 2", "raised_by = 'ben.officer'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(f"update task set {change}")
        await refused("the_content_of_a_task_stays", office.owner_sql(f"update task set {change} where id = $1", opened.task))
    await refused("a_task_is_decided_by_a_decision", office.sql("update task set status = 'DECIDED' where id = $1", opened.task))
    await refused("a_task_is_decided_by_a_decision", office.sql("update task set status = 'CARRIED_OUT' where id = $1", opened.task))


async def test_a_policy_has_a_maker_and_a_checker(office: Office) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await lay_down(office, "2027-04-01", checked_by="policy-maker")
    assert error.value.constraint_name == "policy_has_a_maker_and_a_checker"


async def test_each_rule_that_the_database_names_is_one_that_a_person_understands(office: Office) -> None:
    wanted = "select prosrc from pg_proc p join pg_language l on l.oid = p.prolang where lanname = 'plpgsql'"
    sources = "\n".join(row["prosrc"] for row in await office.owner_sql(wanted))
    named = {part.split("'")[0] for part in sources.split("refuse('")[1:]}
    of_a_program = {
        "the_content_of_a_task_stays", "a_task_begins_open", "a_task_is_decided_by_a_decision", "a_closed_task_stays_closed",
        "the_lines_of_a_decided_schedule_stay", "an_exception_comes_with_its_decision", "a_minute_comes_with_its_decision",
        "only_a_schedule_waits_to_be_carried_out", "the_band_of_a_schedule_is_its_highest_total", "a_fact_says_what_its_row_says",
    }  # fmt: skip
    assert named - of_a_program <= set(RULES)
    assert len(named - of_a_program) > 15
    constraints = await office.owner_sql("select conname from pg_constraint")
    assert set(RULES) <= named | {row["conname"] for row in constraints}


async def lay_down(office: Office, day: str, *, second_stage: bool = False, checked_by: str = "policy-checker") -> int:
    """A policy from that day on, by its owner; gives the row of the team leader's authority."""
    await office.owner_sql(
        "insert into policy (id, council, kind, in_force_from, decide_within_working_days, remind_after_working_days,"
        " escalate_after_working_days, claim_minutes, source, made_by, checked_by)"
        f" values ($1, 'Example council', 'refund', '{day}', 5, 3, 6, 30, 'a test', 'policy-maker', $2)",
        day, checked_by,
    )  # fmt: skip
    statement = (
        "insert into authority (policy_id, act, stage, role, from_pence, to_pence) values ($1, 'decide', $2, $3, 1, $4) returning id"
    )
    [row] = await office.owner_sql(statement, day, 1, "team-leader", 1_000_00)
    if second_stage:
        await office.owner_sql(statement, day, 2, "finance", None)
    return int(row["id"])


def _a_column(table: str) -> str:
    return {"policy": "source", "authority": "role", "release": "lines", "update_outcome": "reason"}.get(table) or {
        "participant": "why", "decision": "text", "recall": "text", "release_line": "attempt", "comment": "text", "task_event": "what",
    }[table]  # fmt: skip


def test_the_three_answers_are_those_of_the_contract() -> None:
    assert {answer.value for answer in Answer} == {"approved", "declined", "sent-back"}
