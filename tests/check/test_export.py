"""./rentbook export journal on a town in which everything has happened: hledger recomputes every balance; a torn export is no file."""

import argparse
import asyncio
import csv
import errno
import io
import shutil
import subprocess
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import uvicorn
from rentbook_local import export
from rentbook_local.layout import Layout
from rentbook_local.ports import free_ports
from rentbook_local.problem import Problem
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from .town import TOKEN, Town


@pytest_asyncio.fixture(loop_scope="session")
async def at(town: Town, tmp_path: Path) -> AsyncIterator[Layout]:
    """A stack of which only the ledger's addresses are served, and one beside them that breaks off."""
    [port] = free_ports(1)
    layout = Layout(tmp_path, port - 1)
    layout.secrets_of("ledger").mkdir(parents=True)
    (layout.secrets_of("ledger") / "service_token").write_text(f"{TOKEN}\n")
    app = Starlette(routes=[*town.apps["ledger"].routes(town.runtimes["ledger"]), Route("/torn", _torn)])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    yield layout
    server.should_exit = True
    await serving
    await town.runtimes["ledger"].engine.dispose()


async def _torn(_: Request) -> StreamingResponse:
    async def half() -> AsyncIterator[bytes]:
        yield b"; half a journal"
        raise OSError

    return StreamingResponse(half())


async def written(at: Layout, form: str) -> Path:
    file = at.folder / f"journal.{form}"
    words = argparse.Namespace(what="journal", format=form, output=file)
    assert await asyncio.to_thread(export.main, at, words) == 0
    return file


async def balances(town: Town) -> dict[str, int]:
    """Every account's balance in pence: the kept one of a tenant, the sum of its entries of any other."""
    connection = await asyncpg.connect(town.databases["ledger"].owner_dsn)
    try:
        rows = await connection.fetch(
            "SELECT reference, coalesce(balance_pence, sum(amount_pence))::bigint AS pence FROM account"
            " JOIN entry ON entry.account = account.id GROUP BY account.id"
        )
    finally:
        await connection.close()
    return {row["reference"]: row["pence"] for row in rows}


async def test_hledger_agrees_with_every_balance(town: Town, at: Layout) -> None:
    hledger = shutil.which("hledger")
    if hledger is None:
        pytest.skip("hledger is not installed: nobody else recomputed the balances")
    file = await written(at, "hledger")
    checks = [hledger, "-f", str(file), "check", "commodities"]
    assert await asyncio.to_thread(subprocess.call, checks) == 0
    words = [hledger, "-f", str(file), "balance", "--flat", "--empty", "--no-total", "-O", "csv"]
    told = await asyncio.to_thread(subprocess.check_output, words, text=True)
    rows = list(csv.reader(io.StringIO(told)))[1:]
    theirs = {name.rpartition(":")[2]: int(Decimal(amount.removeprefix("GBP ").replace(",", "")) * 100) for name, amount in rows}
    ours = await balances(town)
    assert len(ours) > 10
    assert theirs == ours


async def test_a_spreadsheet_agrees_too(town: Town, at: Layout) -> None:
    rows = list(csv.DictReader(io.StringIO((await written(at, "csv")).read_text(encoding="utf-8"))))
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], 0) + int(row["amount_pence"])
    assert sums == await balances(town)
    assert [int(row["seq"]) for row in rows] == sorted(int(row["seq"]) for row in rows)


async def test_a_torn_export_is_said_to_be_torn(at: Layout) -> None:
    parts: list[bytes] = []
    with pytest.raises(Problem, match=r"breaks off after 16 bytes .*not whole. Don’t use what was written"):
        await asyncio.to_thread(export.fetch, at, "csv", parts.append, "/torn")


def asked(output: Path) -> argparse.Namespace:
    return argparse.Namespace(what="journal", format="csv", output=output)


async def test_without_a_ledger_it_says_so_and_leaves_no_file(tmp_path: Path) -> None:
    at = Layout(tmp_path, free_ports(1)[0] - 1)
    at.secrets_of("ledger").mkdir(parents=True)
    (at.secrets_of("ledger") / "service_token").write_text(TOKEN)
    with pytest.raises(Problem, match=f"does not answer: no stack runs in {tmp_path}. Start it with ./rentbook run --state {tmp_path}"):
        await asyncio.to_thread(export.main, at, asked(tmp_path / "journal.csv"))
    assert {path.name for path in tmp_path.iterdir()} == {"secrets"}  # noqa: ASYNC240 - a folder of this test's own


async def test_another_stacks_ledger_is_told_from_ours(at: Layout) -> None:
    (at.secrets_of("ledger") / "service_token").write_text("not the token")
    with pytest.raises(Problem, match=r"status 401.: it is another stack. Name the folder .* with --state"):
        await asyncio.to_thread(export.fetch, at, "csv", lambda _: None)


async def test_a_state_that_was_never_ready_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"holds no stack that was ever ready: start it with ./rentbook run --state"):
        await asyncio.to_thread(export.main, Layout(tmp_path, 27300), asked(tmp_path / "journal.csv"))


async def test_a_place_that_cannot_be_written_is_told_with_what_to_do(at: Layout) -> None:
    folder = at.folder / "a folder"
    folder.mkdir()
    (at.folder / "a file").touch()
    for output, words in (
        (folder, "is a folder: name a file in it, such as .*journal.csv"),
        (at.folder / "nowhere" / "journal.csv", "There is no folder .*nowhere: make it first"),
        (at.folder / "a file" / "journal.csv", "There is no folder .*a file: make it first"),
        (Path("/proc/journal.csv"), "cannot be written .* choose another place with --output"),
    ):
        with pytest.raises(Problem, match=words):
            await asyncio.to_thread(export.main, at, asked(output))
    assert {path.name for path in at.folder.iterdir()} == {"secrets", "a folder", "a file"}


async def test_a_full_disk_is_told_and_leaves_no_file(at: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "fetch", full)
    with pytest.raises(Problem, match=r"The disk of .* is full, and nothing was left on it: make room there"):
        await asyncio.to_thread(export.main, at, asked(at.folder / "journal.csv"))
    assert {path.name for path in at.folder.iterdir()} == {"secrets"}
