"""A return of which nothing but the amount is known: a person says which payment it takes back, and may take that word back."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from chassis.peers import Caller
from chassis.transaction import Runtime, run
from ledger.domain.rules import AccountClosed, AlreadyMoved, AlreadyReversed, NoSuchItem, NotAllowed, NotAReturn, NotMatched, NotThatPayment
from ledger.queries.refund_facts import account_for_refund
from ledger.queries.returned import return_page
from ledger.use_cases.match_return import match_return
from ledger.use_cases.unmatch_return import unmatch_return
from rentbook_contracts.ledger import (
    AccountForRefund,
    MatchReturn,
    ReturnAsked,
    ReturnMatched,
    ReturnPage,
    ReturnUnmatched,
    UnmatchReturn,
)
from sqlalchemy.exc import IntegrityError
from support.ledger_books import MAIN, MAIN_REFERENCE, NEIGHBOUR, NEIGHBOUR_REFERENCE

from .domain.build_files import CashLine, allpay
from .test_bank_files import TODAY, Door, entry
from .test_returned_from_suspense import OTHER, OTHER_IBAN, cheque, explained, page, returned, take
from .test_suspense import FINANCE, YESTERDAY, control, door, in_suspense, move, put_back, split

__all__ = ["door"]

BEN = Caller("ben.officer", frozenset({"officer"}))
DILIP = Caller("dilip.leader", frozenset({"team-leader"}))
MUTE = {"text": "other words", "payer": "", "iban": ""}


async def came_back(door: Door, number: str = "9", **more: str) -> UUID:
    """A return that says nothing of what it takes back: it lies in suspense."""
    file = await take(door, number, returned(f"B{number}", **{**MUTE, **more}))
    assert file.in_suspense == 1
    return next(one.item for one in (await in_suspense(door.runtime)).items if one.bank_file == file.bank_file)


async def candidates(door: Door, item: UUID, reference: str | None = None) -> ReturnPage:
    return await run(door.runtime, lambda tx: return_page(tx, ReturnAsked(item=item, reference=reference)), read_only=True)


async def match(runtime: Runtime, item: UUID, payment: UUID, caller: Caller = BEN) -> ReturnMatched:
    asked = MatchReturn(item=item, payment=payment, reason="the bank said so on the phone")
    return await run(runtime, lambda tx: match_return(tx, asked), caller=caller)


async def unmatch(runtime: Runtime, item: UUID, caller: Caller = DILIP) -> ReturnUnmatched:
    return await run(runtime, lambda tx: unmatch_return(tx, UnmatchReturn(item=item, reason="another tenant's cheque")), caller=caller)


async def actors(door: Door, account: UUID) -> set[str]:
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=account)), read_only=True)
    return set(facts.actors)


async def on_main(door: Door, number: str = "1", payer: str = OTHER, iban: str = OTHER_IBAN) -> UUID:
    """A cheque that a file brought onto the account itself."""
    file = await take(door, number, cheque(f"R{number}", MAIN_REFERENCE, payer, iban))
    [line] = file.lines
    assert line.account == MAIN
    assert line.journal is not None
    return line.journal


async def lying(door: Door, number: str = "1", **more: str) -> UUID:
    file = await take(door, number, cheque(f"R{number}", **more))
    return next(one.item for one in (await in_suspense(door.runtime)).items if one.bank_file == file.bank_file)


async def test_the_payments_that_it_may_be_with_what_speaks_for_and_against_each(door: Door) -> None:
    direct = await on_main(door)
    item = await lying(door, "2")
    await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    await take(door, "3", cheque("R3", pounds="60.01"), entry("RX", "a bank payment"))
    lies = await lying(door, "4", text="other words", payer="WORDS ALONE", iban="")
    back = await came_back(door, text="words that nobody wrote")
    shown = await candidates(door, back)
    assert (shown.amount_pence, shown.on, shown.code_words, shown.match) == (60_00, YESTERDAY, "Returned cheque", None)
    found = {one.payment: one for one in shown.payments}
    assert (set(found), shown.in_all) == ({direct, item, lies}, 3)
    assert [[label.account for label in found[one].labels] for one in (direct, item, lies)] == [[MAIN], [NEIGHBOUR], []]
    assert (found[item].payer_name, found[item].file_name, found[item].on) == ("LODGER QUILLFEATHER", "2.xml", YESTERDAY)
    assert {one.speaks for one in shown.payments} == {()}
    only = await candidates(door, back, " 97 000 023 e ")
    assert ([one.payment for one in only.payments], only.in_all) == ([direct], 1)
    assert [one.payment for one in (await candidates(door, back, NEIGHBOUR_REFERENCE)).payments] == [item]
    assert (await candidates(door, back, "90017993G")).payments == ()


async def test_what_speaks_stands_first_and_what_speaks_against_beside_it(door: Door) -> None:
    old = str(TODAY - timedelta(days=365))
    await take(door, "1", cheque("R1", MAIN_REFERENCE, OTHER, OTHER_IBAN, booked=old, valued=old))
    await lying(door, "2", text="one", payer="FIRST PAYER")
    await lying(door, "3", text="two", payer="SECOND PAYER")
    back = await came_back(door, text="three", iban="GB33BUKB20201555555555")
    shown = await candidates(door, back)
    assert [one.speaks for one in shown.payments] == [("bank-account",), ("bank-account",), ()]
    assert shown.payments[-1].against == ("other-bank-account", "cleared")
    async with door.runtime.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE account SET status = 'CLOSED' WHERE id = '{MAIN}'")
    shown = await candidates(door, back)
    assert shown.payments[-1].against == ("other-bank-account", "cleared", "closed")
    with pytest.raises(AccountClosed):
        await match(door.runtime, back, shown.payments[-1].payment)


async def test_a_payment_on_an_account_is_undone_there_and_the_return_lies_there_no_more(door: Door) -> None:
    payment, before = await on_main(door), (await page(door, MAIN)).version
    back = await came_back(door)
    said = await match(door.runtime, back, payment)
    after = await page(door, MAIN)
    assert (after.balance_pence, after.version) == (-140_00, before + 1)
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (0, 140_00)
    debit = next(one for one in after.entries if one.reverses == payment)
    assert (debit.journal, debit.amount_pence, debit.effective_date, debit.code) == (said.journal, 60_00, YESTERDAY, "RRC")
    assert (debit.provenance.file_name, debit.provenance.actor) == ("9.xml", "ben.officer")
    told = await explained(door, MAIN)
    [reversals] = [part for part in told.parts if part.kind == "reversals"]
    assert (told.balance_pence, reversals.sum_pence) == (-140_00, 60_00)
    assert (reversals.entries[0].provenance.source or "").endswith("the bank took a payment back, and somebody said that it was this one")
    reverses = f"body::jsonb ->> 'reverses' = '{payment}' AND body::jsonb ->> 'balance_pence' = '-14000'"
    assert await door.count(f"outbox_event WHERE key = '{MAIN}' AND {reverses} AND aggregate_version = {after.version}") == 1
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, listed.taken_back) == (0, ())
    [one] = listed.matched
    assert (one.item, one.amount_pence, one.matched_by, [label.account for label in one.labels]) == (back, 60_00, "ben.officer", [MAIN])
    shown = await candidates(door, back)
    assert shown.match is not None
    assert (shown.match.payment.payment, shown.match.reason, shown.payments) == (payment, "the bank said so on the phone", ())


async def test_a_payment_that_was_split_comes_off_each_account_and_out_of_suspense(door: Door) -> None:
    item = await lying(door)
    await split(door.runtime, item, (MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 15_00))
    back = await came_back(door)
    await match(door.runtime, back, item)
    assert ((await page(door, MAIN)).balance_pence, (await page(door, NEIGHBOUR)).balance_pence) == (-140_00, 30_00)
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (0, 140_00)
    listed = await in_suspense(door.runtime)
    assert (listed.in_all, listed.moved) == (0, ())
    assert [{label.account for label in one.labels} for one in listed.matched] == [{MAIN, NEIGHBOUR}]
    debit = next(one for one in (await page(door, MAIN)).entries if one.amount_pence == 35_00)
    assert (debit.effective_date, debit.provenance.file_name, debit.provenance.actor) == (YESTERDAY, "9.xml", "ben.officer")


async def test_nothing_is_taken_back_twice(door: Door) -> None:
    payment, other = await on_main(door), await lying(door, "2")
    back, further = await came_back(door), await came_back(door, "8")
    await match(door.runtime, back, payment)
    with pytest.raises(AlreadyMoved):
        await match(door.runtime, back, other)
    with pytest.raises(AlreadyMoved):
        await match(door.runtime, further, payment)
    with pytest.raises(AlreadyReversed):
        await put_back(door.runtime, payment)
    await take(door, "7", returned("B7", MAIN_REFERENCE, "", ""))
    assert (await page(door, MAIN)).balance_pence == -140_00 + 60_00, "nothing stands there any more that a file could take back"
    await match(door.runtime, further, other)
    with pytest.raises(AlreadyMoved):
        await move(door.runtime, other, MAIN_REFERENCE)


async def test_matched_twice_at_once_it_is_taken_back_once(door: Door) -> None:
    payment, other = await on_main(door), await lying(door, "2")
    back = await came_back(door)
    both = await asyncio.gather(match(door.runtime, back, payment), match(door.runtime, back, other), return_exceptions=True)
    assert [isinstance(one, AlreadyMoved) for one in both].count(True) == 1
    assert await control(door.runtime, "BANK") == 140_00 + 60_00
    assert await door.count("matched_return") == 1


async def test_matched_and_moved_at_once_it_stands_nowhere(door: Door) -> None:
    for number in range(3):
        item, back = await lying(door, f"1{number}", text=f"rent {number}"), await came_back(door, f"2{number}")
        both = await asyncio.gather(match(door.runtime, back, item), move(door.runtime, item, MAIN_REFERENCE), return_exceptions=True)
        assert not isinstance(both[0], BaseException)
        assert (await page(door, MAIN)).balance_pence == -140_00
        assert await control(door.runtime, "SUSPENSE") == 0


async def test_what_it_refuses(door: Door) -> None:
    payment, larger = await on_main(door), await lying(door, "2", pounds="60.01")
    transfer, bank_payment = await lying(door, "3"), (await take(door, "4", entry("R4", MAIN_REFERENCE))).lines[0].journal
    moved = await move(door.runtime, transfer, NEIGHBOUR_REFERENCE)
    assert bank_payment is not None
    back = await came_back(door)
    for wrong in (larger, moved.journal, bank_payment, back, uuid4()):
        with pytest.raises(NotThatPayment):
            await match(door.runtime, back, wrong)
    with pytest.raises(NoSuchItem):
        await match(door.runtime, uuid4(), payment)
    with pytest.raises(NotAReturn):
        await match(door.runtime, larger, payment)
    paid_out = await take(door, "5", entry("R5", "a refund that was paid", sign="DBIT"))
    out = next(one for one in (await in_suspense(door.runtime)).items if one.bank_file == paid_out.bank_file)
    assert not out.may_be_matched
    with pytest.raises(NotAReturn):
        await match(door.runtime, out.item, payment)
    with pytest.raises(NoSuchItem):
        await candidates(door, out.item)
    with pytest.raises(NotAllowed):
        await match(door.runtime, back, payment, FINANCE)
    assert next(one for one in (await in_suspense(door.runtime)).items if one.item == back).may_be_matched
    assert await door.count("matched_return") == 0


async def test_a_returned_cheque_of_the_cash_file_may_be_any_payment_of_its_amount(door: Door) -> None:
    bank_payment = (await take(door, "4", entry("R4", MAIN_REFERENCE))).lines[0].journal
    file = await door.take("q.txt", allpay([CashLine(reference="00000000", kind="Q", pounds="-60.00", paid_on=f"{TODAY:%d/%m/%Y}")]))
    [back] = [one for one in (await in_suspense(door.runtime)).items if one.bank_file == file.bank_file]
    assert back.may_be_matched
    assert bank_payment in {one.payment for one in (await candidates(door, back.item)).payments}


async def test_taken_back_both_are_posted_again_where_they_were(door: Door) -> None:
    payment = await on_main(door)
    back = await came_back(door)
    await match(door.runtime, back, payment)
    said = await unmatch(door.runtime, back)
    shown = await page(door, MAIN)
    assert shown.balance_pence == -200_00
    again = next(one for one in shown.entries if one.journal == said.journal)
    assert (again.amount_pence, again.effective_date, again.code_words) == (-60_00, YESTERDAY, "Cheque")
    source = again.provenance
    assert source.source == f"1.xml, line {source.line}, posted again: it was not what the bank took back"
    assert (source.file_name, source.actor) == ("1.xml", "dilip.leader")
    assert (await explained(door, MAIN)).balance_pence == -200_00
    listed = await in_suspense(door.runtime)
    assert ([one.item for one in listed.items], listed.matched, listed.taken_back) == ([said.item], (), ())
    with pytest.raises(NoSuchItem):
        await candidates(door, back)
    [lies] = listed.items
    assert (lies.amount_pence, lies.file_name, lies.may_be_matched, lies.since) == (-60_00, "9.xml", True, YESTERDAY)
    assert (await control(door.runtime, "SUSPENSE"), await control(door.runtime, "BANK")) == (60_00, 140_00)
    posted = f"body::jsonb ->> 'journal' = '{said.journal}' AND body::jsonb ->> 'balance_pence' = '-20000'"
    assert await door.count(f"outbox_event WHERE key = '{MAIN}' AND {posted} AND headers::text LIKE '%ledger.receipt-posted.v1%'") == 1
    with pytest.raises(NotMatched):
        await unmatch(door.runtime, back)
    with pytest.raises(NotMatched):
        await unmatch(door.runtime, uuid4())
    with pytest.raises(NotAllowed):
        await unmatch(door.runtime, back, FINANCE)


async def test_taken_back_it_stands_on_its_accounts_again_with_the_rest_in_suspense_and_is_matched_anew(door: Door) -> None:
    item = await lying(door)
    await split(door.runtime, item, (MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 15_00))
    back = await came_back(door)
    await match(door.runtime, back, item)
    said = await unmatch(door.runtime, back)
    assert ((await page(door, MAIN)).balance_pence, (await page(door, NEIGHBOUR)).balance_pence) == (-175_00, 15_00)
    listed = await in_suspense(door.runtime)
    assert {one.item: (one.amount_pence, one.came_pence, one.file_name) for one in listed.items} == {
        said.journal: (10_00, 60_00, "1.xml"), said.item: (-60_00, None, "9.xml"),
    }  # fmt: skip
    assert [(one.amount_pence, one.moved_by) for one in listed.moved] == [(35_00, "dilip.leader"), (15_00, "dilip.leader")]
    credit = next(one for one in (await page(door, MAIN)).entries if one.amount_pence == -35_00 and not one.reversed_by)
    assert credit.provenance.file_name == "1.xml"
    [found] = (await candidates(door, said.item)).payments
    assert (found.payment, found.file_name, found.payer_name) == (said.journal, "1.xml", "LODGER QUILLFEATHER")
    await match(door.runtime, said.item, said.journal)
    twice = await unmatch(door.runtime, said.item)
    assert [one.file_name for one in (await in_suspense(door.runtime)).items] == ["1.xml", "9.xml"]
    assert (await page(door, MAIN)).balance_pence == -175_00
    await move(door.runtime, twice.journal, MAIN_REFERENCE)
    assert (await page(door, MAIN)).balance_pence == -185_00


async def test_a_file_takes_back_what_was_posted_again(door: Door) -> None:
    payment = await on_main(door)
    back = await came_back(door)
    await match(door.runtime, back, payment)
    said = await unmatch(door.runtime, back)
    await take(door, "7", returned("B7", MAIN_REFERENCE, "", ""))
    assert next(one for one in (await page(door, MAIN)).entries if one.journal == said.journal).reversed_by
    item = await lying(door, "6", text="the blue door")
    further = await came_back(door, "5")
    await match(door.runtime, further, item)
    await unmatch(door.runtime, further)
    file = await take(door, "4", returned("B4", "the blue door"))
    assert (file.in_suspense, [line.took_back_suspense for line in file.lines]) == (0, [True])


async def test_who_matches_and_who_takes_it_back_stand_behind_the_credit(door: Door) -> None:
    payment = await on_main(door)
    back = await came_back(door)
    await match(door.runtime, back, payment)
    assert "ben.officer" in await actors(door, MAIN), "who undid an entry since"
    await unmatch(door.runtime, back)
    assert {"ben.officer", "dilip.leader", "lind.officer"} <= await actors(door, MAIN)


async def test_who_moved_it_first_stands_behind_it_when_another_person_took_a_match_back(door: Door) -> None:
    item = await lying(door)
    await move(door.runtime, item, MAIN_REFERENCE)
    back = await came_back(door)
    await match(door.runtime, back, item)
    await unmatch(door.runtime, back)
    assert {"carol.senior", "ben.officer", "dilip.leader", "lind.officer"} <= await actors(door, MAIN)


async def test_who_says_that_another_payment_came_back_stands_behind_the_one_that_stayed(door: Door) -> None:
    """Of two cheques of one amount one came back: whoever says that it was the neighbour's keeps this credit alive."""
    await on_main(door)
    item = await lying(door, "2")
    await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    back = await came_back(door)
    assert "ben.officer" not in await actors(door, MAIN)
    await match(door.runtime, back, item)
    assert "ben.officer" in await actors(door, MAIN)
    await unmatch(door.runtime, back)
    assert "ben.officer" not in await actors(door, MAIN)


async def test_the_database_keeps_a_return_to_its_amount(door: Door) -> None:
    payment, back = await on_main(door), await came_back(door)
    said = f"VALUES ('{back}', '{payment}', now(), 'ben.officer', 'by hand')"
    async with door.runtime.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="a return takes back a payment of its amount, and both are undone"):
            await connection.exec_driver_sql(f"INSERT INTO matched_return {said}")
    await match(door.runtime, back, payment)
    async with door.runtime.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="what is posted again is what an undone match took back"):
            await connection.exec_driver_sql(f"INSERT INTO posted_again SELECT id, '{payment}', '{payment}' FROM journal LIMIT 1")


async def test_nothing_personal_is_told_of_it(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    item = await lying(door)
    await move(door.runtime, item, MAIN_REFERENCE)
    back = await came_back(door)
    await match(door.runtime, back, item)
    await unmatch(door.runtime, back)
    assert await door.count("outbox_event WHERE body || headers::text ~ 'QUILLFEATHER|blue door|BUKB|on the phone'") == 0
    assert "QUILLFEATHER" not in caplog.text
