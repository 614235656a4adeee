"""A relay in a process of its own, so that a test may kill it."""

import asyncio
import sys

from chassis.process import make_runtime
from chassis.relay import EventRelay
from chassis.settings import Settings


async def relay(settings: Settings) -> None:
    async with make_runtime("counter", settings) as runtime:
        await EventRelay(runtime).run()


asyncio.run(relay(Settings.model_validate_json(sys.argv[1])))
