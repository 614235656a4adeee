"""The bytes of an earlier file are taken again where a second person said that its one payment came twice: it names the earlier file."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX the_same_bytes_are_taken_once")
    op.execute("CREATE UNIQUE INDEX the_same_bytes_are_taken_once ON bank_file (sha256) WHERE status = 'TAKEN' AND earlier IS NULL")
