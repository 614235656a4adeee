"""What each person last did is found without the steps of stories."""

from alembic import op
from chassis.migration import index_commands_of_people

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_commands_of_people(op)
