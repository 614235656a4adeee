"""Who lifted a hold, decided a claim or ended a plan stands behind what is decided since: it is written once and stays."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ENDED_STAYS = """
CREATE FUNCTION what_ended_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what has ended in % stays as it is', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_has_ended_stays';
END $$
"""
ENDS = (("account_hold", "lifted_at"), ("housing_benefit_claim", "decided_at"), ("payment_plan", "ended_at"))


def upgrade() -> None:
    op.execute(ENDED_STAYS)
    for table, ended in ENDS:
        op.execute(
            f"CREATE TRIGGER ended_stays BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.{ended} IS NOT NULL) "
            "EXECUTE FUNCTION what_ended_stays()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER ended_stays")
