"""Cases are listed and counted by where they stand, however many have ended."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX cases_by_where_they_stand ON refund_case (status, opened_at)")
