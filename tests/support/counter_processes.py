"""The counting service of the tests as a process of its own, for tests that kill it, stop it or give it an operator's words."""

import asyncio
import os
import sys
from pathlib import Path

from chassis.settings import Settings

PROGRAM = Path(__file__).parents[1] / "chassis" / "counter_process.py"
_END_SECONDS = 150.0
"""Six of them may begin at once, beside other tests."""


def environment(settings: Settings) -> dict[str, str]:
    """What the process is told of its settings, and of the tests' own modules."""
    told = {name: str(value) for name, value in settings.model_dump(exclude={"peers"}).items() if value is not None}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RENTBOOK_")}
    return {**bare, "PYTHONPATH": str(PROGRAM.parents[1]), **{f"RENTBOOK_{name.upper()}": value for name, value in told.items()}}


async def start(settings: Settings, *words: str, **more: str) -> asyncio.subprocess.Process:
    """The process, with pipes to read its words from; `more` is told to it beside its settings."""
    pipe = asyncio.subprocess.PIPE
    told = {**environment(settings), **more}
    return await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), *words, env=told, stdout=pipe, stderr=pipe)


async def say(settings: Settings, *words: str, **more: str) -> tuple[int | None, str, str]:
    """Give it an operator's words: its exit status, what it said, and what it complained of."""
    process = await start(settings, *words, **more)
    out, err = await asyncio.wait_for(process.communicate(), _END_SECONDS)
    return process.returncode, out.decode(), err.decode()
