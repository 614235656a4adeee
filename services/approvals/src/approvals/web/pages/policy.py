"""The policy in force, what comes and what was; and how it changes: one person proposes, another checks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import count, takewhile
from uuid import UUID

from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import PROVISION_POLICIES, ProvisionProposal
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.people import Role
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY, PolicyAnswer, PolicyProposal
from rentbook_contracts.refunds import REFUND_POLICIES
from rentbook_contracts.writeoffs import EVIDENCE_POLICIES, WRITE_OFF_POLICIES, EvidenceProposal
from starlette.responses import Response

from approvals import queries
from approvals.domain.authority import Act, Authority, Policy
from approvals.domain.policy import (
    MOST_BULK_LINES,
    MOST_CALL_IN_DAYS,
    MOST_CLAIM_MINUTES,
    MOST_UNUSED_DAYS,
    MOST_WORKING_DAYS,
    Band,
    ProposedPolicy,
    in_force_before,
    raised_bands,
    raised_roles,
)
from approvals.domain.reasons import REASONS
from approvals.domain.tasks import Kind
from approvals.domain.words import role_words
from approvals.use_cases.check_policy import CheckPolicy, check_policy
from approvals.use_cases.propose_policy import ProposePolicy, propose_policy
from approvals.web.forms import Form
from approvals.web.pages import evidence as evidence_pages
from approvals.web.pages import rates as rate_pages
from approvals.web.pages.proposing import DONE, others_to_begin_with
from approvals.web.pages.provision import banded
from approvals.web.visit import NoSuchPage, Visit, note_refusal

ACTS = {Act.DECIDE: "Decides", Act.RELEASE: "Releases payment runs"}
ANSWERS = {Answer.APPROVED: "To approve", Answer.DECLINED: "To decline", Answer.SENT_BACK: "To send back"}
KINDS: Mapping[str, str] = {Kind.REFUND: "refunds", Kind.WRITE_OFF: "write-offs"}

RELEASES = "release-1"
PARTS = {
    "decide-1": "Decides first",
    "decide-2": "Decides second",
    "decide-3": "Decides third",
    RELEASES: "Releases payment runs",
}
ROW_FIELDS = ("part", "role", "from", "to", "body", "call_in")
ROWS_TO_ADD = 3
MOST_ROWS = 40


async def show(visit: Visit) -> Response:
    """Every version of every kind, what comes first, then what is in force and what was; and what waits for a checker."""
    versions = [one for kind in Kind for one in await visit.own(partial(queries.policies, kind=kind))]
    figures = await visit.ask_or_name(REFUND_POLICIES, Nothing(), "the floors and targets of refunds")
    kinds = dict.fromkeys(one.kind for one in versions)
    stand = [next((one for one in versions if one.kind == kind and one.in_force_from <= visit.today), None) for kind in kinds]
    holders = {one.id: await visit.own(partial(queries.holders_today, in_force=one)) for one in stand if one}
    ladders = await visit.ask_or_name(WRITE_OFF_POLICIES, Nothing(), "the evidence that write-offs ask for")
    evidence = await visit.ask_or_name(EVIDENCE_POLICIES, Nothing(), "the proposals for other evidence")
    rates = await visit.ask_or_name(PROVISION_POLICIES, Nothing(), "the rates of the provision")
    return visit.show(
        "policy.html",
        "Policy",
        versions=versions,
        figures=figures.policies if figures else (),
        in_force=holders.keys(),
        holders=holders,
        ladders=ladders.policies if ladders else (),
        rates=rates.versions if rates else (),
        banded=banded,
        evidence_laid={one.version: one for one in evidence.versions} if evidence else {},
        evidence_laid_down=_laid_down(evidence.proposals if evidence else ()),
        rates_laid_down=_laid_down(rates.proposals if rates else ()),
        elsewhere=[
            *_kept_elsewhere("the evidence of write-offs", evidence_pages.ADDRESS, evidence.proposals if evidence else ()),
            *_kept_elsewhere("the rates of the provision", rate_pages.ADDRESS, rates.proposals if rates else ()),
        ],
        acts=ACTS,
        kinds=KINDS,
        proposals=await visit.own(queries.proposals),
        may_propose=[(kind, KINDS.get(kind, kind)) for kind in kinds] if visit.person.roles & MAKES_POLICY else [],
        names=await visit.names(),
        reasons=[(ANSWERS[answer], list(REASONS[answer].values())) for answer in Answer],
    )


@dataclass(frozen=True)
class Elsewhere:
    """A proposal for a policy that another service keeps: what it is for, and where it stands."""

    about: str
    address: str
    in_force_from: date
    told: PolicyProposal


def _kept_elsewhere(about: str, address: str, proposals: Iterable[EvidenceProposal | ProvisionProposal]) -> list[Elsewhere]:
    return [Elsewhere(about, f"{address}/{one.proposal}", one.policy.in_force_from, one) for one in proposals]


def _laid_down(proposals: Iterable[EvidenceProposal | ProvisionProposal]) -> dict[date, datetime]:
    """When each version was laid down, which is when its proposal was accepted, by the day from which it is in force.

    A version that came with Rentbook had no proposal.
    """
    accepted = (one for one in proposals if one.answer is PolicyAnswer.ACCEPTED)
    return {one.policy.in_force_from: one.checked_at for one in accepted if one.checked_at is not None}


async def draft(visit: Visit) -> Response:
    """A proposal to fill in, beginning with the version that is chosen, or with what comes into force last."""
    params = visit.request.query_params
    versions = await _versions(visit, params.get("kind", ""))
    begun = next((one for one in versions if one.id == params.get("version")), versions[0])
    return _draft(visit, Form(values=_as_typed(begun)), begun, versions)


async def propose(visit: Visit) -> Response:
    """Propose a policy."""
    form = await visit.sent()
    versions = await _versions(visit, form.value("kind"))
    begun = next((one for one in versions if one.id == form.value("base")), versions[0])
    asked = _read(form, begun)
    if asked is None:
        return _draft(visit, form, begun, versions)
    try:
        await visit.change(lambda tx: propose_policy(tx, ProposePolicy(asked, form.value("base"))), form)
    except BrokenRule as refused:
        _note_at_its_row(form, refused)
        return _draft(visit, form, begun, versions)
    return visit.go(f"/policy/proposals/{form.id}", done="proposed")


async def show_proposal(visit: Visit) -> Response:
    """A proposal beside what it changes."""
    return await _proposal(visit, Form())


async def check(visit: Visit) -> Response:
    """Accept, refuse or withdraw."""
    proposal: UUID = visit.request.path_params["proposal"]
    form = await visit.sent()
    answer = form.one_of("check_answer", DONE, "Choose your answer")
    text = form.text("check_text")
    if form.errors:
        return await _proposal(visit, form)
    try:
        await visit.change(lambda tx: check_policy(tx, CheckPolicy(proposal, answer, text, form.value("base"))), form)
    except BrokenRule as refused:
        note_refusal(form, refused, ("check_text",))
        return await _proposal(visit, form)
    return visit.go(f"/policy/proposals/{proposal}", done=DONE[answer])


@dataclass(frozen=True)
class Compared:
    """A row of the table before and after; None where it is not there. `raised`: its role gains by it, if by fewer decisions alone."""

    act: Act
    stage: int
    role: str
    before: Authority | None
    after: Band | None
    raised: bool

    @property
    def same(self) -> bool:
        both = (self.before, self.after)
        told = {(one.from_pence, one.to_pence, one.body, one.call_in_working_days) for one in both if one}
        return None not in both and len(told) == 1


def compared(kind: str, before: Sequence[Authority], bands: Sequence[Band]) -> list[Compared]:
    """Both tables row by row, by act, stage and amount."""
    old = {(row.act, row.stage, row.role): row for row in before}
    new = {(row.act, row.stage, row.role): row for row in bands}
    raised = {(row.act, row.stage, row.role) for row in raised_bands(kind, before, bands)}
    rows = [Compared(*key, old.get(key), new.get(key), key in raised) for key in {**old, **new}]
    return sorted(rows, key=lambda row: (row.act, row.stage, (row.after or row.before or _NOTHING).from_pence, row.role))


_NOTHING = Band(Act.DECIDE, 1, "", 0, 0)


async def _versions(visit: Visit, kind: str) -> tuple[Policy, ...]:
    """What a new policy of a kind may begin with, the one that comes into force last first. Errors: NoSuchPage."""
    if kind not in set(Kind):
        raise NoSuchPage("There is no policy of this kind.")
    versions = await visit.own(lambda tx: queries.policies(tx, Kind(kind)))
    if not versions:
        raise NoSuchPage("There is no policy of this kind.")
    return versions


def _draft(visit: Visit, form: Form, version: Policy, versions: Sequence[Policy]) -> Response:
    rows = _rows_typed(form)
    return visit.show(
        "policy_draft.html",
        f"Propose a policy for {KINDS.get(version.kind, version.kind)}",
        form=form,
        version=version,
        others=others_to_begin_with(((one.id, one.in_force_from) for one in versions), form.value("base"), visit.today),
        parts=[(part, words) for part, words in PARTS.items() if part != RELEASES or version.kind == Kind.REFUND],
        bodies=version.kind == Kind.WRITE_OFF,
        roles=[(role.value, role_words(role.value).capitalize()) for role in Role if role is not Role.AUDITOR],
        rows=range(1, max(rows, len(version.authorities) + ROWS_TO_ADD) + 1),
    )


def _rows_typed(form: Form) -> int:
    return sum(1 for _ in takewhile(lambda row: f"part-{row}" in form.values and row <= MOST_ROWS, count(1)))


def _as_typed(version: Policy) -> dict[str, str]:
    """A version as the form would carry it."""
    values = {
        "kind": version.kind,
        "base": version.id,
        "decide_within": str(version.decide_within_working_days),
        "remind_after": str(version.remind_after_working_days),
        "escalate_after": str(version.escalate_after_working_days),
        "claim_minutes": str(version.claim_minutes),
        "bulk_lines": str(version.bulk_most_lines),
        "bulk_total": _pounds(version.bulk_most_pence),
        "bulk_opened": str(version.bulk_opened_first),
        "unused_after": str(version.unused_after_days),
    }
    for row, band in enumerate(version.authorities, start=1):
        values |= {f"part-{row}": f"{band.act}-{band.stage}", f"role-{row}": band.role, f"from-{row}": _pounds(band.from_pence)}
        values[f"to-{row}"] = _pounds(band.to_pence) if band.to_pence is not None else ""
        values |= {f"body-{row}": band.body or "", f"call_in-{row}": str(band.call_in_working_days or "")}
    return values


def _pounds(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}"


def _read(form: Form, version: Policy) -> ProposedPolicy | None:
    day = form.day("in_force_from", "the day from which it is in force", needed=True)
    decide = form.whole("decide_within", "The days to decide within", 1, MOST_WORKING_DAYS)
    remind = form.whole("remind_after", "The days until a reminder", 1, MOST_WORKING_DAYS)
    escalate = form.whole("escalate_after", "The days until it escalates", 1, MOST_WORKING_DAYS)
    minutes = form.whole("claim_minutes", "The minutes of a claim", 1, MOST_CLAIM_MINUTES)
    unused = form.whole("unused_after", "The days without a sign-in", 1, MOST_UNUSED_DAYS)
    lines, opened, total = _bulk(form, version)
    source = form.text("source", needed="Say where this was decided, such as the minute of a meeting", longest=300)
    bands = tuple(_bands(form))
    if form.errors or day is None or decide is None or remind is None or escalate is None:
        return None
    if minutes is None or lines is None or opened is None or unused is None:
        return None
    return ProposedPolicy(version.kind, day, decide, remind, escalate, minutes, lines, total, opened, unused, source, bands)


def _bulk(form: Form, version: Policy) -> tuple[int | None, int | None, int]:
    """The caps of decisions together. Schedules have none: each of them is one decision on many lines."""
    if version.kind != Kind.REFUND:
        return version.bulk_most_lines, version.bulk_opened_first, version.bulk_most_pence
    lines = form.whole("bulk_lines", "The lines of a bulk decision", 0, MOST_BULK_LINES)
    opened = form.whole("bulk_opened", "The lines that are opened first", 1, MOST_BULK_LINES)
    return lines, opened, form.pence("bulk_total", "The total of a bulk decision") or 0


def _note_at_its_row(form: Form, refused: BrokenRule) -> None:
    """A broken rule beside the field that it names; a place in the table is the row of the form that stands there."""
    what, _, place = (refused.field or "").rpartition("-")
    if what not in ROW_FIELDS:
        note_refusal(form, refused, ("in_force_from", "remind_after", "source"))
        return
    filled = [row for row in range(1, _rows_typed(form) + 1) if form.value(f"part-{row}")]
    free = next((row for row in count(1) if row not in filled), 1)
    form.wrong(refused.message, f"{what}-{filled[int(place) - 1] if int(place) <= len(filled) else free}")


def _bands(form: Form) -> Iterable[Band]:
    for row in range(1, _rows_typed(form) + 1):
        part, role = form.value(f"part-{row}"), form.value(f"role-{row}")
        if not part:
            continue
        if part not in PARTS or role not in set(Role) - {Role.AUDITOR}:
            form.wrong("Choose the part and the role of this row", f"part-{row}")
            continue
        act, _, stage = part.partition("-")
        lower = form.pence(f"from-{row}", "The amount from which the role is asked")
        upper = form.pence(f"to-{row}", "The limit")
        body = form.text(f"body-{row}", longest=60) or None
        called_in = form.whole(f"call_in-{row}", "The call-in", 0, MOST_CALL_IN_DAYS) if form.value(f"call_in-{row}").strip() else 0
        if lower is None and not form.error(f"from-{row}"):
            form.wrong("Enter the amount from which the role is asked, such as 0.01", f"from-{row}")
        if lower is not None and called_in is not None:
            yield Band(Act(act), int(stage), role, lower, upper, body, called_in)


async def _proposal(visit: Visit, form: Form) -> Response:
    id_: UUID = visit.request.path_params["proposal"]
    found = next((one for one in await visit.own(queries.proposals) if one.id == id_), None)
    if found is None:
        raise NoSuchPage("There is no such proposal.")
    versions = await visit.own(lambda tx: queries.policies(tx, Kind(found.asked.kind)))
    base = in_force_before(versions, found.asked.in_force_from)
    mine = found.proposed_by == visit.person.subject
    before = base.authorities if base else ()
    raised = raised_roles(found.asked.kind, before, found.asked.bands)
    return visit.show(
        "policy_proposal.html",
        f"Proposed policy for {KINDS.get(found.asked.kind, found.asked.kind)}",
        form=form,
        proposal=found,
        base=base,
        rows=compared(found.asked.kind, before, found.asked.bands),
        acts=ACTS,
        mine=mine,
        why_not=None if mine else _why_not_check(visit, raised),
        names=await visit.names(),
    )


def _why_not_check(visit: Visit, raised: frozenset[str]) -> str | None:
    """Why the caller may not check it, as far as their roles say; the database knows the rest."""
    if not visit.person.roles & MAKES_POLICY:
        return WHO_MAKES_POLICY
    own = sorted(raised & visit.person.roles)
    return f"It raises the limit of {role_words(own[0])}, which is yours, so someone else must check it." if own else None
