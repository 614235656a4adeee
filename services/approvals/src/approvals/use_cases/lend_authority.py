"""Lend the caller's authority to decide, for a time and up to a ceiling; end it early."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.authority import NoPolicyInForce
from approvals.domain.delegation import (
    CeilingMissing,
    DelegateUnknown,
    NoSuchDelegation,
    NothingToDelegate,
    StaysWithItsOffice,
    complaint_about_dates,
)
from approvals.domain.eligibility import READS_ONLY
from approvals.domain.forms import LendAuthority
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date, pounds


async def lend_authority(tx: Transaction, form: LendAuthority) -> Nothing:
    """Lend as the caller, under the form's id. The same form again does nothing.

    Errors: what `complaint_about_dates` names, DelegateUnknown, AuditorIsNoDelegate, CeilingMissing, NothingToDelegate,
    StaysWithItsOffice, SameFormOtherContent.
    """
    id_ = store.form_of(tx)
    before = next((one for one in await queries.delegations(tx) if one.id == id_), None)
    if before is not None:
        then = LendAuthority(before.taker, before.ceiling_pence, before.from_on, before.until_on)
        if (then, before.giver) != (form, tx.caller.person):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        return Nothing()
    refused = complaint_about_dates(form.from_on, form.until_on, business_date(tx.now))
    if refused is not None:
        raise refused
    if form.taker == tx.caller.person:
        raise DelegateUnknown("Choose somebody else than yourself.", field="taker")
    await _refuse_more_than_is_held(tx, form.ceiling_pence)
    await _refuse_what_stays(tx, form)
    await store.write_delegation(
        tx, id_, {"taker": form.taker, "ceiling_pence": form.ceiling_pence, "from_on": form.from_on, "until_on": form.until_on}
    )
    return Nothing()


async def _refuse_more_than_is_held(tx: Transaction, ceiling_pence: int) -> None:
    if tx.caller.roles <= READS_ONLY:
        raise NothingToDelegate("An auditor has no authority to lend.")
    if ceiling_pence <= 0:
        raise CeilingMissing("Enter the most that may be decided.", field="ceiling")
    most = await most_to_lend(tx)
    if most == 0:
        raise NothingToDelegate("You have no authority to decide that you could lend.")
    if most is not None and ceiling_pence > most:
        raise NothingToDelegate(f"{pounds(ceiling_pence)} is above your {pounds(most)}.", field="ceiling")


async def _refuse_what_stays(tx: Transaction, form: LendAuthority) -> None:
    taker = next((one for one in await queries.staff_known(tx) if one.subject == form.taker), None)
    if taker is None:
        raise DelegateUnknown("Choose somebody who has signed in at the desk.", field="taker")
    most = await most_to_lend(tx, taker.roles)
    if most == 0:
        raise StaysWithItsOffice(
            "The authority of a member, and of whoever records what a body decided, is lent to somebody of the same role only."
            " Choose somebody of your role.",
            field="taker",
        )
    if most is not None and form.ceiling_pence > most:
        raise StaysWithItsOffice(
            f"{pounds(most)} of your authority can be lent to this person: what you decide as a member, or record for a body, is lent to"
            " somebody of the same role only.",
            field="ceiling",
        )


async def most_to_lend(tx: Transaction, to_roles: Collection[str] | None = None) -> int | None:
    """The most that the caller may decide today of any kind of task, in pence: nothing is 0, None is without a limit. With `to_roles`: of
    what may be lent to somebody of these roles.
    """
    limits: list[int | None] = [0]
    for kind in Kind:
        try:
            in_force = await queries.policy_in_force(tx, kind)
        except NoPolicyInForce:
            continue
        if to_roles is not None:
            lent = tuple(row for row in in_force.authorities if row.may_go_to(to_roles))
            in_force = replace(in_force, authorities=lent)
        limits += [one.limit_pence for one in await queries.mandates_of(tx, in_force)]
    return None if None in limits else max(one for one in limits if one is not None)


async def end_delegation(tx: Transaction, delegation: UUID) -> Nothing:
    """End a delegation as the caller; ending it again changes nothing. Errors: NoSuchDelegation, NotYoursToEnd."""
    if delegation not in {one.id for one in await queries.delegations(tx)}:
        raise NoSuchDelegation("There is no such delegation.")
    await store.end_delegation(tx, delegation)
    return Nothing()
