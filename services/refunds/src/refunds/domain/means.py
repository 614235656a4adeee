"""What refunds has been given to work with: the council's own account at the bank, the calendar, keys and places."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path

from refunds.domain.bacs import Originator
from refunds.domain.days import LONDON
from refunds.domain.envelope import KeyRing
from refunds.domain.modulus import ModulusTable
from refunds.domain.working_days import BacsDays, WorkingDays, days_of_input


@dataclass(frozen=True)
class Means:
    """`originator`: the council's account and service user number, as Bacs knows them. `bank_url`: the bank's gateway.

    `cut_off`: until when, Europe/London, a file is input on the same working day. `bank_limit_seconds`: how long the bank may take to
    answer. `payments_dir`: where payment files are kept for people.
    """

    keys: KeyRing = field(repr=False)
    originator: Originator
    modulus_tables: tuple[ModulusTable, ...] = field(repr=False)
    calendar: WorkingDays
    cut_off: time
    bank_url: str
    bank_limit_seconds: float
    payments_dir: Path


def next_bacs_days(means: Means, now: datetime) -> BacsDays:
    """The days of a payment file that is made now, UTC: input today until the cut-off of a working day, else on the next one."""
    local = now.astimezone(LONDON)
    missed = local.time() >= means.cut_off
    return days_of_input(local.date() + timedelta(days=1) if missed else local.date(), means.calendar)


def cut_off_of(means: Means, days: BacsDays) -> datetime:
    """Until when a file can still be input for these days; an instant, Europe/London."""
    return datetime.combine(days.input, means.cut_off, LONDON)
