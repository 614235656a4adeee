"""A person says which payment a return in suspense takes back, and may take that word back: both are then posted again."""

from alembic import op
from chassis.migration import grant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE matched_return (
  item UUID PRIMARY KEY REFERENCES suspense_item (journal),
  payment UUID NOT NULL REFERENCES journal (id),
  matched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  matched_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT a_payment_comes_back_once UNIQUE (payment),
  CONSTRAINT a_match_has_a_reason CHECK (btrim(reason) <> '')
);

CREATE TABLE unmatched_return (
  item UUID PRIMARY KEY REFERENCES matched_return (item),
  unmatched_at TIMESTAMP WITH TIME ZONE NOT NULL,
  unmatched_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT an_undone_match_has_a_reason CHECK (btrim(reason) <> '')
);

CREATE TABLE posted_again (
  journal UUID PRIMARY KEY REFERENCES journal (id),
  repeats UUID NOT NULL REFERENCES journal (id),
  first UUID NOT NULL REFERENCES journal (id),
  CONSTRAINT a_journal_is_posted_again_once UNIQUE (repeats)
);

CREATE INDEX posted_again_first_idx ON posted_again (first)
"""
TAKES_BACK_ITS_OWN_AMOUNT = """
CREATE FUNCTION a_return_meets_its_payment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM said JOIN suspense_item AS item ON item.journal = said.item WHERE item.amount_pence >= 0
      OR NOT EXISTS (SELECT FROM journal AS undone WHERE undone.reverses = said.item)
      OR NOT EXISTS (SELECT FROM journal AS undone WHERE undone.reverses = said.payment)
      OR item.amount_pence <> -(SELECT sum(entry.amount_pence) FROM entry JOIN account ON account.id = entry.account
        WHERE entry.journal = said.payment AND account.reference = 'BANK')
  ) THEN
    RAISE EXCEPTION 'a return takes back a payment of its amount, and both are undone'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_return_takes_back_its_own_amount';
  END IF;
  RETURN NULL;
END $$
"""
POSTED_AGAIN_AFTER_ALL = """
CREATE FUNCTION posted_again_only_as_it_was() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM again WHERE NOT EXISTS (
        SELECT FROM matched_return AS said JOIN unmatched_return AS unsaid ON unsaid.item = said.item
        WHERE again.repeats IN (said.item, said.payment))
      OR EXISTS (
        SELECT FROM entry WHERE entry.journal IN (again.journal, again.repeats) GROUP BY entry.account, entry.element
        HAVING sum(entry.amount_pence) FILTER (WHERE entry.journal = again.journal)
          IS DISTINCT FROM sum(entry.amount_pence) FILTER (WHERE entry.journal = again.repeats))
  ) THEN
    RAISE EXCEPTION 'what is posted again is what an undone match took back'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'what_is_posted_again_was_undone_by_a_match';
  END IF;
  RETURN NULL;
END $$
"""
WATCHED = """
CREATE TRIGGER its_own_amount AFTER INSERT ON matched_return
  REFERENCING NEW TABLE AS said FOR EACH STATEMENT EXECUTE FUNCTION a_return_meets_its_payment();

ALTER TABLE matched_return ENABLE ALWAYS TRIGGER its_own_amount;

CREATE TRIGGER only_as_it_was AFTER INSERT ON posted_again
  REFERENCING NEW TABLE AS again FOR EACH STATEMENT EXECUTE FUNCTION posted_again_only_as_it_was();

ALTER TABLE posted_again ENABLE ALWAYS TRIGGER only_as_it_was
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for function in (TAKES_BACK_ITS_OWN_AMOUNT, POSTED_AGAIN_AFTER_ALL):
        op.execute(function)
    for statement in WATCHED.split(";\n"):
        op.execute(statement)
    for table in ("matched_return", "unmatched_return", "posted_again"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        grant(op, table, "SELECT, INSERT")
