"""The tables that every service's database has beside its own: what leaves it, what came in, and what was accepted.

Rows that left stay: a topic that was lost is published again from them (chassis.outbox), and `again_at` says when that was asked for last.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

BUCKETS = 4
"""Into how many parts each outbox is divided by its key; one relay serves a bucket at a time. Changed only while the outboxes are empty."""

chassis = sa.MetaData()

outbox_event = sa.Table(
    "outbox_event",
    chassis,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("aggregate_version", sa.BigInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("published_at", sa.DateTime(timezone=True)),
    sa.Column("again_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("id", name="an_event_is_written_once"),
    sa.UniqueConstraint("topic", "key", "aggregate_version", name="a_version_of_an_aggregate_is_told_once"),
    sa.CheckConstraint("aggregate_version > 0", name="versions_begin_with_one"),
)
sa.Index("outbox_event_unpublished", outbox_event.c.bucket, outbox_event.c.seq, postgresql_where=outbox_event.c.published_at.is_(None))

outbox_replay = sa.Table(
    "outbox_replay",
    chassis,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("facts", sa.BigInteger, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("btrim(by) <> ''", name="a_topic_is_replayed_by_somebody"),
)
"""Which topics operators had published again: how many facts, who asked, and when."""

outbox_workflow = sa.Table(
    "outbox_workflow",
    chassis,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    sa.Column("workflow_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("queue", sa.Text),
    sa.Column("update_id", sa.Text),
    sa.Column("argument", sa.Text, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("not_before", sa.DateTime(timezone=True)),
    sa.Column("last_fault", sa.Text),
    sa.Column("done_at", sa.DateTime(timezone=True)),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("kind IN ('start', 'signal', 'update')", name="a_workflow_is_started_signalled_or_updated"),
    sa.CheckConstraint("(done_at IS NULL) = (outcome IS NULL)", name="what_is_done_has_an_outcome"),
)
sa.Index(
    "outbox_workflow_undone", outbox_workflow.c.workflow_id, outbox_workflow.c.seq, postgresql_where=outbox_workflow.c.done_at.is_(None)
)

relay_epoch = sa.Table(
    "relay_epoch",
    chassis,
    sa.Column("outbox", sa.Text, primary_key=True),
    sa.Column("bucket", sa.SmallInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
)

inbox = sa.Table(
    "inbox",
    chassis,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("payload_hash", sa.LargeBinary, nullable=False),
    sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
)

heard_version = sa.Table(
    "heard_version",
    chassis,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)

parked = sa.Table(
    "parked",
    chassis,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("record_offset", sa.BigInteger, nullable=False),
    sa.Column("event_id", sa.Text),
    sa.Column("event_type", sa.Text),
    sa.Column("aggregate_version", sa.BigInteger),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("payload_hash", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("resolved_at", sa.DateTime(timezone=True)),
    sa.Column("resolution", sa.Text),
    sa.Column("resolved_by", sa.Text),
    sa.Column("seconded_by", sa.Text),
    sa.Column("because", sa.Text),
    sa.UniqueConstraint("topic", "partition", "record_offset", "payload_hash", name="a_record_is_parked_once"),
    sa.CheckConstraint("resolution IN ('replayed', 'discarded')", name="a_parked_event_is_replayed_or_discarded"),
    sa.CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="what_is_resolved_says_how"),
    sa.CheckConstraint(
        "resolution IS DISTINCT FROM 'discarded' OR "
        "(resolved_by IS NOT NULL AND seconded_by IS NOT NULL AND resolved_by <> seconded_by AND because IS NOT NULL)",
        name="two_people_and_a_reason_discard",
    ),
)
sa.Index("parked_waiting", parked.c.topic, parked.c.key, parked.c.id, postgresql_where=parked.c.resolved_at.is_(None))

accepted_command = sa.Table(
    "accepted_command",
    chassis,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
)
sa.Index(
    "commands_of_people",
    accepted_command.c.person,
    accepted_command.c.name,
    accepted_command.c.accepted_at,
    postgresql_where=accepted_command.c.person != "system",
)

process_probe = sa.Table(
    "process_probe",
    chassis,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
)


def chassis_metadata(metadata: sa.MetaData) -> None:
    """Add the chassis tables to a service's own metadata, so that alembic finds no difference."""
    for table in chassis.sorted_tables:
        table.to_metadata(metadata)
