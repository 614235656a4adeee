"""The ten checks of a refund (domain.md 4). Each looks at facts, policy and the day, and says PASS, FAIL or REFER and why.

REFER waits for a document or an answer; FAIL stops the plan until the facts themselves change. Evidence is plain sentences without
names, addresses or bank details.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import AccountHold, CreditSource, RefundFacts, TenancyFacts
from rentbook_contracts.refunds import CheckOutcome, EvidenceKind
from rentbook_contracts.words import counted

from refunds.domain.bacs_text import NameHasNoBacsForm, bacs_name
from refunds.domain.covered import Ground, void_because
from refunds.domain.evidence import ABOUT_DEBTS, SPEAKS_AGAINST
from refunds.domain.facts import CaseFacts, Confirmation, Evidence, PayeeFacts
from refunds.domain.modulus import ModulusAnswer
from refunds.domain.plan import PassedOver, Plan, floor, minimum_refund, notices_run_until, plan_refund, tenancy_has_ended
from refunds.domain.policy import RefundPolicy

PASS, FAIL, REFER = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.REFER

TITLES = {
    1: "Cleared credit",
    2: "Source of the credit",
    3: "Floor and minimum value",
    4: "Other debts",
    5: "Tenancy",
    6: "Payee",
    7: "Bank details",
    8: "Duplicates and conflicts",
    9: "Authority and separation of duties",
    10: "Later events",
}
BANK_CHECK = 7
ABOUT_THE_PAYEE = (6, BANK_CHECK, 8)
# An approval stands by check 10's comparison of what 1 to 4 look at, and while these still pass: nobody relies on them past their day
# (docs/decisions/0025).
MUST_STILL_PASS = (5, 6, BANK_CHECK, 8)
RUN_AGAIN_BEFORE_RELEASE = (1, 2, 3, 4, *MUST_STILL_PASS)
CONFIRMATION_EXPIRED = "confirmation-expired"

# Money that somebody else may have a claim on until they have answered (domain.md 4, check 2).
ANSWERED_BY = {
    CreditSource.HOUSING_BENEFIT: "Housing Benefit",
    CreditSource.UC_MANAGED: "Universal Credit paid to the landlord",
    CreditSource.DWP_DEDUCTION: "a deduction from benefit by DWP",
    CreditSource.HOUSING_PAYMENT: "a housing payment from the council's fund",
}
SETTLED = "settled-by-evidence"
ASKED_FOR_MORE = "asked-for-more"
# Passes that leave nothing open: no doubt that evidence had to settle, no debt, no more asked for than may leave.
NOTHING_FOUND = frozenset({"own-money", "above-the-floor", "no-other-debt", "current-tenancy", "tenancy-end-finished"}) | frozenset(
    {"cleared-credit", "tenant-is-payee", "name-matches", "no-duplicate", "participants-listed", "not-approved-yet", "approval-stands"}
)
# Doubts that a no of any kind answers. Evidence that names none of them when it says no is about the check itself.
ANSWERED_WITH_NO = frozenset(
    {"benefit-money", "trustee-may-own-it", "account-in-question", "written-off-debt", "not-asked-for", "keys-not-in", "final-charges-open"}
    | {"not-inspected", "no-forwarding-address", "estate", "authority-of-third-party", "card-money-back-to-card", "payment-came-back"}
    | {"call-back-needed", "name-is-close", "confirmation-unavailable", "staff-conflict", "same-amount-lately", "same-details-elsewhere"}
)
NOTICE_IN_VAIN = "notice-speaks-against"
# They answer their own question and no other.
OWN_QUESTION = frozenset({*ABOUT_DEBTS, EvidenceKind.JOINT_CONSENT})
CARD_METHODS = {"RCP"}
DIRECT_DEBIT = "RDD"
# How money came, by its code of domain.md 2.1.
BY_METHOD = {
    DIRECT_DEBIT: "by Direct Debit",
    "RSO": "by standing order",
    "RCP": "by card",
    "RPY": "at PayPoint or the Post Office",
    "RBR": "at the Post Office",
    "RCO": "in cash at the office",
    "RQP": "by cheque",
    "RPO": "by postal order",
    "RBP": "by bank payment",
    "RDS": "from wages",
}
PASSED_OVER_WORDS = {
    PassedOver.NOT_IN_THE_RECOVERY_ORDER: "policy does not offset this kind of debt",
    PassedOver.OTHER_PEOPLE: "it is owed by other people",
    PassedOver.DISPUTED: "it is disputed",
    PassedOver.BREATHING_SPACE: "it is in a Breathing Space",
    PassedOver.STATUTE_BARRED: "it is statute-barred",
    PassedOver.LIMITATION_UNKNOWN: (
        "it is so old that it may be statute-barred, and for this kind of debt no day is computed: ask legal services"
    ),
    PassedOver.OPTED_OUT: "the tenant has opted out",
    PassedOver.NEEDS_EVERY_SIGNATURE: "the credit is joint and not everyone has signed",
    PassedOver.NOT_ANSWERED: "the tenant has not answered yet",
}


@dataclass(frozen=True)
class CheckResult:
    """What a check found. `expires_on`: the last day on which it may be relied on; None does not expire."""

    number: int
    outcome: CheckOutcome
    reason_code: str
    evidence: tuple[str, ...]
    source: str
    expires_on: date | None

    @property
    def title(self) -> str:
        return TITLES[self.number]


@dataclass(frozen=True)
class Doubt:
    """Something that a document or an answer must settle. `kinds`: the kinds of evidence that may; None lets any. What evidence may settle
    stands in ANSWERED_WITH_NO. `refused`: one has said no already.
    """

    code: str
    words: str
    kinds: frozenset[str] | None = None
    not_before: date = date.min
    refused: bool = False


Check = Callable[[CaseFacts, RefundPolicy, date], CheckResult]


def run_check(number: int, facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Run one check by its number, 1 to 10, on a Europe/London day, before anything is approved."""
    return _with_what_speaks_against(CHECKS[number](facts, policy, today), facts)


def run_again(facts: CaseFacts, policy: RefundPolicy, today: date, approved: Ground) -> tuple[tuple[CheckResult, ...], str | None]:
    """The checks of an approved plan found anew, and why it is void, in words without personal data; None while it stands."""
    facts = replace(facts, approved_pence=approved.refund_pence)
    found = tuple(run_check(number, facts, policy, today) for number in RUN_AGAIN_BEFORE_RELEASE)
    failing = (_no_longer_passes(result) for result in found if result.number in MUST_STILL_PASS and result.outcome is not PASS)
    because = void_because(approved, facts.ledger, facts.payee) or next(failing, None)
    return (*found, _later_events(because, facts, today)), because


def _no_longer_passes(result: CheckResult) -> str:
    if CONFIRMATION_EXPIRED in result.reason_code.split("+"):
        return "the bank's answer about the payee has run out, and the checks are run again"
    return f"check {result.number}, {result.title.lower()}, no longer passes, and the checks are run again"


def check_1(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Cleared credit as of today, without uncleared receipts and what other cases have earmarked."""
    ledger = facts.ledger
    figures = [
        f"{_balance_words(ledger.balance_pence)}; {pounds(ledger.cleared_credit_pence)} of credit is cleared and free.",
        f"Not counted: {pounds(ledger.uncleared_pence)} not cleared yet, {pounds(ledger.held_by_others_pence)} earmarked by other cases.",
    ]
    outcome, reason = (PASS, "cleared-credit") if ledger.cleared_credit_pence > 0 else (FAIL, "no-cleared-credit")
    return CheckResult(1, outcome, reason, tuple(figures), _ledger_source(facts), today)


def check_2(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Whose money it is: nothing moves until Benefits, DWP or a trustee has answered in writing."""
    if not facts.ledger.credits:
        return CheckResult(2, FAIL, "no-credit", ("There is no credit whose source could be told.",), _ledger_source(facts), today)
    claimed = [credit for credit in facts.ledger.credits if credit.source in ANSWERED_BY]
    doubts = []
    if claimed:
        words = "Nothing is paid, offset or returned until Benefits or DWP has answered in writing."
        doubts.append(Doubt("benefit-money", words, not_before=max(credit.effective_date for credit in claimed)))
    if AccountHold.INSOLVENCY in facts.ledger.account_holds or any(person.insolvent for person in facts.ledger.people):
        doubts.append(Doubt("trustee-may-own-it", "A person answerable for the account is insolvent: the credit may be the trustee's."))
    ombudsman = any(credit.source is CreditSource.OMBUDSMAN for credit in facts.ledger.credits)
    passes_as = "ombudsman-compensation-never-offset" if ombudsman else "own-money"
    return _concluded(2, facts, doubts, passes_as, _by_source(facts.ledger), _ledger_source(facts), today)


def check_3(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """The floor stays, set aside before any offset; what is above it must reach the minimum value."""
    kept, least = floor(facts.ledger, policy, today), minimum_refund(facts.ledger, policy, today)
    above = max(0, facts.ledger.cleared_credit_pence - kept)
    evidence: tuple[str, ...] = (
        _floor_words(facts, policy, today, kept),
        f"Above the floor: {pounds(above)}; the smallest refund is {pounds(least)}.",
    )
    if above == 0:
        outcome, reason = FAIL, "nothing-above-the-floor"
    elif above < least:
        outcome, reason = FAIL, "below-the-minimum-value"
    elif facts.wishes.requested_pence is not None and facts.wishes.requested_pence > above:
        asked = pounds(facts.wishes.requested_pence)
        evidence = (*evidence, f"{asked} was asked for, which is more than the {pounds(above)} that may leave the account.")
        outcome, reason = PASS, ASKED_FOR_MORE
    else:
        outcome, reason = PASS, "above-the-floor"
    return CheckResult(3, outcome, reason, evidence, f"policy {policy.version}", today)


def check_4(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Debts of the same people, by priority: each is offset or said why not."""
    plan = plan_refund(facts.ledger, facts.wishes, policy, today)
    taken = {offset.account: offset.amount_pence for offset in plan.offsets}
    passed = {debt.account: why for debt, why in plan.passed_over}
    evidence = []
    for debt in facts.ledger.debts:
        words = f"{debt.kind} {'of a former tenancy' if debt.former else 'current'}, {pounds(debt.amount_pence)}"
        treatment = (
            f"not offset, {PASSED_OVER_WORDS[passed[debt.account]]}"
            if debt.account in passed
            else f"offset {pounds(taken.get(debt.account, 0))}"
        )
        evidence.append(f"{words}: {treatment}.")
    if not evidence:
        evidence.append("No other debt of the same people.")
    doubts = []
    if {AccountHold.DISPUTE, AccountHold.LEGAL} & set(facts.ledger.account_holds):
        doubts.append(Doubt("account-in-question", "The account is in dispute or with legal services."))
    if facts.ledger.written_off_pence:
        off = pounds(facts.ledger.written_off_pence)
        words = f"{off} that the same people owed was written off and may be put back: who pays owes it again."
        doubts.append(Doubt("written-off-debt", words))
    in_vain = facts.wishes.noticed_in_vain.intersection(plan.unanswered)
    if in_vain:
        words = f"The notice on {counted(len(in_vain), 'debt')} speaks against the refund. Serve it again, or ask for an answer."
        doubts.append(Doubt(NOTICE_IN_VAIN, words, kinds=frozenset(), refused=True))
    if in_vain != set(plan.unanswered):
        doubts.append(Doubt("tenant-to-be-asked", _notice_words(plan, facts, policy), kinds=frozenset()))
    source = f"{_ledger_source(facts)}; policy {policy.version}"
    return _concluded(4, facts, doubts, "debts-settled" if facts.ledger.debts else "no-other-debt", evidence, source, today)


def check_5(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """A current tenant is paid on request; a tenancy that ended must be finished: keys, final charges, inspection, address."""
    expires, source = today + timedelta(days=policy.checks_valid_days), _ledger_source(facts)
    if tenancy_has_ended(facts.ledger, today):
        return _concluded(5, facts, _unfinished(facts.ledger.tenancy), "tenancy-end-finished", _ended_words(facts), source, expires)
    not_asked = Doubt("not-asked-for", "A current tenant is paid only on request, and nobody asked.")
    return _concluded(5, facts, [] if facts.wishes.asked_by else [not_asked], "current-tenancy", ["Current tenancy."], source, expires)


def _unfinished(tenancy: TenancyFacts) -> list[Doubt]:
    steps = (
        (tenancy.keys_returned_on is not None, Doubt("keys-not-in", "The keys are not in.")),
        (tenancy.final_charges_posted, Doubt("final-charges-open", "The final charges are not posted.")),
        (tenancy.recharge_inspected, Doubt("not-inspected", "The property was not inspected for recharges.")),
        (tenancy.forwarding_address_known, Doubt("no-forwarding-address", "No forwarding address is known.")),
    )
    return [doubt for done, doubt in steps if not done]


def check_6(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Who is paid: the tenant, all joint tenants, or somebody who has shown authority. Card receipts go back to the card."""
    expires = today + timedelta(days=policy.checks_valid_days)
    source = "payee as entered; " + _ledger_source(facts)
    payee = facts.payee
    if payee is None:
        return CheckResult(6, REFER, "no-payee", ("No payee has been entered.",), source, expires)
    doubts = _payee_doubts(facts, payee, policy, today)
    return _concluded(6, facts, doubts, "tenant-is-payee", [_paid_in_words(payee)], source, expires, payee=payee.payee)


def _payee_doubts(facts: CaseFacts, payee: PayeeFacts, policy: RefundPolicy, today: date) -> list[Doubt]:
    tenants = {person.person for person in facts.ledger.people}
    living = {person.person for person in facts.ledger.people if person.died_on is None}
    doubts = []
    if not living or AccountHold.DECEASED in facts.ledger.account_holds or payee.person in tenants - living:
        doubts.append(_estate(facts, policy, today))
    elif payee.person not in tenants:
        doubts.append(Doubt("authority-of-third-party", "The payee is not a tenant of this account: authority is needed."))
    if len(living) > 1 and not facts.wishes.joint_consent:
        doubts.append(Doubt("joint-consent", "The credit is joint, and not every joint tenant has signed.", kinds=frozenset()))
    if any(credit.method in CARD_METHODS for credit in facts.ledger.credits):
        doubts.append(Doubt("card-money-back-to-card", "Part of the credit was paid by card, and goes back to that card."))
    return doubts


def _estate(facts: CaseFacts, policy: RefundPolicy, today: date) -> Doubt:
    """A tenant has died: a grant of probate, or an indemnity for a small estate up to policy's limit."""
    limit = policy.small_estate_limit_pence
    small = _pays_out(facts, policy, today) <= limit
    kinds = {EvidenceKind.GRANT_OF_PROBATE} | ({EvidenceKind.SMALL_ESTATE_INDEMNITY} if small else set())
    words = f"A tenant has died: a grant of probate is needed, or an indemnity for a small estate up to {pounds(limit)}."
    return Doubt("estate", words, kinds=frozenset(kinds))


def check_7(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """The account could exist (modulus), belongs to the payee (Confirmation of Payee), and a change was called back."""
    payee = facts.payee
    source = "modulus table; Confirmation of Payee"
    if payee is None:
        return CheckResult(7, REFER, "no-payee", ("No bank details have been entered.",), source, today)
    expires = (payee.confirmed_on or today) + timedelta(days=policy.confirmation_valid_days)
    evidence = [f"Modulus check: {payee.modulus}.", f"Confirmation of Payee: {payee.confirmation or Confirmation.UNAVAILABLE}."]
    if payee.modulus is ModulusAnswer.INVALID:
        return CheckResult(7, FAIL, "account-cannot-exist", tuple(evidence), source, expires)
    if not _has_bacs_form(payee.name):
        evidence.append("The payee's name has no form in Latin letters: enter it as the bank account shows it.")
        return CheckResult(7, FAIL, "name-has-no-bacs-form", tuple(evidence), source, expires)
    if payee.confirmation is Confirmation.NO_MATCH:
        return CheckResult(7, FAIL, "name-does-not-match", tuple(evidence), source, expires)
    return _concluded(7, facts, _bank_doubts(payee, expires, today), "name-matches", evidence, source, expires, payee=payee.payee)


def _bank_doubts(payee: PayeeFacts, expires: date, today: date) -> list[Doubt]:
    doubts = []
    if payee.came_back_on is not None:
        words = f"The bank returned a payment to these details on {in_words(payee.came_back_on)}."
        doubts.append(Doubt("payment-came-back", words, not_before=payee.came_back_on))
    if payee.changed and not payee.called_back:
        doubts.append(Doubt("call-back-needed", "The details were changed, and the tenant was not called back."))
    if payee.confirmation is Confirmation.CLOSE:
        doubts.append(Doubt("name-is-close", "The bank holds a slightly different name."))
    elif payee.confirmation is not Confirmation.MATCH:
        doubts.append(Doubt("confirmation-unavailable", "The bank could not confirm the name."))
    if expires < today:
        doubts.append(Doubt(CONFIRMATION_EXPIRED, f"The bank's answer was good until {in_words(expires)}.", kinds=frozenset()))
    return doubts


def check_8(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Not paid before, not to an account that others are paid to, no fraud hold, nobody on the staff involved."""
    since = today - timedelta(days=policy.duplicate_window_days)
    refund = _pays_out(facts, policy, today)
    recent = [payment for payment in facts.earlier_payments if payment.on >= since]
    same_amount = [payment for payment in recent if refund > 0 and payment.amount_pence == refund]
    window = counted(policy.duplicate_window_days, "day")
    evidence = [
        f"Refunds of this account in the last {window}: {len(recent)}, of the same amount: {len(same_amount)}.",
        f"Other tenants paid to the same bank account: {facts.same_details_elsewhere}.",
    ]
    source = f"earlier cases; policy {policy.version}"
    if AccountHold.FRAUD in facts.ledger.account_holds:
        return CheckResult(8, FAIL, "fraud-hold", (*evidence, "The account is held for fraud."), source, today)
    doubts = []
    if facts.staff_conflict:
        doubts.append(Doubt("staff-conflict", "A connection with a member of staff is recorded."))
    if same_amount:
        doubts.append(Doubt("same-amount-lately", "The same amount was refunded lately: is this another credit?"))
    if facts.same_details_elsewhere:
        doubts.append(Doubt("same-details-elsewhere", "Another tenant is paid to the same bank account."))
    return _concluded(8, facts, doubts, "no-duplicate", evidence, source, today, payee=facts.payee.payee if facts.payee else None)


def check_9(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Who may not decide: whoever raised or edited the case, entered the payee, added evidence, or made an entry behind the credit."""
    barred = participants(facts)
    words = f"{_people(len(barred))} took part and may not decide. The band of authority is found from the amount."
    return CheckResult(9, PASS, "participants-listed", (words,), "case history; " + _ledger_source(facts), None)


def _pays_out(facts: CaseFacts, policy: RefundPolicy, today: date) -> int:
    """The refund in pence: as it was approved, whatever has come and gone since, or as it would be planned today."""
    if facts.approved_pence is not None:
        return facts.approved_pence
    return plan_refund(facts.ledger, facts.wishes, policy, today).refund_pence


def check_10(facts: CaseFacts, policy: RefundPolicy, today: date) -> CheckResult:
    """Whether an approval still stands after what has happened since: `run_again` says it of one that there is."""
    nothing_yet = ("Nothing is approved yet that a later event could void.",)
    return CheckResult(10, PASS, "not-approved-yet", nothing_yet, _ledger_source(facts), today)


def _later_events(because: str | None, facts: CaseFacts, today: date) -> CheckResult:
    source = _ledger_source(facts)
    if because is None:
        return CheckResult(10, PASS, "approval-stands", ("Nothing that the approval stood on has changed.",), source, today)
    return CheckResult(10, FAIL, "approval-void", (f"The approval is void: {because}.",), source, today)


CHECKS: dict[int, Check] = {
    1: check_1, 2: check_2, 3: check_3, 4: check_4, 5: check_5, 6: check_6, 7: check_7, 8: check_8, 9: check_9, 10: check_10,
}  # fmt: skip


def speaks_against(outcome: CheckOutcome, reason_code: str) -> bool:
    """Whether something that a check found may be a reason to decline, be it only settled by evidence or a debt that is paid first."""
    return outcome is not PASS or reason_code not in NOTHING_FOUND


def participants(facts: CaseFacts) -> frozenset[str]:
    """Staff subjects who may never decide the case (domain.md 4, check 9). The system is nobody."""
    people = {facts.taken_by, *facts.ledger.actors, *(evidence.by for evidence in facts.evidence)}
    if facts.payee:
        people.add(facts.payee.entered_by)
    return frozenset(people - {"system"})


def checks_hash(results: Iterable[CheckResult], facts: CaseFacts, policy: RefundPolicy) -> str:
    """SHA-256, in hexadecimal, of the checks as they are shown, with the payee's fingerprint, the documents and the policy's version.

    A plan carries it, so that a decision is bound to what its maker saw. The order of the results does not matter.
    """
    shown = {
        "checks": [[r.number, r.outcome, r.reason_code, list(r.evidence), r.source, r.expires_on] for r in sorted(results, key=_number)],
        "payee": [str(facts.payee.payee), facts.payee.fingerprint] if facts.payee else None,
        "documents": [item.document for item in facts.evidence if item.document],
        "policy": policy.version,
    }
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(result: CheckResult) -> int:
    return result.number


def lane(facts: CaseFacts, results: Iterable[CheckResult]) -> tuple[Lane, tuple[str, ...]]:
    """GREEN where the tenant asked, every check passes unaided, the money and the payee are the tenant's own and nothing is held."""
    doubts = [
        f"check {result.number}: {result.reason_code}"
        for result in results
        if result.outcome is not PASS or result.reason_code in (SETTLED, ASKED_FOR_MORE)
    ]
    if facts.wishes.asked_by is None:
        doubts.append("nobody asked for it")
    if any(credit.source is not CreditSource.TENANT for credit in facts.ledger.credits):
        doubts.append("not only the tenant's own money")
    if facts.payee is None or facts.payee.person is None or facts.payee.paid_in_from_it is False:
        doubts.append("the payee is not known from the receipts")
    elif facts.payee.paid_in_from_it is None:
        doubts.append("the bank's files do not say which account the credit came from")
    if facts.ledger.account_holds:
        doubts.append("the account has a hold")
    return (Lane.LOOK, tuple(doubts)) if doubts else (Lane.GREEN, ())


def differs(anew: CheckResult, outcome: str, reason_code: str) -> bool:
    """Whether a check answers otherwise than it did: amounts that its evidence tells may have moved without that."""
    return (anew.outcome, anew.reason_code) != (outcome, reason_code)


def _concluded(
    number: int,
    facts: CaseFacts,
    doubts: list[Doubt],
    passes_as: str,
    evidence: list[str],
    source: str,
    expires_on: date,
    *,
    payee: UUID | None = None,
) -> CheckResult:
    """PASS without doubts; REFER while one is open; FAIL once one was answered with no. Reason codes of several are joined by +."""
    assert all((doubt.code in ANSWERED_WITH_NO) == (doubt.kinds != frozenset()) for doubt in doubts), "a doubt that no list knows"
    answers = {doubt.code: _answer(number, doubt, facts, payee) for doubt in doubts}
    against = {code for code, answer in answers.items() if answer and not answer.settles}
    refused = [doubt.code for doubt in doubts if doubt.refused or doubt.code in against]
    unanswered = [code for code, answer in answers.items() if answer is None]
    given = [answer for answer in answers.values() if answer]
    words = (*evidence, *(doubt.words for doubt in doubts), *(f"Answered: {item.kind}, {in_words(item.received_on)}." for item in given))
    if refused:
        return CheckResult(number, FAIL, "+".join(refused), words, source, expires_on)
    if unanswered:
        return CheckResult(number, REFER, "+".join(unanswered), words, source, expires_on)
    return CheckResult(number, PASS, SETTLED if doubts else passes_as, words, source, expires_on)


def _answer(number: int, doubt: Doubt, facts: CaseFacts, payee: UUID | None) -> Evidence | None:
    """The latest evidence that speaks to a doubt: entered with that doubt in sight, for this payee, and not older than the money."""
    fitting = [
        item
        for item in facts.evidence
        if item.check == number
        and doubt.code in item.answers.split("+")
        and item.received_on >= doubt.not_before
        and (payee is None or item.payee == payee)
        and (doubt.kinds is None or item.kind in doubt.kinds or (bool(doubt.kinds) and not item.settles))
    ]
    return sorted(fitting, key=lambda item: item.received_on)[-1] if fitting else None


def _with_what_speaks_against(found: CheckResult, facts: CaseFacts) -> CheckResult:
    """FAIL while evidence that answers none of the check's doubts says no; once it was answered, the check passes by evidence at best."""
    ordered = sorted(facts.evidence, key=lambda item: item.received_on)
    against = [(item, ordered[place + 1 :]) for place, item in enumerate(ordered) if _is_about_the_check(item, found, facts)]
    if not against:
        return found
    standing = [item for item, newer in against if not any(_takes_back(later, item) for later in newer)]
    if standing:
        words = (f"Speaks against the refund: {item.kind}, {in_words(item.received_on)}." for item in standing)
        reasons = [found.reason_code] if found.outcome is FAIL else []
        return replace(found, outcome=FAIL, reason_code="+".join([*reasons, SPEAKS_AGAINST]), evidence=(*found.evidence, *words))
    words = (f"Spoke against the refund, and was answered: {item.kind}, {in_words(item.received_on)}." for item, _ in against)
    reason = SETTLED if found.outcome is PASS else found.reason_code
    return replace(found, reason_code=reason, evidence=(*found.evidence, *words))


def _is_about_the_check(item: Evidence, found: CheckResult, facts: CaseFacts) -> bool:
    if item.settles or item.check != found.number or ANSWERED_WITH_NO.intersection(item.answers.split("+")):
        return False
    if found.number in ABOUT_THE_PAYEE and facts.payee and item.payee not in (None, facts.payee.payee):
        return False
    return not (found.number == 4 and item.kind in ABOUT_DEBTS and _is_answer_on_debts(item, found, facts))


def _is_answer_on_debts(item: Evidence, found: CheckResult, facts: CaseFacts) -> bool:
    """A no on debts is the tenant's wish, which the plan goes by, or a notice in vain. It says nothing more once the debts are gone."""
    if not item.accounts:
        return False
    gone = not item.accounts & {debt.account for debt in facts.ledger.debts}
    return gone or item.kind != EvidenceKind.OPT_OUT_NOTICE or NOTICE_IN_VAIN in found.reason_code.split("+")


def _takes_back(later: Evidence, said: Evidence) -> bool:
    """A yes of the same kind, or one that was entered with the no in sight; on debts, whatever the tenant has answered since."""
    if said.kind in ABOUT_DEBTS and later.kind in ABOUT_DEBTS and later.accounts & said.accounts:
        return True
    if later.check != said.check or not later.settles:
        return False
    return later.kind == said.kind or (later.kind not in OWN_QUESTION and SPEAKS_AGAINST in later.answers.split("+"))


def _by_source(ledger: RefundFacts) -> list[str]:
    """Where the newest receipts came from that together reach the credit; the oldest of them may reach beyond it."""
    totals: dict[tuple[CreditSource, str], int] = {}
    for credit in ledger.credits:
        came = (credit.source, credit.method if credit.source is CreditSource.TENANT else "")
        totals[came] = totals.get(came, 0) + credit.amount_pence
    words = [f"{pounds(total)} from {_came_from(source, method)}." for (source, method), total in totals.items()]
    if sum(totals.values()) > -ledger.balance_pence > 0:
        words.append(f"Of that, {pounds(-ledger.balance_pence)} is still in credit; the rest went on charges and refunds.")
    if any(method == DIRECT_DEBIT for _, method in totals):
        words.append("Indemnity risk: the tenant's bank may still claim a Direct Debit back.")
    return words


def _came_from(source: CreditSource, method: str) -> str:
    return " ".join(filter(None, (ANSWERED_BY.get(source, source.replace("_", " ").lower()), BY_METHOD.get(method))))


def _balance_words(pence: int) -> str:
    if pence == 0:
        return "Nothing owed and nothing in credit"
    return f"{pounds(-pence)} in credit" if pence < 0 else f"{pounds(pence)} behind"


def _people(number: int) -> str:
    return counted(number, "member of staff", "members of staff") if number else "No members of staff"


def _ended_words(facts: CaseFacts) -> list[str]:
    ended_on = facts.ledger.tenancy.ended_on
    return [f"The tenancy ended on {in_words(ended_on)}."] if ended_on else []


def _floor_words(facts: CaseFacts, policy: RefundPolicy, today: date, kept: int) -> str:
    if tenancy_has_ended(facts.ledger, today):
        return "The tenancy has ended: no floor."
    return f"Floor {pounds(kept)}: {counted(policy.floor_weeks, 'week')} of {pounds(facts.ledger.weekly_charge_pence)}."


def _notice_words(plan: Plan, facts: CaseFacts, policy: RefundPolicy) -> str:
    until = notices_run_until(plan, facts.wishes, policy)
    if until is None:
        return "Consent or an opt-out is needed for each debt that may be offset."
    return f"An opt-out notice was served: the tenant may answer until {in_words(until)}."


def _paid_in_words(payee: PayeeFacts) -> str:
    if payee.paid_in_from_it is None:
        return "The bank's files do not say which account the credit came from."
    return "The credit came from this account." if payee.paid_in_from_it else "The credit came from another account."


def _has_bacs_form(name: str) -> bool:
    try:
        bacs_name(name)
    except NameHasNoBacsForm:
        return False
    return True


def _ledger_source(facts: CaseFacts) -> str:
    return f"ledger, account version {facts.ledger.version}, as of {in_words(facts.ledger.as_of)}"


def pounds(pence: int) -> str:
    """Pence as people read them: £1,234.50, with a minus sign for a credit balance."""
    return f"{'−' if pence < 0 else ''}£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def in_words(day: date) -> str:
    """A date as people read it: 6 April 2026."""
    return f"{day.day} {day:%B %Y}"
