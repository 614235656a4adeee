"""What an approver is shown beside a refund: the other refunds of the same people, and who approved them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from approvals.domain.words import business_date
from approvals.queries import Carried, OtherRefunds, other_refunds
from approvals.use_cases.close_task import close_task
from chassis.transaction import SYSTEM, run
from rentbook_contracts.approvals import Answer, CloseTask
from support.office import Office

ACCOUNT, GARAGE = uuid4(), uuid4()
TODAY = business_date(datetime.now(UTC))


async def others(office: Office, *accounts: UUID, since: date = TODAY, besides: UUID | None = None) -> OtherRefunds:
    return await office.look("tess.leader", other_refunds, accounts, since=since, besides=besides or uuid4())


async def test_two_small_refunds_beside_each_other_are_both_in_sight(office: Office) -> None:
    await office.everyone_signs_in()
    for account, pence in ((ACCOUNT, 99_00), (GARAGE, 98_00), (uuid4(), 97_00)):
        _, opened = await office.open(pence, account=account)
        await office.answer_task("sen.senior", opened)
    in_hand, waiting = await office.open(55_00, account=GARAGE)
    seen = await others(office, ACCOUNT, GARAGE)
    assert [(one.account, one.amount_pence, one.approved_by) for one in seen.approved] == [
        (GARAGE, 98_00, ("Sen Senior",)),
        (ACCOUNT, 99_00, ("Sen Senior",)),
    ]
    assert (seen.total_pence, [one.task for one in seen.waiting]) == (197_00, [waiting.task])
    assert (await others(office, ACCOUNT, GARAGE, besides=in_hand.case)).waiting == ()
    assert (await others(office, ACCOUNT, GARAGE, since=TODAY + timedelta(days=1))).approved == ()


async def test_what_came_to_nothing_is_no_refund(office: Office) -> None:
    await office.everyone_signs_in()
    _, declined = await office.open(90_00, account=ACCOUNT)
    await office.answer_task("sen.senior", declined, Answer.DECLINED)
    _, recalled = await office.open(91_00, account=ACCOUNT)
    await office.recall("sen.senior", await office.answer_task("sen.senior", recalled))
    _, void = await office.open(92_00, account=ACCOUNT)
    await office.answer_task("sen.senior", void)
    end = CloseTask(task=void.task, carried_out=False, because="the bank refused the file")
    await run(office.runtime, lambda tx: close_task(tx, end), caller=SYSTEM)
    seen = await others(office, ACCOUNT)
    assert (seen.approved, seen.waiting, seen.total_pence) == ((), (), 0)


async def test_a_payment_that_came_back_and_was_approved_anew_is_one_refund(office: Office) -> None:
    await office.everyone_signs_in()
    asked, first = await office.open(80_00, account=ACCOUNT)
    await office.answer_task("sen.senior", first)
    await run(office.runtime, lambda tx: close_task(tx, CloseTask(task=first.task, carried_out=True)), caller=SYSTEM)
    _, second = await office.open(80_00, asked.case, account=ACCOUNT, attempt=2)
    await office.answer_task("sen.senior", second)
    [one] = (await others(office, ACCOUNT)).approved
    assert (one.case, one.amount_pence, one.carried) == (asked.case, 80_00, Carried.BEING_CARRIED_OUT)


async def test_of_two_stages_both_who_approved_are_named_and_the_first_alone_is_no_refund(office: Office) -> None:
    await office.everyone_signs_in()
    asked, first = await office.open(3_000_00, account=ACCOUNT)
    await office.answer_task("hana.head", first)
    assert (await others(office, ACCOUNT)).approved == ()
    _, second = await office.open(3_000_00, asked.case, account=ACCOUNT, stage=2)
    await office.answer_task("finn.finance", second)
    [one] = (await others(office, ACCOUNT)).approved
    assert one.approved_by == ("Hana Head", "Finn Finance")
