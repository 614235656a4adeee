"""What was written off of a charge that was undone comes back whatever the law has released: nobody owes it, and nobody paid its credit."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# The charges of what is put back are written after it: here it is held against what was written off of undone charges in all.
PUT_BACK = """
CREATE OR REPLACE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM put JOIN written_off AS off ON off.journal = put.write_off WHERE off.discharged AND NOT put.release_undone
      AND (SELECT sum(back.amount_pence) FROM reinstatement AS back WHERE back.write_off = off.journal AND NOT back.release_undone)
        > (SELECT coalesce(sum(part.amount_pence), 0) FROM written_off_charge AS part
           JOIN journal AS undoing ON undoing.reverses = part.charge WHERE part.write_off = off.journal)
  ) THEN
    RAISE EXCEPTION 'a discharged debt is never put back, unless its release stands no longer or its charge was undone'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_discharged_debt_is_never_put_back';
  END IF;
  UPDATE written_off SET reinstated_pence = reinstated_pence + back.pence
    FROM (SELECT write_off, sum(amount_pence) AS pence FROM put GROUP BY write_off) AS back
    WHERE written_off.journal = back.write_off;
  RETURN NULL;
END $$
"""

OF_THOSE_CHARGES = """
CREATE OR REPLACE FUNCTION put_back_of_those_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT back.write_off, named.charge, named.element
                 FROM named JOIN reinstatement AS back ON back.journal = named.reinstatement) AS one
    WHERE (SELECT sum(part.amount_pence) FROM reinstated_charge AS part JOIN reinstatement AS back ON back.journal = part.reinstatement
           WHERE back.write_off = one.write_off AND part.charge = one.charge AND part.element = one.element)
        > (SELECT coalesce(sum(part.amount_pence), 0) FROM written_off_charge AS part
           WHERE part.write_off = one.write_off AND part.charge = one.charge AND part.element = one.element)
  ) THEN
    RAISE EXCEPTION 'no more of a charge is put back than was written off of it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_more_of_a_charge_is_put_back_than_was_written_off';
  END IF;
  IF EXISTS (
    SELECT FROM (SELECT reinstatement AS journal, element, sum(amount_pence) AS pence FROM named GROUP BY 1, 2) AS told
    FULL JOIN (SELECT entry.journal, entry.element, sum(entry.amount_pence) AS pence
               FROM entry JOIN reinstatement AS back ON back.journal = entry.journal
               JOIN written_off AS off ON off.journal = back.write_off AND off.account = entry.account
               WHERE back.journal IN (SELECT reinstatement FROM named) GROUP BY 1, 2) AS posted USING (journal, element)
    WHERE told.pence IS DISTINCT FROM posted.pence
  ) THEN
    RAISE EXCEPTION 'a reinstatement is of the charges that it names, whole'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_reinstatement_is_of_its_charges';
  END IF;
  IF EXISTS (
    SELECT FROM named JOIN reinstatement AS back ON back.journal = named.reinstatement
    JOIN written_off AS off ON off.journal = back.write_off JOIN journal ON journal.id = named.charge
    WHERE (off.discharged OR journal.effective_date <= off.released_until) AND NOT back.release_undone
      AND NOT EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = named.charge)
  ) THEN
    RAISE EXCEPTION 'what an order has released is never put back, unless it is of a charge that was undone'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'what_an_order_has_released_is_never_put_back';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(PUT_BACK)
    op.execute(OF_THOSE_CHARGES)
