"""What a ledger is, in a page: journals with a date, credit that has cleared, and earmarks. It shares no code with the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID


@dataclass
class Written:
    """A journal as it met tenants' accounts. Debit positive, credit negative, pence."""

    id: UUID
    code: str
    day: date
    moves: dict[UUID, int]
    cleared_on: date | None = None
    reverses: UUID | None = None
    reversed_on: date | None = None


@dataclass
class Model:
    """The journals in the order of their writing, and what each case has earmarked."""

    journals: dict[UUID, Written] = field(default_factory=dict)
    held: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)

    def write(self, journal: Written) -> None:
        """Once; a reversal marks what it reverses."""
        assert journal.id not in self.journals, "a journal was written twice"
        self.journals[journal.id] = journal
        if journal.reverses is not None:
            reversed_ = self.journals[journal.reverses]
            assert reversed_.reversed_on is None, "a journal was reversed twice"
            reversed_.reversed_on = journal.day

    def mirror(self, original: UUID, id_: UUID, day: date) -> None:
        """Write the mirror image of a journal."""
        of = self.journals[original]
        self.write(Written(id_, of.code, day, {account: -pence for account, pence in of.moves.items()}, reverses=original))

    def may_be_reversed(self, id_: UUID) -> bool:
        return self.journals[id_].reverses is None and self.journals[id_].reversed_on is None

    def of(self, account: UUID, as_at: date | None = None) -> Iterator[Written]:
        """The journals that moved an account, up to a day if one is given."""
        for journal in self.journals.values():
            if account in journal.moves and (as_at is None or journal.day <= as_at):
                yield journal

    def balance(self, account: UUID, as_at: date | None = None) -> int:
        return sum(journal.moves[account] for journal in self.of(account, as_at))

    def uncleared(self, account: UUID, today: date, as_at: date | None = None) -> int:
        """Credits that stand and do not count yet: as seen on `as_at`, what was reversed later still stands."""
        return sum(
            -journal.moves[account]
            for journal in self.of(account, as_at)
            if journal.moves[account] < 0 and journal.reverses is None and not _gone(journal, as_at)
            if journal.cleared_on is not None and journal.cleared_on > today
        )

    def earmarked(self, account: UUID, but_not_by: UUID | None = None) -> int:
        return sum(pence for case, (where, pence) in self.held.items() if where == account and case != but_not_by)

    def free(self, account: UUID, today: date, case: UUID | None = None) -> int:
        """Cleared credit that no other case has earmarked."""
        return max(0, -self.balance(account) - self.uncleared(account, today) - self.earmarked(account, case))

    def free_as_at(self, account: UUID, as_at: date) -> int:
        return max(0, -self.balance(account, as_at) - self.uncleared(account, as_at, as_at) - self.earmarked(account))

    def days(self, account: UUID) -> set[date]:
        """The days on which something of the account changes."""
        return {day for journal in self.of(account) for day in (journal.day, journal.cleared_on) if day is not None}


def _gone(journal: Written, as_at: date | None) -> bool:
    return journal.reversed_on is not None and (as_at is None or journal.reversed_on <= as_at)
