"""The chassis tables and the counter's own."""

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_chassis_tables, grant

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables(op)
    op.create_table("count", sa.Column("key", sa.Text, primary_key=True), sa.Column("version", sa.BigInteger, nullable=False))
    op.create_table(
        "effect",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    grant(op, "count", "SELECT, INSERT, UPDATE")
    grant(op, "effect", "SELECT, INSERT")
