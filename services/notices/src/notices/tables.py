"""The rows of notices: letters as they were made, and each attempt to send one."""

import sqlalchemy as sa
from chassis.tables import chassis_metadata

metadata = sa.MetaData()

MADE, CLAIMED, SENT, PROBLEM, WITHHELD = "made", "claimed", "sent", "problem", "withheld"
_INSTANT = sa.DateTime(timezone=True)

letter = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("account", sa.Uuid, nullable=False, index=True),
    sa.Column("case_id", sa.Uuid, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("made_at", _INSTANT, nullable=False),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Column("pdf", sa.LargeBinary, nullable=True),
    sa.Column("content", sa.Text, nullable=False, comment="What the letter is made from, as JSON"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("claimed_by", sa.Text, nullable=True, comment="The run of the process that sends it"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("told", sa.Text, nullable=True, comment="The end that the letter tells, as JSON: from it a letter is made anew"),
    sa.CheckConstraint(
        f"status IN ('{MADE}', '{CLAIMED}', '{SENT}', '{PROBLEM}', '{WITHHELD}')", name="a_letter_is_made_claimed_sent_or_a_problem"
    ),
    sa.CheckConstraint("(status IN ('problem', 'withheld')) = (problem IS NOT NULL)", name="a_problem_is_said_in_words"),
    sa.CheckConstraint("(pdf IS NULL) = (sha256 IS NULL)", name="a_pdf_has_its_hash"),
    sa.CheckConstraint("status <> 'sent' OR pdf IS NOT NULL", name="only_a_letter_that_was_made_is_sent"),
)

# A letter that was withheld was never told to anybody: it may be written anew.
sa.Index(
    "a_case_is_told_once_of_each_end",
    letter.c.case_id,
    letter.c.attempt,
    letter.c.kind,
    unique=True,
    postgresql_where=letter.c.status != WITHHELD,
)

sending = sa.Table(
    "sending",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("letter", sa.Uuid, sa.ForeignKey("letter.id"), nullable=False, index=True),
    sa.Column("at", _INSTANT, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("proof", sa.Text, nullable=True, comment="The file's name, or the message's id"),
    sa.Column("by", sa.Text, nullable=True, comment="Who asked that it go out once more"),
    sa.CheckConstraint("how IN ('folder', 'e-mail')", name="a_letter_goes_to_a_folder_or_by_e_mail"),
    sa.CheckConstraint("step IN ('asked', 'begun', 'done', 'refused', 'unknown')", name="an_attempt_begins_and_ends"),
    sa.CheckConstraint("(step = 'asked') = (by IS NOT NULL)", name="a_person_asks_for_it_again"),
    comment="Append-only: the proof of sending",
)

chassis_metadata(metadata)
