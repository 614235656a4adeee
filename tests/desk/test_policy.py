"""Policy at the desk's own forms: proposed by one person, checked by another."""

import re
from datetime import timedelta

from approvals import queries
from approvals.domain.tasks import Kind
from chassis.transaction import run
from rentbook_contracts.writeoffs import WRITE_OFF_POLICIES, LaddersShown

from desk import debts, estate
from desk.conftest import Place
from desk.visitor import visiting

SOON = estate.TODAY + timedelta(days=10)
NEW = "/policy/proposals/new"
OTHER_LIMIT = {"to-2": "600", "from-3": "600.01"}


async def test_a_policy_is_proposed_checked_and_shown_as_what_comes(place: Place) -> None:
    async with visiting(place, "farid") as maker, visiting(place, "grace") as checker:
        await maker.read(f"{NEW}?kind=refund")
        said = await maker.send(NEW, in_force_from=f"{SOON}", source="Cabinet, minute 41", **OTHER_LIMIT)
        assert "The policy is proposed" in said
        assert "£100.01 to £500.00£100.01 to £600.00Raised" in said
        [proposal] = await run(place.runtime, queries.proposals)
        assert "Proposals that wait for a checker" in await checker.read("/policy")
        page = f"/policy/proposals/{proposal.id}"
        await checker.read(page)
        await checker.send(page, 422, check_answer="refused")
        assert checker.summary() == {"#check_text": "Write down why."}
        said = await checker.send(page, check_answer="accepted")
        assert "Accepted by you" in said
        said = await checker.read("/policy")
        assert "Not yet in force" in said
        assert "Made by Farid Nasser, checked by Grace Obi" in said
    laid, _ = await run(place.runtime, lambda tx: queries.policies(tx, Kind.REFUND))
    assert (laid.in_force_from, laid.made_by, laid.checked_by) == (SOON, "farid.head", "grace.finance")
    assert {(band.role, band.to_pence) for band in laid.authorities} >= {("team-leader", 600_00), ("income-manager", 2_500_00)}
    assert laid.unused_after_days == 90


async def test_a_draft_that_is_no_longer_the_newest_restores_nothing(place: Place) -> None:
    """Also where it is sent a second time; whoever begins anew has what was laid down meanwhile."""
    async with visiting(place, "farid") as maker:
        await maker.read(f"{NEW}?kind=refund")
        await place.policies()
        for _ in range(2):
            said = await maker.send(NEW, 422, in_force_from=f"{estate.TODAY + timedelta(days=50)}", source="Cabinet, minute 41")
            assert "is in force until that day, and your form would undo what it changed" in said
            assert "It begins with version refund-2026-04-01." in said
        assert maker.page is not None
        [again] = [one.get("href") for one in maker.page.xpath("//main//a") if one.text_content().startswith("Begin anew with version")]
        await maker.read(again)
        assert maker.typed("claim_minutes") == "45"
        said = await maker.send(NEW, in_force_from=f"{estate.TODAY + timedelta(days=50)}", source="Cabinet, minute 41")
        assert "The policy is proposed" in said


async def test_a_proposal_is_accepted_beside_what_comes_before_it_by_then(place: Place) -> None:
    later = await place.proposes("farid", estate.TODAY + timedelta(days=50))
    page = f"/policy/proposals/{later}"
    async with visiting(place, "grace") as checker:
        said = await checker.read(page)
        assert "after version refund-2026-04-01" in said
        await place.policies()
        said = await checker.send(page, 422, check_answer="accepted")
        assert "Another policy was laid down meanwhile. See what changes beside that one" in said
        assert "30 minutes, until then 45 minutes" in said
        assert "Accepted by you" in await checker.send(page, check_answer="accepted")


async def test_this_years_table_is_put_right_once_next_years_is_laid_down(place: Place) -> None:
    await place.policies()
    async with visiting(place, "farid") as maker, visiting(place, "grace") as checker:
        said = await maker.read(f"{NEW}?kind=refund")
        assert "must let neither of the two who made and checked that one gain by it on its day" in said
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="Cabinet, minute 41")
        await maker.read(f"{NEW}?kind=refund&version=refund-2026-04-01")
        said = await maker.send(NEW, in_force_from=f"{SOON}", source="Cabinet, minute 41", **{"to-2": "400", "from-3": "400.01"})
        assert "The policy is proposed" in said
        [proposal] = [one.id for one in await run(place.runtime, queries.proposals) if one.asked.in_force_from == SOON]
        page = f"/policy/proposals/{proposal}"
        await checker.read(page)
        assert "Accepted by you" in await checker.send(page, check_answer="accepted")


async def test_a_slip_stands_beside_its_field_and_what_was_typed_stays(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(f"{NEW}?kind=refund")
        await maker.send(NEW, 422, **{"to-2": "lots", "claim_minutes": "0"})
        assert list(maker.summary()) == ["#in_force_from", "#claim_minutes", "#source", "#to-2"]
        assert maker.typed("to-2") == "lots"
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="x", **{"to-2": "400", "claim_minutes": "30"})
        assert list(maker.summary()) == ["#from-3"]
        assert "ends at £400.00" in maker.summary()["#from-3"]
        assert "Begin at 400.01" in maker.summary()["#from-3"]
        await maker.send(NEW, 422, in_force_from=f"{estate.TODAY}", source="x", **{"to-2": "500"})
        assert list(maker.summary()) == ["#in_force_from"]
    assert await run(place.runtime, queries.proposals) == ()


async def test_whoever_would_gain_is_told_so(place: Place) -> None:
    raised = {"to-3": "3000", "from-4": "3000.01", "in_force_from": f"{SOON}", "source": "x"}
    async with visiting(place, "ella") as gains, visiting(place, "farid") as maker:
        await gains.read(f"{NEW}?kind=refund")
        assert "raises the limit of income manager, which is yours" in await gains.send(NEW, 422, **raised)
        await maker.read(f"{NEW}?kind=refund")
        await maker.send(NEW, **raised)
        [proposal] = await run(place.runtime, queries.proposals)
        said = await gains.read(f"/policy/proposals/{proposal.id}")
        assert "It raises the limit of income manager, which is yours, so someone else must check it." in said
        assert "Record my answer" not in said


async def test_a_proposal_is_withdrawn_by_its_maker(place: Place) -> None:
    async with visiting(place, "farid") as maker:
        await maker.read(f"{NEW}?kind=refund")
        await maker.send(NEW, in_force_from=f"{SOON}", source="x")
        [proposal] = await run(place.runtime, queries.proposals)
        said = await maker.send(f"/policy/proposals/{proposal.id}", check_text="A slip")
        assert "Withdrawn by you" in said
        assert "Proposals that were answered" in await maker.read("/policy")


async def test_others_read_it_and_propose_nothing(place: Place) -> None:
    waits, _ = await place.policies()
    async with visiting(place, "dev") as leader:
        assert "is for managers, finance and the s151 officer." in await leader.read(f"/policy/proposals/{waits}")
        assert "Propose another policy" not in await leader.read("/policy")
        assert "for managers, finance and the s151 officer" in await leader.read(f"{NEW}?kind=refund", 403)
    async with visiting(place, "farid") as maker:
        await maker.read(f"{NEW}?kind=nothing", 404)


async def test_the_table_of_write_offs_is_proposed_with_its_bodies_and_call_in_and_checked(place: Place) -> None:
    async with visiting(place, "farid") as maker, visiting(place, "grace") as checker:
        said = await maker.read(f"{NEW}?kind=write-off")
        assert "the debtor’s total over all linked accounts" in said
        assert "in the green lane" not in said
        assert (maker.typed("body-7"), maker.typed("call_in-7")) == ("Cabinet", "5")
        raised = {"to-1": "60", "from-2": "60.01", "unused_after": "120", "call_in-7": "7"}
        await maker.send(NEW, 422, in_force_from=f"{SOON}", source="Council, minute 9", **{**raised, "call_in-7": "31"})
        assert maker.summary() == {"#call_in-7": "The call-in must be a number from 0 to 30"}
        await maker.send(NEW, in_force_from=f"{SOON}", source="Council, minute 9", **raised)
        [proposal] = await run(place.runtime, queries.proposals)
        said = await checker.read(f"/policy/proposals/{proposal.id}")
        assert "£0.01 to £49.99£0.01 to £60.00Raised" in said
        assert "by minute of Cabinet, call-in 7 working days" in said
        assert "120 days, until then 90 days" in said
        await checker.send(f"/policy/proposals/{proposal.id}", check_answer="accepted")
    laid, _ = await run(place.runtime, lambda tx: queries.policies(tx, Kind.WRITE_OFF))
    assert (laid.in_force_from, laid.unused_after_days) == (SOON, 120)
    bands = {(band.stage, band.role): (band.to_pence, band.body, band.call_in_working_days) for band in laid.authorities}
    assert bands[(1, "team-leader")] == (60_00, None, 0)
    assert bands[(2, "democratic-services")] == (None, "Cabinet", 7)
    assert bands[(2, "executive-member")] == (49_999_99, None, 5)


HANDS_ON = {"to-7": "99,999.99", "part-10": "decide-2", "role-10": "democratic-services", "from-10": "100,000", "body-10": "Council"}


async def test_where_one_body_hands_on_to_another_the_form_says_at_its_row_what_to_do(place: Place) -> None:
    """Beside the row at fault, though the rows before it are empty; done as it says, only what changed is marked."""
    said_where = {"in_force_from": f"{SOON}", "source": "Council, minute 9"}
    async with visiting(place, "farid") as maker:
        await maker.read(f"{NEW}?kind=write-off")
        await maker.send(NEW, 422, **said_where, **HANDS_ON)
        assert list(maker.summary()) == ["#part-10"]
        assert "Where Cabinet hands on to Council, make this the third decision" in maker.summary()["#part-10"]
        await maker.send(NEW, 422, **said_where, **{**HANDS_ON, "part-10": "decide-3"})
        assert list(maker.summary()) == ["#to-7"]
        await maker.send(NEW, **said_where, **{**HANDS_ON, "part-10": "decide-3", "to-7": ""})
        [proposal] = await run(place.runtime, queries.proposals)
        said = await maker.read(f"/policy/proposals/{proposal.id}")
    assert said.count("Raised") == 1
    assert "by minute of Council" in said.split("Raised")[0].split("as before")[-1]


async def test_the_table_says_who_may_decide_at_present_with_absences_and_what_is_lent(place: Place) -> None:
    await place.everyone_known(but="lowri")
    await place.cover()
    async with visiting(place, "hugo") as visitor:
        said = await visitor.read("/policy")
    assert "Dev PatelAway until" in said.replace(" Away", "Away")
    assert "Carol Díaz is shown what waits" in said
    assert "Carol Díaz, by authority of Dev Patel up to £250.00" in said
    assert "Mabel Hart" in said
    assert "Nobody" in said, "no executive member has ever signed in"
    assert "traces in two sources" in said
    assert "Source: Former tenant arrears policy. Made by a maker, checked by a checker." in said, "of evidence as of authority"


async def test_of_each_dated_table_the_one_in_force_is_named(place: Place) -> None:
    [first, *_] = debts.ladders().policies
    days = {"Earlier": estate.TODAY - timedelta(days=400), "In force": estate.TODAY, "Not yet in force": SOON}
    told = [first.model_copy(update={"version": said, "in_force_from": day}) for said, day in days.items()]
    place.peers.answers[f"/queries/{WRITE_OFF_POLICIES.name}"] = lambda _: debts.ladders().model_copy(update={"policies": tuple(told)})
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/policy")
    found = re.findall(r"Evidence for write-offs, in force from [\w ]+?\d{4}\s*(In force|Earlier|Not yet in force)", said)
    assert found == list(days)


async def test_an_earlier_version_is_folded_and_what_stands_or_comes_is_not(place: Place) -> None:
    [stands, *_] = debts.ladders().policies
    days = {"before": estate.TODAY - timedelta(days=900), "now": estate.TODAY - timedelta(days=9), "to-come": SOON}
    versions = [stands.model_copy(update={"version": name, "in_force_from": day}) for name, day in days.items()]
    place.peers.answers[f"/queries/{WRITE_OFF_POLICIES.name}"] = lambda _: LaddersShown(policies=tuple(versions[::-1]))
    async with visiting(place, "hugo") as auditor:
        await auditor.read("/policy")
        assert auditor.page is not None
        folded = [" ".join(one.text_content().split()) for one in auditor.page.xpath("//main//details")]
    assert [name for name in days if any(f"Version {name}." in one for one in folded)] == ["before"]
