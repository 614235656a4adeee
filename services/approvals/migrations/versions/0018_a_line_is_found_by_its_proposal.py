"""Whether a proposal was ever put to an office is asked by its line, of all schedules' lines."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS schedule_task_line_by_line ON schedule_task_line (line)")
