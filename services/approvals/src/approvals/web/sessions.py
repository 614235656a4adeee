"""Who is at the desk: a session kept on the server, of which the browser holds only a random key.

The table keeps the key's SHA-256, so that a copy of the database signs nobody in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from rentbook_contracts.people import CASE_WORKERS, READS_ACCOUNTS, WRITE_OFF_WORKERS

from approvals.domain.eligibility import READS_ONLY

IDLE = timedelta(hours=1)
"""A session that nobody used for this long has ended."""

LONGEST = timedelta(hours=10)
"""A session ends after a working day, however busy."""

LOOK_AGAIN = timedelta(minutes=1)
"""How stale the note of the last use may become before it is written again."""


@dataclass(frozen=True)
class Person:
    """A member of staff as the sign-in names them. `subject` is their identity everywhere; `name` is for people to read."""

    subject: str
    name: str
    roles: frozenset[str]

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def may_handle_cases(self) -> bool:
        """Whether the person takes files and requests, changes accounts and helps cases on. The owners say the same of every command."""
        return self.has(*CASE_WORKERS)

    @property
    def may_work_on_write_offs(self) -> bool:
        """Whether the person proposes write-offs and makes schedules of them. Writeoffs says the same of every command."""
        return self.has(*WRITE_OFF_WORKERS)

    @property
    def reads_accounts(self) -> bool:
        """Whether the person reads tenants' accounts and cases. The owners say the same of every query."""
        return self.has(*READS_ACCOUNTS)

    @property
    def may_change_anything(self) -> bool:
        return bool(self.roles - READS_ONLY)


@dataclass(frozen=True)
class Session:
    """One stay at the desk, from a sign-in to a sign-out or its end (instants in UTC).

    `authenticated_at`: when the sign-in last asked who it is, where the desk had asked for that.
    """

    id_hash: str
    person: Person
    csrf_token: str
    created_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    authenticated_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        return now < self.ends_at and now - self.last_seen_at < IDLE

    def wants_a_note_of_use(self, now: datetime) -> bool:
        return now - self.last_seen_at >= LOOK_AGAIN


def begin(person: Person, now: datetime, authenticated_at: datetime | None = None) -> tuple[str, Session]:
    """A session under a fresh key, so that a key planted before the sign-in opens nothing. Gives the key and the session."""
    key = secrets.token_urlsafe(32)
    return key, Session(hash_of(key), person, secrets.token_urlsafe(32), now, now, now + LONGEST, authenticated_at)


def hash_of(key: str) -> str:
    """What the table knows of a browser's key."""
    return hashlib.sha256(key.encode()).hexdigest()


def cookie_name(*, https: bool) -> str:
    """`__Host-` binds the cookie to this host over https; a browser refuses that prefix on plain http, as on a laptop's loopback."""
    return "__Host-rentbook" if https else "rentbook"
