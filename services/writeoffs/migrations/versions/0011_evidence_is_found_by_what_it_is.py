"""Orders of insolvency are found among all evidence, and what an account was proposed for before."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS proof_by_kind ON proof (kind)")
    op.execute("CREATE INDEX IF NOT EXISTS proposal_by_account ON proposal (account)")
