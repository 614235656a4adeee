"""./rentbook operate: an operator's command of a service, with the settings that the service has on this stack."""

import argparse
import subprocess
from pathlib import Path
from typing import Any

from rentbook_local import child, layout, passwords, postgres, services
from rentbook_local.layout import DATABASES, Layout
from rentbook_local.ports import HOST
from rentbook_local.problem import Problem

REWRAP = "rewrap-keys"
_ABOUT = ("parked", "outbox", "stories", REWRAP)


class _Words(argparse.Action):
    """The words of the service's own command; a `--state` among them is ours, wherever it stands."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        ours = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        ours.add_argument("--state", type=Path, default=namespace.state)
        told, namespace.words = ours.parse_known_args(values)
        namespace.state = told.state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command."""
    parser.add_argument("service", choices=DATABASES, help="whose command")
    parser.add_argument(
        "about", choices=_ABOUT, help=f"events that wait, a topic that is told again, stories that are gone; of refunds {REWRAP}"
    )
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, action=_Words, metavar="WORDS", help="list, show ID, ...: `--help` says which there are"
    )


def main(at: Layout, arguments: argparse.Namespace) -> int:
    """Run it beside the service, which goes on, and return its exit code. Errors: Problem where none runs, or it has no such command."""
    if layout.owner(at) is None:
        raise Problem(f"Nothing runs on {at.folder}: start it with ./rentbook run first.")
    command = command_of(at, arguments.service, arguments.about, *arguments.words)
    return subprocess.run(command.argv, env=command.environment, cwd=command.directory, check=False).returncode


def command_of(at: Layout, service: str, about: str, *words: str) -> child.Command:
    """The command of the service. Keys are wrapped anew as the owner of the tables, whose password the runner keeps. Errors: Problem."""
    if about != REWRAP:
        return services.command(at, service, about, *words)
    if service != "refunds" or words:
        raise Problem(f"{REWRAP} is a command of refunds, and takes no further words.")
    address = f"{postgres.owner_role(service)}:{passwords.make_or_read(at).owners[service]}@{HOST}:{at.port('postgres')}/{service}"
    return services.command(at, service, about, RENTBOOK_OWNER_DATABASE_URL=f"postgresql+asyncpg://{address}")
