"""Who may be asked when a case is sent back: only somebody whose answer its owner takes."""

from collections.abc import Collection, Mapping

from rentbook_contracts.people import CASE_WORKERS, WRITE_OFF_WORKERS, Role

from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind

MAY_ANSWER: Mapping[Kind, frozenset[Role]] = {Kind.REFUND: CASE_WORKERS, Kind.WRITE_OFF: WRITE_OFF_WORKERS}
"""The roles from which refunds and writeoffs take the answer to a question about a case of this kind."""


class NotTheirsToAnswer(ApprovalRule):
    """A question goes to somebody who may answer it: never to whoever asks, nor to an approver, who would become a participant."""


def kinds_answered_by(roles: Collection[str]) -> frozenset[Kind]:
    """The kinds of case about which somebody with these roles answers questions."""
    return frozenset(kind for kind, allowed in MAY_ANSWER.items() if not allowed.isdisjoint(roles))
