"""Refunds along their whole way on the real stack, through the desk."""

from collections.abc import Mapping

import httpx
import pytest
from rentbook_local import child, services
from rentbook_local.demo.bank_files import allpay, business_day
from rentbook_local.demo.estate import bank_account, this_monday
from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import Desk, Page
from rentbook_local.journey.steps import (
    Member,
    decide,
    open_task,
    ready_payments,
    release,
    request_refund,
)
from rentbook_local.journey.story import Journey
from rentbook_local.journey.telling import Hop
from support.stack import Stack

Members = Mapping[str, Member]

PROCESSES = (
    "postgres", "kafka", "temporal", "signin", "bank-simulator", "ledger", "refunds", "writeoffs", "approvals", "notices", "workflows",
)  # fmt: skip


def requested(desk: Desk, member: Member, **more: str | list[str]) -> str:
    page = request_refund(desk, member, **more)
    assert page.errors() == []
    return page.identity


def approved(desk: Desk, member: Member, *, stage: int = 1) -> Page:
    page = decide(desk, open_task(desk, member.account, stage=stage), "approved")
    assert page.errors() == []
    return page


def paid(officer: Desk, finance: Desk, case: str) -> Page:
    run = release(finance, [case])
    assert run.errors() == []
    officer.wait(run.path, "the bank's acceptance", lambda page: "Accepted by the bank" in page.text)
    return status_is(officer, case, "With the bank, arrives on")


def status_is(desk: Desk, case: str, status: str) -> Page:
    """The case's page, once its status (the first tag on it) says so."""

    def says(page: Page) -> bool:
        tags = page.tree.xpath("//main//*[contains(@class, 'desk-tag')]")
        return bool(tags) and status in str(tags[0].text_content())

    return desk.wait(f"/cases/{case}", f"the status “{status}”", says)


def balance(desk: Desk, account: str) -> str:
    shown = desk.get(f"/accounts/{account}").tree.xpath("//*[contains(concat(' ', @class, ' '), ' desk-balance ')]")
    return " ".join(str(shown[0].text_content()).split())


def evidence(desk: Desk, case: str, check: int, kind: str) -> Page:
    today = london_today()
    page = desk.get(f"/cases/{case}")
    values = {"check": str(check), "kind": kind, "settles": "yes", "note": "seen", "received_on": str(today)}
    page = desk.send(page, f"/cases/{case}/evidence", values)
    assert page.errors() == []
    return page


def test_the_path(stack: Stack) -> None:
    hops: list[Hop] = []
    journey = Journey(stack.layout, hops.append)
    journey.play()
    assert [hop.name for hop in hops] == [
        "bank file", "credit arises", "request", "checks", "approval", "release", "payment file", "paid", "letter", "explained",
    ]  # fmt: skip


def test_a_declined_case_frees_the_credit_and_can_be_asked_for_anew(members: Members, officer: Desk, leader: Desk) -> None:
    member = members["declined"]
    first = requested(officer, member)
    task = open_task(leader, member.account)
    assert decide(leader, task, "declined").errors() == []
    status_is(officer, first, "Declined")
    officer.wait(f"/cases/{first}", "the letter", lambda page: bool(page.links("/letters/")))
    assert "Held for refunds£0.00" in officer.get(f"/accounts/{member.account}").text
    second = requested(officer, member)
    assert second != first
    open_task(leader, member.account, after=task.path)


def test_i1_nothing_above_the_floor(members: Members, officer: Desk) -> None:
    member = members["i1"]
    case = requested(officer, member, joint_consent="yes", **consents(members, "i1"))
    status_is(officer, case, "Nothing due")
    assert balance(officer, member.account) == "£640.00 in credit"


def test_i2_all_of_the_cleared_credit_pays_the_debts(members: Members, officer: Desk, leader: Desk) -> None:
    member = members["i2"]
    case = requested(officer, member, joint_consent="yes", **consents(members, "i2"))
    approved(leader, member)
    status_is(officer, case, "Offset")
    assert balance(officer, members["i2-fta"].account) == "Nothing owed"
    assert balance(officer, member.told["recharge"]) == "£65.50 behind"
    assert balance(officer, member.account) == "£500.00 in credit"


def test_i3_opted_out_of_the_recharge(members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["i3"]
    choices = {**consents(members, "i3"), f"debt-{member.told['recharge']}": "opted-out"}
    case = requested(officer, member, joint_consent="yes", **choices)
    approved(leader, member)
    paid(officer, finance, case)
    assert balance(officer, members["i3-fta"].account) == "Nothing owed"
    assert balance(officer, member.told["recharge"]) == "£85.50 behind"
    assert balance(officer, member.account) == "£500.00 in credit"


def test_i4_one_tenants_own_debt_is_not_paid_from_joint_credit(members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["i4"]
    choices = {**consents(members, "i4"), f"debt-{members['i4-fta'].account}": "not-asked"}
    case = requested(officer, member, **choices)
    status_is(officer, case, "Waiting for evidence")
    evidence(officer, case, 6, "joint-consent")
    approved(leader, member)
    paid(officer, finance, case)
    assert balance(officer, members["i4-fta"].account) == "£120.00 behind"
    assert balance(officer, member.told["recharge"]) == "Nothing owed"
    assert "£54.50" in officer.get(f"/cases/{case}").text


def other_account(desk: Desk, case: str, member: Member) -> None:
    """The tenant names another bank account, and is called back about it."""
    details = bank_account(2000)
    values = {
        "payee_of": member.told["people"][0],
        "payee_name": member.name,
        "sort_code": details[:6],
        "account_number": details[6:],
        "called_back": "yes",
    }
    page = desk.send(desk.get(f"/cases/{case}"), f"/cases/{case}/payee", values)
    assert page.errors() == []


def consents(members: Members, key: str) -> dict[str, str]:
    return {f"debt-{members[f'{key}-fta'].account}": "consent", f"debt-{members[key].told['recharge']}": "consent"}


def test_a_returned_cheque_after_approval_voids_it(members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["voided"]
    case = requested(officer, member)
    task = open_task(leader, member.account)
    assert decide(leader, task, "approved").errors() == []
    finance.wait("/runs", "the approved refund", lambda page: case in page.tree.xpath("//input[@name='case']/@value"))
    cash = allpay([(member.reference, -150_00, "Q")], business_day(london_today()))
    taken = officer.upload(officer.get("/files"), "/files", "returned-cheque.txt", cash.encode())
    assert taken.heading.endswith("was taken")
    again = open_task(leader, member.account, after=task.path)
    assert "£60.00" in again.text
    assert "not carried out" in leader.get(task.path).text.lower()
    assert case not in ready_payments(finance)
    assert decide(leader, again, "approved").errors() == []
    paid(officer, finance, case)


def test_the_weekly_debit_after_approval_voids_nothing(stack: Stack, members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["weekly-debit"]
    case = requested(officer, member)
    approved(leader, member)
    monday = this_monday(london_today())
    child.finish(services.command(stack.layout, "ledger", "debit-week", str(monday)), "The weekly debit", limit_seconds=60)
    officer.wait(f"/accounts/{member.account}", "the debit", lambda page: "£570.00 in credit" in page.text)
    paid(officer, finance, case)
    assert balance(officer, member.account) == "£360.00 in credit"


def test_a_returned_payment_is_taken_back_and_paid_anew(stack: Stack, members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["returned"]
    case = requested(officer, member)
    task = open_task(leader, member.account)
    assert decide(leader, task, "approved").errors() == []
    paid(officer, finance, case)
    bank = stack.layout.http("bank-simulator")
    [reference] = [item["reference"] for item in httpx.get(f"{bank}/bacs/paid").json()["paid"] if item["pence"] == 155_00]
    httpx.post(f"{bank}/control/next", json={"fault": "return", "reference": reference, "code": "B"}).raise_for_status()
    status_is(officer, case, "Waiting for evidence")
    officer.wait(f"/cases/{case}", "the letter on the payment that came back", lambda page: "Your refund came back to us" in page.text)
    other_account(officer, case, member)
    again = open_task(leader, member.account, after=task.path)
    assert "attempt 2" in again.text
    assert balance(officer, member.account) == "£155.00 in credit"
    assert decide(leader, again, "approved").errors() == []
    paid(officer, finance, case)
    assert balance(officer, member.account) == "Nothing owed"


def test_a_file_that_the_bank_refuses_is_taken_back_and_paid_anew(
    stack: Stack, members: Members, officer: Desk, leader: Desk, finance: Desk
) -> None:
    member = members["file-refused"]
    case = requested(officer, member)
    task = open_task(leader, member.account)
    assert decide(leader, task, "approved").errors() == []
    httpx.post(f"{stack.layout.http('bank-simulator')}/control/next", json={"fault": "refuse"}).raise_for_status()
    run = release(finance, [case])
    officer.wait(run.path, "the bank's refusal", lambda page: "Refused by the bank" in page.text)
    again = open_task(leader, member.account, after=task.path)
    assert "attempt 2" in again.text
    assert balance(officer, member.account) == "£158.00 in credit"
    assert decide(leader, again, "approved").errors() == []
    paid(officer, finance, case)
    assert balance(officer, member.account) == "Nothing owed"


def test_an_unknown_fate_is_asked_about_and_paid_once(stack: Stack, members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["fate-unknown"]
    case = requested(officer, member)
    approved(leader, member)
    bank = stack.layout.http("bank-simulator")
    httpx.post(f"{bank}/control/next", json={"fault": "accept-then-drop-reply"}).raise_for_status()
    paid(officer, finance, case)
    [item] = [item for item in httpx.get(f"{bank}/bacs/paid").json()["paid"] if item["pence"] == 159_00]
    assert item["times"] == 1


@pytest.mark.parametrize(
    ("key", "deciders"),
    [
        ("band-senior-officer", ["carys.senior"]),
        ("band-team-leader", ["dilip.leader"]),
        ("band-income-manager", ["efua.manager"]),
        ("band-head-of-service", ["farid.head", "ifeoma.finance"]),
    ],
)
def test_each_band_is_decided_by_its_own(
    stack: Stack, members: Members, officer: Desk, finance: Desk, key: str, deciders: list[str]
) -> None:
    member = members[key]
    case = requested(officer, member)
    for stage, subject in enumerate(deciders, 1):
        with Desk(stack.layout.desk, subject) as decider:
            approved(decider, member, stage=stage)
    paid(officer, finance, case)
    assert balance(officer, member.account) == "Nothing owed"


def test_money_of_housing_benefit_waits_for_its_answer(members: Members, officer: Desk) -> None:
    member = members["housing-benefit"]
    case = requested(officer, member, reason_code="benefit-backdated")
    status_is(officer, case, "Waiting for evidence")
    evidence(officer, case, 2, "benefit-answer")
    assert "Housing Benefit" in status_is(officer, case, "With approver").text


async def test_a_restart_of_every_process_in_the_middle(stack: Stack, members: Members, officer: Desk, leader: Desk, finance: Desk) -> None:
    member = members["restart"]
    case = requested(officer, member)
    await stack.kill(*PROCESSES)
    approved(leader, member)
    await stack.kill(*PROCESSES)
    paid(officer, finance, case)
    assert balance(officer, member.account) == "Nothing owed"
