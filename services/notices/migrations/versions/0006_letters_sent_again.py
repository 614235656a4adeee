"""A person may ask that a letter which went out go out once more; who asked stands beside the proofs."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STEPS = "an_attempt_begins_and_ends"
ASKED = "a_person_asks_for_it_again"


def upgrade() -> None:
    # A database that begins today has it from the first revision.
    op.execute("ALTER TABLE sending ADD COLUMN IF NOT EXISTS by TEXT")
    op.execute("COMMENT ON COLUMN sending.by IS 'Who asked that it go out once more'")
    for name, rule in (
        (STEPS, "step IN ('asked', 'begun', 'done', 'refused', 'unknown')"),
        (ASKED, "(step = 'asked') = (by IS NOT NULL)"),
    ):
        op.execute(f"ALTER TABLE sending DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} CHECK ({rule})")
