"""Payment plans, open Housing Benefit claims, and holds that end by themselves: while they stand, no debt is written off."""

from alembic import op
from chassis.migration import grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STANDS_IN_THE_WAY = """
ALTER TABLE account_hold ADD COLUMN until DATE;

CREATE INDEX holds_that_end_by_themselves ON account_hold (until) WHERE lifted_at IS NULL AND until IS NOT NULL;

CREATE TABLE housing_benefit_claim (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account UUID NOT NULL REFERENCES account (id),
  since DATE NOT NULL,
  reason TEXT NOT NULL,
  noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  noted_by TEXT NOT NULL,
  decided_on DATE,
  decided_because TEXT,
  decided_at TIMESTAMP WITH TIME ZONE,
  decided_by TEXT,
  CONSTRAINT a_claim_is_decided_whole CHECK (num_nonnulls(decided_on, decided_because, decided_at, decided_by) IN (0, 4))
);

CREATE UNIQUE INDEX an_account_has_one_open_claim ON housing_benefit_claim (account) WHERE decided_at IS NULL;

CREATE TABLE payment_plan (
  id UUID PRIMARY KEY,
  account UUID NOT NULL REFERENCES account (id),
  agreed_on DATE NOT NULL,
  instalment_pence BIGINT NOT NULL,
  rhythm TEXT NOT NULL,
  first_due_on DATE NOT NULL,
  noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  noted_by TEXT NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  ended_by TEXT,
  ended_because TEXT,
  CONSTRAINT an_instalment_is_of_something CHECK (instalment_pence > 0),
  CONSTRAINT a_plan_has_a_known_rhythm CHECK (rhythm IN ('weekly', 'fortnightly', 'monthly')),
  CONSTRAINT a_plan_begins_when_it_is_agreed CHECK (first_due_on >= agreed_on),
  CONSTRAINT a_plan_ends_whole CHECK (num_nonnulls(ended_at, ended_by, ended_because) IN (0, 3))
);

CREATE UNIQUE INDEX an_account_has_one_plan ON payment_plan (account) WHERE ended_at IS NULL
"""


def upgrade() -> None:
    for statement in STANDS_IN_THE_WAY.split(";\n"):
        op.execute(statement)
    grant(op, "housing_benefit_claim", "SELECT, INSERT, UPDATE (decided_on, decided_because, decided_at, decided_by)")
    grant(op, "payment_plan", "SELECT, INSERT, UPDATE (ended_at, ended_by, ended_because)")
