"""A line keeps its evidence as it was when it was made: what comes later does not change on what it was decided."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The role may insert whole rows of this table and update none of these: there is nothing to grant.
    op.execute("ALTER TABLE schedule_line ADD COLUMN rungs JSONB")
