"""Whom an address of the desk is for: declared beside each page and form in `routes`, judged before it, and before a link leads to it."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts import people
from rentbook_contracts.people import EVERY_ROLE, READS_ACCOUNTS, REVIEWS_ACCESS, Role
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY
from starlette.routing import compile_path

from approvals import queries

Put = Callable[[Transaction, Collection[UUID]], Awaitable[frozenset[UUID]]]


@dataclass(frozen=True)
class Whom:
    """Anybody with one of these roles; others are told `who`. `put`: which of the things that addresses name first are for everybody else
    too, because they were put to them.
    """

    roles: frozenset[str]
    who: str = ""
    put: Put | None = None


_READ = "This is read by officers and those who lead them, by finance, the s151 officer and auditors."
_ELSE = "A member, and whoever records for a body, reads the schedules that were put to them, and what is on them."

EVERYBODY = Whom(EVERY_ROLE)
READERS = Whom(READS_ACCOUNTS, f"{_READ} {_ELSE}")
OF_TASK = Whom(READS_ACCOUNTS, READERS.who, queries.tasks_put_to_them)
OF_DECISION = Whom(READS_ACCOUNTS, READERS.who, queries.decisions_put_to_them)
OF_SCHEDULE = Whom(READS_ACCOUNTS, READERS.who, queries.schedules_put_to_them)
OF_PROPOSAL = Whom(READS_ACCOUNTS, READERS.who, queries.proposals_put_to_them)
CASE_WORKERS = Whom(
    people.CASE_WORKERS, "Files and requests are taken, and accounts and cases changed, by officers and those who lead them."
)
WRITE_OFF_WORKERS = Whom(people.WRITE_OFF_WORKERS, "Write-offs are worked on by officers and their managers, and by finance.")
POLICY_MAKERS = Whom(MAKES_POLICY, WHO_MAKES_POLICY)
REVIEWERS = Whom(
    REVIEWS_ACCESS,
    "Who may do what is reviewed by auditors, the income manager and those above.",
)
RELEASERS = Whom(frozenset({Role.FINANCE}), "Payment runs are released by finance.")
PROVISION_POSTERS = Whom(frozenset({Role.FINANCE}), "Only finance posts the provision.")
PAYERS = Whom(frozenset({Role.FINANCE}), "Payment files carry bank details: they are for finance alone.")

_LINK = re.compile(r'<a\b[^>]*\shref="(?P<path>/[^"?#]*)[^"]*"[^>]*>(?P<words>.*?)</a>', re.DOTALL)


class Addresses:
    """The pages, each with whom it is for."""

    def __init__(self, pages: Iterable[tuple[str, Whom]]) -> None:
        self._pages = [(compile_path(path)[0], whom) for path, whom in pages]

    def shut_to(self, roles: frozenset[str]) -> "Shut":
        """The pages that are not for these roles."""
        return Shut([(pattern, whom) for pattern, whom in self._pages if whom.roles.isdisjoint(roles)])


@dataclass(frozen=True)
class Shut:
    """The pages that are not for somebody's roles, but for what was put to them."""

    pages: Sequence[tuple[re.Pattern[str], Whom]]

    def opens(self, path: str) -> bool:
        """Whether their roles open this path."""
        return self._at(path) is None

    async def without_dead_ends(self, html: str, put: Callable[[Put, Collection[UUID]], Awaitable[frozenset[UUID]]]) -> str:
        """A page of the desk, in which each link that this person can't follow is its words alone. `put` asks what was put to them."""
        shut = {path: found for path in {link["path"] for link in _LINK.finditer(html)} if (found := self._at(path))}
        dead = shut.keys() - await self._put(shut, put)
        return _LINK.sub(lambda link: link["words"] if link["path"] in dead else link[0], html) if dead else html

    def _at(self, path: str) -> tuple[re.Match[str], Whom] | None:
        return next(((match, whom) for pattern, whom in self.pages if (match := pattern.match(path))), None)

    async def _put(
        self, shut: Mapping[str, tuple[re.Match[str], Whom]], put: Callable[[Put, Collection[UUID]], Awaitable[frozenset[UUID]]]
    ) -> set[str]:
        """Of these paths, those of what was put to them."""
        named = {path: (whom.put, UUID(match[1])) for path, (match, whom) in shut.items() if whom.put is not None}
        found = {one: await put(one, {id_ for asks, id_ in named.values() if asks is one}) for one in {asks for asks, _ in named.values()}}
        return {path for path, (asks, id_) in named.items() if id_ in found[asks]}
