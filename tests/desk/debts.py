"""Debts as the ledger and writeoffs would tell them: proposals at each point of their lives, and a schedule in each state."""

from datetime import date, timedelta
from uuid import UUID

from rentbook_contracts.approvals import ApprovedLine
from rentbook_contracts.ledger import (
    AccountKind,
    AccountStatus,
    BenefitClaim,
    ChargeOwed,
    DebtFacts,
    FindDebts,
    FoundDebt,
    FoundDebts,
    GoneLately,
    LineKind,
    LinePart,
    LinkedAccount,
    PastWriteOff,
    PaymentPlan,
    PlanRhythm,
    ProvisionAsked,
    ProvisionPolicies,
    ProvisionPolicy,
    ProvisionProposal,
    ProvisionRate,
    ProvisionReport,
    ProvisionRow,
    ProvisionStatus,
    ProvisionVersion,
    StandingCredit,
    WriteOffLine,
)
from rentbook_contracts.writeoffs import (
    BarredCharge,
    BulkDryRun,
    BulkProposed,
    DryRun,
    DryRunAsked,
    DryRunLine,
    EvidenceKind,
    EvidenceLadder,
    EvidencePolicies,
    EvidencePolicy,
    EvidenceProposal,
    EvidenceRung,
    EvidenceVersion,
    EvidenceWay,
    LadderFigure,
    LadderShown,
    LaddersShown,
    LineToDecide,
    NotProposed,
    OrderKind,
    ProofShown,
    ProposalAsked,
    ProposalEvent,
    ProposalPage,
    ProposalRow,
    Proposals,
    ProposalsAsked,
    ProposalStatus,
    ProposeInBulk,
    Reason,
    Register,
    RegisterAsked,
    RegisterRow,
    RegisterTotal,
    Reminders,
    RungShown,
    ScheduleAsked,
    ScheduleContent,
    ScheduleLineShown,
    SchedulePage,
    ScheduleRow,
    Schedules,
    SchedulesAsked,
    ScheduleStatus,
    ScheduleToDecide,
    ScheduleTotals,
    Struck,
    TotalByReason,
    TotalsAsked,
    WouldPropose,
    WriteOffTotals,
)

from desk.estate import IVANOVA, LETTER, NGUYEN, NOW, OKAFOR, TODAY, an_id

GATHERING, BLOCKED, READY, POSTED = (an_id(f"proposal {name}") for name in ("gathering", "blocked", "ready", "posted"))
SCHEDULE, SENT_BACK, DONE = (an_id(f"schedule {name}") for name in ("with approver", "sent back", "posted"))
LINE = an_id("line 0")
"""A proposal that is on every schedule."""
PLAN = an_id("plan")
TRACED = an_id("proof of a trace")
WRITTEN_OFF, RELEASED = an_id("written off"), an_id("written off and discharged")

STATUS = {
    GATHERING: ProposalStatus.GATHERING,
    BLOCKED: ProposalStatus.BLOCKED,
    READY: ProposalStatus.READY,
    POSTED: ProposalStatus.POSTED,
}
SCHEDULE_STATUS = {
    SCHEDULE: ScheduleStatus.WITH_APPROVER,
    SENT_BACK: ScheduleStatus.SENT_BACK,
    DONE: ScheduleStatus.POSTED,
}
PARTS = (LinePart(element="basic rent", amount_pence=372_10), LinePart(element="garage", amount_pence=30_00, vat_pence=5_00))

RECHARGE = an_id("debt nguyen 90014921C-R")
LINKED = (LinkedAccount(account=RECHARGE, kind=AccountKind.RECHARGE, former=True, balance_pence=55_50),)
LATELY = (GoneLately(account=RECHARGE, on=TODAY - timedelta(days=60), pence=30_00),)

CLAIMS = (
    BenefitClaim(
        since=TODAY - timedelta(days=200),
        reason="a first letter",
        noted_by="asha.officer",
        noted_at=NOW - timedelta(days=199),
        decided_on=TODAY - timedelta(days=100),
        decided_because="they pay nothing",
        decided_by="carol.senior",
        decided_at=NOW - timedelta(days=99),
    ),
    BenefitClaim(since=TODAY - timedelta(days=20), reason="another letter", noted_by="carol.senior", noted_at=NOW - timedelta(days=19)),
)


def facts(account: UUID) -> DebtFacts:
    """A former tenant of three years ago with two write-offs behind them, of which the law has released one."""
    return DebtFacts(
        account=account,
        version=3,
        kind=AccountKind.RENT,
        status=AccountStatus.FORMER,
        as_of=TODAY,
        balance_pence=402_10 if account != OKAFOR.account else -141_20,
        ended_on=TODAY - timedelta(days=1_100),
        credit_stood=(StandingCredit(since=TODAY - timedelta(days=900), pence=141_20),) if account == OKAFOR.account else (),
        charges=(ChargeOwed(journal=an_id("charge"), element="basic rent", due_on=TODAY - timedelta(days=1_200), owed_pence=402_10),)
        if account != OKAFOR.account
        else (),
        people=(),
        account_holds=(),
        housing_benefit_unresolved=account == IVANOVA.account,
        claims=CLAIMS if account == IVANOVA.account else (),
        plan=PaymentPlan(
            plan=PLAN,
            agreed_on=TODAY,
            instalment_pence=20_00,
            rhythm=PlanRhythm.FORTNIGHTLY,
            first_due_on=TODAY + timedelta(days=7),
            kept=True,
            noted_by="carol.senior",
            noted_at=NOW - timedelta(days=1),
        )
        if account == IVANOVA.account
        else None,
        linked=LINKED,
        written_off_lately=LATELY if account != OKAFOR.account else (),
        write_offs=(
            PastWriteOff(
                journal=WRITTEN_OFF,
                line=POSTED,
                on=TODAY - timedelta(days=400),
                amount_pence=210_00,
                reinstated_pence=10_00,
                discharged=False,
            ),
            PastWriteOff(
                journal=RELEASED, line=an_id("x"), on=TODAY - timedelta(days=500), amount_pence=99_00, reinstated_pence=0, discharged=True
            ),
        ),
        to_income_lately=(GoneLately(account=account, on=TODAY - timedelta(days=90), pence=40_00),) if account == OKAFOR.account else (),
        debtor_total_pence=487_60,
        credits_total_pence=181_20 if account == OKAFOR.account else 0,
    )


def row(proposal: UUID, account: UUID = IVANOVA.account) -> ProposalRow:
    """Of a proposal that is known here; any other is a line of the schedule that waits."""
    status = STATUS.get(proposal, ProposalStatus.ON_SCHEDULE)
    return ProposalRow(
        proposal=proposal,
        kind=LineKind.WRITE_OFF,
        account=account,
        reason=Reason.UNTRACEABLE,
        status=status,
        status_note="a payment plan is kept" if status is ProposalStatus.BLOCKED else "",
        amount_pence=402_10,
        debtor_total_pence=487_60,
        raised_by="ben.officer",
        raised_at=NOW - timedelta(days=9),
        look_again_on=TODAY + timedelta(days=30) if status is ProposalStatus.GATHERING else None,
        schedule={ProposalStatus.POSTED: DONE, ProposalStatus.ON_SCHEDULE: SCHEDULE}.get(status),
        reminders=REMINDERS.get(proposal),
    )


REMINDERS = {
    GATHERING: Reminders(times=1, last_on=TODAY - timedelta(days=2), escalated=False),
    BLOCKED: Reminders(times=3, last_on=TODAY - timedelta(days=5), escalated=True),
}


def proposals(asked: ProposalsAsked) -> Proposals:
    """An account about which it is asked whether anything is open has nothing open."""
    rows = tuple(
        one
        for one in (row(GATHERING), row(BLOCKED, NGUYEN.account), row(READY), row(POSTED))
        if (not asked.statuses or (one.status in asked.statuses and asked.account is None))
        and asked.raised_by in (None, one.raised_by)
        and (one.reminders or not asked.reminded)
        and (not asked.escalated or (one.reminders is not None and one.reminders.escalated))
    )
    return Proposals(proposals=rows[: asked.limit], in_all=len(rows), total_pence=sum(one.amount_pence for one in rows))


def found(asked: FindDebts) -> FoundDebts:
    """Two former tenants, the one who left first on top."""
    both = (
        FoundDebt(account=IVANOVA.account, owed_pence=402_10, ended_on=TODAY - timedelta(days=1_100)),
        FoundDebt(account=NGUYEN.account, owed_pence=85_50, ended_on=TODAY - timedelta(days=400)),
    )
    upper = asked.to_pence if asked.to_pence is not None else 402_10
    return FoundDebts(debts=tuple(one for one in both if asked.from_pence <= one.owed_pence <= upper), more=False)


OPEN_ALREADY = "The account has an open proposal."


def bulk_dry_run(asked: ProposeInBulk) -> BulkDryRun:
    """Ivanova's is blocked by a plan, Okafor's is proposed already, and nothing keeps anybody else's."""
    blocked = {IVANOVA.account: ("A payment plan of £20.00 is being kept.",)}
    return BulkDryRun(
        accounts=tuple(
            WouldPropose(account=one, because=OPEN_ALREADY)
            if one == OKAFOR.account
            else WouldPropose(
                account=one,
                amount_pence=402_10,
                debtor_total_pence=487_60,
                blocked=blocked.get(one, ()),
                missing=("traces in two sources",),
            )
            for one in asked.accounts
        )
    )


def proposed(asked: ProposeInBulk) -> BulkProposed:
    """As the dry run said, but for Nguyen's, which somebody proposed meanwhile."""
    kept = tuple(one for one in asked.accounts if one not in (OKAFOR.account, NGUYEN.account))
    return BulkProposed(
        proposals=tuple(an_id(f"proposal of {one}") for one in kept),
        refused=tuple(NotProposed(account=one, because=OPEN_ALREADY) for one in asked.accounts if one not in kept),
    )


def proposal_page(asked: ProposalAsked) -> ProposalPage:
    told = row(asked.proposal)
    charge = ChargeOwed(journal=an_id("charge"), element="basic rent", due_on=TODAY - timedelta(days=2_300), owed_pence=372_10)
    garage = ChargeOwed(journal=an_id("charge 2"), element="garage", due_on=TODAY - timedelta(days=900), owed_pence=30_00, vat_pence=5_00)
    return ProposalPage(
        proposal=told.proposal,
        attempt=2,
        kind=told.kind,
        account=told.account,
        reason=told.reason,
        status=told.status,
        status_note=told.status_note,
        note="Left without an address. <b>Neighbours</b> know nothing.",
        raised_by=told.raised_by,
        raised_at=told.raised_at,
        owed_pence=402_10,
        amount_pence=told.amount_pence,
        debtor_total_pence=told.debtor_total_pence,
        parts=PARTS if told.status is not ProposalStatus.POSTED else (),
        ladder=(
            RungShown(wanted="traces in two sources", met=True, says="shown on 3 Nov 2026", shown_by=(EvidenceKind.TRACE,)),
            RungShown(wanted="an agency's return", met=False, says="from 25 Dec 2026", from_on=TODAY + timedelta(days=30)),
            RungShown(wanted="contact tried", met=False, says="0 of 1 so far"),
        ),
        blocked=("A payment plan is kept.", "The balance moved since it was proposed.") if told.status is ProposalStatus.BLOCKED else (),
        look_again_on=told.look_again_on,
        charges=(
            BarredCharge(charge=charge, bars_on=TODAY - timedelta(days=109), barred=True),
            BarredCharge(charge=garage, bars_on=TODAY + timedelta(days=1_290), barred=False),
            BarredCharge(charge=garage.model_copy(update={"element": "court costs"}), bars_on=None, barred=False),
        ),
        proofs=(
            ProofShown(
                proof=TRACED, may_be_struck=told.status is not ProposalStatus.POSTED, kind=EvidenceKind.TRACE,
                on=TODAY - timedelta(days=20), source="electoral register", reference="ER 4471",
                note="No trace",
                by="ben.officer", at=NOW - timedelta(days=8),
            ),
            ProofShown(
                proof=an_id("proof of an order"), kind=EvidenceKind.INSOLVENCY_ORDER, on=TODAY - timedelta(days=12), source="register",
                reference="DRO 41", note="", by="ben.officer", at=NOW - timedelta(days=8), order_kind=OrderKind.DEBT_RELIEF_ORDER,
                listed=True, struck=Struck(by="asha.officer", at=NOW - timedelta(days=7), because="It is of another Ivanova."),
            ),
            ProofShown(
                proof=an_id("proof of a letter"), kind=EvidenceKind.LETTER_SENT,
                on=TODAY - timedelta(days=7), source="notices", reference="", note="", by="system",
                at=NOW - timedelta(days=7), letter=LETTER,
            ),
        ),
        events=(
            ProposalEvent(at=NOW - timedelta(days=9), by="ben.officer", what="proposed", note="Left without an address."),
            ProposalEvent(at=NOW - timedelta(days=8), by="ben.officer", what="evidence added: trace"),
        ),
        undoes=None,
        schedule=told.schedule,
        journal=WRITTEN_OFF if told.status is ProposalStatus.POSTED else None,
        policy_version="2021-07-01",
        letter_on=TODAY + timedelta(days=21) if told.status is ProposalStatus.GATHERING else None,
        address_missing=told.status is ProposalStatus.BLOCKED,
        linked=LINKED if told.status is not ProposalStatus.POSTED else (),
        reminders=told.reminders,
        lately=LATELY if told.status is not ProposalStatus.POSTED else (),
    )  # fmt: skip


def line_of(proposal: UUID, account: UUID = IVANOVA.account) -> WriteOffLine:
    return WriteOffLine(
        line=proposal,
        attempt=1,
        kind=LineKind.WRITE_OFF,
        account=account,
        reason=Reason.UNTRACEABLE.value,
        balance_pence=402_10,
        parts=PARTS,
        evidence_hash="e" * 64,
    )


def dry_run(asked: DryRunAsked) -> DryRun:
    """What is ready would post; anything else stays behind."""
    lines = tuple(
        DryRunLine(proposal=one, account=IVANOVA.account, line=line_of(one), debtor_total_pence=487_60)
        if STATUS.get(one) is ProposalStatus.READY
        else DryRunLine(proposal=one, account=NGUYEN.account, line=None, because="Evidence is missing.")
        for one in asked.proposals
    )
    made = [one.line for one in lines if one.line is not None]
    return DryRun(
        lines=lines,
        total_pence=sum(one.amount_pence for one in made),
        vat_pence=5_00 * len(made),
        band_pence=487_60 if made else 0,
    )


def schedules(asked: SchedulesAsked) -> Schedules:
    """Of the one that is posted a line dropped, and one was left out."""
    return Schedules(
        schedules=tuple(
            ScheduleRow(
                schedule=one,
                kind=LineKind.WRITE_OFF,
                title="Former tenants, quarter 3",
                status=status,
                status_note="Which of them are on Housing Benefit?" if status is ScheduleStatus.SENT_BACK else "",
                made_by="ben.officer",
                made_at=NOW - timedelta(days=3),
                lines=3,
                total_pence=1_206_30,
                posted_pence=402_10 if status is ScheduleStatus.POSTED else 0,
                left_lines=1 if status is ScheduleStatus.POSTED else 3,
                left_pence=402_10 if status is ScheduleStatus.POSTED else 1_206_30,
                dropped=1 if status is ScheduleStatus.POSTED else 0,
            )
            for one, status in SCHEDULE_STATUS.items()
            if not asked.schedules or one in asked.schedules
        )
    )


def to_decide(schedule: UUID, band_pence: int = 487_60) -> ScheduleToDecide:
    """The schedule that waits, as writeoffs tells approvals. `band_pence` is the highest debtor's total."""
    lines = tuple(
        LineToDecide(
            line=line.line,
            content_hash=line.content_hash,
            account=line.account,
            amount_pence=line.amount_pence,
            debtor_total_pence=band_pence,
        )
        for line in schedule_page(ScheduleAsked(schedule=schedule)).lines
    )
    return ScheduleToDecide(
        schedule=schedule,
        round=1,
        kind=LineKind.WRITE_OFF,
        title="Former tenants, quarter 3",
        lines=lines,
        band_pence=band_pence,
        total_pence=sum(line.amount_pence for line in lines),
        raised_by="ben.officer",
        participants=("ben.officer",),
    )


def hash_of(told: ScheduleToDecide) -> str:
    lines = tuple(ApprovedLine(line=one.line, content_hash=one.content_hash) for one in told.lines)
    return ScheduleContent(schedule=told.schedule, round=told.round, lines=lines).content_hash


def schedule_page(asked: ScheduleAsked) -> SchedulePage:
    status = SCHEDULE_STATUS[asked.schedule]
    done = status is ScheduleStatus.POSTED
    standings = (("posted", None), ("dropped", "balance-moved"), ("excepted", "more-evidence")) if done else (("listed", None),) * 3
    lines = tuple(
        ScheduleLineShown(
            line=an_id(f"line {at}"),
            account=home.account,
            reason=Reason.UNTRACEABLE,
            content_hash=f"{at}" * 64,
            amount_pence=402_10,
            vat_pence=5_00,
            debtor_total_pence=487_60,
            parts=PARTS,
            standing=standing,
            because=because,
            journal=WRITTEN_OFF if standing == "posted" else None,
            evidence=(RungShown(wanted="tracing attempts at different sources", met=True, says="shown on 23 June 2026"),),
        )
        for at, (home, (standing, because)) in enumerate(zip((IVANOVA, NGUYEN, OKAFOR), standings, strict=True))
    )
    shown = tuple(line for line in lines if not asked.standings or line.standing in asked.standings)
    return SchedulePage(
        schedule=asked.schedule,
        kind=LineKind.WRITE_OFF,
        title="Former tenants, quarter 3",
        round=2 if status is ScheduleStatus.SENT_BACK else 1,
        status=status,
        status_note="Which of them are on Housing Benefit?" if status is ScheduleStatus.SENT_BACK else "",
        made_by="ben.officer",
        made_at=NOW - timedelta(days=3),
        content_hash="c" * 64,
        band_pence=487_60,
        total_pence=1_206_30,
        posted_pence=402_10 if done else 0,
        lines=shown,
        lines_in_all=len(shown),
        totals=tuple(
            ScheduleTotals(
                reason=Reason.UNTRACEABLE,
                standing=one,
                lines=(n := sum(1 for line in lines if line.standing == one)),
                amount_pence=n * 402_10,
            )
            for one in dict.fromkeys(line.standing for line in lines)
        ),
        events=(ProposalEvent(at=NOW - timedelta(days=3), by="ben.officer", what="schedule made"),),
        decision=None,
    )


def register(asked: RegisterAsked) -> Register:
    """A write-off of which a part was put back, and one that the law has released."""
    rows = tuple(
        RegisterRow(
            proposal=POSTED,
            schedule=DONE,
            kind=LineKind.WRITE_OFF,
            account=IVANOVA.account,
            reason=Reason.DEBT_RELIEF_ORDER if released else Reason.UNTRACEABLE,
            journal=journal,
            posted_on=TODAY - timedelta(days=400),
            amount_pence=210_00,
            vat_pence=5_00,
            reinstated_pence=0 if released else 10_00,
            discharged=released,
            decision=an_id("a decision on a schedule"),
        )
        for journal, released in ((WRITTEN_OFF, False), (RELEASED, True))
    )
    shown = tuple(row for row in rows if asked.reason in (None, row.reason))[asked.offset :]
    together = 210_00 * len(shown)
    of_kind = RegisterTotal(
        kind=LineKind.WRITE_OFF, lines=len(shown), amount_pence=together, vat_pence=5_00 * len(shown), reinstated_pence=10_00
    )
    kinds = (of_kind,) if shown else ()
    return Register(rows=shown, in_all=len(shown), total_pence=together, reinstated_pence=10_00, kinds=kinds)


def totals(asked: TotalsAsked) -> WriteOffTotals:
    one = TotalByReason(kind=LineKind.WRITE_OFF, reason=Reason.UNTRACEABLE, lines=12, amount_pence=4_825_20, vat_pence=60_00)
    return WriteOffTotals(since=asked.since, until=asked.until, totals=(one,))


JOURNAL = an_id("journal of a provision")


def provision(asked: ProvisionAsked) -> ProvisionReport:
    """£60.75 of £1,110.00 is not expected to come in; £40.00 is provided for. The months before June 2026 were posted."""
    rows = tuple(
        ProvisionRow(
            status=status,
            from_days=start,
            to_days=end,
            owed_pence=owed,
            rate_basis_points=rate,
            expected_loss_pence=owed * rate // 10_000,
        )
        for status, start, end, owed, rate in (
            ("current", 0, 90, 800_00, 2_50),
            ("current", 91, None, 200_00, 12_50),
            ("former", 0, None, 110_00, 14_32),
        )
    )
    wanted = sum(row.expected_loss_pence for row in rows)
    return ProvisionReport(
        month_end=asked.month_end,
        policy_version="provision-2026-04-01",
        rows=rows,
        wanted_pence=wanted,
        held_pence=40_00,
        to_post_pence=wanted - 40_00,
        journal=JOURNAL if asked.month_end < date(2026, 6, 1) else None,
    )


def ladders() -> LaddersShown:
    """One policy of evidence."""
    figures = (
        LadderFigure(about="No action in court after", says="6 years from the day a charge fell due"),
        LadderFigure(about="untraceable", says="traces in two sources; an agency's return"),
    )
    return LaddersShown(
        policies=(
            LadderShown(version="2021-07-01", in_force_from=date(2021, 7, 1), source="Former tenant arrears policy", figures=figures),
        )
    )


EVIDENCE = an_id("a proposal for other evidence")


def evidence_policy(letters: int = 1, upper: int = 49_99) -> EvidencePolicy:
    """What two reasons ask for."""
    trace = EvidenceWay(proof=EvidenceKind.TRACE, at_least=2, sources=2)
    letter = EvidenceWay(proof=EvidenceKind.LETTER_SENT, at_least=letters, quiet_days=28)
    return EvidencePolicy(
        in_force_from=date(2021, 7, 1),
        source="Former tenant arrears policy",
        limitation_years=6,
        unclaimed_after_years=6,
        look_again_days=7,
        remind_after_days=28,
        discharging=(Reason.BANKRUPTCY,),
        ladders=(
            EvidenceLadder(reason=Reason.UNTRACEABLE, rungs=(EvidenceRung(wanted="Traces from two sources", any_of=(trace,)),)),
            EvidenceLadder(
                reason=Reason.UNECONOMIC, to_pence=upper, rungs=(EvidenceRung(wanted="Letters without a reply", any_of=(letter,)),)
            ),
        ),
    )


def evidence() -> EvidencePolicies:
    """One version in force, and a proposal of Farid's for two letters up to £60.00."""
    soon = evidence_policy(2, 60_00).model_copy(update={"in_force_from": TODAY + timedelta(days=9), "source": "Cabinet, minute 41"})
    return EvidencePolicies(
        versions=(
            EvidenceVersion(version="2021-07-01", council="A council", policy=evidence_policy(), made_by="a maker", checked_by="a checker"),
        ),
        proposals=(EvidenceProposal(proposal=EVIDENCE, policy=soon, proposed_by="farid.head", proposed_at=NOW - timedelta(hours=2)),),
    )


RATES = an_id("a proposal for other rates")


def rate_policy(*changed: tuple[ProvisionStatus, int, int]) -> ProvisionPolicy:
    """Two rates of each status, and what changes."""
    told: list[tuple[ProvisionStatus, int, int]] = [
        ("current", 0, 2_50),
        ("current", 91, 12_50),
        ("former", 0, 50_00),
        ("former", 365, 95_00),
    ]
    stated = {(status, days): points for status, days, points in (*told, *changed)}
    return ProvisionPolicy(
        in_force_from=date(2020, 4, 6),
        source="An example",
        rates=tuple(ProvisionRate(status=status, from_days=days, basis_points=points) for (status, days), points in sorted(stated.items())),
    )


def rates() -> ProvisionPolicies:
    """One version in force, and a proposal of Farid's with another rate of current tenants after 91 days and one more of former ones."""
    soon = rate_policy(("current", 91, 15_00), ("former", 730, 100_00))
    soon = soon.model_copy(update={"in_force_from": TODAY + timedelta(days=9), "source": "Cabinet, minute 42"})
    version = ProvisionVersion(version="provision-2020-1", policy=rate_policy(), made_by="a maker", checked_by="a checker")
    proposal = ProvisionProposal(proposal=RATES, policy=soon, proposed_by="farid.head", proposed_at=NOW - timedelta(hours=3))
    return ProvisionPolicies(versions=(version,), proposals=(proposal,))
