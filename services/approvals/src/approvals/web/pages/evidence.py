"""The policy on the evidence that write-offs ask for, as it changes: one person proposes its figures, another checks them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import MAKES_POLICY
from rentbook_contracts.words import counted
from rentbook_contracts.writeoffs import (
    CHECK_EVIDENCE_POLICY,
    EVIDENCE_POLICIES,
    MOST_FIGURE,
    PROPOSE_EVIDENCE_POLICY,
    EvidenceLadder,
    EvidencePolicy,
    EvidenceRung,
    EvidenceVersion,
    EvidenceWay,
    ProposeEvidencePolicy,
)
from starlette.responses import Response

from approvals.web.forms import Form
from approvals.web.pages.proposing import answered, begun_with, comes_before, found, others_to_begin_with, proposed
from approvals.web.pages.write_offs import WRITING_OFF
from approvals.web.visit import Visit
from approvals.web.wording import headline, pounds, said

ADDRESS = "/policy/evidence"

MOST_YEARS = 100
"""More years than anybody has a tenancy for are a slip of the finger."""

GENERAL: Mapping[str, str] = {
    "limitation_years": "No action in court after, years",
    "unclaimed_after_years": "An unclaimed credit goes to income after, years",
    "look_again_days": "What blocks is looked at again after, days",
    "remind_after_days": "Somebody is reminded of a proposal that waits for them every, days",
    "escalate_after_reminders": "It stands before a manager too after, reminders",
}
COUNTS: Mapping[str, tuple[str, str]] = {
    "at_least": ("piece", ""),
    "sources": ("different source", ""),
    "quiet_days": ("day", " without an answer"),
    "quiet_months": ("month", " without an answer"),
    "last_quiet_days": ("day", " without an answer since the last"),
    "after_months": ("month", " since"),
    "apart_days": ("day", " at least from one to the next"),
}
"""What each figure of a way up a rung counts, and what follows it. Those that a way has are offered, and of several letters the time
between them and the time to answer the last; its kind of proof and its letters stay."""
_OF_LETTERS = frozenset({"apart_days", "last_quiet_days"})

WAY: Mapping[str, str] = {name: f"{noun}s{rest}" for name, (noun, rest) in COUNTS.items()}
"""The figures of a way as the labels of a form."""


@dataclass(frozen=True)
class Changed:
    """A line of the policy before and after; `before` None where there was none."""

    about: str
    before: str | None
    after: str


def figures_of(way: EvidenceWay) -> list[str]:
    """The names of the figures that are offered: how many pieces, and whatever else the way counts."""
    several = way.letter is not None and way.at_least > 1
    return [name for name in WAY if name == "at_least" or getattr(way, name) or (several and name in _OF_LETTERS)]


def told(policy: EvidencePolicy) -> Iterator[tuple[str, str]]:
    """The policy line by line: what it is about, and what it says."""
    for name, words in GENERAL.items():
        yield words, str(getattr(policy, name))
    yield "Written off of a current tenant too", ", ".join(map(said, policy.of_current_tenants)) or "nothing"
    for ladder in policy.ladders:
        upper = f" up to {pounds(ladder.to_pence)}" if ladder.to_pence is not None else ""
        kinds = f", {' and '.join(said(kind) for kind in ladder.kinds)} alone" if ladder.kinds else ""
        yield f"{headline(ladder.reason)}, from {pounds(ladder.from_pence)}{upper}{kinds}", "; ".join(map(_rung, ladder.rungs)) or "nothing"


def _rung(rung: EvidenceRung) -> str:
    return f"{rung.wanted} ({' or '.join(map(_way, rung.any_of))})"


def _way(way: EvidenceWay) -> str:
    figures = ", ".join(f"{counted(getattr(way, name), COUNTS[name][0])}{COUNTS[name][1]}" for name in figures_of(way))
    return f"{said(way.proof)}: {figures}" + (", written by itself" if way.letter else "")


def compared(before: EvidencePolicy | None, after: EvidencePolicy) -> list[Changed]:
    """Line by line, in the order of what is proposed, which keeps the rows of what it began with."""
    old = list(told(before)) if before else []
    rows = list(told(after))
    same_rows = len(old) == len(rows)
    return [
        Changed(about, f"{old[at][1]}" if same_rows and old[at][0] == about else (": ".join(old[at]) if same_rows else None), says)
        for at, (about, says) in enumerate(rows)
    ]


async def draft(visit: Visit) -> Response:
    """A proposal to fill in, beginning with the version that is chosen, or with what comes into force last."""
    versions = (await visit.ask(EVIDENCE_POLICIES, Nothing())).versions
    begun = begun_with(versions, visit.request.query_params.get("version"))
    return _draft(visit, Form(values=as_typed(begun.policy)), begun, versions)


async def propose(visit: Visit) -> Response:
    """Propose the policy. It counts once somebody else has checked it."""
    form = await visit.sent()
    versions = (await visit.ask(EVIDENCE_POLICIES, Nothing())).versions
    begun = begun_with(versions, form.value("base"))
    asked = read(form, begun.policy)

    def again() -> Response:
        return _draft(visit, form, begun, versions)

    if asked is None:
        return again()
    comes_before(form, versions, asked.in_force_from)
    if form.errors:
        return again()
    return await proposed(visit, form, PROPOSE_EVIDENCE_POLICY, ProposeEvidencePolicy(policy=asked), ADDRESS, again)


async def show(visit: Visit) -> Response:
    """A proposal beside what it changes."""
    return await _proposal(visit, Form())


async def check(visit: Visit) -> Response:
    """Accept, refuse or withdraw."""
    return await answered(visit, CHECK_EVIDENCE_POLICY, ADDRESS, _proposal)


def as_typed(policy: EvidencePolicy) -> dict[str, str]:
    """A policy as the form carries it."""
    values = {name: str(getattr(policy, name)) for name in GENERAL}
    values |= {f"current-{reason}": "yes" for reason in policy.of_current_tenants}
    for at, ladder in enumerate(policy.ladders):
        values[f"from-{at}"] = _plain(ladder.from_pence)
        values[f"to-{at}"] = _plain(ladder.to_pence) if ladder.to_pence is not None else ""
        for step, rung in enumerate(ladder.rungs):
            values[f"wanted-{at}-{step}"] = rung.wanted
            for number, way in enumerate(rung.any_of):
                values |= {f"{name}-{at}-{step}-{number}": str(getattr(way, name)) for name in figures_of(way)}
    return values


def read(form: Form, base: EvidencePolicy) -> EvidencePolicy | None:
    """The policy as typed over what it begins with; None, with the errors noted, where a field says nothing."""
    day = form.day("in_force_from", "the day from which it is in force", needed=True)
    source = form.text("source", needed="Say where this was decided, such as the minute of a meeting", longest=300)
    general = {
        name: form.whole(name, f"“{words}”", 1, MOST_YEARS if name.endswith("_years") else MOST_FIGURE) for name, words in GENERAL.items()
    }
    current = tuple(reason for reason in WRITING_OFF if form.value(f"current-{reason}") == "yes")
    ladders = tuple(_ladder(form, at, ladder) for at, ladder in enumerate(base.ladders))
    if form.errors or day is None:
        return None
    said_now = {"in_force_from": day, "source": source, "of_current_tenants": current, "ladders": ladders}
    return base.model_copy(update={**said_now, **general})


def _ladder(form: Form, at: int, base: EvidenceLadder) -> EvidenceLadder:
    lower, upper = form.pence(f"from-{at}", "The lower amount"), form.pence(f"to-{at}", "The upper amount")
    rungs = tuple(_rung_typed(form, f"{at}-{step}", rung) for step, rung in enumerate(base.rungs))
    return base.model_copy(update={"from_pence": lower or 1, "to_pence": upper, "rungs": rungs})


def _rung_typed(form: Form, place: str, base: EvidenceRung) -> EvidenceRung:
    wanted = form.text(f"wanted-{place}", needed="Say what is wanted", longest=200)
    ways = tuple(_way_typed(form, f"{place}-{number}", way) for number, way in enumerate(base.any_of))
    return base.model_copy(update={"wanted": wanted, "any_of": ways})


def _way_typed(form: Form, place: str, base: EvidenceWay) -> EvidenceWay:
    figures = {name: form.whole(f"{name}-{place}", headline(WAY[name]), int(name == "at_least"), MOST_FIGURE) for name in figures_of(base)}
    return base.model_copy(update=figures)


def _fields_of(at: int, base: EvidencePolicy) -> Iterator[str]:
    """The names of the fields of one row."""
    return (name for name in as_typed(base) if name.split("-")[1:2] == [str(at)])


def _plain(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}"


def _draft(visit: Visit, form: Form, begun: EvidenceVersion, versions: Iterable[EvidenceVersion]) -> Response:
    base, starts = begun.policy, ((one.version, one.policy.in_force_from) for one in versions)
    return visit.show(
        "evidence_draft.html",
        "Propose other evidence for write-offs",
        form=form,
        version=begun.version,
        others=others_to_begin_with(starts, form.value("base") or begun.version, visit.today),
        base=base,
        wrong={at for at in range(len(base.ladders)) if any(form.error(name) for name in _fields_of(at, base))},
        general=GENERAL,
        reasons=WRITING_OFF,
        way_words=WAY,
        figures_of=figures_of,
    )


async def _proposal(visit: Visit, form: Form) -> Response:
    known = await visit.ask(EVIDENCE_POLICIES, Nothing())
    proposal = found(known.proposals, visit.request.path_params["proposal"])
    earlier = [one for one in known.versions if one.policy.in_force_from < proposal.policy.in_force_from]
    base = max(earlier, key=lambda one: one.policy.in_force_from, default=None)
    return visit.show(
        "evidence_proposal.html",
        "Proposed evidence for write-offs",
        form=form,
        proposal=proposal,
        base=base,
        rows=compared(base.policy if base else None, proposal.policy),
        mine=proposal.proposed_by == visit.person.subject,
        may_check=bool(visit.person.roles & MAKES_POLICY),
        names=await visit.names(),
    )
