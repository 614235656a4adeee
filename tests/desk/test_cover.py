"""Lending authority and being away, at the desk's own forms."""

from datetime import timedelta

from approvals import queries
from chassis.transaction import run

from desk import estate
from desk.conftest import Place
from desk.visitor import visiting

TODAY, SOON = f"{estate.TODAY}", f"{estate.TODAY + timedelta(days=7)}"


async def test_authority_is_lent_used_named_and_ended(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as giver, visiting(place, "ben") as taker:
        await giver.read("/cover")
        said = await giver.send("/cover/delegations", taker="ben.officer", ceiling="200", lent_from=TODAY, lent_until=SOON)
        assert "You to Ben Moss, up to £200.00 In force" in said
        assert "your limit is £200.00, by authority that Dev Patel lent you" in await taker.read(f"/tasks/{task}")
        said = await taker.send(f"/tasks/{task}/decision", answer="approved", reason_code="approved:checks-pass")
        assert "Approved by you, by authority of Dev Patel," in said
        [lent] = await run(place.runtime, queries.delegations)
        await taker.read("/cover")
        said = await taker.send(f"/cover/delegations/{lent.id}/end")
        assert "Dev Patel to you, up to £200.00 Ended early" in said


async def test_what_is_wrong_with_a_delegation_stands_beside_its_field(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev") as visitor:
        await visitor.read("/cover")
        await visitor.send("/cover/delegations", 422)
        assert visitor.summary() == {
            "#taker": "Choose who shall decide for you.",
            "#ceiling": "Enter the most they may decide.",
            "#lent_from": "Enter the first day.",
            "#lent_until": "Enter the last day.",
        }
        await visitor.send("/cover/delegations", 422, taker="ben.officer", ceiling="500.01", lent_from=TODAY, lent_until=SOON)
        assert visitor.summary() == {"#ceiling": "£500.01 is above your £500.00."}
        await visitor.send("/cover/delegations", 422, taker="ben.officer", ceiling="1", lent_from=SOON, lent_until=TODAY)
        assert visitor.summary() == {"#lent_until": "The last day lies before the first."}
        await visitor.send("/cover/delegations", 422, taker="ben.officer", ceiling="lots", lent_from=TODAY, lent_until=SOON)
        assert visitor.summary() == {"#ceiling": "The most they may decide must be an amount in pounds, like 141.20."}


async def test_who_records_for_a_body_lends_that_to_no_officer(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "mabel") as visitor:
        assert "can be lent to somebody of the same role only" in await visitor.read("/cover")
        await visitor.send("/cover/delegations", 422, taker="ben.officer", ceiling="1", lent_from=TODAY, lent_until=SOON)
        assert list(visitor.summary()) == ["#taker"]
        assert "lent to somebody of the same role only" in visitor.summary()["#taker"]
    assert await run(place.runtime, queries.delegations) == ()


async def test_whoever_is_away_says_so_and_is_back(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev") as away, visiting(place, "carol") as deputy:
        await away.read("/cover")
        await away.send("/cover/absences", 422, away_from=TODAY)
        assert list(away.summary()) == ["#deputy", "#away_until"]
        said = await away.send("/cover/absences", deputy="carol.senior", away_from=TODAY, away_until=SOON)
        assert "You, deputy Carol Díaz Away" in said
        assert "Dev Patel, deputy you Away" in await deputy.read("/cover")
        assert "Dev Patel is out of office" in await deputy.read("/work")
        assert "You are out of office until" in await away.read("/work")
        [absence] = await run(place.runtime, queries.absences)
        await away.read("/cover")
        said = await away.send(f"/cover/absences/{absence.id}/end")
        assert "Back early" in said
        assert "out of office" not in await deputy.read("/work")


async def test_a_deputy_who_is_away_too_is_not_said_to_stand_in(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "dev") as leader, visiting(place, "ella") as manager, visiting(place, "farid") as head:
        for away, deputy in ((leader, "carol.senior"), (leader, "ella.manager"), (manager, "farid.head")):
            await away.read("/cover")
            said = await away.send("/cover/absences", deputy=deputy, away_from=TODAY, away_until=SOON)
        await leader.read("/cover")
        said = await leader.send("/cover/absences", deputy="ella.manager", away_from=TODAY, away_until=SOON)
        assert "Your deputy is away too on some of those days" in said
        assert "Ella Kim is away too: Farid Nasser stands in." in said
        assert said.count("Replaced by a newer one") == 2
        work = await leader.read("/work")
        assert "Farid Nasser stands in for you" in work
        assert work.count("You are out of office") == 1
        assert "Dev Patel is out of office" not in await manager.read("/work")
        assert "Dev Patel is out of office" in await head.read("/work")
        assert "Farid Nasser is shown what waits" in await head.read("/policy")
        await head.read("/cover")
        await head.send("/cover/absences", 422, deputy="dev.leader", away_from=SOON, away_until=SOON)
        assert list(head.summary()) == ["#deputy"]
        assert "what waits for them would come back to you" in head.summary()["#deputy"]


async def test_an_officer_has_nothing_to_lend(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        assert "Lend your authority" not in await visitor.read("/cover")
    async with visiting(place, "hugo") as visitor:
        assert "Be out of office" not in await visitor.read("/cover")
