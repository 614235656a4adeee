"""A listed line knows the other accounts of the same people, so that what happens there is heard for it too."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of lines that were listed before, nobody kept these accounts: the ledger looks at them when it posts, as at every line.
    op.execute("ALTER TABLE schedule_line ADD COLUMN beside UUID[] DEFAULT '{}' NOT NULL")
    op.execute("CREATE INDEX listed_lines_beside_an_account ON schedule_line USING gin (beside) WHERE standing = 'listed'")
