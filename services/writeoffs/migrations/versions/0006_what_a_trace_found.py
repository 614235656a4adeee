"""The example policy says of a trace what it found, and takes the word that there are no assets alone, or letters without a reply.

Only where no council has laid down a policy of its own since: theirs says what they decided.
"""

import json
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.tables import metadata

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BEFORE = "welwyn-hatfield-2026-11"


def upgrade() -> None:
    policies = metadata.tables["policy"]
    newest = sa.select(policies.c.version).order_by(policies.c.in_force_from.desc()).limit(1)
    if op.get_bind().scalar(newest) != BEFORE:
        return
    told = json.loads((files("writeoffs") / "data" / "policy" / "2026-11-26.json").read_text("utf-8"))
    policy = WriteOffPolicy.model_validate(told)
    row = {"version": policy.version, "in_force_from": policy.in_force_from, "figures": policy.model_dump(mode="json")}
    op.get_bind().execute(sa.insert(policies).values(**row, made_by=policy.made_by, checked_by=policy.checked_by))
