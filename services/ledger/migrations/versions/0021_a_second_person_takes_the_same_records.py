"""Records that an earlier file has are taken again where a second person said that they are new: such a file names the earlier one."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX the_same_records_are_taken_once")
    op.execute("CREATE UNIQUE INDEX the_same_records_are_taken_once ON bank_file (records_hash) WHERE status = 'TAKEN' AND earlier IS NULL")
