"""A booked entry is known by its own reference, however it is itemised, and by the other one that it carries, with its amount."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

EVERY_REFERENCE = """
ALTER TABLE booked_entry ADD COLUMN other_reference TEXT, ADD COLUMN amount_pence BIGINT;

ALTER TABLE booked_entry DISABLE TRIGGER append_only;

UPDATE booked_entry AS booked SET amount_pence = line.amount_pence FROM bank_file_line AS line
  WHERE line.bank_file = booked.bank_file AND line.entry_reference = booked.entry_reference AND line.journal IS NOT NULL;

INSERT INTO booked_entry (bank_account, entry_reference, bank_file, amount_pence)
  SELECT bank_account, regexp_replace(entry_reference, '#[0-9]+$', '') AS whole, bank_file, sum(amount_pence) FROM booked_entry
  WHERE entry_reference ~ '#[0-9]+$' GROUP BY bank_account, whole, bank_file HAVING count(*) > 1
  ON CONFLICT DO NOTHING;

ALTER TABLE booked_entry ENABLE ALWAYS TRIGGER append_only;

ALTER TABLE booked_entry ALTER COLUMN amount_pence SET NOT NULL;

CREATE INDEX entries_by_their_other_reference ON booked_entry (bank_account, other_reference) WHERE other_reference IS NOT NULL
"""


def upgrade() -> None:
    for statement in EVERY_REFERENCE.split(";\n"):
        op.execute(statement)
