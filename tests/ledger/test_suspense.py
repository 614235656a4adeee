"""Money in suspense: known by its payer and text, suggested for, moved once, put back, and never told outside."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.answering import accept
from chassis.peers import Caller
from chassis.serving import Accept
from chassis.transaction import Runtime, run
from ledger.domain.rules import (
    AccountClosed,
    AlreadyMoved,
    MoreThanLiesThere,
    MovedFromSuspense,
    NamedTwice,
    NoSuchAccount,
    NoSuchItem,
    NotAllowed,
    NotToBeMoved,
    SuggestionChanged,
)
from ledger.queries.account_page import account_page
from ledger.queries.explain import explain_balance
from ledger.queries.refund_facts import account_for_refund
from ledger.queries.suspense import exact_suggestions, suspense
from ledger.use_cases.clear_suspense import clear_suspense
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.split_suspense import split_suspense
from ledger.web import routes
from rentbook_contracts.ledger import (
    CLEAR_SUSPENSE,
    SPLIT_SUSPENSE,
    AccountForRefund,
    AccountPageAsked,
    ClearSuspense,
    CreditSource,
    ExactAsked,
    ExactSuggestions,
    ExplainBalance,
    PaidBefore,
    ReverseJournal,
    SplitSuspense,
    Suspense,
    SuspenseAsked,
    SuspenseCleared,
    SuspenseIsSplit,
    SuspensePart,
)
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from support.ledger_books import CLOSED_REFERENCE, MAIN, MAIN_REFERENCE, NEIGHBOUR, NEIGHBOUR_REFERENCE

from .domain.build_files import Payment
from .test_bank_files import TODAY, Door, entry, statement

CAROL = Caller("carol.senior", frozenset({"senior-officer"}))
FINANCE = Caller("greta.finance", frozenset({"finance"}))
YESTERDAY = TODAY - timedelta(days=1)
SECRET = "LODGER QUILLFEATHER"
IBAN = "GB33BUKB20201555555555"


@pytest_asyncio.fixture(loop_scope="session")
async def door(ledger: Runtime, officer: Caller) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(Starlette(routes=list(routes(ledger))))
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
        yield Door(ledger, officer, http)


async def in_suspense(runtime: Runtime, **asked: int) -> Suspense:
    return await run(runtime, lambda tx: suspense(tx, SuspenseAsked(**asked)), read_only=True)


async def lies(
    door: Door, text: str, pounds: str = "60.00", payer: str = SECRET, number: str = "1", iban: str = IBAN, **more: object
) -> UUID:
    """One payment that cannot be placed."""
    payment = Payment(text=[text], payer=payer, payer_iban=iban)
    await door.take(f"{number}.xml", statement(entry(f"R{number}", text, pounds, payments=[payment], **more), number=number))
    return next(item.item for item in (await in_suspense(door.runtime)).items if item.file_name == f"{number}.xml")


async def move(runtime: Runtime, item: UUID, reference: str, caller: Caller = CAROL) -> SuspenseCleared:
    return await run(runtime, lambda tx: clear_suspense(tx, ClearSuspense(item=item, reference=reference)), caller=caller)


async def put_back(runtime: Runtime, journal: UUID) -> None:
    await run(runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=journal, reason="a slip")), caller=CAROL)


async def control(runtime: Runtime, reference: str) -> int:
    async with runtime.engine.connect() as connection:
        wanted = sa.text(
            "SELECT coalesce(sum(amount_pence), 0) FROM entry JOIN account ON account.id = account WHERE reference = :reference"
        )
        return int(await connection.scalar(wanted, {"reference": reference}) or 0)


async def test_it_says_who_paid_what_they_wrote_and_where_it_stands_in_the_file(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    page = await in_suspense(door.runtime)
    [found] = page.items
    assert (found.item, found.payer_name, found.text) == (item, SECRET, "rent for the blue door")
    assert (found.file_name, found.since, found.amount_pence, found.reason) == ("1.xml", YESTERDAY, 60_00, "no payment reference")
    assert found.line > 1
    assert found.may_be_moved
    assert (page.in_all, page.total_pence, page.to_review, page.to_escalate, page.moved) == (1, 60_00, 0, 0, ())


async def test_oldest_first_page_by_page_and_late_ones_counted(door: Door) -> None:
    older = str(TODAY - timedelta(days=40))
    first = await lies(door, "one", "1.00")
    second = await lies(door, "two", "2.00", number="2", booked=older, valued=older)
    assert [item.item for item in (await in_suspense(door.runtime)).items] == [second, first]
    page = await in_suspense(door.runtime, offset=1, limit=1)
    assert ([item.item for item in page.items], page.in_all, page.total_pence) == ([first], 2, 3_00)


@pytest.mark.parametrize(
    ("text", "payer", "pounds", "account", "because"),
    [
        (f"rent {MAIN_REFERENCE[:-1]}F", SECRET, "1.11", MAIN, ("reference",)),
        ("97000032E", SECRET, "1.11", MAIN, ("reference",)),
        ("rent", "OKAFOR A", "1.11", MAIN, ("name",)),
        ("rent", "B LUCZAK", "1.11", MAIN, ("name",)),
        ("rent", "MISS CY NG", "110.00", NEIGHBOUR, ("name", "charge")),
        ("rent", SECRET, "240.00", MAIN, ("charge",)),
        ("rent", SECRET, "30.00", NEIGHBOUR, ("debt",)),
        (f"{MAIN_REFERENCE} {NEIGHBOUR_REFERENCE}", SECRET, "1.11", MAIN, ("reference",)),
        ("rent", SECRET, "1.11", None, ()),
    ],
)
async def test_it_suggests(door: Door, text: str, payer: str, pounds: str, account: UUID | None, because: tuple[str, ...]) -> None:
    await lies(door, text, pounds, payer)
    [item] = (await in_suspense(door.runtime)).items
    found = {match.label.account: match.because for match in item.matches}
    assert found.get(account, ()) == because if account else found == {}
    assert len(found) <= 3


async def paid_before(runtime: Runtime, item: UUID) -> dict[UUID, PaidBefore | None]:
    found = next(one for one in (await in_suspense(runtime)).items if one.item == item)
    assert [("payer" in match.because) for match in found.matches] == [match.paid_before is not None for match in found.matches]
    return {match.label.account: match.paid_before for match in found.matches}


async def test_a_payer_is_remembered_by_whose_payment_was_moved_where(door: Door) -> None:
    first = await lies(door, "rent for the blue door", "1.11")
    moved = await move(door.runtime, first, MAIN_REFERENCE)
    again = await lies(door, "december", "2.22", number="2")
    stranger = await lies(door, "december", "2.22", "SOMEBODY ELSE", number="3")
    elsewhere = await lies(door, "december", "2.22", iban="GB94BARC10201530093459", number="4")
    assert await paid_before(door.runtime, again) == {MAIN: PaidBefore(on=YESTERDAY, moved_by="carol.senior")}
    assert [await paid_before(door.runtime, one) for one in (stranger, elsewhere)] == [{}, {}], "one name and one account, both"
    await put_back(door.runtime, moved.journal)
    assert await paid_before(door.runtime, again) == {}, "what was put back is forgotten"


async def test_a_payer_without_a_bank_account_is_remembered_by_a_whole_name(door: Door) -> None:
    for number, payer in (("1", "Lodger Quillfeather"), ("2", "QUILL")):
        await move(door.runtime, await lies(door, "x", "1.11", payer, number, iban=""), MAIN_REFERENCE)
    again = await lies(door, "december", "2.22", "LODGER QUILLFEATHER", number="3", iban="")
    one_word = await lies(door, "december", "2.22", "QUILL", number="4", iban="")
    assert [list(await paid_before(door.runtime, one)) for one in (again, one_word)] == [[MAIN], []]


async def test_who_pays_for_many_is_a_sign_of_nobody(door: Door) -> None:
    first = await lies(door, "x", "4.00")
    await split(door.runtime, first, *((one, 1_00) for one in (MAIN_REFERENCE, NEIGHBOUR_REFERENCE, "90012015K", f"{MAIN_REFERENCE}-RC")))
    assert await paid_before(door.runtime, await lies(door, "december", "2.22", number="2")) == {}


async def test_a_payer_of_several_accounts_has_them_all_suggested_and_before_all_else(door: Door) -> None:
    first = await lies(door, "x", "3.00")
    await split(door.runtime, first, (MAIN_REFERENCE, 1_00), (NEIGHBOUR_REFERENCE, 2_00))
    again = await lies(door, "rent 90012015J", "2.22", number="2")
    found = next(one for one in (await in_suspense(door.runtime)).items if one.item == again)
    assert [match.because for match in found.matches] == [("payer",), ("payer",), ("reference",)]
    assert {match.label.account for match in found.matches[:2]} == {MAIN, NEIGHBOUR}


async def exactly(runtime: Runtime, item: UUID) -> list[UUID]:
    found = next(one for one in (await in_suspense(runtime)).items if one.item == item)
    exact = [match.label.account for match in found.matches if match.exact]
    together = await exact_ones(runtime, items=(item,))
    assert [match.label.account for one in together.items for match in one.matches] == exact, "by itself and together the same"
    return exact


async def exact_ones(runtime: Runtime, **asked: object) -> ExactSuggestions:
    return await run(runtime, lambda tx: exact_suggestions(tx, ExactAsked.model_validate(asked)), read_only=True)


async def test_all_exact_suggestions_page_by_page_with_their_total(door: Door) -> None:
    quoting = [await lies(door, "rent 9700 0023", f"{number}.00", f"PAYER NUMBER {number}", str(number), iban="") for number in range(1, 4)]
    nobody = await lies(door, "rent", "9.00", number="9")
    await lies(door, f"a refund {MAIN_REFERENCE}", number="8", sign="DBIT")
    whole = await exact_ones(door.runtime)
    assert ([one.item for one in whole.items], whole.in_all, whole.total_pence) == (quoting, 3, 6_00)
    assert [[match.because for match in one.matches] for one in whole.items] == [[("reference",)]] * 3
    assert {match.label.account for one in whole.items for match in one.matches} == {MAIN}
    second = await exact_ones(door.runtime, offset=1, limit=1)
    assert ([one.item for one in second.items], second.in_all, second.total_pence) == (quoting[1:2], 3, 6_00)
    chosen = await exact_ones(door.runtime, items=(quoting[2], nobody))
    assert ([one.item for one in chosen.items], chosen.in_all, chosen.total_pence) == (quoting[2:], 1, 3_00)
    await move(door.runtime, quoting[0], MAIN_REFERENCE)
    assert [one.item for one in (await exact_ones(door.runtime)).items] == quoting[1:]


async def test_a_closed_account_is_no_exact_suggestion(door: Door) -> None:
    item = await lies(door, f"rent {CLOSED_REFERENCE}", "1.11")
    assert await exactly(door.runtime, item) == []
    both = await lies(door, f"rent {CLOSED_REFERENCE} {MAIN_REFERENCE}", "2.22", number="2")
    assert await exactly(door.runtime, both) == [MAIN]


@pytest.mark.parametrize(
    ("text", "account"),
    [
        (f"{MAIN_REFERENCE} 90017993G", MAIN),
        ("rent 9700 0023", MAIN),
        (f"{MAIN_REFERENCE} {NEIGHBOUR_REFERENCE}", None),
        (f"rent {MAIN_REFERENCE[:-1]}F", None),
        ("OKAFOR A", None),
    ],
)
async def test_a_suggestion_is_exact_where_one_account_is_quoted_whole(door: Door, text: str, account: UUID | None) -> None:
    item = await lies(door, text, "240.00")
    assert await exactly(door.runtime, item) == ([account] if account else [])


async def test_a_suggestion_is_exact_where_the_payer_paid_for_one_account(door: Door) -> None:
    first = await move(door.runtime, await lies(door, "x", "1.11"), MAIN_REFERENCE)
    item = await lies(door, "rent", "2.22", number="2")
    quoting = await lies(door, f"{NEIGHBOUR_REFERENCE} 90017993G", "2.22", number="3")
    assert [await exactly(door.runtime, one) for one in (item, quoting)] == [[MAIN], []], "a reference says otherwise"
    asked = ClearSuspense(item=item, reference=MAIN_REFERENCE, amount_pence=2_22, as_suggested=True)
    await put_back(door.runtime, first.journal)
    with pytest.raises(SuggestionChanged):
        await run(door.runtime, lambda tx: clear_suspense(tx, asked), caller=CAROL)
    await move(door.runtime, first_item(await in_suspense(door.runtime), 1_11), MAIN_REFERENCE)
    await run(door.runtime, lambda tx: clear_suspense(tx, asked), caller=CAROL)
    assert [await exactly(door.runtime, one.item) for one in (await in_suspense(door.runtime)).items] == [[]]


def first_item(page: Suspense, pence: int) -> UUID:
    return next(one.item for one in page.items if one.amount_pence == pence)


@pytest.mark.parametrize("typed", [MAIN_REFERENCE, "97000023e", "97 000 023 E", MAIN_REFERENCE[:-1]])
async def test_it_goes_onto_the_account_as_of_its_own_day(door: Door, typed: str) -> None:
    item = await lies(door, "rent for the blue door")
    assert await control(door.runtime, "SUSPENSE") == -60_00
    moved = await move(door.runtime, item, typed)
    assert moved.account == MAIN
    assert await control(door.runtime, "SUSPENSE") == 0
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    newest = next(entry for entry in shown.entries if entry.journal == moved.journal)
    assert (shown.balance_pence, newest.amount_pence, newest.effective_date) == (-200_00, -60_00, YESTERDAY)
    assert newest.code_words == "Bank payment, moved from suspense"
    source = newest.provenance
    assert (source.file_name, source.actor, source.source) == ("1.xml", "carol.senior", f"1.xml, line {source.line}, moved from suspense")
    told = await run(door.runtime, lambda tx: explain_balance(tx, ExplainBalance(account=MAIN)), read_only=True)
    assert told.balance_pence == -200_00
    page = await in_suspense(door.runtime)
    assert (page.items, page.in_all) == ((), 0)
    [one] = page.moved
    assert (one.item, one.journal, one.label.account, one.moved_by) == (item, moved.journal, MAIN, "carol.senior")


async def test_whoever_moves_it_stands_behind_the_credit_and_whose_money_it_was_is_kept(door: Door) -> None:
    item = await lies(door, "rent for the blue door", code="PMNT/IDDT/ESDD")
    before = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    await move(door.runtime, item, MAIN_REFERENCE)
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert not {"carol.senior", "lind.officer"} & {*before.actors}
    assert {"carol.senior", "lind.officer"} <= {*facts.actors}, "so does whoever brought the file that it came in"
    newest = facts.credits[0]
    assert (newest.amount_pence, newest.method, newest.source, newest.effective_date) == (60_00, "RDD", CreditSource.TENANT, YESTERDAY)
    assert newest.payer is not None
    assert facts.uncleared_pence == 60_00, "a Direct Debit clears when it would have cleared without the detour"


async def test_it_leaves_once(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    form = uuid4()
    caller = Caller(CAROL.person, CAROL.roles, str(form))
    asked = ClearSuspense(item=item, reference=MAIN_REFERENCE)
    first = await accept(door.runtime, Accept(CLEAR_SUSPENSE, clear_suspense), asked, caller)
    assert await accept(door.runtime, Accept(CLEAR_SUSPENSE, clear_suspense), asked, caller) == first
    with pytest.raises(AlreadyMoved):
        await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    with pytest.raises(MovedFromSuspense):
        await put_back(door.runtime, item)
    assert await control(door.runtime, "SUSPENSE") == 0
    assert await door.count("suspense_clearing") == 1


async def test_it_is_put_back_and_goes_where_it_belongs(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    wrong = await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    await put_back(door.runtime, wrong.journal)
    page = await in_suspense(door.runtime)
    assert ([one.item for one in page.items], page.moved) == ([item], ())
    assert await control(door.runtime, "SUSPENSE") == -60_00
    right = await move(door.runtime, item, MAIN_REFERENCE)
    assert right.journal != wrong.journal
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=NEIGHBOUR)), read_only=True)
    assert shown.balance_pence == 30_00


async def test_an_entry_that_came_from_suspense_says_so_and_undone_on_the_account_lies_there_again(door: Door) -> None:
    """The same as putting it back on the page Suspense: there is one way back, from wherever it is taken."""
    item = await lies(door, "rent for the blue door")
    moved = await move(door.runtime, item, MAIN_REFERENCE)
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    assert {one.journal for one in shown.entries if one.provenance.from_suspense} == {moved.journal}
    await put_back(door.runtime, moved.journal)
    assert [one.item for one in (await in_suspense(door.runtime)).items] == [item]


async def test_what_was_taken_back_at_the_bank_is_not_moved(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    await put_back(door.runtime, item)
    assert (await in_suspense(door.runtime)).in_all == 0
    with pytest.raises(AlreadyMoved):
        await move(door.runtime, item, MAIN_REFERENCE)
    assert await control(door.runtime, "SUSPENSE") == 0


async def test_what_it_refuses(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    out = await lies(door, "a refund that was paid", number="2", sign="DBIT")
    with pytest.raises(NoSuchAccount, match="No account has this reference"):
        await move(door.runtime, item, "90017993G")
    with pytest.raises(NoSuchAccount):
        await move(door.runtime, item, "SUSPENSE")
    with pytest.raises(NoSuchAccount):
        await move(door.runtime, item, "--")
    with pytest.raises(AccountClosed):
        await move(door.runtime, item, CLOSED_REFERENCE)
    with pytest.raises(NoSuchItem):
        await move(door.runtime, uuid4(), MAIN_REFERENCE)
    with pytest.raises(NotToBeMoved):
        await move(door.runtime, out, MAIN_REFERENCE)
    with pytest.raises(NotAllowed):
        await move(door.runtime, item, MAIN_REFERENCE, FINANCE)
    assert not next(one for one in (await in_suspense(door.runtime)).items if one.item == out).may_be_moved
    assert await door.count("suspense_clearing") == 0


async def test_two_at_once_move_it_once(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    both = await asyncio.gather(
        move(door.runtime, item, MAIN_REFERENCE), move(door.runtime, item, NEIGHBOUR_REFERENCE), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["AlreadyMoved", "SuspenseCleared"]
    assert await control(door.runtime, "SUSPENSE") == 0


async def split(runtime: Runtime, item: UUID, *parts: tuple[str, int], caller: Caller = CAROL) -> SuspenseIsSplit:
    asked = SplitSuspense(item=item, parts=tuple(SuspensePart(reference=reference, amount_pence=pence) for reference, pence in parts))
    return await run(runtime, lambda tx: split_suspense(tx, asked), caller=caller)


async def balance(door: Door, account: UUID) -> int:
    return (await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=account)), read_only=True)).balance_pence


async def test_it_is_split_and_the_rest_goes_on_lying_there(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    done = await split(door.runtime, item, (MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 15_00))
    assert ([part.account for part in done.parts], done.left_pence) == ([MAIN, NEIGHBOUR], 10_00)
    assert (await balance(door, MAIN), await balance(door, NEIGHBOUR), await control(door.runtime, "SUSPENSE")) == (-175_00, 15_00, -10_00)
    page = await in_suspense(door.runtime)
    assert [(one.item, one.amount_pence, one.came_pence) for one in page.items] == [(item, 10_00, 60_00)]
    assert (page.in_all, page.total_pence) == (1, 10_00)
    assert [(one.label.account, one.amount_pence, one.came_pence) for one in page.moved] == [
        (MAIN, 35_00, 60_00),
        (NEIGHBOUR, 15_00, 60_00),
    ]
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    newest = next(entry for entry in shown.entries if entry.journal == done.parts[0].journal)
    assert (newest.effective_date, newest.provenance.actor) == (YESTERDAY, "carol.senior")
    assert newest.provenance.source == f"1.xml, line {newest.provenance.line}, part of £60.00, moved from suspense"
    assert newest.code_words == "Bank payment, part of £60.00, moved from suspense"
    assert (
        await door.count(
            "outbox_event WHERE headers::text LIKE '%ledger.receipt-posted.v1%' AND body::jsonb ->> 'amount_pence' IN ('3500', '1500')"
        )
        == 2
    )
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert (facts.credits[0].amount_pence, facts.credits[0].method) == (35_00, "RBP")
    assert {"carol.senior", "lind.officer"} <= {*facts.actors}


async def test_the_rest_is_moved_later_and_each_part_is_put_back_by_itself(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    done = await split(door.runtime, item, (MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 15_00))
    await move(door.runtime, item, NEIGHBOUR_REFERENCE)
    assert ((await in_suspense(door.runtime)).in_all, await balance(door, NEIGHBOUR)) == (0, 5_00)
    with pytest.raises(AlreadyMoved):
        await split(door.runtime, item, (MAIN_REFERENCE, 1))
    await put_back(door.runtime, done.parts[0].journal)
    [left] = (await in_suspense(door.runtime)).items
    assert (left.amount_pence, left.came_pence, await control(door.runtime, "SUSPENSE")) == (35_00, 60_00, -35_00)
    with pytest.raises(MovedFromSuspense):
        await put_back(door.runtime, item)
    await split(door.runtime, item, (NEIGHBOUR_REFERENCE, 35_00))
    assert (await control(door.runtime, "SUSPENSE"), await balance(door, NEIGHBOUR)) == (0, -30_00)
    assert await door.count("suspense_clearing") == 4


async def test_a_split_is_all_or_nothing(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    out = await lies(door, "a refund that was paid", number="2", sign="DBIT")
    for parts, rule, field in (
        (((MAIN_REFERENCE, 35_00), ("90017993G", 1_00)), NoSuchAccount, "reference-2"),
        (((MAIN_REFERENCE, 35_00), (CLOSED_REFERENCE, 1_00)), AccountClosed, "reference-2"),
        (((MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 1_00), ("97 000 023 e", 1_00)), NamedTwice, "reference-3"),
        (((MAIN_REFERENCE, 35_00), (NEIGHBOUR_REFERENCE, 25_01)), MoreThanLiesThere, "item"),
    ):
        with pytest.raises(rule) as broken:
            await split(door.runtime, item, *parts)
        assert broken.value.field == field
    with pytest.raises(NotToBeMoved):
        await split(door.runtime, out, (MAIN_REFERENCE, 1))
    with pytest.raises(NotAllowed):
        await split(door.runtime, item, (MAIN_REFERENCE, 1), caller=FINANCE)
    assert (await door.count("suspense_clearing"), await control(door.runtime, "SUSPENSE")) == (0, 0)


async def test_a_split_that_is_sent_twice_splits_once(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    caller = Caller(CAROL.person, CAROL.roles, str(uuid4()))
    asked = SplitSuspense(item=item, parts=(SuspensePart(reference=MAIN_REFERENCE, amount_pence=20_00),))
    first = await accept(door.runtime, Accept(SPLIT_SUSPENSE, split_suspense), asked, caller)
    assert await accept(door.runtime, Accept(SPLIT_SUSPENSE, split_suspense), asked, caller) == first
    assert (await control(door.runtime, "SUSPENSE"), await door.count("suspense_clearing")) == (-40_00, 1)


async def test_two_splits_at_once_take_no_more_than_lies_there(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    parts = [((MAIN_REFERENCE, 40_00),), ((NEIGHBOUR_REFERENCE, 40_00),)]
    both = await asyncio.gather(*(split(door.runtime, item, *each) for each in parts), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["MoreThanLiesThere", "SuspenseIsSplit"]
    assert await control(door.runtime, "SUSPENSE") == -20_00


async def test_the_database_lets_no_more_leave_than_came(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    await split(door.runtime, item, (NEIGHBOUR_REFERENCE, 20_00))
    again = sa.text("INSERT INTO suspense_clearing SELECT item, item, 2, account, cleared_at, cleared_by, :pence FROM suspense_clearing")
    with pytest.raises(IntegrityError, match="no more leaves suspense than came"):
        async with door.runtime.engine.begin() as connection:
            await connection.execute(again, {"pence": 40_01})
    with pytest.raises(IntegrityError, match="a_move_from_suspense_moves_something"):
        async with door.runtime.engine.begin() as connection:
            await connection.execute(again, {"pence": 0})


async def test_another_amount_than_was_shown_is_not_moved(door: Door) -> None:
    item = await lies(door, "rent for the blue door")
    await split(door.runtime, item, (NEIGHBOUR_REFERENCE, 20_00))
    asked = ClearSuspense(item=item, reference=MAIN_REFERENCE, amount_pence=60_00)
    with pytest.raises(AlreadyMoved, match="Another amount"):
        await run(door.runtime, lambda tx: clear_suspense(tx, asked), caller=CAROL)
    await run(door.runtime, lambda tx: clear_suspense(tx, asked.model_copy(update={"amount_pence": 40_00})), caller=CAROL)
    assert await control(door.runtime, "SUSPENSE") == 0


async def test_nothing_personal_is_told(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    item = await lies(door, "rent for the blue door")
    moved = await move(door.runtime, item, MAIN_REFERENCE)
    await put_back(door.runtime, moved.journal)
    async with door.runtime.engine.connect() as connection:
        told = "".join(await connection.scalars(sa.text("SELECT body || headers::text FROM outbox_event")))
    assert "ledger.receipt-posted.v1" in told
    for words in (told, caplog.text):
        assert "QUILLFEATHER" not in words
        assert "blue door" not in words
