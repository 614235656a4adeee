"""`python -m ledger` runs the service. `open-estate FILE` and `debit-week MONDAY` are for operators; chassis knows the other words."""

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from chassis.process import main, make_runtime
from chassis.transaction import Runtime, Transaction, run
from pydantic import ValidationError
from rentbook_contracts.ledger import DebitWeek
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.words import counted

from ledger.app import make_app
from ledger.domain.dates import in_words
from ledger.domain.payer import fingerprint
from ledger.settings import LedgerSettings
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.open_estate import EstateOpened, open_estate

BY_HAND = ("open-estate", "debit-week")


async def do_by_hand(words: Sequence[str]) -> int:
    """Exit status: 0 done, 1 refused with one sentence that says why, 2 not understood."""
    if len(words) != 2:
        return _say(f"{words[0]} takes one argument: open-estate FILE, debit-week MONDAY", 2)
    try:
        settings = LedgerSettings()
        async with make_runtime("ledger", settings) as runtime:
            said = await (_open_estate(runtime, settings, Path(words[1])) if words[0] == "open-estate" else _debit_week(runtime, words[1]))
    except ValidationError as error:
        names = ", ".join(f"RENTBOOK_{fault['loc'][0]}".upper() for fault in error.errors(include_input=False))
        return _say(f"these settings are missing or wrong: {names}", 2)
    except BrokenRule as error:
        return _say(error.message, 1)
    except (OSError, ValueError) as error:
        return _say(str(error), 1)
    sys.stdout.write(f"{said}\n")
    return 0


async def _open_estate(runtime: Runtime, settings: LedgerSettings, path: Path) -> str:
    key = settings.payer_key()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()

        async def load(tx: Transaction) -> EstateOpened:
            file.seek(0)
            await tx.take_as_long_as_it_takes()
            return await open_estate(tx, lines=file, sha256=sha256, payer_of=lambda account: fingerprint(key, account))

        done = await run(runtime, load)
    if done.already:
        return "This estate was opened before; nothing was loaded."
    return f"Opened {done.name}: {counted(done.accounts, 'account')}, {counted(done.journals, 'journal')}."


async def _debit_week(runtime: Runtime, monday: str) -> str:
    week = DebitWeek(week_commencing=date.fromisoformat(monday))
    done = await run(runtime, lambda tx: debit_week(tx, week))
    if done.rent_free:
        return f"The week of {in_words(done.week_commencing)} charges nothing."
    return f"The week of {in_words(done.week_commencing)}: {counted(done.accounts, 'account')} debited, {done.total_pence} pence in all."


def _say(why: str, status: int) -> int:
    sys.stderr.write(f"ledger: {why}\n")
    return status


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in BY_HAND:
        sys.exit(asyncio.run(do_by_hand(sys.argv[1:])))
    main(make_app, LedgerSettings, sys.argv[1:], also=BY_HAND)
