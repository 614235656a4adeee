"""A letter about arrears is withheld where Breathing Space has begun since it was written, and may be written anew."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ONCE = "a_case_is_told_once_of_each_end"
STATUS = "a_letter_is_made_claimed_sent_or_a_problem"
WORDS = "a_problem_is_said_in_words"


def upgrade() -> None:
    op.execute(f"ALTER TABLE letter DROP CONSTRAINT IF EXISTS {ONCE}")
    op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS {ONCE} ON letter (case_id, attempt, kind) WHERE status <> 'withheld'")
    for name, rule in (
        (STATUS, "status IN ('made', 'claimed', 'sent', 'problem', 'withheld')"),
        (WORDS, "(status IN ('problem', 'withheld')) = (problem IS NOT NULL)"),
    ):
        op.execute(f"ALTER TABLE letter DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({rule})")
