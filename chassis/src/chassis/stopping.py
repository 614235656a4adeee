"""Asked to end by whoever runs the process, which the log says."""

import asyncio
import logging
import signal
from collections.abc import Callable

log = logging.getLogger(__name__)


def stop_on_signals(ask: Callable[[], None]) -> None:
    """Have `ask` called, and the log say why, when SIGTERM or SIGINT comes to the running loop's process."""

    def asked(by: signal.Signals) -> None:
        log.info("stopping", extra={"reason": f"asked by {by.name}"})
        ask()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked, number)
