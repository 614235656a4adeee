"""All that writeoffs hears, offers, answers and accepts."""

from chassis.last_commands import last_commands
from chassis.serving import Accept, Answer, App, Offer, Stories, Subscription
from rentbook_contracts import ledger
from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.notices import LetterSent
from rentbook_contracts.people import EVERY_ROLE, READS_ACCOUNTS, REVIEWS_ACCESS
from rentbook_contracts.writeoffs import (
    ADD_PROOF,
    ANSWER_SCHEDULE,
    ASSESS_PROPOSAL,
    BEGIN_ROUND,
    BULK_DRY_RUN,
    CHECK_EVIDENCE_POLICY,
    CLOSE_SCHEDULE,
    DRY_RUN,
    EVIDENCE_POLICIES,
    LAST_COMMANDS,
    LINES_HANDED_OUT,
    MAKE_SCHEDULE,
    NOTE_SCHEDULE,
    PROPOSAL_PAGE,
    PROPOSALS,
    PROPOSE,
    PROPOSE_EVIDENCE_POLICY,
    PROPOSE_IN_BULK,
    READ_SCHEDULE,
    RECONSIDER_PROPOSAL,
    REMIND_OF_PROPOSAL,
    SCHEDULE_PAGE,
    SCHEDULE_TO_DECIDE,
    SCHEDULES,
    SETTLE_LINES,
    STRIKE_PROOF,
    TAKE_LINES,
    TAKE_OFF_SCHEDULE,
    WITHDRAW_PROPOSAL,
    WITHDRAW_SCHEDULE,
    WRITE_OFF_POLICIES,
    WRITE_OFF_REGISTER,
    WRITE_OFF_TOTALS,
)

from writeoffs import queries
from writeoffs.settings import WriteOffsSettings
from writeoffs.use_cases import stories
from writeoffs.use_cases.assess import assess_proposal, remind_of_proposal
from writeoffs.use_cases.change_proposal import add_proof, reconsider_proposal, strike_proof, withdraw_proposal
from writeoffs.use_cases.check_policy import check_policy
from writeoffs.use_cases.look import bulk_dry_run, dry_run, proposal_page
from writeoffs.use_cases.move import come_back, end, live, look_ahead_of_moves, move, receive
from writeoffs.use_cases.note_contact import look_ahead_of_contacts, note_contact
from writeoffs.use_cases.note_letter import look_ahead_of_letters, note_letter
from writeoffs.use_cases.propose import propose, propose_in_bulk
from writeoffs.use_cases.propose_policy import propose_policy
from writeoffs.use_cases.rounds import begin_round, close_schedule, note_schedule, read_schedule, settle_lines, take_lines
from writeoffs.use_cases.schedules import answer_schedule, make_schedule, take_off_schedule, withdraw_schedule

LISTENS = (
    Subscription(ledger.ReceiptPosted, receive, ahead=look_ahead_of_moves),
    Subscription(ledger.ChargePosted, move, ahead=look_ahead_of_moves),
    Subscription(ledger.TransferPosted, move, ahead=look_ahead_of_moves),
    Subscription(ledger.RefundPosted, move, ahead=look_ahead_of_moves),
    Subscription(ledger.JournalReversed, come_back, ahead=look_ahead_of_moves),
    Subscription(ledger.DebtWrittenOff, move, ahead=look_ahead_of_moves),
    Subscription(ledger.DebtReinstated, move, ahead=look_ahead_of_moves),
    Subscription(ledger.CreditWrittenOn, move, ahead=look_ahead_of_moves),
    Subscription(ledger.CreditAskedFor, move, ahead=look_ahead_of_moves),
    Subscription(ledger.AccountHoldChanged, move, ahead=look_ahead_of_moves),
    Subscription(ledger.HousingBenefitClaimChanged, move, ahead=look_ahead_of_moves),
    Subscription(ledger.DeathChanged, live, ahead=look_ahead_of_moves),
    Subscription(ledger.TenancyEnded, end, ahead=look_ahead_of_moves),
    Subscription(ledger.PaymentPlanChanged, move, ahead=look_ahead_of_moves),
    Subscription(ledger.LetterAddressChanged, move, ahead=look_ahead_of_moves),
    Subscription(LetterSent, note_letter, ahead=look_ahead_of_letters),
    Subscription(TenantContacted, note_contact, ahead=look_ahead_of_contacts),
)
OFFERS = (
    # A story that goes on in a run of its own counts its steps anew, so that no answer may be remembered under their numbers.
    Offer(ASSESS_PROPOSAL, assess_proposal, remember=False),
    Offer(REMIND_OF_PROPOSAL, remind_of_proposal, remember=False),
    Offer(BEGIN_ROUND, begin_round),
    Offer(NOTE_SCHEDULE, note_schedule),
    Offer(READ_SCHEDULE, read_schedule, remember=False),
    Offer(TAKE_LINES, take_lines),
    Offer(SETTLE_LINES, settle_lines),
    Offer(CLOSE_SCHEDULE, close_schedule),
)
ANSWERS = (
    Answer(SCHEDULE_TO_DECIDE, queries.schedule_to_decide, EVERY_ROLE),
    Answer(LINES_HANDED_OUT, queries.lines_handed_out, READS_ACCOUNTS),
    Answer(PROPOSAL_PAGE, proposal_page, EVERY_ROLE),
    Answer(PROPOSALS, queries.proposals, READS_ACCOUNTS),
    Answer(BULK_DRY_RUN, bulk_dry_run, READS_ACCOUNTS),
    Answer(DRY_RUN, dry_run, READS_ACCOUNTS),
    Answer(SCHEDULE_PAGE, queries.schedule_page, EVERY_ROLE),
    Answer(SCHEDULES, queries.schedules, EVERY_ROLE),
    Answer(WRITE_OFF_REGISTER, queries.write_off_register, READS_ACCOUNTS),
    Answer(WRITE_OFF_TOTALS, queries.write_off_totals, EVERY_ROLE),
    Answer(WRITE_OFF_POLICIES, queries.write_off_policies, EVERY_ROLE),
    Answer(EVIDENCE_POLICIES, queries.evidence_policies, EVERY_ROLE),
    Answer(LAST_COMMANDS, last_commands, REVIEWS_ACCESS),
)
ACCEPTS = (
    Accept(PROPOSE, propose),
    Accept(PROPOSE_IN_BULK, propose_in_bulk),
    Accept(ADD_PROOF, add_proof),
    Accept(STRIKE_PROOF, strike_proof),
    Accept(RECONSIDER_PROPOSAL, reconsider_proposal),
    Accept(WITHDRAW_PROPOSAL, withdraw_proposal),
    Accept(MAKE_SCHEDULE, make_schedule),
    Accept(TAKE_OFF_SCHEDULE, take_off_schedule),
    Accept(ANSWER_SCHEDULE, answer_schedule),
    Accept(WITHDRAW_SCHEDULE, withdraw_schedule),
    Accept(PROPOSE_EVIDENCE_POLICY, propose_policy),
    Accept(CHECK_EVIDENCE_POLICY, check_policy),
)


def make_app(_: WriteOffsSettings) -> App:
    """Writeoffs, whole."""
    stories_of_rows = Stories(stories.needed, stories.take_up, in_vain=stories.in_vain)
    return App(name="writeoffs", listens=LISTENS, offers=OFFERS, answers=ANSWERS, accepts=ACCEPTS, stories=stories_of_rows)
