"""The staff who act, by the subject of their sign-in and the roles that it carries."""

from enum import StrEnum


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
