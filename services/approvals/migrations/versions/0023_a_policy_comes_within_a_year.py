"""No policy is laid down for a day more than a year ahead: until it came no other could be."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

GUARD = """
CREATE FUNCTION guard_day_of_policies() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT asked.in_force_from > today() + 366 FROM policy_proposal asked WHERE asked.id = NEW.proposal_id)
  THEN PERFORM refuse('a_policy_comes_within_a_year'); END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(GUARD))
    op.execute(
        "CREATE TRIGGER guard_day BEFORE INSERT ON policy_check FOR EACH ROW WHEN (NEW.answer = 'accepted')"
        " EXECUTE FUNCTION guard_day_of_policies()"
    )
    op.execute("ALTER TABLE policy_check ENABLE ALWAYS TRIGGER guard_day")
