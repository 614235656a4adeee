"""Where alembic begins."""

from chassis.migration import run_environment
from ledger.tables import metadata

run_environment(metadata)
