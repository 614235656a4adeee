"""Opening a ledger with an estate."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from chassis.transaction import Runtime, run
from ledger.domain.dates import in_words
from ledger.domain.payer import fingerprint
from ledger.domain.rules import EstateRefused
from ledger.queries.account_page import account_page
from ledger.queries.debts import debts_for_write_off
from ledger.queries.explain import explain_balance
from ledger.queries.labels import account_labels, search_accounts
from ledger.queries.refund_facts import account_for_refund
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountKind,
    AccountPageAsked,
    Accounts,
    DebtsAsked,
    ExplainBalance,
    SearchAccounts,
)
from support.ledger_books import (
    ADA,
    BEN,
    FTA,
    HOME,
    HOUSEHOLD,
    LAST_MONTH,
    LAST_WEEK,
    MAIN,
    MAIN_REFERENCE,
    NEIGHBOUR,
    PAYER_KEY,
    RECHARGE,
    WEEK_BEFORE,
    opened,
)


async def test_balances_are_those_of_the_file_and_its_history(ledger: Runtime) -> None:
    labels = await run(ledger, lambda tx: account_labels(tx, Accounts(accounts=(MAIN, RECHARGE, FTA, NEIGHBOUR))), read_only=True)
    assert [label.balance_pence for label in labels.labels] == [-140_00, 85_50, 120_00, 30_00]
    assert labels.labels[0].names == ("Ada Okafor", "Ben Łuczak")
    assert labels.labels[0].address == "12 Elm Rise, Welwyn, AL8 6AA"


async def test_each_account_is_told_once_with_its_balance(ledger: Runtime) -> None:
    async with ledger.engine.connect() as connection:
        events = sa.text("SELECT key, aggregate_version, body FROM outbox_event WHERE topic = 'ledger.accounts'")
        told = (await connection.execute(events)).all()
    assert {(row.key, row.aggregate_version) for row in told} == {(line["id"], 1) for line in HOUSEHOLD if line["record"] == "account"}
    assert all("Okafor" not in row.body for row in told)


async def test_the_same_estate_again_loads_nothing_and_another_is_refused(ledger: Runtime) -> None:
    await opened(ledger, HOUSEHOLD)
    with pytest.raises(EstateRefused, match="another estate"):
        await opened(ledger, [*HOUSEHOLD, HOUSEHOLD[-1]])
    async with ledger.engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM journal")) == 5


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({**HOUSEHOLD[-2], "amount_pence": 0}, "Line 18: amount_pence"),
        ({**HOUSEHOLD[-2], "code": "DEB"}, "Line 18: DEB"),
        ({**HOUSEHOLD[-2], "effective_date": "2100-01-01"}, "Line 18: the effective date lies in the future"),
        ({"record": "person", "id": str(ADA), "name": "Ada"}, "Line 18: a line of kind person"),
        ({**HOUSEHOLD[-2], "account": str(ADA)}, "Line 18: .*breaks the rule"),
    ],
)
async def test_a_fault_refuses_the_whole_file_and_names_its_line(empty_ledger: Runtime, line: dict[str, object], why: str) -> None:
    with pytest.raises(EstateRefused, match=why):
        await opened(empty_ledger, [*HOUSEHOLD, line])
    async with empty_ledger.engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM property")) == 0


async def test_past_weeks_are_debited_from_the_charges_in_force(empty_ledger: Runtime) -> None:
    debits = {"record": "debits", "weeks": [str(WEEK_BEFORE), str(LAST_WEEK)]}
    await opened(empty_ledger, [*HOUSEHOLD[:15], debits, *HOUSEHOLD[15:]])
    page = await run(empty_ledger, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    assert page.balance_pence == 2 * 120_00 - 140_00
    assert [(entry.code, entry.element, entry.amount_pence) for entry in page.entries][:2] == [
        ("DEB", "Heating", 10_00),
        ("DEB", "Basic rent", 110_00),
    ]
    assert page.entries[0].running_pence == page.balance_pence
    assert page.entries[0].provenance.source == f"weekly debit of {in_words(LAST_WEEK)}"


async def test_what_a_refund_rests_on(ledger: Runtime) -> None:
    facts = await run(ledger, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert (facts.balance_pence, facts.cleared_credit_pence, facts.uncleared_pence) == (-140_00, 140_00, 0)
    assert facts.weekly_charge_pence == 120_00
    assert facts.pays_by_direct_debit
    assert {debt.account: (debt.kind, debt.former, debt.amount_pence, set(debt.people)) for debt in facts.debts} == {
        RECHARGE: (AccountKind.RECHARGE, False, 85_50, {ADA, BEN}),
        FTA: (AccountKind.RENT, True, 120_00, {ADA, BEN}),
    }
    assert facts.actors == ("grace.officer",)
    assert {credit.payer for credit in facts.credits} == {None, fingerprint(PAYER_KEY, "GB00ABCD08999966374958")}


async def test_who_left_before_the_end_has_no_part_in_credit_or_debt(empty_ledger: Runtime) -> None:
    def without_ben(line: dict[str, object]) -> dict[str, object]:
        if line["record"] != "tenancy" or line["id"] != str(HOME):
            return line
        return {**line, "tenants": [{"person": str(ADA)}, {"person": str(BEN), "joint": True, "until": "2024-01-07"}]}

    await opened(empty_ledger, [without_ben(line) for line in HOUSEHOLD])
    facts = await run(empty_ledger, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert [person.person for person in facts.people] == [ADA]
    assert {debt.account: set(debt.people) for debt in facts.debts} == {RECHARGE: {ADA}, FTA: {ADA, BEN}}
    theirs = await run(empty_ledger, lambda tx: account_for_refund(tx, AccountForRefund(account=FTA)), read_only=True)
    assert {person.person for person in theirs.people} == {ADA, BEN}
    page = await run(empty_ledger, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    assert {tenant.person for tenant in page.tenants} == {ADA, BEN}


async def test_a_balance_is_explained_by_parts_that_add_up(ledger: Runtime) -> None:
    told = await run(ledger, lambda tx: explain_balance(tx, ExplainBalance(account=MAIN)), read_only=True)
    assert told.balance_pence == -140_00
    assert [(part.kind, part.sum_pence) for part in told.parts] == [("receipts", -140_00)]


@pytest.mark.parametrize(
    ("text", "found"),
    [("okafor elm", 2), ("OKAFOR", 3), ("łuczak", 3), (MAIN_REFERENCE, 2), ("al8 6aa", 5), ("%", 2), ("nobody", 0), ("100%", 2), ("_", 0)],
)
async def test_accounts_are_found_by_name_address_and_reference(ledger: Runtime, text: str, found: int) -> None:
    answer = await run(ledger, lambda tx: search_accounts(tx, SearchAccounts(text=text)), read_only=True)
    assert len(answer.labels) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tran van minh", True),
        ("Trần Văn", True),
        ("MINH tran", True),
        ("陳", True),
        ("chan mei ling", True),
        ("chan mei-ling", True),
        ("okonkwo", True),
        ("oneill", True),
        ("O'Neill", True),
        ("AL86AA", True),
        ("al8 6aa", True),
        ("12 elm rise, welwyn", True),
        (MAIN_REFERENCE[:-1], True),
        (f"{MAIN_REFERENCE[:-1]}-rc", True),
        (f"{MAIN_REFERENCE[:4]} {MAIN_REFERENCE[4:].lower()}", True),
        ("AL86AB", False),
        ("tran van ming", False),
    ],
)
async def test_accounts_are_found_without_marks_letters_spaces_or_script(empty_ledger: Runtime, text: str, found: bool) -> None:
    named = {
        ADA: {"name": "Trần Văn Minh"},
        BEN: {"name": "陳 美玲 Ọkọnkwọ O’Neill", "latin": "Chan Mei-ling"},
    }
    people = {str(id_): words for id_, words in named.items()}
    await opened(empty_ledger, [line | people.get(str(line.get("id")), {}) for line in HOUSEHOLD])
    answer = await run(empty_ledger, lambda tx: search_accounts(tx, SearchAccounts(text=text)), read_only=True)
    assert (MAIN in {label.account for label in answer.labels} or RECHARGE in {label.account for label in answer.labels}) == found


@pytest.mark.parametrize(
    "typed", [f"{MAIN_REFERENCE[:4]} {MAIN_REFERENCE[4:8]} {MAIN_REFERENCE[8:].lower()}", f"{MAIN_REFERENCE[:2]} {MAIN_REFERENCE[2:-1]}"]
)
async def test_a_whole_reference_that_is_typed_in_groups_finds_its_account_alone(ledger: Runtime, typed: str) -> None:
    answer = await run(ledger, lambda tx: search_accounts(tx, SearchAccounts(text=typed)), read_only=True)
    assert [label.account for label in answer.labels] == [MAIN]


async def test_a_search_says_when_there_is_more(ledger: Runtime) -> None:
    answer = await run(ledger, lambda tx: search_accounts(tx, SearchAccounts(text="elm", limit=1)), read_only=True)
    assert (len(answer.labels), answer.more) == (1, True)


async def test_a_payment_plan_comes_along_and_receipts_since_it_was_agreed_keep_it(empty_ledger: Runtime) -> None:
    plan = {"record": "plan", "account": str(FTA), "agreed_on": str(LAST_MONTH), "instalment_pence": 20_00, "rhythm": "weekly"}
    first = LAST_MONTH + timedelta(days=7)
    late = {"record": "receipt", "account": str(FTA), "code": "RSO", "amount_pence": 100_00, "effective_date": str(first)}
    await opened(empty_ledger, [*HOUSEHOLD[:15], {**plan, "first_due_on": str(first)}, *HOUSEHOLD[15:], late])
    read = await run(empty_ledger, lambda tx: debts_for_write_off(tx, DebtsAsked(accounts=(FTA,))), read_only=True)
    assert read.debts[0].plan is not None
    assert (read.debts[0].plan.instalment_pence, read.debts[0].plan.kept) == (20_00, True)


async def test_a_plan_of_a_day_to_come_is_refused(empty_ledger: Runtime) -> None:
    plan = {"record": "plan", "account": str(FTA), "agreed_on": "2100-01-01", "instalment_pence": 20_00, "rhythm": "weekly"}
    with pytest.raises(EstateRefused, match="Line 16: the day on which the plan was agreed lies in the future"):
        await opened(empty_ledger, [*HOUSEHOLD[:15], {**plan, "first_due_on": "2100-01-08"}])


async def test_an_opening_balance_counts_from_the_day_that_it_names_however_long_ago(empty_ledger: Runtime) -> None:
    """Since when it is owed, and how old it is, are what the earlier system knew: the books began later."""
    await opened(empty_ledger, [_opening_on(line, "2019-02-04") for line in HOUSEHOLD])
    read = await run(empty_ledger, lambda tx: debts_for_write_off(tx, DebtsAsked(accounts=(FTA,))), read_only=True)
    assert [(charge.due_on, charge.owed_pence) for charge in read.debts[0].charges] == [(date(2019, 2, 4), 120_00)]


async def test_an_opening_balance_of_a_day_to_come_is_refused(empty_ledger: Runtime) -> None:
    with pytest.raises(EstateRefused, match="Line 13: the day of the opening balance lies in the future"):
        await opened(empty_ledger, [_opening_on(line, "2100-01-01") for line in HOUSEHOLD])


def _opening_on(line: dict[str, Any], day: str) -> dict[str, Any]:
    """The debt of the former tenancy, as brought along of another day."""
    return {**line, "opening": {**line["opening"], "on": day}} if line.get("id") == str(FTA) else line
