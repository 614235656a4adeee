"""A policy is laid down only after every other of its kind: whoever made a later one could gain by what is put before it.

A later policy was compared with the table that was in force before it when it was checked. One that lowers a limit in between would make of
the same row a higher limit.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# It fires after `guard` (triggers fire by name), which holds the lock of the kind.
GUARD = """
CREATE FUNCTION guard_order_of_policies() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM policy_proposal asked JOIN policy later ON later.kind = asked.kind AND later.in_force_from > asked.in_force_from
    WHERE asked.id = NEW.proposal_id
  ) THEN PERFORM refuse('a_policy_comes_after_those_laid_down'); END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(GUARD))
    op.execute(
        "CREATE TRIGGER guard_order BEFORE INSERT ON policy_check FOR EACH ROW WHEN (NEW.answer = 'accepted')"
        " EXECUTE FUNCTION guard_order_of_policies()"
    )
    op.execute("ALTER TABLE policy_check ENABLE ALWAYS TRIGGER guard_order")
