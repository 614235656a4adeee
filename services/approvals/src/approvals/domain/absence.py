"""Who is out of office, and who is shown what waits for them. A deputy has no more authority than before."""

from collections.abc import Mapping

from approvals.domain.rules import ApprovalRule


class DeputyUnknown(ApprovalRule):
    """A deputy is a colleague who has signed in at the desk and is more than an auditor; nobody stands in for themselves."""


class NobodyWouldBeLeft(ApprovalRule):
    """Nobody is their own deputy's deputy, on whatever way, while both are away."""


class NotYoursToEnd(ApprovalRule):
    """Only the person who is away says that they are back."""


class NoSuchAbsence(ApprovalRule):
    """No absence has this id."""


def stand_in(person: str, deputies: Mapping[str, str]) -> str | None:
    """Who stands in for a person: themselves while they are there, else their deputy, or the deputy's. None where nobody is left.

    `deputies`: of each person who is out of office today, their deputy.
    """
    seen: set[str] = set()
    while person in deputies:
        if person in seen:
            return None
        seen.add(person)
        person = deputies[person]
    return person


def covered_by(person: str, deputies: Mapping[str, str]) -> frozenset[str]:
    """For whom a person stands in today."""
    return frozenset(absent for absent in deputies if stand_in(absent, deputies) == person)
