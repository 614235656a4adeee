"""Lend the caller's authority to decide, for a time and up to a ceiling; end it early."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.delegation import (
    CeilingMissing,
    ComesBackToItsGiver,
    DelegateUnknown,
    LongerThanHeld,
    Mandate,
    NoSuchDelegation,
    NothingToDelegate,
    StaysWithItsOffice,
    complaint_about_dates,
)
from approvals.domain.eligibility import READS_ONLY
from approvals.domain.forms import LendAuthority
from approvals.domain.words import business_date, in_words, pounds


async def lend_authority(tx: Transaction, form: LendAuthority) -> Nothing:
    """Lend as the caller, under the form's id. The same form again does nothing.

    Errors: what `complaint_about_dates` names, DelegateUnknown, AuditorIsNoDelegate, CeilingMissing, NothingToDelegate,
    StaysWithItsOffice, ComesBackToItsGiver, LongerThanHeld, SameFormOtherContent.
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
        raise CeilingMissing("Enter the most they may decide.", field="ceiling")
    held = await _held(tx)
    if not held:
        raise NothingToDelegate("You have no authority to decide that you could lend.")
    if not _cover(held, ceiling_pence):
        raise NothingToDelegate(f"{pounds(ceiling_pence)} is above your {_most_words(held)}.", field="ceiling")


async def _refuse_what_stays(tx: Transaction, form: LendAuthority) -> None:
    taker = next((one for one in await queries.staff_known(tx) if one.subject == form.taker), None)
    if taker is None:
        raise DelegateUnknown("Choose somebody who has signed in at the desk.", field="taker")
    held = await _held(tx, taker.roles)
    if not held:
        raise StaysWithItsOffice(
            "The authority of a member, and of whoever records what a body decided, is lent to somebody of the same role only."
            " Choose somebody of your role.",
            field="taker",
        )
    if not _cover(held, form.ceiling_pence):
        raise StaysWithItsOffice(
            f"{_most_words(held)} of your authority can be lent to this person: what you decide as a member, or record for a body, is lent"
            " to somebody of the same role only.",
            field="ceiling",
        )
    _refuse_a_circle(held, form, taker.name)
    await _refuse_longer_than_held(tx, form, taker.roles)


def _refuse_a_circle(held: Sequence[Mandate], form: LendAuthority, name: str) -> None:
    theirs_first = f"What you hold of {name} gives them nothing when you lend it back."
    gives = _not_from(held, form.taker)
    if not gives:
        raise ComesBackToItsGiver(f"{theirs_first} Choose somebody else.", field="taker")
    if not _cover(gives, form.ceiling_pence):
        raise ComesBackToItsGiver(f"{theirs_first} Enter at most {_most_words(gives)}.", field="ceiling")


async def _refuse_longer_than_held(tx: Transaction, form: LendAuthority, roles: Collection[str]) -> None:
    async def lasts(day: date) -> bool:
        return _cover(_not_from(await _held(tx, roles, day), form.taker), form.ceiling_pence)

    if await lasts(form.until_on):
        return
    today = business_date(tx.now)
    ends = sorted({one.until_on for one in await queries.delegations(tx) if one.in_force(today)}, reverse=True)
    for day in ends:
        if await lasts(day):
            words = f"Up to {pounds(form.ceiling_pence)} was lent to you until {in_words(day)}. Choose that day or an earlier one."
            raise LongerThanHeld(words, field="until_on")


async def most_to_lend(tx: Transaction) -> int | None:
    """The most that the caller may decide today of any kind of task and may lend, in pence: nothing is 0, None is without a limit."""
    held = await _held(tx)
    return _most(held) if held else 0


async def _held(tx: Transaction, to_roles: Collection[str] | None = None, until: date | None = None) -> list[Mandate]:
    """What the caller may decide today and may lend: with `to_roles`, to somebody of these; with `until`, what lasts until that day."""
    found: list[Mandate] = []
    for in_force in (await queries.tables_today(tx)).values():
        if to_roles is not None:
            lent = tuple(row for row in in_force.authorities if row.may_go_to(to_roles))
            in_force = replace(in_force, authorities=lent)
        found += [one for one in await queries.mandates_of(tx, in_force, until) if one.may_go_on()]
    return found


def _not_from(held: Iterable[Mandate], person: str) -> list[Mandate]:
    return [one for one in held if person not in one.on_behalf_of]


def _cover(held: Iterable[Mandate], ceiling_pence: int) -> bool:
    return any(one.covers(ceiling_pence) for one in held)


def _most(held: Iterable[Mandate]) -> int | None:
    limits = [one.limit_pence for one in held]
    return None if None in limits else max(one for one in limits if one is not None)


def _most_words(held: Iterable[Mandate]) -> str:
    return pounds(_most(held) or 0)


async def end_delegation(tx: Transaction, delegation: UUID) -> Nothing:
    """End a delegation as the caller; ending it again changes nothing. Errors: NoSuchDelegation, NotYoursToEnd."""
    if delegation not in {one.id for one in await queries.delegations(tx)}:
        raise NoSuchDelegation("There is no such delegation.")
    await store.end_delegation(tx, delegation)
    return Nothing()
