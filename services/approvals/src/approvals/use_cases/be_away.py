"""Be out of office, with a deputy who is shown what waits; come back early."""

from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.absence import DeputyUnknown, NoSuchAbsence
from approvals.domain.delegation import complaint_about_dates
from approvals.domain.forms import BeAway
from approvals.domain.words import business_date


async def be_away(tx: Transaction, form: BeAway) -> Nothing:
    """Note the caller's absence under the form's id; the newest that covers a day counts. The same form again does nothing.

    Errors: what `complaint_about_dates` names, DeputyUnknown, SameFormOtherContent.
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
    await store.write_absence(tx, id_, {"deputy": form.deputy, "from_on": form.from_on, "until_on": form.until_on})
    return Nothing()


async def come_back(tx: Transaction, absence: UUID) -> Nothing:
    """End the caller's absence; ending it again changes nothing. Errors: NoSuchAbsence, NotYoursToEnd."""
    if absence not in {one.id for one in await queries.absences(tx)}:
        raise NoSuchAbsence("There is no such absence.")
    await store.end_absence(tx, absence)
    return Nothing()
