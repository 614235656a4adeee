"""Write-offs at the desk: a debt proposed, its evidence brought, a schedule previewed and made."""

from datetime import date, timedelta

import pytest
from approvals.web import wording
from approvals.web.pages.register import financial_year
from rentbook_contracts.ledger import DEBTS_FOR_WRITE_OFF, AccountStatus, ChargeOwed, DebtsRead, LineKind, LinePart
from rentbook_contracts.notices import LETTERS, Letters
from rentbook_contracts.writeoffs import (
    ADD_PROOF,
    ANSWER_SCHEDULE,
    ENDINGS,
    HEARD_WHILE_LISTED,
    MAKE_SCHEDULE,
    PROPOSALS,
    PROPOSE,
    RECONSIDER_PROPOSAL,
    STRIKE_PROOF,
    TAKE_OFF_SCHEDULE,
    WITHDRAW_PROPOSAL,
    WITHDRAW_SCHEDULE,
    WRITE_OFF_REGISTER,
    BarredCharge,
    DryRunAsked,
    EvidenceKind,
    OrderKind,
    ProposalAsked,
    Proposals,
    ProposalStatus,
    Reason,
    RegisterAsked,
    RungShown,
    TotalsAsked,
)

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

ACCOUNT = f"/accounts/{estate.IVANOVA.account}"
PROPOSAL = f"/write-offs/{debts.BLOCKED}"
SENT_BACK = f"/write-offs/schedules/{debts.SENT_BACK}"
PREVIEW = "/write-offs/schedules/preview"


async def test_a_debt_is_proposed_from_its_account_with_a_reason(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "Propose to write this debt off" in await visitor.read(ACCOUNT)
        said = await visitor.read(f"{ACCOUNT}/write-off")
        assert "£487.60" in said
        assert "Would be decided byAn income manager" in said
        await visitor.send(f"{ACCOUNT}/write-off", 422)
        assert visitor.summary() == {"#reason": "Choose the reason"}
        said = await visitor.send(f"{ACCOUNT}/write-off", reason="untraceable", note="Left without an address")
        assert "The proposal is made" in said
    [asked] = place.peers.given(PROPOSE)
    assert (asked.kind, asked.account, asked.reason) == (LineKind.WRITE_OFF, estate.IVANOVA.account, Reason.UNTRACEABLE)
    assert (asked.note, asked.undoes, asked.amount_pence) == ("Left without an address", None, None)


async def test_a_write_off_is_proposed_to_be_put_back_in_part(place: Place) -> None:
    page = f"{ACCOUNT}/write-off"
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{page}?undoes={debts.WRITTEN_OFF}")
        assert "Empty for all that is left: £200.00" in said
        await visitor.send(page, reason="paying", amount="50")
    [asked] = place.peers.given(PROPOSE)
    assert (asked.kind, asked.undoes, asked.amount_pence) == (LineKind.REINSTATEMENT, debts.WRITTEN_OFF, 50_00)


@pytest.mark.parametrize("page", [f"{ACCOUNT}/write-off", f"{ACCOUNT}/write-off?undoes={debts.WRITTEN_OFF}"])
async def test_where_a_proposal_is_open_already_its_page_is_offered_and_no_form(place: Place, page: str) -> None:
    one = debts.row(debts.READY)
    place.peers.answers[f"/queries/{PROPOSALS.name}"] = lambda _: Proposals(proposals=(one,), in_all=1, total_pence=one.amount_pence)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(page)
        assert "This account has an open proposal already: write-off, untraceable, made" in said
        assert "Make the proposal" not in said
        assert visitor.page is not None
        assert f"/write-offs/{debts.READY}" in visitor.page.xpath("//main//a/@href")
    asked = [PROPOSALS.takes.model_validate_json(call.body) for call in place.peers.calls if call.path == f"/queries/{PROPOSALS.name}"]
    assert asked[-1].account == estate.IVANOVA.account
    assert ProposalStatus.ON_SCHEDULE in asked[-1].statuses


async def test_what_was_typed_before_somebody_else_proposed_it_stays(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "AlreadyProposed", "message": "This account has an open proposal.", "field": "account"}
    one = debts.row(debts.READY)
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"{ACCOUNT}/write-off")
        place.peers.refusals[f"/commands/{PROPOSE.name}"] = refused
        place.peers.answers[f"/queries/{PROPOSALS.name}"] = lambda _: Proposals(proposals=(one,), in_all=1, total_pence=one.amount_pence)
        said = await visitor.send(f"{ACCOUNT}/write-off", 422, reason="prison", note="Until 2031")
        assert "Add to that one" in said
        assert visitor.typed("note") == "Until 2031"


async def test_a_kind_that_nobody_offers_is_an_error_of_the_form(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"{ACCOUNT}/write-off")
        said = await visitor.send(f"{ACCOUNT}/write-off", 422, kind="nonsense", reason="untraceable", note="x")
        assert "There is a problem This form has been changed on its way." in said
    assert place.peers.given(PROPOSE) == []


async def test_where_there_is_one_reason_it_is_chosen_already(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "take this credit to income" in await visitor.read(f"/accounts/{estate.OKAFOR.account}/write-off")
        assert visitor.typed("reason") == "unclaimed"


async def test_the_credit_of_an_account_in_use_has_no_form(place: Place) -> None:
    used = debts.facts(estate.OKAFOR.account).model_copy(update={"status": AccountStatus.CURRENT})
    place.peers.answers[f"/queries/{DEBTS_FOR_WRITE_OFF.name}"] = lambda _: DebtsRead(debts=(used,))
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/accounts/{estate.OKAFOR.account}/write-off")
    assert "Only a former tenant’s credit goes to income." in said
    assert "Make the proposal" not in said


async def test_where_nothing_is_owed_any_more_it_says_what_stands_written_off_and_how_that_is_put_back(place: Place) -> None:
    nothing = debts.facts(estate.IVANOVA.account).model_copy(update={"balance_pence": 0, "charges": ()})
    place.peers.answers[f"/queries/{DEBTS_FOR_WRITE_OFF.name}"] = lambda _: DebtsRead(debts=(nothing,))
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{ACCOUNT}/write-off")
        assert "there is nothing to write off" in said
        assert "£200.00 of it stands written off since" in said
        assert visitor.page is not None
        links = [str(link) for link in visitor.page.xpath("//a/@href") if "undoes=" in str(link)]
    assert links == [f"{ACCOUNT}/write-off?undoes={journal}" for journal in (debts.WRITTEN_OFF, debts.RELEASED)]


async def test_a_credit_is_decided_by_all_credits_of_the_same_people(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "Credit in all£181.20" in await visitor.read(f"/accounts/{estate.OKAFOR.account}/write-off")
        assert "Debtor’s total£487.60" in await visitor.read(f"{ACCOUNT}/write-off")


async def test_what_of_a_credit_stays_on_the_account_is_said(place: Place) -> None:
    told = debts.proposal_page(ProposalAsked(proposal=debts.READY))
    parts = (LinePart(element="", amount_pence=62_40),)
    changed = {"kind": LineKind.CREDIT_WRITE_ON, "reason": Reason.UNCLAIMED, "parts": parts, "amount_pence": 62_40, "stays_pence": 500_00}
    place.peers.answers["/queries/proposal-page"] = lambda _: told.model_copy(update=changed)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.READY}")
    assert "£500.00 stays on the account: it was paid in later, and is not yet old enough." in said
    assert "To be taken to income£62.40" in said
    assert "Whoever adds or strikes evidence decides nothing about this credit." in said


async def test_what_the_law_released_has_no_form(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        released = await visitor.read(f"{ACCOUNT}/write-off?undoes={debts.RELEASED}")
        assert "Until that is noted, the proposal waits" in released
        assert "Make the proposal" in released


async def test_what_writeoffs_refuses_stands_beside_what_was_typed(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "AlreadyProposed", "message": "This account has an open proposal.", "field": "account"}
    place.peers.refusals[f"/commands/{PROPOSE.name}"] = refused
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"{ACCOUNT}/write-off")
        said = await visitor.send(f"{ACCOUNT}/write-off", 422, reason="prison", note="Until 2031")
        assert "This account has an open proposal." in said
        assert (visitor.typed("reason"), visitor.typed("note")) == ("prison", "Until 2031")


async def test_a_proposal_says_what_is_missing_and_what_stands_in_the_way(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(PROPOSAL)
    for words in ("A payment plan is kept.", "✓ There", "… Waits", "? Missing", "Barred", "no day is computed", "£5.00"):
        assert words in said
    assert "<b>Neighbours</b>" in said
    assert "once nothing stands in the way" in said
    assert "What would post if nothing stood in the way" in said
    assert "What would post today" not in said


async def test_a_blocked_proposal_of_which_nothing_would_go_says_so_and_names_no_sum(place: Place) -> None:
    told = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED))
    blocked = ("No charge is statute-barred yet.",)
    nothing = told.model_copy(update={"reason": Reason.STATUTE_BARRED, "blocked": blocked, "parts": (), "amount_pence": 0})
    place.peers.answers["/queries/proposal-page"] = lambda _: nothing
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(PROPOSAL)
    assert "To be written offNothing as it stands today" in said
    assert "once nothing stands in the way" not in said


BARRED, LATER, YOUNG = (
    BarredCharge(
        charge=ChargeOwed(
            journal=estate.an_id(f"a charge {days}"), element="rent", due_on=estate.TODAY - timedelta(days=days), owed_pence=pence
        ),
        bars_on=estate.TODAY - timedelta(days=days - 2192),
        barred=days > 2192,
    )
    for days, pence in ((2300, 421_00), (2195, 168_40), (2000, 84_20))
)
NOT_BARRED = "of the account stays owed: it is not barred."


@pytest.mark.parametrize(
    ("charges", "says", "marks"),
    [
        ((BARRED, YOUNG), f"£84.20 {NOT_BARRED}", ["£421.00", "stays owed"]),
        (
            (BARRED, LATER),
            "£168.40 of the account stays owed: it was barred after legal services last confirmed what is.",
            ["£421.00", "not confirmed"],
        ),
        (
            (BARRED, LATER, YOUNG),
            "£252.60 of the account stays owed: £84.20 is not barred, and £168.40 was barred after legal services last confirmed what is.",
            ["£421.00", "not confirmed", "stays owed"],
        ),
    ],
    ids=["not barred", "barred later", "both"],
)
async def test_what_would_go_of_a_barred_debt_stands_once_among_all_that_is_owed(
    place: Place, charges: tuple[BarredCharge, ...], says: str, marks: list[str]
) -> None:
    told = debts.proposal_page(ProposalAsked(proposal=debts.READY))
    changed = {
        "reason": Reason.STATUTE_BARRED,
        "charges": charges,
        "goes": (BARRED.charge,),
        "parts": (LinePart(element="rent", amount_pence=421_00),),
        "amount_pence": 421_00,
        "owed_pence": sum(one.charge.owed_pence for one in charges),
    }
    place.peers.answers["/queries/proposal-page"] = lambda _: told.model_copy(update=changed)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.READY}")
        assert visitor.page is not None
        [table] = visitor.page.xpath('//section[@id="goes"]//table')
        assert [row.xpath("td")[-1].text_content() for row in table.xpath("tbody/tr")] == marks
        assert table.xpath("tfoot//td")[-1].text_content() == "£421.00"
    assert says in said
    assert "Charges that would be written off" not in said


async def test_proposals_that_were_reminded_of_are_marked_and_come_alone_with_the_oldest_first(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "Reminded on" in await visitor.read("/write-offs")
        said = await visitor.read("/write-offs?order=reminded")
        assert "2 proposals, £804.20 together, oldest first. Each waits for somebody who was reminded of it." in said
        assert visitor.typed("order") == "reminded"
        said = await visitor.read(PROPOSAL)
    assert "Somebody was reminded of it 3 times since anything happened, so that it stands among the work of managers too." in said


MADE_OF = (
    "This account£402.10 behind£402.10",
    "Recharge: Nguyễn Thị Lan and Trần Văn Minh, 3 Harbour Court, Flat 7, Oldfield£55.50 behind£55.50",
    f"Oldfieldwritten off {wording.short_day(estate.TODAY - timedelta(days=60))}£30.00",
    "Debtor’s total£487.60",
)


@pytest.mark.parametrize("page", [f"{ACCOUNT}/write-off", f"/write-offs/{debts.READY}"])
async def test_what_the_deciding_total_is_made_of_is_shown_where_it_is_proposed_and_on_the_proposal(place: Place, page: str) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(page)
        for row in MADE_OF:
            assert row in said
        assert "Debtor’s total£487.60 owed on all linked accounts, and written off of late: it decides who has authority" in said
        assert visitor.page is not None
        assert visitor.page.xpath(f'//table//a[@href="/accounts/{debts.RECHARGE}"]')


async def test_what_is_put_back_counts_no_less_than_it_was_decided_with(place: Place) -> None:
    told = debts.proposal_page(ProposalAsked(proposal=debts.READY))
    changed = {"kind": LineKind.REINSTATEMENT, "reason": Reason.PAYING, "debtor_total_pence": 600_00}
    place.peers.answers["/queries/proposal-page"] = lambda _: told.model_copy(update=changed)
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.READY}")
    assert "counts no less than it was decided with£112.40 Debtor’s total£600.00" in said


async def test_letters_that_were_sent_are_shown_with_the_day_of_the_next(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.GATHERING}")
        assert visitor.page is not None
        assert visitor.page.xpath(f'//td/a[@href="/letters/{estate.LETTER}.pdf"]/text()') == ["The letter (PDF)"]
    assert "The next letter is written by itself on" in said
    assert "becomes evidence by itself" in said


async def test_a_letter_that_may_not_have_gone_to_the_post_is_not_to_be_sent_once_its_debt_was_written_off(place: Place) -> None:
    letter = estate.letter().model_copy(update={"kind": "debt", "title": "What you owe us", "sent_at": estate.NOW - timedelta(days=1)})
    place.peers.answers[f"/queries/{LETTERS.name}"] = lambda _: Letters(letters=(letter,))
    says = "take it out of the letters folder"
    async with visiting(place, "asha") as visitor:
        assert says in await visitor.read(f"/write-offs/{debts.POSTED}")
        assert says not in await visitor.read(f"/write-offs/{debts.READY}")
        long_gone = letter.model_copy(update={"sent_at": estate.NOW - timedelta(days=60)})
        place.peers.answers[f"/queries/{LETTERS.name}"] = lambda _: Letters(letters=(long_gone,))
        assert says not in await visitor.read(f"/write-offs/{debts.POSTED}")


async def test_the_evidence_that_the_reason_asks_for_is_offered_first(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/write-offs/{debts.GATHERING}")
        assert visitor.page is not None
        asked, other = visitor.page.xpath('//select[@name="proof"]/optgroup')
    assert (asked.get("label"), [str(one.text) for one in asked]) == ("Asked for here", ["A trace that found nobody"])
    assert "Death" in [str(one.text) for one in other]
    assert len(asked) + len(other) == len(EvidenceKind) - 1, "all but a manager's note"


@pytest.mark.parametrize(("who", "offered"), [("asha", False), ("carol", False), ("grace", False), ("dev", True), ("ella", True)])
async def test_a_managers_note_is_offered_to_managers_alone(place: Place, who: str, offered: bool) -> None:
    rung = RungShown(wanted="A manager's note", met=False, says="missing", shown_by=(EvidenceKind.MANAGER_NOTE,))
    page = debts.proposal_page(ProposalAsked(proposal=debts.GATHERING)).model_copy(update={"ladder": (rung,)})
    place.peers.answers["/queries/proposal-page"] = lambda _: page
    async with visiting(place, who) as visitor:
        said = await visitor.read(f"/write-offs/{debts.GATHERING}")
        assert visitor.page is not None
        assert bool(visitor.page.xpath('//select[@name="proof"]//option[@value="manager-note"]')) is offered
        assert ("The manager’s note is added by a team leader or somebody above" in said) is not offered
        if not offered:
            refusal: dict[str, str | None] = {"rule": "NotAManager", "message": "A manager's note is a manager's.", "field": "kind"}
            place.peers.refusals["/commands/add-proof"] = refusal
            await visitor.send(f"/write-offs/{debts.GATHERING}/proofs", 422, proof="manager-note", proof_on="02/11/2026")
            assert visitor.summary() == {"#proof": "A manager's note is a manager's."}


async def test_evidence_is_added_dated_by_what_it_shows(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(PROPOSAL)
        await visitor.send(f"{PROPOSAL}/proofs", 422, proof="trace", proof_on="2099-01-01")
        assert visitor.summary() == {"#proof_on": "Evidence can’t be of a day after today"}
        said = await visitor.send(f"{PROPOSAL}/proofs", proof="trace", proof_on="02/11/2026", source="electoral register")
        assert "The evidence is added" in said
    [asked] = place.peers.given(ADD_PROOF)
    assert (asked.proposal, asked.kind, asked.on.isoformat()) == (debts.BLOCKED, EvidenceKind.TRACE, "2026-11-02")
    assert asked.source == "electoral register"


async def test_an_order_says_what_it_is_and_whether_it_lists_the_debt(place: Place) -> None:
    typed = {"proof": "insolvency-order", "proof_on": "2026-11-02", "reference": "DRO 41"}
    async with visiting(place, "asha") as visitor:
        await visitor.read(PROPOSAL)
        await visitor.send(f"{PROPOSAL}/proofs", 422, **typed)
        assert visitor.summary() == {
            "#order_kind": "Choose what the order is", "#listed": "Say whether this debt is listed in the order",
        }  # fmt: skip
        await visitor.send(f"{PROPOSAL}/proofs", order_kind="debt-relief-order", listed="no", **typed)
    [asked] = place.peers.given(ADD_PROOF)
    assert (asked.order_kind, asked.listed) == (OrderKind.DEBT_RELIEF_ORDER, False)


async def test_evidence_that_was_entered_in_error_is_struck_with_a_reason_and_stays_to_be_read(place: Place) -> None:
    action = f"{PROPOSAL}/proofs/{debts.TRACED}/strike"
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(PROPOSAL)
        assert visitor.page is not None
        assert [one.text_content() for one in visitor.page.xpath("//td//s")][1:] == ["Debt relief order"]
        assert "Struck it counts for nothing: It is of another Ivanova." in said
        assert [form.get("action") for form in visitor.page.forms if "/strike" in form.get("action")] == [action]
        await visitor.send(action, 422)
        assert visitor.summary() == {f"#because-{debts.TRACED}": "Write down why it is struck"}
        assert "The evidence is struck" in await visitor.send(action, **{f"because-{debts.TRACED}": "Of another person"})
    [asked] = place.peers.given(STRIKE_PROOF)
    assert (asked.proof, asked.because) == (debts.TRACED, "Of another person")


async def test_what_is_heard_of_a_listed_debt_has_its_form_and_nothing_else_has(place: Place) -> None:
    page = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED)).model_copy(
        update={"status": ProposalStatus.ON_SCHEDULE, "schedule": debts.SCHEDULE, "blocked": ()}
    )
    place.peers.answers["/queries/proposal-page"] = lambda _: page
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(PROPOSAL)
        assert "it drops this line from its schedule" in said
        assert visitor.page is not None
        offered = visitor.page.xpath('//select[@name="proof"]//option/@value')
        assert [one for one in offered if one] == [kind.value for kind in HEARD_WHILE_LISTED]
        assert not visitor.page.xpath('//form[contains(@action, "/withdraw") or contains(@action, "/reconsider")]')
        assert "looked at again" in await visitor.send(f"{PROPOSAL}/proofs", proof="contact", proof_on="02/11/2026")
    [asked] = place.peers.given(ADD_PROOF)
    assert asked.kind is EvidenceKind.CONTACT
    async with visiting(place, "hugo") as visitor:
        await visitor.read(PROPOSAL)
        assert visitor.page is not None
        assert not visitor.page.xpath('//select[@name="proof"]')


async def test_evidence_of_one_joint_tenant_says_whose_it_is(place: Place) -> None:
    lan, minh = estate.NGUYEN.label.people
    canned = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED))
    of_lan = canned.proofs[0].model_copy(update={"person": lan})
    page = canned.model_copy(update={"account": estate.NGUYEN.account, "proofs": (of_lan,)})
    place.peers.answers["/queries/proposal-page"] = lambda _: page
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(PROPOSAL)
        assert "A trace that found nobody, of Nguyễn Thị Lan" in said
        assert visitor.page is not None
        offered = visitor.page.xpath('//select[@name="proof_of"]/option/text()')
        assert [one.strip() for one in offered] == ["No one in particular", "Nguyễn Thị Lan", "Trần Văn Minh"]
        await visitor.send(f"{PROPOSAL}/proofs", proof="document", proof_on="02/11/2026", proof_of=str(minh))
        refusal: dict[str, str | None] = {"rule": "NotATenant", "message": "This person is no tenant of the account.", "field": "person"}
        place.peers.refusals["/commands/add-proof"] = refusal
        await visitor.read(PROPOSAL)
        await visitor.send(f"{PROPOSAL}/proofs", 422, proof="document", proof_on="02/11/2026", proof_of=str(minh))
        assert visitor.summary() == {"#proof_of": "This person is no tenant of the account."}
    assert place.peers.given(ADD_PROOF)[0].person == minh


@pytest.mark.parametrize(
    ("kind", "status", "charges", "says"),
    [
        ("reinstatement", "posted", 2, "Charges that are owed again"),
        ("reinstatement", "posted", 0, "Nobody kept to which charges it was given back."),
        ("reinstatement", "ready", 1, "Charges that would be owed again"),
        ("write-off", "posted", 1, "Charges that were written off, and were not put back"),
        ("write-off", "posted", 0, "Nothing of them is written off any more"),
        ("write-off", "withdrawn", 0, "It was not posted, and no charge was touched."),
    ],
)
async def test_see_each_charge_of_a_line_leads_to_its_charges(place: Place, kind: str, status: str, charges: int, says: str) -> None:
    canned = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED))
    goes = tuple(one.charge for one in canned.charges[:charges])
    page = canned.model_copy(update={"kind": LineKind(kind), "status": ProposalStatus(status), "goes": goes})
    place.peers.answers["/queries/proposal-page"] = lambda _: page
    async with visiting(place, "asha") as visitor:
        assert says in await visitor.read(PROPOSAL)
        assert visitor.page is not None
        [section] = visitor.page.xpath('//section[h2/@id = "goes"]')
        assert len(section.xpath(".//tbody/tr")) == charges


@pytest.mark.parametrize(
    ("action", "field", "command"),
    [("reconsider", "reconsider_note", RECONSIDER_PROPOSAL), ("withdraw", "withdraw_note", WITHDRAW_PROPOSAL)],
)
async def test_a_proposal_goes_on_or_is_withdrawn_with_a_reason(place: Place, action: str, field: str, command: object) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(PROPOSAL)
        await visitor.send(f"{PROPOSAL}/{action}", 422)
        assert list(visitor.summary()) == [f"#{field}"]
        await visitor.send(f"{PROPOSAL}/{action}", **{field: "A late charge came"})
    [asked] = place.peers.given(command)  # type: ignore[arg-type]
    assert (asked.proposal, asked.note) == (debts.BLOCKED, "A late charge came")


async def test_a_closed_proposal_has_no_forms(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.POSTED}")
        assert "This proposal is closed" in said
        assert "Add it" not in said


async def test_a_posted_proposal_takes_the_end_of_its_order_and_nothing_else(place: Place) -> None:
    told = debts.proposal_page(ProposalAsked(proposal=debts.POSTED))
    orders = tuple(proof.model_copy(update={"struck": None}) for proof in told.proofs if proof.kind is EvidenceKind.INSOLVENCY_ORDER)
    assert orders
    place.peers.answers["/queries/proposal-page"] = lambda _: told.model_copy(update={"proofs": orders})
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"/write-offs/{debts.POSTED}")
        assert "Was the order taken back?" in said
        assert "Nothing to add here" not in said
        assert visitor.page is not None
        assert [one for one in visitor.page.xpath("//select[@name='proof']//option/@value") if one] == [kind.value for kind in ENDINGS]


async def test_a_schedule_is_previewed_before_anybody_decides_and_then_made(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{PREVIEW}?proposal={debts.READY}&proposal={debts.BLOCKED}")
        for words in ("1 proposal stays behind", "Evidence is missing.", "Debited: Provision for bad debts", "£402.10", "£5.00"):
            assert words in said
        assert f"{estate.NGUYEN.address}: Evidence is missing." in said
        assert "Would be decided byAn income manager" in said
        assert place.peers.given(MAKE_SCHEDULE) == []
        await visitor.send("/write-offs/schedules", 422)
        assert list(visitor.summary()) == ["#title"]
        said = await visitor.send("/write-offs/schedules", title="Former tenants, quarter 3")
        assert "The schedule is made" in said
    [asked] = place.peers.given(MAKE_SCHEDULE)
    assert (asked.title, asked.proposals) == ("Former tenants, quarter 3", (debts.READY, debts.BLOCKED))


async def test_all_that_is_ready_is_previewed_at_once(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"{PREVIEW}?all=ready&reason=untraceable")
    asked = [PROPOSALS.takes.model_validate_json(call.body) for call in place.peers.calls if call.path == f"/queries/{PROPOSALS.name}"]
    assert [(one.statuses, one.reason, one.limit) for one in asked] == [((ProposalStatus.READY,), Reason.UNTRACEABLE, 1000)]


async def test_kinds_that_are_mixed_are_not_put_on_one_schedule(place: Place) -> None:
    credit = debts.line_of(debts.BLOCKED).model_copy(update={"kind": LineKind.CREDIT_WRITE_ON})
    mixed = debts.dry_run(DryRunAsked(proposals=(debts.READY, debts.READY)))
    mixed = mixed.model_copy(update={"lines": (mixed.lines[0], mixed.lines[1].model_copy(update={"line": credit}))})
    place.peers.answers["/queries/dry-run"] = lambda _: mixed
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{PREVIEW}?proposal={debts.READY}&proposal={debts.BLOCKED}", 422)
        assert "choose those of one kind" in said
        assert "Ask for a decision" not in said


async def test_nothing_chosen_asks_again(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(PREVIEW, 422)
        assert visitor.summary() == {"#proposal": "Choose at least one proposal that is ready"}


async def test_a_schedule_says_what_became_of_each_line(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read(f"/write-offs/schedules/{debts.DONE}")
        assert "the highest debtor’s total" in said
        for words in ("✓ Posted", "Dropped", "The balance moved", "Left out"):
            assert words in said
        assert "3 lines" in said
        assert "Total£402.10 1 line" in said
        assert "Put forward£1,206.30 3 lines" in said
        assert "Still on it1£402.10" in said
        assert "1 line." in await visitor.read(f"/write-offs/schedules/{debts.DONE}?standing=dropped")


async def test_a_schedule_that_came_back_is_answered_after_a_line_is_taken_off(place: Place) -> None:
    line = estate.an_id("line 0")
    async with visiting(place, "asha") as visitor:
        await visitor.read(SENT_BACK)
        off = f"{SENT_BACK}/lines/{line}/take-off"
        await visitor.send(off, 422)
        assert list(visitor.summary()) == [f"#note-{line}"]
        assert "taken off" in await visitor.send(off, **{f"note-{line}": "She was traced"})
        assert "The question is answered" in await visitor.send(f"{SENT_BACK}/answer", answer_note="None of them")
        assert "taken back" in await visitor.send(f"{SENT_BACK}/withdraw", withdraw_note="Made by mistake")
    [off_asked] = place.peers.given(TAKE_OFF_SCHEDULE)
    assert (off_asked.schedule, off_asked.proposal, off_asked.note) == (debts.SENT_BACK, line, "She was traced")
    assert [one.note for one in place.peers.given(ANSWER_SCHEDULE)] == ["None of them"]
    assert [one.note for one in place.peers.given(WITHDRAW_SCHEDULE)] == ["Made by mistake"]


async def test_the_auditor_reads_and_changes_nothing(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        assert "Add it" not in await visitor.read(PROPOSAL)
        assert "Answer the question" not in await visitor.read(SENT_BACK)
        assert "See what the chosen ones would post" not in await visitor.read("/write-offs")
        await visitor.read(f"{PREVIEW}?proposal={debts.READY}", 403)
        await visitor.read(f"{ACCOUNT}/write-off", 403)


async def test_the_register_goes_on_showing_a_debt_and_lets_it_be_proposed_to_put_it_back(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/write-offs/register")
        assert "Written off£420.00 2 entries, of which VAT £10.00, of which £10.00 came back since" in said.replace("  ", " ")
        assert "Released by law" in said
        assert visitor.page is not None
        links = [one for one in visitor.page.xpath("//a/@href") if "undoes=" in one]
        assert links == [f"{ACCOUNT}/write-off?undoes={journal}" for journal in (debts.WRITTEN_OFF, debts.RELEASED)]
        answer = await visitor.http.get("/write-offs/register.csv?reason=untraceable")
    head, row = answer.content.decode("utf-8-sig").strip().splitlines()
    assert head.startswith("Posted on,What,Reason,Account,Tenants,Amount (£),Of which VAT (£),Put back since (£)")
    assert f"Write-off,Untraceable,{estate.IVANOVA.reference},{estate.IVANOVA.names[0]},210.00,5.00,10.00,no,{debts.WRITTEN_OFF}" in row


async def test_the_register_signs_what_was_put_back_as_its_files_do(place: Place) -> None:
    canned = debts.register(RegisterAsked()).rows[0]
    back = canned.model_copy(update={"kind": LineKind.REINSTATEMENT, "amount_pence": 10_00, "vat_pence": 1_00, "reinstated_pence": 0})
    found = debts.register(RegisterAsked()).model_copy(update={"rows": (canned, back), "in_all": 2})
    place.peers.answers[f"/queries/{WRITE_OFF_REGISTER.name}"] = lambda _: found
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/write-offs/register")
        assert visitor.page is not None
        amounts = [str(one.text_content()) for one in visitor.page.xpath("//table//tbody/tr/td[4]")]
    assert amounts == ["£210.00VAT £5.00", "−£10.00VAT −£1.00"]
    assert "with a minus sign" in said


async def test_the_register_says_of_a_credit_what_came_back(place: Place) -> None:
    told = debts.register(RegisterAsked())
    credit = told.rows[0].model_copy(update={"kind": LineKind.CREDIT_WRITE_ON, "reason": Reason.UNCLAIMED, "reinstated_pence": 62_40})
    place.peers.answers["/queries/write-off-register"] = lambda _: told.model_copy(update={"rows": (credit,)})
    async with visiting(place, "asha") as visitor:
        await visitor.read("/write-offs/register")
        assert visitor.page is not None
        [cells] = [row.xpath("td") for row in visitor.page.xpath("//table//tbody/tr")]
        assert cells[4].text_content().strip() == "£62.40"


async def test_totals_by_reason_name_nobody_and_begin_with_the_financial_year(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        assert "£4,825.20" in await visitor.read("/write-offs/totals")
        await visitor.read("/write-offs/totals?since=2026-05-01&until=2026-04-01", 422)
        assert visitor.summary() == {"#until": "The last day can’t be before the first"}
        answer = await visitor.http.get("/write-offs/totals.csv?since=2026-04-01&until=2026-06-30")
    rows = answer.content.decode("utf-8-sig").strip().splitlines()
    assert rows[1] == "2026-04-01,2026-06-30,Write-off,Untraceable,12,4825.20,60.00,"


async def test_totals_are_summed_by_what_they_are_and_only_a_credit_came_back(place: Place) -> None:
    told = debts.totals(TotalsAsked(since=date(2026, 4, 1), until=date(2026, 6, 30)))
    other = told.totals[0].model_copy(update={"reason": Reason.PRISON, "lines": 1, "amount_pence": 10_00, "vat_pence": 0})
    credit = told.totals[0].model_copy(
        update={"kind": LineKind.CREDIT_WRITE_ON, "reason": Reason.UNCLAIMED, "lines": 2, "amount_pence": 70_00, "came_back_pence": 62_40}
    )
    async with visiting(place, "hugo") as visitor:
        assert "ut back in that time" not in (await visitor.read("/write-offs/totals")).split("A debt that was put back")[0]
        place.peers.answers["/queries/write-off-totals"] = lambda _: told.model_copy(update={"totals": (*told.totals, other, credit)})
        said = await visitor.read("/write-offs/totals")
        assert "Written off, together13£4,835.20£60.00" in said
        assert "Credits taken to income, together2£70.00£60.00£62.40" in said


@pytest.mark.parametrize(("day", "first"), [((2026, 3, 31), 2025), ((2026, 4, 1), 2026), ((2026, 12, 31), 2026)])
def test_the_financial_year_begins_on_the_first_of_april(day: tuple[int, int, int], first: int) -> None:
    assert financial_year(date(*day)) == date(first, 4, 1)
