"""Run one of the ten checks of a case, and keep what it found (domain.md 4)."""

from datetime import date, timedelta

import httpx
from chassis.transaction import Transaction
from pydantic import BaseModel, ConfigDict, ValidationError
from rentbook_contracts.refunds import CheckDone, RunCheck

from refunds.domain import checks as rules
from refunds.domain.days import business_date
from refunds.domain.facts import Confirmation
from refunds.domain.means import Means
from refunds.domain.payee_text import BankDetails
from refunds.store import cases, checks, payees, policies
from refunds.store.cases import Case
from refunds.use_cases.case_work import AnotherAttempt
from refunds.use_cases.gather import gather


async def run_check(tx: Transaction, asked: RunCheck, means: Means) -> CheckDone:
    """The bank is asked about the payee in check 7. Errors: Unanswered where the ledger does not answer: the check runs later."""
    row = await cases.read(tx, asked.case)
    if row.attempt != asked.attempt:
        raise AnotherAttempt("The case has gone on to another attempt.")
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    if asked.check == rules.BANK_CHECK:
        await confirm_payee(tx, row, means, not_before=today - timedelta(days=policy.confirmation_valid_days))
    facts = await gather(tx, row, policy, means)
    result = rules.run_check(asked.check, facts, policy, today)
    await checks.add_result(tx, row.id, asked.attempt, asked.round, "round", result, ledger=facts.ledger, policy_version=policy.version)
    # Last, because it locks the case: the ten checks of a round run side by side.
    await cases.begin_round(tx, row.id, asked.round, changes=row.changes)
    return CheckDone(check=asked.check, outcome=result.outcome)


class _Confirmation(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    answer: Confirmation
    name: str | None = None


async def confirm_payee(tx: Transaction, row: Case, means: Means, *, not_before: date) -> None:
    """Ask Confirmation of Payee, unless it has answered about these details lately. No answer is kept as `unavailable`, and asked again."""
    if row.payee is None:
        return
    known = await payees.confirmation(tx, means.keys, row.payee)
    if known is not None and known.answer is not Confirmation.UNAVAILABLE and business_date(known.at) >= not_before:
        return
    stored = await payees.read(tx, row.payee)
    answer = await _ask_bank(tx, payees.details_of(means.keys, stored), stored.business, means)
    await payees.note_confirmation(tx, means.keys, row.payee, answer.answer, answer.name)


async def _ask_bank(tx: Transaction, details: BankDetails, business: bool, means: Means) -> _Confirmation:
    question = {**vars(details), "business": business}
    try:
        answer = await tx.http.post(f"{means.bank_url}/cop/check", json=question, timeout=means.bank_limit_seconds)
        answer.raise_for_status()
        return _Confirmation.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError):
        # What the bank cannot say now is a finding of its own, and an officer's evidence can settle it.
        return _Confirmation(answer=Confirmation.UNAVAILABLE)
