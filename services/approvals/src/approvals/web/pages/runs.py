"""Payment runs: what is ready, released by finance, made into a file, answered by the bank."""

import re
from uuid import UUID

from chassis.peers import Refused
from pydantic import ValidationError
from rentbook_contracts.approvals import ReleasedLine
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.refunds import READY_PAYMENTS, RUN_PAGE, RUNS, ReadyPayment, ReadyPayments, RunAsked, RunsAsked
from starlette.responses import Response

from approvals import queries
from approvals.domain.forms import SignRun
from approvals.use_cases.release_run import release_run
from approvals.web.carried import fetch
from approvals.web.forms import Form, read_uuid
from approvals.web.visit import NoSuchPage, Visit, note_refusal

RUNS_SHOWN = 50


async def listed(visit: Visit) -> Response:
    """What is ready to be paid, and the runs so far."""
    return await _list(visit, Form())


async def preview(visit: Visit) -> Response:
    """The chosen payments with their total, as they would be released."""
    ready = await visit.ask(READY_PAYMENTS, Nothing())
    chosen = {read_uuid(words) for words in visit.request.query_params.getlist("case")}
    payments = tuple(payment for payment in ready.payments if payment.case in chosen)
    form = Form()
    if not payments:
        form.wrong("Choose at least one payment", "case")
        return await _list(visit, form)
    return await _confirm(visit, form, payments, ready)


async def release(visit: Visit) -> Response:
    """Sign the run: these lines, this total, and no others."""
    form = await visit.sent()
    lines = tuple(line for line in map(_line, form.chosen("line")) if line is not None)
    total = sum(line.amount_pence for line in lines)
    if not lines or len(lines) != len(form.chosen("line")):
        raise NoSuchPage("This run carries no payments. Choose them again from the list.")
    try:
        released = await visit.change(lambda tx: release_run(tx, SignRun(lines, total)), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _list(visit, form)
    return visit.go(f"/runs/{released.run}", done="run")


async def show(visit: Visit) -> Response:
    """One run: its register, hash and total, and what the bank says."""
    run: UUID = visit.request.path_params["run"]
    released = (await visit.own(lambda tx: queries.releases(tx, [run]))).get(run)
    try:
        page = await visit.ask_or_name(RUN_PAGE, RunAsked(run=run), "the register of this run")
    except Refused:
        if released is None:
            raise NoSuchPage("There is no such payment run.") from None
        page = None
    if released is None and page is None:
        raise NoSuchPage("There is no such payment run.")
    accounts = [line.account for line in page.lines] if page else []
    labels = await visit.account_labels(accounts)
    return visit.show("run.html", "Payment run", run=run, page=page, released=released, labels=labels, names=await visit.names())


async def download(visit: Visit) -> Response:
    """The payment file, for finance alone."""
    run: UUID = visit.request.path_params["run"]
    return await fetch(
        visit,
        "refunds",
        f"/payment-files/{run}",
        missing="the file of this run",
        name=f"payment-run-{run}.txt",
        media_type="text/plain",
        inline=False,
    )


async def _list(visit: Visit, form: Form) -> Response:
    ready = await visit.ask_or_name(READY_PAYMENTS, Nothing(), "what is ready to be paid")
    # One more than is shown says that there are more.
    found = await visit.ask_or_name(RUNS, RunsAsked(limit=RUNS_SHOWN + 1), "the list of runs")
    runs = found.runs[:RUNS_SHOWN] if found else None
    labels = await visit.account_labels([payment.account for payment in ready.payments] if ready else [])
    releases = await visit.own(lambda tx: queries.releases(tx, [run.run for run in runs or ()]))
    pairs = [(payment.case, payment.decision) for payment in ready.payments] if ready else []
    standing = await visit.own(lambda tx: queries.release_standing(tx, pairs, ready.total_pence if ready else 0))
    return visit.show(
        "runs.html",
        "Payment runs",
        form=form,
        ready=ready,
        runs=runs,
        more=found is not None and len(found.runs) > RUNS_SHOWN,
        labels=labels,
        releases=releases,
        standing=standing,
        names=await visit.names(),
        may_release=standing.why_not is None,
    )


async def _confirm(visit: Visit, form: Form, payments: tuple[ReadyPayment, ...], ready: ReadyPayments) -> Response:
    labels = await visit.account_labels(payment.account for payment in payments)
    total = sum(payment.amount_pence for payment in payments)
    pairs = [(payment.case, payment.decision) for payment in payments]
    return visit.show(
        "run_preview.html",
        "Release this payment run",
        form=form,
        payments=payments,
        ready=ready,
        labels=labels,
        standing=await visit.own(lambda tx: queries.release_standing(tx, pairs, total)),
        total=total,
    )


def _line(words: str) -> ReleasedLine | None:
    """A line as the preview's hidden field carries it: case/attempt/hash/pence."""
    parts = words.split("/")
    if len(parts) != 4 or (case := read_uuid(parts[0])) is None or not all(re.fullmatch("[0-9]{1,11}", parts[at]) for at in (1, 3)):
        return None
    try:
        return ReleasedLine(case=case, attempt=int(parts[1]), content_hash=parts[2], amount_pence=int(parts[3]))
    except ValidationError:
        return None
