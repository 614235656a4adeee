"""A write-off keeps which charges it wrote off and what was put back of each, and until when an order has released whoever owes it."""

from alembic import op
from chassis.migration import grant

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# Of what was written off before, nobody kept the charges. It goes on counting as a credit, which pays the oldest first.
TABLES = """
ALTER TABLE written_off ADD COLUMN released_until DATE;

CREATE TABLE written_off_charge (
  write_off UUID NOT NULL REFERENCES written_off (journal),
  charge UUID NOT NULL REFERENCES journal (id),
  element TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  PRIMARY KEY (write_off, charge, element),
  CONSTRAINT something_of_a_charge_is_written_off CHECK (amount_pence > 0)
);

CREATE INDEX write_offs_of_a_charge ON written_off_charge (charge);

CREATE TABLE reinstated_charge (
  reinstatement UUID NOT NULL REFERENCES reinstatement (journal),
  charge UUID NOT NULL REFERENCES journal (id),
  element TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  PRIMARY KEY (reinstatement, charge, element),
  CONSTRAINT something_of_a_charge_is_put_back CHECK (amount_pence > 0)
);

CREATE INDEX reinstatements_of_a_charge ON reinstated_charge (charge)
"""

OF_ITS_CHARGES = """
CREATE FUNCTION written_off_of_its_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT off.account, named.charge, named.element
                 FROM named JOIN written_off AS off ON off.journal = named.write_off) AS one
    WHERE (SELECT sum(part.amount_pence) FROM written_off_charge AS part JOIN written_off AS off ON off.journal = part.write_off
           WHERE part.charge = one.charge AND part.element = one.element AND off.account = one.account)
        - (SELECT coalesce(sum(part.amount_pence), 0) FROM reinstated_charge AS part
           JOIN reinstatement AS back ON back.journal = part.reinstatement JOIN written_off AS off ON off.journal = back.write_off
           WHERE part.charge = one.charge AND part.element = one.element AND off.account = one.account)
        > (SELECT coalesce(sum(entry.amount_pence), 0) FROM entry WHERE entry.journal = one.charge AND entry.account = one.account
           AND entry.element = one.element AND entry.amount_pence > 0)
  ) THEN
    RAISE EXCEPTION 'no more of a charge is written off than it was'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_more_of_a_charge_is_written_off_than_it_was';
  END IF;
  IF EXISTS (
    SELECT FROM (SELECT write_off AS journal, element, sum(amount_pence) AS pence FROM named GROUP BY 1, 2) AS told
    FULL JOIN (SELECT entry.journal, entry.element, -sum(entry.amount_pence) AS pence
               FROM entry JOIN written_off AS off ON off.journal = entry.journal AND off.account = entry.account
               WHERE off.journal IN (SELECT write_off FROM named) GROUP BY 1, 2) AS posted USING (journal, element)
    WHERE told.pence IS DISTINCT FROM posted.pence
  ) THEN
    RAISE EXCEPTION 'a write-off is of the charges that it names, whole' USING ERRCODE = 'check_violation', CONSTRAINT = 'a_write_off_is_of_its_charges';
  END IF;
  RETURN NULL;
END $$
"""  # noqa: E501

OF_THOSE_CHARGES = """
CREATE FUNCTION put_back_of_those_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
    WHERE journal.effective_date <= off.released_until
  ) THEN
    RAISE EXCEPTION 'what an order has released is never put back'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'what_an_order_has_released_is_never_put_back';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    grant(op, "written_off", "INSERT (released_until)")
    for table, function, body in (
        ("written_off_charge", "written_off_of_its_charges", OF_ITS_CHARGES),
        ("reinstated_charge", "put_back_of_those_charges", OF_THOSE_CHARGES),
    ):
        op.execute(body)
        _always(table, function, "AFTER INSERT", f"REFERENCING NEW TABLE AS named FOR EACH STATEMENT EXECUTE FUNCTION {function}()")
        _always(table, "append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION append_only()")
        grant(op, table, "SELECT, INSERT")


def _always(table: str, name: str, moment: str, rest: str) -> None:
    """A trigger that fires under `session_replication_role = replica` too."""
    op.execute(f"CREATE TRIGGER {name} {moment} ON {table} {rest}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
