"""Where letters about a tenancy go: its home while it lasts, then what somebody noted, and nowhere where nobody knows."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain import rules
from ledger.domain.letter_address import letters_go_to
from ledger.queries.account_page import account_page
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.note_letter_address import note_letter_address
from rentbook_contracts.ledger import AccountForRefund, AccountPage, AccountPageAsked, Addressee, LetterAddress, NoteLetterAddress
from sqlalchemy.exc import DBAPIError
from support.ledger_books import opened
from support.ledger_calls import do
from support.write_off_books import DEBTORS, GARAGE, OFFICER, OLD, OLD_HOME, RECHARGE, Debts

TODAY = date(2026, 11, 25)
HOME = "1 Elm Rise, AL8 6AA"
NEW = "2 New Road, Hull, HU1 1AA"
TENANTS, ESTATE = Addressee.TENANTS, Addressee.ESTATE


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def page(debts: Debts, account: UUID = OLD) -> AccountPage:
    return await do(debts.runtime, lambda tx: account_page(tx, AccountPageAsked(account=account)))


async def where(debts: Debts, account: UUID = OLD) -> dict[Addressee, str | None]:
    return {one.addressee: one.address for one in (await page(debts, account)).letter_addresses}


async def note(debts: Debts, addressee: Addressee, address: str | None, caller: Caller = OFFICER, **other: Any) -> None:
    told = NoteLetterAddress(**{"tenancy": OLD_HOME, "addressee": addressee, "address": address, "known_from": "a solicitor", **other})
    await do(debts.runtime, lambda tx: note_letter_address(tx, told), caller)


@pytest.mark.parametrize(
    ("ended_on", "address"),
    [(None, HOME), (TODAY + timedelta(days=1), HOME), (TODAY, None), (TODAY - timedelta(days=400), None)],
)
def test_the_home_is_written_to_as_long_as_the_tenancy_lasts(ended_on: date | None, address: str | None) -> None:
    assert letters_go_to(TENANTS, None, HOME, ended_on, TODAY).address == address
    noted = LetterAddress(addressee=TENANTS, address=NEW)
    assert letters_go_to(TENANTS, noted, HOME, ended_on, TODAY) is noted


async def test_of_who_has_left_no_address_is_known_until_one_is_noted(debts: Debts) -> None:
    assert await where(debts) == {TENANTS: None, ESTATE: None}
    assert (await debts.facts()).reachable == ()
    await note(debts, ESTATE, "1 Law Court, Hull", name="Quill & Co")
    assert await where(debts) == {TENANTS: None, ESTATE: "1 Law Court, Hull"}
    assert await where(debts, RECHARGE) == await where(debts), "every account of the tenancy"
    assert await where(debts, GARAGE) == {TENANTS: None, ESTATE: None}
    assert (await debts.facts()).reachable == (ESTATE,)
    shown = (await page(debts)).letter_addresses[1]
    assert (shown.name, shown.known_from, shown.noted_by) == ("Quill & Co", "a solicitor", OFFICER.person)
    assert not (await page(debts)).tenancy.forwarding_address_known


async def test_the_latest_word_counts_and_every_word_is_kept(debts: Debts) -> None:
    await note(debts, TENANTS, NEW)
    assert (await page(debts)).tenancy.forwarding_address_known
    await note(debts, TENANTS, None, known_from="the post came back")
    assert (await where(debts))[TENANTS] is None
    assert not (await page(debts)).tenancy.forwarding_address_known
    await note(debts, TENANTS, "3 Newer Road, Hull")
    assert (await where(debts))[TENANTS] == "3 Newer Road, Hull"
    kept = await debts.rows("SELECT address, by FROM letter_address ORDER BY id")
    assert kept == [(NEW, OFFICER.person), (None, OFFICER.person), ("3 Newer Road, Hull", OFFICER.person)]
    with pytest.raises(DBAPIError, match="permission denied"):
        async with debts.runtime.engine.begin() as connection:
            await connection.execute(sa.text("UPDATE letter_address SET address = 'elsewhere'"))


async def test_it_is_told_of_every_account_of_the_tenancy_and_without_the_address(debts: Debts) -> None:
    await note(debts, ESTATE, "1 Law Court, Hull", name="Quill & Co")
    told = await debts.rows("SELECT body FROM outbox_event WHERE headers ->> 'ce_type' = 'ledger.letter-address-changed.v1'")
    assert {str(account) in body for (body,) in told for account in (OLD, RECHARGE)} == {True, False}
    assert len(told) == 2
    assert not [body for (body,) in told if "Law" in body or "Quill" in body]


async def test_whoever_notes_where_letters_go_stands_behind_what_is_refunded_there(debts: Debts) -> None:
    async def actors() -> set[str]:
        return set((await do(debts.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=OLD)))).actors)

    before = await actors()
    await note(debts, ESTATE, NEW, Caller("bryn.officer", frozenset({"officer"})))
    assert await actors() == before | {"bryn.officer"}
    await note(debts, TENANTS, NEW, Caller("carys.senior", frozenset({"senior-officer"})))
    assert await actors() == before | {"bryn.officer", "carys.senior"}


async def test_an_auditor_notes_nothing_and_nobody_of_a_tenancy_that_is_none(debts: Debts) -> None:
    with pytest.raises(rules.NotAllowed):
        await note(debts, TENANTS, NEW, Caller("hugo.auditor", frozenset({"auditor"})))
    with pytest.raises(rules.NoSuchTenancy):
        await note(debts, TENANTS, NEW, tenancy=uuid4())


async def test_an_estate_brings_the_addresses_that_it_knows(empty_ledger: Runtime) -> None:
    known = {"forwarding_address": NEW}
    lines = [{**line, **known} if line.get("id") == str(OLD_HOME) else line for line in DEBTORS]
    await opened(empty_ledger, lines)
    debts = Debts(empty_ledger)
    assert await where(debts) == {TENANTS: NEW, ESTATE: None}
    shown = await page(debts)
    assert (shown.tenancy.forwarding_address_known, shown.letter_addresses[0].noted_by) == (True, "system")
