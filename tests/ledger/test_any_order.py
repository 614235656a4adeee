"""Receipts, charges, earmarks, refunds, returns and reversals in any order and at once: the ledger agrees with a model at every date."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import sqlalchemy as sa
from chassis.process import make_runtime
from chassis.transaction import SYSTEM, Caller, Runtime, Transaction, run
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger.domain.bank_file import BankFile
from ledger.domain.posting import LEDGER, OPENING_CODE
from ledger.domain.receipt import EntryKey, Receipt
from ledger.queries.account_page import account_page
from ledger.queries.refund_facts import account_for_refund
from ledger.settings import LedgerSettings
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.import_receipts import Upload, import_receipts
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_recall import note_recall
from ledger.use_cases.note_release import note_release
from ledger.use_cases.note_return import note_return
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import NotHeardYet, post_refund
from ledger.use_cases.release_hold import release_hold
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.reverse_refund import reverse_refund
from rentbook_contracts.approvals import Answer, DecisionMade, DecisionRecalled, PaymentRunReleased, ReleasedLine, TaskKind
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountPageAsked,
    DebitWeek,
    Offset,
    PlaceHold,
    PostRefund,
    RefundIsPosted,
    RefundPlan,
    ReleaseHold,
    ReverseJournal,
    ReverseRefund,
)
from rentbook_contracts.operation import BrokenRule, Message
from rentbook_contracts.refunds import RefundReturned
from rentbook_local.checking import ledger as promises
from rentbook_local.checking.books import Books, Places
from support.courses import WHOLE, play_until
from support.ledger_books import (
    FTA,
    HOUSEHOLD,
    LAST_MONTH,
    MAIN,
    MAIN_REFERENCE,
    NEIGHBOUR,
    NEIGHBOUR_REFERENCE,
    OPENED_ON,
    RECHARGE,
    opened,
)
from support.servers import Postgres

from .model import Model, Written

In = TypeVar("In", bound=Message)
Out = TypeVar("Out")

EXAMPLES = 100 if WHOLE else 5
STEPS = 50
LONDON = ZoneInfo("Europe/London")
OFFICER = Caller("lind.officer", frozenset({"officer"}))
ACCOUNTS = {MAIN: MAIN_REFERENCE, NEIGHBOUR: NEIGHBOUR_REFERENCE}
METHODS = ("RSO", "RCO", "RDD", "RQP")
TAKEN_BACK_BY = {"RDD": "RDN", "RQP": "RRC"}
KEPT = {"RIT": "BelongsToARefund", "RDR": "BelongsToARefund", OPENING_CODE: "OpeningBalanceStays"}
"""The codes that nobody reverses by hand here, with the rule that says so."""

WEEKLY = {MAIN: 120_00, NEIGHBOUR: 110_00}
CROWD = 4

PENCE = st.integers(min_value=1, max_value=300_00) | st.sampled_from([40_00, 100_00, 140_00])
SHARE = st.sampled_from([10, 25, 50, 51, 100, 101])
"""Percent of the credit that is free."""

DEBTS = st.lists(st.tuples(st.sampled_from([RECHARGE, FTA]), st.integers(1, 60_00)), max_size=2, unique_by=lambda debt: debt[0])
ANY = st.integers(min_value=0, max_value=10_000)
"""Which of several: taken by its remainder."""


@dataclass
class Case:
    """A refund on its way: what was planned, earmarked, heard and posted."""

    plan: RefundPlan
    hold: UUID
    decision: UUID
    heard: bool = False
    recalled: bool = False
    posted: RefundIsPosted | None = None
    returned: bool = False


class Keeping(RuleBasedStateMachine):
    """One ledger from its opening on. `loop`, `open_ledger` and `done` are given by the test.

    A rule that finds nothing to work on returns, and has no precondition: who was first of several at once is drawn by nobody, and
    Hypothesis wants the same rules to choose from wherever it has drawn the same.
    """

    loop: ClassVar[asyncio.AbstractEventLoop]
    open_ledger: ClassVar[Callable[[AsyncExitStack], Coroutine[Any, Any, Runtime]]]
    done: ClassVar["Counter[str]"]

    @initialize()
    def ledger_is_opened(self) -> None:
        self.stack, self.model, self.cases, self.files = AsyncExitStack(), Model(), dict[UUID, Case](), 0
        self.runtime = self.now(type(self).open_ledger(self.stack))
        self.clock = datetime.combine(datetime.now(LONDON).date(), time(12), LONDON).astimezone(UTC)
        for account, pence in ((RECHARGE, 85_50), (FTA, 120_00), (NEIGHBOUR, 30_00)):
            self.model.write(Written(uuid5(LEDGER, f"opening/{account}"), OPENING_CODE, OPENED_ON, {account: pence}))
        for code, pence in (("RSO", 40_00), ("RCO", 100_00)):
            [id_] = self.now(self.column("SELECT id FROM journal WHERE code = :code", code=code))
            self.model.write(Written(id_, code, LAST_MONTH, {MAIN: -pence}, cleared_on=LAST_MONTH))

    @property
    def today(self) -> date:
        return self.clock.astimezone(LONDON).date()

    # --- money in, charges, time -----------------------------------------------------------------------------------------------------

    @rule(account=st.sampled_from(sorted(ACCOUNTS)), method=st.sampled_from(METHODS), pence=PENCE, days_ago=st.integers(0, 40))
    def receipt_comes(self, account: UUID, method: str, pence: int, days_ago: int) -> None:
        self.file_is_taken(account, method, pence, self.today - timedelta(days=days_ago), reversal=False)

    @rule(account=st.sampled_from(sorted(ACCOUNTS)), which=ANY, pence=PENCE)
    def receipt_is_taken_back(self, account: UUID, which: int, pence: int) -> None:
        """By the bank: of an amount that came, or of one that never did, which is a debit like any other."""
        came = [journal for journal in self.model.of(account) if journal.code in TAKEN_BACK_BY and self.model.may_be_reversed(journal.id)]
        method = came[which % len(came)].code if came else "RDD"
        amount = -came[which % len(came)].moves[account] if came else pence
        self.file_is_taken(account, TAKEN_BACK_BY[method], -amount, self.today, reversal=True)

    def file_is_taken(self, account: UUID, method: str, pence: int, day: date, *, reversal: bool) -> None:
        self.files += 1
        file = _file(ACCOUNTS[account], method, pence, day, reversal=reversal, number=self.files)
        page = self.do(import_receipts, Upload("file", file, lambda _: None), OFFICER)
        assert (page.status, page.receipts) == ("TAKEN", 1)
        assert self.do(import_receipts, Upload("again", file, lambda _: None), OFFICER).status == "ALREADY_TAKEN"
        journal = uuid5(LEDGER, f"file/{file.sha256}/1")
        [cleared] = self.now(self.column("SELECT cleared_on FROM journal WHERE id = :id", id=journal))
        assert (cleared is None) == (pence < 0)
        assert cleared is None or cleared >= day
        self.model.write(
            Written(journal, method, day, {account: -pence}, cleared, self.taken_back(account, method, pence, reversal=reversal))
        )
        self.done["receipts"] += 1

    def taken_back(self, account: UUID, method: str, pence: int, *, reversal: bool) -> UUID | None:
        """The newest receipt that stands of this amount, by the method that the line takes back."""
        if not reversal:
            return None
        standing = [
            journal.id
            for journal in self.model.of(account)
            if TAKEN_BACK_BY.get(journal.code) == method and journal.moves[account] == pence and self.model.may_be_reversed(journal.id)
        ]
        return standing[-1] if standing else None

    @rule(pence=PENCE, days_ago=st.integers(0, 4))
    def direct_debit_comes(self, pence: int, days_ago: int) -> None:
        """So lately that it has not cleared."""
        self.file_is_taken(MAIN, "RDD", pence, self.today - timedelta(days=days_ago), reversal=False)

    @rule(weeks_ago=st.integers(0, 5))
    def week_is_debited(self, weeks_ago: int) -> None:
        """Of this week or an earlier one, and as often as anybody likes."""
        monday = self.today - timedelta(days=self.today.weekday(), weeks=weeks_ago)
        week = DebitWeek(week_commencing=monday)
        answers = self.at_once([self.work(debit_week, week) for _ in range(2)])
        assert answers[0] == answers[1]
        assert not isinstance(answers[0], BaseException)
        assert answers[0].total_pence == sum(WEEKLY.values())
        for account, pence in WEEKLY.items():
            journal = uuid5(LEDGER, f"charge/{monday}/{account}")
            if journal not in self.model.journals:
                self.model.write(Written(journal, "DEB", monday, {account: pence}))

    @rule(days=st.integers(1, 4))
    def days_pass(self, days: int) -> None:
        self.clock += timedelta(days=days)

    # --- reversals -------------------------------------------------------------------------------------------------------------------

    @rule(back=st.integers(0, 12), times=st.integers(1, CROWD))
    def journal_is_reversed(self, back: int, times: int) -> None:
        """One of the latest, by several people at once: one of them does it, or none where it was done, is a reversal, is a refund's or
        was brought along when the ledger was opened.
        """
        journals = list(self.model.journals)
        journal = journals[-1 - back % len(journals)]
        asked = ReverseJournal(journal=journal, reason="keyed twice")
        answers = self.at_once([self.work(reverse_journal, asked, OFFICER) for _ in range(times)])
        made = [answer.journal for answer in answers if not isinstance(answer, BaseException)]
        refused = [type(answer).__name__ for answer in answers if isinstance(answer, BaseException)]
        because = KEPT.get(self.model.journals[journal].code, "AlreadyReversed")
        assert len(made) == int(self.model.may_be_reversed(journal) and because == "AlreadyReversed")
        assert refused == [because] * (times - len(made))
        for id_ in made:
            self.model.mirror(journal, id_, self.today)
            self.done["reversals"] += 1
            self.done["reversals at once"] += times > 1

    # --- refunds ---------------------------------------------------------------------------------------------------------------------

    @rule(share=SHARE, debts=DEBTS)
    def credit_is_earmarked(self, share: int, debts: list[tuple[UUID, int]]) -> None:
        self.plans_are_earmarked([_plan(self.share(share), debts)])

    @rule(shares=st.lists(SHARE, min_size=2, max_size=CROWD))
    def credit_is_wanted_by_several(self, shares: list[int]) -> None:
        """At once, for different cases."""
        self.plans_are_earmarked([_plan(self.share(share), []) for share in shares])

    @rule(share=st.sampled_from([10, 25, 50, 100]), debts=DEBTS, comes_back=st.booleans(), then=ANY)
    def refund_goes_its_way(self, share: int, debts: list[tuple[UUID, int]], comes_back: bool, then: int) -> None:
        """The straight path, so that there are payments for the other rules to meet."""
        before = set(self.cases)
        self.plans_are_earmarked([_plan(self.share(share), debts)])
        for which, case in enumerate(list(self.cases)):
            if case not in before:
                self.refund_is_posted(which, 1 + then % 2, heard=True)
                self.posting_is_repeated_with_other_content(then, 1 + then % 50)
        if comes_back and any(case.posted for case in self.cases.values()):
            self.payment_comes_back(then, heard=True)

    def share(self, percent: int) -> int:
        """Of the credit that is free; a penny where there is none, or none that could be parted."""
        return max(1, self.model.free(MAIN, self.today) * percent // 100)

    def plans_are_earmarked(self, plans: Sequence[RefundPlan]) -> None:
        """Whoever was first is not known; each that was refused would not fit beside those that were not."""
        free = self.model.free(MAIN, self.today)
        answers = self.at_once([self.work(place_hold, PlaceHold(plan=plan)) for plan in plans])
        taken = sum(plan.total_pence for plan, answer in zip(plans, answers, strict=True) if not isinstance(answer, BaseException))
        assert taken <= free
        self.done["more earmarked at once than is free"] += 0 < taken < sum(plan.total_pence for plan in plans) and len(plans) > 1
        for plan, answer in zip(plans, answers, strict=True):
            if isinstance(answer, BaseException):
                assert type(answer).__name__ == "CreditNotFree"
                assert plan.total_pence > free - taken
            else:
                self.cases[plan.case] = Case(plan, answer.hold, uuid4())
                self.model.held[plan.case] = (MAIN, plan.total_pence)
                assert self.do(place_hold, PlaceHold(plan=plan)).hold == answer.hold
                self.done["earmarks"] += 1

    def case(self, which: int) -> Case:
        return list(self.cases.values())[which % len(self.cases)]

    @rule(which=ANY)
    def earmark_is_lifted(self, which: int) -> None:
        if not self.cases:
            return
        case = self.case(which)
        for _ in range(2):
            self.do(release_hold, ReleaseHold(hold=case.hold, case=case.plan.case))
        self.model.held.pop(case.plan.case, None)

    @rule(which=ANY)
    def approval_is_heard(self, which: int) -> None:
        if not self.cases:
            return
        case = self.case(which)
        if not case.heard:
            self.do(note_decision, _made(case))
            self.do(note_release, _released(case))
            case.heard = True

    @rule(which=ANY)
    def recall_is_heard(self, which: int) -> None:
        if not self.cases:
            return
        case, plan = self.case(which), self.case(which).plan
        if case.heard and not case.recalled and case.posted is None:
            self.do(note_recall, DecisionRecalled(case=plan.case, decision=case.decision, content_hash=plan.content_hash))
            case.recalled = True

    @rule(which=ANY, times=st.integers(1, CROWD), heard=st.booleans())
    def refund_is_posted(self, which: int, times: int, heard: bool) -> None:
        """As often as a step may be repeated, and at once: one posting, and one answer for all."""
        if not self.cases:
            return
        if heard:
            self.approval_is_heard(which)
        case = self.case(which)
        wanted = self.why_not_posted(case)
        asked = PostRefund(plan=case.plan, hold=case.hold, decision=case.decision, versions=self.versions())
        answers = self.at_once([self.work(post_refund, asked) for _ in range(times)])
        if wanted is not None:
            assert [type(answer).__name__ for answer in answers] == [wanted] * times
            return
        assert all(answer == answers[0] for answer in answers)
        assert isinstance(answers[0], RefundIsPosted)
        self.note_posted(case, answers[0])

    @rule(which=st.lists(ANY, min_size=2, max_size=CROWD), of_new=st.booleans())
    def refunds_are_posted_at_once(self, which: list[int], of_new: bool) -> None:
        """Of one credit, earmarked before or just now: the account moves under all but one of them, and those look again, as the story
        does.
        """
        before = set(self.cases)
        if of_new:
            self.plans_are_earmarked([_plan(self.share(20), []) for _ in which])
            for number in range(len(before), len(self.cases)):
                self.approval_is_heard(number)
        new_ones = [case for id_, case in self.cases.items() if id_ not in before]
        cases = new_ones if of_new else list({self.case(each).plan.case: self.case(each) for each in which if before}.values())
        if len(cases) < 2:
            return
        self.done["refunds at once"] += sum(self.why_not_posted(one) is None for one in cases) > 1
        for case in cases:
            wanted = self.why_not_posted(case)
            asked = [PostRefund(plan=one.plan, hold=one.hold, decision=one.decision, versions=self.versions()) for one in cases]
            answers = self.at_once([self.work(post_refund, each) for each in asked])
            made = [(one, answer) for one, answer in zip(cases, answers, strict=True) if isinstance(answer, RefundIsPosted)]
            new = [(one, answer) for one, answer in made if one.posted is None]
            assert len(new) <= 1, "an account moved and nobody looked again"
            assert wanted is None or case not in [one for one, _ in new]
            for one, answer in new:
                assert self.why_not_posted(one) is None
                self.note_posted(one, answer)

    @rule(which=ANY, more=st.integers(1, 50))
    def posting_is_repeated_with_other_content(self, which: int, more: int) -> None:
        posted = [case for case in self.cases.values() if case.posted is not None]
        if not posted:
            return
        case = posted[which % len(posted)]
        other = case.plan.model_copy(update={"refund_pence": case.plan.refund_pence + more})
        for plan, decision in ((other, case.decision), (case.plan, uuid4())):
            asked = PostRefund(plan=plan, hold=case.hold, decision=decision, versions=self.versions())
            [answer] = self.at_once([self.work(post_refund, asked)])
            assert type(answer).__name__ == "KeyUsedForOtherContent"
            self.done["other contents"] += 1

    def why_not_posted(self, case: Case) -> str | None:
        """The rule that stands in the way, in the order in which they are looked at; None where it is, or was, posted."""
        plan = case.plan
        if case.posted is not None:
            return None
        if not case.heard:
            return "NotHeardYet"
        if case.recalled:
            return "DecisionRecalled"
        if plan.case not in self.model.held:
            return "HoldGone"
        if plan.total_pence > self.model.free(MAIN, self.today, plan.case):
            return "CreditNotFree"
        if any(offset.amount_pence > self.model.balance(offset.account) for offset in plan.offsets):
            return "OffsetAboveDebt"
        return None

    def note_posted(self, case: Case, answer: RefundIsPosted) -> None:
        if case.posted is not None:
            assert answer == case.posted
            return
        case.posted = answer
        del self.model.held[case.plan.case]
        for offset, journal in zip(case.plan.offsets, answer.offset_journals, strict=True):
            self.model.write(Written(journal, "RIT", self.today, {MAIN: offset.amount_pence, offset.account: -offset.amount_pence}))
        assert answer.refund_journal is not None
        self.model.write(Written(answer.refund_journal, "RDR", self.today, {MAIN: case.plan.refund_pence}))
        self.done["refunds"] += 1

    @rule(which=ANY, heard=st.booleans())
    def payment_comes_back(self, which: int, heard: bool) -> None:
        posted = [case for case in self.cases.values() if case.posted is not None]
        if not posted:
            return
        case = posted[which % len(posted)]
        assert case.posted is not None
        journal = case.posted.refund_journal
        assert journal is not None
        plan = case.plan
        if heard:
            told = RefundReturned(case=plan.case, account=MAIN, attempt=1, amount_pence=plan.refund_pence, reason="B", journal=journal)
            self.do(note_return, told)
            case.returned = True
        asked = ReverseRefund(case=plan.case, attempt=1, journal=journal, reason="B")
        answers = self.at_once([self.work(reverse_refund, asked) for _ in range(2)])
        if self.model.may_be_reversed(journal) and not case.returned:
            assert [type(answer) for answer in answers] == [NotHeardYet] * 2
            return
        assert not isinstance(answers[0], BaseException)
        assert answers[0] == answers[1]
        if self.model.may_be_reversed(journal):
            self.model.mirror(journal, answers[0].journal, self.today)
            self.done["returns"] += 1

    # --- what is looked at -----------------------------------------------------------------------------------------------------------

    @invariant()
    def credit_is_as_the_model_says(self) -> None:
        if not hasattr(self, "runtime"):
            return
        facts, model = self.do(account_for_refund, AccountForRefund(account=MAIN)), self.model
        found = (facts.balance_pence, facts.uncleared_pence, facts.held_by_others_pence, facts.cleared_credit_pence)
        assert found == (model.balance(MAIN), model.uncleared(MAIN, self.today), model.earmarked(MAIN), model.free(MAIN, self.today))

    def teardown(self) -> None:
        if not hasattr(self, "runtime"):
            return
        try:
            for account in (MAIN, NEIGHBOUR, RECHARGE, FTA):
                days = self.model.days(account)
                for day in sorted(days | {day - timedelta(days=1) for day in days}):
                    page = self.do(account_page, AccountPageAsked(account=account, as_at=day, limit=1))
                    wanted = (self.model.balance(account, day), self.model.free_as_at(account, day))
                    assert (page.balance_pence, page.cleared_credit_pence) == wanted, (account, day)
                    self.done["balances as at a date"] += 1
            assert self.now(self.broken_promises()) == []
        finally:
            self.now(self.stack.aclose())

    async def broken_promises(self) -> list[str]:
        """What `./rentbook check` says of the ledger's own rows."""
        dsn = self.runtime.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(dsn)
        try:
            books = Books({"ledger": connection}, Places({}))
            found = [await promise.look(books) for promise in promises.PROMISES]
            return [place for finding in found for place in finding.broken]
        finally:
            await connection.close()

    # --- how the ledger is driven ----------------------------------------------------------------------------------------------------

    def work(self, use_case: Callable[[Transaction, Any], Awaitable[Out]], message: Any, caller: Caller = SYSTEM) -> Awaitable[Out]:
        """A use case in a transaction of its own, at the machine's own time."""

        async def dated(tx: Transaction) -> Out:
            tx.now = self.clock
            return await use_case(tx, message)

        return run(self.runtime, dated, caller=caller)

    def do(self, use_case: Callable[[Transaction, Any], Awaitable[Out]], message: Any, caller: Caller = SYSTEM) -> Out:
        async def once() -> Out:
            return await self.work(use_case, message, caller)

        return self.now(once())

    def at_once(self, works: Sequence[Awaitable[Out]]) -> list[Out | BaseException]:
        """All of them; a broken rule is an answer, anything else a failure."""

        async def gathered() -> list[Out | BaseException]:
            return list(await asyncio.gather(*works, return_exceptions=True))

        answers = self.now(gathered())
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BrokenRule | NotHeardYet):
                raise answer
        return answers

    def versions(self) -> dict[UUID, int]:
        async def read() -> dict[UUID, int]:
            async with self.runtime.engine.connect() as connection:
                return {row.id: row.version for row in await connection.execute(sa.text("SELECT id, version FROM account"))}

        return self.now(read())

    async def column(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.engine.connect() as connection:
            return list(await connection.scalars(sa.text(sql), values))

    def now(self, work: Coroutine[Any, Any, Out]) -> Out:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)


def _file(reference: str, method: str, pence: int, day: date, *, reversal: bool, number: int) -> BankFile:
    """A bank file of one line, as it is after it was read."""
    line = Receipt(
        line=1, source="collection", method=method, amount_pence=pence, effective_date=day, pending=False, reversal=reversal,
        entry_reference=f"E{number}", reference=reference, candidates=(reference,), narrative="", payer_name="", payer_account="",
        entry=EntryKey(f"E{number}", None, pence),
    )  # fmt: skip
    sha256 = hashlib.sha256(f"{number} {line}".encode()).hexdigest()
    return BankFile("allpay", 100, sha256, sha256, (), (line,), (), 0)


def _plan(refund: int, debts: Sequence[tuple[UUID, int]]) -> RefundPlan:
    offsets = tuple(Offset(account=account, amount_pence=pence) for account, pence in debts)
    return RefundPlan(case=uuid4(), attempt=1, account=MAIN, refund_pence=refund, offsets=offsets, payee=uuid4(), checks_hash="x")


def _made(case: Case) -> DecisionMade:
    return DecisionMade(
        case=case.plan.case, kind=TaskKind.REFUND, decision=case.decision, task=uuid4(), attempt=1, round=1, stage=1,
        content_hash=case.plan.content_hash, answer=Answer.APPROVED, completes=True,
    )  # fmt: skip


def _released(case: Case) -> PaymentRunReleased:
    plan = case.plan
    line = ReleasedLine(case=plan.case, attempt=1, content_hash=plan.content_hash, amount_pence=plan.refund_pence)
    return PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=plan.refund_pence, released_at=datetime.now(UTC))


@pytest.mark.timeout(7200)
async def test_the_ledger_agrees_with_the_model_whatever_happens_and_at_every_date(
    postgres: Postgres, tmp_path: Path, played: "Counter[str]"
) -> None:
    (tmp_path / "service_token").write_text("token-of-the-services", encoding="utf-8")

    async def open_ledger(stack: AsyncExitStack) -> Runtime:
        database = await postgres.new_database("ledger")
        chosen = LedgerSettings(
            database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=tmp_path
        )
        runtime = await stack.enter_async_context(make_runtime("ledger", chosen))
        await opened(runtime, HOUSEHOLD)
        return runtime

    done: Counter[str] = Counter()
    given = {"loop": asyncio.get_running_loop(), "open_ledger": staticmethod(open_ledger), "done": done}
    wanted = {
        "receipts", "reversals", "earmarks", "refunds", "returns", "other contents", "reversals at once",
        "more earmarked at once than is free", "refunds at once",
    }  # fmt: skip

    async def missing() -> set[str]:
        return (wanted - (+done).keys()) | (set() if done["balances as at a date"] > 100 else {"balances as at a date"})

    await play_until(Keeping, given, missing, played, courses=EXAMPLES, steps=STEPS)
    played.update({f"model of the ledger: {what}": times for what, times in done.items()})
