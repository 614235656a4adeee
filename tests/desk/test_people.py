"""The review of access: who may do what, and when they last did."""

import csv
import io
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from approvals import queries
from approvals.domain.words import in_words
from approvals.web.wording import LONDON
from chassis.tables import outbox_replay
from chassis.transaction import run

from desk import estate
from desk.conftest import Place
from desk.test_work import approve
from desk.visitor import Visitor, visiting


async def test_each_person_stands_with_roles_limits_and_last_use(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as leader, visiting(place, "hugo") as auditor:
        await approve(leader, task)
        await leader.read("/cover")
        day = f"{estate.TODAY}"
        await leader.send("/cover/delegations", taker="ben.officer", ceiling="200", lent_from=day, lent_until=day)
        said = await auditor.read("/people")
        sheet = (await auditor.http.get("/people.csv")).content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(sheet)))
    assert {row["Last signed in"] for row in lines if row["Signs in as"] == "dev.leader"} == {day}
    assert {row["Not seen for too long"] for row in lines} == {""}
    told = {(row["Signs in as"], row["Right"]): (row["How far"], row["Last used"]) for row in lines}
    assert told["dev.leader", "Decide refunds"] == ("up to £500.00", day)
    assert ("ben.officer", "Decide refunds") not in told
    lent = "refunds up to £200.00 and write-offs up to £49.99, lent by Dev Patel"
    assert told["ben.officer", "Decide for another"] == (lent, ""), "the table of write-offs gives a leader less"
    assert told["grace.finance", "Decide refunds"] == ("from £2,500.01 as the second decision", "")
    assert told["grace.finance", "Release payment runs"] == ("no limit", "")
    assert told["hugo.auditor", "Reads only"] == ("", "")
    assert lent in said


async def test_a_loan_was_used_when_somebody_decided_by_it_and_one_s_own_authority_when_by_that(place: Place) -> None:
    await place.everyone_known()
    day = f"{estate.TODAY}"
    first, second = await place.task(estate.CASE_OKAFOR), await place.task(estate.CASE_NGUYEN)
    async with visiting(place, "dev") as leader, visiting(place, "ella") as manager, visiting(place, "ben") as officer:
        for lender, taker in ((leader, "ben.officer"), (manager, "dev.leader")):
            await lender.read("/cover")
            await lender.send("/cover/delegations", taker=taker, ceiling="200", lent_from=day, lent_until=day)
        await approve(officer, first)
    async with visiting(place, "hugo") as auditor:
        told = await last_used(auditor)
        assert told["ben.officer", "Decide for another"] == day
        assert told["dev.leader", "Decide refunds"] == told["dev.leader", "Decide for another"] == ""
    async with visiting(place, "dev") as leader, visiting(place, "hugo") as auditor:
        await approve(leader, second)
        told = await last_used(auditor)
        assert (told["dev.leader", "Decide refunds"], told["dev.leader", "Decide for another"]) == (day, "")


async def test_the_review_names_what_lent_authority_gives_and_what_gives_nothing_any_more(place: Place) -> None:
    await place.everyone_known()
    day = f"{estate.TODAY}"
    async with visiting(place, "dev") as leader, visiting(place, "ben") as officer, visiting(place, "carol") as senior:
        loans = [(leader, "ben.officer", "200"), (officer, "carol.senior", "150"), (officer, "asha.officer", "150")]
        for lender, taker, pounds in (*loans, (senior, "grace.finance", "150")):
            await lender.read("/cover")
            await lender.send("/cover/delegations", taker=taker, ceiling=pounds, lent_from=day, lent_until=day)
        async with visiting(place, "hugo") as auditor:
            lent = await how_far(auditor)
            assert lent["asha.officer"] == "refunds up to £150.00 and write-offs up to £49.99 by authority of Dev Patel, lent by Ben Moss"
            assert lent["grace.finance"] == (
                "refunds up to £150.00 and write-offs up to £49.99 by authority of Dev Patel and Ben Moss, lent by Carol Díaz"
            )
        first = [one for one in await run(place.runtime, queries.delegations) if one.taker == "ben.officer"]
        await leader.send(f"/cover/delegations/{first[0].id}/end")
        said = await leader.read("/cover")
    gone = f"nothing at present (Ben Moss has nothing to lend; what Dev Patel lent them ended on {in_words(estate.TODAY)})"
    assert f"Gives {gone}." in said
    assert "Ben Moss to Asha Rao, up to £150.00 Gives nothing" in said
    assert "Carol Díaz to Grace Obi, up to £150.00 In force" in said
    assert "Gives refunds up to £100.00." in said
    async with visiting(place, "hugo") as auditor:
        lent = await how_far(auditor)
    assert lent["asha.officer"] == lent["carol.senior"] == f"{gone}, lent by Ben Moss"
    assert lent["grace.finance"] == "refunds up to £100.00, lent by Carol Díaz", "a senior officer's own"


async def test_the_last_use_of_lent_authority_stays_in_the_review_after_it_has_ended(place: Place) -> None:
    await place.everyone_known()
    day = f"{estate.TODAY}"
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "dev") as leader, visiting(place, "ben") as officer:
        for _ in range(2):
            await leader.read("/cover")
            await leader.send("/cover/delegations", taker="ben.officer", ceiling="200", lent_from=day, lent_until=day)
        await approve(officer, task)
        for one in await run(place.runtime, queries.delegations):
            await leader.send(f"/cover/delegations/{one.id}/end")
    async with visiting(place, "hugo") as auditor:
        said = await auditor.read("/people")
        assert (await last_used(auditor))["ben.officer", "Decide for another"] == day
        assert (await how_far(auditor))["ben.officer"] == f"nothing any more: what Dev Patel lent ended on {in_words(estate.TODAY)}"
    assert said.count("what Dev Patel lent ended") == 1, "the delegation that nobody used is not told of"


async def test_people_stand_by_name(place: Place) -> None:
    await place.everyone_known()
    review = await run(place.runtime, queries.access_review)
    assert [one.name for one in review.people] == [one.name for one in await run(place.runtime, queries.staff_known)]


async def how_far(auditor: Visitor) -> dict[str, str]:
    """What the review says of each person's lent authority."""
    sheet = (await auditor.http.get("/people.csv")).content.decode("utf-8-sig")
    return {row["Signs in as"]: row["How far"] for row in csv.DictReader(io.StringIO(sheet)) if row["Right"] == "Decide for another"}


async def last_used(auditor: Visitor) -> dict[tuple[str, str], str]:
    sheet = (await auditor.http.get("/people.csv")).content.decode("utf-8-sig")
    return {(row["Signs in as"], row["Right"]): row["Last used"] for row in csv.DictReader(io.StringIO(sheet))}


async def test_the_review_tells_of_write_offs_policy_and_what_other_services_keep(place: Place) -> None:
    await place.everyone_known()
    ago = {days: f"{(estate.NOW - timedelta(days=days)).astimezone(LONDON).date()}" for days in (1, 3, 20, 40)}
    async with visiting(place, "hugo") as auditor:
        sheet = (await auditor.http.get("/people.csv")).content.decode("utf-8-sig")
    told = {(row["Signs in as"], row["Right"]): (row["How far"], row["Last used"]) for row in csv.DictReader(io.StringIO(sheet))}
    assert told["asha.officer", "Take bank files"] == ("", ago[1])
    assert told["asha.officer", "Change accounts, tenancies and suspense"] == ("", ago[3])
    assert told["grace.finance", "Post the provision"] == ("", ago[20])
    assert told["ella.manager", "Make and check policy"] == ("", ago[40])
    assert told["ella.manager", "Work on write-offs"] == ("", ""), "policy is a right of its own"
    assert told["kirsi.s151", "Decide write-offs"] == ("no limit; from £5,000.00 to £9,999.99 as the second decision", "")
    assert told["mabel.democratic", "Decide write-offs"] == ("from £50,000.00 as the second decision by the minute of Cabinet", "")


async def test_what_operators_did_stands_beside_under_the_name_that_they_gave(place: Place) -> None:
    await place.everyone_known()
    replayed = {"topic": "approvals.cases", "facts": 7, "by": "Otto Ops", "at": estate.NOW}
    async with place.runtime.engine.begin() as connection:
        await connection.execute(outbox_replay.insert().values(replayed))
    async with visiting(place, "hugo") as auditor:
        said = await auditor.read("/people")
        sheet = (await auditor.http.get("/people.csv")).content.decode("utf-8-sig")
    operators = re.sub(r"\s", "", said.partition("What operators did")[2])
    assert "OttoOpsHadatopictoldagainapprovals" in operators
    assert "OttilieOpsDiscardedaneventthatwasparkedledger" in operators
    lines = [row for row in csv.DictReader(io.StringIO(sheet)) if row["Roles"] == "operator"]
    assert {(row["Name"], row["Right"], row["How far"]) for row in lines} >= {
        ("asha.officer", "Had a topic told again", "writeoffs"), ("Otto Ops", "Had a topic told again", "approvals"),
    }  # fmt: skip
    told = {(row["Signs in as"], row["Right"]): row["Last used"] for row in csv.DictReader(io.StringIO(sheet))}
    ago = (estate.NOW - timedelta(days=3)).astimezone(LONDON).date()
    assert told["asha.officer", "Change accounts, tenancies and suspense"] == f"{ago}", "an operator's act is no use of a right"


async def test_a_service_that_does_not_answer_is_named_and_nothing_is_called_unused_for_it(place: Place) -> None:
    await place.everyone_known()
    place.peers.silent.add("ledger")
    async with visiting(place, "hugo") as auditor:
        said = await auditor.read("/people")
        told = await last_used(auditor)
    assert told["asha.officer", "Take bank files"] == "not known at present"
    assert told["ella.manager", "Make and check policy"] == "not known at present"
    assert "The last changes of accounts can’t be shown just now." in said


async def test_whoever_was_not_seen_for_as_long_as_policy_says_is_asked_about(place: Place) -> None:
    await place.everyone_known()
    review = await run(place.runtime, queries.access_review)
    gone = sa.text("UPDATE staff SET last_seen_at = last_seen_at - make_interval(days => :days) WHERE subject = 'carol.senior'")
    await run(place.runtime, lambda tx: tx.connection.execute(gone, {"days": review.unused_after_days + 1}))
    async with visiting(place, "ella") as manager:
        said = await manager.read("/people")
    assert f"1 person not seen for {review.unused_after_days} days: Carol Díaz." in said


@pytest.mark.parametrize(("who", "status"), [("asha", 403), ("dev", 403), ("grace", 403), ("ella", 200), ("farid", 200), ("hugo", 200)])
async def test_the_review_is_for_those_who_answer_for_it(place: Place, who: str, status: int) -> None:
    async with visiting(place, who) as visitor:
        await visitor.read("/people", status)
        assert (await visitor.http.get("/people.csv")).status_code == status
        assert ("/people" in (await visitor.http.get("/policy")).text) == (status == 200)
