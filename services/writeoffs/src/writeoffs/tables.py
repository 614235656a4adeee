"""Proposals, proofs, schedules and the register, as the database holds them.

Money is in pence: balances signed, debit positive; amounts without a sign. Days are Europe/London business dates, instants UTC. Constraint
names read as the rule that they keep.
"""

import sqlalchemy as sa
from chassis.tables import chassis_metadata
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData()
chassis_metadata(metadata)

_INSTANT = sa.DateTime(timezone=True)
_KINDS = "kind IN ('write-off', 'reinstatement', 'credit-write-on')"

policy = sa.Table(
    "policy",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("figures", JSONB, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.UniqueConstraint("in_force_from", name="one_policy_comes_into_force_on_a_day"),
    sa.CheckConstraint("made_by <> checked_by", name="policy_has_a_maker_and_a_checker"),
)

policy_proposal = sa.Table(
    "policy_proposal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("council", sa.Text, nullable=False),
    sa.Column("figures", JSONB, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("proposed_at", _INSTANT, nullable=False),
    sa.CheckConstraint("figures ->> 'in_force_from' = in_force_from::text", name="a_proposal_is_of_the_day_that_it_says"),
)
"""A policy on evidence that somebody proposes."""

policy_check = sa.Table(
    "policy_check",
    metadata,
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("policy_proposal.id"), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("checked_at", _INSTANT, nullable=False),
    sa.PrimaryKeyConstraint("proposal", name="a_policy_is_answered_once"),
    sa.CheckConstraint("answer IN ('accepted', 'refused', 'withdrawn')", name="a_check_is_one_of_three"),
    sa.CheckConstraint("answer = 'accepted' OR btrim(text) <> ''", name="a_refusal_of_policy_is_explained"),
)
"""What another person said to a proposal, or its maker's withdrawal. Accepting it lays the policy down, by a trigger of the owner's."""

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_note", sa.Text, nullable=False, server_default=""),
    sa.Column("round", sa.Integer, nullable=False, server_default="0"),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False),
    sa.Column("answered_round", sa.Integer, nullable=False, server_default="0"),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("decision", sa.Uuid),
    sa.Column("closed_at", _INSTANT),
    sa.CheckConstraint("answered_round <= round", name="a_question_is_answered_after_it_was_asked"),
    sa.CheckConstraint(_KINDS, name="a_schedule_is_of_one_kind"),
    sa.CheckConstraint(
        "status IN ('with-approver', 'sent-back', 'call-in', 'posting', 'posted', 'declined', 'withdrawn', 'empty')",
        name="a_schedule_has_a_status",
    ),
    sa.CheckConstraint(
        "(closed_at IS NULL) = (status IN ('with-approver', 'sent-back', 'call-in', 'posting'))", name="a_closed_schedule_says_when"
    ),
)

proposal = sa.Table(
    "proposal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("undoes", sa.Uuid),
    sa.Column("wanted_pence", sa.BigInteger),
    sa.Column("raised_by", sa.Text, nullable=False),
    sa.Column("raised_at", _INSTANT, nullable=False),
    sa.Column("balance_pence", sa.BigInteger, nullable=False),
    sa.Column("charges", JSONB(none_as_null=True)),
    sa.Column("amount_pence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("debtor_total_pence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_note", sa.Text, nullable=False, server_default=""),
    sa.Column("look_again_on", sa.Date),
    sa.Column("followed", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("left_out", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id")),
    sa.Column("journal", sa.Uuid),
    sa.Column("policy_version", sa.Text, sa.ForeignKey("policy.version"), nullable=False),
    sa.Column("closed_at", _INSTANT),
    sa.Column("refused_pence", sa.BigInteger),
    sa.Column("again_on", sa.Date),
    sa.CheckConstraint(_KINDS, name="a_proposal_is_of_a_known_kind"),
    sa.CheckConstraint(
        "status IN ('gathering', 'blocked', 'ready', 'on-schedule', 'posted', 'declined', 'withdrawn')", name="a_proposal_has_a_status"
    ),
    sa.CheckConstraint("(closed_at IS NULL) = (status NOT IN ('posted', 'declined', 'withdrawn'))", name="a_closed_proposal_says_when"),
    sa.CheckConstraint("(status = 'posted') = (journal IS NOT NULL)", name="a_posted_proposal_has_its_journal"),
    sa.CheckConstraint("status <> 'on-schedule' OR schedule IS NOT NULL", name="what_is_listed_names_its_schedule"),
    sa.CheckConstraint("(kind = 'reinstatement') = (undoes IS NOT NULL)", name="a_reinstatement_names_what_it_puts_back"),
    sa.CheckConstraint("wanted_pence > 0 AND amount_pence >= 0", name="a_proposal_is_about_an_amount"),
    sa.CheckConstraint("refused_pence > 0", name="what_is_refused_is_an_amount"),
    sa.CheckConstraint("again_on IS NULL OR closed_at IS NOT NULL", name="what_is_set_aside_is_closed"),
    sa.UniqueConstraint("journal", name="a_journal_is_of_one_proposal"),
)
"""One debt to write off, one write-off to put back, or one credit to take to income.

`balance_pence` is that on which it rests, `charges` what was owed of each charge then, where its line may name some of them; NULL where it
names none, or where nobody kept them. `followed`: a story waits for its evidence. `left_out`: a decision left its
line out of a schedule, and nobody has worked on it since. Of one that a person closed without putting anything back, `refused_pence` is
the money that was paid by then and is not owed again; what is left of an undone charge is proposed again on `again_on`, which the story
sees to and takes away.
"""
sa.Index(
    "an_account_has_one_open_proposal",
    proposal.c.account,
    unique=True,
    postgresql_where=proposal.c.closed_at.is_(None),
)
sa.Index("proposal_by_status", proposal.c.status, proposal.c.raised_at)
sa.Index("proposal_by_account", proposal.c.account)

proof = sa.Table(
    "proof",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("proposal.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("on", sa.Date, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("letter", sa.Uuid),
    sa.Column("person", sa.Uuid),
    sa.Column("order_kind", sa.Text),
    sa.Column("listed", sa.Boolean),
    sa.UniqueConstraint("letter", name="a_letter_is_evidence_once"),
    sa.CheckConstraint(
        "kind = 'insolvency-order' OR (order_kind IS NULL AND listed IS NULL)", name="only_an_order_of_insolvency_lists_debts"
    ),
    sa.CheckConstraint(
        "order_kind IN ('bankruptcy', 'debt-relief-order', 'voluntary-arrangement')", name="an_order_of_insolvency_is_of_a_known_kind"
    ),
)
"""`order_kind` and `listed` are of an order of insolvency: what it is, and whether it lists the account's debt. None: nobody was asked."""
sa.Index("proof_by_proposal", proof.c.proposal)
sa.Index("proof_by_kind", proof.c.kind)

struck = sa.Table(
    "struck",
    metadata,
    sa.Column("proof", sa.Uuid, sa.ForeignKey("proof.id"), nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.PrimaryKeyConstraint("proof", name="a_proof_is_struck_once"),
    sa.CheckConstraint("btrim(because) <> ''", name="a_proof_is_struck_for_a_reason"),
    sa.CheckConstraint("by NOT IN ('', 'system')", name="a_proof_is_struck_by_a_person"),
)
"""Evidence that was entered in error: it is kept, and counts for nothing."""

participant = sa.Table(
    "participant",
    metadata,
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("proposal.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("since", _INSTANT, nullable=False),
    sa.CheckConstraint("person NOT IN ('', 'system')", name="a_participant_is_a_person"),
)
"""Who may decide no schedule with this proposal on it. Nobody leaves this list."""

BROUGHT_EARLIER = "brought evidence earlier"
"""The part of whoever brought to another proposal what this one rests on too, or struck it there."""

schedule_participant = sa.Table(
    "schedule_participant",
    metadata,
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("since", _INSTANT, nullable=False),
    sa.CheckConstraint("person NOT IN ('', 'system')", name="a_participant_of_a_schedule_is_a_person"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("proposal.id")),
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id")),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="change"),
    sa.CheckConstraint("num_nonnulls(proposal, schedule) = 1", name="an_event_is_of_a_proposal_or_of_a_schedule"),
    sa.CheckConstraint("kind IN ('change', 'standing', 'reminder')", name="an_event_is_of_a_known_kind"),
)
"""`kind`: something happened; it says where the proposal then stood; or somebody was reminded. Only the first begins the wait anew."""
sa.Index("event_by_proposal", event.c.proposal)
sa.Index("event_by_schedule", event.c.schedule)

schedule_line = sa.Table(
    "schedule_line",
    metadata,
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id"), primary_key=True),
    sa.Column("line", sa.Uuid, sa.ForeignKey("proposal.id"), primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("balance_pence", sa.BigInteger, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("vat_pence", sa.BigInteger, nullable=False),
    sa.Column("debtor_total_pence", sa.BigInteger, nullable=False),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("because", sa.Text),
    sa.Column("journal", sa.Uuid),
    sa.Column("beside", ARRAY(sa.Uuid), nullable=False, server_default="{}"),
    sa.Column("rungs", JSONB),
    sa.UniqueConstraint("schedule", "place", name="a_line_has_its_place"),
    sa.UniqueConstraint("journal", name="a_journal_is_of_one_line"),
    sa.CheckConstraint(
        "standing IN ('listed', 'posting', 'posted', 'excepted', 'dropped', 'declined', 'taken-off')", name="a_line_stands_somewhere"
    ),
    sa.CheckConstraint("(standing = 'posted') = (journal IS NOT NULL)", name="a_posted_line_has_its_journal"),
    sa.CheckConstraint("amount_pence > 0 AND vat_pence >= 0 AND debtor_total_pence >= amount_pence", name="a_line_is_within_the_total"),
    sa.CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="a_content_hash_is_a_sha256"),
)
"""What would be posted, as it was when the schedule was made. Only where it stands changes. `beside`: other accounts of the same people.
`rungs`: its evidence; of lines from before it was kept nobody knows it."""
sa.Index(
    "a_proposal_is_on_one_schedule",
    schedule_line.c.line,
    unique=True,
    postgresql_where=schedule_line.c.standing.in_(["listed", "posting"]),
)
sa.Index("listed_lines_of_an_account", schedule_line.c.account, postgresql_where=schedule_line.c.standing.in_(["listed", "posting"]))
sa.Index(
    "listed_lines_beside_an_account",
    schedule_line.c.beside,
    postgresql_using="gin",
    postgresql_where=schedule_line.c.standing == "listed",
)

last_contact = sa.Table(
    "last_contact",
    metadata,
    sa.Column("account", sa.Uuid, primary_key=True),
    sa.Column("on", sa.Date, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True)),
)
"""When somebody last noted on an account that they were in contact with its tenant, as approvals tells. `at`: NULL where nobody kept it."""

schedule_round = sa.Table(
    "schedule_round",
    metadata,
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id"), primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("band_pence", sa.BigInteger, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.Column("begun_at", _INSTANT, nullable=False),
    sa.UniqueConstraint("schedule", "content_hash", name="a_round_has_a_content_of_its_own"),
    sa.CheckConstraint("band_pence > 0 AND total_pence > 0", name="a_round_asks_about_something"),
)

round_line = sa.Table(
    "round_line",
    metadata,
    sa.Column("schedule", sa.Uuid, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("line", sa.Uuid, primary_key=True),
    sa.ForeignKeyConstraint(["schedule", "round"], ["schedule_round.schedule", "schedule_round.round"], name="a_round_line_is_of_a_round"),
    sa.ForeignKeyConstraint(["schedule", "line"], ["schedule_line.schedule", "schedule_line.line"], name="a_round_line_is_a_line"),
)

register = sa.Table(
    "register",
    metadata,
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("proposal.id"), primary_key=True),
    sa.Column("schedule", sa.Uuid, sa.ForeignKey("schedule.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("journal", sa.Uuid, nullable=False),
    sa.Column("undoes", sa.Uuid),
    sa.Column("decision", sa.Uuid, nullable=False),
    sa.Column("posted_on", sa.Date, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("vat_pence", sa.BigInteger, nullable=False),
    sa.Column("parts", JSONB, nullable=False),
    sa.Column("discharged", sa.Boolean, nullable=False),
    sa.Column("reinstated_pence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("release_undone", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("came_back_on", sa.Date),
    sa.UniqueConstraint("journal", name="a_journal_is_registered_once"),
    sa.CheckConstraint(
        "came_back_on IS NULL OR (kind = 'credit-write-on' AND reinstated_pence > 0)", name="only_a_credit_comes_back_on_a_day"
    ),
    sa.CheckConstraint(_KINDS, name="what_is_registered_is_of_a_known_kind"),
    sa.CheckConstraint("amount_pence > 0", name="what_is_registered_is_of_an_amount"),
    sa.CheckConstraint("reinstated_pence BETWEEN 0 AND amount_pence", name="no_more_is_put_back_than_was_written_off"),
)
"""What was posted. A written-off debt stays here; of it only what was put back since may change: of a discharged one nothing, where
no reinstatement says that the release stands no longer, which a trigger asks for."""
sa.Index("register_by_account", register.c.account)
sa.Index("register_by_day", register.c.posted_on)
