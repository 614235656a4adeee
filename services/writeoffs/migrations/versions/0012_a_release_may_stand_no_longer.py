"""A discharged debt is put back where the reinstatement says that no law releases it after all: its order was taken back."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UNDONE = """
CREATE FUNCTION discharged_stays_discharged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM register AS back WHERE back.undoes = NEW.journal AND back.release_undone) THEN
    RAISE EXCEPTION 'a discharged debt is never put back, unless its release stands no longer'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_discharged_debt_is_never_put_back';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute("ALTER TABLE register ADD COLUMN release_undone BOOLEAN DEFAULT false NOT NULL")
    op.execute("ALTER TABLE register DROP CONSTRAINT a_discharged_debt_is_never_put_back")
    op.execute(UNDONE)
    op.execute(
        "CREATE TRIGGER discharged_stays_discharged BEFORE INSERT OR UPDATE ON register "
        "FOR EACH ROW WHEN (NEW.discharged AND NEW.reinstated_pence > 0) EXECUTE FUNCTION discharged_stays_discharged()"
    )
    op.execute("ALTER TABLE register ENABLE ALWAYS TRIGGER discharged_stays_discharged")
