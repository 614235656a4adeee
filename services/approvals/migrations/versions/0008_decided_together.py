"""Green tasks that are decided together: the selection, the signature under it, a result per line; and when somebody last signed in anew.

Each line is a decision of its own, which the trigger of decisions judges as any other; this one binds it to its line.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_tables, grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("selection", "selection_line", "selection_signed", "selection_result")

COLUMNS = (
    "ALTER TABLE decision ADD COLUMN IF NOT EXISTS selection_id UUID",
    "ALTER TABLE desk_session ADD COLUMN IF NOT EXISTS authenticated_at TIMESTAMPTZ",
)

FUNCTIONS = (
    """
CREATE FUNCTION guard_selection() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.made_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_selection_line() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM task t WHERE t.id = NEW.task_id AND t.lane = 'green' AND t.kind = 'refund' AND t.status = 'OPEN'
  AND (t.case_id, t.content_hash, t.amount_pence) = (NEW.case_id, NEW.content_hash, NEW.amount_pence);
  IF NOT FOUND THEN PERFORM refuse('only_the_green_lane_is_decided_together'); END IF;
  IF EXISTS (SELECT FROM selection_signed s WHERE s.selection_id = NEW.selection_id)
  THEN PERFORM refuse('a_selection_keeps_its_caps'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_selection_signed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  chosen selection;
  caps policy;
BEGIN
  SELECT * INTO chosen FROM selection WHERE id = NEW.selection_id;
  SELECT * INTO caps FROM policy WHERE id = policy_in_force('refund');
  IF chosen.person <> NEW.signed_by THEN PERFORM refuse('only_ones_own_selection_is_signed'); END IF;
  IF (NEW.authenticated_at BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute') IS NOT TRUE
  THEN PERFORM refuse('who_decides_many_has_just_signed_in'); END IF;
  IF (SELECT count(*) BETWEEN 1 AND caps.bulk_most_lines AND sum(l.amount_pence) <= caps.bulk_most_pence
      FROM selection_line l WHERE l.selection_id = chosen.id) IS NOT TRUE
  THEN PERFORM refuse('a_selection_keeps_its_caps'); END IF;
  IF (SELECT count(*) FILTER (WHERE l.opened_first) < least(count(*), caps.bulk_opened_first) OR count(*) FILTER (
      WHERE l.opened_first AND NOT EXISTS (
        SELECT FROM case_seen s WHERE s.case_id = l.case_id AND s.person = chosen.person AND s.seen_at >= chosen.made_at)) > 0
      FROM selection_line l WHERE l.selection_id = chosen.id)
  THEN PERFORM refuse('some_are_opened_first'); END IF;
  NEW.signed_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_decision_of_selection() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM selection_line l JOIN selection_signed s USING (selection_id)
  WHERE l.selection_id = NEW.selection_id AND l.task_id = NEW.task_id AND NEW.answer = 'approved' AND s.signed_by = NEW.decided_by
  AND (l.content_hash, l.amount_pence) = (NEW.content_hash, NEW.amount_pence);
  IF NOT FOUND THEN PERFORM refuse('a_line_is_decided_as_it_was_shown'); END IF;
  RETURN NEW;
END $$
""",
)


def upgrade() -> None:
    create_tables(op, __file__)
    for statement in COLUMNS:
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    for table in TABLES:
        if table != "selection_result":
            op.execute(f"CREATE TRIGGER guard BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{table}()")
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER guard")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        grant(op, table, "SELECT, INSERT")
    op.execute(
        "CREATE TRIGGER guard_selection BEFORE INSERT ON decision FOR EACH ROW WHEN (NEW.selection_id IS NOT NULL)"
        " EXECUTE FUNCTION guard_decision_of_selection()"
    )
    op.execute("ALTER TABLE decision ENABLE ALWAYS TRIGGER guard_selection")
