"""The counting service as a process of its own, as `python -m counter` would be."""

import os
import sys

from chassis.process import main
from chassis.serving import App, Subscription
from chassis.settings import Settings
from chassis.transaction import Transaction
from rentbook_contracts.operation import BrokenRule
from support.counting import Counted, note

from chassis import process


class NotMended(BrokenRule):
    """What the event speaks of is not as it has to be."""


async def note_or_die(tx: Transaction, fact: Counted) -> None:
    """Dies in the middle of the third event, once: after its rows, before the commit. One event can't be taken, by a rule or by a fault."""
    await note(tx, fact)
    if os.environ.get("COUNTER_REFUSES") == f"{fact.counted}/{fact.number}":
        raise NotMended("Not before it is mended.")
    if os.environ.get("COUNTER_FAILS_ON") == f"{fact.counted}/{fact.number}":
        raise RuntimeError("a fault of its own")
    died = tx.settings(Settings).secrets_dir / "has-died"
    if fact.number == 3 and os.environ.get("COUNTER_DIES") and not died.exists():
        died.touch()
        os._exit(9)


def make_app(settings: Settings) -> App:
    return App("counter", listens=(Subscription(Counted, note_or_die),))


if __name__ == "__main__":
    if limit := os.environ.get("COUNTER_TRANSACTION_SECONDS"):
        # So that a test need not wait long until what a standing process holds comes free.
        process.IDLE_TRANSACTION_LIMIT_SECONDS = process.TRANSACTION_LIMIT_SECONDS = int(limit)
    main(make_app, Settings, sys.argv[1:])
