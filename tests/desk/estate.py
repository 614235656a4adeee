"""A small estate as the other services would tell it: four tenancies, a refund case at each point of its life, a bank file, a run."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from rentbook_contracts.approvals import content_hash
from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountLabel,
    AccountPage,
    AccountStatus,
    Addressee,
    ArrearsAge,
    BalanceExplained,
    BalancePart,
    BankFilePage,
    BreathingSpace,
    BreathingSpaceKind,
    CreditHold,
    Entry,
    ExactAsked,
    ExactSuggestions,
    FileFault,
    FileLine,
    FileStatus,
    LetterAddress,
    MatchedReturn,
    MayComeBack,
    MethodTotal,
    MonthBalance,
    MovedItem,
    Offset,
    PaidBefore,
    Provenance,
    RefundFacts,
    RefundPlan,
    ReturnMatch,
    ReturnPage,
    Suspense,
    SuspenseItem,
    SuspenseMatch,
    TakenBack,
    TenancyFacts,
    Tenant,
    WeeklyCharge,
)
from rentbook_contracts.notices import LetterFate, LetterRow
from rentbook_contracts.people import LastCommand, LastCommands
from rentbook_contracts.refunds import (
    CaseEvent,
    CasePage,
    CaseRow,
    CaseStatus,
    CheckOutcome,
    CheckShown,
    DocumentShown,
    EvidenceKind,
    EvidenceShown,
    Glance,
    PayeeShown,
    PoliciesShown,
    PolicyFigure,
    PolicyShown,
    ReadyPayment,
    RunLine,
    RunPage,
    RunStatus,
)

_SPACE = UUID("5b1d3c1e-0000-4000-8000-000000000000")


def an_id(name: str) -> UUID:
    """The same id for the same name, in every run."""
    return uuid5(_SPACE, name)


NOW = datetime.now(UTC)
TODAY = NOW.astimezone(ZoneInfo("Europe/London")).date()
FILE = an_id("file taken")
REFUSED_FILE = an_id("file refused")
ALIKE_FILE = an_id("file that looks like an earlier one")
NEW_ALIKE_FILE = an_id("file taken on a second person's word")
REPEATED_FILE = an_id("file repeated")
TWICE_FILE = an_id("cash file of one payment, twice")
PENDING_FILE = an_id("file pending")
RUN = an_id("run")
LETTER = an_id("letter")


@dataclass(frozen=True)
class Home:
    """A tenancy with its people and what its main account shows."""

    key: str
    names: tuple[str, ...]
    address: str
    reference: str
    balance_pence: int
    weekly_pence: int = 120_00
    status: AccountStatus = AccountStatus.CURRENT
    holds: tuple[AccountHold, ...] = ()
    debts: tuple[tuple[AccountKind, str, int], ...] = ()

    @property
    def account(self) -> UUID:
        return an_id(f"account {self.key}")

    def person(self, at: int = 0) -> UUID:
        return an_id(f"person {self.key} {at}")

    @property
    def label(self) -> AccountLabel:
        return AccountLabel(
            account=self.account,
            reference=self.reference,
            kind=AccountKind.RENT,
            status=self.status,
            names=self.names,
            address=self.address,
            balance_pence=self.balance_pence,
            people=tuple(self.person(at) for at in range(len(self.names))),
        )

    def debt_labels(self) -> tuple[AccountLabel, ...]:
        return tuple(
            AccountLabel(
                account=an_id(f"debt {self.key} {reference}"),
                reference=reference,
                kind=kind,
                status=AccountStatus.CURRENT,
                names=self.names,
                address=self.address,
                balance_pence=pence,
            )
            for kind, reference, pence in self.debts
        )


OKAFOR = Home("okafor", ("Mary Okafor",), "12 Elm Rise, Oldfield", "90012345A", -141_20)
NGUYEN = Home(
    "nguyen",
    ("Nguyễn Thị Lan", "Trần Văn Minh"),
    "3 Harbour Court, Flat 7, Oldfield",
    "90014921C",
    -640_00,
    debts=((AccountKind.RECHARGE, "90014921C-R", 85_50), (AccountKind.COURT, "90014921C-C", 120_00)),
)
IVANOVA = Home("ivanova", ("Людмила Иванова",), "44 The Brambles, Oldfield", "90017993G", 84_10, holds=(AccountHold.BREATHING_SPACE,))
BEGUM = Home("begum", ("রাবেয়া বেগম",), "9 Station Road, Oldfield", "90015311C", -2_612_00, holds=(AccountHold.DISPUTE,))
HOMES = (OKAFOR, NGUYEN, IVANOVA, BEGUM)

BREATHING_SPACE = BreathingSpace(
    account=IVANOVA.account,
    kind=BreathingSpaceKind.STANDARD,
    first_day=date(2026, 11, 2),
    last_day=date(2026, 12, 31),
    review_from=date(2026, 11, 26),
    review_to=date(2026, 12, 6),
    after_treatment_days=None,
    owed_pence=60_00,
    set_by="asha.officer",
    set_at=NOW - timedelta(days=20),
    reason="Notice of the Insolvency Service",
)


def account_page(home: Home) -> AccountPage:
    entries = tuple(_entries(home))
    cleared = max(0, -home.balance_pence - 100_00) if home.balance_pence < -200_00 else max(0, -home.balance_pence)
    return AccountPage(
        label=home.label,
        version=17,
        tenancy=TenancyFacts(
            tenancy=an_id(f"tenancy {home.key}"),
            garage=False,
            started_on=date(2019, 6, 3),
            ended_on=None,
            keys_returned_on=None,
            final_charges_posted=False,
            recharge_inspected=False,
            forwarding_address_known=False,
        ),
        tenants=tuple(Tenant(person=home.person(at), name=name, joint=len(home.names) > 1) for at, name in enumerate(home.names)),
        letter_addresses=tuple(LetterAddress(addressee=each, address=home.label.address) for each in Addressee),
        as_at=TODAY,
        balance_pence=home.balance_pence,
        cleared_credit_pence=cleared,
        uncleared_pence=max(0, -home.balance_pence - cleared),
        held_pence=141_20 if home is OKAFOR else 0,
        in_arrears_since=TODAY - timedelta(days=40) if home.balance_pence > 0 else None,
        weekly_charges=(
            WeeklyCharge(element="basic rent", amount_pence=home.weekly_pence - 11_50),
            WeeklyCharge(element="block cleaning", amount_pence=8_50),
            WeeklyCharge(element="heating", amount_pence=3_00),
        ),
        entries=entries,
        entries_in_all=len(entries),
        sub_accounts=home.debt_labels(),
        other_accounts=(),
        credit_holds=(
            (CreditHold(hold=an_id("hold"), case=CASE_OKAFOR, amount_pence=141_20, placed_at=NOW - timedelta(days=1)),)
            if home is OKAFOR
            else ()
        ),
        account_holds=home.holds,
        breathing_space=home is IVANOVA,
        breathing_spaces=(BREATHING_SPACE,) if home is IVANOVA else (),
        arrears_ages=(ArrearsAge(from_days=0, to_days=28, amount_pence=60_00), ArrearsAge(from_days=28, to_days=56, amount_pence=24_10))
        if home is IVANOVA
        else (),
        months=tuple(
            MonthBalance(
                on=TODAY - timedelta(days=30 * back), balance_pence=home.balance_pence + (back * 97_00 if back % 3 else -back * 41_00)
            )
            for back in range(12, -1, -1)
        ),
    )


def _entries(home: Home) -> list[Entry]:
    """Newest first: this week's charge, a card receipt not yet cleared, a bank-file receipt, and charges before them."""
    running = home.balance_pence
    lines: list[tuple[str, str, str, int, int, Provenance]] = [
        ("RCP", "card payment", "", -100_00, 1, Provenance(actor="ben.officer", source="Taken on the phone")),
        ("DBR", "weekly charge", "basic rent", home.weekly_pence, 3, Provenance(actor="system", source="weekly debit of this week")),
        (
            "RBP",
            "bank payment",
            "",
            -home.weekly_pence * 2,
            6,
            Provenance(bank_file=FILE, file_name="statement-2026-11-18.xml", line=61, entry_reference="NTRY-0007", actor="asha.officer"),
        ),
        ("DBR", "weekly charge", "basic rent", home.weekly_pence, 10, Provenance(actor="system", source="weekly debit of last week")),
        (
            "REF",
            "refund",
            "",
            35_00,
            30,
            Provenance(actor="system", case=CASE_PAID, decision=an_id("a decision of long ago"), source="payment run of last month"),
        ),
    ]
    entries = []
    for code, words, element, pence, ago, provenance in lines:
        on = TODAY - timedelta(days=ago)
        entries.append(
            Entry(
                journal=an_id(f"{home.key} {code} {ago}"),
                code=code,
                code_words=words,
                element=element,
                amount_pence=pence,
                running_pence=running,
                effective_date=on,
                posted_at=NOW - timedelta(days=ago),
                cleared_on=on + timedelta(days=4) if pence < 0 else None,
                narrative="KIRK & SONS REF 90012345A" if code == "RBP" else "",
                provenance=provenance,
            )
        )
        running -= pence
    return entries


def explained(home: Home) -> BalanceExplained:
    entries = _entries(home)
    charges = tuple(entry for entry in entries if entry.code == "DBR")
    receipts = tuple(entry for entry in entries if entry.code in ("RCP", "RBP"))
    refunds = tuple(entry for entry in entries if entry.code == "REF")
    known = sum(entry.amount_pence for entry in entries)
    return BalanceExplained(
        label=home.label,
        as_at=TODAY,
        balance_pence=home.balance_pence,
        parts=(
            BalancePart(kind="opening", words="opening balance", sum_pence=home.balance_pence - known, entries=()),
            BalancePart(kind="charges", words="charges", sum_pence=sum(entry.amount_pence for entry in charges), entries=charges),
            BalancePart(kind="receipts", words="receipts", sum_pence=sum(entry.amount_pence for entry in receipts), entries=receipts),
            BalancePart(kind="refunds", words="refunds", sum_pence=sum(entry.amount_pence for entry in refunds), entries=refunds),
        ),
    )


# --- cases --------------------------------------------------------------------------------------------------------------------------

CASE_OKAFOR = an_id("case okafor")
CASE_NGUYEN = an_id("case nguyen")
CASE_BEGUM = an_id("case begum")
CASE_PAID = an_id("case paid")

TITLES = (
    "Cleared credit as of today",
    "Whose money the credit is",
    "Floor kept back",
    "Other debts of the same people",
    "Tenancy",
    "Payee",
    "Bank details",
    "Duplicate, fraud and conflict",
    "Approval by band",
    "Later events",
)
SOURCES = ("ledger", "ledger", "policy", "ledger", "ledger", "refunds", "Confirmation of Payee", "refunds", "approvals", "ledger")


def plan_of(case: UUID, home: Home, refund_pence: int, *, offsets: tuple[Offset, ...] = (), checks: str = "checks") -> RefundPlan:
    return RefundPlan(
        case=case,
        attempt=1,
        account=home.account,
        refund_pence=refund_pence,
        offsets=offsets,
        payee=an_id(f"payee {home.key}"),
        checks_hash=checks,
    )


PLANS = {
    CASE_OKAFOR: plan_of(CASE_OKAFOR, OKAFOR, 141_20),
    CASE_NGUYEN: plan_of(CASE_NGUYEN, NGUYEN, 54_50, offsets=(Offset(account=an_id("debt nguyen 90014921C-R"), amount_pence=85_50),)),
    CASE_BEGUM: plan_of(CASE_BEGUM, BEGUM, 612_00),
}
HOME_OF = {CASE_OKAFOR: OKAFOR, CASE_NGUYEN: NGUYEN, CASE_BEGUM: BEGUM, CASE_PAID: OKAFOR}


DOCUMENT = an_id("document begum")
SETTLED_BY = {
    2: (EvidenceKind.BENEFIT_ANSWER,),
    6: (EvidenceKind.IDENTITY, EvidenceKind.JOINT_CONSENT),
    7: (EvidenceKind.BANK_STATEMENT, EvidenceKind.IDENTITY, EvidenceKind.CALL_BACK),
}
"""As the owner says with each check; the desk knows none by itself."""


def checks(*, referred: tuple[int, ...] = (), failed: tuple[int, ...] = ()) -> tuple[CheckShown, ...]:
    found = []
    for number, (title, source) in enumerate(zip(TITLES, SOURCES, strict=True), start=1):
        outcome = CheckOutcome.FAIL if number in failed else CheckOutcome.REFER if number in referred else CheckOutcome.PASS
        evidence = {
            1: ("£141.20 of credit is cleared", "£0.00 is not yet cleared"),
            2: ("The newest credits that make it up are the tenant’s own bank payments",),
            7: ("The account number fits its sort code", "The bank confirms the name")
            if outcome is CheckOutcome.PASS
            else (
                "The account number fits its sort code",
                "The bank has a close name: R BEGUM",
            ),
        }.get(number, ("Nothing stands against it",))
        found.append(
            CheckShown(
                check=number,
                title=title,
                outcome=outcome,
                reason_code="ok",
                evidence=evidence,
                source=source,
                by="system",
                at=NOW - timedelta(hours=3),
                expires_on=TODAY + timedelta(days=30),
                settled_by=SETTLED_BY.get(number, ()),
                speaks_against=outcome is not CheckOutcome.PASS,
            )
        )
    return tuple(found)


def case_page(case: UUID, *, status: CaseStatus = CaseStatus.WITH_APPROVER) -> CasePage:
    home, plan = HOME_OF[case], PLANS.get(case)
    joint = len(home.names) > 1
    return CasePage(
        case=case,
        attempt=1,
        round=1,
        account=home.account,
        status=status,
        status_note="Waits for a decision",
        asked_by=home.person(),
        asked_at=NOW - timedelta(days=1, hours=2),
        taken_by="asha.officer",
        identified_how="On the phone: name, address and date of birth agree with the tenancy",
        requested_pence=None,
        reason_code="overpaid",
        note="Paid two months in one go after the card was replaced." if case == CASE_OKAFOR else "",
        joint_consent=joint,
        consents=(an_id("debt nguyen 90014921C-R"),) if joint else (),
        opted_out=(an_id("debt nguyen 90014921C-C"),) if joint else (),
        payee=PayeeShown(
            payee=an_id(f"payee {home.key}"),
            name=home.names[0],
            masked="sort code ••-••-99, account ••••4958",
            belongs_to=home.person(),
            entered_by="asha.officer",
            entered_at=NOW - timedelta(days=1, hours=2),
            modulus="valid",
            confirmation="match" if case != CASE_BEGUM else "close-match",
            suggested_name=None if case != CASE_BEGUM else "R BEGUM",
        ),
        checks=checks(referred=(7,)) if case == CASE_BEGUM else checks(),
        evidence=(
            EvidenceShown(
                check=7,
                kind="call-back",
                reference="CB-1",
                note="Called back on the number of 2019.",
                settles=True,
                by="ben.officer",
                at=NOW - timedelta(hours=4),
                document=DocumentShown(document=DOCUMENT, media_type="application/pdf", size_bytes=231_400, sha256="c" * 64),
            ),
        )
        if case == CASE_BEGUM
        else (),
        plan=plan,
        plan_hash=content_hash(plan) if plan else None,
        floor_pence=0 if case == CASE_OKAFOR else 480_00,
        cleared_credit_pence=141_20 if case == CASE_OKAFOR else -home.balance_pence,
        events=(
            CaseEvent(at=NOW - timedelta(days=1, hours=2), by="asha.officer", what="the request was taken"),
            CaseEvent(at=NOW - timedelta(hours=3), by="system", what="the checks ran", note="Nine passed" if case == CASE_BEGUM else ""),
        ),
        run=RUN if status is CaseStatus.PAID else None,
        refund_journal=an_id("okafor REF 30") if status is CaseStatus.PAID else None,
        decide_by=TODAY + timedelta(days=4),
        pay_by=TODAY + timedelta(days=11),
        policy_version="2026-04-06",
        paid_on=TODAY + timedelta(days=2) if status is CaseStatus.PAID else None,
    )


def case_row(case: UUID, status: CaseStatus = CaseStatus.WITH_APPROVER) -> CaseRow:
    home, plan = HOME_OF[case], PLANS.get(case)
    return CaseRow(
        case=case,
        attempt=1,
        account=home.account,
        status=status,
        requested_pence=None,
        refund_pence=plan.refund_pence if plan else 35_00,
        offset_pence=sum(offset.amount_pence for offset in plan.offsets) if plan else 0,
        opened_at=NOW - timedelta(days=1),
        taken_by="asha.officer",
        pay_by=TODAY + timedelta(days=11),
        asked_by=home.person(len(home.names) - 1),
        paid_on=TODAY + timedelta(days=2) if status is CaseStatus.PAID else None,
    )


def refund_policies() -> PoliciesShown:
    figures = (PolicyFigure(about="Floor: stays on a current tenant’s account", says="4 weeks of its charge"),)
    return PoliciesShown(policies=(PolicyShown(version="2026-04-06", in_force_from=date(2026, 4, 6), figures=figures),))


def glance(case: UUID) -> Glance:
    return Glance(
        case=case, source=("£621.20 from tenant.",), confirmation="match", entered_at=NOW - timedelta(days=12), earlier_refunds=1,
        asked_by=HOME_OF[case].person() if case in HOME_OF else None,
    )  # fmt: skip


def refund_facts(account: UUID) -> RefundFacts:
    """What approvals asks when a task opens: nobody on the staff is behind these credits."""
    page = account_page(next(home for home in HOMES if home.account == account))
    return RefundFacts(
        account=account,
        version=17,
        kind=AccountKind.RENT,
        status=AccountStatus.CURRENT,
        as_of=TODAY,
        balance_pence=page.balance_pence,
        cleared_credit_pence=page.cleared_credit_pence,
        uncleared_pence=0,
        held_by_others_pence=0,
        weekly_charge_pence=120_00,
        pays_by_direct_debit=False,
        credits=(),
        tenancy=page.tenancy,
        people=(),
        account_holds=(),
        debts=(),
        actors=(),
    )


# --- files, letters, runs -------------------------------------------------------------------------------------------------------------


def bank_file(bank_file: UUID) -> BankFilePage:
    common = {
        "format": "camt.053.001.08",
        "sha256": "9f" * 32,
        "size_bytes": 48_213,
        "uploaded_at": NOW - timedelta(hours=5),
        "uploaded_by": "asha.officer",
    }
    earlier: dict[str, Any] = {
        "earlier": FILE,
        "earlier_name": "cash.txt",
        "earlier_at": NOW - timedelta(days=1),
        "earlier_by": "ben.officer",
    }
    if bank_file == REFUSED_FILE:
        faults = (
            FileFault(line=None, rule="TotalDiffers", message="The entries add up to £1,204.50; the statement says £1,240.50."),
            FileFault(line=88, rule="DatedInTheFuture", message="The entry is dated 1 Mar 2031. Ask the bank for a corrected statement."),
        )
        return BankFilePage(
            bank_file=bank_file,
            name="statement-broken.xml",
            status=FileStatus.REFUSED,
            faults=faults,
            faults_in_all=2,
            advice=("Ask the bank for it anew.",),
            **common,
        )
    if bank_file == ALIKE_FILE:
        words = "18 of the 19 payments of cash-again.txt have the day, reference and amount of payments of the earlier file cash.txt"
        return BankFilePage(
            bank_file=bank_file,
            name="cash-again.txt",
            status=FileStatus.REFUSED,
            faults=(FileFault(line=None, rule="ExportedAgain", message=words),),
            faults_in_all=1,
            advice=("It seems to be the earlier file exported again.",),
            may_be_new=True,
            **earlier,
            **common,
        )
    if bank_file == NEW_ALIKE_FILE:
        words = "Statement S2 (line 4) begins on the same day with the same balance as statement S1 of cash.txt. Compare the two."
        return BankFilePage(bank_file=bank_file, name="cash-new.txt", status=FileStatus.TAKEN, remarks=(words,), **earlier, **common)
    if bank_file == TWICE_FILE:
        return BankFilePage(
            bank_file=bank_file, name="cash-again.txt", status=FileStatus.ALREADY_TAKEN, may_be_new=True, **earlier, **common
        )
    if bank_file == REPEATED_FILE:
        return BankFilePage(
            bank_file=bank_file,
            name="statement-copy.xml",
            status=FileStatus.ALREADY_TAKEN,
            earlier=FILE,
            earlier_name="statement-2026-11-18.xml",
            earlier_at=NOW - timedelta(days=4),
            earlier_by="ben.officer",
            **common,
        )
    if bank_file == PENDING_FILE:
        announced = FileLine(
            line=61,
            amount_pence=240_00,
            code="RBP",
            entry_reference="NTRY-0009",
            effective_date=TODAY,
            pending=True,
            account=OKAFOR.account,
            account_reference=OKAFOR.reference,
            in_suspense=False,
            journal=None,
        )
        return BankFilePage(
            bank_file=bank_file, name="statement-pending.xml", status=FileStatus.TAKEN, pending=1, lines=(announced,), **common
        )
    lines = (
        FileLine(
            line=61,
            amount_pence=240_00,
            code="RBP",
            entry_reference="NTRY-0007",
            effective_date=TODAY - timedelta(days=6),
            pending=False,
            account=OKAFOR.account,
            account_reference=OKAFOR.reference,
            in_suspense=False,
            journal=an_id("okafor RBP 6"),
        ),
        FileLine(
            line=74,
            amount_pence=18_00,
            code="RSO",
            entry_reference="NTRY-0008",
            effective_date=TODAY - timedelta(days=6),
            pending=False,
            account=None,
            account_reference=None,
            in_suspense=True,
            journal=an_id("suspense"),
            suspense_reason="No account has this reference",
        ),
    )
    return BankFilePage(
        bank_file=bank_file,
        name="statement-2026-11-18.xml",
        status=FileStatus.TAKEN,
        receipts=2,
        total_pence=258_00,
        in_suspense=1,
        by_method=(MethodTotal(code="RBP", lines=1, amount_pence=240_00), MethodTotal(code="RSO", lines=1, amount_pence=18_00)),
        lines=lines,
        **common,
    )


UNPLACED, PAID_OUT, MOVED = an_id("suspense"), an_id("paid out"), an_id("moved from suspense")
RETURNED, MATCHED = an_id("a mute return"), an_id("a return that was matched")


def in_suspense(item: UUID | None = None) -> Suspense:
    """All of it, or one item: a payment with three accounts that it may be for, of which part was moved; one long overdue; money out."""
    about = {"code": "RBP", "code_words": "Bank payment", "bank_file": FILE, "file_name": "statement-2026-11-18.xml"}
    items = (
        SuspenseItem(
            item=an_id("long overdue"), amount_pence=1_204_00, since=TODAY - timedelta(days=41), review_by=TODAY - timedelta(days=34),
            escalate_on=TODAY - timedelta(days=11), reason="no payment reference", payer_name="", text="", line=12, may_be_moved=True,
            matches=(), **about,
        ),
        SuspenseItem(
            item=UNPLACED, amount_pence=18_00, came_pence=30_00, since=TODAY - timedelta(days=6), review_by=TODAY - timedelta(days=1),
            escalate_on=TODAY + timedelta(days=24), reason="no account has this payment reference", payer_name="NGUYEN T L",
            text="RENT NOV 97000032E /A-VERY-LONG-END-TO-END-IDENTIFICATION-0123456789", line=74, may_be_moved=True,
            matches=(
                SuspenseMatch(
                    label=NGUYEN.label, because=("payer", "reference", "name"),
                    paid_before=PaidBefore(on=TODAY - timedelta(days=34), moved_by="ben.officer"), exact=True,
                ),
                SuspenseMatch(label=OKAFOR.label, because=("debt",)),
                SuspenseMatch(label=IVANOVA.label, because=("charge",)),
            ), **about,
        ),
        SuspenseItem(
            item=PAID_OUT, amount_pence=-141_20, since=TODAY - timedelta(days=2), review_by=TODAY + timedelta(days=5),
            escalate_on=TODAY + timedelta(days=28), reason="money out, to be matched with what was paid", payer_name="",
            text="BACS CREDITS", line=80, may_be_moved=False, matches=(), **about,
        ),
        SuspenseItem(
            item=RETURNED, amount_pence=-60_00, since=TODAY - timedelta(days=1), review_by=TODAY + timedelta(days=6),
            escalate_on=TODAY + timedelta(days=29), reason="no payment reference", payer_name="", text="UNPAID CHEQUE", line=82,
            may_be_moved=False, may_be_matched=True, matches=(), **about | {"code": "RRC", "code_words": "Returned cheque"},
        ),
    )  # fmt: skip
    moved = MovedItem(
        item=an_id("was in suspense"), journal=MOVED, label=OKAFOR.label, amount_pence=25_00, since=TODAY - timedelta(days=9),
        moved_at=NOW - timedelta(days=1), moved_by="ben.officer", came_pence=40_00,
    )  # fmt: skip
    back = TakenBack(
        item=an_id("was taken back"), journal=an_id("the return"), amount_pence=75_00, since=TODAY - timedelta(days=8),
        payer_name="R QUILL", on=TODAY - timedelta(days=1), by="asha.officer", bank_file=FILE, file_name="statement-2026-11-18.xml",
        line=91, labels=(IVANOVA.label,),
    )  # fmt: skip
    undone = TakenBack(
        item=an_id("was undone"), journal=an_id("the undoing"), amount_pence=5_00, since=TODAY - timedelta(days=8), payer_name="",
        on=TODAY, by="ben.officer",
    )  # fmt: skip
    matched = MatchedReturn(
        item=MATCHED, amount_pence=60_00, on=TODAY - timedelta(days=3), paid_on=TODAY - timedelta(days=12), payer_name="R QUILL",
        labels=(IVANOVA.label,), matched_at=NOW - timedelta(days=1), matched_by="ben.officer",
    )  # fmt: skip
    listed = tuple(one for one in items if item in (None, one.item))
    return Suspense(
        items=listed, in_all=4, total_pence=1_020_80, to_review=2, to_escalate=1, moved=(moved,), taken_back=(undone, back),
        matched=(matched,),
    )  # fmt: skip


def exact_suggestions(asked: ExactAsked) -> ExactSuggestions:
    """The one payment of `in_suspense` that has an exact suggestion."""
    [item] = in_suspense(UNPLACED).items
    exact = item.model_copy(update={"matches": item.matches[:1]})
    listed = (exact,) if not asked.items or UNPLACED in asked.items else ()
    return ExactSuggestions(items=listed[asked.offset :], in_all=len(listed), total_pence=18_00 * len(listed))


def return_page(item: UUID, reference: str | None = None) -> ReturnPage:
    """A return with the payments that it may take back, one of them on a closed account; or MATCHED, of which somebody said it."""
    about = {"bank_file": FILE, "file_name": "statement-2026-11-18.xml"}
    closed = IVANOVA.label.model_copy(update={"status": AccountStatus.CLOSED})
    payments = (
        MayComeBack(
            payment=an_id("the cheque"), on=TODAY - timedelta(days=8), code_words="Cheque", payer_name="R QUILL",
            text="RENT FOR THE BLUE DOOR /A-VERY-LONG-END-TO-END-IDENTIFICATION-0123456789", line=33, labels=(OKAFOR.label, NGUYEN.label),
            speaks=("bank-account", "name"), against=(), **about,
        ),
        MayComeBack(
            payment=an_id("another cheque"), on=TODAY - timedelta(days=5), code_words="Cheque", payer_name="", text="", line=41, labels=(),
            speaks=(), against=("other-bank-account",), **about,
        ),
        MayComeBack(
            payment=an_id("a closed account's cheque"), on=TODAY - timedelta(days=40), code_words="Cheque", payer_name="", text="RENT",
            labels=(closed,), speaks=(), against=("cleared", "closed"), bank_file=None, file_name=None, line=None,
        ),
    )  # fmt: skip
    match = ReturnMatch(
        payment=payments[0].model_copy(update={"labels": (IVANOVA.label,)}), matched_at=NOW - timedelta(days=1), matched_by="ben.officer",
        reason="the bank named the cheque",
    )  # fmt: skip
    shown = () if item == MATCHED else payments if reference is None else payments[:1] if reference == OKAFOR.reference else ()
    return ReturnPage(
        item=item, amount_pence=60_00, on=TODAY - timedelta(days=1), code_words="Returned cheque", reason="no payment reference",
        payer_name="", text="UNPAID CHEQUE", line=82, payments=shown, in_all=71 if shown else 0, match=match if item == MATCHED else None,
        **about,
    )  # fmt: skip


def letter() -> LetterRow:
    return LetterRow(
        letter=LETTER,
        kind="refund-made",
        title="Your refund",
        account=OKAFOR.account,
        case=CASE_PAID,
        made_at=NOW - timedelta(days=20),
        sent_at=NOW - timedelta(days=20),
        sent_how="folder",
        sha256="ab" * 32,
        fate=LetterFate.SENT,
    )


def ready_payment(decision: UUID) -> ReadyPayment:
    return ReadyPayment(
        case=CASE_OKAFOR,
        attempt=1,
        account=OKAFOR.account,
        content_hash=content_hash(PLANS[CASE_OKAFOR]),
        amount_pence=141_20,
        approved_at=NOW - timedelta(hours=1),
        decision=decision,
        pay_by=TODAY + timedelta(days=11),
        masked="••-••-99 ••••4958",
    )


def run_page(run: UUID, status: RunStatus = RunStatus.ACCEPTED) -> RunPage:
    return RunPage(
        run=run,
        status=status,
        released_at=NOW - timedelta(days=2),
        released_total_pence=176_20,
        processing_day=TODAY + timedelta(days=1),
        entry_day=TODAY + timedelta(days=2),
        file_name="rentbook-000123.txt",
        sha256="c4" * 32,
        count=2,
        total_pence=176_20,
        lines=(
            RunLine(
                case=CASE_PAID, attempt=1, account=OKAFOR.account, amount_pence=35_00, status="paid", refund_journal=an_id("okafor REF 30")
            ),
            RunLine(
                case=CASE_NGUYEN, attempt=1, account=NGUYEN.account, amount_pence=141_20, status="dropped", because="The credit was used"
            ),
        ),
        reports=("Input report of 21 Nov 2026: 1 credit of £35.00 accepted",),
    )


def last_commands() -> LastCommands:
    """What staff last did; the stand-in of each service tells all of it."""
    acts = (
        ("asha.officer", "set-account-hold", 3), ("asha.officer", "take-bank-file", 1), ("grace.finance", "post-provision", 20),
        ("ella.manager", "check-evidence-policy", 40), ("asha.officer", "outbox-replay", 2), ("Ottilie Ops", "parked-discard", 5),
    )  # fmt: skip
    return LastCommands(commands=tuple(LastCommand(person=who, command=what, at=NOW - timedelta(days=ago)) for who, what, ago in acts))
