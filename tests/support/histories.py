"""Keeping the stories of a test as Temporal has them, for tests/workflows/test_replay.py.

`RENTBOOK_RECORD_HISTORIES` names the folder in which they are kept: the version that is released, or the day. What is kept stays: a file
is never written over, because stories that began then are still being told.
"""

import json
import os
import re
from pathlib import Path

from temporalio.client import Client

ROOT = Path(__file__).parents[2]
HISTORIES = ROOT / "tests" / "workflows" / "histories"
FOLDER = re.compile(r"\d+\.\d+\.\d+|\d{4}-\d{2}-\d{2}")
"""A version, or a day."""


async def record(client: Client, name: str) -> None:
    """Write the history of each story of this client's namespace.

    Errors: ValueError where the folder is named for no version and no day, FileExistsError where it has that history already.
    """
    folder = os.environ["RENTBOOK_RECORD_HISTORIES"]
    if not FOLDER.fullmatch(folder):
        raise ValueError("RENTBOOK_RECORD_HISTORIES names the version that is released (0.2.0), or the day (2026-11-27)")
    (HISTORIES / folder).mkdir(exist_ok=True)
    async for story in client.list_workflows():
        history = await client.get_workflow_handle(story.id).fetch_history()
        # What is kept tells nothing of the machine on which it was recorded.
        told = json.loads(history.to_json().replace(f"{ROOT}/", ""))
        with (HISTORIES / folder / f"{story.workflow_type}-{name}.json").open("x", encoding="utf-8") as kept:
            kept.write(json.dumps(told, indent=1) + "\n")
