"""What officers change on an account: holds, the tenancy's end, entries that were wrong."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from approvals import queries
from approvals.web import wording
from chassis.transaction import run
from playwright.async_api import Browser
from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.ledger import (
    ACCOUNT_PAGE,
    AGREE_PAYMENT_PLAN,
    END_PAYMENT_PLAN,
    END_TENANCY,
    EXPLAIN_BALANCE,
    NOTE_DEATH,
    NOTE_LETTER_ADDRESS,
    REVERSE_JOURNAL,
    SET_ACCOUNT_HOLD,
    SET_HOUSING_BENEFIT_CLAIM,
    AccountHold,
    AccountStatus,
    Addressee,
    BreathingSpaceKind,
    DebtsRead,
    HoldInForce,
    LetterAddress,
    PlanRhythm,
    Provenance,
)

from desk import debts, estate
from desk.conftest import Place, at_the_desk
from desk.visitor import visiting

ACCOUNT = f"/accounts/{estate.OKAFOR.account}"
CARD = estate.an_id("okafor RCP 1")
REFUND = estate.an_id("okafor REF 30")


@pytest.mark.parametrize(("how", "in_force"), [("set", True), ("lifted", False)])
async def test_a_hold_is_set_and_lifted_with_its_reason(place: Place, how: str, in_force: bool) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        said = await visitor.send(f"{ACCOUNT}/holds", hold="LEGAL", hold_is=how, hold_reason="Order of the court")
        assert f"The hold is {how}." in said
    [asked] = place.peers.given(SET_ACCOUNT_HOLD)
    assert (asked.account, asked.account_hold, asked.in_force) == (estate.OKAFOR.account, AccountHold.LEGAL, in_force)
    assert asked.reason == "Order of the court"


async def test_a_hold_that_ends_by_itself_has_a_last_day(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        typed = {"hold": "DISPUTE", "hold_is": "set", "hold_reason": "Letter of the tenant"}
        await visitor.send(f"{ACCOUNT}/holds", 422, **typed, hold_until=f"{estate.TODAY - timedelta(days=1)}")
        assert visitor.summary() == {"#hold_until": "The last day of the hold can’t have passed"}
        await visitor.send(f"{ACCOUNT}/holds", **typed, hold_until=f"{estate.TODAY + timedelta(days=60)}")
    [asked] = place.peers.given(SET_ACCOUNT_HOLD)
    assert asked.until == estate.TODAY + timedelta(days=60)


NOTICE = {"hold": "BREATHING_SPACE", "hold_reason": "Notice of the Insolvency Service"}


async def test_a_breathing_space_is_set_with_its_kind_and_its_days(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/holds", 422, **NOTICE, hold_is="set", hold_first_day=f"{estate.TODAY + timedelta(days=1)}")
        assert visitor.summary() == {
            "#hold_kind": "Choose which Breathing Space it is",
            "#hold_first_day": "The first day can’t lie in the future",
        }
        await visitor.send(f"{ACCOUNT}/holds", **NOTICE, hold_is="set", hold_kind="mental-health", hold_first_day="02/11/2026")
        await visitor.send(f"{ACCOUNT}/holds", **NOTICE, hold_is="lifted", hold_kind="standard", hold_first_day="02/11/2026")
        await visitor.send(f"{ACCOUNT}/holds", **NOTICE | {"hold": "LEGAL"}, hold_is="set", hold_kind="standard", hold_first_day="32")
    begun, lifted, other = place.peers.given(SET_ACCOUNT_HOLD)
    assert (begun.kind, begun.first_day, begun.until) == (BreathingSpaceKind.MENTAL_HEALTH, date(2026, 11, 2), None)
    assert [(one.kind, one.first_day) for one in (lifted, other)] == [(None, None), (None, None)]


@pytest.mark.parametrize(("field", "shown"), [("kind", "#hold_kind"), ("first_day", "#hold_first_day"), ("until", "#hold_until")])
async def test_what_the_ledger_refuses_of_a_breathing_space_is_said_at_its_field(place: Place, field: str, shown: str) -> None:
    said = "These tenants had a standard one to 1 June 2026: another may begin from 2 June 2027 on."
    place.peers.refusals[f"/commands/{SET_ACCOUNT_HOLD.name}"] = {"rule": "AnotherTooSoon", "message": said, "field": field}
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/holds", 422, **NOTICE, hold_is="set", hold_kind="standard", hold_first_day="02/11/2026")
        assert visitor.summary() == {shown: said}
        assert visitor.typed("hold_first_day") == "02/11/2026"


async def test_only_a_breathing_space_that_is_set_is_asked_its_kind_and_first_day(place: Place, browser: Browser) -> None:
    """By the style sheet alone: without scripts too."""
    async with at_the_desk(browser, place, "asha", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto(ACCOUNT)
        await page.get_by_text("Set or lift a hold").click()
        asked = (page.get_by_role("group", name="Which Breathing Space?"), page.get_by_label("First day", exact=True))
        for hold, is_asked in (("LEGAL", False), ("BREATHING_SPACE", True)):
            await page.get_by_label("Which hold?").select_option(hold)
            assert [await each.is_visible() for each in asked] == [is_asked, is_asked]
        await page.get_by_label("Lift it").check()
        assert [await each.is_visible() for each in asked] == [False, False]


async def test_a_hold_without_a_reason_is_asked_for_again_and_what_was_typed_stays(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/holds", 422, hold="LEGAL")
        assert visitor.summary() == {
            "#hold_is": "Choose whether it is set or lifted",
            "#hold_reason": "Write down why, with the document or the law that it rests on",
        }
        assert visitor.typed("hold") == "LEGAL"
    assert place.peers.given(SET_ACCOUNT_HOLD) == []


BEHIND = f"/accounts/{estate.IVANOVA.account}"


async def test_a_claim_that_benefits_has_to_decide_is_noted(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(BEHIND)
        assert "Benefits has a claim to decide for this account" in said
        for words in ("noted by carol.senior on", "another letter", "Noted by Asha Rao on", "a first letter", "they pay nothing"):
            assert words in said, words
        await visitor.send(f"{BEHIND}/benefit-claim", 422)
        assert list(visitor.summary()) == ["#claim_is", "#claim_since", "#claim_reason"]
        await visitor.send(f"{BEHIND}/benefit-claim", claim_is="decided", claim_since="02/11/2026", claim_reason="Letter of Benefits")
    [asked] = place.peers.given(SET_HOUSING_BENEFIT_CLAIM)
    assert (asked.account, asked.unresolved, asked.since.isoformat()) == (estate.IVANOVA.account, False, "2026-11-02")


async def test_a_claim_that_is_not_open_is_refused_beside_the_answer(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "NoClaimOpen", "message": "No claim is open on this account.", "field": "unresolved"}
    place.peers.refusals[f"/commands/{SET_HOUSING_BENEFIT_CLAIM.name}"] = refused
    async with visiting(place, "asha") as visitor:
        await visitor.read(BEHIND)
        await visitor.send(f"{BEHIND}/benefit-claim", 422, claim_is="decided", claim_since="02/11/2026", claim_reason="Letter of Benefits")
        assert visitor.summary() == {"#claim_is": "No claim is open on this account."}
        assert visitor.typed("claim_reason") == "Letter of Benefits"


async def test_a_payment_plan_is_agreed_shown_and_ended(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(BEHIND)
        assert "A payment plan is in force, £20.00 fortnightly" in said
        assert "It is kept. Noted by carol.senior on" in said
        await visitor.send(f"{BEHIND}/plan", 422, instalment="0")
        assert list(visitor.summary()) == ["#instalment", "#rhythm", "#first_due_on"]
        await visitor.send(f"{BEHIND}/plan", instalment="25", rhythm="weekly", first_due_on="07/12/2026")
        end = f"{BEHIND}/plan/{debts.PLAN}/end"
        await visitor.send(end, 422)
        assert list(visitor.summary()) == ["#plan_reason"]
        await visitor.send(end, plan_reason="Missed twice")
    [plan] = place.peers.given(AGREE_PAYMENT_PLAN)
    assert (plan.agreed_on, plan.instalment_pence, plan.rhythm, plan.first_due_on.isoformat()) == (
        estate.TODAY, 25_00, PlanRhythm.WEEKLY, "2026-12-07",
    )  # fmt: skip
    assert [(one.plan, one.reason) for one in place.peers.given(END_PAYMENT_PLAN)] == [(debts.PLAN, "Missed twice")]


async def test_a_payment_plan_of_an_earlier_day_is_noted_with_that_day(place: Place) -> None:
    said = "The day on which it was agreed lies in the future."
    plan = {"instalment": "25", "rhythm": "weekly", "agreed_on": "02/11/2026", "first_due_on": "09/11/2026"}
    async with visiting(place, "asha") as visitor:
        await visitor.read(BEHIND)
        await visitor.send(f"{BEHIND}/plan", 422, **{**plan, "agreed_on": "31/02/2026"})
        assert list(visitor.summary()) == ["#agreed_on"]
        place.peers.refusals[f"/commands/{AGREE_PAYMENT_PLAN.name}"] = {"rule": "DayHasNotCome", "message": said, "field": "agreed_on"}
        await visitor.send(f"{BEHIND}/plan", 422, **plan)
        assert visitor.summary() == {"#agreed_on": said}
        assert visitor.typed("agreed_on") == "02/11/2026"
        place.peers.refusals.clear()
        await visitor.send(f"{BEHIND}/plan", **plan)
    plans = place.peers.given(AGREE_PAYMENT_PLAN)
    assert (plans[-1].agreed_on.isoformat(), plans[-1].first_due_on.isoformat()) == ("2026-11-02", "2026-11-09")


async def test_the_end_of_a_tenancy_is_noted(place: Place) -> None:
    keys = (estate.TODAY - timedelta(days=1)).isoformat()
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
        assert "An end can’t be taken back here." in said
        await visitor.send(f"{ACCOUNT}/tenancy-end", ended_on="29/11/2026", keys_returned_on=keys, inspected="yes")
    [asked] = place.peers.given(END_TENANCY)
    assert (asked.ended_on.isoformat(), asked.keys_returned_on.isoformat()) == ("2026-11-29", keys)
    assert (asked.recharge_inspected, asked.final_charges_posted, asked.forwarding_address_known) == (True, False, False)


WHERE = f"{ACCOUNT}/letter-address"


async def test_it_is_noted_where_letters_go(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
        assert f"The tenants: {estate.OKAFOR.label.address}" in said
        assert "The home" in said
        await visitor.send(WHERE, 422)
        assert list(visitor.summary()) == ["#letters_for", "#letters_are", "#letters_known"]
        await visitor.send(WHERE, 422, letters_for="estate", letters_are="known", letters_known="Her son")
        assert visitor.summary() == {"#letters_address": "Enter the address"}
        typed = {"letters_for": "estate", "letters_are": "known", "letters_known": "Her son", "letters_name": "Quill & Co"}
        assert "Where letters go is noted." in await visitor.send(WHERE, **typed, letters_address="1 Law Court,\r\n Hull \r\n\r\nHU1 1AA")
        await visitor.send(WHERE, letters_for="tenants", letters_are="gone", letters_known="The post", letters_address="left from before")
    estate_, tenants = place.peers.given(NOTE_LETTER_ADDRESS)
    assert (estate_.addressee, estate_.name, estate_.address) == (Addressee.ESTATE, "Quill & Co", "1 Law Court, Hull, HU1 1AA")
    assert (tenants.addressee, tenants.name, tenants.address, tenants.known_from) == (Addressee.TENANTS, "", None, "The post")


async def test_a_death_is_noted_and_taken_back(place: Place) -> None:
    [tenant] = estate.account_page(estate.OKAFOR).tenants
    action = f"{ACCOUNT}/death"
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(action, 422)
        assert list(visitor.summary()) == ["#death_of", "#death_is", "#death_known"]
        known = {"death_of": str(tenant.person), "death_known": "The registrar"}
        await visitor.send(action, 422, **known, death_is="died")
        assert list(visitor.summary()) == ["#died_on"]
        assert "The death is noted." in await visitor.send(action, **known, death_is="died", died_on="2026-11-02")
        assert "said in error" in await visitor.send(action, **known, death_is="error", died_on="2026-11-02")
    noted, taken_back = place.peers.given(NOTE_DEATH)
    assert (noted.person, noted.died_on, noted.known_from) == (tenant.person, date(2026, 11, 2), "The registrar")
    assert taken_back.died_on is None


async def test_an_account_says_that_nobody_knows_where_its_letters_would_go(place: Place) -> None:
    page = estate.account_page(estate.OKAFOR)
    dead = tuple(tenant.model_copy(update={"died_on": estate.TODAY}) for tenant in page.tenants)
    unknown = LetterAddress(addressee=Addressee.ESTATE, address=None)
    changed = page.model_copy(update={"tenants": dead, "letter_addresses": (page.letter_addresses[0], unknown)})
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: changed
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read(ACCOUNT)
    assert "Whoever deals with the estate: ? Not known" in said
    assert "letters to the home would be read by somebody else" in said
    assert "The tenants:" not in said
    assert "Note where letters go" not in said


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({}, {"#ended_on": "Enter the day on which the tenancy ends"}),
        ({"ended_on": "2018-01-01"}, {"#ended_on": "The tenancy can’t end before it began"}),
        (
            {"ended_on": "2026-11-29", "keys_returned_on": (estate.TODAY + timedelta(days=1)).isoformat()},
            {"#keys_returned_on": "The day on which the keys came can’t be in the future"},
        ),
    ],
)
async def test_an_end_that_cannot_be_is_not_noted(place: Place, typed: dict[str, str], says: dict[str, str]) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/tenancy-end", 422, **typed)
        assert visitor.summary() == says
    assert place.peers.given(END_TENANCY) == []


async def test_an_account_as_it_stood_offers_no_refund_request(place: Place) -> None:
    path = f"/accounts/{estate.NGUYEN.account}"
    async with visiting(place, "asha") as visitor:
        earlier = await visitor.read(f"{path}?as_at={(estate.TODAY - timedelta(days=30)).isoformat()}")
        assert "the account as it stands today" in earlier
        assert "Take a refund request" not in earlier
        assert "may count towards a refund" not in earlier
        assert "may count towards a refund" in await visitor.read(path)


@pytest.mark.parametrize(
    ("pence", "status", "first"),
    [
        (-141_20, AccountStatus.CURRENT, "Take a refund request"),
        (276_00, AccountStatus.CURRENT, "Agree a payment plan"),
        (276_00, AccountStatus.FORMER, "Propose to write this debt off"),
        (0, AccountStatus.CURRENT, None),
    ],
)
async def test_the_button_of_an_account_is_what_it_needs(place: Place, pence: int, status: AccountStatus, first: str | None) -> None:
    page = estate.account_page(estate.IVANOVA)
    label = page.label.model_copy(update={"status": status, "balance_pence": pence})
    place.peers.answers["/queries/account-page"] = lambda _: page.model_copy(update={"label": label, "balance_pence": pence})
    place.peers.answers["/queries/debts-for-write-off"] = lambda _: DebtsRead(debts=(debts.facts(estate.OKAFOR.account),))
    async with visiting(place, "asha") as visitor:
        assert "Take a refund request" in await visitor.read(f"/accounts/{estate.IVANOVA.account}")
        assert visitor.page is not None
        buttons = [link.text_content() for link in visitor.page.xpath("//main//a[contains(@class, 'govuk-button')]")]
        assert buttons == ([first] if first else [])


async def test_an_entry_is_undone_on_its_own_page(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        assert visitor.page is not None
        assert f"{ACCOUNT}/entries/{CARD}" in visitor.page.xpath("//a/@href")
        await visitor.read(f"{ACCOUNT}/entries/{CARD}")
        await visitor.send(f"{ACCOUNT}/entries/{CARD}/undo", 422)
        assert visitor.summary() == {"#undo_reason": "Write down why the entry is undone"}
        said = await visitor.send(f"{ACCOUNT}/entries/{CARD}/undo", undo_reason="Keyed twice")
        assert "The entry is undone. Both stay on the account." in said
    [asked] = place.peers.given(REVERSE_JOURNAL)
    assert (asked.journal, asked.reason) == (CARD, "Keyed twice")


@pytest.mark.parametrize(
    ("provenance", "says"),
    [
        ({"from_suspense": True}, "The money goes back into suspense, where it waits to be moved to the right account."),
        (
            {"bank_file": estate.FILE, "from_suspense": False},
            "The money leaves this account, and goes onto no other. The bank still has it.",
        ),
    ],
)
async def test_an_undo_says_where_the_money_goes(place: Place, provenance: dict[str, object], says: str) -> None:
    explained = estate.explained(estate.OKAFOR)
    parts = tuple(
        part.model_copy(
            update={
                "entries": tuple(
                    one.model_copy(update={"provenance": one.provenance.model_copy(update=provenance)}) for one in part.entries
                )
            }
        )
        for part in explained.parts
    )
    place.peers.answers["/queries/explain-balance"] = lambda _: explained.model_copy(update={"parts": parts})
    async with visiting(place, "asha") as visitor:
        assert says in await visitor.read(f"{ACCOUNT}/entries/{CARD}")


async def test_a_breathing_space_is_said_with_its_days_its_review_and_what_was_owed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(BEHIND)
    assert "A Breathing Space runs: standard, from Mon 2 Nov 2026 to Thu 31 Dec 2026. £60.00 was owed here on its first day." in said
    assert "The debt adviser reviews it between Thu 26 Nov 2026 and Sun 6 Dec 2026." in said
    assert "A refund needs someone to look at it first" in said
    assert "a hold on this account" not in said
    assert "Recorded by Asha Rao on" in said
    assert "Notice of the Insolvency Service" in said


async def test_a_hold_says_who_set_it_when_and_why(place: Place) -> None:
    held = {
        "account_holds": (AccountHold.DISPUTE,),
        "holds_in_force": (
            HoldInForce(hold=AccountHold.DISPUTE, set_by="asha.officer", set_at=estate.NOW, reason="The keys", until=date(2026, 12, 31)),
        ),
    }
    page = estate.account_page(estate.OKAFOR).model_copy(update=held)
    place.peers.answers["/queries/account-page"] = lambda _: page
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
    assert f"Set by Asha Rao on {wording.when(estate.NOW)}, until Thu 31 Dec 2026:" in said
    assert "The keys" in said


async def test_a_breathing_space_of_the_same_people_is_said_on_each_of_their_accounts(place: Place) -> None:
    crisis = estate.BREATHING_SPACE.model_copy(
        update={
            "kind": BreathingSpaceKind.MENTAL_HEALTH,
            "last_day": None,
            "review_from": None,
            "review_to": None,
            "after_treatment_days": 30,
        }
    )
    page = estate.account_page(estate.OKAFOR).model_copy(update={"breathing_space": True, "breathing_spaces": (crisis,)})
    place.peers.answers["/queries/account-page"] = lambda _: page
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
        assert visitor.page is not None
        assert visitor.page.xpath(f"//a[@href='{BEHIND}']/text()") == ["another account of the same people"]
    runs = "mental health crisis, from Mon 2 Nov 2026 until 30 days after the treatment ends."
    assert f"A Breathing Space runs on another account of the same people: {runs}" in said
    assert "It covers what they owe here too" in said
    assert "The debt adviser reviews it" not in said


async def test_an_account_says_what_of_its_debt_stands_written_off_and_offers_to_put_it_back(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
        assert "£200.00 of this account’s debt stands written off" in said
        assert "of which £10.00 was put back since" in said
        assert "£99.00 of this account’s debt stands written off" in said
        assert "The law released the debtor when it was written off" in said
        assert visitor.page is not None
        links = [str(link.get("href")) for link in visitor.page.xpath("//a")]
        assert [link for link in links if "undoes=" in link] == [
            f"{ACCOUNT}/write-off?undoes={journal}" for journal in (debts.WRITTEN_OFF, debts.RELEASED)
        ]


async def test_a_debt_that_was_put_back_whole_stands_written_off_no_longer(place: Place) -> None:
    facts = debts.facts(estate.OKAFOR.account)
    whole = tuple(one.model_copy(update={"reinstated_pence": one.amount_pence}) for one in facts.write_offs[:1])
    told = DebtsRead(debts=(facts.model_copy(update={"write_offs": whole}),))
    place.peers.answers["/queries/debts-for-write-off"] = lambda _: told
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(ACCOUNT)
    assert "£210.00 of this account’s debt was written off on" in said
    assert "and has been put back whole." in said
    assert "stands written off" not in said


async def test_what_was_posted_for_a_refund_is_not_undone_by_hand(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{ACCOUNT}/entries/{REFUND}")
        assert visitor.page is not None
        assert "It comes back by itself if the bank returns the payment." in said
        assert [form.get("action") for form in visitor.page.forms if "undo" in (form.get("action") or "")] == []
        await visitor.read(f"{ACCOUNT}/entries/{estate.an_id('no such entry')}", 404)


async def test_entries_of_a_sub_account_are_shown_and_downloaded_beside_the_account(place: Place) -> None:
    [sub, *_] = estate.NGUYEN.debt_labels()
    whole = estate.account_page(estate.NGUYEN)
    part = whole.model_copy(update={"label": sub, "balance_pence": sub.balance_pence, "entries": whole.entries[:1], "entries_in_all": 1})
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda asked: part if asked.account == sub.account else whole
    path = f"/accounts/{estate.NGUYEN.account}"
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{path}?sub={sub.account}&since=2026-01-01")
        assert f"sub-account {sub.reference}" in said
        assert "1 entry with these filters; the balances are those of the whole sub-account" in said
        told = (await visitor.http.get(f"{path}/entries.csv?sub={sub.account}")).text
        assert len(told.strip().splitlines()) == 2
        assert "5 entries" in await visitor.read(f"{path}?sub={estate.OKAFOR.account}"), "only its own sub-accounts"
    asked = [ACCOUNT_PAGE.takes.model_validate_json(call.body) for call in place.peers.calls if call.path.endswith("account-page")]
    assert [(one.account, str(one.since)) for one in asked[:2]] == [
        (estate.NGUYEN.account, "2026-01-01"),
        (sub.account, "2026-01-01"),
    ]


@pytest.mark.parametrize("who", ["grace", "hugo"])
async def test_finance_and_auditors_change_no_account(place: Place, who: str) -> None:
    async with visiting(place, who) as visitor:
        said = await visitor.read(ACCOUNT)
        assert "Change this account" not in said
        assert "Undo this entry" not in await visitor.read(f"{ACCOUNT}/entries/{CARD}")
        undo = {"csrf": visitor.fields("/sign-out")["csrf"], "form_id": str(uuid4()), "undo_reason": "x"}
        await visitor.post(f"{ACCOUNT}/entries/{CARD}/undo", undo, 403)


async def test_arrears_say_since_when_and_how_old_they_are(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/accounts/{estate.IVANOVA.account}")
    assert "In arrears since" in said
    assert "up to 4 weeks£60.00" in said
    assert "4 to 8 weeks£24.10" in said


NOTE = {"contact_how": "they-called", "contact_identified": "phone-questions", "contact_text": "Asked <b>when</b> the refund arrives"}


async def test_a_contact_is_noted_with_how_the_tenant_was_known_by_whom_and_when(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "asha") as visitor:
        assert "No contact was noted yet." in await visitor.read(ACCOUNT)
        said = await visitor.send(f"{ACCOUNT}/notes", **NOTE)
        assert "The note is kept." in said
        assert "Asked <b>when</b> the refund arrives" in said
        assert "They rang. On the phone: name, address and date of birth agree with the tenancy. You," in said
    async with visiting(place, "hugo") as auditor:
        said = await auditor.read(ACCOUNT)
        assert "Asha Rao," in said
        assert "Note a contact" not in said
    async with visiting(place, "asha") as visitor:
        assert "No contact was noted yet." in await visitor.read(f"/accounts/{estate.NGUYEN.account}")


async def test_a_note_asks_for_everything_and_the_same_form_twice_is_one_note(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/notes", 422, contact_text=" ")
        assert visitor.summary() == {
            "#contact_how": "Choose how you were in contact",
            "#contact_identified": "Choose how you knew who it was",
            "#contact_text": "Write down what was said",
        }
        words = {**visitor.fields(f"{ACCOUNT}/notes"), **NOTE}
        for _ in range(2):
            await visitor.post(f"{ACCOUNT}/notes", words)
        await visitor.post(f"{ACCOUNT}/notes", {**words, "contact_text": "other words"}, 422)
    kept = await run(place.runtime, lambda tx: queries.contact_notes(tx, estate.OKAFOR.account))
    assert [note.text for note in kept] == [NOTE["contact_text"]]


@pytest.mark.parametrize(("identified", "told"), [("phone-questions", 1), ("not-identified", 0)])
async def test_that_a_tenant_was_spoken_with_is_told_once_and_nothing_of_what_was_said(place: Place, identified: str, told: int) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        words = {**visitor.fields(f"{ACCOUNT}/notes"), **NOTE, "contact_identified": identified}
        for _ in range(2):
            await visitor.post(f"{ACCOUNT}/notes", words)
    async with place.runtime.engine.connect() as connection:
        wanted = sa.text("SELECT headers ->> 'ce_type' AS type, body FROM outbox_event WHERE topic = 'approvals.contacts'")
        facts = (await connection.execute(wanted)).all()
    assert [fact.type for fact in facts] == [TenantContacted.type] * told
    assert all(TenantContacted.model_validate_json(fact.body).account == estate.OKAFOR.account for fact in facts)
    assert all("refund" not in fact.body for fact in facts)


@pytest.mark.parametrize("statement", ["UPDATE contact_note SET text = 'other'", "DELETE FROM contact_note", "TRUNCATE contact_note"])
async def test_a_note_is_never_changed(place: Place, statement: str) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(ACCOUNT)
        await visitor.send(f"{ACCOUNT}/notes", **NOTE)
    with pytest.raises(sa.exc.DBAPIError):
        async with place.runtime.engine.begin() as connection:
            await connection.execute(sa.text(statement))


async def test_a_credit_that_was_given_back_leads_to_the_proposal_by_which_it_had_gone(place: Place) -> None:
    whole, proposal = estate.account_page(estate.OKAFOR), estate.an_id("a proposal of long ago")
    gone, back = (
        whole.entries[at].model_copy(
            update={
                "journal": estate.an_id(f"income {at}"),
                "code": "CWO",
                "reverses": estate.an_id("income 1") if at == 0 else None,
                "reversed_by": estate.an_id("income 0") if at == 1 else None,
                "provenance": Provenance(actor="asha.officer", case=proposal, decision=estate.an_id("a decision") if at == 1 else None),
            }
        )
        for at in (1, 0)
    )
    explained = estate.explained(estate.OKAFOR)
    part = explained.parts[0].model_copy(update={"entries": (back, gone)})
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: whole.model_copy(update={"entries": (back, gone)})
    place.peers.answers[f"/queries/{EXPLAIN_BALANCE.name}"] = lambda _: explained.model_copy(update={"parts": (part,)})
    account = f"/accounts/{estate.OKAFOR.account}"
    async with visiting(place, "asha") as visitor:
        for address, entries in ((account, 2), (f"{account}/explain", 2), (f"{account}/entries/{back.journal}", 1)):
            said = await visitor.read(address)
            assert visitor.page is not None
            links = visitor.page.xpath("//table//a/@href")
            assert links.count(f"/write-offs/{proposal}") == entries
            assert f"/cases/{proposal}" not in visitor.page.xpath("//a/@href")
        assert "This was undone already, or undoes an earlier entry." in said
