"""How alembic reaches the database of writeoffs."""

from chassis.migration import run_environment
from writeoffs.tables import metadata

run_environment(metadata)
