"""The bank's stand-in as a process, as the stack runs it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rentbook_local import child, ports

READY_SECONDS = 30.0


@dataclass
class Bank:
    """The bank from outside, with its control endpoint."""

    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def next(self, **fault: Any) -> None:
        """Order what shall go wrong next."""
        (await self.http.post("/control/next", json=fault)).raise_for_status()

    async def paid(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/bacs/paid")).raise_for_status().json()["paid"])

    async def posts(self, sha256: str) -> int:
        """How often these bytes were handed over."""
        return int((await self.http.get("/bacs/submissions", params={"sha256": sha256})).raise_for_status().json()["posts"])

    async def register(self, *entries: dict[str, Any]) -> None:
        """Who holds which account, for Confirmation of Payee."""
        (await self.http.put("/control/register", json=list(entries))).raise_for_status()


@asynccontextmanager
async def running_bank(folder: Path) -> AsyncIterator[Bank]:
    """A bank of one's own, with its state in the folder."""
    [port] = ports.free_ports(1)
    told = child.surroundings(RENTBOOK_STATE_DIR=str(folder), RENTBOOK_HTTP_PORT=str(port))
    command = child.Command("bank", (sys.executable, "-m", "bank_simulator"), told, folder, folder / "bank.log")
    process = await child.spawn(command)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await _ready(http, process, command)
            yield Bank(http)
    finally:
        await child.stop(process, command, grace_seconds=10)


async def _ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process, command: child.Command) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        assert process.returncode is None, command.log.read_text(encoding="utf-8")
        try:
            if (await http.get("/health")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise TimeoutError(f"the bank was not ready within {READY_SECONDS:.0f} s")
