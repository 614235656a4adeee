"""All that refunds hears, offers, answers and accepts."""

from datetime import timedelta

from chassis.last_commands import last_commands
from chassis.serving import Accept, Answer, App, Every, Offer, Stories, Subscription
from rentbook_contracts import ledger
from rentbook_contracts.approvals import PaymentRunReleased
from rentbook_contracts.people import EVERY_ROLE, READS_ACCOUNTS, REVIEWS_ACCESS
from rentbook_contracts.refunds import (
    ADD_EVIDENCE,
    ASK_FATE,
    ASKED_IN_VAIN,
    AWAIT_EVIDENCE,
    BUILD_FILE,
    CASE_GLANCES,
    CASE_PAGE,
    CASES,
    CHANGE_PAYEE,
    CLOSE_CASE,
    DEQUEUE_PAYMENT,
    LAST_COMMANDS,
    LINE_POSTED,
    LOOK_AGAIN,
    NOTE_PROGRESS,
    PLAN_REFUND,
    PLAN_TO_DECIDE,
    QUEUE_PAYMENT,
    READ_ATTEMPT,
    READ_CASE,
    READY_PAYMENTS,
    RECHECK,
    REFUND_POLICIES,
    REQUEST_REFUND,
    RESUBMIT,
    RUN_CHECK,
    RUN_PAGE,
    RUNS,
    SETTLE_RUN,
    SUBMIT_FILE,
    WITHDRAW_CASE,
)

from refunds import queries, web
from refunds.domain.means import Means
from refunds.settings import RefundsSettings
from refunds.use_cases import stories
from refunds.use_cases.add_evidence import add_evidence
from refunds.use_cases.ask_fate import ask_fate
from refunds.use_cases.await_evidence import await_evidence
from refunds.use_cases.build_file import build_file
from refunds.use_cases.change_payee import change_payee
from refunds.use_cases.close_case import close_case
from refunds.use_cases.close_spent_review import close_spent_review, look_ahead_of_spending
from refunds.use_cases.dequeue_payment import dequeue_payment
from refunds.use_cases.given import given
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.look_again import look_again
from refunds.use_cases.look_at_due_credit import look_at_due_credit
from refunds.use_cases.look_at_undone import look_ahead_of_undone, look_at_undone
from refunds.use_cases.move import move
from refunds.use_cases.note_progress import note_progress
from refunds.use_cases.note_release import note_release
from refunds.use_cases.open_case import open_case
from refunds.use_cases.open_review import look_ahead_of_credit, open_review
from refunds.use_cases.plan import plan
from refunds.use_cases.plan_to_decide import asked_in_vain, plan_to_decide
from refunds.use_cases.queue_payment import queue_payment
from refunds.use_cases.read_attempt import read_attempt
from refunds.use_cases.read_case import read_case
from refunds.use_cases.recheck import recheck
from refunds.use_cases.record_bank_reports import record_bank_reports
from refunds.use_cases.resubmit import resubmit
from refunds.use_cases.return_payments import return_payments
from refunds.use_cases.run_check import run_check
from refunds.use_cases.seal_files import seal_files
from refunds.use_cases.settle_run import settle_run
from refunds.use_cases.submit_file import submit_file
from refunds.use_cases.withdraw import withdraw

LISTENS = (
    Subscription(ledger.AccountOpened, move),
    Subscription(ledger.ChargePosted, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.TransferPosted, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.RefundPosted, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.DebtWrittenOff, move),
    Subscription(ledger.DebtReinstated, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.CreditWrittenOn, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.CreditHeld, close_spent_review, ahead=look_ahead_of_spending),
    Subscription(ledger.CreditFreed, move),
    Subscription(ledger.AccountHoldChanged, move),
    Subscription(ledger.LetterAddressChanged, move),
    Subscription(ledger.DeathChanged, move),
    Subscription(PaymentRunReleased, note_release),
)


def make_app(settings: RefundsSettings) -> App:
    """Errors: UnusableKeyRing: without the payees' keys the service refuses to start."""
    return wired(settings.means(), settings)


def wired(means: Means, settings: RefundsSettings) -> App:
    return App(
        name="refunds",
        listens=(
            Subscription(ledger.ReceiptPosted, given(means, open_review), ahead=look_ahead_of_credit),
            Subscription(ledger.TenancyEnded, given(means, open_review), ahead=look_ahead_of_credit),
            Subscription(ledger.JournalReversed, given(means, look_at_undone), ahead=look_ahead_of_undone),
            *LISTENS,
        ),
        offers=(
            Offer(RUN_CHECK, given(means, run_check)),
            Offer(PLAN_REFUND, given(means, plan)),
            Offer(AWAIT_EVIDENCE, given(means, await_evidence)),
            Offer(LOOK_AGAIN, given(means, look_again)),
            Offer(RECHECK, given(means, recheck)),
            Offer(NOTE_PROGRESS, note_progress),
            Offer(QUEUE_PAYMENT, queue_payment),
            Offer(DEQUEUE_PAYMENT, dequeue_payment),
            Offer(LINE_POSTED, line_posted),
            Offer(READ_ATTEMPT, read_attempt),
            Offer(READ_CASE, read_case, remember=False),
            Offer(CLOSE_CASE, close_case),
            Offer(BUILD_FILE, given(means, build_file)),
            Offer(SUBMIT_FILE, given(means, submit_file)),
            Offer(ASK_FATE, given(means, ask_fate)),
            Offer(SETTLE_RUN, given(means, settle_run)),
        ),
        answers=(
            Answer(CASE_PAGE, given(means, queries.case_page), READS_ACCOUNTS),
            Answer(PLAN_TO_DECIDE, plan_to_decide, READS_ACCOUNTS),
            Answer(ASKED_IN_VAIN, asked_in_vain, EVERY_ROLE),
            Answer(CASES, queries.cases, READS_ACCOUNTS),
            Answer(REFUND_POLICIES, queries.refund_policies, EVERY_ROLE),
            Answer(CASE_GLANCES, queries.case_glances, READS_ACCOUNTS),
            Answer(READY_PAYMENTS, given(means, queries.ready_payments), READS_ACCOUNTS),
            Answer(RUN_PAGE, queries.run_page, READS_ACCOUNTS),
            Answer(RUNS, queries.runs, READS_ACCOUNTS),
            Answer(LAST_COMMANDS, last_commands, REVIEWS_ACCESS),
        ),
        accepts=(
            Accept(REQUEST_REFUND, given(means, open_case)),
            Accept(ADD_EVIDENCE, given(means, add_evidence)),
            Accept(CHANGE_PAYEE, given(means, change_payee)),
            Accept(RESUBMIT, resubmit),
            Accept(WITHDRAW_CASE, withdraw),
        ),
        every=(
            Every(settings.report_period(), given(means, record_bank_reports)),
            Every(settings.report_period(), given(means, return_payments)),
            Every(timedelta(minutes=1), given(means, look_at_due_credit)),
            Every(timedelta(hours=1), given(means, seal_files)),
        ),
        routes=web.routes(means),
        stories=Stories(stories.needed, stories.take_up, stories.without, stories.in_vain),
    )
