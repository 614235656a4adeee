"""The rates of the provision at the desk's own forms: proposed by one person, checked by another."""

from datetime import UTC, date, datetime, timedelta

import pytest
from approvals.web.forms import Form
from approvals.web.pages.rates import Changed, as_typed, compared, read
from rentbook_contracts.ledger import CHECK_PROVISION_POLICY, PROPOSE_PROVISION_POLICY, PROVISION_POLICIES, ProvisionPolicies
from rentbook_contracts.policy import PolicyAnswer

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

NEW = "/policy/provision/new"
PAGE = f"/policy/provision/{debts.RATES}"
SOON = estate.TODAY + timedelta(days=9)
TYPED = {"in_force_from": f"{SOON}", "source": "Cabinet, minute 42"}


async def test_rates_are_proposed_over_those_that_stand_and_a_row_is_added(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        assert (maker.typed("days-current-1"), maker.typed("rate-current-1"), maker.typed("rate-former-2")) == ("91", "12.50", "")
        wrong = {"days-current-1": "soon", "rate-current-0": "lots", "rate-former-0": "100.01", "rate-former-2": "5"}
        await maker.send(NEW, 422, **wrong)
        fields = ["#in_force_from", "#source", "#rate-current-0", "#days-current-1", "#rate-former-0", "#days-former-2"]
        assert list(maker.summary()) == fields
        assert maker.typed("rate-current-0") == "lots"
        right = {"days-current-1": "91", "rate-current-0": "2.5%", "rate-current-1": "15", "rate-former-0": "50"}
        said = await maker.send(NEW, **TYPED, **right, **{"days-former-2": "730", "rate-former-2": "100"})
        assert "The policy is proposed" in said
    [asked] = place.peers.given(PROPOSE_PROVISION_POLICY)
    assert asked.policy == debts.rates().proposals[0].policy


async def test_the_policy_page_says_of_rates_which_days_each_is_of_and_when_they_were_laid_down(place: Place) -> None:
    told = debts.rates()
    laid = told.proposals[0].model_copy(
        update={
            "policy": told.versions[0].policy,
            "answer": PolicyAnswer.ACCEPTED,
            "checked_by": "grace",
            "checked_at": datetime(2020, 3, 2, 9, 30, tzinfo=UTC),
        }
    )
    place.peers.answers[f"/queries/{PROVISION_POLICIES.name}"] = lambda _: told.model_copy(update={"proposals": (laid,)})
    async with visiting(place, "farid") as visitor:
        said = await visitor.read("/policy")
    assert "Current tenants, up to 90 days2.5%Current tenants, 91 days or more12.5%Former tenants, up to 364 days50%" in said
    assert "checked by a checker, laid down 2 Mar 2020 at 09:30." in said


async def test_a_row_whose_fields_are_emptied_is_taken_out(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        await maker.send(NEW, **TYPED, **{"days-former-1": "", "rate-former-1": ""})
    [asked] = place.peers.given(PROPOSE_PROVISION_POLICY)
    assert [rate.from_days for rate in asked.policy.rates if rate.status == "former"] == [0]


async def test_what_the_ledger_refuses_is_said_and_what_was_typed_stays(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "DayTaken", "message": "Another policy comes into force then.", "field": "in_force_from"}
    place.peers.refusals[f"/commands/{PROPOSE_PROVISION_POLICY.name}"] = refused
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        await maker.send(NEW, 422, **TYPED)
        assert maker.summary() == {"#in_force_from": "Another policy comes into force then."}
        assert maker.typed("source") == "Cabinet, minute 42"


async def test_a_form_that_began_with_an_earlier_version_begins_anew(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        later = debts.rates().versions[0].model_copy(update={"version": "another"})
        place.peers.answers[f"/queries/{PROVISION_POLICIES.name}"] = lambda _: ProvisionPolicies(versions=(later,), proposals=())
        for _ in range(2):
            said = await maker.send(NEW, 422, **TYPED)
            assert "Version another is in force until that day, and your form would undo what it changed" in said
    assert place.peers.given(PROPOSE_PROVISION_POLICY) == []


async def test_rates_of_the_rest_of_this_year_begin_with_this_years_and_not_with_next_years(place: Place) -> None:
    now = debts.rates().versions[0]
    next_year = now.model_copy(
        update={"version": "next", "policy": now.policy.model_copy(update={"in_force_from": SOON + timedelta(days=90)})}
    )
    told = debts.rates().model_copy(update={"versions": (next_year, now)})
    place.peers.answers[f"/queries/{PROVISION_POLICIES.name}"] = lambda _: told
    async with visiting(place, "farid") as maker:
        assert "It begins with version next." in await maker.read(NEW)
        await maker.send(NEW, 422, **TYPED)
        assert maker.page is not None
        [again] = [one.get("href") for one in maker.page.xpath("//main//a") if one.text_content().startswith("Begin anew with version")]
        assert f"It begins with version {now.version}." in await maker.read(again)
        await maker.send(NEW, **TYPED)
    assert len(place.peers.given(PROPOSE_PROVISION_POLICY)) == 1


async def test_another_person_sees_what_changes_and_answers(place: Place) -> None:
    async with visiting(place, "grace") as checker:
        said = await checker.read("/policy")
        assert "For the rates of the provision from" in said
        assert "Expected loss for the provision, in force from Mon 6 Apr 2020" in said
        said = await checker.read(PAGE)
        for words in ("12.5%", "15%", "no rate", "Former tenants, 730 days or more", "as before", "Changed"):
            assert words in said
        await checker.send(PAGE, 422)
        assert checker.summary() == {"#check_answer": "Choose your answer"}
        assert "comes into force on its day" in await checker.send(PAGE, check_answer="accepted")
    [asked] = place.peers.given(CHECK_PROVISION_POLICY)
    assert (asked.proposal, asked.answer, asked.base) == (debts.RATES, PolicyAnswer.ACCEPTED, debts.rates().versions[0].version)


async def test_their_maker_may_only_withdraw_them(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        assert "Accept it" not in await maker.read(PAGE)
        await maker.send(PAGE, check_text="A slip")
    [asked] = place.peers.given(CHECK_PROVISION_POLICY)
    assert (asked.answer, asked.text) == (PolicyAnswer.WITHDRAWN, "A slip")


@pytest.mark.parametrize("who", ["dev", "asha", "hugo"])
async def test_others_read_them_and_propose_nothing(place: Place, who: str) -> None:
    async with visiting(place, who) as visitor:
        assert "Record my answer" not in await visitor.read(PAGE)
        assert "Propose other rates" not in await visitor.read("/policy")
        await visitor.read(NEW, 403)
        await visitor.read(f"/policy/provision/{estate.an_id('none')}", 404)


def test_what_is_read_back_is_what_was_typed() -> None:
    base = debts.rate_policy()
    form = Form(values={**as_typed(base), "in_force_from": "2027-04-01", "source": "x"})
    assert read(form) == base.model_copy(update={"in_force_from": date(2027, 4, 1), "source": "x"})


def test_every_age_is_compared_that_has_a_rate_before_or_after() -> None:
    before = debts.rate_policy()
    after = before.model_copy(update={"rates": before.rates[1:]})
    assert compared(before, after)[0] == Changed("current", 0, 2_50, None)
    assert {row.before == row.after for row in compared(before, before)} == {True}
    assert {row.before for row in compared(None, before)} == {None}
