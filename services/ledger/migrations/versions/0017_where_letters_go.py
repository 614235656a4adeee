"""Where letters about a tenancy go, once it is not its home: entered by somebody, and kept."""

from alembic import op
from chassis.migration import grant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ADDRESSES = """
CREATE TABLE letter_address (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenancy UUID NOT NULL REFERENCES tenancy (id),
  addressee TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT,
  known_from TEXT NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_letter_goes_to_tenants_or_to_an_estate CHECK (addressee IN ('tenants', 'estate')),
  CONSTRAINT an_address_says_where CHECK (address IS NULL OR btrim(address) <> ''),
  CONSTRAINT an_address_is_known_from_somewhere CHECK (btrim(known_from) <> '')
);

CREATE INDEX letter_address_of_a_tenancy ON letter_address (tenancy, addressee, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON letter_address FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE letter_address ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in ADDRESSES.split(";\n"):
        op.execute(statement)
    grant(op, "letter_address", "SELECT, INSERT")
