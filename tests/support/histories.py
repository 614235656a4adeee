"""Keeping the stories of a test as Temporal has them, for tests/workflows/test_replay.py."""

import json
from pathlib import Path

from temporalio.client import Client

ROOT = Path(__file__).parents[2]
HISTORIES = ROOT / "tests" / "workflows" / "histories"


async def record(client: Client, name: str) -> None:
    """Write the history of each story of this client's namespace."""
    async for story in client.list_workflows():
        history = await client.get_workflow_handle(story.id).fetch_history()
        # What is kept tells nothing of the machine on which it was recorded.
        told = history.to_json().replace(f"{ROOT}/", "")
        kept = HISTORIES / f"{story.workflow_type}-{name}.json"
        kept.write_text(json.dumps(json.loads(told), indent=1) + "\n", encoding="utf-8")
