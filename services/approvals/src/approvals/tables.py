"""Tasks, participants, decisions, releases and authority, as the database holds them.

Constraint names read as the rule that they keep; `store` turns a broken one into that rule's error. The rules that need more than one row
stand as triggers in the migrations, under names of the same kind.
"""

import sqlalchemy as sa
from chassis.tables import chassis_metadata
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)
chassis_metadata(metadata)

_INSTANT = sa.DateTime(timezone=True)

policy = sa.Table(
    "policy",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("council", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("decide_within_working_days", sa.SmallInteger, nullable=False),
    sa.Column("remind_after_working_days", sa.SmallInteger, nullable=False),
    sa.Column("escalate_after_working_days", sa.SmallInteger, nullable=False),
    sa.Column("claim_minutes", sa.SmallInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.Column("bulk_most_lines", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("bulk_most_pence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bulk_opened_first", sa.SmallInteger, nullable=False, server_default="1"),
    sa.Column("unused_after_days", sa.SmallInteger, nullable=False, server_default="90"),
    sa.CheckConstraint("unused_after_days > 0", name="somebody_may_be_away_for_a_day"),
    sa.UniqueConstraint("kind", "in_force_from", name="one_policy_comes_into_force_on_a_day"),
    sa.CheckConstraint("made_by <> checked_by", name="policy_has_a_maker_and_a_checker"),
    sa.CheckConstraint(
        "0 < remind_after_working_days AND remind_after_working_days <= decide_within_working_days"
        " AND decide_within_working_days <= escalate_after_working_days AND claim_minutes > 0",
        name="time_reminds_then_escalates",
    ),
    sa.CheckConstraint(
        "bulk_most_lines BETWEEN 0 AND 100 AND bulk_most_pence >= 0 AND bulk_opened_first >= 1", name="bulk_decisions_have_caps"
    ),
)
"""What a council has laid down about one kind of task, from a day on (Europe/London). The latest day that has come is in force."""

policy_proposal = sa.Table(
    "policy_proposal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("council", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("decide_within_working_days", sa.SmallInteger, nullable=False),
    sa.Column("remind_after_working_days", sa.SmallInteger, nullable=False),
    sa.Column("escalate_after_working_days", sa.SmallInteger, nullable=False),
    sa.Column("claim_minutes", sa.SmallInteger, nullable=False),
    sa.Column("bulk_most_lines", sa.SmallInteger, nullable=False),
    sa.Column("bulk_most_pence", sa.BigInteger, nullable=False),
    sa.Column("bulk_opened_first", sa.SmallInteger, nullable=False),
    sa.Column("unused_after_days", sa.SmallInteger, nullable=False, server_default="90"),
    sa.CheckConstraint("unused_after_days > 0", name="a_proposal_asks_after_a_day"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("authorities", JSONB, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("proposed_at", _INSTANT, nullable=False),
    sa.CheckConstraint("jsonb_typeof(authorities) = 'array'", name="a_proposal_has_bands"),
)
"""A policy that somebody proposes; the form's id. `authorities` are rows of `authority` without their ids."""

policy_check = sa.Table(
    "policy_check",
    metadata,
    sa.Column("proposal_id", sa.Uuid, sa.ForeignKey("policy_proposal.id"), nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("checked_at", _INSTANT, nullable=False),
    sa.PrimaryKeyConstraint("proposal_id", name="a_proposal_is_answered_once"),
    sa.CheckConstraint("answer IN ('accepted', 'refused', 'withdrawn')", name="a_check_is_one_of_three"),
    sa.CheckConstraint("answer = 'accepted' OR btrim(text) <> ''", name="a_refusal_of_policy_is_explained"),
)
"""What another person said to a proposal, or its maker's withdrawal. Accepting it lays the policy down, by a trigger of the owner's."""

authority = sa.Table(
    "authority",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("policy_id", sa.Text, sa.ForeignKey("policy.id"), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("stage", sa.SmallInteger, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("from_pence", sa.BigInteger, nullable=False),
    sa.Column("to_pence", sa.BigInteger),
    sa.Column("body", sa.Text),
    sa.Column("call_in_working_days", sa.SmallInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("call_in_working_days BETWEEN 0 AND 30", name="a_call_in_ends_within_thirty_working_days"),
    sa.UniqueConstraint("policy_id", "act", "stage", "role", name="a_role_has_one_limit_at_a_stage"),
    sa.CheckConstraint("act IN ('decide', 'release')", name="authority_is_to_decide_or_to_release"),
    sa.CheckConstraint("0 < from_pence AND (to_pence IS NULL OR from_pence <= to_pence)", name="a_band_has_a_lower_and_an_upper_edge"),
    sa.CheckConstraint("stage >= 1", name="stages_count_from_one"),
)
"""A band of amounts, both edges within it, and the role that it asks for at a stage. `to_pence` is that role's limit; NULL has none.

`body`: the role records what this body decided, with its minute. `call_in_working_days`: how long the decision may be called in."""

approval_case = sa.Table(
    "approval_case",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("first_seen_at", _INSTANT, nullable=False, server_default=sa.func.now()),
)
"""The case's lock: decisions, recalls, releases and participants take this row first. `version` counts the facts told about it."""

task = sa.Table(
    "task",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("approval_case.id"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("stage", sa.SmallInteger, nullable=False),
    sa.Column("stages", sa.SmallInteger, nullable=False),
    sa.Column("account", sa.Uuid),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("lane_reasons", ARRAY(sa.Text), nullable=False),
    sa.Column("raised_by", sa.Text, nullable=False),
    sa.Column("workflow_id", sa.Text, nullable=False),
    sa.Column("policy_id", sa.Text, sa.ForeignKey("policy.id"), nullable=False),
    sa.Column("required_role", sa.Text, nullable=False),
    sa.Column("opened_at", _INSTANT, nullable=False),
    sa.Column("priority_at", _INSTANT, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("remind_on", sa.Date, nullable=False),
    sa.Column("escalate_on", sa.Date, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="OPEN"),
    sa.Column("because", sa.Text),
    sa.Column("closed_at", _INSTANT),
    sa.Column("assigned_to", sa.Text),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claim_expires_at", _INSTANT),
    sa.Column("reminded_at", _INSTANT),
    sa.Column("escalated_at", _INSTANT),
    sa.UniqueConstraint("case_id", "attempt", "round", "stage", name="a_stage_of_a_round_is_one_task"),
    sa.UniqueConstraint(
        "id", "case_id", "attempt", "round", "stage", "stages", "content_hash", "amount_pence", name="a_task_is_known_with_its_content"
    ),
    sa.CheckConstraint("attempt >= 1 AND round >= 1 AND stage BETWEEN 1 AND stages", name="a_task_stands_within_its_stages"),
    sa.CheckConstraint("amount_pence > 0", name="a_task_is_about_an_amount"),
    sa.CheckConstraint("(kind = 'write-off') = (account IS NULL)", name="a_schedule_is_of_no_single_account"),
    sa.CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="a_content_hash_is_a_sha256"),
    sa.CheckConstraint("lane IN ('green', 'look')", name="a_task_has_a_lane"),
    sa.CheckConstraint("status IN ('OPEN', 'DECIDED', 'CARRIED_OUT', 'NOT_CARRIED_OUT', 'VOID')", name="a_task_has_a_status"),
    sa.CheckConstraint("(claimed_by IS NULL) = (claim_expires_at IS NULL)", name="a_claim_expires"),
)
sa.Index("task_open_idx", task.c.priority_at, postgresql_where=task.c.status == "OPEN")
sa.Index("task_account_idx", task.c.account)

participant = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("approval_case.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("why", sa.Text, primary_key=True),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("person NOT IN ('', 'system')", name="a_participant_is_a_person"),
)
"""Who may never decide the case, and why. Nobody leaves this list."""

decision = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("task_id", sa.Uuid, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("stage", sa.SmallInteger, nullable=False),
    sa.Column("stages", sa.SmallInteger, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("authority_id", sa.Integer, sa.ForeignKey("authority.id"), nullable=False),
    sa.Column("limit_pence", sa.BigInteger),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("question_to", sa.Text),
    sa.Column("completes", sa.Boolean, sa.Computed("answer = 'approved' AND stage = stages", persisted=True), nullable=False),
    sa.Column("decided_at", _INSTANT, nullable=False),
    sa.Column("delegations", ARRAY(sa.Uuid), nullable=False, server_default="{}"),
    sa.Column("on_behalf_of", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("carried_out_from", sa.Date),
    sa.Column("selection_id", sa.Uuid),
    sa.ForeignKeyConstraint(
        ["task_id", "case_id", "attempt", "round", "stage", "stages", "content_hash", "amount_pence"],
        ["task.id", "task.case_id", "task.attempt", "task.round", "task.stage", "task.stages", "task.content_hash", "task.amount_pence"],
        name="a_decision_is_on_what_was_shown",
    ),
    sa.UniqueConstraint("task_id", name="a_task_is_decided_once"),
    sa.CheckConstraint("answer IN ('approved', 'declined', 'sent-back')", name="an_answer_is_one_of_three"),
    sa.CheckConstraint("reason_code <> ''", name="a_decision_has_a_reason"),
    sa.CheckConstraint("answer = 'approved' OR btrim(text) <> ''", name="saying_no_is_explained"),
    sa.CheckConstraint("(answer = 'sent-back') = (question_to IS NOT NULL)", name="a_question_goes_to_a_named_person"),
)
"""An answer of a person with authority; its id is the form's. The trigger sets `limit_pence`, `on_behalf_of` and `decided_at`, and refuses
what four eyes, authority or the state of the task forbid. `delegations` is the chain through which the authority came, its root first; none
where it is the decider's own. `on_behalf_of` are the people who lent it, in the same order.
`selection_id`: the selection of which it is a line, where many were decided together."""
sa.Index("decision_case_idx", decision.c.case_id)
sa.Index("decision_decided_at_idx", decision.c.decided_at)

selection = sa.Table(
    "selection",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False),
)
"""Green tasks that a person chose to decide together; the form's id."""

selection_line = sa.Table(
    "selection_line",
    metadata,
    sa.Column("selection_id", sa.Uuid, sa.ForeignKey("selection.id"), primary_key=True),
    sa.Column("task_id", sa.Uuid, sa.ForeignKey("task.id"), primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("opened_first", sa.Boolean, nullable=False),
)
"""A line as it was shown. `opened_first`: drawn by lot to be looked at by itself."""

selection_signed = sa.Table(
    "selection_signed",
    metadata,
    sa.Column("selection_id", sa.Uuid, sa.ForeignKey("selection.id"), primary_key=True),
    sa.Column("signed_by", sa.Text, nullable=False),
    sa.Column("authenticated_at", _INSTANT, nullable=False),
    sa.Column("signed_at", _INSTANT, nullable=False),
)
"""The person signed for the selection, having signed in anew. Caps and what was opened are judged here."""

selection_result = sa.Table(
    "selection_result",
    metadata,
    sa.Column("selection_id", sa.Uuid, primary_key=True),
    sa.Column("task_id", sa.Uuid, primary_key=True),
    sa.Column("decision_id", sa.Uuid, sa.ForeignKey("decision.id")),
    sa.Column("refused", sa.Text),
    sa.ForeignKeyConstraint(
        ["selection_id", "task_id"], ["selection_line.selection_id", "selection_line.task_id"], name="a_result_is_of_a_line"
    ),
    sa.CheckConstraint("(decision_id IS NULL) = (refused IS NOT NULL)", name="a_line_is_decided_or_says_why_not"),
)
"""What became of a line: its decision, or why there is none."""

delegation = sa.Table(
    "delegation",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("giver", sa.Text, nullable=False),
    sa.Column("giver_roles", ARRAY(sa.Text), nullable=False),
    sa.Column("taker", sa.Text, nullable=False),
    sa.Column("ceiling_pence", sa.BigInteger, nullable=False),
    sa.Column("from_on", sa.Date, nullable=False),
    sa.Column("until_on", sa.Date, nullable=False),
    sa.Column("given_at", _INSTANT, nullable=False),
    sa.CheckConstraint("giver <> taker", name="nobody_delegates_to_themselves"),
    sa.CheckConstraint("giver NOT IN ('', 'system') AND taker NOT IN ('', 'system')", name="people_delegate_to_people"),
    sa.CheckConstraint("ceiling_pence > 0", name="a_delegation_has_a_ceiling"),
    sa.CheckConstraint("from_on <= until_on AND until_on - from_on <= 366", name="a_delegation_ends_within_a_year"),
)
"""Authority to decide that a person lends to another, on both days and between them (Europe/London), up to a ceiling. The form's id."""
sa.Index("delegation_taker_idx", delegation.c.taker)

delegation_end = sa.Table(
    "delegation_end",
    metadata,
    sa.Column("delegation_id", sa.Uuid, sa.ForeignKey("delegation.id"), primary_key=True),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Column("ended_at", _INSTANT, nullable=False),
)
"""A delegation that was ended early; both records stay."""

absence = sa.Table(
    "absence",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("deputy", sa.Text, nullable=False),
    sa.Column("from_on", sa.Date, nullable=False),
    sa.Column("until_on", sa.Date, nullable=False),
    sa.Column("noted_at", _INSTANT, nullable=False),
    sa.CheckConstraint("person <> deputy", name="nobody_is_their_own_deputy"),
    sa.CheckConstraint("from_on <= until_on AND until_on - from_on <= 366", name="an_absence_ends_within_a_year"),
)
"""Days on which a person is out of office, and who is shown their tasks. It gives the deputy no authority. The form's id."""
sa.Index("absence_person_idx", absence.c.person)

absence_end = sa.Table(
    "absence_end",
    metadata,
    sa.Column("absence_id", sa.Uuid, sa.ForeignKey("absence.id"), primary_key=True),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Column("ended_at", _INSTANT, nullable=False),
)
"""A person came back early, or wrote down something else."""

schedule_task = sa.Table(
    "schedule_task",
    metadata,
    sa.Column("task_id", sa.Uuid, sa.ForeignKey("task.id"), primary_key=True),
    sa.Column("line_kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("lines BETWEEN 1 AND 1000 AND total_pence > 0", name="a_schedule_has_lines"),
)
"""What a task of kind write-off is about; its `amount_pence` is the highest debtor's total, which decides the band."""

schedule_task_line = sa.Table(
    "schedule_task_line",
    metadata,
    sa.Column("task_id", sa.Uuid, sa.ForeignKey("schedule_task.task_id"), primary_key=True),
    sa.Column("line", sa.Uuid, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("debtor_total_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("0 < amount_pence AND amount_pence <= debtor_total_pence", name="a_line_is_part_of_what_its_debtor_owes"),
    sa.CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="a_lines_hash_is_a_sha256"),
)
sa.Index("schedule_task_line_by_line", schedule_task_line.c.line)

decision_exception = sa.Table(
    "decision_exception",
    metadata,
    sa.Column("decision_id", sa.Uuid, sa.ForeignKey("decision.id"), primary_key=True),
    sa.Column("line", sa.Uuid, primary_key=True),
    sa.Column("task_id", sa.Uuid, nullable=False),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["task_id", "line"], ["schedule_task_line.task_id", "schedule_task_line.line"], name="an_exception_is_of_a_line_that_was_shown"
    ),
    sa.CheckConstraint("reason_code <> ''", name="an_exception_has_a_reason"),
)
"""A line that an approval leaves out."""

minute = sa.Table(
    "minute",
    metadata,
    sa.Column("decision_id", sa.Uuid, sa.ForeignKey("decision.id"), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("met_on", sa.Date, nullable=False),
    sa.Column("copy", sa.LargeBinary, nullable=False),
    sa.Column("copy_sha256", sa.Text, nullable=False),
    sa.Column("recorded_at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("btrim(reference) <> ''", name="a_minute_has_its_reference"),
    sa.CheckConstraint("octet_length(copy) BETWEEN 1 AND 10485760", name="a_minute_has_its_copy"),
    sa.CheckConstraint("copy_sha256 = encode(sha256(copy), 'hex')", name="a_copy_is_known_by_its_hash"),
)
"""What a body that does not sign in decided, as its minute says: who records it is the decision's `decided_by`."""

recall = sa.Table(
    "recall",
    metadata,
    sa.Column("decision_id", sa.Uuid, sa.ForeignKey("decision.id"), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("recalled_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("recalled_at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.UniqueConstraint("id", name="a_form_recalls_once"),
    sa.CheckConstraint("btrim(text) <> ''", name="a_recall_is_explained"),
)

release = sa.Table(
    "release",
    metadata,
    sa.Column("run", sa.Uuid, primary_key=True),
    sa.Column("released_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("authority_id", sa.Integer, sa.ForeignKey("authority.id"), nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.Column("released_at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("lines BETWEEN 1 AND 2000 AND total_pence > 0", name="a_release_has_lines"),
)
"""A payment run that finance signed; its id is the form's."""

release_line = sa.Table(
    "release_line",
    metadata,
    sa.Column("run", sa.Uuid, sa.ForeignKey("release.run"), primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("approval_case.id"), primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("decision_id", sa.Uuid, sa.ForeignKey("decision.id"), nullable=False),
    sa.UniqueConstraint("decision_id", name="a_payment_is_released_once"),
    sa.CheckConstraint("amount_pence > 0", name="a_released_line_pays"),
)
"""One payment of a run. An approval is released once: a payment that comes back is approved anew."""
sa.Index("release_line_case_idx", release_line.c.case_id)

comment = sa.Table(
    "comment",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("approval_case.id"), nullable=False),
    sa.Column("task_id", sa.Uuid, sa.ForeignKey("task.id"), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("btrim(text) <> '' AND length(text) <= 2000", name="a_comment_says_something"),
)
sa.Index("comment_case_idx", comment.c.case_id)

contact_note = sa.Table(
    "contact_note",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("identified", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("btrim(text) <> '' AND length(text) <= 2000", name="a_contact_note_says_something"),
    comment="Append-only: what was said with a tenant. Personal data: it goes nowhere but onto the account\u2019s page",
)
sa.Index("contact_note_account_idx", contact_note.c.account)

task_event = sa.Table(
    "task_event",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("task_id", sa.Uuid, sa.ForeignKey("task.id"), nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("whom", sa.Text),
    sa.Column("note", sa.Text),
)
"""What happened to a task, beside the decisions: opened, claimed, assigned, reminded, escalated, recalled, and as what it was closed."""
sa.Index("task_event_case_idx", task_event.c.case_id)

update_outcome = sa.Table(
    "update_outcome",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("accepted OR reason IS NOT NULL", name="a_refusal_says_why"),
)
"""What the waiting workflow said to a decision or to a recall, by its id."""

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("last_seen_at", _INSTANT, nullable=False),
)
"""Who has signed in at the desk, with the roles of the last sign-in: whom a task may be given to, and a name for people to read."""

desk_session = sa.Table(
    "desk_session",
    metadata,
    sa.Column("id_hash", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("csrf_token", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("last_seen_at", _INSTANT, nullable=False),
    sa.Column("ends_at", _INSTANT, nullable=False),
    sa.Column("authenticated_at", _INSTANT),
)
sa.Index("desk_session_ends_at_idx", desk_session.c.ends_at)

saved_view = sa.Table(
    "saved_view",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("filters", JSONB, nullable=False),
    sa.Column("saved_at", _INSTANT, nullable=False, server_default=sa.func.now()),
    sa.UniqueConstraint("person", "name", name="a_saved_view_has_its_own_name"),
    sa.CheckConstraint("btrim(name) <> '' AND length(name) <= 60", name="a_saved_view_is_named"),
)

case_seen = sa.Table(
    "case_seen",
    metadata,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("approval_case.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("seen_at", _INSTANT, nullable=False),
)
"""When a person last opened the case's page, so that it can say what changed since."""
