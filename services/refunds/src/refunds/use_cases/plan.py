"""Make the plan of a case from its checks: what pays other debts, what is refunded, to whom (domain.md 4)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.refunds import CheckOutcome, PlanMade, PlanRefund

from refunds.domain import checks as rules
from refunds.domain.covered import ground_of
from refunds.domain.days import LONDON, business_date
from refunds.domain.facts import CaseFacts
from refunds.domain.means import Means
from refunds.domain.plan import Plan, plan_refund
from refunds.domain.policy import RefundPolicy
from refunds.domain.rules import RefundRule
from refunds.store import cases, checks, policies
from refunds.store.cases import Case
from refunds.store.checks import Result
from refunds.use_cases.case_work import at_attempt
from refunds.use_cases.gather import gather

TEN = 10
# No clock that is behind still counts the day before.
INTO_THE_DAY = time(1)
# These say that there is nothing to pay out of; no document can change that.
ABOUT_THE_AMOUNT = (1, 3)


class ChecksMissing(RefundRule):
    """A plan is made of all ten checks of its round."""


async def plan(tx: Transaction, asked: PlanRefund, means: Means) -> PlanMade:
    """`plan` is None where a check fails or waits (`blocked` names it) and where nothing is due. Errors: ChecksMissing, Unanswered."""
    row = await at_attempt(tx, asked.case, asked.attempt)
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    facts = await gather(tx, row, policy, means)
    await _look_again(tx, row, asked.round, facts, policy, today)
    results = await checks.results_of_round(tx, row.id, asked.attempt, asked.round)
    if len(results) != TEN:
        raise ChecksMissing("Not all ten checks of this round have run.")
    shown = [_as_result(result) for result in results]
    found = plan_refund(facts.ledger, facts.wishes, policy, today)
    nothing_due = _nothing_due(found, shown)
    blocked = () if nothing_due else tuple(result.number for result in shown if result.outcome is not CheckOutcome.PASS)
    made = None if blocked or nothing_due else _refund_plan(row, facts, found, rules.checks_hash(shown, facts, policy))
    lane, reasons = rules.lane(facts, shown) if made else (Lane.LOOK, ())
    ground = ground_of(facts.ledger, found, facts.payee) if made else None
    await checks.add_plan(
        tx, asked.case, asked.attempt, asked.round, plan=made, ground=ground, blocked=blocked, policy_version=policy.version, lane=lane,
        lane_reasons=reasons,
    )  # fmt: skip
    await _keep(tx, asked, facts, policy, found, made, blocked)
    barred = await cases.participants(tx, row.id) | rules.participants(facts)
    return PlanMade(
        plan=made,
        blocked=blocked,
        lane=lane,
        lane_reasons=reasons,
        participants=tuple(sorted(barred)),
        raised_by=row.taken_by,
        runs_out_at=_runs_out_at(shown) if made else None,
    )


def _runs_out_at(shown: Sequence[rules.CheckResult]) -> datetime | None:
    """When the bank's answer about the payee no longer counts. The other checks are run again before anything is posted."""
    last = next(result.expires_on for result in shown if result.number == rules.BANK_CHECK)
    return datetime.combine(last + timedelta(days=1), INTO_THE_DAY, LONDON).astimezone(UTC) if last is not None else None


async def _keep(
    tx: Transaction, asked: PlanRefund, facts: CaseFacts, policy: RefundPolicy, found: Plan, made: RefundPlan | None, blocked: Sequence[int]
) -> None:
    await cases.watch(tx, asked.case, [facts.ledger.account, *(debt.account for debt in facts.ledger.debts)])
    await cases.change(
        tx, asked.case, floor_pence=found.floor_pence, cleared_credit_pence=found.cleared_pence, policy_version=policy.version
    )
    await cases.note(tx, asked.case, _in_words(made, blocked))


async def _look_again(tx: Transaction, row: Case, round_: int, facts: CaseFacts, policy: RefundPolicy, today: date) -> None:
    """The checks ran side by side, each on its own reading of the ledger. One that this reading would answer differently is added anew."""
    for result in await checks.results_of_round(tx, row.id, row.attempt, round_):
        anew = rules.run_check(result.check_no, facts, policy, today)
        if rules.differs(anew, result.outcome, result.reason_code):
            await checks.add_result(tx, row.id, row.attempt, round_, "plan", anew, ledger=facts.ledger, policy_version=policy.version)


def _nothing_due(found: Plan, shown: Sequence[rules.CheckResult]) -> bool:
    """No document can make a credit of none, so nobody is asked for one."""
    fails = {result.number for result in shown if result.outcome is CheckOutcome.FAIL}
    return found.nothing_moves or bool(fails & set(ABOUT_THE_AMOUNT))


def _refund_plan(row: Case, facts: CaseFacts, found: Plan, checks_hash: str) -> RefundPlan:
    pays = found.refund_pence > 0 and facts.payee is not None
    return RefundPlan(
        case=row.id, attempt=row.attempt, account=row.account, refund_pence=found.refund_pence, offsets=found.offsets,
        payee=facts.payee.payee if pays and facts.payee else None, checks_hash=checks_hash,
    )  # fmt: skip


def _as_result(row: Result) -> rules.CheckResult:
    outcome = CheckOutcome(row.outcome)
    return rules.CheckResult(row.check_no, outcome, row.reason_code, tuple(row.evidence), row.source, row.expires_on)


def _in_words(made: RefundPlan | None, blocked: Sequence[int]) -> str:
    if made is not None:
        offsets = rules.pounds(made.total_pence - made.refund_pence)
        return f"plan made: refund {rules.pounds(made.refund_pence)}, offsets {offsets}"
    return f"no plan: check {', '.join(map(str, blocked))} to be settled" if blocked else "no plan: nothing is due"
