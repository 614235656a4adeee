"""Of which tenant a piece of evidence is true, where it is not true of all."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE proof ADD COLUMN person uuid")
