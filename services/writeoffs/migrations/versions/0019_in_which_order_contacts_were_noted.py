"""When each tenant was last spoken with keeps its moment: what was done on the same day may have been done before or after that."""

from alembic import op
from chassis.migration import grant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of what was noted before nobody kept the moment: it goes on ending what was done that day.
    op.execute("ALTER TABLE last_contact ADD COLUMN at TIMESTAMP WITH TIME ZONE")
    grant(op, "last_contact", "UPDATE (at)")
