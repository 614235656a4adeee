"""The demonstration estate: loaded once, on a state that holds nothing yet."""

from collections.abc import Callable

from rentbook_local import child, places, services
from rentbook_local.demo import writing
from rentbook_local.layout import Layout

_LIMIT_SECONDS = 300.0


def load_once(at: Layout, say: Callable[[str], None]) -> None:
    """Open the accounts of the estate through the ledger's own door, unless this state has them."""
    done = at.folder / "estate"
    if done.exists() or not services.exists("ledger"):
        return
    say("opening the accounts of the demonstration estate")
    file = writing.write(at.folder / "demo", places.ROOT / "demo", writing.london_today())
    child.finish(services.command(at, "ledger", "open-estate", str(file)), "Opening the demonstration estate", limit_seconds=_LIMIT_SECONDS)
    done.write_text("open\n")
