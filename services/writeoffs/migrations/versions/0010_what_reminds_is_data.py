"""An entry of a history says by a code whether anything happened, and a line that was left out waits for a person."""

from alembic import op
from chassis.migration import grant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = """
ALTER TABLE event ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'change',
  ADD CONSTRAINT an_event_is_of_a_known_kind CHECK (kind IN ('change', 'standing', 'reminder'))
"""

TOLD_SO_FAR = """
UPDATE event SET kind = CASE WHEN what LIKE 'now %' THEN 'standing' ELSE 'reminder' END
WHERE proposal IS NOT NULL AND (what LIKE 'now %' OR what IN ('still waits for somebody', 'evidence is still wanted'))
"""

# Without a story of its own, until somebody works on it: what is written here starts none.
LEFT_OUT = """
UPDATE proposal SET left_out = true WHERE status = 'blocked' AND NOT followed
"""


def upgrade() -> None:
    op.execute("ALTER TABLE proposal ADD COLUMN IF NOT EXISTS left_out boolean NOT NULL DEFAULT false")
    grant(op, "proposal", "UPDATE (left_out)")
    op.execute(LEFT_OUT)
    op.execute(KINDS)
    # Nothing that was told changes: what it is gets a name of its own.
    op.execute("ALTER TABLE event DISABLE TRIGGER is_kept")
    op.execute(TOLD_SO_FAR)
    op.execute("ALTER TABLE event ENABLE ALWAYS TRIGGER is_kept")
