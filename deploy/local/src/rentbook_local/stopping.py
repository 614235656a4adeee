"""./rentbook stop: end a stack that runs, and return when it has ended."""

import os
import signal
import time

from rentbook_local import layout
from rentbook_local.layout import Layout
from rentbook_local.problem import Problem

_LIMIT_SECONDS = 90.0


def stop(at: Layout) -> bool:
    """Whether there was a stack to end. Errors: `Problem` where it does not end in time."""
    runner = layout.owner(at)
    if runner is None:
        return False
    os.kill(runner, signal.SIGTERM)
    end = time.monotonic() + _LIMIT_SECONDS
    while layout.owner(at) == runner:
        if time.monotonic() > end:
            raise Problem(f"The runner (process {runner}) has not ended after {_LIMIT_SECONDS:.0f} s: end it with kill -9 {runner}.")
        time.sleep(0.1)
    return True
