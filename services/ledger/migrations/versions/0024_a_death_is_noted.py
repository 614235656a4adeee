"""That a tenant died is noted at the desk, by somebody who says from where it is known; every word is kept."""

from alembic import op
from chassis.migration import grant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

DEATHS = """
CREATE TABLE death_note (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  person UUID NOT NULL REFERENCES person (id),
  died_on DATE,
  known_from TEXT NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_death_is_known_from_somewhere CHECK (btrim(known_from) <> '')
);

CREATE INDEX death_note_of_a_person ON death_note (person, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON death_note FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE death_note ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in DEATHS.split(";\n"):
        op.execute(statement)
    grant(op, "death_note", "SELECT, INSERT")
    grant(op, "person", "UPDATE (died_on)")
