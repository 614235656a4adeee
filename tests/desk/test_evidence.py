"""The policy on evidence at the desk's own forms: its figures proposed by one person, checked by another."""

from datetime import date, timedelta

import pytest
from approvals.web.forms import Form
from approvals.web.pages.evidence import GENERAL, as_typed, compared, figures_of, read
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.policy import PolicyAnswer
from rentbook_contracts.writeoffs import (
    CHECK_EVIDENCE_POLICY,
    EVIDENCE_POLICIES,
    PROPOSE_EVIDENCE_POLICY,
    EvidenceKind,
    EvidencePolicies,
    EvidenceWay,
    Reason,
)

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

NEW = "/policy/evidence/new"
PAGE = f"/policy/evidence/{debts.EVIDENCE}"
SOON = estate.TODAY + timedelta(days=9)


async def test_figures_are_proposed_over_those_that_stand(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        assert maker.page is not None
        assert maker.page.xpath("count(//form//details[@open])") == 0
        assert (maker.typed("to-1"), maker.typed("quiet_days-1-0-0"), maker.typed("sources-0-0-0")) == ("49.99", "28", "2")
        await maker.send(NEW, 422, **{"quiet_days-1-0-0": "soon", "to-1": "lots", "wanted-0-0": " "})
        assert list(maker.summary()) == ["#in_force_from", "#source", "#wanted-0-0", "#to-1", "#quiet_days-1-0-0"]
        assert maker.typed("quiet_days-1-0-0") == "soon"
        assert maker.page is not None
        assert maker.page.xpath("count(//details[@open])") == 2, "an error is never behind a row that is shut"
        typed = {"in_force_from": f"{SOON}", "source": "Cabinet, minute 41", "to-1": "60", "wanted-0-0": "Traces from two sources"}
        assert "The policy is proposed" in await maker.send(NEW, **typed, **{"at_least-1-0-0": "2", "quiet_days-1-0-0": "28"})
    [asked] = place.peers.given(PROPOSE_EVIDENCE_POLICY)
    assert asked.policy == debts.evidence().proposals[0].policy


async def test_of_which_reasons_a_current_tenants_arrears_go_is_ticked_and_shown(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        assert maker.page is not None
        ticked = {f"current-{reason}" for reason in debts.evidence_policy().of_current_tenants}
        assert {box.get("name") for box in maker.page.xpath("//input[@type='checkbox'][@checked]")} == ticked
        changed = {"current-deceased": "yes", "current-statute-barred": ""}
        await maker.send(NEW, in_force_from=f"{SOON}", source="Cabinet, minute 41", **changed)
    [asked] = place.peers.given(PROPOSE_EVIDENCE_POLICY)
    assert asked.policy.of_current_tenants == (
        Reason.DECEASED, Reason.BANKRUPTCY, Reason.DEBT_RELIEF_ORDER, Reason.VOLUNTARY_ARRANGEMENT,
    )  # fmt: skip
    [row] = [row for row in compared(debts.evidence_policy(), asked.policy) if row.about == "Written off of a current tenant too"]
    assert row.before == "bankruptcy, debt relief order, voluntary arrangement, statute barred"
    assert row.after == "deceased, bankruptcy, debt relief order, voluntary arrangement"


@pytest.mark.parametrize("figure", GENERAL)
async def test_a_time_of_none_is_refused_beside_its_field(place: Place, figure: str) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="x", **{figure: "0"})
        assert list(maker.summary()) == [f"#{figure}"]
        assert "must be a number from 1 to" in maker.summary()[f"#{figure}"]
    assert place.peers.given(PROPOSE_EVIDENCE_POLICY) == []


async def test_more_years_than_anybody_lives_are_refused(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="x", limitation_years="101", look_again_days="101")
        assert maker.summary() == {"#limitation_years": "“No action in court after, years” must be a number from 1 to 100"}


async def test_what_writeoffs_refuses_stands_beside_its_field(place: Place) -> None:
    refused: dict[str, str | None] = {"rule": "PolicyIncomplete", "message": "Two rows are about the same amount.", "field": "from-1"}
    place.peers.refusals[f"/commands/{PROPOSE_EVIDENCE_POLICY.name}"] = refused
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="x")
        assert maker.summary() == {"#from-1": "Two rows are about the same amount."}


async def test_a_form_that_began_with_an_earlier_policy_begins_anew(place: Place) -> None:
    known = debts.evidence()
    async with visiting(place, "farid") as maker:
        await maker.read(NEW)
        later = known.versions[0].model_copy(update={"version": "another"})
        place.peers.answers[f"/queries/{EVIDENCE_POLICIES.name}"] = lambda _: EvidencePolicies(versions=(later,), proposals=())
        for _ in range(2):
            said = await maker.send(NEW, 422, in_force_from=f"{SOON}", source="x")
            assert "Version another is in force until that day, and your form would undo what it changed" in said
    assert place.peers.given(PROPOSE_EVIDENCE_POLICY) == []


async def test_another_person_sees_what_changes_and_answers(place: Place) -> None:
    async with visiting(place, "grace") as checker:
        said = await checker.read("/policy")
        assert "For the evidence of write-offs from" in said
        said = await checker.read(PAGE)
        assert "Letters without a reply (letter sent: 2 pieces, 28 days without an answer)" in said
        assert "Uneconomic, from £0.01 up to £49.99: Letters without a reply (letter sent: 1 piece," in said
        assert "as before" in said
        await checker.send(PAGE, 422)
        assert checker.summary() == {"#check_answer": "Choose your answer"}
        assert "comes into force on its day" in await checker.send(PAGE, check_answer="accepted")
    [asked] = place.peers.given(CHECK_EVIDENCE_POLICY)
    assert (asked.proposal, asked.answer, asked.base) == (debts.EVIDENCE, PolicyAnswer.ACCEPTED, debts.evidence().versions[0].version)


async def test_its_maker_may_only_withdraw_it(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        assert "Accept it" not in await maker.read(PAGE)
        await maker.send(PAGE, check_text="A slip")
    [asked] = place.peers.given(CHECK_EVIDENCE_POLICY)
    assert (asked.answer, asked.text) == (PolicyAnswer.WITHDRAWN, "A slip")


@pytest.mark.parametrize("who", ["dev", "asha", "hugo"])
async def test_others_read_it_and_propose_nothing(place: Place, who: str) -> None:
    async with visiting(place, who) as visitor:
        assert "Record my answer" not in await visitor.read(PAGE)
        assert "Propose other evidence" not in await visitor.read("/policy")
        await visitor.read(NEW, 403)
        await visitor.read(f"/policy/evidence/{estate.an_id('none')}", 404)


def test_of_several_letters_the_time_between_and_after_them_is_offered_though_it_is_none_so_far() -> None:
    one = EvidenceWay(proof=EvidenceKind.RETURN_ATTEMPT, letter=LadderLetter.UNCLAIMED_CREDIT)
    several = one.model_copy(update={"at_least": 6})
    assert figures_of(one) == ["at_least"]
    assert figures_of(several) == ["at_least", "last_quiet_days", "apart_days"]
    assert figures_of(several.model_copy(update={"letter": None})) == ["at_least"]


def test_what_is_read_back_is_what_was_typed() -> None:
    base = debts.evidence_policy()
    typed = {**as_typed(base), "in_force_from": "2027-04-01", "source": "x"}
    assert read(Form(values=typed), base) == base.model_copy(update={"in_force_from": date(2027, 4, 1), "source": "x"})
    assert {row.before == row.after for row in compared(base, base)} == {True}
    assert {row.before for row in compared(None, base)} == {None}
