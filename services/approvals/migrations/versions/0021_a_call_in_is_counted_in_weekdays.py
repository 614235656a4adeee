"""A decision of members waits out its call-in in weekdays, as its row says too: it counted any days.

Bank holidays are for the use case, which knows those that were proclaimed, and for `./rentbook check`: no row here says which they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FUNCTIONS = (
    # The weekday that is so many weekdays (from 1) after a day, which itself does not count.
    """
CREATE FUNCTION weekdays_after(day date, weekdays integer) RETURNS date LANGUAGE sql SET search_path = public, pg_temp IMMUTABLE AS $$
  SELECT day + ahead FROM generate_series(1, 2 * weekdays + 2) AS ahead
  WHERE extract(isodow FROM day + ahead) < 6 ORDER BY ahead OFFSET weekdays - 1 LIMIT 1
$$
""",
    """
CREATE OR REPLACE FUNCTION guard_schedule_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked task;
  held authority;
BEGIN
  SELECT * INTO asked FROM task WHERE id = NEW.task_id;
  SELECT * INTO held FROM authority WHERE id = NEW.authority_id;
  IF asked.kind <> 'write-off' THEN
    IF NEW.carried_out_from IS NOT NULL THEN PERFORM refuse('only_a_schedule_waits_to_be_carried_out'); END IF;
    RETURN NEW;
  END IF;
  -- From the day after the last of its call-in; where it has none, from today.
  IF (CASE WHEN held.call_in_working_days > 0 THEN NEW.carried_out_from > weekdays_after(today(), held.call_in_working_days)
      ELSE NEW.carried_out_from >= today() END) IS NOT TRUE
  THEN PERFORM refuse('a_decision_of_members_waits_out_its_call_in'); END IF;
  IF held.from_pence > asked.amount_pence THEN
    IF held.body IS NOT NULL OR held.role IN ('executive-member', 'democratic-services')
    THEN PERFORM refuse('a_member_decides_what_they_are_asked'); END IF;
    IF asked.stages > 1 THEN PERFORM refuse('authority_is_for_this_stage'); END IF;
  END IF;
  RETURN NEW;
END $$
""",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
