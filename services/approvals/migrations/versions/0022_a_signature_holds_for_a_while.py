"""What was signed for together is decided soon after, or signed for anew."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION guard_decision_of_selection() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  signature timestamptz;
BEGIN
  SELECT s.signed_at INTO signature FROM selection_line l JOIN selection_signed s USING (selection_id)
  WHERE l.selection_id = NEW.selection_id AND l.task_id = NEW.task_id AND NEW.answer = 'approved' AND s.signed_by = NEW.decided_by
  AND (l.content_hash, l.amount_pence) = (NEW.content_hash, NEW.amount_pence);
  IF NOT FOUND THEN PERFORM refuse('a_line_is_decided_as_it_was_shown'); END IF;
  IF signature < now() - interval '30 minutes' THEN PERFORM refuse('a_signature_holds_for_a_while'); END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(FUNCTION)
