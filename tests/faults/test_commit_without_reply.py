"""PostgreSQL commits and its reply does not arrive: that is *unknown* and not failed, and the same key again does nothing twice."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from chassis.faults import may_pass
from chassis.process import make_runtime
from chassis.transaction import Runtime, once, run
from rentbook_local.postgres import Database
from support.counting import TOKEN, CountedTo, CountUp, count_up, scalar, settings_for

from faults.proxy import Misdeed, before
from faults.table import Outcome, Tally, trying

KEY = "form:of-the-test"


async def count_once(runtime: Runtime) -> CountedTo:
    argument = CountUp(key="a")
    return await run(runtime, lambda tx: once(tx, key=KEY, name="count-up", argument=argument, gives=CountedTo, use_case=count_up))


@pytest.mark.parametrize("misdeed", Misdeed)
async def test_a_command_whose_commit_was_not_answered_in_time_is_done_once(
    database: Database, tmp_path: Path, outcomes: list[Outcome], tally: Tally, misdeed: Misdeed
) -> None:
    """A reply that never comes is *unknown*, and the command is sent again; one that comes late is waited for."""
    (tmp_path / "service_token").write_text(f"{TOKEN}\n")
    address = sa.make_url(database.app_url)
    row = Outcome(f"a reply to COMMIT: {misdeed.name.lower().replace('_', ' ')}", 1)
    with trying(outcomes, tally, row):
        async with before(address.host or "127.0.0.1", address.port or 5432) as (proxy, port):
            through = settings_for(database, tmp_path, database_url=address.set(port=port).render_as_string(hide_password=False))
            async with make_runtime("counter", through) as runtime:
                await scalar(runtime, "SELECT 1")
                proxy.next_commit = misdeed
                if misdeed is not Misdeed.DELAY:
                    with pytest.raises((sa.exc.DBAPIError, OSError)) as unknown:
                        await count_once(runtime)
                    assert may_pass(unknown.value), "what is not known must be tried again, never parked"
                answered = await count_once(runtime)
                tally.count += 1
                [done] = proxy.done
                row.recovered.append(time.monotonic() - done.began)
                again = await count_once(runtime)
                times = await scalar(runtime, "SELECT version FROM count WHERE key = 'a'")
                facts = await scalar(runtime, "SELECT count(*) FROM outbox_event")
        row.took_effect(["a"], ["a"] * (times or 0))
        assert (answered.number, again.number, times, facts) == (1, 1, 1, 1)
        assert done.misdeed is misdeed
        assert done.over is not None
