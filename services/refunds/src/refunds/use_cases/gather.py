"""Put together what the checks look at: the ledger's facts, and what refunds itself knows of the case."""

from datetime import date, datetime, time, timedelta
from typing import Any

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, AccountForRefund, RefundFacts
from rentbook_contracts.refunds import EvidenceKind
from sqlalchemy import Row

from refunds.domain.days import LONDON, business_date
from refunds.domain.facts import CaseFacts, EarlierPayment, Evidence, PayeeFacts, Wishes
from refunds.domain.means import Means
from refunds.domain.modulus import ModulusAnswer
from refunds.domain.policy import RefundPolicy
from refunds.store import checks, payees
from refunds.store.cases import Case


async def gather(tx: Transaction, row: Case, policy: RefundPolicy, means: Means) -> CaseFacts:
    """All facts of a case. Errors: Unanswered where the ledger does not answer."""
    ledger = await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=row.account, case=row.id))
    evidence = tuple(_as_evidence(item) for item in await checks.evidence_of(tx, row.id))
    since = _start_of(business_date(tx.now) - timedelta(days=policy.duplicate_window_days))
    earlier = await checks.payments_of(tx, row.account, since=since, besides=row.id)
    elsewhere = await payees.others_paid_to(tx, await payees.read(tx, row.payee), asked_by=row.asked_by) if row.payee else 0
    return CaseFacts(
        ledger=ledger,
        wishes=_wishes(row),
        payee=await payee_facts(tx, row, ledger, means),
        evidence=evidence,
        earlier_payments=tuple(EarlierPayment(amount, on) for amount, on in earlier),
        same_details_elsewhere=elsewhere,
        staff_conflict=any(item.kind == EvidenceKind.STAFF_CONFLICT for item in evidence),
        taken_by=row.taken_by,
    )


async def payee_facts(tx: Transaction, row: Case, ledger: RefundFacts, means: Means) -> PayeeFacts | None:
    """What is known of the case's payee, without the bank details."""
    if row.payee is None:
        return None
    stored = await payees.read(tx, row.payee)
    confirmed = await payees.confirmation(tx, means.keys, row.payee)
    fingerprint = payees.fingerprint(stored)
    came_back = await payees.came_back_on(tx, stored)
    payers = {credit.payer for credit in ledger.credits if credit.payer is not None}
    return PayeeFacts(
        payee=stored.id,
        fingerprint=fingerprint,
        name=payees.details_of(means.keys, stored).name,
        person=stored.person,
        modulus=ModulusAnswer(stored.modulus),
        confirmation=confirmed.answer if confirmed else None,
        confirmed_on=business_date(confirmed.at) if confirmed else None,
        entered_by=stored.entered_by,
        changed=stored.changes is not None,
        called_back=stored.called_back,
        paid_in_from_it=(fingerprint in payers) if payers else None,
        came_back_on=business_date(came_back) if came_back else None,
    )


def _as_evidence(row: Row[Any]) -> Evidence:
    return Evidence(
        check=row.check_no,
        kind=row.kind,
        settles=row.settles,
        received_on=row.received_on,
        by=row.by,
        answers=row.answers,
        payee=row.payee,
        accounts=frozenset(row.accounts),
        document=row.document_sha256,
    )


def _wishes(row: Case) -> Wishes:
    """The request's own; what evidence has added since, the rules take from the evidence."""
    return Wishes(
        asked_by=row.asked_by,
        requested_pence=row.requested_pence,
        consents=frozenset(row.consents),
        opted_out=frozenset(row.opted_out),
        joint_consent=row.joint_consent,
    )


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, LONDON)
