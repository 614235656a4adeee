"""When each tenant was last spoken with, as approvals tells: who speaks with us is not untraceable, whenever that is proposed."""

from alembic import op
from chassis.migration import create_tables, grant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables(op, __file__)
    grant(op, "last_contact", 'SELECT, INSERT, UPDATE ("on")')
    op.execute("CREATE TRIGGER is_kept BEFORE DELETE OR TRUNCATE ON last_contact FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute("ALTER TABLE last_contact ENABLE ALWAYS TRIGGER is_kept")
