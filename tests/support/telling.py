"""What a run says at its end although all went well. The suite runs in several processes: one prints, the others hand it what they have.

Values are plain, because they travel between processes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

_TOLD = pytest.StashKey[dict[str, list[str]]]()
_PLAYED = pytest.StashKey[Counter[str]]()


def played(config: pytest.Config) -> "Counter[str]":
    """How often each thing happened in the tests that play at random."""
    return config.stash.setdefault(_PLAYED, Counter())


def tell(config: pytest.Config, section: str, lines: Iterable[str]) -> None:
    """Have these lines printed under a heading of their own. To be called before the session's end is over."""
    config.stash.setdefault(_TOLD, {}).setdefault(section, []).extend(lines)


def hand_over(config: pytest.Config) -> None:
    """Give what this process has to the one that prints; where it is that one itself, nothing happens."""
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output["told"], output["played"] = config.stash.get(_TOLD, {}), dict(played(config))


def take_over(config: pytest.Config, output: dict[str, Any]) -> None:
    """What a process handed over as it ended; one that died has handed over nothing."""
    for section, lines in output.get("told", {}).items():
        tell(config, section, lines)
    played(config).update(output.get("played", {}))


def print_all(config: pytest.Config, reporter: pytest.TerminalReporter) -> None:
    """Every section, and what was played with its counts."""
    counts = [f"{times:>9} {what}" for what, times in sorted(played(config).items())]
    if counts:
        tell(config, "played", counts)
    for section, lines in config.stash.setdefault(_TOLD, {}).items():
        reporter.section(section)
        for line in lines:
            reporter.write_line(line)
