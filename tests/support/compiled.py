"""What SQLAlchemy compiled is kept for all tests of a process, as a service keeps it for all that it does.

It is kept with an engine, and each test makes engines of its own: thousands of tests compiled every query anew.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

_COMPILED: dict[Any, Any] = {}


class OfAllTests(PGDialect_asyncpg):
    """PostgreSQL by asyncpg. What was compiled is looked up by the dialect too: all of them are the same here."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is OfAllTests

    def __hash__(self) -> int:
        return hash(OfAllTests)

    @classmethod
    def engine_created(cls, engine: sa.Engine) -> None:
        engine.update_execution_options(compiled_cache=_COMPILED)


def keep() -> None:
    """From now on every engine of this process shares it."""
    registry.register("postgresql.asyncpg", __name__, OfAllTests.__name__)
