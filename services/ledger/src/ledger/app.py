"""All that the ledger hears, offers, answers and accepts."""

from datetime import timedelta

from chassis.serving import Accept, Answer, App, Every, Offer, Subscription
from rentbook_contracts.approvals import DecisionMade, DecisionNotCarriedOut, DecisionRecalled, PaymentRunReleased, WriteOffDecided
from rentbook_contracts.ledger import (
    ACCOUNT_FOR_REFUND,
    ACCOUNT_LABELS,
    ACCOUNT_PAGE,
    ACTORS_BEHIND,
    AGREE_PAYMENT_PLAN,
    BANK_FILE_PAGE,
    BANK_FILES,
    CHECK_PROVISION_POLICY,
    CLEAR_SUSPENSE,
    CREDITS,
    DEBIT_WEEK,
    DEBTS_FOR_WRITE_OFF,
    DECIDED_JOURNALS,
    DROPPED_LINES,
    END_PAYMENT_PLAN,
    END_TENANCY,
    EXACT_SUGGESTIONS,
    EXPLAIN_BALANCE,
    FIND_DEBTS,
    LAST_COMMANDS,
    LIFT_HOLD_OF_CASE,
    MATCH_RETURN,
    NOTE_DEATH,
    NOTE_LETTER_ADDRESS,
    PLACE_HOLD,
    POST_PROVISION,
    POST_REFUND,
    POST_WRITE_OFF,
    PROPOSE_PROVISION_POLICY,
    PROVISION,
    PROVISION_POLICIES,
    PUT_BACK_CREDIT,
    RELEASE_HOLD,
    RETURN_PAGE,
    REVERSE_JOURNAL,
    REVERSE_REFUND,
    SEARCH_ACCOUNTS,
    SET_ACCOUNT_HOLD,
    SET_HOUSING_BENEFIT_CLAIM,
    SPLIT_SUSPENSE,
    SUSPENSE,
    UNMATCH_RETURN,
)
from rentbook_contracts.people import EVERY_ROLE, READS_ACCOUNTS, REVIEWS_ACCESS
from rentbook_contracts.refunds import RefundClosed, RefundRequested, RefundReturned

from ledger.queries.account_page import account_page
from ledger.queries.bank_files import bank_file_page, bank_files
from ledger.queries.credits import credits_of
from ledger.queries.debts import actors_behind, debts_for_write_off, find_debts
from ledger.queries.decided import decided_journals, dropped_lines
from ledger.queries.explain import explain_balance
from ledger.queries.labels import account_labels, search_accounts
from ledger.queries.last_commands import last_changes
from ledger.queries.provision import provision, provision_policies
from ledger.queries.refund_facts import account_for_refund
from ledger.queries.returned import return_page
from ledger.queries.suspense import exact_suggestions, suspense
from ledger.settings import LedgerSettings
from ledger.use_cases.agree_payment_plan import agree_payment_plan
from ledger.use_cases.check_provision_policy import check_provision_policy
from ledger.use_cases.clear_suspense import clear_suspense
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.end_payment_plan import end_payment_plan
from ledger.use_cases.end_tenancy import end_tenancy
from ledger.use_cases.lift_hold_of_case import lift_hold_of_case
from ledger.use_cases.lift_past_holds import lift_past_holds
from ledger.use_cases.match_return import match_return
from ledger.use_cases.note_close import note_close
from ledger.use_cases.note_death import note_death
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_letter_address import note_letter_address
from ledger.use_cases.note_not_carried_out import note_not_carried_out
from ledger.use_cases.note_recall import note_recall
from ledger.use_cases.note_release import note_release
from ledger.use_cases.note_request import note_request
from ledger.use_cases.note_return import note_return
from ledger.use_cases.note_write_off_decision import note_write_off_decision
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_provision import post_provision
from ledger.use_cases.post_refund import post_refund
from ledger.use_cases.post_write_off import post_write_off
from ledger.use_cases.propose_provision_policy import propose_provision_policy
from ledger.use_cases.put_back_credit import put_back_credit
from ledger.use_cases.release_hold import release_hold
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.reverse_refund import reverse_refund
from ledger.use_cases.seal import sealing_into
from ledger.use_cases.set_account_hold import set_account_hold
from ledger.use_cases.set_housing_benefit_claim import set_housing_benefit_claim
from ledger.use_cases.split_suspense import split_suspense
from ledger.use_cases.unmatch_return import unmatch_return
from ledger.web import routes

LISTENS = (
    Subscription(DecisionMade, note_decision),
    Subscription(WriteOffDecided, note_write_off_decision),
    Subscription(DecisionRecalled, note_recall),
    Subscription(DecisionNotCarriedOut, note_not_carried_out),
    Subscription(PaymentRunReleased, note_release),
    Subscription(RefundReturned, note_return),
    Subscription(RefundRequested, note_request),
    Subscription(RefundClosed, note_close),
)
OFFERS = (
    Offer(PUT_BACK_CREDIT, put_back_credit),
    Offer(PLACE_HOLD, place_hold),
    Offer(RELEASE_HOLD, release_hold),
    Offer(POST_REFUND, post_refund),
    Offer(POST_WRITE_OFF, post_write_off),
    Offer(REVERSE_REFUND, reverse_refund),
)
ANSWERS = (
    Answer(ACCOUNT_FOR_REFUND, account_for_refund, READS_ACCOUNTS),
    Answer(CREDITS, credits_of, READS_ACCOUNTS),
    Answer(ACCOUNT_LABELS, account_labels, EVERY_ROLE),
    Answer(DECIDED_JOURNALS, decided_journals, READS_ACCOUNTS),
    Answer(DROPPED_LINES, dropped_lines, READS_ACCOUNTS),
    Answer(SEARCH_ACCOUNTS, search_accounts, READS_ACCOUNTS),
    Answer(ACCOUNT_PAGE, account_page, READS_ACCOUNTS),
    Answer(EXPLAIN_BALANCE, explain_balance, READS_ACCOUNTS),
    Answer(DEBTS_FOR_WRITE_OFF, debts_for_write_off, EVERY_ROLE),
    Answer(FIND_DEBTS, find_debts, READS_ACCOUNTS),
    Answer(ACTORS_BEHIND, actors_behind, EVERY_ROLE),
    Answer(PROVISION, provision, EVERY_ROLE),
    Answer(PROVISION_POLICIES, provision_policies, EVERY_ROLE),
    Answer(BANK_FILE_PAGE, bank_file_page, READS_ACCOUNTS),
    Answer(BANK_FILES, bank_files, READS_ACCOUNTS),
    Answer(SUSPENSE, suspense, READS_ACCOUNTS),
    Answer(EXACT_SUGGESTIONS, exact_suggestions, READS_ACCOUNTS),
    Answer(RETURN_PAGE, return_page, READS_ACCOUNTS),
    Answer(LAST_COMMANDS, last_changes, REVIEWS_ACCESS),
)
ACCEPTS = (
    Accept(DEBIT_WEEK, debit_week),
    Accept(REVERSE_JOURNAL, reverse_journal),
    Accept(SET_ACCOUNT_HOLD, set_account_hold),
    Accept(SET_HOUSING_BENEFIT_CLAIM, set_housing_benefit_claim),
    Accept(AGREE_PAYMENT_PLAN, agree_payment_plan),
    Accept(END_PAYMENT_PLAN, end_payment_plan),
    Accept(END_TENANCY, end_tenancy),
    Accept(LIFT_HOLD_OF_CASE, lift_hold_of_case),
    Accept(NOTE_LETTER_ADDRESS, note_letter_address),
    Accept(NOTE_DEATH, note_death),
    Accept(POST_PROVISION, post_provision),
    Accept(PROPOSE_PROVISION_POLICY, propose_provision_policy),
    Accept(CHECK_PROVISION_POLICY, check_provision_policy),
    Accept(CLEAR_SUSPENSE, clear_suspense),
    Accept(SPLIT_SUSPENSE, split_suspense),
    Accept(MATCH_RETURN, match_return),
    Accept(UNMATCH_RETURN, unmatch_return),
)


def make_app(settings: LedgerSettings) -> App:
    """The ledger, whole."""
    return App(
        name="ledger",
        listens=LISTENS,
        offers=OFFERS,
        answers=ANSWERS,
        accepts=ACCEPTS,
        every=(
            Every(timedelta(seconds=settings.seal_seconds), sealing_into(settings.anchor_dir)),
            Every(timedelta(minutes=1), lift_past_holds),
        ),
        routes=routes,
    )
