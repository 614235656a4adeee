"""The staff who act, by the subject of their sign-in and the roles that it carries."""

from datetime import datetime
from enum import StrEnum

from rentbook_contracts.operation import Message


class Role(StrEnum):
    """A part in the work. Bands of authority name roles; what a role may decide, and up to what amount, is dated policy in approvals."""

    OFFICER = "officer"
    SENIOR_OFFICER = "senior-officer"
    TEAM_LEADER = "team-leader"
    INCOME_MANAGER = "income-manager"
    HEAD_OF_SERVICE = "head-of-service"
    FINANCE = "finance"
    AUDITOR = "auditor"
    S151_OFFICER = "s151-officer"
    """The council's statutory chief finance officer (Local Government Act 1972 s.151)."""
    EXECUTIVE_MEMBER = "executive-member"
    DEMOCRATIC_SERVICES = "democratic-services"
    """Records what Cabinet or Council decided, with the minute."""


MANAGERS = frozenset({Role.TEAM_LEADER, Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE, Role.S151_OFFICER})
"""Who answers for the work of others: the line manager of the policy's first band (domain.md 5.1, Test J) and those above."""

REVIEWS_ACCESS = frozenset({Role.AUDITOR, Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE, Role.S151_OFFICER})
"""Who answers for what others may do, and is told what each last did."""

OF_AN_OFFICE = frozenset({Role.EXECUTIVE_MEMBER, Role.DEMOCRATIC_SERVICES})
"""Roles whose authority comes with an office: a member's with their election, a recorder's with the body whose minutes they keep."""

CASE_WORKERS = frozenset({Role.OFFICER, Role.SENIOR_OFFICER, Role.TEAM_LEADER, Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE})
"""Roles whose day has tenants in it: they take files and requests, change accounts and cases, and have letters sent again."""

WRITE_OFF_WORKERS = CASE_WORKERS | {Role.FINANCE, Role.S151_OFFICER}
"""Roles that propose write-offs, bring their evidence and put them on schedules."""

EVERY_ROLE = frozenset(Role)

READS_ACCOUNTS = EVERY_ROLE - OF_AN_OFFICE
"""Who reads tenants' accounts, cases, payments and letters. Of tenants' data a member, and whoever records for a body, read what is put to
them, which is what they need to decide it (data minimisation: UK GDPR, article 5(1)(c)).
"""


OUTBOX_REPLAY, PARKED_REPLAY, PARKED_DISCARD = "outbox-replay", "parked-replay", "parked-discard"
OPERATORS = frozenset({OUTBOX_REPLAY, PARKED_REPLAY, PARKED_DISCARD})
"""What operators do to a service from its command line: no right of the desk's, under the name that they gave."""


class LastCommand(Message):
    """When a person last had a command of this name accepted by a service, or an operator last did what is named so, UTC."""

    person: str
    command: str
    at: datetime


class LastCommands(Message):
    """By person and command: what each service that takes commands of people answers to those who review access."""

    commands: tuple[LastCommand, ...]
