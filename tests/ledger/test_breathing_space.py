"""A Breathing Space at the ledger: its kind and its days, once in twelve months for a person, and what the account's page says of it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.serving import Tick
from chassis.transaction import Runtime
from ledger.domain import rules
from ledger.domain.dates import business_date
from ledger.queries.account_page import account_page
from ledger.use_cases.lift_past_holds import lift_past_holds
from ledger.use_cases.set_account_hold import set_account_hold
from rentbook_contracts.ledger import AccountHold, AccountPageAsked, BreathingSpace, BreathingSpaceKind, SetAccountHold
from rentbook_local.postgres import Database
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from support.ledger_books import FTA, HOUSEHOLD, LAST_MONTH, MAIN, NEIGHBOUR, RECHARGE, opened
from support.ledger_calls import do, told_of

TODAY, DAY = business_date(datetime.now(UTC)), timedelta(days=1)
OFFICER = Caller("olu.officer", frozenset({"officer"}))
STANDARD, CRISIS = BreathingSpaceKind.STANDARD, BreathingSpaceKind.MENTAL_HEALTH


def wanted(kind: BreathingSpaceKind | None = STANDARD, account: UUID = FTA, **more: Any) -> SetAccountHold:
    hold = {"account_hold": AccountHold.BREATHING_SPACE, "in_force": True, "reason": "notice"}
    return SetAccountHold(account=account, kind=kind, **hold | more)


def lifted(account: UUID = FTA) -> SetAccountHold:
    return SetAccountHold(account=account, account_hold=AccountHold.BREATHING_SPACE, in_force=False, reason="cancelled")


async def put(ledger: Runtime, asked: SetAccountHold) -> None:
    await do(ledger, lambda tx: set_account_hold(tx, asked), OFFICER)


async def shown(ledger: Runtime, account: UUID = FTA) -> tuple[BreathingSpace, ...]:
    return (await do(ledger, lambda tx: account_page(tx, AccountPageAsked(account=account)))).breathing_spaces


async def days(ledger: Runtime) -> tuple[date, date | None]:
    [one] = await shown(ledger)
    return one.first_day, one.last_day


async def rewritten(ledger: Runtime, database: Database, statement: str, **said: Any) -> None:
    """As if it had been recorded otherwise: nobody who runs the service may write it anew."""
    owner = create_async_engine(database.owner_url, poolclass=NullPool)
    async with owner.begin() as connection:
        await connection.execute(sa.text(statement), said)
    await owner.dispose()


async def test_a_standard_one_ends_by_itself_after_sixty_days(ledger: Runtime) -> None:
    await put(ledger, wanted())
    assert await days(ledger) == (TODAY, TODAY + 59 * DAY)
    await put(ledger, wanted(first_day=TODAY - 3 * DAY))
    assert await days(ledger) == (TODAY - 3 * DAY, TODAY + 56 * DAY)
    await put(ledger, wanted(until=TODAY + 10 * DAY))
    assert await days(ledger) == (TODAY - 3 * DAY, TODAY + 10 * DAY)
    told = await told_of(ledger, FTA)
    await put(ledger, wanted(until=TODAY + 10 * DAY))
    assert await told_of(ledger, FTA) == told


async def test_one_of_a_mental_health_crisis_goes_on_until_its_last_day_is_known(ledger: Runtime) -> None:
    began = TODAY - 100 * DAY
    await put(ledger, wanted(CRISIS, first_day=began))
    assert await days(ledger) == (began, None)
    await do(ledger, lambda tx: lift_past_holds(tx, Tick(at=tx.now + 400 * DAY)))
    await put(ledger, wanted(CRISIS, until=TODAY + 29 * DAY))
    assert await days(ledger) == (began, TODAY + 29 * DAY)
    await put(ledger, wanted(CRISIS))
    assert await days(ledger) == (began, None)


OTHER = (
    "INSERT INTO ledger_policy SELECT (jsonb_populate_record(ledger_policy, CAST(:other AS jsonb))).* FROM ledger_policy "
    "ORDER BY in_force_from DESC LIMIT 1"
)
FIGURES = (
    f'{{"in_force_from": "{TODAY}", "version": "other", "breathing_space_most_days": 10, "breathing_space_after_treatment_days": 5, '
    '"breathing_space_review_from_day": 2, "breathing_space_review_to_day": 4, "breathing_space_once_in_months": 1}'
)


async def test_one_that_runs_keeps_the_review_days_of_when_it_was_recorded(ledger: Runtime, database: Database) -> None:
    """The end of a crisis is held to the figures of the day on which somebody gives it."""
    await put(ledger, wanted())
    await put(ledger, wanted(CRISIS, account=MAIN))
    await rewritten(ledger, database, "UPDATE account_hold SET set_at = set_at - interval '1 day'")
    await rewritten(ledger, database, OTHER, other=FIGURES)
    found = {one.kind: one for one in await shown(ledger)}
    assert (found[STANDARD].review_from, found[STANDARD].review_to) == (TODAY + 24 * DAY, TODAY + 34 * DAY)
    assert found[CRISIS].after_treatment_days == 5


async def test_its_figures_are_those_of_the_policy_in_force(ledger: Runtime, database: Database) -> None:
    await rewritten(ledger, database, OTHER, other=FIGURES)
    await put(ledger, wanted())
    [one] = await shown(ledger)
    assert (one.last_day, one.review_from, one.review_to) == (TODAY + 9 * DAY, TODAY + DAY, TODAY + 3 * DAY)
    with pytest.raises(rules.LastsTooLong, match="5 days after the treatment"):
        await put(ledger, wanted(CRISIS, until=TODAY + 6 * DAY))


@pytest.mark.parametrize(
    ("asked", "rule", "field"),
    [
        (wanted(None), rules.KindMissing, "kind"),
        (wanted(first_day=TODAY + DAY), rules.DayHasNotCome, "first_day"),
        (wanted(until=TODAY + 60 * DAY), rules.LastsTooLong, "until"),
        (wanted(first_day=TODAY - 60 * DAY), rules.DayHasPassed, "first_day"),
        (wanted(account_hold=AccountHold.DISPUTE), rules.NotABreathingSpace, "kind"),
        (wanted(None, account_hold=AccountHold.DISPUTE, first_day=TODAY), rules.NotABreathingSpace, "first_day"),
    ],
    ids=["no kind", "begins in days to come", "61 days", "has ended", "a dispute has no kind", "nor a first day"],
)
async def test_what_the_law_does_not_know_is_refused(
    ledger: Runtime, asked: SetAccountHold, rule: type[rules.LedgerRule], field: str
) -> None:
    with pytest.raises(rule) as refused:
        await put(ledger, asked)
    assert refused.value.field == field
    assert await shown(ledger) == ()


async def test_a_person_has_a_standard_one_once_in_twelve_months_wherever_it_was_recorded(ledger: Runtime, database: Database) -> None:
    await put(ledger, wanted(first_day=TODAY - DAY))
    await put(ledger, wanted(account=MAIN, first_day=TODAY - DAY))
    with pytest.raises(rules.AnotherTooSoon):
        await put(ledger, wanted(account=RECHARGE))
    await put(ledger, wanted(account=NEIGHBOUR))
    await rewritten(ledger, database, "UPDATE account_hold SET set_at = set_at - interval '1 day'")
    for account in (FTA, MAIN):
        await put(ledger, lifted(account))
    with pytest.raises(rules.AnotherTooSoon, match="These tenants had a standard one to"):
        await put(ledger, wanted(account=RECHARGE))
    await put(ledger, wanted(CRISIS, RECHARGE))


async def test_one_that_is_recorded_on_two_accounts_of_the_same_people_is_corrected_on_each(ledger: Runtime) -> None:
    for account in (FTA, MAIN):
        await put(ledger, wanted(account=account, first_day=TODAY - DAY))
    for account in (FTA, MAIN):
        await put(ledger, wanted(account=account, first_day=TODAY - 4 * DAY))
    assert {(one.account, one.first_day) for one in await shown(ledger)} == {(FTA, TODAY - 4 * DAY), (MAIN, TODAY - 4 * DAY)}
    with pytest.raises(rules.AnotherTooSoon):
        await put(ledger, wanted(account=RECHARGE))


async def test_one_that_was_recorded_in_error_and_lifted_on_that_day_stands_in_no_others_way(ledger: Runtime) -> None:
    await put(ledger, wanted(first_day=TODAY - 5 * DAY))
    await put(ledger, lifted())
    await put(ledger, wanted(account=MAIN))
    assert await days(ledger) == (TODAY, TODAY + 59 * DAY)


async def test_of_two_recorded_at_the_same_moment_for_the_same_person_one_is_taken(ledger: Runtime) -> None:
    asked = (wanted(account=FTA, first_day=TODAY - DAY), wanted(account=RECHARGE, first_day=TODAY - 2 * DAY))
    outcomes = await asyncio.gather(*(put(ledger, one) for one in asked), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AnotherTooSoon", "NoneType"]


async def test_the_page_says_what_runs_and_what_was_owed_on_its_first_day(ledger: Runtime) -> None:
    """On every account of the same people, each with what was owed there."""
    began, asked_at = LAST_MONTH + DAY, datetime.now(UTC)
    await put(ledger, wanted(first_day=began))
    for account in (FTA, MAIN, RECHARGE):
        [one] = await shown(ledger, account)
        assert one.set_at is not None
        assert asked_at <= one.set_at <= datetime.now(UTC)
        owed = {FTA: 120_00, MAIN: 0, RECHARGE: 85_50}[account]
        assert one == BreathingSpace(
            account=FTA, kind=STANDARD, first_day=began, last_day=began + 59 * DAY, review_from=began + 24 * DAY,
            review_to=began + 34 * DAY, after_treatment_days=None, owed_pence=owed,
            set_by=OFFICER.person, set_at=one.set_at, reason="notice",
        )  # fmt: skip
    assert await shown(ledger, NEIGHBOUR) == ()
    await put(ledger, wanted(CRISIS, first_day=LAST_MONTH - 3 * DAY))
    [one] = await shown(ledger)
    assert (one.owed_pence, one.after_treatment_days, one.review_from, one.review_to) == (0, 30, None, None)


async def test_the_page_shows_this_accounts_own_first(ledger: Runtime) -> None:
    await put(ledger, wanted(CRISIS, MAIN, first_day=TODAY - 9 * DAY))
    await put(ledger, wanted(account=FTA))
    assert [one.account for one in await shown(ledger, FTA)] == [FTA, MAIN]
    assert [one.account for one in await shown(ledger, MAIN)] == [MAIN, FTA]


async def test_an_estate_brings_one_along_with_its_days(empty_ledger: Runtime) -> None:
    began = TODAY - 12 * DAY
    await opened(empty_ledger, household({"kind": "standard", "from": str(began)}))
    assert await days(empty_ledger) == (began, began + 59 * DAY)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"breathing_space": {"kind": "standard", "from": "2100-01-01"}}, "Line 13: a Breathing Space: The first day lies in the future"),
        ({"breathing_space": {"kind": "standard", "from": "2022-01-01"}}, "Line 13: a Breathing Space: One that began on this day ended"),
        ({"holds": ["BREATHING_SPACE"]}, "Line 13: holds: .*told in breathing_space"),
    ],
)
async def test_an_estate_brings_none_along_that_does_not_run(empty_ledger: Runtime, more: dict[str, Any], why: str) -> None:
    with pytest.raises(rules.EstateRefused, match=why):
        await opened(empty_ledger, household(**more))


def household(breathing_space: dict[str, Any] | None = None, **more: Any) -> list[dict[str, Any]]:
    told = {"breathing_space": breathing_space, **more}
    return [line | told if line.get("id") == str(FTA) else line for line in HOUSEHOLD]


@pytest.mark.parametrize(
    ("hold", "kind", "first", "until", "constraint"),
    [
        ("BREATHING_SPACE", None, None, TODAY, "a_breathing_space_has_a_kind_and_a_first_day"),
        ("BREATHING_SPACE", "standard", None, TODAY, "a_breathing_space_has_a_kind_and_a_first_day"),
        ("DISPUTE", "standard", TODAY, TODAY, "a_breathing_space_has_a_kind_and_a_first_day"),
        ("BREATHING_SPACE", "other", TODAY, TODAY, "a_breathing_space_is_of_a_known_kind"),
        ("BREATHING_SPACE", "standard", TODAY, None, "a_standard_breathing_space_has_a_last_day"),
        ("BREATHING_SPACE", "mental-health", TODAY, TODAY - DAY, "a_hold_does_not_end_before_it_begins"),
    ],
)
async def test_the_database_refuses_half_a_breathing_space(
    ledger: Runtime, hold: str, kind: str | None, first: date | None, until: date | None, constraint: str
) -> None:
    row = {"account": FTA, "hold": hold, "kind": kind, "first_day": first, "until": until}
    statement = (
        "INSERT INTO account_hold (account, hold, kind, first_day, until, set_at, set_by, reason) "
        "VALUES (:account, :hold, :kind, :first_day, :until, now(), 'x', 'x')"
    )
    with pytest.raises(IntegrityError, match=constraint):
        async with ledger.engine.begin() as connection:
            await connection.execute(sa.text(statement), row)
