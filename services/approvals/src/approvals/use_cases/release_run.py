"""Sign a payment run: these payments, this total, and no others."""

from collections.abc import Mapping
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.approvals import PaymentRunReleased, ReleasedLine
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import READY_PAYMENTS, ReadyPayment

from approvals import queries, store
from approvals.domain.authority import Act, best_of
from approvals.domain.forms import RunSigned, SignRun
from approvals.domain.releasing import (
    LineNotReady,
    NothingToRelease,
    TotalDiffers,
    line_objection,
    release_objection,
)
from approvals.domain.tasks import Kind
from approvals.use_cases.gather_actors import OfPlan, actors_of_refunds, take_part


async def release_run(tx: Transaction, form: SignRun) -> RunSigned:
    """Release as the caller, under the form's id, which becomes the run's. Each line is compared with what refunds holds ready now.

    Errors: NothingToRelease, TotalDiffers, LineNotReady, what `release_objection` and `line_objection` name,
    SameFormOtherContent, Unanswered.
    """
    run = store.form_of(tx)
    before = await queries.lines_of(tx, run)
    if before:
        return await _same(tx, form, before, run)
    _look_at(form)
    ready = {payment.case: payment for payment in (await tx.ask(READY_PAYMENTS, Nothing())).payments}
    chosen = [ready[line.case] for line in form.lines if line.case in ready]
    actors = await actors_of_refunds(tx, [OfPlan(one.case, one.account, one.content_hash) for one in chosen])
    for line in sorted(form.lines, key=lambda one: one.case):
        await store.lock_case(tx, line.case)
    # Again, because the same form may have been sent twice at once: the second has waited here for the first.
    before = await queries.lines_of(tx, run)
    if before:
        return await _same(tx, form, before, run)
    _compare(form, ready)
    await take_part(tx, actors)
    authority = await _refuse(tx, form, ready)
    lines = [(line, ready[line.case].decision) for line in form.lines]
    released_at = await store.write_release(tx, run, authority, lines)
    await tx.publish(PaymentRunReleased(run=run, lines=form.lines, total_pence=form.total_pence, released_at=released_at), version=1)
    return RunSigned(run, form.total_pence)


async def _same(tx: Transaction, form: SignRun, before: tuple[queries.SignedLine, ...], run: UUID) -> RunSigned:
    signed = (await queries.releases(tx, [run]))[run]
    asked = sorted((line.case, line.attempt, line.content_hash, line.amount_pence) for line in form.lines)
    told = sorted((line.case, line.attempt, line.content_hash, line.amount_pence) for line in before)
    if asked != told or signed.released_by != tx.caller.person:
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    return RunSigned(run, form.total_pence)


def _look_at(form: SignRun) -> None:
    if not form.lines:
        raise NothingToRelease("Choose at least one payment.", field="lines")
    if len({line.case for line in form.lines}) != len(form.lines):
        raise LineNotReady("A payment was chosen twice.", field="lines")
    if sum(line.amount_pence for line in form.lines) != form.total_pence:
        raise TotalDiffers("The total is not the sum of the payments. Open the page again.", field="lines")


def _compare(form: SignRun, ready: Mapping[UUID, ReadyPayment]) -> None:
    for line in form.lines:
        payment = ready.get(line.case)
        if payment is None or _as_line(payment) != line:
            raise LineNotReady("A payment has changed since the page was shown, or is no longer ready. Open the page again.", field="lines")


def _as_line(payment: ReadyPayment) -> ReleasedLine:
    return ReleasedLine(case=payment.case, attempt=payment.attempt, content_hash=payment.content_hash, amount_pence=payment.amount_pence)


async def _refuse(tx: Transaction, form: SignRun, ready: Mapping[UUID, ReadyPayment]) -> int:
    """Refuse what authority or four eyes forbid, and give the row of authority that allows it."""
    in_force = await queries.policy_in_force(tx, Kind.REFUND)
    limit = best_of(in_force.authorities, Act.RELEASE, 1, tx.caller.roles)
    refused = release_objection(limit, tx.caller.roles, form.total_pence)
    known = await queries.release_cases(tx, [ready[line.case].decision for line in form.lines])
    for line in form.lines:
        refused = refused or line_objection(known.get(ready[line.case].decision), tx.caller.person, tx.now)
    if refused is not None:
        raise refused
    assert limit is not None, "release_objection names a missing authority"
    return limit.id
