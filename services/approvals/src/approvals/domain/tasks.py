"""What tasks are about, and a task that has to be there."""

from enum import StrEnum
from typing import TypeVar

from approvals.domain.rules import ApprovalRule

T = TypeVar("T")


class Kind(StrEnum):
    """What a task decides: a refund's plan, or a schedule of write-offs."""

    REFUND = "refund"
    WRITE_OFF = "write-off"


class NoSuchTask(ApprovalRule):
    """No task has this id."""


class AnotherKindOfTask(ApprovalRule):
    """A schedule is answered on the page of schedules, a refund on that of refunds."""


def found(head: T | None) -> T:
    """Errors: NoSuchTask."""
    if head is None:
        raise NoSuchTask("There is no such task.")
    return head
