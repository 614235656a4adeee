"""What is put back of a write-off whose charges are kept is of charges, whole: without them nothing would ask which those are."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# At the end of the transaction, for the charges are written after it. Each of them is looked at as it is written (migration 0035).
NAMES_ITS_CHARGES = """
CREATE FUNCTION put_back_names_its_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM written_off_charge WHERE write_off = NEW.write_off)
    AND NEW.amount_pence IS DISTINCT FROM (SELECT sum(amount_pence) FROM reinstated_charge WHERE reinstatement = NEW.journal) THEN
    RAISE EXCEPTION 'a reinstatement is of the charges that it names, whole'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_reinstatement_is_of_its_charges';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(NAMES_ITS_CHARGES)
    op.execute(
        "CREATE CONSTRAINT TRIGGER names_its_charges AFTER INSERT ON reinstatement DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION put_back_names_its_charges()"
    )
    op.execute("ALTER TABLE reinstatement ENABLE ALWAYS TRIGGER names_its_charges")
