"""The sender of letters in a process of its own, so that it may end in the middle: sends what waits, then ends well."""

import asyncio
import sys

from chassis.process import make_runtime
from chassis.serving import Tick
from chassis.transaction import run
from notices.settings import NoticesSettings
from notices.use_cases.send_letters import sending_by


async def send_all(settings: NoticesSettings) -> None:
    send = sending_by(settings.delivery())
    async with make_runtime("notices", settings) as runtime:
        while await run(runtime, lambda tx: send(tx, Tick(at=tx.now))):
            pass


asyncio.run(send_all(NoticesSettings.model_validate_json(sys.argv[1])))
