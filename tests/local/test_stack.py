"""The whole stack as ./rentbook run starts it: every process well, killed ones back, the state kept over a restart."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from rentbook_local import layout
from support.stack import running_stack


@pytest.mark.timeout(600)
async def test_the_stack_starts_survives_kills_and_keeps_its_state_over_a_restart(tmp_path: Path) -> None:
    async with running_stack(folder=tmp_path) as stack:
        told = stack.status()
        assert told["phase"] == "ready"
        assert {process["name"]: process["health"]["reasons"] for process in told["processes"] if not process["health"]["healthy"]} == {}
        async with httpx.AsyncClient() as client:
            assert (await client.get(stack.layout.desk, follow_redirects=True)).status_code == 200

        opened = await _accounts(told)
        assert opened > 400

        await stack.kill("postgres", "kafka", "temporal", "ledger", "workflows")
        base = stack.layout.base_port

    assert layout.owner(stack.layout) is None
    assert _processes_that_mention(stack.layout.folder) == []

    async with running_stack(folder=tmp_path, elsewhere=base) as again:
        assert again.layout.base_port != base, "another port may be chosen for the same state"
        assert await _accounts(again.status()) == opened


async def _accounts(told: dict[str, Any]) -> int:
    """How many accounts the ledger has, counted from outside as the reader."""
    database = told["databases"]["ledger"]
    reader = database["reader"]
    password = await asyncio.to_thread(Path(reader["password_file"]).read_text)
    connection = await asyncpg.connect(
        host=database["host"], port=database["port"], database="ledger", user=reader["user"], password=password.strip()
    )
    try:
        counted = await connection.fetchval("select count(*) from account where tenancy is not null")
        assert isinstance(counted, int)
        return counted
    finally:
        await connection.close()


def _processes_that_mention(folder: Path) -> list[str]:
    """Living processes whose arguments or settings name the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
