"""Money in suspense goes onto several accounts: each move says how much, and no more leaves than came."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

AMOUNTS = """
ALTER TABLE suspense_clearing ADD COLUMN amount_pence BIGINT;

ALTER TABLE suspense_clearing DISABLE TRIGGER append_only;

UPDATE suspense_clearing SET amount_pence = item.amount_pence FROM suspense_item AS item WHERE item.journal = suspense_clearing.item;

ALTER TABLE suspense_clearing ENABLE ALWAYS TRIGGER append_only;

ALTER TABLE suspense_clearing
  ALTER COLUMN amount_pence SET NOT NULL,
  ADD CONSTRAINT a_move_from_suspense_moves_something CHECK (amount_pence > 0);

ALTER TABLE suspense_clearing RENAME CONSTRAINT money_leaves_suspense_once TO moves_from_suspense_are_numbered
"""
NO_MORE_THAN_CAME = """
CREATE FUNCTION no_more_leaves_suspense() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM suspense_item AS item WHERE item.journal IN (SELECT moved.item FROM moved) AND item.amount_pence < (
      SELECT sum(clearing.amount_pence) FROM suspense_clearing AS clearing WHERE clearing.item = item.journal
        AND NOT EXISTS (SELECT FROM journal AS back WHERE back.reverses = clearing.journal))
  ) THEN
    RAISE EXCEPTION 'no more leaves suspense than came'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_more_leaves_suspense_than_came';
  END IF;
  RETURN NULL;
END $$
"""
WATCHED = """
CREATE TRIGGER no_more_than_came AFTER INSERT ON suspense_clearing
  REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION no_more_leaves_suspense();

ALTER TABLE suspense_clearing ENABLE ALWAYS TRIGGER no_more_than_came
"""


def upgrade() -> None:
    for statement in AMOUNTS.split(";\n"):
        op.execute(statement)
    op.execute(NO_MORE_THAN_CAME)
    for statement in WATCHED.split(";\n"):
        op.execute(statement)
