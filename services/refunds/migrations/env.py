"""How alembic reaches the database of refunds."""

from chassis.migration import run_environment
from refunds.tables import metadata

run_environment(metadata)
