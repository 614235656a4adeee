"""What would give a debt up without a decision, or put too much of it back, tried in SQL as the role that runs the service."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from chassis.transaction import Runtime
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.use_cases.reverse_journal import reverse_journal
from rentbook_contracts.ledger import PostWriteOff, ReverseJournal
from rentbook_local.postgres import Database
from support.ledger_books import opened
from support.ledger_calls import do
from support.servers import Postgres
from support.write_off_books import DEBTORS, OFFICER, OLD, TODAY, Debts, day

PROVISION = CONTROL_ACCOUNTS[Control.BAD_DEBT_PROVISION]


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


@pytest_asyncio.fixture(loop_scope="session")
async def app(debts: Debts, database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.app_dsn)
    yield connection
    await connection.close()


async def written(
    connection: asyncpg.Connection, code: str, pence: int, decision: UUID | None, line: UUID | None, reverses: UUID | None = None
) -> UUID:
    id_ = uuid4()
    await connection.execute(
        "WITH written AS (INSERT INTO journal (id, code, effective_date, posted_at, case_id, decision_id, reverses, actor, narrative) "
        "  VALUES ($1, $2, $3, now(), $4, $5, $6, 'system', '')), "
        "accepted AS (INSERT INTO accepted_posting VALUES ($1::text, '', $1)) "
        "INSERT INTO entry VALUES ($1, 1, $7, 'Basic rent', $8), ($1, 2, $9, '', -$8::bigint)",
        id_, code, TODAY, line, decision, reverses, OLD, pence, PROVISION,
    )  # fmt: skip
    return id_


async def approved(debts: Debts, **other: Any) -> PostWriteOff:
    return await debts.approve(await debts.line(), **other)


@pytest.mark.parametrize("code", ["WOF", "WON", "CWO"])
async def test_no_write_off_without_a_decision_that_was_heard_and_stands(debts: Debts, app: asyncpg.Connection, code: str) -> None:
    good, recalled, ended = await approved(debts), await approved(debts), await approved(debts)
    waits, declined = await approved(debts, carried_out_from=TODAY + timedelta(days=1)), await approved(debts, answer="declined")
    open_still = await approved(debts, completes=False)
    await debts.recall(recalled)
    await debts.comes_to_nothing(ended)
    named = good.lines[0].line
    refused: list[tuple[UUID | None, UUID | None]] = [
        (None, named), (uuid4(), named), (good.decision, None), (good.decision, uuid4()),
        *((asked.decision, asked.lines[0].line) for asked in (recalled, ended, waits, declined, open_still)),
    ]  # fmt: skip
    for decision, line in refused:
        with pytest.raises(asyncpg.CheckViolationError, match="rests on a decision"):
            await written(app, code, -5, decision, line)
    await written(app, code, -5, good.decision, named)


async def test_no_write_off_is_reversed(debts: Debts, app: asyncpg.Connection) -> None:
    asked = await approved(debts)
    [off] = await debts.post(asked)
    with pytest.raises(asyncpg.CheckViolationError, match="a_write_off_is_put_back_by_a_decision"):
        await written(app, "WOF", 280_00, asked.decision, asked.lines[0].line, reverses=off.journal)


async def test_no_more_is_put_back_than_was_written_off_and_a_discharged_debt_never(debts: Debts, app: asyncpg.Connection) -> None:
    asked = await approved(debts)
    decision, line = asked.decision, asked.lines[0].line
    put_back = "INSERT INTO reinstatement VALUES ($1, $2, $3)"
    wrote_off = "INSERT INTO written_off (journal, account, line, amount_pence, discharged) VALUES ($1, $2, $3, 100, $4)"
    for discharged, pence, rule in (
        (False, 101, "no_more_is_put_back_than_was_written_off"),
        (True, 1, "a discharged debt is never put back"),
    ):
        off, back = [await written(app, code, 100, decision, line) for code in ("WOF", "WON")]
        await app.execute(wrote_off, off, OLD, line, discharged)
        with pytest.raises(asyncpg.CheckViolationError, match=rule):
            await app.execute(put_back, back, off, pence)
    off, back = [await written(app, code, 100, decision, line) for code in ("WOF", "WON")]
    await app.execute(wrote_off, off, OLD, line, True)
    await app.execute("INSERT INTO reinstatement VALUES ($1, $2, 1, true)", back, off)
    off, first, second = [await written(app, code, 100, decision, line) for code in ("WOF", "WON", "WON")]
    await app.execute(wrote_off, off, OLD, line, False)
    await app.execute(put_back, first, off, 60)
    with pytest.raises(asyncpg.CheckViolationError, match="no_more_is_put_back"):
        await app.execute(put_back, second, off, 41)
    await app.execute(put_back, second, off, 40)
    with pytest.raises(asyncpg.CheckViolationError, match="a_reinstatement_is_of_something"):
        await app.execute(put_back, await written(app, "WON", 1, decision, line), off, -10)


async def test_a_write_off_is_of_its_charges_and_no_more_of_a_charge_goes_or_comes_back_than_there_is(
    debts: Debts, app: asyncpg.Connection
) -> None:
    asked = await approved(debts)
    decision, line = asked.decision, asked.lines[0].line
    # Of the charge of the second week 110.00 is basic rent.
    first, charge, other = [one.journal for one in (await debts.facts()).charges if one.element == "Basic rent"]

    async def wrote_off(pence: int, *of: tuple[UUID, str, int], released: object = None, discharged: bool = False) -> UUID:
        off = await written(app, "WOF", -pence, decision, line)
        insert = (
            "INSERT INTO written_off (journal, account, line, amount_pence, discharged, released_until) VALUES ($1, $2, $3, $4, $6, $5)"
        )
        await app.execute(insert, off, OLD, line, pence, released, discharged)
        return await named("written_off_charge", off, *of)

    async def put_back(off: UUID, pence: int, *of: tuple[UUID, str, int]) -> UUID:
        async with app.transaction():
            back = await written(app, "WON", pence, decision, line)
            await app.execute("INSERT INTO reinstatement VALUES ($1, $2, $3)", back, off, pence)
            return await named("reinstated_charge", back, *of) if of else back

    async def named(table: str, journal: UUID, *of: tuple[UUID, str, int]) -> UUID:
        rows = list(zip(*of, strict=True))
        await app.execute(f"INSERT INTO {table} SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::bigint[])", journal, *rows)
        return journal

    async def refused(rule: str, attempt: Any) -> None:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            async with app.transaction():
                await attempt
        assert caught.value.constraint_name == rule

    await refused("no_more_of_a_charge_is_written_off_than_it_was", wrote_off(111_00, (charge, "Basic rent", 111_00)))
    await refused("no_more_of_a_charge_is_written_off_than_it_was", wrote_off(1, (charge, "Water", 1)))
    await refused("a_write_off_is_of_its_charges", wrote_off(5, (charge, "Basic rent", 4)))
    await refused("a_write_off_is_of_its_charges", wrote_off(5, (charge, "Basic rent", 5), (charge, "Heating", 1)))
    await refused("something_of_a_charge_is_written_off", wrote_off(5, (charge, "Basic rent", 0)))
    off = await wrote_off(100_00, (charge, "Basic rent", 100_00))
    await refused("no_more_of_a_charge_is_written_off_than_it_was", wrote_off(10_01, (charge, "Basic rent", 10_01)))
    again = await wrote_off(10_00, (charge, "Basic rent", 10_00))
    await refused("no_more_of_a_charge_is_put_back_than_was_written_off", put_back(again, 10_00, (other, "Basic rent", 10_00)))
    await refused("a_reinstatement_is_of_its_charges", put_back(off, 40, (charge, "Basic rent", 41)))
    await put_back(off, 60_00, (charge, "Basic rent", 60_00))
    # What came back may be written off anew.
    await wrote_off(60_00, (charge, "Basic rent", 60_00))
    await refused("something_of_a_charge_is_put_back", put_back(off, 1, (charge, "Basic rent", 0)))
    await refused("a_reinstatement_is_of_its_charges", put_back(off, 1))

    released = await wrote_off(10, (other, "Basic rent", 10), released=day("2020-04-27"))
    await refused("what_an_order_has_released_is_never_put_back", put_back(released, 10, (other, "Basic rent", 10)))
    before = await wrote_off(10, (other, "Basic rent", 10), released=day("2020-04-26"))
    await put_back(before, 10, (other, "Basic rent", 10))

    # Nobody owes a charge that was undone: no law releases anybody from it.
    of_law = await wrote_off(20, (other, "Basic rent", 10), (first, "Basic rent", 10), discharged=True)
    await refused("a_discharged_debt_is_never_put_back", put_back(of_law, 1, (other, "Basic rent", 1)))
    wrong = ReverseJournal(journal=other, reason="charged in error")
    await do(debts.runtime, lambda tx: reverse_journal(tx, wrong), OFFICER)
    await put_back(released, 10, (other, "Basic rent", 10))
    await refused("a_discharged_debt_is_never_put_back", put_back(of_law, 11, (other, "Basic rent", 10), (first, "Basic rent", 1)))
    await refused("what_an_order_has_released_is_never_put_back", put_back(of_law, 10, (first, "Basic rent", 10)))
    await refused("a_reinstatement_is_of_its_charges", put_back(of_law, 10))
    await put_back(of_law, 10, (other, "Basic rent", 10))
    await refused("a_discharged_debt_is_never_put_back", put_back(of_law, 1, (first, "Basic rent", 1)))


async def test_even_a_superuser_makes_no_write_off_smaller(debts: Debts, database: Database, postgres: Postgres) -> None:
    await debts.post(await approved(debts))
    superuser = await asyncpg.connect(postgres.superuser_dsn(database.name))
    for change in (
        "reinstated_pence = 0",
        "amount_pence = 1",
        "released_until = '2020-01-01', reinstated_pence = 1",
        "discharged = true, reinstated_pence = 1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await superuser.execute(f"UPDATE written_off SET {change}")
    await superuser.close()


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("(gen_random_uuid(), $1, current_date, 0, 'weekly', current_date, now(), 'x')", "an_instalment_is_of_something"),
        ("(gen_random_uuid(), $1, current_date, 1, 'daily', current_date, now(), 'x')", "a_plan_has_a_known_rhythm"),
        ("(gen_random_uuid(), $1, current_date, 1, 'weekly', current_date - 1, now(), 'x')", "a_plan_begins_when_it_is_agreed"),
        ("(gen_random_uuid(), $1, current_date, 1, 'weekly', current_date, now(), 'x', now())", "a_plan_ends_whole"),
    ],
)
async def test_a_plan_is_whole(app: asyncpg.Connection, row: str, rule: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=rule):
        await app.execute(f"INSERT INTO payment_plan VALUES {row}", OLD)


async def test_an_account_has_one_plan_and_one_open_claim(app: asyncpg.Connection) -> None:
    plan = "INSERT INTO payment_plan VALUES (gen_random_uuid(), $1, current_date, 1, 'weekly', current_date, now(), 'x')"
    claim = "INSERT INTO housing_benefit_claim (account, since, reason, noted_at, noted_by) VALUES ($1, current_date, '', now(), 'x')"
    for statement, rule in ((plan, "an_account_has_one_plan"), (claim, "an_account_has_one_open_claim")):
        await app.execute(statement, OLD)
        with pytest.raises(asyncpg.UniqueViolationError, match=rule):
            await app.execute(statement, OLD)
    with pytest.raises(asyncpg.CheckViolationError, match="a_claim_is_decided_whole"):
        await app.execute("UPDATE housing_benefit_claim SET decided_at = now()")
