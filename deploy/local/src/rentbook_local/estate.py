"""The demonstration estate: loaded once, on a state that holds nothing yet."""

from collections.abc import Callable

from rentbook_local import child, places, services
from rentbook_local.demo import writing
from rentbook_local.layout import Layout
from rentbook_local.writing import write_whole

_LIMIT_SECONDS = 300.0


def load_once(at: Layout, say: Callable[[str], None]) -> None:
    """Open the accounts of the estate through the ledger's own door, unless this state has them.

    The file stays as it was first written: its dates lie around the day of the first start, and the ledger takes one estate only.
    """
    done, folder = at.folder / "estate-is-open", at.of("demo")
    if done.exists():
        return
    file = folder / "estate.jsonl"
    if not (folder / "cast.json").exists():
        file = writing.write(folder, places.ROOT / "demo", writing.london_today())
    write_whole(at.of("bank-simulator") / "register.json", (folder / "register.json").read_text(encoding="utf-8"))
    say("opening the accounts of the demonstration estate")
    said = child.finish(
        services.command(at, "ledger", "open-estate", str(file)), "Opening the demonstration estate", limit_seconds=_LIMIT_SECONDS
    )
    write_whole(done, said)
    say("the demonstration estate is open")
