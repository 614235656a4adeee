"""PostgreSQL commits and its reply does not arrive: that is *unknown* and not failed, and the same key again does nothing twice."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from chassis.faults import may_pass
from chassis.process import make_runtime
from chassis.transaction import Runtime, once, run
from rentbook_local.postgres import Database
from support.counting import TOKEN, CountedTo, CountUp, count_up, scalar, settings_for

from faults.proxy import Misdeed, before

KEY = "form:of-the-test"


async def count_once(runtime: Runtime) -> CountedTo:
    argument = CountUp(key="a")
    return await run(runtime, lambda tx: once(tx, key=KEY, name="count-up", argument=argument, gives=CountedTo, use_case=count_up))


@pytest.mark.parametrize("misdeed", [Misdeed.CUT, Misdeed.HALF_CLOSE])
async def test_a_command_whose_commit_was_not_answered_is_sent_again_and_done_once(
    database: Database, tmp_path: Path, misdeed: Misdeed
) -> None:
    (tmp_path / "service_token").write_text(f"{TOKEN}\n")
    address = sa.make_url(database.app_url)
    async with before(address.host or "127.0.0.1", address.port or 5432) as (proxy, port):
        through = settings_for(database, tmp_path, database_url=address.set(port=port).render_as_string(hide_password=False))
        async with make_runtime("counter", through) as runtime:
            await scalar(runtime, "SELECT 1")
            proxy.next_commit = misdeed
            with pytest.raises((sa.exc.DBAPIError, OSError)) as unknown:
                await count_once(runtime)
            assert may_pass(unknown.value), "what is not known must be tried again, never parked"
            assert (await count_once(runtime)).number == 1
            assert await scalar(runtime, "SELECT count(*) FROM outbox_event") == 1
            assert await scalar(runtime, "SELECT version FROM count WHERE key = 'a'") == 1
    assert proxy.done == [misdeed]


async def test_a_late_reply_to_a_commit_is_waited_for(database: Database, tmp_path: Path) -> None:
    (tmp_path / "service_token").write_text(f"{TOKEN}\n")
    address = sa.make_url(database.app_url)
    async with before(address.host or "127.0.0.1", address.port or 5432) as (proxy, port):
        through = settings_for(database, tmp_path, database_url=address.set(port=port).render_as_string(hide_password=False))
        async with make_runtime("counter", through) as runtime:
            proxy.next_commit = Misdeed.DELAY
            assert (await count_once(runtime)).number == 1
            assert (await count_once(runtime)).number == 1
    assert proxy.done == [Misdeed.DELAY]
