"""Open a refund case for a tenant's request, as an officer takes it (domain.md 4)."""

from datetime import date
from uuid import UUID, uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, ACCOUNT_PAGE, AccountForRefund, AccountHold, AccountPageAsked, RefundFacts
from rentbook_contracts.refunds import AskedAs, CaseOpened, CaseStatus, NewPayee, RefundCase, RefundRequested, RequestRefund
from rentbook_contracts.workflows import REFUND_APPROVAL, refund_workflow_id

from refunds.domain.bacs_text import bacs_name
from refunds.domain.checks import pounds
from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.domain.modulus import ModulusAnswer, modulus_check, padded_account, plain_sort_code, table_in_use
from refunds.domain.payee_name import may_be_the_same
from refunds.domain.payee_text import BankDetails
from refunds.domain.policy import RefundPolicy
from refunds.domain.rules import RefundRule
from refunds.store import cases, payees, policies
from refunds.store.cases import Case
from refunds.use_cases.case_work import require_case_worker


class CaseAlreadyOpen(RefundRule):
    """An account has one open case at a time: what is asked beside it is added to it."""


class NotATenant(RefundRule):
    """Whoever asks is not answerable for the account."""


class AskerHasDied(RefundRule):
    """The dead ask for nothing: who acts for the estate does (domain.md 4, check 6)."""


class AskerHasNotDied(RefundRule):
    """Nobody acts for the estate of a tenant who lives."""


class ConsentAndOptOut(RefundRule):
    """A debt can be agreed to or refused, not both."""


class NoCreditToRefund(RefundRule):
    """The account has no credit that has cleared and is free: nothing could be paid (domain.md 4, check 1)."""


class MoreThanTheCredit(RefundRule):
    """More is asked for than the whole credit of the account."""


class NotTheTenantsName(RefundRule):
    """A bank account in another name is a third party's (domain.md 4, check 6)."""


class AccountCannotExist(RefundRule):
    """The sort code and account number fail the modulus check: one of them was mistyped."""


async def open_case(tx: Transaction, request: RequestRefund, means: Means) -> CaseOpened:
    """Errors: NotYourPart, CaseAlreadyOpen, NotATenant, AskerHasDied, AskerHasNotDied, ConsentAndOptOut, NoCreditToRefund,
    MoreThanTheCredit, AccountCannotExist, NameHasNoBacsForm; Unanswered (ledger).
    """
    require_case_worker(tx)
    ledger = await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=request.account))
    _check_wishes(request, ledger)
    await cases.lock_account(tx, request.account)
    review = await cases.open_on(tx, request.account)
    if review is not None and review.status != CaseStatus.REVIEW:
        raise CaseAlreadyOpen("This account has an open refund case. Add to that case, or wait until it is closed.", field="account")
    _check_amount(request, ledger)
    today = business_date(tx.now)
    case, payee = review.id if review is not None else uuid4(), uuid4()
    columns = _columns(request, payee, await policies.in_force(tx, today), today, means)
    if review is None:
        await cases.add(tx, id=case, account=request.account, **columns, **_taken(tx))
    else:
        await cases.change(tx, case, **columns, **_taken(tx))
    await add_payee(tx, case, payee, request.payee, means)
    await _begin(tx, await cases.locked(tx, case), request)
    return CaseOpened(case=case)


def _check_wishes(request: RequestRefund, ledger: RefundFacts) -> None:
    asker = next((person for person in ledger.people if person.person == request.asked_by), None)
    if asker is None:
        raise NotATenant("Whoever asks must be a tenant of this account.", field="asked_by")
    held = AccountHold.DECEASED in ledger.account_holds
    if request.asked_as is AskedAs.TENANT and (asker.died_on is not None or (held and len(ledger.people) == 1)):
        raise AskerHasDied("This tenant has died. Choose who asks for the estate.", field="asked_as")
    if request.asked_as is not AskedAs.TENANT and asker.died_on is None and not held:
        raise AskerHasNotDied("Nothing says that this tenant has died. Set the hold on the account first.", field="asked_as")
    if set(request.consents) & set(request.opted_out):
        raise ConsentAndOptOut("A debt is either agreed to or opted out of, not both.", field="opted_out")


def _check_amount(request: RequestRefund, ledger: RefundFacts) -> None:
    """A credit that went to income counts: it is put back first (domain.md 4)."""
    credit = ledger.written_on_pence - ledger.balance_pence
    free = ledger.cleared_credit_pence or (credit if ledger.written_on_pence else 0)
    if free <= 0:
        raise NoCreditToRefund(_why_no_credit(ledger), field="account")
    if request.amount_pence is not None and request.amount_pence > credit:
        words = f"The account has only {pounds(credit)} in credit, {pounds(free)} of it cleared and free."
        raise MoreThanTheCredit(words, field="amount")


def _why_no_credit(ledger: RefundFacts) -> str:
    if ledger.balance_pence > 0:
        return f"The account is {pounds(ledger.balance_pence)} behind: there is no credit to refund."
    if ledger.balance_pence == 0:
        return "Nothing is owed on the account and nothing is in credit: there is nothing to refund."
    waits = (
        (ledger.uncleared_pence, "has not cleared yet"),
        (ledger.held_by_others_pence, "is set aside for another case"),
    )
    why = " and ".join(f"{pounds(pence)} {words}" for pence, words in waits if pence)
    return f"The account is {pounds(-ledger.balance_pence)} in credit, but {why}: there is nothing to refund today."


def _columns(request: RequestRefund, payee: UUID, policy: RefundPolicy, today: date, means: Means) -> dict[str, object]:
    return {
        "status": CaseStatus.CHECKING, "status_note": "", "asked_by": request.asked_by,
        "asked_as": request.asked_as, "identified_how": request.identified_how,
        "requested_pence": request.amount_pence, "reason_code": request.reason_code, "note": request.note,
        "joint_consent": request.joint_consent, "consents": list(request.consents), "opted_out": list(request.opted_out), "payee": payee,
        "policy_version": policy.version, "decide_by": means.calendar.after(today, policy.decide_within_working_days),
        "pay_by": means.calendar.after(today, policy.pay_within_working_days),
    }  # fmt: skip


def _taken(tx: Transaction) -> dict[str, object]:
    return {"asked_at": tx.now, "taken_by": tx.caller.person}


async def add_payee(
    tx: Transaction, case: UUID, payee: UUID, told: NewPayee, means: Means, *, changes: UUID | None = None, called_back: bool = False
) -> None:
    """Keep payee details under the envelope.

    Errors: MalformedBankDetails, AccountCannotExist, NameHasNoBacsForm, NotTheTenantsName; Unanswered (ledger).
    """
    details = BankDetails(told.name.strip(), plain_sort_code(told.sort_code), padded_account(told.account_number))
    bacs_name(details.name)
    await _name_fits(tx, case, told)
    table = table_in_use(means.modulus_tables, business_date(tx.now))
    modulus = modulus_check(table, details.sort_code, details.account_number)
    if modulus is ModulusAnswer.INVALID:
        raise AccountCannotExist("This account number cannot exist at this sort code. Check both with the tenant.", field="account_number")
    await payees.add(
        tx, means.keys, case, details, payee_id=payee, person=told.person, business=told.business, modulus=modulus,
        modulus_table=table.version, changes=changes, called_back=called_back,
    )  # fmt: skip


async def _name_fits(tx: Transaction, case: UUID, told: NewPayee) -> None:
    """An account that is said to be a tenant's is one in that tenant's name: whose it is, the bank's answer alone does not say."""
    if told.person is None or told.business:
        return
    page = await tx.ask(ACCOUNT_PAGE, AccountPageAsked(account=(await cases.read(tx, case)).account, limit=1))
    names = [tenant.name for tenant in page.tenants if tenant.person == told.person]
    if not any(may_be_the_same(told.name, name) for name in names):
        words = "This is not the tenant's name. If the bank account is another person's, say so: it needs written authority."
        raise NotTheTenantsName(words, field="payee_name")


async def _begin(tx: Transaction, row: Case, request: RequestRefund) -> None:
    await cases.watch(tx, row.id, [row.account])
    await cases.take_part(tx, row.id, "took the request")
    await cases.take_part(tx, row.id, "entered the payee")
    await cases.note(tx, row.id, "refund requested")
    await cases.tell(tx, row, RefundRequested(case=row.id, account=row.account, amount_pence=request.amount_pence))
    begun = RefundCase(case=row.id, attempt=row.attempt, account=row.account)
    await tx.start(REFUND_APPROVAL, begun, workflow_id=refund_workflow_id(row.id, row.attempt))
