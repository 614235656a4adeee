"""The letters that the evidence ladder asks for: what they say, when none is written, and that one is held back in a Breathing Space."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import page
import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.transaction import Runtime, run
from notices.domain.ladder_letters import NO_ADDRESS, NOTHING_OWED, LadderTold, ladder_letter, objection
from notices.domain.letters import Letter
from notices.queries import letters
from notices.tables import letter, sending
from notices.typesetting import set_letter
from notices.use_cases.write_ladder_letter import write_ladder_letter
from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountPage,
    AccountStatus,
    Addressee,
    DebtFacts,
    DebtsRead,
    LetterAddress,
    Tenant,
)
from rentbook_contracts.notices import LadderLetter, LadderLetterWritten, LettersAsked, LetterSent, WriteLadderLetter
from support.notices_service import account_page, rows, runtime_for, tick
from support.servers import Postgres

ON = date(2026, 11, 25)
NOTED = datetime(2026, 11, 20, 9, tzinfo=UTC)
OWED = LadderTold(
    LadderLetter.DEBT, 1, 312_40, ("Mercy Okafor", "Żaneta Ślusarz"), (), breathing_space=False, address="12 Elm Rise", reply_within_days=28
)
ESTATE = replace(OWED, kind=LadderLetter.ESTATE_DEBT, living=(), dead=("Dee Old",))
CREDIT = replace(OWED, kind=LadderLetter.UNCLAIMED_CREDIT, balance_pence=-25_00, living=("Hal Gone",), reply_within_days=0)


def written(told: LadderTold) -> Letter:
    return ladder_letter(told, address="12 Elm Rise, Rentbridge", reference="90000001E", on=ON, advice=("Citizens Advice", "A helpline"))


@pytest.mark.parametrize("large_print", [False, True])
@pytest.mark.parametrize(
    "told",
    [OWED, ESTATE, CREDIT, replace(ESTATE, number=2), replace(OWED, living=("محمد الفارسي", "דוד לוי"))],
    ids=lambda told: getattr(told, "kind", ""),
)
def test_every_letter_is_pdf_ua(told: LadderTold, large_print: bool) -> None:
    pdf = set_letter(written(told).as_data(), large_print=large_print)
    report = page.validate_pdf_bytes(pdf, profile=page.ValidationProfile.PDF_UA_1)
    assert report.is_compliant, report.failures


def test_a_debtor_is_told_the_amount_the_day_and_who_advises() -> None:
    made = written(OWED)
    assert made.greeting == "Dear Mercy Okafor and Żaneta Ślusarz"
    assert written(replace(OWED, living=("דוד לוי", "Mercy Okafor"))).greeting == "Dear \u2068דוד לוי\u2069 and Mercy Okafor"
    assert made.paragraphs[0] == "You owe £312.40 on this account."
    assert "by 23 December 2026" in made.paragraphs[1]
    assert made.closing == ("Free and independent advice about debts: Citizens Advice and A helpline.",)


def test_an_estate_is_written_to_as_the_one_that_owes_and_nobody_else_is_asked_to_pay() -> None:
    made = written(ESTATE)
    assert made.names == ("The personal representatives of Dee Old",)
    assert made.greeting == "Dear Sir or Madam"
    assert "you do not have to pay it with money of your own" in made.paragraphs[1]


def test_who_deals_with_the_estate_is_named_above_whom_they_represent() -> None:
    assert written(replace(ESTATE, deals_with_estate="Quill & Co")).names == ("Quill & Co", "For the personal representatives of Dee Old")


def test_the_second_letter_says_that_it_is_the_second() -> None:
    assert written(replace(ESTATE, number=2)).paragraphs[0] == "We wrote to you about this before and have not heard from you."
    assert written(replace(OWED, number=2)).paragraphs[1:] == written(OWED).paragraphs
    assert written(replace(OWED, number=2, anew=True)).paragraphs == written(OWED).paragraphs


def test_the_credit_of_somebody_who_has_died_is_offered_to_the_estate() -> None:
    made = written(replace(CREDIT, living=(), dead=("Hal Gone",)))
    assert made.names == ("The personal representatives of Hal Gone",)
    assert "£25.00 in credit. It belongs to the estate." in made.paragraphs[0]


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (replace(OWED, breathing_space=True), "Breathing Space runs"),
        (replace(ESTATE, breathing_space=True), "Breathing Space runs"),
        (replace(OWED, balance_pence=0), "Nothing is owed"),
        (replace(OWED, balance_pence=-5_00), "Nothing is owed"),
        (replace(OWED, living=(), dead=("Dee Old",)), "has died"),
        (replace(ESTATE, living=("Mercy Okafor",), dead=()), "recorded as dead"),
        (replace(CREDIT, balance_pence=0), "not in credit"),
        (replace(OWED, address=None), "No address is known"),
        (replace(ESTATE, address=None), "No address is known"),
        (replace(CREDIT, address=None), "No address is known"),
    ],
)
def test_what_is_not_written_says_why_and_names_nobody(told: LadderTold, because: str) -> None:
    said = objection(told)
    assert said is not None
    assert because in said
    assert not [name for name in (*told.living, *told.dead) if name in said]


def test_a_letter_about_a_credit_speaks_of_no_arrears_and_goes_out_in_a_breathing_space() -> None:
    assert objection(replace(CREDIT, breathing_space=True)) is None


# --- writing and sending ------------------------------------------------------------------------------------------------------------------


class Ledger:
    """The ledger as notices asks it; each test changes what it says."""

    def __init__(self) -> None:
        self.holds: tuple[AccountHold, ...] = ()
        self.balance_pence = 312_40
        self.silent = False
        self.addresses = account_page().letter_addresses
        self.tenants = (Tenant(person=uuid4(), name="Mercy Okafor"),)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            return httpx.Response(503, json={"rule": "NoAnswer", "message": "not now", "field": None})
        if "debts-for-write-off" in request.url.path:
            accounts = json.loads(request.content)["accounts"]
            return httpx.Response(200, text=DebtsRead(debts=tuple(self.debt(UUID(one)) for one in accounts)).model_dump_json())
        return httpx.Response(200, text=self.page().model_dump_json())

    def page(self) -> AccountPage:
        told = {
            "balance_pence": self.balance_pence,
            "account_holds": self.holds,
            "breathing_space": AccountHold.BREATHING_SPACE in self.holds,
            "tenants": self.tenants,
            "letter_addresses": self.addresses,
        }
        return account_page().model_copy(update=told)

    def debt(self, account: UUID) -> DebtFacts:
        return DebtFacts(
            account=account, version=1, kind=AccountKind.RENT, status=AccountStatus.FORMER, as_of=ON, balance_pence=self.balance_pence,
            ended_on=None, charges=(), people=(), account_holds=self.holds, housing_benefit_unresolved=False, plan=None, linked=(),
            write_offs=(), debtor_total_pence=self.balance_pence,
        )  # fmt: skip


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest_asyncio.fixture(loop_scope="session")
async def notices(postgres: Postgres, tmp_path: Path, ledger: Ledger) -> AsyncIterator[Runtime]:
    (tmp_path / "service_token").write_text("token\n")
    async for runtime in runtime_for(postgres, tmp_path, ledger):
        yield runtime


FIRST = WriteLadderLetter(proposal=uuid4(), account=uuid4(), kind=LadderLetter.DEBT, number=1, reply_within_days=28)


async def write(runtime: Runtime, asked: WriteLadderLetter = FIRST, *, days_later: int = 0) -> LadderLetterWritten:
    return await run(runtime, lambda tx: write_ladder_letter(replace(tx, now=tx.now + timedelta(days=days_later)), asked))


async def told(runtime: Runtime) -> list[LetterSent]:
    async with runtime.engine.connect() as connection:
        bodies = await connection.scalars(sa.text("SELECT body FROM outbox_event ORDER BY seq"))
        return [LetterSent.model_validate_json(body) for body in bodies]


async def test_a_letter_is_written_once_however_often_it_is_asked_for_and_its_sending_is_told(notices: Runtime) -> None:
    first, again = await write(notices), await write(notices)
    assert first.letter == again.letter is not None
    second = await write(notices, FIRST.model_copy(update={"number": 2}))
    assert second.letter not in (None, first.letter)
    assert [await tick(notices), await tick(notices), await tick(notices)] == [True, True, False]
    facts = await told(notices)
    assert {(fact.letter, fact.kind, fact.case, fact.account) for fact in facts} == {
        (each.letter, "debt", FIRST.proposal, FIRST.account) for each in (first, second)
    }
    assert all(fact.sent_on is not None for fact in facts)


async def test_while_a_letter_is_under_way_of_which_the_asker_has_not_heard_no_other_is_written(notices: Runtime) -> None:
    first = await write(notices, FIRST.model_copy(update={"heard": ()}))
    second = FIRST.model_copy(update={"number": 2, "heard": ()})
    assert await write(notices, second) == first, "it waits"
    assert [await tick(notices), await tick(notices)] == [True, True], "it is claimed, and sent"
    assert await write(notices, second) == first, "it was sent, and that was not heard yet"
    heard = second.model_copy(update={"heard": (first.letter,)})
    assert (await write(notices, heard)).letter not in (None, first.letter)
    assert len(await rows(notices, letter)) == 2


async def test_a_debt_that_is_proposed_anew_is_not_written_for_twice_on_one_day(notices: Runtime) -> None:
    """Nor while the letter of the proposal that was withdrawn waits. One that was sent on another day holds up none: it may be nobody's."""
    first = await write(notices, FIRST.model_copy(update={"heard": ()}))
    anew = FIRST.model_copy(update={"proposal": uuid4(), "heard": ()})
    assert await write(notices, anew, days_later=1) == first, "it waits"
    assert [await tick(notices), await tick(notices)] == [True, True], "it is claimed, and sent"
    assert await write(notices, anew) == first, "it was sent today"
    assert (await write(notices, anew, days_later=1)).letter not in (None, first.letter)


async def test_a_letter_of_another_kind_or_account_or_with_a_problem_holds_up_none(notices: Runtime) -> None:
    first = await write(notices)
    elsewhere = FIRST.model_copy(update={"account": uuid4(), "number": 2, "heard": ()})
    assert (await write(notices, elsewhere)).letter not in (None, first.letter)
    async with notices.engine.begin() as connection:
        await connection.execute(letter.update().values(status="problem", problem="the printer is out of paper"))
    assert (await write(notices, FIRST.model_copy(update={"number": 3, "heard": ()}))).letter not in (None, first.letter)
    assert len(await rows(notices, letter)) == 3


def address(addressee: Addressee, where: str | None, name: str = "") -> LetterAddress:
    return LetterAddress(addressee=addressee, name=name, address=where, known_from="a solicitor", noted_by="asha.officer", noted_at=NOTED)


async def content_of(runtime: Runtime) -> dict[str, Any]:
    [kept] = await rows(runtime, letter)
    content: dict[str, Any] = json.loads(kept.content)
    return content


async def test_a_letter_goes_where_the_debtor_is_known_to_be(notices: Runtime, ledger: Ledger) -> None:
    ledger.addresses = (address(Addressee.TENANTS, "2 New Road, Hull, HU1 1AA"), address(Addressee.ESTATE, None))
    assert (await write(notices)).letter is not None
    assert (await content_of(notices))["address"] == ["2 New Road", "Hull", "HU1 1AA"]


async def test_a_letter_to_an_estate_goes_to_whoever_deals_with_it_and_not_to_the_home(notices: Runtime, ledger: Ledger) -> None:
    ledger.tenants = (Tenant(person=uuid4(), name="Dee Old", died_on=ON),)
    ledger.addresses = (address(Addressee.TENANTS, "12 Elm Rise"), address(Addressee.ESTATE, "1 Law Court, Hull", "Quill & Co"))
    assert (await write(notices, FIRST.model_copy(update={"kind": LadderLetter.ESTATE_DEBT}))).letter is not None
    content = await content_of(notices)
    assert (content["names"], content["address"]) == (
        ["Quill & Co", "For the personal representatives of Dee Old"],
        ["1 Law Court", "Hull"],
    )


@pytest.mark.parametrize("kind", [LadderLetter.DEBT, LadderLetter.UNCLAIMED_CREDIT])
async def test_nothing_is_sent_to_a_home_that_was_left(notices: Runtime, ledger: Ledger, kind: LadderLetter) -> None:
    ledger.addresses = (address(Addressee.TENANTS, None), address(Addressee.ESTATE, "1 Law Court, Hull"))
    ledger.balance_pence = 312_40 if kind is LadderLetter.DEBT else -25_00
    asked = FIRST.model_copy(update={"kind": kind})
    assert (await write(notices, asked)) == LadderLetterWritten(letter=None, because=NO_ADDRESS)
    assert await rows(notices, letter) == []
    ledger.addresses = (address(Addressee.TENANTS, "2 New Road, Hull"),)
    assert (await write(notices, asked)).letter is not None


async def test_an_estate_without_an_address_of_its_own_is_not_written_to(notices: Runtime, ledger: Ledger) -> None:
    """Where its debtor lived last says nothing of who deals with the estate."""
    ledger.tenants = (Tenant(person=uuid4(), name="Dee Old", died_on=ON),)
    ledger.addresses = (address(Addressee.TENANTS, "2 New Road, Hull"), address(Addressee.ESTATE, None))
    made = await write(notices, FIRST.model_copy(update={"kind": LadderLetter.ESTATE_DEBT}))
    assert made == LadderLetterWritten(letter=None, because=NO_ADDRESS)


async def test_a_proposals_letters_are_found_by_it(notices: Runtime) -> None:
    made = await write(notices)
    found = await run(notices, lambda tx: letters(tx, LettersAsked(case=FIRST.proposal)))
    assert [(row.letter, row.title) for row in found.letters] == [(made.letter, "What you owe us")]


async def test_nothing_is_written_in_a_breathing_space(notices: Runtime, ledger: Ledger) -> None:
    ledger.holds = (AccountHold.BREATHING_SPACE,)
    made = await write(notices)
    assert made.letter is None
    assert made.because is not None
    assert await rows(notices, letter) == []


async def test_a_letter_is_held_back_where_breathing_space_began_after_it_was_written_and_written_anew_afterwards(
    notices: Runtime, ledger: Ledger, tmp_path: Path
) -> None:
    first = await write(notices)
    ledger.holds = (AccountHold.BREATHING_SPACE,)
    await tick(notices)
    await tick(notices)
    [kept] = await rows(notices, letter)
    assert kept.status == "withheld"
    assert "Breathing Space" in kept.problem
    assert [row.step for row in await rows(notices, sending)] == ["begun", "refused"]
    assert not (tmp_path / "letters").exists()
    assert await told(notices) == []

    ledger.holds, ledger.balance_pence = (), 300_00
    anew = await write(notices)
    assert anew.letter not in (None, first.letter)
    await tick(notices)
    await tick(notices)
    assert [fact.letter for fact in await told(notices)] == [anew.letter]
    [content] = [row.content for row in await rows(notices, letter) if row.id == anew.letter]
    assert "£300.00" in content


async def test_a_letter_that_waits_is_held_back_once_the_debt_is_written_off(notices: Runtime, ledger: Ledger, tmp_path: Path) -> None:
    await write(notices)
    ledger.balance_pence = 0
    await tick(notices)
    await tick(notices)
    [kept] = await rows(notices, letter)
    assert (kept.status, kept.problem) == ("withheld", NOTHING_OWED)
    assert not (tmp_path / "letters").exists()
    assert await told(notices) == []


async def test_while_the_ledger_cannot_say_letters_about_arrears_wait_and_others_go(notices: Runtime, ledger: Ledger) -> None:
    await write(notices)
    ledger.silent = True
    assert [await tick(notices), await tick(notices)] == [True, False]
    [kept] = await rows(notices, letter)
    assert kept.status == "claimed"
    ledger.silent = False
    credit = await write_of_a_credit(notices, ledger)
    ledger.silent = True
    assert [await tick(notices), await tick(notices), await tick(notices)] == [True, True, False]
    assert [fact.letter for fact in await told(notices)] == [credit.letter]
    ledger.silent = False
    assert await tick(notices)
    assert len(await told(notices)) == 2


async def write_of_a_credit(notices: Runtime, ledger: Ledger) -> LadderLetterWritten:
    owed, ledger.balance_pence = ledger.balance_pence, -25_00
    made = await write(notices, FIRST.model_copy(update={"kind": LadderLetter.UNCLAIMED_CREDIT}))
    ledger.balance_pence = owed
    return made


async def test_the_database_keeps_one_letter_of_a_kind_and_number(notices: Runtime) -> None:
    await write(notices)
    copied = ", ".join(column.name for column in letter.c if column.name != "id")
    with pytest.raises(sa.exc.IntegrityError, match="a_case_is_told_once_of_each_end"):
        async with notices.engine.begin() as connection:
            await connection.execute(sa.text(f"INSERT INTO letter (id, {copied}) SELECT gen_random_uuid(), {copied} FROM letter"))
