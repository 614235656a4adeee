"""Who may be asked when a case is sent back: only somebody whose answer its owner takes."""

from collections.abc import Collection, Mapping

from rentbook_contracts.people import Role

from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind

CASE_WORKERS = frozenset({Role.OFFICER, Role.SENIOR_OFFICER, Role.TEAM_LEADER, Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE})
"""Roles whose day has tenants in it: they take files and requests and change accounts and cases."""

WRITE_OFF_WORKERS = CASE_WORKERS | {Role.FINANCE, Role.S151_OFFICER}
"""Roles that propose write-offs, bring their evidence and put them on schedules."""

MAY_ANSWER: Mapping[Kind, frozenset[Role]] = {Kind.REFUND: CASE_WORKERS, Kind.WRITE_OFF: WRITE_OFF_WORKERS}
"""The roles from which refunds and writeoffs take the answer to a question about a case of this kind."""


class NotTheirsToAnswer(ApprovalRule):
    """A question goes to somebody who may answer it: never to whoever asks, nor to an approver, who would become a participant."""


def kinds_answered_by(roles: Collection[str]) -> frozenset[Kind]:
    """The kinds of case about which somebody with these roles answers questions."""
    return frozenset(kind for kind, allowed in MAY_ANSWER.items() if not allowed.isdisjoint(roles))
