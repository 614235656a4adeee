"""What a person has decided not to put back: money that was paid, and until when of a charge that was undone."""

from alembic import op
from chassis.migration import grant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of proposals that were closed before nobody kept it: their money is proposed once more, when something moves the account.
    op.execute("ALTER TABLE proposal ADD COLUMN refused_pence BIGINT, ADD COLUMN again_on DATE")
    op.execute("ALTER TABLE proposal ADD CONSTRAINT what_is_refused_is_an_amount CHECK (refused_pence > 0)")
    op.execute("ALTER TABLE proposal ADD CONSTRAINT what_is_set_aside_is_closed CHECK (again_on IS NULL OR closed_at IS NOT NULL)")
    grant(op, "proposal", "UPDATE (refused_pence, again_on)")
