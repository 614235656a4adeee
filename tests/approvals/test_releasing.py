"""Signing a payment run: each line as it was shown, and nobody who decided or took part."""

import asyncio
import json
from uuid import uuid4

import pytest
from approvals import queries
from approvals.domain import eligibility, releasing
from approvals.domain.forms import SignRun, TakePart
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.release_run import release_run
from chassis.transaction import SameFormOtherContent
from rentbook_contracts.approvals import ReleasedLine
from support.office import OTHER_HASH, Office


async def approved(office: Office, pence: int = 50_00, person: str = "tess.leader") -> ReleasedLine:
    asked, opened = await office.open(pence)
    return office.make_ready(asked, await office.answer_task(person, opened))


async def test_a_run_is_signed_whole_and_told(office: Office) -> None:
    lines = [await approved(office, pence) for pence in (50_00, 141_20)]
    run = uuid4()
    signed = await office.release("finn.finance", *lines, form_id=run)
    assert (signed.run, signed.total_pence) == (run, 191_20)
    [fact] = await office.sql("select key, aggregate_version, body from outbox_event where topic = 'approvals.payment-runs'")
    told = json.loads(fact["body"])
    assert (fact["key"], fact["aggregate_version"], told["total_pence"]) == (str(run), 1, 191_20)
    assert {line["case"] for line in told["lines"]} == {str(line.case) for line in lines}


async def test_the_same_form_releases_once(office: Office) -> None:
    first, second = await approved(office), await approved(office)
    run = uuid4()
    await office.release("finn.finance", first, form_id=run)
    await office.release("finn.finance", first, form_id=run)
    assert (await office.sql("select count(*) from release"))[0]["count"] == 1
    with pytest.raises(SameFormOtherContent):
        await office.release("finn.finance", second, form_id=run)
    with pytest.raises(SameFormOtherContent):
        await office.release("fay.finance", first, form_id=run)


async def test_the_same_form_three_times_at_once_releases_once_and_each_is_told_so(office: Office) -> None:
    lines, run = [await approved(office), await approved(office)], uuid4()
    signed = await asyncio.gather(*(office.release("finn.finance", *lines, form_id=run) for _ in range(3)))
    assert {(one.run, one.total_pence) for one in signed} == {(run, 100_00)}
    assert (await office.sql("select count(*) from release_line"))[0]["count"] == 2
    assert (await office.sql("select count(*) from outbox_event where topic = 'approvals.payment-runs'"))[0]["count"] == 1


async def test_only_finance_signs(office: Office) -> None:
    line = await approved(office)
    for person in ("hana.head", "ola.officer", "aud.auditor"):
        with pytest.raises(releasing.ReleaseIsForFinance):
            await office.release(person, line)


async def test_whoever_decided_does_not_pay(office: Office) -> None:
    asked, first = await office.open(3_000_00)
    await office.answer_task("hana.head", first)
    _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    line = office.make_ready(asked, await office.answer_task("finn.finance", second))
    with pytest.raises(eligibility.DeciderMayNotRelease):
        await office.release("finn.finance", line)
    [last] = await office.sql("select id from decision where case_id = $1 and stage = 2", line.case)
    standing = await office.look("fay.finance", queries.release_standing, [(line.case, last["id"])], line.amount_pence)
    assert standing.approved_by == {line.case: ("hana.head", "finn.finance")}
    await office.release("fay.finance", line)


async def test_whoever_took_part_does_not_pay(office: Office) -> None:
    line = await approved(office)
    await office.do("finn.finance", add_participant, TakePart(line.case, "evidence"))
    with pytest.raises(eligibility.ParticipantMayNotDecide) as refused:
        await office.release("finn.finance", line)
    assert refused.value.message.endswith("so someone else must release its payment.")
    standing = await office.look("finn.finance", queries.release_standing, [(line.case, await _decision(office, line))], line.amount_pence)
    assert standing.why_not is None
    assert list(standing.lines) == [line.case]
    await office.release("fay.finance", line)


async def test_one_line_that_may_not_be_signed_leaves_nothing_signed(office: Office) -> None:
    good, bad = await approved(office), await approved(office)
    await office.do("finn.finance", add_participant, TakePart(bad.case, "evidence"))
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await office.release("finn.finance", good, bad)
    assert await office.sql("select 1 from release") == []
    assert await office.sql("select 1 from outbox_event where topic = 'approvals.payment-runs'") == []


async def test_an_approver_who_took_part_since_stops_the_payment(office: Office) -> None:
    line = await approved(office)
    await office.sql("insert into participant (case_id, person, why) values ($1, 'tess.leader', 'ledger')", line.case)
    with pytest.raises(releasing.ApproverTookPart):
        await office.release("finn.finance", line)


@pytest.mark.parametrize("actor", ["tess.leader", "finn.finance"])
async def test_an_approver_or_releaser_who_moved_the_money_since_stops_the_payment(office: Office, actor: str) -> None:
    """The ledger is asked at the release too: money may have been moved after the approval."""
    line = await approved(office)
    office.actors = [actor]
    with pytest.raises((releasing.ApproverTookPart, eligibility.ParticipantMayNotDecide)):
        await office.release("finn.finance", line)
    assert await office.sql("select 1 from release") == []


@pytest.mark.parametrize("person", ["tess.leader", "finn.finance"])
async def test_an_approver_or_releaser_who_took_part_in_another_request_of_the_same_people_since_stops_the_payment(
    office: Office, person: str
) -> None:
    line = await approved(office)
    office.elsewhere = [person]
    with pytest.raises((releasing.ApproverTookPart, eligibility.ParticipantMayNotDecide)):
        await office.release("finn.finance", line)
    assert await office.sql("select 1 from release") == []


@pytest.mark.parametrize("change", [{"amount_pence": 50_01}, {"content_hash": OTHER_HASH}, {"attempt": 2}, {"case": uuid4()}])
async def test_a_line_that_is_not_ready_as_shown_is_refused(office: Office, change: dict[str, object]) -> None:
    line = (await approved(office)).model_copy(update=change)
    with pytest.raises(releasing.LineNotReady):
        await office.release("finn.finance", line)


async def test_the_total_that_was_shown_is_the_sum(office: Office) -> None:
    line = await approved(office)
    with pytest.raises(releasing.TotalDiffers):
        await office.do("finn.finance", release_run, SignRun((line,), 50_01))
    with pytest.raises(releasing.NothingToRelease):
        await office.do("finn.finance", release_run, SignRun((), 1))
    with pytest.raises(releasing.LineNotReady):
        await office.release("finn.finance", line, line)


async def test_two_runs_at_once_pay_a_case_once(office: Office) -> None:
    lines = [await approved(office), await approved(office)]
    runs = await asyncio.gather(
        office.release("finn.finance", *lines), office.release("fay.finance", *reversed(lines)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in runs) == ["ReleasedAlready", "RunSigned"]
    assert (await office.sql("select count(*) from release_line"))[0]["count"] == 2


async def test_a_recall_and_a_release_at_once_leave_one_of_them(office: Office) -> None:
    for _ in range(5):
        asked, opened = await office.open(50_00)
        made = await office.answer_task("tess.leader", opened)
        line = office.make_ready(asked, made)
        recalled, released = await asyncio.gather(
            office.recall("tess.leader", made), office.release("finn.finance", line), return_exceptions=True
        )
        outcome = (type(recalled).__name__, type(released).__name__)
        assert outcome in {("NoneType", "LineNotReady"), ("AlreadyReleased", "RunSigned")}


async def _decision(office: Office, line: ReleasedLine) -> object:
    return (await office.sql("select id from decision where case_id = $1", line.case))[0]["id"]
