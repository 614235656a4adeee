"""`python -m refunds`: run the service; `migrate`, `parked` and `rewrap-keys` are for operators."""

import asyncio
import sys

from chassis.process import main
from pydantic import ValidationError
from rentbook_contracts.words import counted
from sqlalchemy.ext.asyncio import create_async_engine

from refunds.app import make_app
from refunds.domain.envelope import Unopenable
from refunds.settings import RefundsSettings, RewrapSettings
from refunds.store.envelopes import left_under_other_keys, rewrap_all


async def rewrap_keys(settings: RewrapSettings) -> str:
    """Wrap every envelope under the current key, as the owner of the tables. Errors: UnusableKeyRing, Unopenable."""
    keys = settings.key_ring()
    engine = create_async_engine(settings.owner_database_url, hide_parameters=True)
    try:
        done = await rewrap_all(engine, keys)
        left = await left_under_other_keys(engine, keys)
    finally:
        await engine.dispose()
    told = ", ".join(f"{count} {words}" for words, count in done.items())
    came = counted(left, "envelope")
    rest = f"{came} came meanwhile under another key: run this again." if left else "Nothing is left under another key."
    return f"Wrapped anew under {keys.current}: {told}. {rest}"


def _by_hand() -> int:
    try:
        said = asyncio.run(rewrap_keys(RewrapSettings()))
    except ValidationError as error:
        names = ", ".join(f"RENTBOOK_{fault['loc'][0]}".upper() for fault in error.errors(include_input=False))
        return _say(f"these settings are missing or wrong: {names}", 2)
    except (Unopenable, ValueError, OSError) as error:
        return _say(f"{error}. What was wrapped before it stays so.", 1)
    sys.stdout.write(f"{said}\n")
    return 0


def _say(why: str, status: int) -> int:
    sys.stderr.write(f"refunds: {why}\n")
    return status


if __name__ == "__main__":
    if sys.argv[1:] == ["rewrap-keys"]:
        sys.exit(_by_hand())
    main(make_app, RefundsSettings, sys.argv[1:], also=("rewrap-keys",))
