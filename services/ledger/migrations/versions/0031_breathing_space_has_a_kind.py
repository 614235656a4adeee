"""A Breathing Space is standard or of a mental health crisis, has a first day, and ends by the figures of dated policy (SI 2020/1311)."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

FIGURES = """
ALTER TABLE ledger_policy
  ADD COLUMN breathing_space_most_days SMALLINT DEFAULT 60 NOT NULL,
  ADD COLUMN breathing_space_once_in_months SMALLINT DEFAULT 12 NOT NULL,
  ADD COLUMN breathing_space_after_treatment_days SMALLINT DEFAULT 30 NOT NULL,
  ADD COLUMN breathing_space_review_from_day SMALLINT DEFAULT 25 NOT NULL,
  ADD COLUMN breathing_space_review_to_day SMALLINT DEFAULT 35 NOT NULL;

ALTER TABLE account_hold ADD COLUMN kind TEXT, ADD COLUMN first_day DATE
"""
# One that runs counts as standard from the day on which it was recorded: it has an end, and the tick that lifts it says so to everybody.
# What was lifted stays as it is; of it nobody knows the kind, and it stands in no other's way.
THOSE_THAT_RUN = """
UPDATE account_hold SET kind = 'standard', first_day = recorded.day, until = least(until, recorded.day + recorded.most_days - 1)
  FROM (SELECT id, CAST(set_at AT TIME ZONE 'Europe/London' AS date) AS day,
          (SELECT breathing_space_most_days FROM ledger_policy
           WHERE in_force_from <= CAST(set_at AT TIME ZONE 'Europe/London' AS date) ORDER BY in_force_from DESC LIMIT 1) AS most_days
        FROM account_hold WHERE hold = 'BREATHING_SPACE' AND lifted_at IS NULL) AS recorded
  WHERE account_hold.id = recorded.id
"""
WHOLE = """
ALTER TABLE account_hold
  ADD CONSTRAINT a_breathing_space_is_of_a_known_kind CHECK (kind IN ('standard', 'mental-health')),
  ADD CONSTRAINT a_breathing_space_has_a_kind_and_a_first_day CHECK (
    CASE WHEN hold = 'BREATHING_SPACE' AND lifted_at IS NULL THEN num_nonnulls(kind, first_day) = 2
    WHEN hold = 'BREATHING_SPACE' THEN num_nonnulls(kind, first_day) IN (0, 2) ELSE num_nonnulls(kind, first_day) = 0 END),
  ADD CONSTRAINT a_standard_breathing_space_has_a_last_day CHECK (kind <> 'standard' OR until IS NOT NULL),
  ADD CONSTRAINT a_hold_does_not_end_before_it_begins CHECK (until >= first_day)
"""


def upgrade() -> None:
    for statement in (*FIGURES.split(";\n"), THOSE_THAT_RUN, WHOLE):
        op.execute(statement)
