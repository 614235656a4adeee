"""./rentbook export journal: every posting, oldest first, so that software that no one here wrote recomputes every balance."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from rentbook_local.layout import Layout
from rentbook_local.problem import Problem
from rentbook_local.writing import has_space

_ANSWER_SECONDS = 30.0
PERSON = "export"
"""Who asks, as the ledger's trace names it. The services' own token opens the door."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command."""
    parser.add_argument("what", choices=("journal",), help="what to write")
    parser.add_argument("--format", choices=("hledger", "csv"), default="hledger", help="how to write it (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; else to the standard output")


def main(at: Layout, arguments: argparse.Namespace) -> int:
    """Ask the running ledger and write what it says. Errors: Problem where it does not answer or breaks off; then no file is left."""
    token = _token(at)
    address = f"{at.http('ledger')}/export/journal"
    if arguments.output is None:
        fetch(address, arguments.format, token, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return 0
    making = arguments.output.with_name(f"{arguments.output.name}.making")
    try:
        has_space(arguments.output)
        with making.open("wb") as file:
            fetch(address, arguments.format, token, file.write)
        making.replace(arguments.output)
    finally:
        making.unlink(missing_ok=True)
    return 0


def fetch(address: str, form: str, token: str, write: Callable[[bytes], object]) -> None:
    """Stream the export to `write`. Errors: Problem."""
    headers = {"Authorization": f"Bearer {token}", "X-Rentbook-Person": PERSON}
    try:
        with httpx.stream("GET", address, params={"format": form}, headers=headers, timeout=_ANSWER_SECONDS, trust_env=False) as answer:
            if answer.status_code != httpx.codes.OK:
                raise Problem(f"The ledger does not give its journal (status {answer.status_code}): see ./rentbook status.")
            for part in answer.iter_bytes():
                write(part)
    except httpx.HTTPError as fault:
        raise Problem(f"The ledger does not answer, or breaks off ({type(fault).__name__}): start it with ./rentbook run.") from fault


def _token(at: Layout) -> str:
    file = at.secrets_of("ledger") / "service_token"
    if not file.exists():
        raise Problem(f"The services' token {file} is missing: start the stack once with ./rentbook run.")
    return file.read_text(encoding="utf-8").strip()
