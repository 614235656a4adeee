"""The provision for bad debts: expected loss by dated policy, and what was posted at each month's end."""

import json
from datetime import date
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from chassis.migration import grant
from ledger.domain.posting import CONTROL_ACCOUNTS, Control

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PROVISION = """
INSERT INTO posting_code (code, words, part, contra) VALUES ('PRV', 'Provision for bad debts', 'write-offs', 'BAD_DEBT_PROVISION');

INSERT INTO clearing_rule (code, in_force_from, working_days, reason) VALUES ('PRV', DATE '2020-04-06', 0, 'no money comes in');

ALTER TABLE journal ADD CONSTRAINT a_provision_is_corrected_by_the_next CHECK (reverses IS NULL OR code <> 'PRV');

CREATE TABLE provision_policy (
  in_force_from DATE PRIMARY KEY,
  version TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL
);

CREATE TABLE provision_rate (
  in_force_from DATE NOT NULL REFERENCES provision_policy (in_force_from),
  status TEXT NOT NULL,
  from_days INTEGER NOT NULL,
  basis_points INTEGER NOT NULL,
  PRIMARY KEY (in_force_from, status, from_days),
  CONSTRAINT a_tenant_is_current_or_former CHECK (status IN ('current', 'former')),
  CONSTRAINT an_age_is_not_below_nothing CHECK (from_days >= 0),
  CONSTRAINT no_more_is_lost_than_is_owed CHECK (basis_points BETWEEN 0 AND 10000)
);

CREATE TABLE posted_provision (
  month_end DATE PRIMARY KEY,
  journal UUID REFERENCES journal (id),
  report JSONB NOT NULL,
  posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  posted_by TEXT NOT NULL,
  CONSTRAINT a_provision_is_of_a_months_end CHECK (extract(day FROM month_end + 1) = 1)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posted_provision FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE posted_provision ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    control = Control.BAD_DEBT_EXPENSE
    account = sa.text(
        "INSERT INTO account (id, reference, kind, status, balance_pence) VALUES (:id, :reference, 'CONTROL', 'CURRENT', NULL) "
        "ON CONFLICT (id) DO NOTHING"
    )
    op.get_bind().execute(account, {"id": CONTROL_ACCOUNTS[control], "reference": control.value})
    for statement in PROVISION.split(";\n"):
        op.execute(statement)
    _first_policy()
    for table in ("provision_policy", "provision_rate"):
        grant(op, table, "SELECT")
    grant(op, "posted_provision", "SELECT, INSERT")


def _first_policy() -> None:
    told = json.loads(files("ledger").joinpath("data/provision.json").read_text(encoding="utf-8"))
    since = date.fromisoformat(told["in_force_from"])
    policy = sa.table("provision_policy", sa.column("in_force_from"), sa.column("version"), sa.column("source"))
    op.bulk_insert(policy, [{"in_force_from": since, "version": told["version"], "source": told["source"]}])
    rate = sa.table("provision_rate", *(sa.column(name) for name in ("in_force_from", "status", "from_days", "basis_points")))
    op.bulk_insert(rate, [{"in_force_from": since, **row} for row in told["rates"]])
