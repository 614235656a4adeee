"""The provision at a month's end on the real books: reported, posted once by finance, used up by write-offs."""

import asyncio
from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID

import pytest
import pytest_asyncio
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain import rules
from ledger.domain.dates import business_date
from ledger.queries.provision import provision
from ledger.use_cases.post_provision import post_provision
from ledger.use_cases.reverse_journal import reverse_journal
from rentbook_contracts.ledger import PostProvision, ProvisionAsked, ProvisionReport, ReverseJournal
from support.ledger_books import opened
from support.ledger_calls import do
from support.write_off_books import DEBTORS, OFFICER, OLD, Debts

FINANCE = Caller("fay.finance", frozenset({"finance"}))
APRIL, MAY, JUNE = date(2020, 4, 30), date(2020, 5, 31), date(2020, 6, 30)


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def report(debts: Debts, month_end: date) -> ProvisionReport:
    return await do(debts.runtime, lambda tx: provision(tx, ProvisionAsked(month_end=month_end)))


async def post(debts: Debts, month_end: date, caller: Caller = FINANCE) -> ProvisionReport:
    seen = (await report(debts, month_end)).to_post_pence
    return await do(debts.runtime, lambda tx: post_provision(tx, PostProvision(month_end=month_end, to_post_pence=seen)), caller)


def owed(told: ProvisionReport) -> dict[tuple[str, int], int]:
    return {(row.status, row.from_days): row.owed_pence for row in told.rows if row.owed_pence}


async def test_it_is_computed_from_what_was_effective_at_the_months_end(debts: Debts) -> None:
    april, may = await report(debts, APRIL), await report(debts, MAY)
    assert owed(april) == {("current", 0): 480_00 + 71_20 + 90_00}, "no receipt and no repair had come"
    assert owed(may) == {("former", 0): 280_00 + 71_20 + 90_00 + 50_00}
    assert (may.wanted_pence, may.held_pence, may.to_post_pence, may.journal) == (245_60, 0, 245_60, None)
    assert may.policy_version == "provision-2020-1"


@pytest.mark.parametrize(("keys", "status", "former"), [
    pytest.param(None, "ENDED_OPEN", (), id="the occupier stays"),
    pytest.param("2020-05-31", "ENDED_OPEN", (MAY, JUNE), id="the keys are back"),
    pytest.param("2020-06-01", "ENDED_OPEN", (JUNE,), id="since the next month"),
    pytest.param(None, "FORMER", (MAY, JUNE), id="nobody kept the day"),
])  # fmt: skip
async def test_use_and_occupation_is_a_former_tenants_once_the_keys_are_back(
    empty_ledger: Runtime, keys: str | None, status: str, former: tuple[date, ...]
) -> None:
    """domain.md 1.4: it begins when the tenancy ends and the occupier stays."""
    stays, tenancy = UUID(int=171), UUID(int=172)
    home = next(line for line in DEBTORS if line["record"] == "tenancy") | {"id": str(tenancy), "keys_returned_on": keys}
    account = next(line for line in DEBTORS if line["record"] == "account") | {
        "id": str(stays), "reference": "A171", "kind": "USEOCC", "status": status, "tenancy": str(tenancy), "weekly_charges": [],
    }  # fmt: skip
    charge = next(line for line in DEBTORS if line["record"] == "adjustment") | {"account": str(stays), "amount_pence": 60_00}
    at = next(at for at, line in enumerate(DEBTORS) if line["record"] == "account")
    await opened(empty_ledger, [*DEBTORS[:at], home, account, *DEBTORS[at:], charge])
    debts = Debts(empty_ledger)
    for month_end in (MAY, JUNE):
        told = await report(debts, month_end)
        of = {kind: sum(row.owed_pence for row in told.rows if row.status == kind) for kind in ("current", "former")}
        assert of == ({"current": 0, "former": 551_20} if month_end in former else {"current": 60_00, "former": 491_20})


async def test_nothing_is_posted_but_what_was_shown(debts: Debts) -> None:
    """Who looks at two months and posts both has seen the second as it was without the first."""
    shown = (await report(debts, MAY)).to_post_pence
    await post(debts, APRIL)
    with pytest.raises(rules.ProvisionMoved, match=r"would be posted by now"):
        await do(debts.runtime, lambda tx: post_provision(tx, PostProvision(month_end=MAY, to_post_pence=shown)), FINANCE)
    assert (await report(debts, MAY)).journal is None


async def test_finance_posts_the_difference_once(debts: Debts) -> None:
    posted, again = await asyncio.gather(post(debts, MAY), post(debts, MAY))
    assert posted == again == await report(debts, MAY)
    assert posted.journal is not None
    assert await debts.legs(posted.journal) == [("BAD_DEBT_EXPENSE", "", 245_60), ("BAD_DEBT_PROVISION", "", -245_60)]
    june = await report(debts, JUNE)
    assert (june.held_pence, june.to_post_pence) == (245_60, june.wanted_pence - 245_60)
    await post(debts, JUNE)
    with pytest.raises(rules.LaterMonthPosted):
        await post(debts, APRIL)
    assert ((await report(debts, APRIL)).later, june.later) == (JUNE, None)
    assert await report(debts, MAY) == posted, "as it was posted, for ever"


async def test_where_there_is_no_difference_there_is_no_journal_and_it_is_posted_all_the_same(debts: Debts) -> None:
    await post(debts, MAY)
    june = await post(debts, JUNE)
    assert (june.to_post_pence, june.journal) == (0, None)
    assert await debts.rows("SELECT count(*) FROM posted_provision") == [(2,)]


class InFortyDays:
    """The clock of the services once the month of the write-off has ended."""

    @staticmethod
    def now(zone: tzinfo) -> datetime:
        return datetime.now(zone) + timedelta(days=40)


async def test_a_write_off_uses_up_the_provision_and_the_next_month_closes_the_gap(debts: Debts, monkeypatch: pytest.MonkeyPatch) -> None:
    await post(debts, MAY)
    await debts.written_off(await debts.line(OLD))
    held_by_it = "SELECT -sum(amount_pence)::bigint FROM entry JOIN account ON account.id = account WHERE reference = 'BAD_DEBT_PROVISION'"
    [(held,)] = await debts.rows(held_by_it)
    assert held == 245_60 - 280_00
    assert (await report(debts, MAY)).held_pence == 0
    today = business_date(datetime.now(UTC))
    month_end = (today.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    monkeypatch.setattr("chassis.transaction.datetime", InFortyDays)
    closed = await post(debts, month_end)
    assert sum(owed(closed).values()) == 71_20 + 90_00 + 50_00
    assert (closed.held_pence, closed.to_post_pence) == (held, closed.wanted_pence - held)
    assert closed.journal is not None
    assert await debts.legs(closed.journal) == [
        ("BAD_DEBT_EXPENSE", "", closed.to_post_pence),
        ("BAD_DEBT_PROVISION", "", -closed.to_post_pence),
    ]
    assert await debts.rows(held_by_it) == [(closed.wanted_pence,)]


@pytest.mark.parametrize("day", [date(2020, 5, 30), date(2099, 12, 31)])
async def test_only_a_month_that_has_ended_has_an_end(debts: Debts, day: date) -> None:
    with pytest.raises(rules.NotAMonthsEnd):
        await report(debts, day)
    with pytest.raises(rules.NotAMonthsEnd):
        await post(debts, day)


async def test_a_month_that_ended_before_there_were_rates_says_so(debts: Debts) -> None:
    before = date(2019, 12, 31)
    with pytest.raises(rules.NoRatesInForce, match="Choose a later month") as refused:
        await report(debts, before)
    assert refused.value.field == "month_end"
    with pytest.raises(rules.NoRatesInForce):
        await post(debts, before)


async def test_nobody_but_finance_posts_it_and_nobody_reverses_it(debts: Debts) -> None:
    with pytest.raises(rules.NotAllowed):
        await post(debts, MAY, OFFICER)
    posted = await post(debts, MAY)
    assert posted.journal is not None
    with pytest.raises(rules.CorrectedByTheNext):
        await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=posted.journal or OLD, reason="x")), OFFICER)
