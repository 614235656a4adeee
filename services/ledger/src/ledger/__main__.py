"""`python -m ledger` runs the service. `open-estate FILE` and `debit-week MONDAY` are for operators; chassis knows the other words."""

import asyncio
import sys

from chassis.process import main

from ledger.app import make_app
from ledger.by_hand import BY_HAND, do_by_hand
from ledger.settings import LedgerSettings

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in BY_HAND:
        sys.exit(asyncio.run(do_by_hand(sys.argv[1:])))
    main(make_app, LedgerSettings, sys.argv[1:])
