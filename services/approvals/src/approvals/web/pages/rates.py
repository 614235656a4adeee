"""The rates of expected loss behind the provision, as they change: one person proposes them, another checks them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rentbook_contracts.ledger import (
    CHECK_PROVISION_POLICY,
    PROPOSE_PROVISION_POLICY,
    PROVISION_POLICIES,
    ProposeProvisionPolicy,
    ProvisionPolicy,
    ProvisionRate,
    ProvisionStatus,
    ProvisionVersion,
)
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import MAKES_POLICY
from starlette.responses import Response

from approvals.web.forms import Form
from approvals.web.pages.proposing import answered, begun_with, comes_before, found, others_to_begin_with, proposed
from approvals.web.pages.provision import STATUSES
from approvals.web.visit import Visit

ADDRESS = "/policy/provision"
ROWS_TO_ADD = 2
MOST_ROWS = 20
MOST_DAYS = 3650


@dataclass(frozen=True)
class Changed:
    """A rate before and after, in basis points; None where there is none."""

    status: ProvisionStatus
    from_days: int
    before: int | None
    after: int | None


def compared(before: ProvisionPolicy | None, after: ProvisionPolicy) -> list[Changed]:
    """Every age that has a rate before or after, by status, the youngest first."""
    was = {(rate.status, rate.from_days): rate.basis_points for rate in before.rates} if before else {}
    will = {(rate.status, rate.from_days): rate.basis_points for rate in after.rates}
    ages = sorted(was.keys() | will.keys())
    return [Changed(status, days, was.get((status, days)), will.get((status, days))) for status, days in ages]


async def draft(visit: Visit) -> Response:
    """A proposal to fill in, beginning with the version that is chosen, or with what comes into force last."""
    versions = (await visit.ask(PROVISION_POLICIES, Nothing())).versions
    begun = begun_with(versions, visit.request.query_params.get("version"))
    return _draft(visit, Form(values=as_typed(begun.policy)), begun, versions)


async def propose(visit: Visit) -> Response:
    """Propose the rates. They count once somebody else has checked them."""
    form = await visit.sent()
    versions = (await visit.ask(PROVISION_POLICIES, Nothing())).versions
    begun = begun_with(versions, form.value("base"))
    asked = read(form)

    def again() -> Response:
        return _draft(visit, form, begun, versions)

    if asked is None:
        return again()
    comes_before(form, versions, asked.in_force_from)
    if form.errors:
        return again()
    return await proposed(visit, form, PROPOSE_PROVISION_POLICY, ProposeProvisionPolicy(policy=asked), ADDRESS, again)


async def show(visit: Visit) -> Response:
    """A proposal beside what it changes."""
    return await _proposal(visit, Form())


async def check(visit: Visit) -> Response:
    """Accept, refuse or withdraw."""
    return await answered(visit, CHECK_PROVISION_POLICY, ADDRESS, _proposal)


def as_typed(policy: ProvisionPolicy) -> dict[str, str]:
    """Rates as the form carries them."""
    values = {}
    for status in STATUSES:
        for at, rate in enumerate(one for one in policy.rates if one.status == status):
            values[f"days-{status}-{at}"] = str(rate.from_days)
            values[f"rate-{status}-{at}"] = _plain(rate.basis_points)
    return values


def read(form: Form) -> ProvisionPolicy | None:
    """The rates as typed; None, with the errors noted, where a field says nothing. A row without an age is none."""
    day = form.day("in_force_from", "the day from which it is in force", needed=True)
    source = form.text("source", needed="Say where this was decided, such as the minute of a meeting", longest=300)
    rates = tuple(rate for status in STATUSES for rate in _rates(form, status))
    if form.errors or day is None:
        return None
    return ProvisionPolicy(in_force_from=day, source=source, rates=rates)


def _rates(form: Form, status: ProvisionStatus) -> Iterator[ProvisionRate]:
    for at in range(_rows_typed(form, status)):
        days_field, rate_field = f"days-{status}-{at}", f"rate-{status}-{at}"
        if not form.value(days_field).strip() and not form.value(rate_field).strip():
            continue
        days = form.whole(days_field, "The age in days", 0, MOST_DAYS)
        points = form.rate(rate_field, "The rate")
        if days is not None and points is not None:
            yield ProvisionRate(status=status, from_days=days, basis_points=points)


def _rows_typed(form: Form, status: ProvisionStatus) -> int:
    """The rows that the form brought, or was made with."""
    return next((at for at in range(MOST_ROWS) if f"days-{status}-{at}" not in form.values), MOST_ROWS)


def _plain(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d}"


def _draft(visit: Visit, form: Form, begun: ProvisionVersion, versions: Iterable[ProvisionVersion]) -> Response:
    starts = ((one.version, one.policy.in_force_from) for one in versions)
    sent = bool(form.id)
    rows = {status: min(MOST_ROWS, _rows_typed(form, status) + (0 if sent else ROWS_TO_ADD)) for status in STATUSES}
    return visit.show(
        "provision_draft.html",
        "Propose other rates for the provision",
        form=form,
        version=begun.version,
        others=others_to_begin_with(starts, form.value("base") or begun.version, visit.today),
        statuses=[(status, words, range(rows[status])) for status, words in STATUSES.items()],
    )


async def _proposal(visit: Visit, form: Form) -> Response:
    known = await visit.ask(PROVISION_POLICIES, Nothing())
    proposal = found(known.proposals, visit.request.path_params["proposal"])
    base = next((one for one in known.versions if one.policy.in_force_from < proposal.policy.in_force_from), None)
    return visit.show(
        "provision_proposal.html",
        "Proposed rates for the provision",
        form=form,
        proposal=proposal,
        base=base,
        rows=compared(base.policy if base else None, proposal.policy),
        statuses=STATUSES,
        mine=proposal.proposed_by == visit.person.subject,
        may_check=bool(visit.person.roles & MAKES_POLICY),
        names=await visit.names(),
    )
