"""A body decides on what was put to it: its minute is of a meeting not earlier than the round that it decides."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

GUARD = """
CREATE OR REPLACE FUNCTION guard_minute() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
  held authority;
  begun timestamptz;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  SELECT * INTO held FROM authority WHERE id = made.authority_id;
  IF (held.body = NEW.body) IS NOT TRUE THEN PERFORM refuse('a_minute_is_of_the_body_that_decided'); END IF;
  IF NEW.met_on > today() THEN PERFORM refuse('a_body_has_met_before'); END IF;
  SELECT min(t.opened_at) INTO begun FROM task t WHERE (t.case_id, t.attempt, t.round) = (made.case_id, made.attempt, made.round);
  IF NEW.met_on < (begun AT TIME ZONE 'Europe/London')::date THEN PERFORM refuse('a_body_decides_what_was_put_to_it'); END IF;
  IF made.decided_at <> now() THEN PERFORM refuse('a_minute_comes_with_its_decision'); END IF;
  NEW.recorded_at := now();
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(GUARD.replace(":=", r"\:=")))
