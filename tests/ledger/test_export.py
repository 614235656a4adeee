"""The journal as others read it: hledger recomputes every balance, and a spreadsheet computes nothing."""

import csv
import io
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from chassis.peers import headers_of
from chassis.transaction import Caller, Runtime, run
from ledger.queries.provision import provision
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.post_provision import post_provision
from ledger.web import routes
from rentbook_contracts.ledger import DebitWeek, LineKind, PostProvision, ProvisionAsked
from starlette.applications import Starlette
from support.ledger_books import HOUSEHOLD, LAST_WEEK, opened
from support.write_off_books import CREDIT, DEBTORS, Debts, day


async def exported(runtime: Runtime, form: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=list(routes(runtime))))
    headers = headers_of(Caller("vera.auditor", frozenset({"auditor"})), "token-of-the-services", form=None)
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
        return await http.get("/export/journal", params={"format": form}, headers=headers)


async def balances(runtime: Runtime) -> dict[str, int]:
    async with runtime.engine.connect() as connection:
        wanted = sa.text("SELECT reference, sum(amount_pence)::bigint FROM entry JOIN account ON account.id = account GROUP BY 1")
        return {row[0]: row[1] for row in await connection.execute(wanted)}


async def test_hledger_agrees_to_the_penny(ledger: Runtime, tmp_path: Path) -> None:
    hledger = shutil.which("hledger")
    if hledger is None:
        pytest.skip("hledger is not installed: nobody else recomputed the balances")
    await run(ledger, lambda tx: debit_week(tx, DebitWeek(week_commencing=LAST_WEEK)))
    file = tmp_path / "rentbook.journal"
    file.write_bytes((await exported(ledger, "hledger")).content)
    assert recomputed(hledger, file) == await balances(ledger)


async def test_hledger_agrees_on_debts_written_off_put_back_and_provided_for(empty_ledger: Runtime, tmp_path: Path) -> None:
    hledger = shutil.which("hledger")
    if hledger is None:
        pytest.skip("hledger is not installed: nobody else recomputed the balances")
    await opened(empty_ledger, DEBTORS)
    debts = Debts(empty_ledger)
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await debts.written_off(await debts.back(off.journal, ("Basic rent", 100_00)), await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    finance = Caller("fay.finance", frozenset({"finance"}))
    month_end = day("2020-05-31")
    seen = (await run(empty_ledger, lambda tx: provision(tx, ProvisionAsked(month_end=month_end)))).to_post_pence
    await run(empty_ledger, lambda tx: post_provision(tx, PostProvision(month_end=month_end, to_post_pence=seen)), caller=finance)
    file = tmp_path / "rentbook.journal"
    file.write_bytes((await exported(empty_ledger, "hledger")).content)
    agreed = recomputed(hledger, file)
    assert agreed == await balances(empty_ledger)
    assert (agreed["A101"], agreed["CREDITS_WRITTEN_ON"]) == (100_00, -25_00)


def recomputed(hledger: str, file: Path) -> dict[str, int]:
    """Every account's balance in pence, as hledger computes it; hledger's own checks hold."""
    subprocess.run([hledger, "-f", str(file), "check"], check=True)
    words = [hledger, "-f", str(file), "balance", "--flat", "--empty", "--no-total", "-O", "csv"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    rows = list(csv.reader(io.StringIO(told)))[1:]
    return {account.rpartition(":")[2]: int(Decimal(amount.removeprefix("GBP ").replace(",", "")) * 100) for account, amount in rows}


async def test_csv_adds_up_and_is_oldest_first(ledger: Runtime) -> None:
    answer = await exported(ledger, "csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [int(row["seq"]) for row in rows] == sorted(int(row["seq"]) for row in rows)
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], 0) + int(row["amount_pence"])
    assert sums == await balances(ledger)


async def test_a_cell_of_the_csv_is_never_a_formula(empty_ledger: Runtime) -> None:
    charges = [{"element": "=cmd|' /C calc'!A0", "amount_pence": 1, "from": "2020-04-06"}]
    lines = [{**line, "weekly_charges": charges} if line.get("weekly_charges") else line for line in HOUSEHOLD]
    await opened(empty_ledger, lines)
    await run(empty_ledger, lambda tx: debit_week(tx, DebitWeek(week_commencing=LAST_WEEK)))
    rows = list(csv.DictReader(io.StringIO((await exported(empty_ledger, "csv")).text)))
    elements = {row["element"] for row in rows}
    assert "'=cmd|' /C calc'!A0" in elements
    assert not any(element.startswith(("=", "+", "-", "@")) for element in elements)


async def test_another_format_is_refused(ledger: Runtime) -> None:
    answer = await exported(ledger, "xls")
    assert (answer.status_code, answer.json()["rule"]) == (400, "UnknownFormat")
