"""A member or a body decides a write-off from the amount on from which the table asks for them: what is smaller is for officers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

GUARD = """
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
  IF (NEW.carried_out_from >= today() + held.call_in_working_days) IS NOT TRUE
  THEN PERFORM refuse('a_decision_of_members_waits_out_its_call_in'); END IF;
  IF held.from_pence > asked.amount_pence THEN
    IF held.body IS NOT NULL OR held.role IN ('executive-member', 'democratic-services')
    THEN PERFORM refuse('a_member_decides_what_they_are_asked'); END IF;
    IF asked.stages > 1 THEN PERFORM refuse('authority_is_for_this_stage'); END IF;
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(GUARD.replace(":=", r"\:=")))
