"""A booked entry whose bank numbers it anew is known by its other reference, its amount and the day on which it was booked."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

THE_DAY = """
ALTER TABLE booked_entry ADD COLUMN booked_on DATE;

ALTER TABLE booked_entry DISABLE TRIGGER append_only;

UPDATE booked_entry AS booked SET booked_on = line.effective_date FROM bank_file_line AS line
  WHERE line.bank_file = booked.bank_file AND line.journal IS NOT NULL
  AND line.entry_reference IN (booked.entry_reference, booked.entry_reference || '#1');

ALTER TABLE booked_entry ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in THE_DAY.split(";\n"):
        op.execute(statement)
