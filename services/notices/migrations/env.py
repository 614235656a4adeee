"""Where alembic begins."""

from chassis.migration import run_environment
from notices.tables import metadata

run_environment(metadata)
