"""When an operator asked that a fact be published again, because its topic was lost."""

from alembic import op
from chassis.migration import let_facts_be_told_again

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    let_facts_be_told_again(op)
