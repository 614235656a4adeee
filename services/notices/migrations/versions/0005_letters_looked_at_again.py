"""A letter keeps the end that it tells, so that one that waits can be looked at again before it goes out, and written anew."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A database that begins today has it from the first revision.
    op.execute("ALTER TABLE letter ADD COLUMN IF NOT EXISTS told TEXT")
    op.execute("COMMENT ON COLUMN letter.told IS 'The end that the letter tells, as JSON: from it a letter is made anew'")
