"""./rentbook check: an outside checker of the books.

It reads the databases of a running stack with SQL of its own, as a role that can write nothing, and computes anew what was computed. It
uses none of the services' code: what it knows of them stands in their READMEs and in the contracts.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rentbook_local import layout as layouts
from rentbook_local.checking import accepted, messages
from rentbook_local.checking.books import Books, Places
from rentbook_local.checking.examine import PROMISES, SETTLE_SECONDS, Looked, Unsettled, look, settled
from rentbook_local.checking.promise import Promise
from rentbook_local.layout import DATABASES, Layout
from rentbook_local.passwords import CHECKER
from rentbook_local.ports import HOST
from rentbook_local.problem import Problem

ANCHOR_FILE = "seal-anchors.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command."""
    parser.add_argument("--accepted", type=Path, metavar="FILE", help="a client's own list of what was acknowledged, JSON lines")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found for machines too")
    parser.add_argument("--all", action="store_true", help="go on after a promise that is broken, to tell of all of them")
    parser.add_argument(
        "--within",
        type=float,
        default=SETTLE_SECONDS,
        metavar="SECONDS",
        help="how long what is under way may stand still before nothing is checked; while it goes on it is waited for (%(default)s)",
    )


def main(at: Layout, arguments: argparse.Namespace) -> int:
    """Look at every promise; 0 if all are kept, 1 at the first that is not, or with `--all` after the last.

    Errors: Problem where the stack cannot be read.
    """
    if layouts.owner(at) is None:
        raise Problem(f"Nothing runs on {at.folder}: start it with ./rentbook run.")
    promises = list(PROMISES)
    if arguments.accepted is not None:
        promises.append(accepted.promise(accepted.read_list(arguments.accepted)))
    return asyncio.run(check(places_of(at), promises, within_seconds=arguments.within, report=arguments.json, go_on=arguments.all))


def places_of(at: Layout) -> Places:
    """Where the databases, the anchor, the payment files and the bank of a stack are."""
    file = at.secrets_of("checker") / "database_password"
    if not file.exists():
        raise Problem(f"The checker's password {file} is missing: start the stack once with ./rentbook run.")
    password = file.read_text(encoding="utf-8").strip()
    address = f"{HOST}:{at.port('postgres')}"
    return Places(
        dsns={service: f"postgresql://{CHECKER}:{password}@{address}/{service}" for service in DATABASES},
        anchor=at.folder / "anchor" / ANCHOR_FILE,
        payments=at.folder / "payments",
        bank=at.http("bank-simulator"),
    )


async def check(places: Places, promises: Sequence[Promise], *, within_seconds: float, report: Path | None, go_on: bool = False) -> int:
    """Look at the promises until one is broken, or all of them, tell of each, and write the report."""
    looked: list[Looked] = []
    try:
        async with settled(places, within_seconds=within_seconds, say=_waits) as books:
            parked = await messages.parked(books)
            _warn(parked)
            _head()
            async for each in look(books, promises):
                looked.append(each)
                _tell(each)
                if not (each.finding.kept or go_on):
                    break
    except Unsettled as unsettled:
        still = f"Not everything that was told has been heard, and for {within_seconds:.0f} s nothing has gone on"
        print(f"{still}, so nothing was checked:", file=sys.stderr)
        _lines(unsettled.waits, sys.stderr)
        _write(report, {"kept": False, "unsettled": list(unsettled.waits), "promises": []})
        return 1
    kept = all(each.finding.kept for each in looked)
    _last(looked, len(promises))
    _write(report, {"kept": kept, "parked": parked, "promises": [_for_machines(each) for each in looked]})
    return 0 if kept else 1


def _waits(under_way: Sequence[str]) -> None:
    print("What was told is still being heard, and is waited for while it goes on:", file=sys.stderr)
    _lines(under_way, sys.stderr)
    sys.stderr.flush()


def _warn(parked: Sequence[str]) -> None:
    if parked:
        print(f"\n!!! {len(parked)} EVENTS ARE PARKED: what they are about stands still until an operator replays or discards them")
        _lines(parked, sys.stdout)
        print()


_WIDTH = 120


def _head() -> None:
    print(f"{'promise':<{_WIDTH}} {'rows':>9}")


def _tell(each: Looked) -> None:
    words = f"{each.promise.words} ({each.promise.name})"
    print(f"{words:<{_WIDTH}} {each.finding.looked_at:>9}  {'kept' if each.finding.kept else 'BROKEN'}", flush=True)
    _lines(each.finding.broken, sys.stdout)
    if each.promise.do and not each.finding.kept:
        print(f"    {each.promise.do}")


def _last(looked: Sequence[Looked], of: int) -> None:
    broken = [each.promise.name for each in looked if not each.finding.kept]
    if not broken:
        print(f"\nAll {len(looked)} promises are kept.")
    elif len(broken) > 1:
        print(f"\nThe promises {', '.join(broken)} are broken.")
    else:
        left = of - len(looked)
        print(f"\nThe promise {broken[0]} is broken." + (f" {left} more were not looked at." if left else ""))


def _lines(lines: Iterable[str], to: Any) -> None:
    for line in lines:
        print(f"    {line}", file=to)


def _for_machines(each: Looked) -> dict[str, Any]:
    promise, found = each.promise, each.finding
    return {"name": promise.name, "words": promise.words, "rows": found.looked_at, "kept": found.kept, "broken": list(found.broken)}


def _write(report: Path | None, content: Any) -> None:
    if report is not None:
        layouts.write(report, content)


__all__ = ["Books", "Places", "add_arguments", "check", "main"]
