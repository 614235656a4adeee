"""The ten checks of domain.md 4, one situation at a time."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from refunds.domain.checks import CheckResult, checks_hash, lane, participants, run_again, run_check
from refunds.domain.covered import Ground, ground_of
from refunds.domain.evidence import ABOUT_DEBTS, SPEAKS_AGAINST, settled_by
from refunds.domain.facts import CaseFacts, Confirmation, EarlierPayment, Evidence, Wishes
from refunds.domain.modulus import ModulusAnswer
from refunds.domain.plan import plan_refund
from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import AccountHold, AccountStatus, CreditSource, PersonFacts
from rentbook_contracts.refunds import CheckOutcome, EvidenceKind
from support.refund_cases import (
    BOTH_CONSENTED,
    ENDED,
    FTA,
    PAYEE,
    POLICY,
    RECHARGE,
    TODAY,
    A,
    B,
    clean_case,
    credit,
    ledger,
)

PASS, FAIL, REFER = CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.REFER
SOLE = (PersonFacts(person=A),)


def result(number: int, facts: CaseFacts, today: date = TODAY) -> CheckResult:
    return run_check(number, facts, POLICY, today)


def outcome(number: int, facts: CaseFacts, today: date = TODAY) -> tuple[CheckOutcome, str]:
    found = result(number, facts, today)
    return found.outcome, found.reason_code


def sole(cleared: int = 1_000_00, **other: Any) -> CaseFacts:
    return clean_case(ledger=ledger(cleared, **{"people": SOLE, "debts": (), **other}))


def answered(number: int, reason: str, *, settles: bool = True, kind: str = "letter", on: date = TODAY, **other: Any) -> Evidence:
    return Evidence(check=number, kind=kind, settles=settles, received_on=on, by="ben.officer", answers=reason, payee=PAYEE.payee, **other)


def all_results(facts: CaseFacts) -> list[CheckResult]:
    return [result(number, facts) for number in range(1, 11)]


def test_a_clean_case_passes_all_ten_checks_in_the_green_lane() -> None:
    results = all_results(clean_case())
    assert [found.outcome for found in results] == [PASS] * 10
    assert [found.number for found in results] == list(range(1, 11))
    assert lane(clean_case(), results) == (Lane.GREEN, ())


def test_evidence_is_in_words_without_names_or_bank_details() -> None:
    for found in all_results(clean_case()):
        assert found.evidence
        assert found.source
        assert not any("lafsd" in words or PAYEE.fingerprint in words for words in found.evidence)
    assert "Ólafsdóttir" not in repr(clean_case())


def test_1_only_cleared_credit_counts() -> None:
    assert outcome(1, sole(1)) == (PASS, "cleared-credit")
    assert outcome(1, sole(0)) == (FAIL, "no-cleared-credit")
    assert result(1, sole()).expires_on == TODAY
    assert "£500.00 not cleared yet" in " ".join(result(1, sole()).evidence)


def test_1_says_the_balance_as_the_tenant_would() -> None:
    assert result(1, sole(100_00)).evidence[0] == "£600.00 in credit; £100.00 of credit is cleared and free."
    assert result(1, sole(0, balance_pence=412_00)).evidence[0] == "£412.00 behind; £0.00 of credit is cleared and free."
    assert result(1, sole(0, balance_pence=0)).evidence[0].startswith("Nothing owed")


def test_2_says_how_the_money_came_and_that_a_direct_debit_may_be_claimed_back() -> None:
    facts = sole(credits=(credit(500_00), credit(100_00), credit(40_00, method="RBP"), credit(30_00, CreditSource.ADJUSTMENT, "RIT")))
    assert result(2, facts).evidence == (
        "£600.00 from tenant by Direct Debit.",
        "£40.00 from tenant by bank payment.",
        "£30.00 from adjustment.",
        "Indemnity risk: the tenant's bank may still claim a Direct Debit back.",
    )
    assert "Indemnity" not in " ".join(result(2, sole(credits=(credit(40_00, method="RBP"),))).evidence)


def test_2_says_how_much_of_what_came_is_still_in_credit() -> None:
    facts = sole(balance_pence=-797_27, credits=(credit(458_47, method="RBP"), credit(480_00, method="RBP")))
    assert result(2, facts).evidence == (
        "£938.47 from tenant by bank payment.",
        "Of that, £797.27 is still in credit; the rest went on charges and refunds.",
    )
    whole = sole(balance_pence=-938_47, credits=facts.ledger.credits)
    assert result(2, whole).evidence == ("£938.47 from tenant by bank payment.",)


def test_2_without_a_credit_there_is_no_source_to_tell() -> None:
    found = result(2, sole(0, balance_pence=412_00))
    assert (found.outcome, found.reason_code) == (FAIL, "no-credit")
    assert found.evidence


@pytest.mark.parametrize(
    "source", [CreditSource.HOUSING_BENEFIT, CreditSource.UC_MANAGED, CreditSource.DWP_DEDUCTION, CreditSource.HOUSING_PAYMENT]
)
def test_2_benefit_money_waits_for_a_written_answer(source: CreditSource) -> None:
    facts = sole(credits=(credit(900_00), credit(100_00, source)))
    assert outcome(2, facts) == (REFER, "benefit-money")
    assert outcome(2, replace(facts, evidence=(answered(2, "benefit-money"),))) == (PASS, "settled-by-evidence")
    assert outcome(2, replace(facts, evidence=(answered(2, "benefit-money", settles=False),))) == (FAIL, "benefit-money")


def test_2_an_answer_does_not_cover_benefit_money_that_came_after_it() -> None:
    answer = answered(2, "benefit-money", on=date(2026, 5, 20))
    old = (credit(100_00, CreditSource.HOUSING_BENEFIT, on=date(2026, 5, 19)),)
    new = (*old, credit(50_00, CreditSource.HOUSING_BENEFIT, on=date(2026, 5, 21)))
    assert outcome(2, replace(sole(credits=old), evidence=(answer,)))[0] is PASS
    assert outcome(2, replace(sole(credits=new), evidence=(answer,)))[0] is REFER


def test_2_an_insolvent_persons_credit_may_be_the_trustees() -> None:
    assert outcome(2, sole(people=(PersonFacts(person=A, insolvent=True),))) == (REFER, "trustee-may-own-it")
    assert outcome(2, sole(account_holds=(AccountHold.INSOLVENCY,))) == (REFER, "trustee-may-own-it")


def test_2_an_answer_to_one_doubt_leaves_the_other_open() -> None:
    facts = sole(account_holds=(AccountHold.INSOLVENCY,), credits=(credit(1, CreditSource.UC_MANAGED),))
    assert outcome(2, facts) == (REFER, "benefit-money+trustee-may-own-it")
    assert outcome(2, replace(facts, evidence=(answered(2, "benefit-money"),))) == (REFER, "trustee-may-own-it")
    assert outcome(2, replace(facts, evidence=(answered(2, "benefit-money+trustee-may-own-it"),)))[0] is PASS


def test_2_ombudsman_compensation_passes_and_is_never_offset() -> None:
    assert outcome(2, sole(credits=(credit(1_000_00, CreditSource.OMBUDSMAN),))) == (PASS, "ombudsman-compensation-never-offset")


@pytest.mark.parametrize(
    ("cleared", "expected"),
    [
        (480_00, (FAIL, "nothing-above-the-floor")),
        (489_99, (FAIL, "below-the-minimum-value")),
        (490_00, (PASS, "above-the-floor")),
    ],
)
def test_3_what_is_above_the_floor_reaches_the_minimum(cleared: int, expected: tuple[CheckOutcome, str]) -> None:
    assert outcome(3, sole(cleared)) == expected


@pytest.mark.parametrize(("asked", "reason"), [(520_00, "above-the-floor"), (520_01, "asked-for-more"), (None, "above-the-floor")])
def test_3_says_where_more_is_asked_for_than_may_leave_the_account(asked: int | None, reason: str) -> None:
    facts = replace(sole(), wishes=Wishes(asked_by=A, requested_pence=asked))
    assert outcome(3, facts) == (PASS, reason)
    assert ("was asked for" in " ".join(result(3, facts).evidence)) is (reason == "asked-for-more")


def test_3_no_floor_once_the_tenancy_has_ended() -> None:
    assert outcome(3, sole(1, **ENDED)) == (PASS, "above-the-floor")


def test_4_debts_that_nobody_was_asked_about_wait_for_the_tenant() -> None:
    facts = clean_case(ledger=ledger(**ENDED), wishes=Wishes(asked_by=A))
    assert outcome(4, facts) == (REFER, "tenant-to-be-asked")
    assert outcome(4, clean_case(ledger=ledger(**ENDED), wishes=BOTH_CONSENTED)) == (PASS, "debts-settled")
    assert outcome(4, sole()) == (PASS, "no-other-debt")
    assert outcome(4, sole(written_off_pence=418_50)) == (REFER, "written-off-debt")


def test_4_a_letter_alone_settles_nothing_but_consent_opt_out_or_an_expired_notice_does() -> None:
    facts = clean_case(ledger=ledger(**ENDED), wishes=Wishes(asked_by=A))
    debts = frozenset({FTA, RECHARGE})
    assert outcome(4, replace(facts, evidence=(answered(4, "tenant-to-be-asked"),)))[0] is REFER
    for kind in (EvidenceKind.CONSENT, EvidenceKind.OPT_OUT):
        assert outcome(4, replace(facts, evidence=(answered(4, "", kind=kind, accounts=debts),)))[0] is PASS
    notice = answered(4, "", kind=EvidenceKind.OPT_OUT_NOTICE, accounts=debts)
    assert outcome(4, replace(facts, evidence=(notice,)), TODAY + timedelta(days=14))[0] is REFER
    assert outcome(4, replace(facts, evidence=(notice,)), TODAY + timedelta(days=15))[0] is PASS


def test_4_a_notice_that_speaks_against_the_refund_fails_the_check_until_another_is_served_or_the_tenant_answers() -> None:
    facts = clean_case(ledger=ledger(**ENDED), wishes=Wishes(asked_by=A))
    debts, expired = frozenset({FTA, RECHARGE}), TODAY + timedelta(days=15)

    def notice(settles: bool, on: date = TODAY, accounts: frozenset[UUID] = debts) -> Evidence:
        return answered(4, "tenant-to-be-asked", kind=EvidenceKind.OPT_OUT_NOTICE, accounts=accounts, settles=settles, on=on)

    served, in_vain, again = notice(True), notice(False), notice(True, TODAY + timedelta(days=1))
    for evidence in ((in_vain,), (served, in_vain)):
        found = result(4, replace(facts, evidence=evidence), expired)
        assert (found.outcome, found.reason_code) == (FAIL, "notice-speaks-against")
        assert "The notice on 2 debts speaks against the refund" in " ".join(found.evidence)
    assert outcome(4, replace(facts, evidence=(in_vain, again)), TODAY + timedelta(days=15)) == (REFER, "tenant-to-be-asked")
    assert outcome(4, replace(facts, evidence=(in_vain, again)), TODAY + timedelta(days=16))[0] is PASS
    one = notice(False, accounts=frozenset({FTA}))
    assert outcome(4, replace(facts, evidence=(served, one)), TODAY) == (FAIL, "notice-speaks-against")
    consent = answered(4, "", kind=EvidenceKind.CONSENT, accounts=frozenset({FTA}))
    assert outcome(4, replace(facts, evidence=(served, one, consent)), TODAY) == (REFER, "tenant-to-be-asked")
    assert outcome(4, replace(facts, evidence=(served, one, consent)), expired)[0] is PASS


def test_4_the_latest_answer_on_a_debt_counts() -> None:
    facts = clean_case(
        ledger=ledger(**ENDED),
        wishes=BOTH_CONSENTED,
        evidence=(answered(4, "", kind=EvidenceKind.OPT_OUT, accounts=frozenset({RECHARGE})),),
    )
    plan = plan_refund(facts.ledger, facts.wishes, POLICY, TODAY)
    assert ([offset.account for offset in plan.offsets], plan.refund_pence) == ([FTA], 20_00)


@pytest.mark.parametrize("hold", [AccountHold.DISPUTE, AccountHold.LEGAL])
def test_4_an_account_in_question_is_referred(hold: AccountHold) -> None:
    assert outcome(4, sole(account_holds=(hold,))) == (REFER, "account-in-question")


def _unfinished(**change: object) -> CaseFacts:
    facts = ledger(**ENDED, debts=())
    return clean_case(ledger=facts.model_copy(update={"tenancy": facts.tenancy.model_copy(update=change)}))


def _paid_to(**change: Any) -> CaseFacts:
    return replace(sole(), payee=replace(PAYEE, **change))


LATELY = EarlierPayment(amount_pence=520_00, on=TODAY - timedelta(days=1))
SITUATIONS: dict[str, tuple[int, CaseFacts]] = {
    **{f"{number}, clean": (number, sole()) for number in range(1, 11)},
    "4, settled debts": (4, clean_case()),
    "no-cleared-credit": (1, sole(0)),
    "no-credit": (2, sole(0)),
    "benefit-money": (2, sole(credits=(credit(900_00, CreditSource.HOUSING_BENEFIT),))),
    "trustee-may-own-it": (2, sole(account_holds=(AccountHold.INSOLVENCY,))),
    "ombudsman-compensation-never-offset": (2, sole(credits=(credit(900_00, CreditSource.OMBUDSMAN),))),
    "nothing-above-the-floor": (3, sole(480_00)),
    "asked-for-more": (3, replace(sole(), wishes=Wishes(asked_by=A, requested_pence=520_01))),
    "tenant-to-be-asked": (4, clean_case(ledger=ledger(**ENDED), wishes=Wishes(asked_by=A))),
    "account-in-question": (4, sole(account_holds=(AccountHold.DISPUTE,))),
    "written-off-debt": (4, sole(written_off_pence=418_50)),
    "not-asked-for": (5, replace(sole(), wishes=Wishes())),
    "keys-not-in": (5, _unfinished(keys_returned_on=None)),
    "final-charges-open": (5, _unfinished(final_charges_posted=False)),
    "not-inspected": (5, _unfinished(recharge_inspected=False)),
    "no-forwarding-address": (5, _unfinished(forwarding_address_known=False)),
    "6, no-payee": (6, replace(sole(), payee=None)),
    "joint-consent": (6, clean_case(ledger=ledger(1_000_00, debts=()))),
    "signed": (6, clean_case(ledger=ledger(1_000_00, debts=()), wishes=Wishes(asked_by=A, joint_consent=True))),
    "estate": (6, sole(people=(PersonFacts(person=A, died_on=date(2026, 5, 1)),), **ENDED)),
    "authority-of-third-party": (6, _paid_to(person=None)),
    "card-money-back-to-card": (6, sole(credits=(credit(1_000_00, method="RCP"),))),
    "7, no-payee": (7, replace(sole(), payee=None)),
    "account-cannot-exist": (7, _paid_to(modulus=ModulusAnswer.INVALID)),
    "name-is-close": (7, _paid_to(confirmation=Confirmation.CLOSE)),
    "confirmation-unavailable": (7, _paid_to(confirmation=Confirmation.UNAVAILABLE)),
    "confirmation-expired": (7, _paid_to(confirmed_on=TODAY - timedelta(days=31))),
    "call-back-needed": (7, _paid_to(changed=True)),
    "payment-came-back": (7, _paid_to(came_back_on=TODAY - timedelta(days=1))),
    "fraud-hold": (8, sole(account_holds=(AccountHold.FRAUD,))),
    "staff-conflict": (8, replace(sole(), staff_conflict=True)),
    "same-amount-lately": (8, replace(sole(), earlier_payments=(LATELY,))),
    "same-details-elsewhere": (8, replace(sole(), same_details_elsewhere=1)),
}


def said_no(number: int, facts: CaseFacts, kind: EvidenceKind) -> Evidence:
    """As `add_evidence` keeps it: with the doubt and the payee in sight, and about every debt where it is about debts."""
    about = frozenset(debt.account for debt in facts.ledger.debts) if kind in ABOUT_DEBTS else frozenset()
    told = answered(number, outcome(number, facts)[1], settles=False, kind=kind, accounts=about)
    return replace(told, payee=facts.payee.payee if facts.payee else None)


@pytest.mark.parametrize("kind", EvidenceKind)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_no_fails_the_check_that_it_is_about(situation: str, kind: EvidenceKind) -> None:
    number, facts = SITUATIONS[situation]
    no = said_no(number, facts, kind)
    found = result(number, replace(facts, evidence=(no,)))
    if number == 4 and no.accounts and kind is not EvidenceKind.OPT_OUT_NOTICE:
        # The tenant's wish for a debt: it is paid to them, not offset.
        assert replace(facts, evidence=(no,)).wishes.opted_out >= no.accounts
        return
    assert found.outcome is FAIL
    assert set(found.evidence) - set(result(number, facts).evidence), "it is said in words"


@pytest.mark.parametrize("kind", EvidenceKind)
@pytest.mark.parametrize("number", range(1, 11))
def test_a_no_stands_until_something_newer_takes_it_back(number: int, kind: EvidenceKind) -> None:
    facts, tomorrow = sole(), TODAY + timedelta(days=1)
    no = said_no(number, facts, kind)
    reason = outcome(number, replace(facts, evidence=(no,)))[1]
    assert reason == SPEAKS_AGAINST
    unaware = replace(no, kind="letter", settles=True, received_on=tomorrow)
    older = replace(no, settles=True, received_on=TODAY - timedelta(days=1))
    assert outcome(number, replace(facts, evidence=(no, unaware, older))) == (FAIL, SPEAKS_AGAINST)
    same_kind, in_sight = replace(no, settles=True, received_on=tomorrow), replace(unaware, answers=reason)
    for newer in (same_kind, in_sight):
        assert outcome(number, replace(facts, evidence=(no, newer))) == (PASS, "settled-by-evidence")
    again = replace(no, received_on=tomorrow + timedelta(days=1))
    assert outcome(number, replace(facts, evidence=(no, in_sight, again))) == (FAIL, SPEAKS_AGAINST)


def test_4_what_the_tenant_says_of_a_debt_takes_no_court_order_back() -> None:
    facts = clean_case(ledger=ledger(**ENDED), wishes=Wishes(asked_by=A))
    no = said_no(4, facts, EvidenceKind.COURT_ORDER)
    consent = answered(4, SPEAKS_AGAINST, kind=EvidenceKind.CONSENT, accounts=frozenset({FTA, RECHARGE}), on=TODAY + timedelta(days=1))
    assert outcome(4, replace(facts, evidence=(no, consent))) == (FAIL, SPEAKS_AGAINST)


def test_what_settles_a_check_that_rests_on_figures_is_asked_only_while_evidence_speaks_against_it() -> None:
    for number in (1, 3, 9, 10):
        assert settled_by(number, "no-cleared-credit") == ()
        assert settled_by(number, f"no-cleared-credit+{SPEAKS_AGAINST}") == tuple(EvidenceKind)
    short = sole(0)
    no = said_no(1, short, EvidenceKind.OTHER)
    yes = replace(no, settles=True, received_on=TODAY + timedelta(days=1))
    assert outcome(1, replace(short, evidence=(no,))) == (FAIL, f"no-cleared-credit+{SPEAKS_AGAINST}")
    assert outcome(1, replace(short, evidence=(no, yes))) == (FAIL, "no-cleared-credit"), "figures are not settled by a document"


def test_6_a_no_about_an_earlier_payee_says_nothing_of_the_present_one() -> None:
    facts = replace(sole(), evidence=(said_no(6, sole(), EvidenceKind.IDENTITY),))
    assert outcome(6, facts) == (FAIL, SPEAKS_AGAINST)
    assert outcome(6, replace(facts, payee=replace(PAYEE, payee=UUID(int=0x51)))) == (PASS, "tenant-is-payee")


def test_5_a_current_tenant_is_paid_only_on_request() -> None:
    assert outcome(5, sole()) == (PASS, "current-tenancy")
    assert outcome(5, replace(sole(), wishes=Wishes())) == (REFER, "not-asked-for")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"keys_returned_on": None}, "keys-not-in"),
        ({"final_charges_posted": False}, "final-charges-open"),
        ({"recharge_inspected": False}, "not-inspected"),
        ({"forwarding_address_known": False}, "no-forwarding-address"),
        ({"keys_returned_on": None, "forwarding_address_known": False}, "keys-not-in+no-forwarding-address"),
    ],
)
def test_5_a_tenancy_that_ended_must_be_finished(change: dict[str, object], reason: str) -> None:
    facts = ledger(**ENDED, debts=())
    unfinished = facts.model_copy(update={"tenancy": facts.tenancy.model_copy(update=change)})
    assert outcome(5, clean_case(ledger=unfinished)) == (REFER, reason)
    assert outcome(5, clean_case(ledger=facts, wishes=Wishes())) == (PASS, "tenancy-end-finished")


def test_6_joint_credit_needs_every_signature() -> None:
    joint = clean_case(ledger=ledger(1_000_00, debts=()))
    assert outcome(6, joint) == (REFER, "joint-consent")
    assert outcome(6, replace(joint, wishes=Wishes(asked_by=A, joint_consent=True))) == (PASS, "tenant-is-payee")
    assert outcome(6, replace(joint, evidence=(answered(6, "joint-consent", kind=EvidenceKind.JOINT_CONSENT),)))[0] is PASS
    assert outcome(6, replace(joint, evidence=(answered(6, "joint-consent"),)))[0] is REFER, "a letter is not both signatures"


def test_6_a_third_party_needs_authority_and_a_case_needs_a_payee() -> None:
    assert outcome(6, clean_case(payee=replace(PAYEE, person=None))) == (REFER, "authority-of-third-party")
    assert outcome(6, clean_case(payee=None)) == (REFER, "no-payee")


def test_6_card_money_goes_back_to_the_card() -> None:
    assert outcome(6, sole(credits=(credit(1_000_00, method="RCP"),))) == (REFER, "card-money-back-to-card")


def test_6_a_deceased_tenants_estate_needs_probate_or_a_small_estate_indemnity() -> None:
    died = (PersonFacts(person=A, died_on=date(2026, 5, 1)),)
    small, large = sole(5_000_00, people=died, **ENDED), sole(5_000_01, people=died, **ENDED)
    indemnity = answered(6, "estate", kind=EvidenceKind.SMALL_ESTATE_INDEMNITY)
    probate = answered(6, "estate", kind=EvidenceKind.GRANT_OF_PROBATE)
    assert outcome(6, small) == (REFER, "estate")
    assert outcome(6, replace(small, evidence=(answered(6, "estate"),)))[0] is REFER
    assert outcome(6, replace(small, evidence=(indemnity,)))[0] is PASS
    assert outcome(6, replace(large, evidence=(indemnity,)))[0] is REFER
    assert outcome(6, replace(large, evidence=(probate,)))[0] is PASS


def test_6_a_surviving_joint_tenant_is_paid_without_the_estate() -> None:
    people = (PersonFacts(person=A), PersonFacts(person=B, died_on=date(2026, 5, 1)))
    assert outcome(6, sole(people=people)) == (PASS, "tenant-is-payee")


def test_6_evidence_on_an_earlier_payee_says_nothing_of_the_present_one() -> None:
    third_party = clean_case(payee=replace(PAYEE, person=None), evidence=(answered(6, "authority-of-third-party"),))
    assert outcome(6, third_party)[0] is PASS
    other = replace(PAYEE, person=None, payee=UUID(int=0x51))
    assert outcome(6, replace(third_party, payee=other))[0] is REFER


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"modulus": ModulusAnswer.INVALID}, (FAIL, "account-cannot-exist")),
        ({"modulus": ModulusAnswer.NOT_IN_TABLE}, (PASS, "name-matches")),
        ({"name": "李小龍"}, (FAIL, "name-has-no-bacs-form")),
        ({"confirmation": Confirmation.NO_MATCH}, (FAIL, "name-does-not-match")),
        ({"confirmation": Confirmation.CLOSE}, (REFER, "name-is-close")),
        ({"confirmation": Confirmation.UNAVAILABLE}, (REFER, "confirmation-unavailable")),
        ({"confirmation": None, "confirmed_on": None}, (REFER, "confirmation-unavailable")),
        ({"changed": True}, (REFER, "call-back-needed")),
        ({"changed": True, "called_back": True}, (PASS, "name-matches")),
        ({"confirmed_on": TODAY - timedelta(days=30)}, (PASS, "name-matches")),
        ({"confirmed_on": TODAY - timedelta(days=31)}, (REFER, "confirmation-expired")),
    ],
)
def test_7_bank_details(change: dict[str, Any], expected: tuple[CheckOutcome, str]) -> None:
    assert outcome(7, clean_case(payee=replace(PAYEE, **change))) == expected


def test_7_a_close_name_may_be_settled_for_these_details_and_a_wrong_one_never() -> None:
    close = clean_case(payee=replace(PAYEE, confirmation=Confirmation.CLOSE), evidence=(answered(7, "name-is-close"),))
    assert outcome(7, close)[0] is PASS
    assert outcome(7, replace(close, payee=replace(PAYEE, confirmation=Confirmation.NO_MATCH)))[0] is FAIL
    assert outcome(7, clean_case(payee=None)) == (REFER, "no-payee")


def test_8_the_same_amount_again_within_the_window_is_referred() -> None:
    facts = sole()
    refund = 1_000_00 - 480_00
    for days, pence, expected in ((90, refund, REFER), (91, refund, PASS), (90, refund - 1, PASS)):
        earlier = (EarlierPayment(amount_pence=pence, on=TODAY - timedelta(days=days)),)
        assert outcome(8, replace(facts, earlier_payments=earlier))[0] is expected


def test_8_shared_details_staff_and_fraud() -> None:
    assert outcome(8, replace(sole(), same_details_elsewhere=1)) == (REFER, "same-details-elsewhere")
    assert outcome(8, replace(sole(), staff_conflict=True)) == (REFER, "staff-conflict")
    fraud = replace(sole(account_holds=(AccountHold.FRAUD,)), evidence=(answered(8, "fraud-hold"),))
    assert outcome(8, fraud) == (FAIL, "fraud-hold"), "no evidence on the case lifts a fraud hold"


def test_9_everybody_who_took_part_is_a_participant() -> None:
    facts = clean_case(ledger=ledger(1_000_00, people=SOLE, debts=(), actors=("cara.cash",)), evidence=(answered(6, "joint-consent"),))
    assert participants(facts) == {"asha.officer", "cara.cash", "ben.officer"}
    assert participants(clean_case(payee=None, taken_by="system")) == frozenset()
    assert result(9, facts).evidence[0].startswith("3 members of staff took part")
    assert result(9, clean_case(payee=None)).evidence[0].startswith("1 member of staff took part")


def test_10_looks_at_what_the_approval_stood_on() -> None:
    facts = sole()
    plan = plan_refund(facts.ledger, facts.wishes, POLICY, TODAY)
    approved = ground_of(facts.ledger, plan, facts.payee)
    assert outcome(10, facts) == (PASS, "not-approved-yet")
    assert again(facts, approved, TODAY) == ("approval-stands", None)
    poorer = replace(facts, ledger=ledger(999_99, people=SOLE, debts=()))
    assert again(poorer, approved, TODAY) == ("approval-void", "the cleared credit above the floor no longer covers the amount")


def approval(facts: CaseFacts) -> Ground:
    return ground_of(facts.ledger, plan_refund(facts.ledger, facts.wishes, POLICY, TODAY), facts.payee)


def again(facts: CaseFacts, approved: Ground, today: date) -> tuple[str, str | None]:
    """What check 10 says of an approval later, and why it is void."""
    results, because = run_again(facts, POLICY, today, approved)
    assert [found.number for found in results] == [*range(1, 9), 10]
    return results[-1].reason_code, because


def test_an_approval_stands_as_long_as_the_bank_s_answer_holds_and_checks_of_the_day_are_run_anew() -> None:
    facts = sole()
    assert again(facts, approval(facts), TODAY + timedelta(days=30)) == ("approval-stands", None)
    run_out = ("approval-void", "the bank's answer about the payee has run out, and the checks are run again")
    assert again(facts, approval(facts), TODAY + timedelta(days=31)) == run_out
    asked_anew = replace(facts, payee=replace(PAYEE, confirmed_on=TODAY + timedelta(days=31)))
    assert again(asked_anew, approval(facts), TODAY + timedelta(days=61)) == ("approval-stands", None)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"same_details_elsewhere": 1}, "check 8, duplicates and conflicts,"),
        ({"earlier_payments": (EarlierPayment(520_00, TODAY),)}, "check 8, duplicates and conflicts,"),
        ({"wishes": Wishes()}, "check 5, tenancy,"),
    ],
)
def test_a_check_that_passes_no_longer_voids_an_approval(change: dict[str, Any], check: str) -> None:
    because = again(replace(sole(), **change), approval(sole()), TODAY + timedelta(days=1))[1]
    assert because == f"{check} no longer passes, and the checks are run again"


def test_a_tenancy_whose_end_has_come_is_finished_before_an_approval_is_carried_out() -> None:
    ends = sole(ended_on=TODAY + timedelta(days=3), status=AccountStatus.NOTICE_GIVEN)
    open_end = ends.ledger.tenancy.model_copy(update={"keys_returned_on": None})
    facts = replace(ends, ledger=ends.ledger.model_copy(update={"tenancy": open_end}))
    assert again(facts, approval(facts), TODAY + timedelta(days=2))[1] is None
    assert again(facts, approval(facts), TODAY + timedelta(days=3))[1] == "check 5, tenancy, no longer passes, and the checks are run again"


def test_what_was_approved_is_what_the_checks_run_again_go_by() -> None:
    """The weekly debit leaves 20.00 that would be planned today, as much as was paid before; 520.00 was approved."""
    facts = sole(charged_pence=0)
    debited = ledger(500_00, people=SOLE, debts=(), charged_pence=480_00 + 20_00)
    debited_since = replace(facts, ledger=debited, earlier_payments=(EarlierPayment(20_00, TODAY),))
    approved = approval(facts).model_copy(update={"total_pence": 480_00, "refund_pence": 480_00})
    assert again(debited_since, approved, TODAY)[1] is None
    died = {"people": (PersonFacts(person=A, died_on=date(2026, 5, 1)),), **ENDED}
    indemnity = (answered(6, "estate", kind=EvidenceKind.SMALL_ESTATE_INDEMNITY),)
    small, more = (replace(sole(pence, **died), evidence=indemnity) for pence in (5_000_00, 5_000_01))
    assert again(more, approval(small), TODAY)[1] is None


@pytest.mark.parametrize(
    "facts",
    [
        clean_case(wishes=Wishes()),
        clean_case(payee=replace(PAYEE, paid_in_from_it=False)),
        clean_case(payee=replace(PAYEE, paid_in_from_it=None)),
        clean_case(wishes=Wishes(asked_by=A, requested_pence=1_000_000_00)),
        clean_case(payee=replace(PAYEE, person=None), evidence=(answered(6, "authority-of-third-party"),)),
        clean_case(payee=replace(PAYEE, confirmation=Confirmation.CLOSE), evidence=(answered(7, "name-is-close"),)),
        sole(account_holds=(AccountHold.BREATHING_SPACE,)),
        sole(credits=(credit(1_000_00, CreditSource.ADJUSTMENT),)),
    ],
)
def test_anything_out_of_the_ordinary_takes_the_lane_that_is_looked_at(facts: CaseFacts) -> None:
    chosen, reasons = lane(facts, all_results(facts))
    assert chosen is Lane.LOOK
    assert reasons


def test_the_hash_of_the_checks_covers_what_was_shown_and_nothing_else() -> None:
    facts = clean_case()
    results = all_results(facts)
    whole = checks_hash(results, facts, POLICY)
    assert checks_hash(reversed(results), facts, POLICY) == whole
    others = [
        checks_hash(results[:-1], facts, POLICY),
        checks_hash([replace(results[0], evidence=("Balance £0.00.",)), *results[1:]], facts, POLICY),
        checks_hash(results, replace(facts, payee=replace(PAYEE, fingerprint="f2")), POLICY),
        checks_hash(results, replace(facts, payee=None), POLICY),
        checks_hash(results, facts, POLICY.model_copy(update={"version": "other"})),
        checks_hash(results, replace(facts, evidence=(replace(answered(2, ""), document="d1"),)), POLICY),
    ]
    assert len({whole, *others}) == 7
