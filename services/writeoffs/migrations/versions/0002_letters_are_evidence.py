"""The sending of a letter is evidence by itself; the policy that says which letters are written."""

import json
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.tables import metadata

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE proof ADD COLUMN IF NOT EXISTS letter uuid CONSTRAINT a_letter_is_evidence_once UNIQUE")
    told = json.loads((files("writeoffs") / "data" / "policy" / "2026-04-01.json").read_text("utf-8"))
    policy = WriteOffPolicy.model_validate(told)
    row = {"version": policy.version, "in_force_from": policy.in_force_from, "figures": policy.model_dump(mode="json")}
    op.get_bind().execute(sa.insert(metadata.tables["policy"]).values(**row, made_by=policy.made_by, checked_by=policy.checked_by))
