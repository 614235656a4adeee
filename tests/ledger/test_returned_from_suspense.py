"""A payment that lies in suspense, or was moved from there, and that the bank takes back: the return meets it where it stands."""

import asyncio
from uuid import UUID

import pytest
from chassis.transaction import run
from ledger.domain.rules import AlreadyMoved, AlreadyReversed
from ledger.queries.account_page import account_page
from ledger.queries.explain import explain_balance
from rentbook_contracts.ledger import AccountPage, AccountPageAsked, BalanceExplained, BankFilePage, ExplainBalance
from support.ledger_books import MAIN, MAIN_REFERENCE, NEIGHBOUR, NEIGHBOUR_REFERENCE, UNKNOWN_REFERENCE

from .domain.build_files import CashLine, Entry, Payment, allpay
from .test_bank_files import TODAY, Door, entry, statement
from .test_suspense import YESTERDAY, control, door, in_suspense, move, put_back, split

__all__ = ["door"]

WORDS = "rent for the blue door"
QUILL, OTHER = "LODGER QUILLFEATHER", "SOMEBODY ELSE"
IBAN, OTHER_IBAN = "GB33BUKB20201555555555", "GB94BARC10201530093459"


def cheque(reference: str, text: str = WORDS, payer: str = QUILL, iban: str = IBAN, **more: object) -> Entry:
    given = {"code": "PMNT/RCHQ/CCHQ", "payments": [Payment(text=[text], payer=payer, payer_iban=iban)], **more}
    return entry(reference, text, str(given.pop("pounds", "60.00")), **given)


def returned(reference: str, text: str = WORDS, payer: str = QUILL, iban: str = IBAN, **more: object) -> Entry:
    return cheque(reference, text, payer, iban, **{"sign": "DBIT", "code": "PMNT/RCHQ/UPCQ", "reversal": "true", **more})


async def take(door: Door, name: str, *entries: Entry) -> BankFilePage:
    return await door.take(f"{name}.xml", statement(*entries, number=name))


async def lies(door: Door, *entries: Entry) -> UUID:
    await take(door, "1", *(entries or (cheque("R1"),)))
    return (await in_suspense(door.runtime)).items[0].item


async def page(door: Door, account: UUID) -> AccountPage:
    return await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=account)), read_only=True)


async def explained(door: Door, account: UUID) -> BalanceExplained:
    return await run(door.runtime, lambda tx: explain_balance(tx, ExplainBalance(account=account)), read_only=True)


async def test_the_return_of_what_lies_in_suspense_takes_it_back_there(door: Door) -> None:
    item = await lies(door)
    back = await take(door, "2", returned("R2"))
    assert (back.receipts, back.total_pence, back.in_suspense) == (1, -60_00, 0)
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (0, 140_00)
    shown = await in_suspense(door.runtime)
    assert (shown.items, shown.in_all, shown.moved) == ((), 0, ())
    [one] = shown.taken_back
    assert (one.item, one.amount_pence, one.payer_name, one.file_name, one.on) == (item, 60_00, QUILL, "2.xml", YESTERDAY)
    assert (one.since, one.labels, one.by, one.bank_file) == (YESTERDAY, (), "lind.officer", back.bank_file)
    assert [(line.in_suspense, line.took_back_suspense, line.account) for line in back.lines] == [(False, True, None)]
    with pytest.raises(AlreadyMoved):
        await move(door.runtime, item, MAIN_REFERENCE)
    with pytest.raises(AlreadyReversed):
        await put_back(door.runtime, item)


async def test_the_return_of_what_was_moved_debits_the_account_and_leaves_nothing_in_suspense(door: Door) -> None:
    item = await lies(door)
    moved = await move(door.runtime, item, MAIN_REFERENCE)
    await take(door, "2", returned("R2"))
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (0, 140_00)
    shown = await page(door, MAIN)
    assert shown.balance_pence == -140_00
    debit = next(one for one in shown.entries if one.reverses == moved.journal)
    assert (debit.amount_pence, debit.effective_date, debit.provenance.file_name) == (60_00, YESTERDAY, "2.xml")
    assert debit.provenance.source == f"2.xml, line {debit.provenance.line}: the bank took back a payment that was moved from suspense"
    assert (debit.provenance.actor, debit.code_words) == ("lind.officer", "Returned cheque, of a payment that was moved from suspense")
    told = await explained(door, MAIN)
    [reversals] = [part for part in told.parts if part.kind == "reversals"]
    assert (told.balance_pence, reversals.sum_pence) == (-140_00, 60_00)
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, listed.moved) == (0, ())
    assert [[label.account for label in one.labels] for one in listed.taken_back] == [[MAIN]]
    with pytest.raises(AlreadyReversed):
        await put_back(door.runtime, moved.journal)


async def test_each_account_hears_of_it_once_and_in_order(door: Door) -> None:
    moved = await move(door.runtime, await lies(door), MAIN_REFERENCE)
    before = (await page(door, MAIN)).version
    await take(door, "2", returned("R2"))
    after = await page(door, MAIN)
    assert after.version == before + 1
    reverses = f"body::jsonb ->> 'reverses' = '{moved.journal}' AND body::jsonb ->> 'balance_pence' = '-14000'"
    assert await door.count(f"outbox_event WHERE key = '{MAIN}' AND {reverses} AND aggregate_version = {after.version}") == 1


async def test_the_return_of_what_was_moved_is_known_by_the_accounts_reference_too(door: Door) -> None:
    """The bank quotes the reference that the tenant should have given: the account is debited once, by the way that the money came."""
    moved = await move(door.runtime, await lies(door), MAIN_REFERENCE)
    await take(door, "2", returned("R2", MAIN_REFERENCE, "", ""))
    shown = await page(door, MAIN)
    assert (shown.balance_pence, [one.reverses for one in shown.entries if one.amount_pence > 0]) == (-140_00, [moved.journal])
    assert await control(door.runtime, "SUSPENSE") == 0
    with pytest.raises(AlreadyReversed):
        await put_back(door.runtime, moved.journal)


async def test_what_was_put_back_is_taken_back_from_suspense(door: Door) -> None:
    item = await lies(door)
    moved = await move(door.runtime, item, MAIN_REFERENCE)
    await put_back(door.runtime, moved.journal)
    await take(door, "2", returned("R2"))
    shown = await page(door, MAIN)
    assert (shown.balance_pence, await control(door.runtime, "SUSPENSE")) == (-140_00 + 60_00 - 60_00, 0)
    by_hand = next(one for one in shown.entries if one.reverses == moved.journal)
    assert (by_hand.provenance.file_name, by_hand.provenance.actor) == (None, "carol.senior"), "the return came later"


@pytest.mark.parametrize(
    ("back", "because"),
    [
        (returned("R9", "other words", OTHER, IBAN), "the same bank account"),
        (returned("R9", f"no funds {UNKNOWN_REFERENCE}", OTHER, OTHER_IBAN), "the same reference"),
        (returned("R9", f"RENT {UNKNOWN_REFERENCE}", "", ""), "the same words"),
        (returned("R9", "other words", "quillfeather lodger", ""), "the same name"),
        (returned("R9", f"RENT {UNKNOWN_REFERENCE}", "", "", reversal=""), "a bank that marks its code alone"),
    ],
)
async def test_it_is_known_by(door: Door, back: Entry, because: str) -> None:
    await lies(door, cheque("R1", f"rent {UNKNOWN_REFERENCE}"))
    await take(door, "2", back)
    assert (await in_suspense(door.runtime)).in_all == 0, because
    assert await control(door.runtime, "SUSPENSE") == 0


@pytest.mark.parametrize(
    ("back", "because"),
    [
        (returned("R9", "other words", OTHER, OTHER_IBAN), "nothing but the amount speaks for it"),
        (returned("R9", pounds="60.01"), "it is another amount"),
        (returned("R9", code="PMNT/IDDT/UPDD"), "an unpaid Direct Debit takes back a Direct Debit"),
        (returned("R9", "", "", ""), "it says nothing"),
    ],
)
async def test_it_is_left_to_people_where(door: Door, back: Entry, because: str) -> None:
    item = await lies(door)
    await take(door, "2", back)
    listed = await in_suspense(door.runtime)
    assert [one.item for one in listed.items if one.may_be_moved] == [item], because
    assert (listed.in_all, listed.taken_back) == (2, ())


async def test_of_two_that_it_may_be_nobody_guesses_and_the_better_known_is_taken(door: Door) -> None:
    await take(door, "1", cheque("R1", payer=OTHER, iban=OTHER_IBAN), cheque("R2", iban=""))
    await take(door, "2", returned("R3", payer="", iban=""))
    assert (await in_suspense(door.runtime)).in_all == 3, "the words are those of two payers"
    await take(door, "3", returned("R4", payer=OTHER, iban=OTHER_IBAN))
    listed = await in_suspense(door.runtime)
    assert [one.payer_name for one in listed.items if one.may_be_moved] == [QUILL]


async def test_two_alike_are_taken_back_one_by_one(door: Door) -> None:
    await take(door, "1", cheque("R1"), cheque("R2"))
    await take(door, "2", returned("R3"))
    assert (await in_suspense(door.runtime)).in_all == 1
    await take(door, "3", returned("R4"), returned("R5"))
    listed = await in_suspense(door.runtime)
    assert [one.amount_pence for one in listed.items] == [-60_00], "the third finds nothing that it takes back"
    assert await control(door.runtime, "SUSPENSE") == 60_00


async def test_what_was_split_comes_off_each_account_and_the_rest_leaves_suspense(door: Door) -> None:
    item = await lies(door)
    await split(door.runtime, item, (MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 15_00))
    await take(door, "2", returned("R2", NEIGHBOUR_REFERENCE, "", ""))
    assert ((await page(door, MAIN)).balance_pence, (await page(door, NEIGHBOUR)).balance_pence) == (-140_00, 30_00)
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (0, 140_00)
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, listed.moved) == (0, ())
    assert [[label.account for label in one.labels] for one in listed.taken_back] == [[MAIN, NEIGHBOUR]]
    assert await door.count("outbox_event WHERE headers::text LIKE '%ledger.journal-reversed.v1%'") == 2


async def test_a_file_that_brings_it_and_takes_it_back_leaves_nothing(door: Door) -> None:
    await take(door, "1", returned("R2"), cheque("R1"))
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, len(listed.taken_back), await control(door.runtime, "SUSPENSE")) == (0, 1, 0)


async def test_a_reference_with_a_slip_is_taken_back_where_the_payment_lies_and_not_from_the_account_it_then_quotes(door: Door) -> None:
    await lies(door)
    await take(door, "2", returned("R2", MAIN_REFERENCE))
    assert ((await in_suspense(door.runtime)).in_all, (await page(door, MAIN)).balance_pence) == (0, -140_00)


async def test_a_returned_cheque_of_the_cash_file(door: Door) -> None:
    """Type Q quotes what the payment quoted. The file has no type for the cheque itself, and any cash payment may be what it takes back."""
    day = f"{TODAY:%d/%m/%Y}"
    await door.take("cheques.txt", allpay([CashLine(reference="00000000", paid_on=day)]))
    await door.take("returned.txt", allpay([CashLine(reference="00000000", kind="C", pounds="-60.00", paid_on=day)]))
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, await control(door.runtime, "SUSPENSE")) == (0, 0)


async def test_what_was_moved_onto_an_account_that_is_closed_meanwhile_is_left_to_people(door: Door) -> None:
    item = await lies(door)
    await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    async with door.runtime.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE account SET status = 'CLOSED' WHERE id = '{NEIGHBOUR}'")
    await take(door, "2", returned("R2"))
    [left] = (await in_suspense(door.runtime)).items
    assert (left.amount_pence, left.may_be_moved) == (-60_00, False)
    assert (await page(door, NEIGHBOUR)).balance_pence == 30_00 - 60_00


async def test_the_same_bytes_again_take_nothing_back_twice(door: Door) -> None:
    await lies(door, cheque("R1"), cheque("R2"))
    content = statement(returned("R3"), number="2")
    await door.take("2.xml", content)
    await door.take("again.xml", content)
    assert ((await in_suspense(door.runtime)).in_all, await control(door.runtime, "SUSPENSE")) == (1, -60_00)


async def test_moved_and_returned_at_once_it_is_in_one_place(door: Door) -> None:
    """Whichever comes first: a move of what was taken back is refused, and what was moved is taken back from the account."""
    for number in range(4):
        await take(door, f"1{number}", cheque(f"R{number}", f"rent {number} door"))
        item = (await in_suspense(door.runtime)).items[-1].item
        both = await asyncio.gather(
            take(door, f"2{number}", returned(f"B{number}", f"rent {number} door")),
            move(door.runtime, item, MAIN_REFERENCE),
            return_exceptions=True,
        )
        assert not isinstance(both[0], BaseException)
        assert (await page(door, MAIN)).balance_pence == -140_00
        assert ((await in_suspense(door.runtime)).in_all, await control(door.runtime, "SUSPENSE")) == (0, 0)


async def test_nothing_personal_is_told_of_a_return(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await move(door.runtime, await lies(door), MAIN_REFERENCE)
    await take(door, "2", returned("R2"))
    assert await door.count("outbox_event WHERE body || headers::text ~ 'QUILLFEATHER|blue door|BUKB'") == 0
    assert "QUILLFEATHER" not in caplog.text
    assert "blue door" not in caplog.text
