"""The ledger has moved while a case waits for documents: whether a check that stands in its way would now answer otherwise."""

from chassis.transaction import Transaction
from rentbook_contracts.refunds import CheckOutcome, LookAgain, LookedAgain

from refunds.domain import checks as rules
from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.store import checks, policies
from refunds.use_cases.case_work import at_attempt
from refunds.use_cases.gather import gather


async def look_again(tx: Transaction, asked: LookAgain, means: Means) -> LookedAgain:
    """Only looks: what is found is kept by the next round. Errors: AnotherAttempt, Unanswered."""
    row = await at_attempt(tx, asked.case, asked.attempt)
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    facts = await gather(tx, row, policy, means)
    results = await checks.results_of_round(tx, row.id, asked.attempt, asked.round)
    blocking = [result for result in results if result.outcome != CheckOutcome.PASS]
    anew = [rules.run_check(result.check_no, facts, policy, today) for result in blocking]
    return LookedAgain(differs=any(rules.differs(now, then.outcome, then.reason_code) for now, then in zip(anew, blocking, strict=True)))
