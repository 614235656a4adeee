"""How a known bug is put back, and seen to be caught."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg
import pytest
from rentbook_local.postgres import Database

Scenario = Callable[[str], Awaitable[Sequence[str]]]
"""Makes its own place, has the given SQL executed there as the tables' owner, lives through it, and says what it finds wrong in the end."""


async def bites(scenario: Scenario, *, patches: Mapping[str, object] | None = None, sql: str = "") -> None:
    """The scenario finds nothing wrong with the mechanism as it is, and something with the bug in its place.

    `patches`: what stands where the mechanism stood, by dotted name; `sql`: what the bug changes in the scenario's own database.
    """
    assert list(await scenario("")) == [], "the scenario complains of the mechanism as it is"
    with pytest.MonkeyPatch.context() as patch:
        for name, variant in (patches or {}).items():
            patch.setattr(name, variant)
        found = list(await scenario(sql))
    assert found, "the bug was put back, and nobody noticed"


async def spoil(database: Database, sql: str) -> None:
    """Change the database as the owner of its tables."""
    if not sql:
        return
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
