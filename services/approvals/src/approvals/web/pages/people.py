"""Who may do what, and when they last did: the review of access, for those who answer for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.last_commands import last_of_operators
from rentbook_contracts import ledger, notices, refunds, writeoffs
from rentbook_contracts.ledger import CHECK_PROVISION_POLICY, POST_PROVISION, PROPOSE_PROVISION_POLICY, TAKE_BANK_FILE
from rentbook_contracts.operation import Nothing, Query
from rentbook_contracts.people import (
    CASE_WORKERS,
    OPERATORS,
    OUTBOX_REPLAY,
    PARKED_DISCARD,
    PARKED_REPLAY,
    WRITE_OFF_WORKERS,
    LastCommands,
    Role,
)
from rentbook_contracts.policy import MAKES_POLICY
from rentbook_contracts.words import safe_cell
from rentbook_contracts.writeoffs import CHECK_EVIDENCE_POLICY, PROPOSE_EVIDENCE_POLICY
from starlette.responses import Response

from approvals import queries
from approvals.domain.authority import Authority
from approvals.domain.tasks import Kind
from approvals.domain.words import in_words
from approvals.queries import AccessReview, Gives, PersonAccess
from approvals.web.entries_csv import written
from approvals.web.visit import Visit
from approvals.web.wording import listed, london, pounds, said, short_day

COLUMNS = ("Name", "Signs in as", "Roles", "Last signed in", "Not seen for too long", "Right", "How far", "Last used")

DECIDES: Mapping[Kind, str] = {Kind.REFUND: "Decide refunds", Kind.WRITE_OFF: "Decide write-offs"}
KINDS: Mapping[Kind, str] = {Kind.REFUND: "refunds", Kind.WRITE_OFF: "write-offs"}
SERVICES: Mapping[Query[Nothing, LastCommands], str] = {
    ledger.LAST_COMMANDS: "the last changes of accounts",
    refunds.LAST_COMMANDS: "the last work on refunds",
    writeoffs.LAST_COMMANDS: "the last work on write-offs",
    notices.LAST_COMMANDS: "letters sent again",
}
POLICY_COMMANDS = frozenset(
    one.name for one in (PROPOSE_PROVISION_POLICY, CHECK_PROVISION_POLICY, PROPOSE_EVIDENCE_POLICY, CHECK_EVIDENCE_POLICY)
)
OF_ITS_OWN = POLICY_COMMANDS | OPERATORS | {POST_PROVISION.name, TAKE_BANK_FILE}
"""What is a right of its own, and no use of the right to change what the service keeps."""

OPERATED: Mapping[str, str] = {
    OUTBOX_REPLAY: "Had a topic told again",
    PARKED_REPLAY: "Replayed events that were parked",
    PARKED_DISCARD: "Discarded an event that was parked",
}
"""What operators do to a service from its command line."""

UNKNOWN = "not known at present"


@dataclass(frozen=True)
class Right:
    """Something that a person may do: how far, in words, and when they last did; None is never."""

    what: str
    how_far: str
    last_used_at: datetime | None
    known: bool = True
    is_an_act: bool = True

    @property
    def last_used(self) -> str:
        """As the page says it."""
        if not self.known:
            return UNKNOWN
        if not self.is_an_act:
            return ""
        return short_day(self.last_used_at) if self.last_used_at else "never"


@dataclass(frozen=True)
class Used:
    """What each person last had accepted, by service; a service that does not answer is left out."""

    at: Mapping[str, Mapping[tuple[str, str], datetime]]

    def last(self, person: str, services: Iterable[str], *, commands: Iterable[str] | None = None) -> tuple[datetime | None, bool]:
        """When the person last used one of these commands, or without a choice any that is no right of its own; and whether all services
        that were asked have answered.
        """
        wanted, services = None if commands is None else frozenset(commands), tuple(services)
        found = [
            at
            for service in services
            for (by, command), at in self.at.get(service, {}).items()
            if by == person and (command in wanted if wanted is not None else command not in OF_ITS_OWN)
        ]
        return max(found, default=None), all(service in self.at for service in services)


@dataclass(frozen=True)
class Operated:
    """What an operator last did to a service, under the name that they gave."""

    name: str
    act: str
    service: str
    at: datetime


async def show(visit: Visit) -> Response:
    """Everyone who ever signed in, by name; and what operators did."""
    review, used = await _review(visit)
    people = [(one, rights(one, used)) for one in review.people]
    return visit.show(
        "people.html",
        "Who may do what, last used when",
        people=people,
        unused_after_days=review.unused_after_days,
        operated=operated(used),
    )


async def export(visit: Visit) -> Response:
    """The same as a file for a spreadsheet, a line for each right."""
    review, used = await _review(visit)
    rows = [_row(one, right) for one in review.people for right in rights(one, used)]
    rows += [(safe_cell(one.name), "", "operator", "", "", one.act, one.service, _day(one.at)) for one in operated(used)]
    headers = {"content-disposition": f'attachment; filename="access-{visit.today.isoformat()}.csv"', "cache-control": "no-store"}
    return Response(written(COLUMNS, rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _review(visit: Visit) -> tuple[AccessReview, Used]:
    used = {}
    for query, words in SERVICES.items():
        told = await visit.ask_or_name(query, Nothing(), words)
        if told is not None:
            used[query.service] = {(one.person, one.command): one.at for one in told.commands}
    used["approvals"] = {(one.person, one.command): one.at for one in await visit.own(last_of_operators)}
    return await visit.own(queries.access_review), Used(used)


def operated(used: Used) -> list[Operated]:
    """By the names that operators gave: no sign-in says who they are."""
    return sorted(
        (
            Operated(by, OPERATED[act], service, at)
            for service, told in used.at.items()
            for (by, act), at in told.items()
            if act in OPERATED
        ),
        key=lambda one: (one.name, one.service, one.act),
    )


def rights(one: PersonAccess, used: Used) -> list[Right]:
    """All that this person may do beside reading; by a role, by the tables of authority, or because it was lent to them."""
    found = [Right(DECIDES[kind], limit_words(held), one.last_decided_at.get(kind)) for kind, held in one.decides.items() if held]
    for loan in (loan for loan in one.lent if loan.ended_on is None):
        found.append(Right("Decide for another", f"{given_words(loan.gives)}, lent by {loan.giver_name}", loan.last_decided_at))
    if one.releases:
        found.append(Right("Release payment runs", limit_words(one.releases), one.last_released_at))
    roles = frozenset(Role(role) for role in one.roles)
    if roles & CASE_WORKERS:
        found.append(Right("Take bank files", "", *used.last(one.subject, ["ledger"], commands=[TAKE_BANK_FILE])))
        found.append(Right("Change accounts, tenancies and suspense", "", *used.last(one.subject, ["ledger"])))
        found.append(Right("Work on refunds", "", *used.last(one.subject, ["refunds"])))
        found.append(Right("Send letters again", "", *used.last(one.subject, ["notices"])))
    if roles & WRITE_OFF_WORKERS:
        found.append(Right("Work on write-offs", "", *used.last(one.subject, ["writeoffs"])))
    if Role.FINANCE in roles:
        found.append(Right("Post the provision", "", *used.last(one.subject, ["ledger"], commands=[POST_PROVISION.name])))
    if roles & MAKES_POLICY:
        elsewhere, known = used.last(one.subject, ["ledger", "writeoffs"], commands=POLICY_COMMANDS)
        at = max((moment for moment in (elsewhere, one.last_made_policy_at) if moment), default=None)
        found.append(Right("Make and check policy", "", at, known))
    return [*(found or [Right("Reads only", "", None, is_an_act=False)]), *_was_lent(one)]


def _was_lent(one: PersonAccess) -> Iterable[Right]:
    """What they decided by stays to be read after it has ended."""
    for loan in one.lent:
        if loan.ended_on is not None:
            how_far = f"nothing any more: what {loan.giver_name} lent ended on {in_words(loan.ended_on)}"
            yield Right("Decide for another", how_far, loan.last_decided_at)


def given_words(gives: Gives) -> str:
    """What a delegation gives: *up to £200.00*, *refunds up to £100.00 and write-offs up to £150.00*, *by authority of Dev Patel* where it
    was lent on, or why it gives nothing.
    """
    if gives.why_nothing:
        return f"nothing at present ({gives.why_nothing})"
    limits = {f"up to {pounds(pence)}" for pence in gives.up_to.values()}
    same = len(limits) == 1 and len(gives.up_to) == len(Kind)
    words = limits if same else [f"{KINDS[kind]} up to {pounds(pence)}" for kind, pence in gives.up_to.items()]
    through = f" by authority of {listed(gives.on_behalf_of[:-1])}" if gives.on_behalf_of[1:] else ""
    return f"{' and '.join(words)}{through}"


def limit_words(held: Iterable[Authority]) -> str:
    """Rows of a table of authority in words: *up to £500.00*, *from £50,000.00 as the second decision by the minute of Cabinet*."""
    return "; ".join(map(_row_words, held))


def _row_words(row: Authority) -> str:
    # Who decides first decides what is smaller too; a further decision, a member and a body are asked from their amount on.
    above = row.is_of_an_office or row.stage > 1
    begins = f"from {pounds(row.from_pence)}" if above else ""
    ends = f"{'to' if above else 'up to'} {pounds(row.to_pence)}" if row.to_pence is not None else "" if above else "no limit"
    order = {2: "as the second decision", 3: "as the third decision"}.get(row.stage, "")
    by = f"by the minute of {row.body}" if row.body else ""
    return " ".join(word for word in (begins, ends, order, by) if word)


def _row(one: PersonAccess, right: Right) -> tuple[str, ...]:
    last = _day(right.last_used_at) if right.known else UNKNOWN
    unused = "yes" if one.unused else ""
    who = (safe_cell(one.name), safe_cell(one.subject), ", ".join(said(role) for role in one.roles), _day(one.last_seen_at), unused)
    return (*who, right.what, safe_cell(right.how_far), last)


def _day(moment: datetime | None) -> str:
    return london(moment).date().isoformat() if moment else ""
