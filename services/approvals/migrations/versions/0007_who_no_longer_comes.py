"""After how many days without a sign-in a person is asked about: policy of the council, from 90 days on."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A database that begins today has the column from the first revision.
    op.execute("ALTER TABLE policy ADD COLUMN IF NOT EXISTS unused_after_days smallint NOT NULL DEFAULT 90")
    op.execute("ALTER TABLE policy DROP CONSTRAINT IF EXISTS somebody_may_be_away_for_a_day")
    op.execute("ALTER TABLE policy ADD CONSTRAINT somebody_may_be_away_for_a_day CHECK (unused_after_days > 0)")
