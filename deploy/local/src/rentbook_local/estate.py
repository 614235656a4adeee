"""The demonstration estate: loaded once, on a state that holds nothing yet."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rentbook_local import places, services
from rentbook_local.demo import writing
from rentbook_local.forkserver import ForkServer
from rentbook_local.layout import Layout
from rentbook_local.writing import write_whole

_LIMIT_SECONDS = 300.0


async def load_once(at: Layout, say: Callable[[str], None], forks: ForkServer) -> None:
    """Open the accounts of the estate through the ledger's own door, unless this state has them.

    The file stays as it was first written: its dates lie around the day of the first start, and the ledger takes one estate only.
    """
    done = at.folder / "estate-is-open"
    if done.exists():
        return
    file = await asyncio.to_thread(_write_once, at)
    say("opening the accounts of the demonstration estate")
    command = services.command(at, "ledger", "open-estate", str(file))
    said = await forks.finish(command, "Opening the demonstration estate", limit_seconds=_LIMIT_SECONDS)
    write_whole(done, said)
    say("the demonstration estate is open")


def _write_once(at: Layout) -> Path:
    folder = at.of("demo")
    file = folder / "estate.jsonl"
    if not (folder / "cast.json").exists():
        file = writing.write(folder, places.ROOT / "demo", writing.london_today())
    write_whole(at.of("bank-simulator") / "register.json", (folder / "register.json").read_text(encoding="utf-8"))
    return file
