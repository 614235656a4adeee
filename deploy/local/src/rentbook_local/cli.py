"""The commands of ./rentbook, once everything that they need is installed."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rentbook_local import layout, places
from rentbook_local.layout import DEFAULT_BASE_PORT, HIGHEST_BASE_PORT, LOWEST_BASE_PORT, Layout
from rentbook_local.problem import Problem
from rentbook_local.writing import has_space

_WITH_MODULES = {
    "journey": "play one refund from bank file to letter, or a write-off, on a running stack or on one that is started for it",
    "check": "check the books of a running stack from outside",
    "export": "write every posting, oldest first",
    "operate": "show, replay or discard a service's parked events, tell a topic again, or take up a story that is gone",
}
"""What the commands do that lie in a module of this package, or in the module `command` of a package in it.

It has `add_arguments(parser) -> None`, and `main(layout: Layout, arguments: argparse.Namespace) -> int`, which returns the exit code.
"""
_DETACHED_SECONDS = 600.0
_BASE_PORT = f"the desk's port, from {LOWEST_BASE_PORT} to {HIGHEST_BASE_PORT}, others follow it (default {DEFAULT_BASE_PORT})"


def main(words: Sequence[str]) -> int:
    """Do what the words say and return the exit code."""
    # What follows -- is pytest's, and no parser of ours may look at it.
    end = words.index("--") if "--" in words else len(words)
    ours, theirs = words[:end], words[end + 1 :]
    return _told(lambda: _do(ours, theirs))


def _do(words: Sequence[str], for_pytest: Sequence[str]) -> int:
    arguments = _parser(words).parse_args(words)
    arguments.for_pytest = for_pytest
    return int(arguments.does(arguments))


def _told(does: Callable[[], int]) -> int:
    try:
        return does()
    except Problem as problem:
        print(f"rentbook: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("rentbook: interrupted", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read our words has seen enough, as `head` has. What is still to be written must not raise again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as fault:
        print(f"rentbook: {layout.as_problem(fault)}", file=sys.stderr)
    return 1


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./rentbook", description="Rentbook: the rent accounts of a council's tenants, kept right.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", "start everything, and stay until Ctrl-C", _run)
    run.add_argument("--base-port", type=int, metavar="N", help=_BASE_PORT)
    run.add_argument("--empty", action="store_true", help="do not load the demonstration estate")
    run.add_argument("--detach", action="store_true", help="return when everything is ready, and leave it running")
    _command(commands, "stop", "end a stack that runs", _stop)
    status = _command(commands, "status", "say what runs, how it is and where to reach it; exit code 1 unless all of it is well", _status)
    status.add_argument("--json", action="store_true", help="for machines")
    for name, help_ in _WITH_MODULES.items():
        command = _command(commands, name, help_, _in_its_module)
        command.set_defaults(name=name)
        if name in words[:1]:
            # Only then: each of them brings imports that the others need not wait for.
            _module(name).add_arguments(command)
    test = _command(commands, "test", "run every test; words after -- go to pytest", _test)
    test.add_argument("--faults", action="store_true", help="instead those of faults: processes killed, events in any order")
    return parser


def _command(commands: Any, name: str, help_: str, does: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_.capitalize() + ".")
    command.add_argument("--state", type=Path, default=places.ROOT / ".state", metavar="DIR", help="the folder that keeps everything")
    command.set_defaults(does=does)
    return command


def _module(name: str) -> Any:
    found = importlib.util.find_spec(f"rentbook_local.{name}")
    if found is None:
        raise Problem(f"The command {name} is not part of this version.")
    return importlib.import_module(f"{found.name}.command" if found.submodule_search_locations else found.name)


def _in_its_module(arguments: argparse.Namespace) -> int:
    module = _module(arguments.name)
    if arguments.name == "journey":
        at = layout.open_state(arguments.state, None)
        if layout.owner(at) is None:
            return _on_a_stack_of_its_own(at, arguments, module)
    return int(module.main(_layout_of(arguments), arguments))


def _on_a_stack_of_its_own(at: Layout, arguments: argparse.Namespace, module: Any) -> int:
    """Start the stack of this state, do what is asked on it, and end it again."""
    from rentbook_local import stopping

    if (code := _run_apart(at, with_estate=True)) != 0:
        return code
    try:
        return int(module.main(at, arguments))
    finally:
        stopping.stop(at)


def _layout_of(arguments: argparse.Namespace) -> Layout:
    return layout.known_state(arguments.state)


def _run(arguments: argparse.Namespace) -> int:
    at = layout.open_state(arguments.state, arguments.base_port)
    if arguments.detach:
        return _run_apart(at, with_estate=not arguments.empty)
    from rentbook_local import runner

    runner.run(at, with_estate=not arguments.empty)
    return 0


def _run_apart(at: Layout, *, with_estate: bool) -> int:
    """Start the runner in a session of its own, and show what it says until it is ready."""
    console = at.log("console")
    console.parent.mkdir(parents=True, exist_ok=True)
    words = ["run", "--state", str(at.folder), "--base-port", str(at.base_port), *([] if with_estate else ["--empty"])]
    has_space(console)
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


def _test(arguments: argparse.Namespace) -> int:
    from rentbook_local import suite

    return suite.run(arguments.for_pytest, faults=arguments.faults)


def _stop(arguments: argparse.Namespace) -> int:
    from rentbook_local import stopping

    at = _layout_of(arguments)
    print("stopped" if stopping.stop(at) else f"nothing runs on {at.folder}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from rentbook_local import status

    told = status.status(_layout_of(arguments))
    print(json.dumps(told, indent=1) if arguments.json else status.in_words(told))
    return 0 if told["healthy"] else 1
