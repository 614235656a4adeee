"""Policy by maker and checker: nobody alone, nobody for themselves, in force from its day, and its history stays."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from approvals import queries
from approvals.domain import policy as rules
from approvals.domain.authority import Act, Policy
from approvals.domain.eligibility import AboveYourLimit
from approvals.domain.forms import LendAuthority
from approvals.domain.policy import Band, ProposedPolicy
from approvals.domain.tasks import Kind
from approvals.use_cases.check_policy import CheckPolicy, check_policy
from approvals.use_cases.lend_authority import end_delegation, lend_authority
from approvals.use_cases.propose_policy import ProposePolicy, propose_policy
from chassis.transaction import SameFormOtherContent
from rentbook_contracts import policy as shared
from rentbook_contracts.approvals import TaskKind
from support.office import Office

TODAY = datetime.now(UTC).astimezone(ZoneInfo("Europe/London")).date()
SOON = TODAY + timedelta(days=7)

RAISED_LEADER: dict[tuple[str, int, str], tuple[int, int | None] | None] = {
    ("decide", 1, "team-leader"): (100_01, 600_00),
    ("decide", 1, "income-manager"): (600_01, 2_500_00),
}
NO_SECOND = {("decide", 2, "finance"): None}


async def table(office: Office, change: dict[tuple[str, int, str], tuple[int, int | None] | None] | None = None) -> tuple[Band, ...]:
    """The bands in force, with some changed or taken out."""
    rows = await office.sql("select * from authority where policy_id = policy_in_force('refund') order by id")
    bands = []
    for row in rows:
        to = (change or {}).get((row["act"], row["stage"], row["role"]), (row["from_pence"], row["to_pence"]))
        if to is not None:
            bands.append(Band(Act(row["act"]), row["stage"], row["role"], *to))
    return tuple(bands)


async def asked(office: Office, change: Any = None, day: date = SOON) -> ProposedPolicy:
    return ProposedPolicy("refund", day, 5, 3, 6, 30, 20, 1_000_00, 2, 120, "Cabinet, minute 41", await table(office, change))


async def proposed(office: Office, maker: str, change: Any = None, day: date = SOON) -> UUID:
    return await propose(office, maker, await asked(office, change, day))


async def propose(office: Office, maker: str, asked: ProposedPolicy, form: UUID | None = None) -> UUID:
    """As a draft that began with the version that is in force until its day."""
    known, id_ = await office.look(maker, queries.policies, Kind(asked.kind)), form or uuid4()
    base = rules.in_force_before(known, asked.in_force_from) or known[0]
    await office.do(maker, propose_policy, ProposePolicy(asked, base.id), id_)
    return id_


async def accept(office: Office, checker: str, proposal: UUID) -> None:
    """As on a page that compares it with what comes before it now."""
    [told] = [one for one in await office.look(checker, queries.proposals) if one.id == proposal]
    base = rules.in_force_before(await office.look(checker, queries.policies, Kind(told.asked.kind)), told.asked.in_force_from)
    assert base is not None
    await office.do(checker, check_policy, CheckPolicy(proposal, "accepted", base=base.id))


async def versions(office: Office) -> tuple[Policy, ...]:
    return await office.look("aud.auditor", queries.policies, TaskKind.REFUND)


async def refused(rule: str, work: Any) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await work
    assert error.value.constraint_name == rule


async def test_one_proposes_another_checks_and_it_comes_into_force_on_its_day(office: Office) -> None:
    proposal = await proposed(office, "hana.head", RAISED_LEADER)
    assert len(await versions(office)) == 1
    await accept(office, "finn.finance", proposal)
    laid, before = await versions(office)
    assert (laid.id, laid.made_by, laid.checked_by, laid.in_force_from) == (f"refund-{SOON}", "hana.head", "finn.finance", SOON)
    assert {(band.act, band.stage, band.role, band.from_pence, band.to_pence) for band in laid.authorities} == {
        (band.act, band.stage, band.role, band.from_pence, band.to_pence) for band in await table(office, RAISED_LEADER)
    }
    assert (laid.bulk_most_lines, laid.bulk_most_pence, laid.bulk_opened_first) == (20, 1_000_00, 2)
    in_force = await office.look("aud.auditor", queries.policy_in_force, TaskKind.REFUND)
    assert in_force == before
    [told] = await office.look("aud.auditor", queries.proposals)
    assert (told.answer, told.checked_by) == ("accepted", "finn.finance")


async def test_a_decision_rests_on_the_policy_that_was_in_force_at_its_moment(office: Office) -> None:
    await accept(office, "finn.finance", await proposed(office, "hana.head", RAISED_LEADER))
    _, opened = await office.open(550_00)
    with pytest.raises(AboveYourLimit, match=r"above your £500\.00"):
        await office.answer_task("tess.leader", opened)
    await office.owner_sql("alter table policy disable trigger append_only")
    await office.owner_sql(f"update policy set in_force_from = '{TODAY}' where id = 'refund-{SOON}'")
    await office.answer_task("tess.leader", opened)
    rows = await office.sql("select policy_id, limit_pence from decision join authority on authority.id = authority_id")
    assert [tuple(row) for row in rows] == [(f"refund-{SOON}", 600_00)]


async def test_the_maker_does_not_check(office: Office) -> None:
    proposal = await proposed(office, "hana.head")
    with pytest.raises(shared.MakerIsNotChecker):
        await accept(office, "hana.head", proposal)
    with pytest.raises(shared.OnlyTheMakerWithdraws):
        await office.do("finn.finance", check_policy, CheckPolicy(proposal, "withdrawn", "no"))
    with pytest.raises(shared.CheckNotExplained):
        await office.do("hana.head", check_policy, CheckPolicy(proposal, "withdrawn"))
    for _ in range(2):
        await office.do("hana.head", check_policy, CheckPolicy(proposal, "withdrawn", "a slip"))
    with pytest.raises(shared.AnsweredAlready):
        await accept(office, "finn.finance", proposal)
    assert len(await versions(office)) == 1


@pytest.mark.parametrize("person", ["tess.leader", "ola.officer", "aud.auditor"])
async def test_policy_is_for_managers_and_finance(office: Office, person: str) -> None:
    with pytest.raises(rules.NotForYouToMake):
        await proposed(office, person)
    proposal = await proposed(office, "hana.head")
    with pytest.raises(rules.NotForYouToMake):
        await accept(office, person, proposal)


RAISED_MANAGER = {("decide", 1, "income-manager"): (500_01, 3_000_00), ("decide", 1, "head-of-service"): (3_000_01, None)}


@pytest.mark.parametrize(
    ("change", "gains", "two_others"),
    [(RAISED_MANAGER, "ines.manager", ("hana.head", "finn.finance")), (NO_SECOND, "hana.head", ("finn.finance", "ines.manager"))],
    ids=["a higher limit", "a decision fewer"],
)
async def test_nobody_raises_their_own_limit_as_maker_or_as_checker(
    office: Office, change: Any, gains: str, two_others: tuple[str, str]
) -> None:
    with pytest.raises(rules.RaisesYourOwnLimit):
        await proposed(office, gains, change)
    proposal = await proposed(office, two_others[0], change)
    with pytest.raises(rules.RaisesYourOwnLimit):
        await accept(office, gains, proposal)
    await accept(office, two_others[1], proposal)


async def test_nobody_raises_a_limit_that_was_lent_to_them(office: Office) -> None:
    await office.everyone_signs_in()
    await office.do("ines.manager", lend_authority, LendAuthority("finn.finance", 1_00, TODAY, SOON))
    proposal = await proposed(office, "hana.head", RAISED_MANAGER)
    with pytest.raises(rules.RaisesYourOwnLimit):
        await accept(office, "finn.finance", proposal)
    await accept(office, "fay.finance", proposal)


async def test_a_day_has_one_policy_and_is_not_today(office: Office) -> None:
    with pytest.raises(shared.InForceTooSoon):
        await proposed(office, "hana.head", day=TODAY)
    one, two = await proposed(office, "hana.head"), await proposed(office, "hana.head")
    await accept(office, "finn.finance", one)
    with pytest.raises(shared.DayTaken):
        await accept(office, "finn.finance", two)
    with pytest.raises(shared.DayTaken):
        await proposed(office, "hana.head")


# --- what is laid down before what is laid down -------------------------------------------------------------------------------------------

LATER = SOON + timedelta(days=14)
LOWERED_MANAGER = {("decide", 1, "income-manager"): (500_01, 1_000_00), ("decide", 1, "head-of-service"): (1_000_01, None)}


async def test_nobody_gains_by_what_is_put_before_their_own_policy(office: Office) -> None:
    """The manager's own policy would give back, on its day, what another took away before it."""
    waits = await proposed(office, "hana.head", LOWERED_MANAGER)
    by_row = await propose_by_sql(office, LOWERED_MANAGER)
    await accept(office, "hana.head", await proposed(office, "ines.manager", day=LATER))
    with pytest.raises(rules.GainOfALater, match="in force from") as told:
        await proposed(office, "hana.head", LOWERED_MANAGER)
    assert told.value.field == "in_force_from"
    with pytest.raises(rules.GainOfALater):
        await accept(office, "finn.finance", waits)
    await refused("nobody_gains_by_a_policy_before_theirs", office.sql(CHECK, by_row, "finn.finance", ["finance"]))
    await office.do("finn.finance", check_policy, CheckPolicy(waits, "refused", "Another comes later"))
    await accept(office, "finn.finance", await proposed(office, "hana.head", LOWERED_MANAGER, LATER + timedelta(days=1)))
    assert [one.in_force_from for one in await versions(office)][:2] == [LATER + timedelta(days=1), LATER]


LOWERED_LEADER = {("decide", 1, "team-leader"): (100_01, 400_00), ("decide", 1, "income-manager"): (400_01, 2_500_00)}


@pytest.mark.parametrize("change", [RAISED_LEADER, LOWERED_LEADER, None], ids=["raised", "lowered", "the same limits"])
async def test_this_years_table_is_put_right_once_next_years_is_laid_down(office: Office, change: Any) -> None:
    """Where neither who made nor who checked next year's has the role whose limit it then raises."""
    await accept(office, "hana.head", await proposed(office, "ines.manager", day=LATER))
    [first] = [one for one in await versions(office) if one.in_force_from < SOON]
    await accept(office, "finn.finance", await proposed(office, "hana.head", change))
    assert [one.in_force_from for one in await versions(office)] == [LATER, SOON, first.in_force_from]
    assert {(band.role, band.to_pence) for band in (await versions(office))[1].authorities} == {
        (band.role, band.to_pence) for band in await table(office, change)
    }


async def test_nobody_gains_so_by_what_was_lent_to_them_either(office: Office) -> None:
    """Also where it is lent no more: it was when they accepted their policy."""
    await office.everyone_signs_in()
    lent = uuid4()
    await office.do("ines.manager", lend_authority, LendAuthority("fay.finance", 1_00, TODAY, LATER), lent)
    await accept(office, "fay.finance", await proposed(office, "hana.head", day=LATER))
    await office.do("ines.manager", end_delegation, lent)
    waits = await propose_by_sql(office, LOWERED_MANAGER)
    with pytest.raises(rules.GainOfALater):
        await proposed(office, "hana.head", LOWERED_MANAGER)
    await refused("nobody_gains_by_a_policy_before_theirs", office.sql(CHECK, waits, "finn.finance", ["finance"]))


async def test_a_mistyped_year_stands_in_nobodys_way(office: Office) -> None:
    with pytest.raises(rules.TooFarAhead):
        await proposed(office, "hana.head", day=TODAY + timedelta(days=367))
    # As one that was proposed before there was this rule.
    waits = await propose_by_sql(office, in_force_from=TODAY + timedelta(days=367))
    with pytest.raises(rules.TooFarAhead):
        await accept(office, "finn.finance", waits)
    await refused("a_policy_comes_within_a_year", office.sql(CHECK, waits, "finn.finance", ["finance"]))
    await office.sql(CHECK, await propose_by_sql(office, in_force_from=TODAY + timedelta(days=366)), "finn.finance", ["finance"])


async def test_a_draft_restores_nothing_that_was_changed_meanwhile(office: Office) -> None:
    [first] = await versions(office)
    begun = await asked(office, day=LATER)
    await accept(office, "finn.finance", await proposed(office, "hana.head", LOWERED_MANAGER))
    with pytest.raises(rules.AnotherBase, match=f"Version refund-{SOON} is in force until that day"):
        await office.do("hana.head", propose_policy, ProposePolicy(begun, first.id), uuid4())
    assert len(await office.look("aud.auditor", queries.proposals)) == 1


async def test_a_checker_accepts_what_was_shown_beside_what_comes_before_it(office: Office) -> None:
    [first] = await versions(office)
    waits = await proposed(office, "hana.head", day=LATER)
    await accept(office, "fay.finance", await proposed(office, "hana.head", LOWERED_MANAGER))
    for base in (first.id, "", None):
        with pytest.raises(rules.AnotherBase):
            await office.do("finn.finance", check_policy, CheckPolicy(waits, "accepted", base=base))
    await accept(office, "finn.finance", waits)


async def test_an_answer_in_other_words_is_not_taken_for_the_same(office: Office) -> None:
    proposal = await proposed(office, "hana.head")
    told = CheckPolicy(proposal, "refused", "The minute says another amount")
    for _ in range(2):
        await office.do("finn.finance", check_policy, told)
    with pytest.raises(SameFormOtherContent):
        await office.do("finn.finance", check_policy, replace(told, text="No such minute"))
    [kept] = await office.look("aud.auditor", queries.proposals)
    assert kept.text == told.text


async def test_the_same_form_proposes_once(office: Office) -> None:
    form, wanted = uuid4(), await asked(office)
    for _ in range(2):
        await propose(office, "hana.head", wanted, form)
    with pytest.raises(SameFormOtherContent):
        await propose(office, "hana.head", replace(wanted, source="elsewhere"), form)
    assert len(await office.look("aud.auditor", queries.proposals)) == 1


async def test_a_table_with_a_hole_is_refused(office: Office) -> None:
    with pytest.raises(rules.PolicyIncomplete):
        await proposed(office, "hana.head", {("decide", 1, "team-leader"): (100_01, 400_00)})


# --- write-offs -------------------------------------------------------------------------------------------------------------------------

Row = tuple[str, int, str]


async def write_offs(office: Office, change: Mapping[Row, Mapping[str, Any]], **other: Any) -> ProposedPolicy:
    """The table of write-offs in force, with what some rows say changed."""
    rows = await office.sql("select * from authority where policy_id = policy_in_force('write-off') order by id")
    names = ("act", "stage", "role", "from_pence", "to_pence", "body", "call_in_working_days")
    told = [{**{name: row[name] for name in names}, **change.get((row["act"], row["stage"], row["role"]), {})} for row in rows]
    bands = tuple(Band(**{**one, "act": Act(one["act"])}) for one in told)
    return replace(ProposedPolicy("write-off", SOON, 10, 5, 15, 60, 0, 0, 1, 60, "Council, minute 9", bands), **other)


async def propose_write_offs(office: Office, maker: str, change: Mapping[Row, Mapping[str, Any]]) -> UUID:
    return await propose(office, maker, await write_offs(office, change))


LEADER, MANAGER = ("decide", 1, "team-leader"), ("decide", 1, "income-manager")
S151, MEMBER, CABINET = ("decide", 1, "s151-officer"), ("decide", 2, "executive-member"), ("decide", 2, "democratic-services")


async def test_a_table_of_write_offs_keeps_its_bodies_and_call_in(office: Office) -> None:
    change = {LEADER: {"to_pence": 60_00}, MANAGER: {"from_pence": 60_01}, MEMBER: {"call_in_working_days": 9}}
    await accept(office, "finn.finance", await propose_write_offs(office, "hana.head", change))
    laid, before = await office.look("aud.auditor", queries.policies, Kind.WRITE_OFF)
    assert (laid.id, laid.unused_after_days, before.unused_after_days) == (f"write-off-{SOON}", 60, 90)
    assert [(one.body, one.call_in_working_days) for one in laid.authorities if one.stage == 2] == [(None, 0), (None, 9), ("Cabinet", 5)]
    assert len(laid.authorities) == len(before.authorities)


GAINS = [
    pytest.param({S151: {"from_pence": 5_000_00}}, "s151-officer", id="asked from a lower amount"),
    pytest.param({MEMBER: {"call_in_working_days": 2}}, "executive-member", id="a shorter call-in"),
    pytest.param({CABINET: {"body": None}}, "democratic-services", id="a minute that is not needed any more"),
    pytest.param({CABINET: {"body": "The chair"}}, "democratic-services", id="another body"),
]


@pytest.mark.parametrize(("change", "role"), GAINS)
async def test_whose_hand_is_freed_gains(office: Office, change: Mapping[Row, Mapping[str, Any]], role: str) -> None:
    """By the domain and by the database alike."""
    asked_for = await write_offs(office, change)
    [before] = await office.look("aud.auditor", queries.policies, Kind.WRITE_OFF)
    assert rules.raised_roles("write-off", before.authorities, asked_for.bands) == {role}
    told = json.dumps([asdict(band) for band in asked_for.bands])
    [row] = await office.sql("select raised_roles('write-off', $1, $2::jsonb) as roles", SOON, told)
    assert row["roles"] == [role]


async def test_the_s151_officer_frees_not_their_own_hand(office: Office) -> None:
    shift = {S151: {"from_pence": 5_000_00}, ("decide", 1, "executive-member"): {"from_pence": 4_000_00, "to_pence": 4_999_99},
             MANAGER: {"to_pence": 3_999_99}}  # fmt: skip
    with pytest.raises(rules.RaisesYourOwnLimit):
        await propose_write_offs(office, "kim.s151", shift)


@pytest.mark.parametrize(
    "wrong",
    [{LEADER: {"to_pence": 40_00}}, {S151: {"act": "release"}}],
    ids=["a gap", "a release of what pays nobody"],
)
async def test_a_table_of_write_offs_with_a_hole_is_refused(office: Office, wrong: Mapping[Row, Mapping[str, Any]]) -> None:
    with pytest.raises(rules.PolicyIncomplete):
        await propose_write_offs(office, "hana.head", wrong)


async def test_refunds_have_no_bodies(office: Office) -> None:
    told = await asked(office)
    with pytest.raises(rules.PolicyIncomplete):
        await propose(office, "hana.head", replace(told, bands=(replace(told.bands[0], body="Cabinet"), *told.bands[1:])))


# --- the database has the last word -----------------------------------------------------------------------------------------------------


async def propose_by_sql(office: Office, change: Any = None, **other: Any) -> UUID:
    """A proposal of hana.head as a row, whatever a use case would say."""
    wanted = await asked(office, change)
    row = {name: value for name, value in asdict(wanted).items() if name != "bands"}
    row |= {"id": uuid4(), "council": "x", "proposed_by": "hana.head", "roles": ["head-of-service"]}
    row |= {"authorities": json.dumps([asdict(band) for band in wanted.bands]), **other}
    places = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    await office.sql(f"insert into policy_proposal ({', '.join(row)}) values ({places})", *row.values())
    made: UUID = row["id"]
    return made


CHECK = "insert into policy_check (proposal_id, checked_by, roles, answer, text) values ($1, $2, $3, 'accepted', '')"


async def test_by_sql_too_maker_checker_and_gainer_are_kept_apart(office: Office) -> None:
    await refused("policy_is_for_managers_and_finance", propose_by_sql(office, roles=["team-leader"]))
    await refused("a_policy_comes_into_force_later", propose_by_sql(office, in_force_from=TODAY))
    await refused("a_proposal_has_a_policy_before", propose_by_sql(office, kind="anything"))
    await refused("nobody_raises_their_own_limit", propose_by_sql(office, NO_SECOND))
    proposal = await propose_by_sql(office, RAISED_MANAGER)
    await refused("the_maker_of_a_policy_does_not_check_it", office.sql(CHECK, proposal, "hana.head", ["head-of-service"]))
    await refused("policy_is_for_managers_and_finance", office.sql(CHECK, proposal, "tess.leader", ["team-leader"]))
    await refused("nobody_raises_their_own_limit", office.sql(CHECK, proposal, "ines.manager", ["income-manager"]))
    await office.sql(CHECK, proposal, "finn.finance", ["finance"])
    await refused("a_proposal_is_answered_once", office.sql(CHECK, proposal, "fay.finance", ["finance"]))


async def test_nobody_who_runs_the_service_writes_policy_past_a_check(office: Office) -> None:
    for statement in (
        "insert into policy select 'mine', council, kind, in_force_from + 1, 5, 3, 6, 30, 'x', 'a', 'b', now(), 40, 1, 1 from policy",
        "insert into authority (policy_id, act, stage, role, from_pence) select policy_id, 'decide', 1, 'officer', 1 from authority",
        "create trigger mine after insert on policy_proposal for each row execute function lay_down_policy()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(statement)


@pytest.mark.parametrize("table_name", ["policy_proposal", "policy_check"])
async def test_what_was_written_stays(office: Office, table_name: str) -> None:
    await office.do("finn.finance", check_policy, CheckPolicy(await proposed(office, "hana.head"), "refused", "no"))
    for statement in (f"update {table_name} set roles = roles", f"delete from {table_name}", f"truncate {table_name} cascade"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(statement)
        await refused(f"{table_name}_is_append_only", office.owner_sql(statement))
