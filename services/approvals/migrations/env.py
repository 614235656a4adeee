"""Where alembic begins."""

from approvals.tables import metadata
from chassis.migration import run_environment

run_environment(metadata)
