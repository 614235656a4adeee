"""A line of a bank file says by which account of ours, or by which provider of cash files, it came: two of them may look alike."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

THE_SOURCE = """
ALTER TABLE bank_file_line ADD COLUMN source TEXT;

ALTER TABLE bank_file_line DISABLE TRIGGER append_only;

UPDATE bank_file_line AS line SET source = coalesce(
  (SELECT statement.bank_account FROM bank_statement AS statement
    WHERE statement.bank_file = line.bank_file AND statement.line <= line.line ORDER BY statement.line DESC LIMIT 1),
  CASE file.format WHEN 'allpay' THEN 'allpay' ELSE '' END) FROM bank_file AS file WHERE file.id = line.bank_file;

ALTER TABLE bank_file_line ENABLE ALWAYS TRIGGER append_only;

ALTER TABLE bank_file_line ALTER COLUMN source SET NOT NULL
"""


def upgrade() -> None:
    for statement in THE_SOURCE.split(";\n"):
        op.execute(statement)
