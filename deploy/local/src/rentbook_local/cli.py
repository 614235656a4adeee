"""The commands of ./rentbook, once everything that they need is installed."""

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rentbook_local import layout, places
from rentbook_local.layout import DEFAULT_BASE_PORT, Layout
from rentbook_local.problem import Problem

_ELSEWHERE = {"journey": "rentbook_local.journey", "check": "rentbook_local.check", "export": "rentbook_local.export"}
"""Commands of which each has a module with `add_arguments(parser)` and `main(layout, arguments) -> int`."""
_DETACHED_SECONDS = 600.0


def main(words: Sequence[str]) -> int:
    """Do what the words say and return the exit code."""
    if words and words[0] == "test":
        from rentbook_local import suite

        return _told(lambda: suite.run(words[1:]))
    arguments = _parser().parse_args(words)
    return _told(lambda: int(arguments.does(arguments)))


def _told(does: Any) -> int:
    try:
        return int(does())
    except Problem as problem:
        print(f"rentbook: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("rentbook: interrupted", file=sys.stderr)
    except OSError as fault:
        print(f"rentbook: {layout.as_problem(fault)}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./rentbook", description="Rentbook: the rent accounts of a council's tenants, kept right.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", "start everything, and stay until Ctrl-C", _run)
    run.add_argument("--base-port", type=int, metavar="N", help=f"the desk's port, others follow it (default {DEFAULT_BASE_PORT})")
    run.add_argument("--empty", action="store_true", help="do not load the demonstration estate")
    run.add_argument("--detach", action="store_true", help="return when everything is ready, and leave it running")
    _command(commands, "stop", "end a stack that runs", _stop)
    status = _command(commands, "status", "say what runs, how it is and where to reach it", _status)
    status.add_argument("--json", action="store_true", help="for machines")
    for name, help_ in (
        ("journey", "play one refund from bank file to letter on a running stack, or start one"),
        ("check", "check the books of a running stack from outside"),
        ("export", "write every posting, oldest first"),
    ):
        command = _command(commands, name, help_, _elsewhere(name))
        if (module := _module(name)) is not None:
            module.add_arguments(command)
    _command(commands, "test", "run every test; words after -- go to pytest", _stop)
    return parser


def _command(commands: Any, name: str, help_: str, does: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_.capitalize() + ".")
    command.add_argument("--state", type=Path, default=places.ROOT / ".state", metavar="DIR", help="the folder that keeps everything")
    command.set_defaults(does=does)
    return command


def _module(name: str) -> Any:
    """The module of a command that has one of its own; imported only when that command is asked for."""
    if name not in sys.argv[1:2]:
        return None
    try:
        return importlib.import_module(_ELSEWHERE[name])
    except ModuleNotFoundError as missing:
        if missing.name == _ELSEWHERE[name]:
            return None
        raise


def _elsewhere(name: str) -> Any:
    def does(arguments: argparse.Namespace) -> int:
        module = _module(name)
        if module is None:
            raise Problem(f"The command {name} is not part of this version.")
        return int(module.main(_layout_of(arguments), arguments))

    return does


def _layout_of(arguments: argparse.Namespace) -> Layout:
    return layout.known_state(arguments.state)


def _run(arguments: argparse.Namespace) -> int:
    at = layout.open_state(arguments.state, arguments.base_port)
    if arguments.detach:
        return _run_apart(at, arguments)
    from rentbook_local import runner

    runner.run(at, with_estate=not arguments.empty)
    return 0


def _run_apart(at: Layout, arguments: argparse.Namespace) -> int:
    """Start the runner in a session of its own, and show what it says until it is ready."""
    console = at.log("console")
    console.parent.mkdir(parents=True, exist_ok=True)
    words = ["run", "--state", str(at.folder), "--base-port", str(at.base_port), *(["--empty"] if arguments.empty else [])]
    with console.open("wb") as log:
        apart = subprocess.Popen(
            [sys.executable, "-m", "rentbook_local", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    end = time.monotonic() + _DETACHED_SECONDS
    with console.open(errors="replace") as log:
        while True:
            print(log.read(), end="", flush=True)
            if apart.poll() is not None:
                print(log.read(), end="", flush=True)
                return apart.returncode or 1
            written = layout.processes(at)
            if written.get("runner") == apart.pid and written.get("phase") == "ready":
                time.sleep(0.2)
                print(log.read(), end="", flush=True)
                return 0
            if time.monotonic() > end:
                raise Problem(f"The stack is not ready after {_DETACHED_SECONDS:.0f} s: see {console}.")
            time.sleep(0.1)


def _stop(arguments: argparse.Namespace) -> int:
    from rentbook_local import stopping

    at = _layout_of(arguments)
    print("stopped" if stopping.stop(at) else f"nothing runs on {at.folder}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from rentbook_local import status

    told = status.status(_layout_of(arguments))
    print(json.dumps(told, indent=1) if arguments.json else status.in_words(told))
    return 0 if told["running"] and all(process["health"]["healthy"] for process in told["processes"]) else 1
