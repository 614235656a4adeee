"""The review of access: who may do what, and when they last did."""

import csv
import io

import pytest
import sqlalchemy as sa
from approvals import queries
from chassis.transaction import run

from desk import estate
from desk.conftest import Place
from desk.test_work import approve
from desk.visitor import visiting


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
    rows = {row["Signs in as"]: row for row in csv.DictReader(io.StringIO(sheet))}
    assert rows["dev.leader"]["May decide up to"] == "£500.00"
    assert rows["dev.leader"]["Last decided"] == day
    assert rows["dev.leader"]["Last signed in"] == day
    assert rows["ben.officer"]["May decide up to"] == ""
    assert rows["ben.officer"]["Lent by"] == "Dev Patel, £200.00"
    assert rows["asha.officer"]["Last took part in a case"] == day
    assert rows["grace.finance"]["May decide up to"] == "no limit as the second decision"
    assert rows["grace.finance"]["May release runs up to"] == "no limit"
    assert {row["Not seen for too long"] for row in rows.values()} == {""}
    assert "£200.00 lent by Dev Patel" in said


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
