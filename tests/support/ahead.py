"""`python -m support.ahead run ...` is ./rentbook run with a clock that a test carries forward: its services take for now what the machine
says and the days that `days_ahead` lays down. They are the processes of the stack, and their code knows nothing of it.

A story's time is carried forward on Temporal's server.
"""

import importlib
import runpy
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rentbook_local import child, cli, services
from rentbook_local.layout import DATABASES, Layout

_OF_A_SERVICE = "of"
_FILE = "days-ahead"


def days_ahead(layout: Layout, days: int) -> None:
    """From the next transaction on every service's clock is this far ahead of the machine's."""
    made = layout.folder / f"{_FILE}.new"
    made.write_text(str(days), encoding="ascii")
    made.replace(layout.folder / _FILE)


class _Clock:
    """What a service takes for now."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self, zone: Any = UTC) -> datetime:
        ahead = int(self._file.read_text(encoding="ascii")) if self._file.exists() else 0
        return datetime.now(zone) + timedelta(days=ahead)


def _be_the_runner(words: list[str]) -> int:
    as_always = services.command

    def command(layout: Layout, process: str, *words: str, **more: str) -> child.Command:
        made = as_always(layout, process, *words, **more)
        if process not in DATABASES:
            return made
        python, _dash_m, *rest = made.argv
        return replace(made, argv=(python, "-m", "support.ahead", _OF_A_SERVICE, str(layout.folder / _FILE), *rest))

    vars(services)["command"] = command
    # Where this module lies.
    vars(child)["_KEPT"] += ("PYTHONPATH",)
    return cli.main(words)


def _be_a_service(file: str, package: str, *words: str) -> None:
    for module in ("chassis.transaction", *(["approvals.web.visit"] if package == "approvals" else [])):
        vars(importlib.import_module(module))["datetime"] = _Clock(Path(file))
    sys.argv[1:] = words
    runpy.run_module(package, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if sys.argv[1] == _OF_A_SERVICE:
        _be_a_service(*sys.argv[2:])
    else:
        sys.exit(_be_the_runner(sys.argv[1:]))
