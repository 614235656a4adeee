"""The ledger: accounts, journals, holds, bank files, the first policy, and what the database itself refuses."""

import json
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_chassis_tables, create_tables, grant
from ledger.domain.posting import CONTROL_ACCOUNTS
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "journal",
    "entry",
    "accepted_posting",
    "seal",
    "debited_week",
    "opened_estate",
    "heard_decision",
    "heard_recall",
    "bank_file",
    "bank_file_fault",
    "bank_file_line",
    "booked_entry",
    "suspense_item",
)
POLICY = (
    "posting_code",
    "clearing_rule",
    "rent_group",
    "free_week",
    "bank_holiday_override",
    "reference_scheme",
    "receipt_methods",
    "own_account",
    "ledger_policy",
)
CHANGED_IN_PLACE = (
    ("property", "SELECT, INSERT"),
    ("person", "SELECT, INSERT"),
    ("tenancy", "SELECT, INSERT, UPDATE (ended_on, keys_returned_on, final_charges_posted, recharge_inspected, forwarding_address_known)"),
    ("tenant", "SELECT, INSERT"),
    # Not balance_pence: only the trigger of the entries writes it.
    ("account", "SELECT, INSERT (id, reference, kind, status, tenancy, rent_group, pays_by_direct_debit), UPDATE (status, version)"),
    ("weekly_charge", "SELECT, INSERT, UPDATE (in_force_until)"),
    ("account_hold", "SELECT, INSERT, UPDATE (lifted_at, lifted_by)"),
    ("credit_hold", "SELECT, INSERT, UPDATE (state, settled_at)"),
)

POST_ENTRIES = """
CREATE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM posted GROUP BY journal HAVING sum(amount_pence) <> 0) THEN
    RAISE EXCEPTION 'the entries of a journal add up to zero' USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_add_up_to_zero';
  END IF;
  IF (SELECT count(*) FROM entry WHERE journal IN (SELECT journal FROM posted)) <> (SELECT count(*) FROM posted) THEN
    RAISE EXCEPTION 'a journal comes whole: nothing is added to it later'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_journal_comes_whole';
  END IF;
  -- In the order of ids, so that two postings on the same accounts wait for each other and never in a ring.
  PERFORM FROM account WHERE balance_pence IS NOT NULL AND id IN (SELECT account FROM posted) ORDER BY id FOR NO KEY UPDATE;
  UPDATE account SET balance_pence = balance_pence + moved.pence
    FROM (SELECT account AS id, sum(amount_pence) AS pence FROM posted GROUP BY account) AS moved
    WHERE account.id = moved.id AND account.balance_pence IS NOT NULL;
  RETURN NULL;
END $$
"""

WRITE_JOURNALS = """
CREATE FUNCTION write_journals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM written WHERE NOT EXISTS (SELECT FROM entry WHERE entry.journal = written.id)) THEN
    RAISE EXCEPTION 'a journal has entries, written by the same statement'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_journal_has_entries';
  END IF;
  IF EXISTS (SELECT FROM written WHERE NOT EXISTS (SELECT FROM accepted_posting WHERE accepted_posting.journal = written.id)) THEN
    RAISE EXCEPTION 'a journal is accepted under a key, by the same statement'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_journal_has_a_key';
  END IF;
  IF EXISTS (
    SELECT FROM written WHERE reverses IS NOT NULL AND EXISTS (
      SELECT account, element, sum(amount_pence) FROM entry WHERE entry.journal IN (written.id, written.reverses)
      GROUP BY account, element HAVING sum(amount_pence) <> 0)
  ) THEN
    RAISE EXCEPTION 'a reversal is the mirror image of its journal'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_reversal_is_a_mirror_image';
  END IF;
  RETURN NULL;
END $$
"""

APPEND_ONLY_FUNCTION = """
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_is_written_stays';
END $$
"""

SETTLED_STAYS = """
CREATE FUNCTION settled_earmark_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a settled earmark stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_settled_earmark_stays';
END $$
"""


def upgrade() -> None:
    create_tables(op, __file__)
    create_chassis_tables(op)
    for function in (POST_ENTRIES, WRITE_JOURNALS, APPEND_ONLY_FUNCTION, SETTLED_STAYS):
        op.execute(function)
    _always("entry", "double_entry", "AFTER INSERT", "REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION post_entries()")
    _always(
        "journal", "whole_journals", "AFTER INSERT", "REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION write_journals()"
    )
    for table in APPEND_ONLY:
        _always(table, "append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION append_only()")
        grant(op, table, "SELECT, INSERT")
    _always(
        "credit_hold",
        "settled_stays",
        "BEFORE UPDATE",
        "FOR EACH ROW WHEN (OLD.state <> 'PENDING') EXECUTE FUNCTION settled_earmark_stays()",
    )
    for table, rights in CHANGED_IN_PLACE:
        grant(op, table, rights)
    for table in POLICY:
        grant(op, table, "SELECT")
    _first_policy(json.loads(files("ledger").joinpath("data/policy.json").read_text(encoding="utf-8")))
    _control_accounts()


def _always(table: str, name: str, moment: str, rest: str) -> None:
    """A trigger that fires under `session_replication_role = replica` too."""
    op.execute(f"CREATE TRIGGER {name} {moment} ON {table} {rest}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _first_policy(policy: dict[str, Any]) -> None:
    since = date.fromisoformat(policy["in_force_from"])
    codes, groups = policy["posting_codes"], policy["rent_groups"]
    _insert("posting_code", ({"source": None, "contra": None, "takes_back": None} | _without(code, "clears_after") for code in codes))
    why = "the first policy of this ledger"
    _insert(
        "clearing_rule",
        ({"code": code["code"], "in_force_from": since, "working_days": code.get("clears_after", 0), "reason": why} for code in codes),
    )
    _insert("rent_group", (_without(group, "free_weeks") for group in groups))
    weeks = [(group["name"], date.fromisoformat(week)) for group in groups for week in group["free_weeks"]]
    _insert("free_week", ({"rent_group": group, "week_commencing": week} for group, week in weeks))
    scheme = policy["reference_scheme"]
    _insert("reference_scheme", [{"name": scheme["name"], "in_force_from": since, "scheme": scheme}])
    _insert("receipt_methods", [{"in_force_from": since, "rules": policy["receipt_methods"]}])
    _insert("own_account", ({"in_force_from": since} | account for account in policy["own_accounts"]))
    _insert("ledger_policy", [{"in_force_from": since} | policy["ledger_policy"]])


def _control_accounts() -> None:
    rows = (
        {
            "id": id_,
            "reference": control.value,
            "kind": "SUSPENSE" if control.value == "SUSPENSE" else "CONTROL",
            "status": "CURRENT",
            "balance_pence": None,
        }
        for control, id_ in CONTROL_ACCOUNTS.items()
    )
    _insert("account", rows)


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _insert(name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Into the table as it is now, whatever later revisions make of it."""
    listed = list(rows)
    columns = [sa.column(column, JSONB() if column in ("scheme", "rules") else None) for column in listed[0]]
    op.bulk_insert(sa.table(name, *columns), listed)
