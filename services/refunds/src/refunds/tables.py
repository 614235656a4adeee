"""The tables of refunds: cases with their checks, evidence and plans; payees; payment runs, files and the bank's reports.

What was said stays: events, evidence, check results, plans, files and submissions are append-only, for the role that runs the service by
its rights and for everyone by triggers (see migrations).
"""

import sqlalchemy as sa
from chassis.tables import chassis_metadata
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData()
chassis_metadata(metadata)

_INSTANT = sa.DateTime(timezone=True)

policy = sa.Table(
    "policy",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("figures", JSONB, nullable=False),
    sa.UniqueConstraint("in_force_from", name="one_policy_a_day"),
)

refund_case = sa.Table(
    "refund_case",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("changes_in_round", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("withdrawn_attempt", sa.Integer),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_note", sa.Text, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("opened_at", _INSTANT, nullable=False),
    sa.Column("review_credit_pence", sa.BigInteger),
    sa.Column("asked_at", _INSTANT),
    sa.Column("asked_by", sa.Uuid),
    sa.Column("asked_as", sa.Text, nullable=False, server_default="tenant", comment="Who asks for a tenant who has died"),
    sa.Column("taken_by", sa.Text, nullable=False),
    sa.Column("identified_how", sa.Text, nullable=False),
    sa.Column("requested_pence", sa.BigInteger),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("joint_consent", sa.Boolean, nullable=False),
    sa.Column("consents", ARRAY(sa.Uuid), nullable=False),
    sa.Column("opted_out", ARRAY(sa.Uuid), nullable=False),
    sa.Column("payee", sa.Uuid),
    sa.Column("policy_version", sa.Text, sa.ForeignKey("policy.version"), nullable=False),
    sa.Column("decide_by", sa.Date, nullable=False),
    sa.Column("pay_by", sa.Date, nullable=False),
    sa.Column("floor_pence", sa.BigInteger, nullable=False),
    sa.Column("cleared_credit_pence", sa.BigInteger, nullable=False),
    sa.Column("queued_hash", sa.Text),
    sa.Column("queued_decision", sa.Uuid),
    sa.Column("queued_at", _INSTANT),
    sa.Column("unlisted_since", _INSTANT, comment="Since when an approved refund is neither on the list of payments nor in a run"),
    sa.Column("run", sa.Uuid),
    sa.Column("refund_journal", sa.Uuid),
    sa.CheckConstraint("version >= 0 AND attempt > 0 AND round >= 0", name="a_case_counts_from_one"),
    sa.CheckConstraint("requested_pence > 0", name="a_request_is_for_more_than_nothing"),
    sa.CheckConstraint("(asked_at IS NULL) = (asked_by IS NULL)", name="a_request_names_who_asked"),
    sa.CheckConstraint("asked_by IS NULL OR payee IS NOT NULL", name="a_request_has_a_payee"),
    sa.CheckConstraint("asked_as IN ('tenant', 'executor', 'administrator', 'next-of-kin')", name="a_request_is_made_in_a_known_part"),
    sa.CheckConstraint(
        "(queued_hash IS NULL) = (queued_decision IS NULL) AND (queued_hash IS NULL) = (queued_at IS NULL)",
        name="a_queued_payment_was_decided",
    ),
)
# A returned payment re-opens its case even while a later request is open: the ledger's earmark keeps the two from counting one credit
# twice.
sa.Index("one_open_case_for_an_account", refund_case.c.account, unique=True, postgresql_where=sa.text("is_open AND attempt = 1"))
sa.Index("cases_of_an_account", refund_case.c.account, refund_case.c.opened_at)
sa.Index("cases_by_age", refund_case.c.opened_at)
sa.Index("cases_by_where_they_stand", refund_case.c.status, refund_case.c.opened_at)
sa.Index("queued_payments", refund_case.c.queued_at, postgresql_where=refund_case.c.queued_at.is_not(None))

case_event = sa.Table(
    "case_event",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
sa.Index("events_of_a_case", case_event.c.case_id, case_event.c.seq)

participant = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("since", _INSTANT, nullable=False),
)

watched_account = sa.Table(
    "watched_account",
    metadata,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), primary_key=True),
    sa.Column("account", sa.Uuid, primary_key=True),
)
sa.Index("watchers_of_an_account", watched_account.c.account)

payee = sa.Table(
    "payee",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), nullable=False),
    sa.Column("person", sa.Uuid),
    sa.Column("business", sa.Boolean, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("blind_index", sa.LargeBinary, nullable=False),
    sa.Column("masked", sa.Text, nullable=False),
    sa.Column("modulus", sa.Text, nullable=False),
    sa.Column("modulus_table", sa.Text, nullable=False),
    sa.Column("called_back", sa.Boolean, nullable=False),
    sa.Column("changes", sa.Uuid, sa.ForeignKey("payee.id")),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", _INSTANT, nullable=False),
)
sa.Index("payees_with_one_bank_account", payee.c.blind_index)
sa.Index("payees_of_a_case", payee.c.case_id)

credit_look = sa.Table(
    "credit_look",
    metadata,
    sa.Column("account", sa.Uuid, primary_key=True),
    sa.Column("due_on", sa.Date, nullable=False),
    comment="Credit that somebody may have to look at from a day on, and once no case is open on its account",
)
sa.Index("credit_looks_by_day", credit_look.c.due_on)

payee_confirmation = sa.Table(
    "payee_confirmation",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("payee", sa.Uuid, sa.ForeignKey("payee.id"), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("sealed_name", sa.LargeBinary),
    sa.Column("at", _INSTANT, nullable=False),
)
sa.Index("confirmations_of_a_payee", payee_confirmation.c.payee, payee_confirmation.c.seq)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), nullable=False),
    sa.Column("check_no", sa.SmallInteger, nullable=False),
    sa.Column("payee", sa.Uuid, sa.ForeignKey("payee.id")),
    sa.Column("answers", sa.Text, nullable=False),
    sa.Column("accounts", ARRAY(sa.Uuid), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("settles", sa.Boolean, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.CheckConstraint("check_no BETWEEN 1 AND 10", name="evidence_is_for_one_of_the_ten_checks"),
)
sa.Index("evidence_of_a_case", evidence.c.case_id, evidence.c.at)

evidence_document = sa.Table(
    "evidence_document",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("evidence", sa.Uuid, sa.ForeignKey("evidence.id"), nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("evidence", name="evidence_has_one_document"),
    sa.CheckConstraint("media_type IN ('application/pdf', 'image/png', 'image/jpeg')", name="a_document_is_a_pdf_or_a_picture"),
    sa.CheckConstraint("size_bytes BETWEEN 1 AND 10000000", name="a_document_is_of_a_bounded_size"),
)

check_result = sa.Table(
    "check_result",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("check_no", sa.SmallInteger, nullable=False),
    sa.Column("occasion", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.Column("evidence", ARRAY(sa.Text), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("account_version", sa.BigInteger),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("expires_on", sa.Date),
    sa.CheckConstraint("check_no BETWEEN 1 AND 10", name="a_result_is_of_one_of_the_ten_checks"),
    sa.CheckConstraint("outcome IN ('PASS', 'FAIL', 'REFER')", name="a_check_passes_fails_or_refers"),
    sa.CheckConstraint("occasion IN ('round', 'plan', 'recheck')", name="a_check_runs_in_a_round_for_a_plan_or_again"),
)
sa.Index(
    "a_check_runs_once_a_round",
    check_result.c.case_id,
    check_result.c.attempt,
    check_result.c.round,
    check_result.c.check_no,
    unique=True,
    postgresql_where=check_result.c.occasion == sa.text("'round'"),
)
sa.Index("results_of_a_case", check_result.c.case_id, check_result.c.attempt, check_result.c.round, check_result.c.seq)

refund_plan = sa.Table(
    "refund_plan",
    metadata,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("refund_case.id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("plan", JSONB(none_as_null=True)),
    sa.Column("content_hash", sa.Text),
    sa.Column("ground", JSONB(none_as_null=True)),
    sa.Column("blocked", ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False),
    sa.Column("lane", sa.Text, nullable=False, server_default="look"),
    sa.Column("lane_reasons", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.CheckConstraint(
        "(plan IS NULL) = (content_hash IS NULL) AND (plan IS NULL) = (ground IS NULL)", name="a_plan_has_its_hash_and_its_ground"
    ),
)

# Drawn before the rows are written: a payment's reference and a file's labels carry them.
PAYMENT_LINE_NUMBER = "payment_line_number"
PAYMENT_FILE_NUMBER = "payment_file_number"

payment_run = sa.Table(
    "payment_run",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_note", sa.Text, nullable=False),
    sa.Column("released_at", _INSTANT, nullable=False),
    sa.Column("released_total_pence", sa.BigInteger, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
    sa.CheckConstraint("released_total_pence > 0", name="a_run_pays_more_than_nothing"),
)
sa.Index("runs_by_release", payment_run.c.released_at)

payment_line = sa.Table(
    "payment_line",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("run", sa.Uuid, sa.ForeignKey("payment_run.id"), nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("account", sa.Uuid),
    sa.Column("payee", sa.Uuid, sa.ForeignKey("payee.id")),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("because", sa.Text),
    sa.Column("refund_journal", sa.Uuid),
    sa.UniqueConstraint("reference", name="a_reference_names_one_payment"),
    sa.UniqueConstraint("run", "case_id", "attempt", name="a_run_carries_a_payment_once"),
    sa.CheckConstraint("amount_pence > 0", name="a_line_pays_more_than_nothing"),
    sa.CheckConstraint("(status = 'dropped') <= (because IS NOT NULL)", name="a_dropped_line_says_why"),
    sa.CheckConstraint("status NOT IN ('posted', 'paid', 'returned') OR refund_journal IS NOT NULL", name="what_is_paid_was_posted"),
)
sa.Index(
    "a_payment_is_in_one_live_run",
    payment_line.c.case_id,
    payment_line.c.attempt,
    unique=True,
    postgresql_where=sa.text("status IN ('released', 'posted', 'paid')"),
)

sa.Index("payments_of_an_account", payment_line.c.account)
sa.Index("payments_to_a_payee", payment_line.c.payee)

payment_file = sa.Table(
    "payment_file",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("run", sa.Uuid, sa.ForeignKey("payment_run.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    # Of files that were kept before they were sealed, until the service seals them.
    sa.Column("content", sa.LargeBinary),
    sa.Column("processing_day", sa.Date, nullable=False),
    sa.Column("entry_day", sa.Date, nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.Column("built_at", _INSTANT, nullable=False),
    sa.UniqueConstraint("run", name="a_run_has_one_file"),
    sa.UniqueConstraint("sha256", name="no_two_files_are_alike"),
    sa.UniqueConstraint("name", name="no_two_files_have_one_name"),
    sa.CheckConstraint("content IS NULL", name="no_file_is_kept_in_clear"),
)

payment_file_content = sa.Table(
    "payment_file_content",
    metadata,
    sa.Column("run", sa.Uuid, sa.ForeignKey("payment_file.run"), primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

submission = sa.Table(
    "submission",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("run", sa.Uuid, sa.ForeignKey("payment_run.id"), nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.CheckConstraint("what IN ('sending', 'accepted', 'refused', 'unknown', 'not-seen')", name="a_submission_is_sent_or_answered"),
)
sa.Index("submissions_of_a_run", submission.c.run, submission.c.seq)

bank_report = sa.Table(
    "bank_report",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("run", sa.Uuid, sa.ForeignKey("payment_run.id")),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("taken_at", _INSTANT, nullable=False),
    sa.UniqueConstraint("key", name="a_report_is_taken_once"),
)
sa.Index("reports_of_a_run", bank_report.c.run)

bank_report_item = sa.Table(
    "bank_report_item",
    metadata,
    sa.Column("report", sa.BigInteger, sa.ForeignKey("bank_report.number"), primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence > 0", name="what_comes_back_is_more_than_nothing"),
)

bank_item_effect = sa.Table(
    "bank_item_effect",
    metadata,
    sa.Column("report", sa.BigInteger, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("line", sa.BigInteger, sa.ForeignKey("payment_line.number")),
    sa.Column("effect", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.ForeignKeyConstraint(
        ["report", "reference"], ["bank_report_item.report", "bank_report_item.reference"], name="an_effect_has_its_item"
    ),
    sa.CheckConstraint(
        "effect IN ('returned', 'returned-already', 'no-such-payment', 'another-amount')", name="an_item_returns_a_payment_or_says_why_not"
    ),
)
sa.Index("a_payment_comes_back_once", bank_item_effect.c.line, unique=True, postgresql_where=sa.text("effect = 'returned'"))
