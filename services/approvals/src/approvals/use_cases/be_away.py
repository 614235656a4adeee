"""Be out of office, with a deputy who is shown what waits; come back early."""

from datetime import timedelta
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.absence import DeputyUnknown, NobodyWouldBeLeft, NoSuchAbsence, stand_in
from approvals.domain.delegation import complaint_about_dates
from approvals.domain.forms import BeAway
from approvals.domain.words import business_date, in_words


async def be_away(tx: Transaction, form: BeAway) -> Nothing:
    """Note the caller's absence under the form's id; the newest that covers a day counts. The same form again does nothing.

    Errors: what `complaint_about_dates` names, DeputyUnknown, NobodyWouldBeLeft, SameFormOtherContent.
    """
    id_ = store.form_of(tx)
    before = next((one for one in await queries.absences(tx) if one.id == id_), None)
    if before is not None:
        if (BeAway(before.deputy, before.from_on, before.until_on), before.person) != (form, tx.caller.person):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    refused = complaint_about_dates(form.from_on, form.until_on, business_date(tx.now))
    if refused is not None:
        raise refused
    if form.deputy == tx.caller.person:
        raise DeputyUnknown("Choose somebody else than yourself.", field="deputy")
    await _refuse_a_circle(tx, form)
    await store.write_absence(tx, id_, {"deputy": form.deputy, "from_on": form.from_on, "until_on": form.until_on})
    return Nothing()


async def _refuse_a_circle(tx: Transaction, form: BeAway) -> None:
    """On each day on which who is away, and who stands in, is not as on the day before."""
    others = [one for one in await queries.absences(tx) if one.ended_at is None and one.person != tx.caller.person]
    changes = {day for one in others for day in (one.from_on, one.until_on + timedelta(days=1))}
    for day in sorted({form.from_on, *(day for day in changes if form.from_on < day <= form.until_on)}):
        away = [one for one in reversed(others) if one.from_on <= day <= one.until_on]
        deputies = {**{one.person: one.deputy for one in away}, tx.caller.person: form.deputy}
        if stand_in(tx.caller.person, deputies) is None:
            name = next(one.person_name for one in away if one.person == form.deputy)
            raise NobodyWouldBeLeft(
                f"{name} is away too on {in_words(day)}, and what waits for them would come back to you. Choose somebody else.",
                field="deputy",
            )


async def come_back(tx: Transaction, absence: UUID) -> Nothing:
    """End the caller's absence; ending it again changes nothing. Errors: NoSuchAbsence, NotYoursToEnd."""
    if absence not in {one.id for one in await queries.absences(tx)}:
        raise NoSuchAbsence("There is no such absence.")
    await store.end_absence(tx, absence)
    return Nothing()
