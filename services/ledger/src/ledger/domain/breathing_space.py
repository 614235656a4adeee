"""How long a Breathing Space lasts, when it is reviewed, and when a person may have another (SI 2020/1311; domain.md 5.3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from rentbook_contracts.ledger import BreathingSpaceKind

from ledger.domain.dates import business_date, in_words
from ledger.domain.debt import months_later
from ledger.domain.rules import AnotherTooSoon, DayHasNotCome, DayHasPassed, LastsTooLong


@dataclass(frozen=True, slots=True)
class BreathingSpacePolicy:
    """The statute's figures. Of days from the first one on, the first is day 1; `after_treatment_days` follow the day of its end."""

    most_days: int
    once_in_months: int
    after_treatment_days: int
    review_from_day: int
    review_to_day: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A standard one as somebody recorded it on an account; `lifted` None while nobody and nothing has lifted it."""

    account: UUID
    first_day: date
    last_day: date
    at: datetime
    lifted: datetime | None

    @property
    def ended_on(self) -> date:
        return self.last_day if self.lifted is None else min(self.last_day, business_date(self.lifted))


@dataclass(frozen=True, slots=True)
class Held:
    """One of either kind as somebody recorded it on an account. `until` None: it ends when somebody says so."""

    account: UUID
    first_day: date
    until: date | None
    at: datetime
    lifted: datetime | None


def ran(records: Collection[Held]) -> list[tuple[date, date | None]]:
    """The first and the last day of each that ran, in their order; None as the last of one of which nobody has said it.

    What was corrected counts as what it became, and what was lifted on the day on which it was recorded was an error (`refuse_too_soon`).
    """
    made = {(one.account, one.at) for one in records}
    found: set[tuple[date, date | None]] = set()
    for one in records:
        if one.lifted is None:
            found.add((one.first_day, one.until))
            continue
        lifted_on = business_date(one.lifted)
        ended_on = lifted_on if one.until is None else min(one.until, lifted_on)
        corrected = (one.account, one.lifted) in made and ended_on == lifted_on
        if not corrected and lifted_on > business_date(one.at):
            found.add((one.first_day, ended_on))
    return sorted(found, key=lambda days: (days[0], days[1] or date.max))


def last_day_of(kind: BreathingSpaceKind, first_day: date, given: date | None, policy: BreathingSpacePolicy, today: date) -> date | None:
    """The day that a person gives, or the statute's for a standard one (reg. 26: 60 days that begin with the first).

    None: a mental health crisis is still treated. Once that has ended, 30 days are left (Part 3 and the Insolvency Service's guidance for
    creditors), and so no later day can be known.

    Errors: DayHasNotCome, LastsTooLong, DayHasPassed.
    """
    if first_day > today:
        raise DayHasNotCome("The first day lies in the future.", field="first_day")
    if kind is BreathingSpaceKind.STANDARD:
        last, why = first_day + timedelta(days=policy.most_days - 1), f"A standard one lasts {policy.most_days} days"
    else:
        last, why = today + timedelta(days=policy.after_treatment_days), f"It ends {policy.after_treatment_days} days after the treatment"
    if given is not None and given > last:
        raise LastsTooLong(f"{why}: its last day is {in_words(last)} at the latest.", field="until")
    if given is not None and given < today:
        raise DayHasPassed("The last day of the hold has passed already.", field="until")
    if last < today:
        raise DayHasPassed(f"One that began on this day ended on {in_words(last)}.", field="first_day")
    return given if given is not None or kind is BreathingSpaceKind.MENTAL_HEALTH else last


def review_of(kind: BreathingSpaceKind, first_day: date, policy: BreathingSpacePolicy) -> tuple[date, date] | None:
    """The days between which a standard one is reviewed midway (reg. 27: from day 25 to day 35); the other kind is not."""
    if kind is not BreathingSpaceKind.STANDARD:
        return None
    return first_day + timedelta(days=policy.review_from_day - 1), first_day + timedelta(days=policy.review_to_day - 1)


def refuse_too_soon(account: UUID, first_day: date, earlier: Collection[Recorded], policy: BreathingSpacePolicy, today: date) -> None:
    """A standard one begins only more than 12 months after the end of the person's last (reg. 24(3)(g)).

    That rule looks at the day of the application, of which no creditor is told: the first day, which is a little later, stands for it.
    Several records may be of one and the same: those of one first day, what was corrected on its account while it ran, and, where one that
    runs on this account is corrected, those that run on the others. A record that was lifted on the day on which it was made was an error
    and counts for nothing; one that was lifted later counts.

    Errors: AnotherTooSoon.
    """
    made = {(one.account, one.at) for one in earlier}
    running = [one for one in earlier if one.lifted is None and one.last_day >= today]
    corrects = any(one.account == account for one in running)

    def another(one: Recorded) -> bool:
        if one.first_day == first_day:
            return False
        if one.lifted is None:
            return not (corrects and one in running)
        lifted_on = business_date(one.lifted)
        corrected = (one.account, one.lifted) in made and one.last_day >= lifted_on
        return not corrected and lifted_on > business_date(one.at)

    ended = max((one.ended_on for one in earlier if another(one)), default=None)
    if ended is None:
        return
    possible = months_later(ended, policy.once_in_months) + timedelta(days=1)
    if first_day < possible:
        raise AnotherTooSoon(
            f"These tenants had a standard one to {in_words(ended)}: another may begin from {in_words(possible)} on.", field="first_day"
        )
