"""A task that has to be there."""

from typing import TypeVar

from approvals.domain.rules import ApprovalRule

T = TypeVar("T")


class NoSuchTask(ApprovalRule):
    """No task has this id."""


def found(head: T | None) -> T:
    """Errors: NoSuchTask."""
    if head is None:
        raise NoSuchTask("There is no such task.")
    return head
