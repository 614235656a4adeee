"""Authority of a member, and of whoever records what a body decided, passes to somebody of the same role only.

A member is consulted beside an officer: by lent authority two officers could decide what is for two sides.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

GUARD = """
CREATE FUNCTION guard_office() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  held authority;
BEGIN
  SELECT * INTO held FROM authority WHERE id = NEW.authority_id;
  IF held.body IS NULL AND held.role NOT IN ('executive-member', 'democratic-services') THEN RETURN NEW; END IF;
  -- Each hand through which it went is a taker of the chain, the last of them the decider.
  IF held.role <> ALL (NEW.roles) OR EXISTS (
    SELECT FROM delegation d LEFT JOIN staff s ON s.subject = d.taker WHERE d.id = ANY (NEW.delegations)
    AND (held.role = ANY (s.roles)) IS NOT TRUE
  ) THEN PERFORM refuse('what_comes_with_an_office_stays_with_it'); END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(GUARD.replace(":=", r"\:=")))
    op.execute(
        "CREATE TRIGGER guard_office BEFORE INSERT ON decision FOR EACH ROW WHEN (cardinality(NEW.delegations) > 0)"
        " EXECUTE FUNCTION guard_office()"
    )
    op.execute("ALTER TABLE decision ENABLE ALWAYS TRIGGER guard_office")
