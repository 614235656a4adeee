"""./rentbook export journal: every posting, oldest first, so that software that no one here wrote recomputes every balance."""

import argparse
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
from rentbook_contracts.people import Role

from rentbook_local.layout import Layout, owner
from rentbook_local.problem import Problem
from rentbook_local.writing import has_space, is_full

_ANSWER_SECONDS = 30.0
PERSON, ROLE = "export", Role.AUDITOR
"""Who asks, as the ledger's trace names it, and what they read: everything. The services' own token opens the door."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command."""
    parser.add_argument("what", choices=("journal",), help="what to write")
    parser.add_argument("--format", choices=("hledger", "csv"), default="hledger", help="how to write it (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; else to the standard output")


def main(at: Layout, arguments: argparse.Namespace) -> int:
    """Ask the running ledger and write what it says. Errors: Problem where it does not answer or breaks off; then no file is left."""
    if arguments.output is None:
        try:
            fetch(at, arguments.format, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as fault:
            words = (
                f"What the journal is written to takes no more ({fault.strerror}): it is not whole. Make room there and export it again."
            )
            raise Problem(words) from fault
        return 0
    output: Path = arguments.output
    if output.is_dir():
        raise Problem(f"{output} is a folder: name a file in it, such as {output / f'journal.{arguments.format}'}.")
    making = output.with_name(f"{output.name}.making")
    try:
        has_space(arguments.output)
        with making.open("wb") as file:
            fetch(at, arguments.format, file.write)
        making.replace(output)
    except OSError as fault:
        raise Problem(_unwritten(output, fault)) from fault
    finally:
        with suppress(OSError):
            making.unlink(missing_ok=True)
    return 0


def fetch(at: Layout, form: str, write: Callable[[bytes], object], path: str = "/export/journal") -> None:
    """Stream the export to `write`. Errors: Problem; OSError where it cannot be written."""
    address, written = f"{at.http('ledger')}{path}", 0
    headers = {"Authorization": f"Bearer {_token(at)}", "X-Rentbook-Person": PERSON, "X-Rentbook-Roles": ROLE}
    try:
        with httpx.stream("GET", address, params={"format": form}, headers=headers, timeout=_ANSWER_SECONDS, trust_env=False) as answer:
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise Problem(
                    f"Whoever answers at {address} does not take the token of {at.folder} (status 401): it is another stack. "
                    "Name the folder of the one that you mean with --state."
                )
            if answer.status_code != httpx.codes.OK:
                raise Problem(f"The ledger does not give its journal (status {answer.status_code}): see {_command(at, 'status')}.")
            for part in answer.iter_bytes():
                write(part)
                written += len(part)
    except httpx.HTTPError as fault:
        raise Problem(_no_answer(at, address, written, type(fault).__name__)) from fault


def _no_answer(at: Layout, address: str, written: int, fault: str) -> str:
    if written:
        return (
            f"The ledger breaks off after {written} bytes ({fault}): the journal is not whole. Don’t use what was written, see "
            f"{_command(at, 'status')}, and export it again."
        )
    if owner(at) is None:
        return f"The ledger does not answer: no stack runs in {at.folder}. Start it with {_command(at, 'run')}, then export again."
    return f"The ledger does not answer at {address} ({fault}), though its stack runs: see {_command(at, 'status')}, then export again."


def _unwritten(output: Path, fault: OSError) -> str:
    """Why a file cannot be written, and what to do about it. Nothing is left of it."""
    if is_full(fault):
        return f"The disk of {output} is full, and nothing was left on it: make room there, or choose another place with --output."
    if not output.parent.is_dir():
        return f"There is no folder {output.parent}: make it first, or choose another place with --output."
    return f"{output} cannot be written ({fault.strerror}): choose another place with --output."


def _command(at: Layout, name: str) -> str:
    return f"./rentbook {name} --state {shlex.quote(str(at.folder))}"


def _token(at: Layout) -> str:
    file = at.secrets_of("ledger") / "service_token"
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise Problem(f"{at.folder} holds no stack that was ever ready: start it with {_command(at, 'run')}.") from None
    except OSError as fault:
        raise Problem(
            f"The services’ token {file} cannot be read ({fault.strerror}): run this as the user who started the stack."
        ) from fault
