"""A payment run from finance's release to the bank's last word, with the bank's stand-in as a process of its own."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.peers import Unanswered
from chassis.serving import Tick
from chassis.transaction import Transaction
from chassis.transaction import run as run_in
from refunds.domain.bacs_reading import read_standard_18
from refunds.domain.checks import in_words, pounds
from refunds.domain.days import LONDON, business_date
from refunds.queries import case_page, cases, ready_payments, run_page
from refunds.store.checks import payments_of
from refunds.use_cases import stories
from refunds.use_cases.ask_fate import ask_fate
from refunds.use_cases.build_file import LinesStillWait, build_file
from refunds.use_cases.case_work import AnotherAttempt
from refunds.use_cases.close_case import NotPaid, close_case
from refunds.use_cases.dequeue_payment import dequeue_payment
from refunds.use_cases.line_posted import NotInTheBooks, NotInThisRun, line_posted
from refunds.use_cases.note_progress import note_progress
from refunds.use_cases.note_release import note_release
from refunds.use_cases.queue_payment import queue_payment
from refunds.use_cases.read_attempt import read_attempt
from refunds.use_cases.read_case import read_case
from refunds.use_cases.recheck import recheck
from refunds.use_cases.record_bank_reports import record_bank_reports
from refunds.use_cases.return_payments import return_payments
from refunds.use_cases.run_check import run_check
from refunds.use_cases.settle_run import NotTheLastWord, settle_run
from refunds.use_cases.submit_file import submit_file
from rentbook_contracts.ledger import PersonFacts, RefundFacts, RefundPlan
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import (
    BuildFile,
    CaseAsked,
    CaseOutcome,
    CasesAsked,
    CaseStatus,
    CloseCase,
    DequeuePayment,
    FileBuilt,
    FileFate,
    LinePosted,
    LineStands,
    NoteProgress,
    PaymentStands,
    QueuePayment,
    ReadCase,
    Recheck,
    RefundCase,
    RefundClosed,
    RefundReturned,
    RunAsked,
    RunCheck,
    RunStatus,
    SettleRun,
    SubmitFile,
)
from rentbook_contracts.workflows import payment_run_workflow_id, refund_workflow_id
from support.bank import Bank
from support.refund_cases import A, ledger
from support.refund_service import Refunds, released

NOW = datetime.now(UTC)


def tenant(account: UUID | None = None) -> RefundFacts:
    facts = ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=business_date(NOW))
    return facts.model_copy(update={"account": account or uuid4()})


async def release(refunds: Refunds, *plans: RefundPlan) -> UUID:
    fact = released(*plans, at=NOW)
    await refunds.do(note_release, fact)
    return fact.run


async def posted_run(refunds: Refunds, *plans: RefundPlan) -> tuple[UUID, FileBuilt]:
    run = await release(refunds, *plans)
    for plan in plans:
        await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    return run, await refunds.do(build_file, BuildFile(run=run))


async def paid_run(refunds: Refunds, *plans: RefundPlan) -> UUID:
    run, built = await posted_run(refunds, *plans)
    answer = await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))
    assert answer.fate is FileFate.ACCEPTED
    await refunds.do(settle_run, SettleRun(run=run, fate=answer.fate))
    for plan in plans:
        await refunds.do(close_case, CloseCase(case=plan.case, attempt=plan.attempt, outcome=CaseOutcome.PAID, plan=plan))
    return run


async def reports_taken(refunds: Refunds) -> None:
    while await refunds.do(record_bank_reports, Tick(at=NOW)):
        pass
    await refunds.do(return_payments, Tick(at=NOW))


async def test_a_release_takes_its_lines_and_tells_their_cases(refunds: Refunds) -> None:
    one, two = await refunds.queued(tenant()), await refunds.queued(tenant(), amount_pence=20_00)
    ready = await refunds.ask(ready_payments, Nothing())
    assert [payment.case for payment in ready.payments] == [one.case, two.case]
    assert ready.total_pence == one.refund_pence + 20_00
    for payment in ready.payments:
        payee = (await refunds.ask(case_page, CaseAsked(case=payment.case))).payee
        assert payee is not None
        assert (payment.masked, payment.third_party) == (payee.masked, False)
    run = await release(refunds, one, two)
    assert (await refunds.ask(ready_payments, Nothing())).payments == ()
    told = [workflow for workflow, _ in await refunds.signals("payment_released")]
    assert sorted(told) == sorted([refund_workflow_id(one.case, 1), refund_workflow_id(two.case, 1)])
    assert [workflow for workflow, _ in await refunds.signals("PaymentRun")] == [payment_run_workflow_id(run)]


async def test_a_line_that_is_not_queued_as_released_is_dropped(refunds: Refunds) -> None:
    good, recalled = await refunds.queued(tenant()), await refunds.queued(tenant())
    line = DequeuePayment(case=recalled.case, attempt=1, content_hash=recalled.content_hash)
    assert (await refunds.do(dequeue_payment, line)).run is None
    other = good.model_copy(update={"checks_hash": "0" * 64})
    run = await release(refunds, recalled, other)
    page = await refunds.ask(run_page, RunAsked(run=run))
    assert page.status is RunStatus.EMPTY
    assert [shown.status for shown in page.lines] == ["dropped", "dropped"]
    assert await refunds.signals("payment_released") == []
    assert await refunds.signals("PaymentRun") == []


async def test_a_payment_of_half_past_midnight_in_summer_counts_on_its_day_in_london(refunds: Refunds) -> None:
    """In UTC it is the day before, which the window of check 8 may not reach."""
    day, plan = date(2026, 6, 15), await refunds.queued(tenant())
    await refunds.do(note_release, released(plan, at=datetime.combine(day, time(0, 30), LONDON)))

    async def earlier(tx: Transaction, account: UUID) -> list[tuple[int, date]]:
        return await payments_of(tx, account, since=datetime.combine(day, time.min, LONDON), besides=uuid4())

    assert await refunds.do(earlier, plan.account) == [(plan.refund_pence, day)]


async def test_an_approval_that_is_void_after_release_keeps_its_run_waiting_for_its_word(refunds: Refunds) -> None:
    plan, other = await refunds.queued(tenant()), await refunds.queued(tenant())
    run = await release(refunds, plan, other)
    line = DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash)
    assert (await refunds.do(dequeue_payment, line)).run == run
    with pytest.raises(LinesStillWait):
        await refunds.do(build_file, BuildFile(run=run))
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, dropped_because="the payee was changed"))
    await refunds.do(line_posted, LinePosted(run=run, plan=other, refund_journal=refunds.ledger.posts(other)))
    built = await refunds.do(build_file, BuildFile(run=run))
    assert (built.count, built.total_pence) == (1, other.refund_pence)
    assert len(await refunds.signals("run_line_settled")) == 2


async def test_a_line_whose_story_is_gone_leaves_its_run_and_says_why(refunds: Refunds) -> None:
    plan, other = await refunds.queued(tenant()), await refunds.queued(tenant(), amount_pence=20_00)
    run = await release(refunds, plan, other)
    await refunds.do(line_posted, LinePosted(run=run, plan=other, refund_journal=refunds.ledger.posts(other)))
    refunds.ledger.silent = True
    with pytest.raises(Unanswered):
        await refunds.do(stories.without, refund_workflow_id(plan.case, 1))
    refunds.ledger.silent = False
    for story in (refund_workflow_id(plan.case, 1), refund_workflow_id(plan.case, 1), refund_workflow_id(other.case, 1)):
        await refunds.do(stories.without, story)
    built = await refunds.do(build_file, BuildFile(run=run))
    assert (built.count, built.total_pence) == (1, 20_00)
    page = await refunds.ask(run_page, RunAsked(run=run))
    assert [(line.case, line.because) for line in page.lines if line.status == "dropped"] == [(plan.case, stories.STORY_IS_GONE)]
    assert [(lifted.case, lifted.attempt) for lifted in refunds.ledger.lifted] == [(plan.case, 1)]


async def test_a_line_that_was_posted_before_its_story_was_gone_stays_and_hears_it_twice(refunds: Refunds) -> None:
    plan = await refunds.queued(tenant())
    run, journal = await release(refunds, plan), refunds.ledger.posts(plan)
    await refunds.do(stories.without, refund_workflow_id(plan.case, 1))
    assert (await refunds.do(build_file, BuildFile(run=run))).total_pence == plan.refund_pence
    # The story that is taken up again says what the row has already.
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=journal))
    with pytest.raises(NotInThisRun):
        await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=uuid4()))


async def test_a_line_that_the_ledger_has_posted_is_not_dropped_whoever_says_so(refunds: Refunds) -> None:
    """Whoever reaches Temporal could say it: the money would have left the account, and nobody would pay it."""
    plan = await refunds.queued(tenant())
    run, journal = await release(refunds, plan), refunds.ledger.posts(plan)
    drop = LinePosted(run=run, plan=plan, dropped_because="the account moved")
    refunds.ledger.silent = True
    with pytest.raises(Unanswered):
        await refunds.do(line_posted, drop)
    refunds.ledger.silent = False
    for _ in range(2):
        assert await refunds.do(line_posted, drop) == LineStands(refund_journal=journal)
    asked = DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash)
    assert (await refunds.do(dequeue_payment, asked)).run == run, "its own story asks there what became of it"
    built = await refunds.do(build_file, BuildFile(run=run))
    assert (built.count, built.total_pence) == (1, plan.refund_pence)
    assert refunds.ledger.lifted == []


async def test_the_ledger_posts_no_line_that_fell_out_of_its_run(refunds: Refunds) -> None:
    """Also of a line that was not queued any more when the release was heard: the ledger hears of the release as well."""
    dropped, unqueued = await refunds.queued(tenant()), await refunds.queued(tenant())
    line = DequeuePayment(case=unqueued.case, attempt=1, content_hash=unqueued.content_hash)
    await refunds.do(dequeue_payment, line)
    run = await release(refunds, dropped, unqueued)
    assert (await refunds.do(line_posted, LinePosted(run=run, plan=dropped, dropped_because="void"))).refund_journal is None
    told = [(lifted.case, lifted.run, lifted.lifts) for lifted in refunds.ledger.lifted]
    assert told == [(unqueued.case, run, False), (dropped.case, run, True)]


async def test_what_was_posted_before_its_release_was_heard_is_paid_though_it_was_no_longer_queued(refunds: Refunds) -> None:
    plan = await refunds.queued(tenant())
    await refunds.do(dequeue_payment, DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash))
    refunds.ledger.posts(plan)
    run = await release(refunds, plan)
    assert await refunds.signals("run_line_settled") != []
    assert (await refunds.do(build_file, BuildFile(run=run))).total_pence == plan.refund_pence
    again = await release(refunds, plan)
    assert (await refunds.ask(run_page, RunAsked(run=again))).status is RunStatus.EMPTY, "it is paid once"


async def test_the_rows_say_which_stories_are_needed(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())

    async def needed() -> set[str]:
        return set(await run_in(refunds.runtime, stories.needed, read_only=True))

    assert await needed() == {refund_workflow_id(plan.case, 1)}
    run = await release(refunds, plan)
    both = {refund_workflow_id(plan.case, 1), payment_run_workflow_id(run)}
    assert await needed() == both
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    built = await refunds.do(build_file, BuildFile(run=run))
    await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))
    assert await needed() == both, "the bank's answer is not settled on the lines yet"
    await refunds.do(settle_run, SettleRun(run=run, fate=FileFate.ACCEPTED))
    await refunds.do(close_case, CloseCase(case=plan.case, attempt=1, outcome=CaseOutcome.PAID, plan=plan))
    assert await needed() == set()


async def in_vain(refunds: Refunds, monkeypatch: pytest.MonkeyPatch, *, minutes_later: int) -> list[str]:
    """The stories that wait for what will not come, as the rows have it so much later."""
    monkeypatch.setattr(stories, "UNLISTED_LIMIT", timedelta(minutes=5 - minutes_later))
    return await run_in(refunds.runtime, stories.in_vain, read_only=True)


@pytest.mark.parametrize("where", ["on the list of payments", "in a run"])
async def test_an_approved_refund_that_no_list_holds_is_named_until_its_case_goes_another_round(
    refunds: Refunds, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Its story did not take it off, and waits for a release."""
    plan, other = await refunds.queued(tenant()), await refunds.queued(tenant())
    if where == "in a run":
        run = await release(refunds, plan, other)
        await refunds.do(line_posted, LinePosted(run=run, plan=plan, dropped_because="somebody says so"))
        await refunds.do(line_posted, LinePosted(run=run, plan=other, refund_journal=refunds.ledger.posts(other)))
    else:
        await refunds.do(dequeue_payment, DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash))
    assert await in_vain(refunds, monkeypatch, minutes_later=4) == [], "a case whose approval falls stands so for some moments"
    story = refund_workflow_id(plan.case, 1)
    assert await in_vain(refunds, monkeypatch, minutes_later=6) == [story]
    for status in (CaseStatus.CHECKING, CaseStatus.WITH_APPROVER):
        await refunds.do(note_progress, NoteProgress(case=plan.case, attempt=1, status=status))
        assert await in_vain(refunds, monkeypatch, minutes_later=6) == [story], "whatever somebody says of where it stands"
    await refunds.do(run_check, RunCheck(case=plan.case, attempt=1, round=2, check=1))
    assert await in_vain(refunds, monkeypatch, minutes_later=6) == []


async def test_a_released_refund_that_is_neither_posted_nor_dropped_is_named_after_some_minutes(
    refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its story goes on at once, unless somebody had Temporal tell it anew without the release."""
    plan, other = await refunds.queued(tenant()), await refunds.queued(tenant(), amount_pence=20_00)
    run = await release(refunds, plan, other)
    assert await in_vain(refunds, monkeypatch, minutes_later=4) == []
    both = {refund_workflow_id(one.case, 1) for one in (plan, other)}
    assert {*await in_vain(refunds, monkeypatch, minutes_later=6)} == both
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    assert await in_vain(refunds, monkeypatch, minutes_later=6) == [refund_workflow_id(other.case, 1)]


async def test_an_approval_that_does_not_stand_when_its_payment_is_to_be_listed_is_named_unless_its_case_goes_on(
    refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await refunds.queued(tenant())
    decision = (await refunds.ask(ready_payments, Nothing())).payments[0].decision
    await refunds.do(dequeue_payment, DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash))
    again = QueuePayment(plan=plan, decision=decision)
    await refunds.do(queue_payment, again)
    assert await in_vain(refunds, monkeypatch, minutes_later=6) == []
    refunds.ledger.decisions.clear()
    await refunds.do(dequeue_payment, DequeuePayment(case=plan.case, attempt=1, content_hash=plan.content_hash))
    await refunds.do(queue_payment, again)
    assert await in_vain(refunds, monkeypatch, minutes_later=6) == [refund_workflow_id(plan.case, 1)]


async def test_a_line_that_the_ledger_has_not_posted_comes_into_no_file(refunds: Refunds) -> None:
    """Whoever reaches Temporal could say that it was posted."""
    plan, other = await refunds.queued(tenant()), await refunds.queued(tenant(), amount_pence=20_00)
    run = await release(refunds, plan, other)
    undone = refunds.ledger.posts(plan)
    refunds.ledger.books[undone] = refunds.ledger.books[undone].model_copy(update={"undone": True})
    for journal in (uuid4(), refunds.ledger.posts(other), undone):
        with pytest.raises(NotInTheBooks):
            await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=journal))
    with pytest.raises(LinesStillWait):
        await refunds.do(build_file, BuildFile(run=run))


async def test_a_run_ends_as_the_bank_has_said_and_not_as_somebody_tells(refunds: Refunds, bank: Bank) -> None:
    """A payment that the bank took, told as refused, would be decided and paid again."""
    plan = await refunds.queued(tenant())
    run, built = await posted_run(refunds, plan)
    for fate in (FileFate.ACCEPTED, FileFate.REFUSED):
        with pytest.raises(NotTheLastWord):
            await refunds.do(settle_run, SettleRun(run=run, fate=fate))
    assert (await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))).fate is FileFate.ACCEPTED
    with pytest.raises(NotTheLastWord):
        await refunds.do(settle_run, SettleRun(run=run, fate=FileFate.REFUSED))
    with pytest.raises(NotPaid):
        await refunds.do(close_case, CloseCase(case=plan.case, attempt=1, outcome=CaseOutcome.PAID, plan=plan))
    assert (await refunds.ask(case_page, CaseAsked(case=plan.case))).attempt == 1


async def test_the_file_carries_the_posted_lines_and_is_the_same_when_built_again(refunds: Refunds) -> None:
    plans = [await refunds.queued(tenant()), await refunds.queued(tenant(), amount_pence=20_00)]
    run, built = await posted_run(refunds, *plans)
    again = await refunds.do(build_file, BuildFile(run=run))
    assert again == built
    page = await refunds.ask(run_page, RunAsked(run=run))
    assert page.file_name is not None
    kept = (refunds.means.payments_dir / page.file_name).read_bytes()
    read = read_standard_18(kept)
    assert read.figures.sha256 == built.sha256 == page.sha256
    assert sorted(item.pence for item in read.items) == sorted(plan.refund_pence for plan in plans)
    assert {(item.sort_code, item.account_number, item.name) for item in read.items} == {("089999", "66374958", "ADA MATCH")}
    assert [path.name for path in refunds.means.payments_dir.iterdir()] == [page.file_name]


async def test_a_case_says_on_which_day_the_payee_has_the_money(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    before = await refunds.ask(case_page, CaseAsked(case=plan.case))
    run = await paid_run(refunds, plan)
    entry_day = (await refunds.ask(run_page, RunAsked(run=run))).entry_day
    page = await refunds.ask(case_page, CaseAsked(case=plan.case))
    [row] = (await refunds.ask(cases, CasesAsked(account=plan.account))).cases
    assert before.paid_on is None
    assert page.paid_on == row.paid_on == entry_day
    assert entry_day is not None


async def test_a_folder_that_takes_no_file_delays_the_same_bytes(refunds: Refunds, tmp_path: Path) -> None:
    """The bytes are kept before the folder is touched, so that mending the disk changes nothing in them."""
    in_the_way = tmp_path / "full"
    in_the_way.write_text("not a folder", encoding="utf-8")
    good = refunds.means
    refunds.means = replace(good, payments_dir=in_the_way / "payments")
    plan = await refunds.queued(tenant())
    run = await release(refunds, plan)
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    with pytest.raises(OSError, match="Not a directory"):
        await refunds.do(build_file, BuildFile(run=run))
    [kept] = await refunds.rows("SELECT sha256, name FROM payment_file")
    refunds.means = good
    assert (await refunds.do(build_file, BuildFile(run=run))).sha256 == kept["sha256"]
    written = good.payments_dir / str(kept["name"])
    assert hashlib.sha256(written.read_bytes()).hexdigest() == kept["sha256"]
    assert (written.stat().st_mode & 0o777, good.payments_dir.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_run_whose_every_line_was_dropped_has_no_file(refunds: Refunds) -> None:
    plan = await refunds.queued(tenant())
    run = await release(refunds, plan)
    await refunds.do(line_posted, LinePosted(run=run, plan=plan, dropped_because="void"))
    assert (await refunds.do(build_file, BuildFile(run=run))).count == 0
    assert (await refunds.ask(run_page, RunAsked(run=run))).status is RunStatus.EMPTY


async def test_a_story_is_told_of_a_payment_what_its_line_says(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    asked = ReadCase(case=plan.case, attempt=1)
    assert (await refunds.do(read_case, asked)).payment is None
    run, built = await posted_run(refunds, plan)
    released_line = PaymentStands(run=run, content_hash=plan.content_hash)
    assert (await refunds.do(read_case, asked)).payment == released_line
    await bank.next(fault="refuse")
    await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))
    assert (await refunds.do(read_case, asked)).payment == released_line
    await refunds.do(settle_run, SettleRun(run=run, fate=FileFate.REFUSED))
    assert (await refunds.do(read_case, asked)).payment == released_line.model_copy(update={"paid": False})
    other = await refunds.queued(tenant())
    await paid_run(refunds, other)
    paid = (await refunds.do(read_case, ReadCase(case=other.case, attempt=1))).payment
    assert paid is not None
    assert paid.paid


async def test_an_accepted_file_pays_its_lines(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    run = await paid_run(refunds, plan)
    await reports_taken(refunds)
    page = await refunds.ask(run_page, RunAsked(run=run))
    assert page.status is RunStatus.ACCEPTED
    assert [line.status for line in page.lines] == ["paid"]
    [report] = [one for one in page.reports if one.startswith("Input report")]
    assert f": 1 item, {pounds(plan.refund_pence)} accepted; 0 items, £0.00 not." in report
    assert [signal[0] for signal in await refunds.signals("payment_settled")] == [refund_workflow_id(plan.case, 1)]
    [closed] = await refunds.told(RefundClosed)
    assert (closed.outcome, closed.refund_pence) == (CaseOutcome.PAID, plan.refund_pence)
    case = await refunds.ask(case_page, CaseAsked(case=plan.case))
    assert case.paid_on is not None
    assert case.events[0].what == f"closed: the bank has the payment, which arrives on {in_words(case.paid_on)}"
    assert [entry["times"] for entry in await bank.paid()] == [1]


@pytest.mark.parametrize("fault", ["accept-then-drop-reply", "lose", "unavailable"])
async def test_an_unknown_outcome_is_asked_and_never_repeated(refunds: Refunds, bank: Bank, fault: str) -> None:
    run, built = await posted_run(refunds, await refunds.queued(tenant()))
    file = SubmitFile(run=run, sha256=built.sha256)
    await bank.next(fault=fault)
    assert (await refunds.do(submit_file, file)).fate is FileFate.UNKNOWN
    assert (await refunds.do(submit_file, file)).fate is FileFate.UNKNOWN, "a second sending without the bank's word"
    asked = await refunds.do(ask_fate, file)
    if fault != "accept-then-drop-reply":
        assert asked.fate is FileFate.NOT_SEEN
        asked = await refunds.do(submit_file, file)
    assert asked.fate is FileFate.ACCEPTED
    assert [(entry["times"], entry["pence"]) for entry in await bank.paid()] == [(1, built.total_pence)]
    assert await bank.posts(built.sha256) == 1


async def test_a_bank_that_does_not_answer_is_told_in_plain_words(refunds: Refunds, bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    run, built = await posted_run(refunds, await refunds.queued(tenant()))
    file = SubmitFile(run=run, sha256=built.sha256)
    await bank.next(fault="lose")
    assert (await refunds.do(submit_file, file)).reason == "The bank did not answer."
    refunds.means = replace(refunds.means, bank_url="http://127.0.0.1:9")
    assert (await refunds.do(ask_fate, file)).reason == "The bank did not answer."
    assert (await refunds.ask(run_page, RunAsked(run=run))).status_note == "The bank did not answer."
    assert "ConnectError" in caplog.text


async def test_a_late_answer_is_unknown(refunds: Refunds, bank: Bank) -> None:
    run, built = await posted_run(refunds, await refunds.queued(tenant()))
    file = SubmitFile(run=run, sha256=built.sha256)
    await bank.next(fault="delay", seconds=2)
    refunds.means = replace(refunds.means, bank_limit_seconds=0.3)
    assert (await refunds.do(submit_file, file)).fate is FileFate.UNKNOWN
    assert (await refunds.do(ask_fate, file)).fate is FileFate.ACCEPTED


async def test_a_crash_in_the_middle_of_sending_is_unknown(refunds: Refunds, bank: Bank) -> None:
    """The sending was noted and committed; the process died before the bank's answer was."""
    run, built = await posted_run(refunds, await refunds.queued(tenant()))
    file = SubmitFile(run=run, sha256=built.sha256)

    async def dies_after_sending(tx: Any, message: SubmitFile, means: Any) -> None:
        await submit_file(tx, message, means)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await refunds.do(dies_after_sending, file)
    assert (await refunds.do(submit_file, file)).fate is FileFate.UNKNOWN
    assert (await refunds.do(ask_fate, file)).fate is FileFate.ACCEPTED
    assert await bank.posts(built.sha256) == 1


async def test_a_refused_file_gives_its_payments_back_to_be_decided_again(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    run, built = await posted_run(refunds, plan)
    await bank.next(fault="refuse")
    answer = await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))
    assert answer.fate is FileFate.REFUSED
    await refunds.do(settle_run, SettleRun(run=run, fate=answer.fate))
    page = await refunds.ask(run_page, RunAsked(run=run))
    assert (page.status, [line.status for line in page.lines]) == (RunStatus.REFUSED, ["refused"])
    assert '"paid":false' in (await refunds.signals("payment_settled"))[0][1]
    assert await bank.paid() == []
    case = await refunds.ask(case_page, CaseAsked(case=plan.case))
    assert (case.attempt, case.status, case.run) == (2, CaseStatus.RETURNED, None)
    await begins_as_it_was_asked_for(refunds, plan.case, 2)


async def reference_of(refunds: Refunds, case: UUID) -> str:
    [row] = await refunds.rows("SELECT reference FROM payment_line WHERE case_id = :case", case=case)
    return str(row["reference"])


async def test_a_returned_payment_opens_its_case_again_once(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    run = await paid_run(refunds, plan)
    await bank.next(fault="return", reference=await reference_of(refunds, plan.case), code="B")
    await reports_taken(refunds)
    await reports_taken(refunds)
    page = await refunds.ask(case_page, CaseAsked(case=plan.case))
    assert (page.status, page.attempt, page.paid_on) == (CaseStatus.RETURNED, 2, None)
    [returned] = await refunds.told(RefundReturned)
    assert (returned.amount_pence, returned.reason, returned.attempt) == (plan.refund_pence, "B", 1)
    [line] = (await refunds.ask(run_page, RunAsked(run=run))).lines
    assert line.status == "returned"
    assert (await begins_as_it_was_asked_for(refunds, plan.case, 2)).returned == line.refund_journal


async def begins_as_it_was_asked_for(refunds: Refunds, case: UUID, attempt: int) -> RefundCase:
    """What the rows say of an attempt is what its story was asked for with; an attempt that is over, or was never begun, begins nothing."""
    said = await refunds.do(read_attempt, ReadCase(case=case, attempt=attempt))
    starts = dict(await refunds.signals("RefundApproval"))
    assert said == RefundCase.model_validate_json(starts[refund_workflow_id(case, attempt)])
    for other in (attempt - 1, attempt + 1):
        with pytest.raises(AnotherAttempt):
            await refunds.do(read_attempt, ReadCase(case=case, attempt=other))
    return said


async def test_a_first_attempt_begins_with_nothing_to_take_back(refunds: Refunds) -> None:
    begins = await begins_as_it_was_asked_for(refunds, await refunds.opened(tenant()), 1)
    assert begins.returned is None
    assert begins.account is not None


async def test_details_that_a_payment_came_back_from_wait_for_an_answer(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    await paid_run(refunds, plan)
    await bank.next(fault="return", reference=await reference_of(refunds, plan.case), code="B")
    await reports_taken(refunds)
    assert (await refunds.checked(plan.case, attempt=2)).blocked == (7,)


async def test_a_return_holds_up_other_cases_that_pay_to_the_same_bank_account(refunds: Refunds, bank: Bank) -> None:
    """The bank said that the account is closed: a case that was checked before is not paid into it either, nor is a later request."""
    returned, approved = await refunds.queued(tenant()), await refunds.queued(tenant())
    await paid_run(refunds, returned)
    await bank.next(fault="return", reference=await reference_of(refunds, returned.case), code="B")
    await reports_taken(refunds)
    seen = await refunds.do(recheck, Recheck(plan=approved))
    assert seen.void_because == "the bank returned a payment to the payee's bank account"
    assert (await refunds.checked(approved.case, round_=2)).blocked == (7,)
    assert 7 in (await refunds.checked(await refunds.opened(tenant()))).blocked


async def test_a_return_that_is_faster_than_the_closing_waits_for_it(refunds: Refunds, bank: Bank) -> None:
    plan = await refunds.queued(tenant())
    run, built = await posted_run(refunds, plan)
    await bank.next(fault="return", reference=await reference_of(refunds, plan.case), code="0")
    await refunds.do(submit_file, SubmitFile(run=run, sha256=built.sha256))
    await reports_taken(refunds)
    await refunds.do(settle_run, SettleRun(run=run, fate=FileFate.ACCEPTED))
    await reports_taken(refunds)
    assert await refunds.told(RefundReturned) == []
    await refunds.do(close_case, CloseCase(case=plan.case, attempt=1, outcome=CaseOutcome.PAID, plan=plan))
    await reports_taken(refunds)
    assert len(await refunds.told(RefundReturned)) == 1


async def test_an_item_that_was_not_taken_at_input_comes_back_as_well(refunds: Refunds, bank: Bank) -> None:
    good, bad = await refunds.queued(tenant()), await refunds.queued(tenant())
    await bank.next(fault="reject-item", reference=await _reference_to_come(refunds, 2), code="Y")
    run = await paid_run(refunds, good, bad)
    await reports_taken(refunds)
    statuses = {line.case: line.status for line in (await refunds.ask(run_page, RunAsked(run=run))).lines}
    assert sorted(statuses.values()) == ["paid", "returned"]


async def _reference_to_come(refunds: Refunds, place: int) -> str:
    [row] = await refunds.rows("SELECT coalesce(max(number), 0) AS number FROM payment_line")
    return f"REFUND {row['number'] + place:08d}"
