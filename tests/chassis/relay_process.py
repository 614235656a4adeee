"""A relay in a process of its own, so that a test may kill it."""

import asyncio
import sys

from chassis.process import make_runtime
from chassis.relay import EventRelay
from chassis.settings import Settings

from chassis import leadership


async def relay(settings: Settings) -> None:
    async with make_runtime("counter", settings) as runtime:
        await EventRelay(runtime).run()


# Short, so that a test need not wait long for the end of a sleeper's session.
leadership.SESSION_LIMIT_SECONDS, leadership.HEARTBEAT_SECONDS = 2, 0.3
asyncio.run(relay(Settings.model_validate_json(sys.argv[1])))
