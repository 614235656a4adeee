"""The desk's forms: refund requests, evidence, payees, bank files and payment runs, with what goes wrong beside the field it concerns."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from approvals import queries
from approvals.web.wording import short_day, when
from chassis.transaction import run
from playwright.async_api import Browser, expect
from rentbook_contracts.ledger import (
    ACCOUNT_PAGE,
    BANK_FILE_LIMIT_BYTES,
    BANK_FILES,
    AccountHold,
    AccountPage,
    AccountPageAsked,
    BankFiles,
)
from rentbook_contracts.notices import LETTERS, SEND_LETTER_AGAIN, LetterFate, Letters
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import (
    ADD_EVIDENCE,
    CASE_PAGE,
    CASES,
    CHANGE_PAYEE,
    EVIDENCE_DOCUMENT_LIMIT_BYTES,
    READY_PAYMENTS,
    REQUEST_REFUND,
    RESUBMIT,
    RUN_PAGE,
    RUNS,
    WITHDRAW_CASE,
    AskedAs,
    CaseStatus,
    ReadyPayments,
    Runs,
)
from support.documents import PDF

from desk import estate
from desk.conftest import Place, at_the_desk
from desk.peers import cases_among
from desk.test_work import approve, decisions
from desk.visitor import Visitor, visiting

NGUYEN = estate.NGUYEN
REQUEST = f"/accounts/{NGUYEN.account}/refund"
RECHARGE, COURT = (label.account for label in NGUYEN.debt_labels())

TYPED = {
    "asked_by": str(NGUYEN.person()),
    "identified_how": "phone-questions",
    "joint_consent": "yes",
    "amount_is": "some",
    "amount": "£ 0,541.5",
    "reason_code": "overpaid",
    f"debt-{RECHARGE}": "consent",
    f"debt-{COURT}": "opted-out",
    "payee_of": str(NGUYEN.person(1)),
    "payee_name": "Trần Văn Minh",
    "sort_code": "08-99 99",
    "account_number": "6637 4958",
    "note": "Rang at nine.",
}


async def test_a_request_reaches_refunds_as_it_was_taken(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        said = await visitor.send(REQUEST, **TYPED)
    assert "The request is taken, and its checks have begun." in said
    [request] = place.peers.given(REQUEST_REFUND)
    assert request.amount_pence == 541_50
    assert (request.consents, request.opted_out, request.joint_consent) == ((RECHARGE,), (COURT,), True)
    assert (request.payee.sort_code, request.payee.account_number, request.payee.person) == ("089999", "66374958", NGUYEN.person(1))
    assert request.identified_how == "On the phone: name, address and date of birth agree with the tenancy"
    [call] = [one for one in place.peers.calls if one.path == "/commands/request-refund"]
    assert call.person == "asha.officer"
    assert call.form is not None
    UUID(call.form)


async def test_a_request_for_all_carries_no_amount(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, **{**TYPED, "amount_is": "all"})
    assert place.peers.given(REQUEST_REFUND)[0].amount_pence is None


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"balance_pence": 412_00}, "The account is £412.00 behind: there is no credit to refund."),
        ({"balance_pence": 0}, "Nothing is owed on the account and nothing is in credit: there is nothing to refund."),
        ({"balance_pence": -50_00, "uncleared_pence": 50_00}, "£50.00 has not cleared yet: there is nothing to refund today."),
        ({"balance_pence": 25_00, "written_on_pence": 25_00}, "The account is £25.00 behind: there is no credit to refund."),
    ],
)
async def test_where_no_request_can_be_taken_the_page_says_so_and_why(place: Place, figures: dict[str, int], why: str) -> None:
    """The same as refunds says when it refuses."""
    none = {"cleared_credit_pence": 0, "uncleared_pence": 0, "held_pence": 0, **figures}
    place.peers.answers["/queries/account-page"] = lambda _: estate.account_page(NGUYEN).model_copy(update=none)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(REQUEST)
        assert f"No request can be taken. {why}" in said.replace("The account is £50.00 in credit, but ", "")
        assert "closes at once" not in said
        assert visitor.page is not None
        assert not visitor.page.xpath('//form[contains(@action, "/refund")]')


async def test_a_credit_at_income_may_be_asked_for(place: Place) -> None:
    none = {"cleared_credit_pence": 0, "uncleared_pence": 0, "balance_pence": 0, "written_on_pence": 25_00}
    place.peers.answers["/queries/account-page"] = lambda _: estate.account_page(NGUYEN).model_copy(update=none)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(REQUEST)
    assert "No request can be taken" not in said
    assert "Take the request" in said


async def test_each_debt_without_an_answer_is_named(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **{**TYPED, f"debt-{RECHARGE}": "", f"debt-{COURT}": ""})
        told = visitor.summary()
    named = [told[f"#debt-{debt}"] for debt in (RECHARGE, COURT)]
    assert len(set(named)) == 2
    labels = {label.account: label for label in (*estate.account_page(NGUYEN).sub_accounts, *estate.account_page(NGUYEN).other_accounts)}
    for debt, said in zip((RECHARGE, COURT), named, strict=True):
        assert labels[debt].reference in said


async def test_bank_details_that_are_missing_are_asked_for(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **{**TYPED, "sort_code": "", "account_number": " "})
        told = {"#sort_code": "Enter the sort code", "#account_number": "Enter the account number"}
        assert visitor.summary() == told
        await visitor.send(REQUEST, 422, **{**TYPED, "sort_code": "12"})
        assert visitor.summary() == {"#sort_code": "The sort code must have 6 digits, like 08-99-99"}


def somebody_died(place: Place, *, at: int | None = None, hold: bool = False) -> None:
    """The account says that a tenant has died: which one, or only that one has."""

    def page(asked: AccountPageAsked) -> AccountPage:
        shown = estate.account_page(NGUYEN)
        tenants = tuple(
            one.model_copy(update={"died_on": estate.TODAY if number == at else None}) for number, one in enumerate(shown.tenants)
        )
        return shown.model_copy(update={"tenants": tenants, "account_holds": (AccountHold.DECEASED,) if hold else ()})

    place.peers.answers["/queries/account-page"] = page


async def test_a_request_of_a_tenant_who_died_asks_who_acts_for_the_estate(place: Place) -> None:
    somebody_died(place, at=0)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(REQUEST)
        assert "Nguyễn Thị Lan has died. Take a request for the estate only from who acts for it." in said
        assert "A power of attorney ended with the death." in said
        await visitor.send(REQUEST, 422, **TYPED)
        assert visitor.summary() == {"#asked_as": "Choose who it is that asks: a tenant has died"}
        await visitor.send(REQUEST, 422, **TYPED, asked_as="tenant")
        assert visitor.summary() == {"#asked_as": "This tenant has died. Choose who acts for the estate"}
        await visitor.send(REQUEST, 422, **TYPED, asked_as="executor")
        assert visitor.summary() == {"#identified_how": "Who acts for an estate is known by its documents or by photo identity"}
        await visitor.send(REQUEST, **{**TYPED, "identified_how": "estate-documents"}, asked_as="executor")
    [request] = place.peers.given(REQUEST_REFUND)
    assert (request.asked_by, request.asked_as) == (NGUYEN.person(), AskedAs.EXECUTOR)
    assert request.identified_how == "By the will, the grant or the death certificate, seen with photo identity"


async def test_the_living_tenant_of_two_asks_as_before(place: Place) -> None:
    somebody_died(place, at=1)
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **TYPED, asked_as="next-of-kin")
        assert visitor.summary()["#asked_by"] == "Nothing says that this tenant has died. Choose the one who has"
        await visitor.send(REQUEST, **{**TYPED, "payee_of": str(NGUYEN.person())}, asked_as="tenant")
    assert place.peers.given(REQUEST_REFUND)[0].asked_as is AskedAs.TENANT


async def test_a_hold_for_a_death_warns_though_nobody_says_who_died(place: Place) -> None:
    somebody_died(place, hold=True)
    async with visiting(place, "asha") as visitor:
        assert "The account says that a tenant has died." in await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **TYPED)
        assert visitor.summary() == {"#asked_as": "Choose who it is that asks: a tenant has died"}


async def test_who_lives_is_not_asked_in_whose_part(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(REQUEST)
        assert "Who is it that asks?" not in said
        assert "By the will, the grant" not in said


async def test_a_credit_that_went_to_income_may_be_asked_for_up_to_what_it_was(place: Place) -> None:
    empty = estate.account_page(NGUYEN).model_copy(update={"balance_pence": 0, "cleared_credit_pence": 0, "written_on_pence": 541_50})
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: empty
    async with visiting(place, "asha") as visitor:
        assert "£541.50 of this account’s credit went to income." in await visitor.read(f"/accounts/{NGUYEN.account}")
        said = await visitor.read(REQUEST)
        assert "£541.50 of this account’s credit went to income." in said
        assert "closes at once" not in said
        await visitor.send(REQUEST, 422, **{**TYPED, "amount": "541.51"})
        assert visitor.summary() == {"#amount": "The amount must not be more than the credit on the account, £541.50"}
        await visitor.send(REQUEST, **TYPED)
    assert place.peers.given(REQUEST_REFUND)[0].amount_pence == 541_50


async def test_an_empty_request_leads_to_every_field_and_keeps_what_was_typed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, payee_name="Trần Văn Minh", note="Rang at nine.", sort_code="12")
        found = visitor.summary()
        debts = {f"#debt-{RECHARGE}", f"#debt-{COURT}"}
        assert set(found) == {"#asked_by", "#identified_how", "#reason_code", "#payee_of", "#sort_code", "#account_number", *debts}
        assert visitor.page is not None
        for link in found:
            assert visitor.page.xpath(f'//*[@id="{link[1:]}"]'), link
        assert visitor.typed("payee_name") == "Trần Văn Minh"
        assert visitor.typed("sort_code") == "12"
        assert visitor.typed("note") == "Rang at nine."
    assert place.peers.given(REQUEST_REFUND) == []


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"amount": "lots"}, "The amount must be an amount in pounds, like 141.20"),
        ({"amount": "0"}, "The amount must be more than £0.00"),
        ({"amount": ""}, "Enter the amount that is asked for"),
        ({"amount": "-5"}, "The amount must be an amount in pounds, like 141.20"),
        ({"amount": "1.005"}, "The amount must be an amount in pounds, like 141.20"),
        ({"amount": "999999999999"}, "The amount is too large"),
        ({"amount": "640.01"}, "The amount must not be more than the credit on the account, £640.00"),
    ],
)
async def test_an_amount_that_is_none_says_so(place: Place, typed: dict[str, str], says: str) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **{**TYPED, **typed})
        assert visitor.summary() == {"#amount": says}


@pytest.mark.parametrize("number", ["٦٦٣٧٤٩٥٨", "66374 95x", "123456789"])
async def test_an_account_number_has_digits_that_a_bank_knows(place: Place, number: str) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **{**TYPED, "account_number": number})
        assert visitor.summary() == {"#account_number": "The account number must have 6 to 8 digits"}


async def test_the_owners_refusal_stands_beside_its_field(place: Place) -> None:
    words = {"rule": "AccountNumberFailsModulus", "message": "This account number does not fit its sort code", "field": "account_number"}
    place.peers.refusals["/commands/request-refund"] = words  # type: ignore[assignment]
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        await visitor.send(REQUEST, 422, **TYPED)
        assert visitor.summary() == {"#account_number": "This account number does not fit its sort code"}
        assert visitor.typed("payee_name") == "Trần Văn Minh"


async def test_a_silent_owner_is_named_and_sending_again_is_the_same_form(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(REQUEST)
        words = {**visitor.fields(REQUEST), **TYPED}
        place.peers.silent.add("refunds")
        assert "Refunds does not answer" in await visitor.post(REQUEST, words, 503)
        place.peers.silent.clear()
        await visitor.post(REQUEST, words)
    forms = [call.form for call in place.peers.calls if call.path == "/commands/request-refund"]
    assert len(forms) == 2
    assert len(set(forms)) == 1


async def test_the_error_summary_takes_the_focus_and_leads_to_the_field(place: Place, browser: Browser) -> None:
    async with at_the_desk(browser, place, "asha") as context:
        page = await context.new_page()
        await page.goto(REQUEST)
        await page.get_by_role("button", name="Take the request").click()
        await expect(page.locator(".govuk-error-summary")).to_be_focused()
        await page.get_by_role("link", name="Enter the sort code").click()
        await expect(page.locator("#sort_code")).to_be_focused()
        assert (await page.title()).startswith("Error: ")


async def test_evidence_reaches_refunds_after_its_giver_became_a_participant(place: Place) -> None:
    case = estate.CASE_BEGUM
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{case}")
        received = (estate.TODAY - timedelta(days=2)).strftime("%d/%m/%Y")
        await visitor.send(
            f"/cases/{case}/evidence", check="7", kind="bank-statement", settles="no", received_on=received, reference="BS-1", note="Seen"
        )
    [evidence] = place.peers.given(ADD_EVIDENCE)
    assert (evidence.check, evidence.kind, evidence.settles, evidence.reference) == (7, "bank-statement", False, "BS-1")
    assert evidence.received_on == estate.TODAY - timedelta(days=2)
    people = await run(place.runtime, lambda tx: queries.participants_of(tx, case))
    assert [(one.person, one.why) for one in people] == [("carol.senior", "evidence")]


@pytest.mark.parametrize("form", ["evidence", "payee", "resubmit", "withdraw"])
async def test_nobody_takes_part_in_a_case_that_refunds_does_not_know(place: Place, form: str) -> None:
    known, unknown = f"/cases/{estate.CASE_BEGUM}", uuid4()
    typed = {
        "check": "7", "kind": "bank-statement", "settles": "no", "received_on": estate.TODAY.strftime("%d/%m/%Y"), "note": "Seen",
        "payee_of": "third-party", "payee_name": "A Name", "sort_code": "08-99-99", "account_number": "66374958",
        "answer_note": "It is theirs", "withdraw_note": "A slip",
    }  # fmt: skip
    async with visiting(place, "carol") as visitor:
        await visitor.read(known)
        place.peers.refusals["/queries/case-page"] = {"rule": "NothingThere", "message": "There is no such refund case.", "field": None}
        await visitor.post(f"/cases/{unknown}/{form}", {**visitor.fields(f"{known}/evidence"), **typed}, 404)
    assert await run(place.runtime, lambda tx: queries.participants_of(tx, unknown)) == ()


@pytest.mark.parametrize(
    ("check", "kind", "field", "words"),
    [
        (
            "7",
            "court-order",
            "kind",
            "This does not settle check 7. What does: bank statement, proof of identity or call-back to the tenant on a known number",
        ),
        ("1", "other", "check", "No document settles this check: it rests on the figures of the account and of policy"),
    ],
)
async def test_evidence_that_does_not_fit_is_refused_as_the_owner_says(place: Place, check: str, kind: str, field: str, words: str) -> None:
    case = estate.CASE_BEGUM
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{case}")
        await visitor.send(
            f"/cases/{case}/evidence", 422, check=check, kind=kind, settles="yes", received_on=estate.TODAY.strftime("%d/%m/%Y")
        )
        assert visitor.summary() == {f"#{field}": words}
    assert place.peers.given(ADD_EVIDENCE) == []
    assert await run(place.runtime, lambda tx: queries.participants_of(tx, case)) == ()


async def test_evidence_is_offered_for_the_checks_alone_that_a_document_settles(place: Place) -> None:
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        assert visitor.page is not None
        offered = {one.get("value") for one in visitor.page.xpath('//select[@id="check"]/option')}
    assert offered == {"", *(str(check) for check in estate.SETTLED_BY)}


async def test_a_document_goes_to_refunds_without_the_name_that_it_had(place: Place) -> None:
    case = estate.CASE_BEGUM
    typed = {"check": "7", "kind": "bank-statement", "settles": "yes", "received_on": estate.TODAY.strftime("%d/%m/%Y")}
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{case}")
        hostile = '../../etc/"<script>alert(1)</script>\r\nX: y.pdf'
        await visitor.send_with_file(f"/cases/{case}/evidence", "document", (hostile, PDF), **typed)
    [evidence] = place.peers.given(ADD_EVIDENCE)
    assert evidence.document == PDF
    assert "script" not in evidence.model_dump_json()


@pytest.mark.parametrize("octets", [0, EVIDENCE_DOCUMENT_LIMIT_BYTES + 1])
async def test_a_document_that_is_empty_or_too_large_is_refused_beside_its_field(place: Place, octets: int) -> None:
    case = estate.CASE_BEGUM
    typed = {"check": "7", "kind": "bank-statement", "settles": "yes", "received_on": estate.TODAY.strftime("%d/%m/%Y")}
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{case}")
        await visitor.send_with_file(f"/cases/{case}/evidence", "document", ("a.pdf", b" " * octets), 422, **typed)
        assert list(visitor.summary()) == ["#document"]
    assert place.peers.given(ADD_EVIDENCE) == []
    assert await run(place.runtime, lambda tx: queries.participants_of(tx, case)) == ()


async def test_the_kinds_of_evidence_follow_the_chosen_check_and_against_the_refund_any_may_speak(place: Place, browser: Browser) -> None:
    offered = "select => [...select.options].filter(one => one.value && !one.parentElement.disabled).map(one => one.value)"
    async with at_the_desk(browser, place, "carol") as desk:
        page = await desk.new_page()
        await page.goto(f"/cases/{estate.CASE_BEGUM}")
        kind = page.get_by_label("What is it?")
        await page.get_by_label("For which check?").select_option("2")
        assert await kind.evaluate(offered) == ["benefit-answer"]
        await kind.select_option("benefit-answer")
        await page.get_by_label("For which check?").select_option("7")
        assert await kind.evaluate(offered) == ["bank-statement", "identity", "call-back"]
        assert await kind.input_value() == "", "what does not fit is not kept"
        await page.get_by_label("No, it speaks against the refund").check()
        assert "staff-conflict" in await kind.evaluate(offered)


async def test_without_scripts_the_kinds_stand_under_their_checks_and_what_was_chosen_stays(place: Place) -> None:
    path = f"/cases/{estate.CASE_BEGUM}"
    async with visiting(place, "carol") as visitor:
        await visitor.read(path)
        await visitor.send(f"{path}/evidence", 422, check="7", kind="identity", settles="yes")
        assert visitor.page is not None
        groups = visitor.page.xpath('//select[@id="kind"]/optgroup/@label')
        assert groups == ["May settle check 2", "May settle check 6", "May settle check 7", "May speak against the refund"]
        chosen = visitor.page.xpath('//select[@id="kind"]//option[@selected]/parent::*/@label')
        assert (chosen, visitor.typed("kind")) == (["May settle check 7"], "identity")


async def test_evidence_from_the_future_is_refused(place: Place) -> None:
    case = estate.CASE_BEGUM
    async with visiting(place, "carol") as visitor:
        await visitor.read(f"/cases/{case}")
        tomorrow = (estate.TODAY + timedelta(days=1)).isoformat()
        await visitor.send(f"/cases/{case}/evidence", 422, check="7", kind="other", settles="no", received_on=tomorrow)
        assert visitor.summary() == {"#received_on": "The day on which it came can’t be in the future"}
    assert await run(place.runtime, lambda tx: queries.participants_of(tx, case)) == ()


async def test_an_approver_does_not_change_the_case_while_it_is_carried_out(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
        await visitor.read(f"/cases/{estate.CASE_OKAFOR}")
        said = await visitor.send(
            f"/cases/{estate.CASE_OKAFOR}/payee",
            422,
            payee_of=str(estate.OKAFOR.person()),
            payee_name="M Okafor",
            sort_code="089999",
            account_number="66374958",
        )
    assert "Recall your approval before you change the case." in said
    assert place.peers.given(CHANGE_PAYEE) == []


async def test_a_payee_is_changed_with_a_call_back(place: Place) -> None:
    case = estate.CASE_OKAFOR
    async with visiting(place, "ben") as visitor:
        await visitor.read(f"/cases/{case}")
        await visitor.send(
            f"/cases/{case}/payee",
            payee_of="third-party",
            payee_name="O Executor",
            sort_code="089999",
            account_number="66374958",
            called_back="yes",
        )
    [change] = place.peers.given(CHANGE_PAYEE)
    assert (change.called_back, change.payee.person, change.payee.name) == (True, None, "O Executor")


async def test_a_question_is_answered_and_a_request_withdrawn(place: Place) -> None:
    case = estate.CASE_OKAFOR
    place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda asked: estate.case_page(asked.case, status=CaseStatus.SENT_BACK)
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/cases/{case}")
        await visitor.send(f"/cases/{case}/resubmit", 422)
        assert visitor.summary() == {"#answer_note": "Write down the answer to the question"}
        await visitor.send(f"/cases/{case}/resubmit", answer_note="It is her own account")
        await visitor.send(f"/cases/{case}/withdraw", withdraw_note="Changed her mind")
    assert place.peers.given(RESUBMIT)[0].note == "It is her own account"
    assert place.peers.given(WITHDRAW_CASE)[0].note == "Changed her mind"


# --- bank files -----------------------------------------------------------------------------------------------------------------------


async def choose_and_send(place: Place, browser: Browser, path: Path, **how: Any) -> str:
    """Drop a file on the desk; the text of the page that it leads to."""
    async with at_the_desk(browser, place, "asha", **how) as context:
        page = await context.new_page()
        await page.goto("/files")
        await page.get_by_label("Take in a bank file").set_input_files(path)
        await page.get_by_role("button", name="Take it in").click()
        await page.wait_for_url("**/files/*")
        return await page.locator("main").inner_text()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_bank_file_reaches_the_ledger_byte_for_byte(place: Place, browser: Browser, tmp_path: Path, scripts: bool) -> None:
    content = b"<Document>\r\n\x00\xff" * 5000
    (tmp_path / "état & co.xml").write_bytes(content)
    said = await choose_and_send(place, browser, tmp_path / "état & co.xml", java_script_enabled=scripts)
    assert "2 receipts, £258.00 in all" in said
    [call] = [one for one in place.peers.calls if one.path == "/bank-files"]
    assert call.body == content
    assert call.person == "asha.officer"


async def test_a_file_for_which_there_is_no_room_is_turned_away_and_taken_later(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "form.write").write_text("no-space")
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
    async with visiting(place, "asha") as visitor:
        await visitor.read("/files")
        words, origin = visitor.fields("/files"), {"origin": place.url}
        file = {"file": ("statement.xml", b"<Document/>")}
        full = await visitor.http.post("/files", data=words, files=file, headers=origin)
        assert (full.status_code, "There is no room for it on the disk, and nothing was done." in full.text) == (503, True)
        assert [one for one in place.peers.calls if one.path == "/bank-files"] == []
        (tmp_path / "form.write").unlink()
        again = await visitor.http.post("/files", data=words, files=file, headers=origin)
    assert again.status_code == 303
    assert [one.body for one in place.peers.calls if one.path == "/bank-files"] == [b"<Document/>"]


@pytest.mark.parametrize(
    ("bank_file", "says"),
    [
        (estate.REFUSED_FILE, "2 faults found; nothing was posted"),
        (estate.REPEATED_FILE, "by ben.officer, as statement-2026-11-18.xml"),
    ],
)
async def test_a_file_that_is_not_taken_has_a_page_that_says_why(
    place: Place, browser: Browser, tmp_path: Path, bank_file: UUID, says: str
) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    place.peers.file_answer = estate.bank_file(bank_file)
    said = " ".join((await choose_and_send(place, browser, tmp_path / "a.xml")).split())
    assert says in said


@pytest.mark.parametrize("file", [estate.ALIKE_FILE, estate.TWICE_FILE], ids=["refused", "taken already"])
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_second_person_says_that_the_payments_of_a_file_are_new(
    place: Place, browser: Browser, tmp_path: Path, scripts: bool, file: UUID
) -> None:
    (tmp_path / "cash-again.txt").write_bytes(b"cash")
    place.peers.file_answer = estate.bank_file(estate.NEW_ALIKE_FILE)
    async with at_the_desk(browser, place, "asha") as context:
        page = await context.new_page()
        await page.goto(f"/files/{file}")
        assert await page.get_by_role("button", name="Take it as new payments").count() == 0
        assert "ask a colleague to open this page" in await page.locator("main").inner_text()
    async with at_the_desk(browser, place, "ben", java_script_enabled=scripts) as context:
        page = await context.new_page()
        await page.goto(f"/files/{file}")
        await page.get_by_text("Every payment in it is new all the same").click()
        await page.get_by_role("button", name="Take it as new payments").click()
        assert "As the second person, you say that every payment in this file is new." in await page.locator("main").inner_text()
        await page.get_by_label("Take in a bank file").set_input_files(tmp_path / "cash-again.txt")
        await page.get_by_role("button", name="Take it in").click()
        await page.wait_for_url("**/files/*")
        assert "said that its payments are new" in await page.locator("main").inner_text()
    [call] = [one for one in place.peers.calls if one.path == "/bank-files"]
    assert (call.person, call.body, ("as_new", "yes") in call.words) == ("ben.officer", b"cash", True)


async def test_a_file_of_pending_entries_says_that_nothing_is_posted_yet(place: Place, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    place.peers.file_answer = estate.bank_file(estate.PENDING_FILE)
    said = " ".join((await choose_and_send(place, browser, tmp_path / "a.xml")).split())
    assert "Nothing is posted yet: its one line is pending at the bank; a later file books it." in said
    assert "is posted." not in said


@pytest.mark.parametrize(("came", "says"), [(100, False), (101, True)])
async def test_of_many_files_the_newest_are_shown_and_the_page_says_so(place: Place, came: int, says: bool) -> None:
    every = tuple(estate.bank_file(estate.FILE).model_copy(update={"name": f"statement-{at}.xml"}) for at in range(came))
    place.peers.answers[f"/queries/{BANK_FILES.name}"] = lambda asked: BankFiles(files=every[: asked.limit])
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/files")
        assert visitor.page is not None
        assert len(visitor.page.xpath("//tbody/tr")) == 100
    assert ("The newest 100 are shown." in said) is says


@pytest.mark.parametrize(("came", "says"), [(50, False), (51, True)])
async def test_of_many_runs_the_newest_are_shown_and_the_page_says_so(place: Place, came: int, says: bool) -> None:
    every = (estate.run_page(estate.RUN),) * came
    place.peers.answers[f"/queries/{RUNS.name}"] = lambda asked: Runs(runs=every[: asked.limit])
    async with visiting(place, "grace") as visitor:
        said = await visitor.read("/runs")
    assert said.count("Accepted by the bank") == 50
    assert ("The newest 50 are shown." in said) is says


async def test_a_form_without_a_file_says_so(place: Place, browser: Browser) -> None:
    async with at_the_desk(browser, place, "asha", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto("/files")
        await page.get_by_role("button", name="Take it in").click()
        await expect(page.get_by_role("link", name="Choose a bank file")).to_be_visible()


@pytest.mark.parametrize(
    ("scripts", "where", "says"),
    [
        (
            True,
            "[data-upload-status]",
            "huge.xml is too large. A bank file has at most 20 MB. Nothing was sent. Ask the bank for shorter periods",
        ),
        (False, ".govuk-error-summary", "huge.xml is 21.0 MB; a bank file has at most 20 MB"),
    ],
    ids=["with scripts", "without scripts"],
)
async def test_a_file_that_is_too_large_is_named_and_never_reaches_the_ledger(
    place: Place, browser: Browser, tmp_path: Path, scripts: bool, where: str, says: str
) -> None:
    with (tmp_path / "huge.xml").open("wb") as huge:
        huge.truncate(BANK_FILE_LIMIT_BYTES + 1)
    async with at_the_desk(browser, place, "asha", java_script_enabled=scripts) as context:
        page = await context.new_page()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        await page.goto("/files")
        await page.get_by_label("Take in a bank file").set_input_files(tmp_path / "huge.xml")
        await page.get_by_role("button", name="Take it in").click()
        await expect(page.locator(where)).to_contain_text(says)
    assert ("POST" in sent) is not scripts, "a script knows before anything is sent"
    assert [call for call in place.peers.calls if call.path == "/bank-files"] == []


async def test_an_upload_shows_how_far_it_is(place: Place, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"x" * 3_000_000)
    async with at_the_desk(browser, place, "asha") as context:
        page = await context.new_page()
        await page.goto("/files")
        place.peers.file_read = asyncio.Event()
        await page.get_by_label("Take in a bank file").set_input_files(tmp_path / "a.xml")
        await page.get_by_role("button", name="Take it in").click()
        await expect(page.locator("[data-upload-status]")).to_have_text(re.compile(r"Sending a\.xml: \d+%|Reading a\.xml"))
        await expect(page.get_by_role("progressbar", name="How much of the file is sent")).to_be_visible()
        place.peers.file_read.set()
        await page.wait_for_url(re.compile(r"/files/[0-9a-f-]{36}"))


async def test_a_request_of_who_has_left_or_died_is_said_on_the_form_and_where_it_is_decided(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    canned = estate.account_page(estate.OKAFOR)
    [asker] = canned.tenants

    def tenant(**changed: object) -> None:
        page = canned.model_copy(update={"tenants": (asker.model_copy(update=changed),)})
        place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: page

    pages = [f"/tasks/{task}", f"/cases/{estate.CASE_OKAFOR}"]
    async with visiting(place, "asha") as visitor:
        for path in pages:
            assert "who asked for this refund" not in await visitor.read(path)
        tenant(until=estate.TODAY - timedelta(days=3))
        left = f"left the tenancy on {short_day(estate.TODAY - timedelta(days=3))}"
        said = await visitor.read(f"/accounts/{estate.OKAFOR.account}/refund")
        assert f"{asker.name} has left the tenancy." in said
        assert f"{asker.name}, who {left}" in said
        for path in pages:
            assert f"{asker.name}, who asked for this refund, {left}." in await visitor.read(path)
        tenant(died_on=estate.TODAY - timedelta(days=2))
        for path in pages:
            assert f"{asker.name}, who asked for this refund, died on {short_day(estate.TODAY - timedelta(days=2))}." in await visitor.read(
                path
            )
        tenant(until=estate.TODAY + timedelta(days=3))
        for path in pages:
            assert "who asked for this refund" not in await visitor.read(path)


async def test_the_checks_of_a_closed_case_say_of_what_day_they_are_and_call_for_nothing(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    closed = estate.case_page(estate.CASE_OKAFOR, status=CaseStatus.DECLINED)
    closed = closed.model_copy(update={"checks": estate.checks(referred=(7,))})
    pages = (f"/cases/{estate.CASE_OKAFOR}", f"/tasks/{task}")
    async with visiting(place, "dev") as visitor:
        for path in pages:
            said = await visitor.read(path)
            assert "they do not run again" not in said
            assert "holds until" in said
        await visitor.send(f"/tasks/{task}/decision", answer="declined", reason_code="declined:suspected-fraud", text="x")
        [made] = await decisions(place, estate.CASE_OKAFOR)
        place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda _: closed
        for path in pages:
            assert f"As they were for the decision of {when(made.decided_at)}." in await visitor.read(path)
            assert visitor.page is not None
            assert visitor.page.xpath('//*[contains(@class, "desk-check")]//*[contains(@class, "desk-tag--")]') == []
        other = closed.model_copy(update={"case": estate.CASE_BEGUM})
        place.peers.answers[f"/queries/{CASE_PAGE.name}"] = lambda _: other
        said = await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        assert "As they were when the case was closed on" in said
        assert "holds until" not in said


# --- payment runs -----------------------------------------------------------------------------------------------------------------------


async def ready(place: Place) -> None:
    """The Okafor refund is approved and waits for finance."""
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as visitor:
        await approve(visitor, task)
    [made] = await decisions(place, estate.CASE_OKAFOR)
    payment = estate.ready_payment(made.decision)

    def answer(_: Nothing) -> ReadyPayments:
        return ReadyPayments(
            payments=(payment,), total_pence=141_20, next_processing_day=estate.TODAY, next_entry_day=estate.TODAY, cut_off=estate.NOW
        )

    place.peers.answers[f"/queries/{READY_PAYMENTS.name}"] = answer


async def preview(visitor: Visitor) -> str:
    return await visitor.read(f"/runs/preview?case={estate.CASE_OKAFOR}")


async def test_finance_sees_the_total_and_then_releases_exactly_that(place: Place, browser: Browser) -> None:
    await ready(place)
    no_such_run = {"rule": "NoSuchRun", "message": "There is no such run.", "field": None}
    place.peers.refusals[f"/queries/{RUN_PAGE.name}"] = no_such_run
    async with at_the_desk(browser, place, "grace", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto("/runs")
        await page.get_by_role("button", name="Preview the run").click()
        await expect(page.get_by_text("1 payment, £141.20")).to_be_visible()
        await page.get_by_role("button", name="Release £141.20").click()
        await expect(page.get_by_text("The payment run is released.")).to_be_visible()
        await expect(page.get_by_text("Released by Grace Obi, 1 payment, £141.20.")).to_be_visible()
        run_id = UUID(page.url.split("/runs/")[1].split("?")[0])
        place.peers.silent.add("refunds")
        await page.goto(f"/runs/{run_id}")
        await expect(page.get_by_text("What has become of it can’t be told just now.")).to_be_visible()
        await expect(page.get_by_text("posts it now")).to_have_count(0)
    released = await run(place.runtime, lambda tx: queries.releases(tx, [run_id]))
    assert released[run_id].total_pence == 141_20


async def test_a_run_of_which_a_payment_came_back_says_so_first(place: Place) -> None:
    page = estate.run_page(estate.RUN)
    back = page.lines[0].model_copy(update={"status": "returned", "because": "B ACCOUNT CLOSED"})
    async with visiting(place, "grace") as finance:
        assert "came back from the bank" not in await finance.read(f"/runs/{estate.RUN}")
        place.peers.answers[f"/queries/{RUN_PAGE.name}"] = lambda _: page.model_copy(update={"lines": (back, page.lines[1])})
        assert "1 payment came back from the bank, £35.00 in all. Its case says how it goes on." in await finance.read(
            f"/runs/{estate.RUN}"
        )


async def test_a_review_in_the_list_of_cases_says_that_nobody_asked(place: Place) -> None:
    review = estate.case_row(estate.CASE_OKAFOR, CaseStatus.REVIEW).model_copy(update={"requested_pence": None})
    place.peers.answers[f"/queries/{CASES.name}"] = cases_among((review,))
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/cases")
    assert "nobody asked" in said
    assert ">all<" not in said


async def test_the_preview_of_a_run_names_who_approved_each_payment_and_the_account_that_it_goes_to(place: Place) -> None:
    await ready(place)
    told = place.peers.answers[f"/queries/{READY_PAYMENTS.name}"](Nothing())
    assert isinstance(told, ReadyPayments)
    elsewhere = told.model_copy(update={"payments": (told.payments[0].model_copy(update={"third_party": True}),)})
    async with visiting(place, "grace") as visitor:
        said = await preview(visitor)
        assert "Dev Patel, " in said
        assert told.payments[0].masked in said
        assert "not a tenant’s account" not in said
        place.peers.answers[f"/queries/{READY_PAYMENTS.name}"] = lambda _: elsewhere
        assert "not a tenant’s account" in await preview(visitor)
        assert "Dev Patel, " in await visitor.read("/runs")


async def test_a_payment_that_changed_since_it_was_shown_is_not_released(place: Place) -> None:
    await ready(place)
    async with visiting(place, "grace") as visitor:
        await preview(visitor)
        line = visitor.fields("/runs")["line"].replace("/14120", "/14121")
        said = await visitor.send("/runs", 422, line=line)
    assert "A payment has changed since the page was shown" in said


async def test_whoever_decided_does_not_release(place: Place) -> None:
    await ready(place)
    async with visiting(place, "dev") as visitor:
        said = await visitor.read("/runs")
        assert "Preview the run" not in said
        assert "Releasing payments is for finance." in said
        await visitor.read(f"/runs/preview?case={estate.CASE_OKAFOR}", 403)
        line = f"{estate.CASE_OKAFOR}/1/{'0' * 64}/14120"
        await visitor.post("/runs", {"csrf": visitor.fields("/sign-out")["csrf"], "form_id": str(uuid4()), "line": line}, 403)


async def test_a_payment_that_this_person_may_not_release_says_why_and_leaves_the_others_alone(place: Place) -> None:
    await ready(place)
    payment = estate.ready_payment(estate.an_id("an approval that nobody gave"))
    both = place.peers.answers[f"/queries/{READY_PAYMENTS.name}"](Nothing()).payments[0]  # type: ignore[attr-defined]
    other = payment.model_copy(update={"case": estate.CASE_NGUYEN, "account": estate.NGUYEN.account})
    place.peers.answers[f"/queries/{READY_PAYMENTS.name}"] = lambda _: ReadyPayments(
        payments=(both, other), total_pence=282_40, next_processing_day=estate.TODAY, next_entry_day=estate.TODAY, cut_off=estate.NOW
    )
    async with visiting(place, "grace") as visitor:
        said = await visitor.read("/runs")
        assert "not by you" in said
        assert visitor.page is not None
        assert visitor.page.xpath('//input[@name="case"]/@value') == [str(estate.CASE_OKAFOR)]


async def test_a_run_without_a_payment_asks_for_one(place: Place) -> None:
    await ready(place)
    async with visiting(place, "grace") as visitor:
        await visitor.read("/runs/preview", 422)
        assert visitor.summary() == {"#case": "Choose at least one payment"}


async def test_the_payment_file_is_for_finance_alone(place: Place) -> None:
    async with visiting(place, "grace") as finance, visiting(place, "ella") as manager:
        answer = await finance.http.get(f"/runs/{estate.RUN}/file")
        assert answer.content == b"VOL1000123"
        assert "attachment" in answer.headers["content-disposition"]
        assert "finance alone" in await manager.read(f"/runs/{estate.RUN}/file", 403)
    assert [call.person for call in place.peers.calls if call.path.startswith("/payment-files/")] == ["grace.finance"]


async def test_a_letter_that_went_out_is_sent_once_more_from_the_page_of_its_case(place: Place) -> None:
    path = f"/cases/{estate.CASE_OKAFOR}"
    again = f"{path}/letters/{estate.LETTER}/again"
    async with visiting(place, "asha") as visitor, visiting(place, "hugo") as auditor:
        await visitor.read(path)
        assert "The letter goes out once more, as it was." in await visitor.send(again)
        assert "Send it once more" not in await auditor.read(path)
        place.peers.refusals[f"/commands/{SEND_LETTER_AGAIN.name}"] = {"rule": "NeverSent", "message": "Not sent yet.", "field": None}
        assert "Not sent yet." in await visitor.send(again, 422)
        waits = estate.letter().model_copy(
            update={"fate": LetterFate.WAITS, "times_sent": 1, "asked_again_by": "asha.officer", "asked_again_at": estate.NOW}
        )
        place.peers.answers[f"/queries/{LETTERS.name}"] = lambda _: Letters(letters=(waits,))
        said = await visitor.read(path)
        assert "Send it once more" not in said
        assert "asked for once more by Asha" in said
        came_back = estate.letter().model_copy(update={"payment_came_back": True})
        place.peers.answers[f"/queries/{LETTERS.name}"] = lambda _: Letters(letters=(came_back,))
        said = await visitor.read(path)
        assert "The payment that it tells of came back since" in said
        assert "Send it once more" not in said
    [asked] = place.peers.given(SEND_LETTER_AGAIN)[:1]
    assert asked.letter == estate.LETTER


async def test_a_letter_is_shown_as_it_was_sent(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        answer = await visitor.http.get(f"/letters/{estate.LETTER}.pdf")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-type"] == "application/pdf"
