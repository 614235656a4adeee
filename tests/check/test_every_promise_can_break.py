"""Each promise is broken on purpose, by the superuser with every trigger off, on a copy of a consistent town; the checker must name it."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from rentbook_local.checking.books import Books, Paid, Places, opened
from rentbook_local.checking.examine import PROMISES, look
from rentbook_local.checking.promise import Finding, Promise
from rentbook_local.checking.settled import unsettled
from rentbook_local.postgres import Database
from support.servers import Postgres

from .breaks import (
    BEFORE_LAID,
    BREAKS,
    HEARD_BESIDE_GONE,
    LENT_LONG,
    LONG_BEFORE,
    MAUNDY_THURSDAY,
    ON_AN_EARLIER_SCHEDULE,
    OWED_BY_GONE,
    SAID,
)
from .debts import APPROVER, GONE, LEFT_OUT, OVERCHARGED
from .town import PAID, Town


@asynccontextmanager
async def reading(places: Places, paid: dict[str, Paid]) -> AsyncIterator[Books]:
    """The books, with what the bank says; the bank of these tests is asked without a port."""
    async with opened(places) as books:
        books.paid_before = books.paid_after = paid
        yield books


async def findings(places: Places, paid: dict[str, Paid], promises: Sequence[Promise] = PROMISES) -> dict[str, Finding]:
    async with reading(places, paid) as books:
        return {each.promise.name: each.finding async for each in look(books, promises)}


async def finding(name: str, places: Places, paid: dict[str, Paid]) -> Finding:
    """What one promise finds. The others say nothing of a break of this one, and looking at all takes many times as long."""
    [promise] = [one for one in PROMISES if one.name == name]
    return (await findings(places, paid, (promise,)))[name]


async def broken_copy(postgres: Postgres, town: Town, service: str, statements: tuple[str, ...]) -> Database:
    """A copy of one of the town's databases after the superuser was there."""
    copy = await postgres.copy_of(town.unguarded[service], service)
    connection = await asyncpg.connect(postgres.superuser_dsn(copy.name))
    try:
        for statement in statements:
            done = await connection.execute(statement)
            assert not done.endswith(" 0"), f"{statement} changed nothing"
    finally:
        await connection.close()
    return copy


async def test_an_untouched_town_keeps_every_promise(town: Town, paid: dict[str, Paid]) -> None:
    found = await findings(town.places(), paid)
    assert {name: each.broken for name, each in found.items() if not each.kept} == {}
    assert list(found) == [promise.name for promise in PROMISES]
    assert [name for name, each in found.items() if not each.looked_at] == ["nothing-parked"], "every promise had something to look at"


async def test_an_untouched_town_is_at_rest(town: Town, paid: dict[str, Paid]) -> None:
    async with reading(town.places(), paid) as books:
        assert await unsettled(books) == []


@pytest.mark.parametrize(("promise", "how", "service", "statements"), BREAKS, ids=[f"{name}: {how}" for name, how, _, _ in BREAKS])
async def test_broken(
    postgres: Postgres, town: Town, paid: dict[str, Paid], promise: str, how: str, service: str, statements: tuple[str, ...]
) -> None:
    copy = await broken_copy(postgres, town, service, statements)
    assert not (await finding(promise, town.places(**{service: copy}), paid)).kept, how


async def test_a_posted_refund_whose_line_is_being_marked_is_under_way(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    waits = "UPDATE payment_line SET status = 'released', refund_journal = NULL WHERE status = 'paid'"
    copy = await broken_copy(postgres, town, "refunds", (waits,))
    assert (await finding("posted-refunds", town.places(refunds=copy), paid)).kept


async def test_an_approved_refund_that_no_list_holds_is_found_by_its_decision_alone(
    postgres: Postgres, town: Town, paid: dict[str, Paid]
) -> None:
    """Whoever takes it off the list may have refunds say of the case whatever a step can say."""
    off_every_list = ("DELETE FROM payment_line WHERE status = 'paid'", "UPDATE refund_case SET is_open = true WHERE status = 'paid'")
    refunds = await broken_copy(postgres, town, "refunds", off_every_list)
    just_now = await broken_copy(postgres, town, "approvals", ("UPDATE decision SET decided_at = now()",))
    assert (await finding("unpaid-refunds", town.places(refunds=refunds, approvals=just_now), paid)).kept, "it may be under way"
    approvals = await broken_copy(postgres, town, "approvals", ("UPDATE decision SET decided_at = now() - interval '6 minutes'",))
    assert (await finding("unpaid-refunds", town.places(approvals=approvals), paid)).kept
    assert not (await finding("unpaid-refunds", town.places(refunds=refunds, approvals=approvals), paid)).kept


@pytest.mark.parametrize("status", ["CARRIED_OUT", "NOT_CARRIED_OUT"])
async def test_an_approved_refund_on_the_list_whose_task_somebody_closed_is_found(
    postgres: Postgres, town: Town, paid: dict[str, Paid], status: str
) -> None:
    """Finance is refused it, and nobody can recall it."""
    listed = (
        "DELETE FROM payment_line WHERE status = 'paid'",
        "UPDATE refund_case SET is_open = true, queued_decision = id, queued_at = now(), queued_hash = ("
        " SELECT content_hash FROM refund_plan WHERE case_id = refund_case.id ORDER BY round DESC LIMIT 1) WHERE status = 'paid'",
    )
    refunds = await broken_copy(postgres, town, "refunds", listed)
    assert (await finding("unpaid-refunds", town.places(refunds=refunds), paid)).kept
    closed = (f"UPDATE task SET status = '{status}', closed_at = now() - interval '6 minutes' WHERE status = 'DECIDED'",)
    approvals = await broken_copy(postgres, town, "approvals", closed)
    [why] = (await finding("unpaid-refunds", town.places(refunds=refunds, approvals=approvals), paid)).broken
    assert why.endswith("its task is closed: nobody can release it")


async def test_what_is_said_after_a_decision_does_not_break_it(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    """Whoever decided may go on working."""
    of = ((GONE.account, APPROVER), (GONE.garage, APPROVER), (PAID.account, "dilip.leader"), (PAID.account, "greta.finance"))
    said = [each.replace(LONG_BEFORE, "clock_timestamp()") for each in SAID.values()]
    later = [one.format(account=f"'{account}'", by=f"'{by}'") for account, by in of for one in said]
    once = "DROP INDEX an_account_has_one_plan, an_account_has_one_open_claim, an_account_hold_is_in_force_once"
    copy = await broken_copy(postgres, town, "ledger", (once, *later))
    found = await findings(town.places(ledger=copy), paid)
    assert [name for name, each in found.items() if not each.kept] == []


@pytest.mark.parametrize(("when", "kept"), [("before it was posted", False), ("afterwards", True)])
async def test_whoever_decided_a_write_off_strikes_evidence_of_it(
    postgres: Postgres, town: Town, paid: dict[str, Paid], when: str, kept: bool
) -> None:
    """Of an order that is struck years later nothing was known when it was decided."""
    at = "clock_timestamp()" if kept else LONG_BEFORE
    copy = await broken_copy(
        postgres,
        town,
        "writeoffs",
        (
            f"INSERT INTO struck SELECT DISTINCT ON (proposal) proof.id, 'typed in error', '{APPROVER}', {at}"
            " FROM proof JOIN proposal ON proposal.id = proof.proposal WHERE proposal.status = 'posted'",
            "INSERT INTO participant SELECT proof.proposal, by, 'struck evidence', at"
            " FROM (SELECT proof, by, at FROM struck) AS gone JOIN (SELECT id, proposal FROM proof) AS proof ON proof.id = gone.proof",
        ),
    )
    assert (await finding("written-off", town.places(writeoffs=copy), paid)).kept is kept, when


async def test_a_trace_on_a_posted_debt_and_a_schedule_of_strangers_break_nothing(
    postgres: Postgres, town: Town, paid: dict[str, Paid]
) -> None:
    told = [one.format(kind="trace", by=APPROVER, struck_by=APPROVER) if "{kind}" in one else one for one in HEARD_BESIDE_GONE]
    copy = await broken_copy(postgres, town, "writeoffs", (*told, ON_AN_EARLIER_SCHEDULE.format(account=GONE.account, made_by="x", by="y")))
    assert (await finding("written-off", town.places(writeoffs=copy), paid)).kept


TRACED, DEAD = (("trace", 200), ("trace", 190), ("agency-instructed", 100)), (("death", 40),)
DIED = f"UPDATE person SET died_on = current_date - 50 WHERE id = '{UUID(int=GONE.number * 100)}'"
DUE_LONG_AGO = f"UPDATE journal SET effective_date = current_date - interval '7 years' WHERE id = {OWED_BY_GONE}"


@pytest.mark.parametrize(
    ("reason", "shown", "in_the_ledger", "kept"),
    [
        ("untraceable", (*TRACED, ("agency-return", 2)), None, True),
        ("untraceable", (*TRACED, ("agency-return", 101)), None, False),
        ("untraceable", (*TRACED[:2], ("agency-instructed", 80), ("agency-return", 2)), None, False),
        ("untraceable", (*TRACED, ("contact", 95), ("agency-instructed", 94), ("agency-return", 2)), None, True),
        ("untraceable", (*TRACED, ("contact", 85), ("agency-instructed", 84), ("agency-return", 2)), None, False),
        ("untraceable", (*TRACED, ("contact", 50), ("agency-return", 2)), None, False),
        ("untraceable", (*TRACED, ("found", 150), ("agency-return", 2)), None, False),
        ("deceased", (*DEAD, ("insufficient-funds", 30)), DIED, True),
        ("deceased", (*DEAD, ("insufficient-funds", 51)), DIED, False),
        ("deceased", (("death", 51), ("insufficient-funds", 30)), DIED, False),
        ("statute-barred", (("legal-confirmation", 30),), DUE_LONG_AGO, True),
        ("statute-barred", (("legal-confirmation", 370),), DUE_LONG_AGO, False),
    ],
)
async def test_evidence_counts_from_the_day_of_what_it_follows(
    postgres: Postgres,
    town: Town,
    paid: dict[str, Paid],
    reason: str,
    shown: tuple[tuple[str, int], ...],
    in_the_ledger: str | None,
    kept: bool,
) -> None:
    """Had the first write-off been for this reason, with this evidence of so many days ago."""
    of = f"FROM proposal WHERE account = '{GONE.account}' AND kind = 'write-off'"
    brought = (
        'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at)'
        f" SELECT gen_random_uuid(), id, '{kind}', current_date - {days}, '', '', '', 'x', {LONG_BEFORE} {of}"
        for kind, days in shown
    )
    changed = f"UPDATE proposal SET reason = '{reason}' WHERE id = (SELECT id {of})"
    places = {"writeoffs": await broken_copy(postgres, town, "writeoffs", (*brought, changed))}
    if in_the_ledger is not None:
        places["ledger"] = await broken_copy(postgres, town, "ledger", (in_the_ledger,))
    assert (await finding("evidence-order", town.places(**places), paid)).kept is kept


@pytest.mark.parametrize(("raised", "struck", "kept"), [
    pytest.param("-", False, False, id="to one before"),
    pytest.param("-", True, True, id="to one before, and struck"),
    pytest.param("+", False, True, id="to one after"),
])  # fmt: skip
async def test_an_answer_to_another_proposal_of_the_same_debt_ends_a_silence(
    postgres: Postgres, town: Town, paid: dict[str, Paid], raised: str, struck: bool, kept: bool
) -> None:
    """Had nobody found the first debtor, and somebody heard of them on another proposal that was withdrawn."""
    of = f"FROM proposal WHERE account = '{GONE.account}' AND kind = 'write-off' AND status = 'posted'"
    shown = ((f"(SELECT id {of})", *one) for one in (*TRACED, ("agency-return", 2)))
    other = UUID(int=888_888)
    brought = (
        'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at)'
        f" VALUES (gen_random_uuid(), {to}, '{kind}', current_date - {days}, '', '', '', 'x', {LONG_BEFORE})"
        for to, kind, days in (*shown, (f"'{other}'", "found", 50))
    )
    places = {"writeoffs": await broken_copy(postgres, town, "writeoffs", (
        f"INSERT INTO proposal SELECT (jsonb_populate_record(proposal, jsonb_build_object('id', '{other}', 'status', 'withdrawn',"
        f" 'journal', NULL, 'raised_at', raised_at {raised} interval '1 day'))).* {of}",
        *brought,
        *((f"INSERT INTO struck SELECT id, 'typed in error', 'x', {LONG_BEFORE} FROM proof WHERE proposal = '{other}'",) if struck else ()),
        f"UPDATE proposal SET reason = 'untraceable' WHERE id = (SELECT id {of})",
    ))}  # fmt: skip
    assert (await finding("evidence-order", town.places(**places), paid)).kept is kept


PAID_AT, FROM_ELSEWHERE = "INSERT INTO journal OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(journal, jsonb_build_object(", 999_997
PAYMENT = (
    f"{PAID_AT}'id', '{UUID(int=FROM_ELSEWHERE)}', 'seq', {FROM_ELSEWHERE}, 'code', '{{code}}', 'effective_date', current_date - {{days}},"
    f" 'posted_at', {{at}}))).* FROM journal WHERE code = 'ROB' LIMIT 1",
    f"INSERT INTO entry (journal, line, account, element, amount_pence) VALUES ('{UUID(int=FROM_ELSEWHERE)}', 1, '{{account}}', '', -5)",
)
TAKEN_BACK = (
    f"{PAID_AT}'id', '{UUID(int=FROM_ELSEWHERE + 1)}', 'seq', {FROM_ELSEWHERE + 1}, 'reverses', '{UUID(int=FROM_ELSEWHERE)}',"
    f" 'posted_at', {LONG_BEFORE}))).* FROM journal WHERE code = 'ROB' LIMIT 1"
)
PLAN = (
    "INSERT INTO payment_plan (id, account, agreed_on, instalment_pence, rhythm, first_due_on, noted_at, noted_by, ended_at, ended_by,"
    " ended_because) VALUES (gen_random_uuid(), '{account}', current_date - {days}, 1, 'weekly', current_date - {days}, {at}, 'x', {at},"
    " 'x', '')"
)
REQUEST = "INSERT INTO heard_request (case_id, account, heard_at) VALUES (gen_random_uuid(), '{account}', now() - interval '{days} days')"
NOTE = (
    "INSERT INTO contact_note (id, account, person, how, identified, text, at)"
    " VALUES (gen_random_uuid(), '{account}', 'x', 'phone', '{known}', 'x', now() - interval '{days} days')"
)
ANSWER = (
    f"INSERT INTO proposal SELECT (jsonb_populate_record(proposal, jsonb_build_object('id', '{UUID(int=FROM_ELSEWHERE)}', 'account',"
    f" '{{account}}', 'status', 'withdrawn', 'journal', NULL))).* FROM proposal WHERE account = '{GONE.account}' AND kind = 'write-off'",
    'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at, person)'
    f" VALUES (gen_random_uuid(), '{UUID(int=FROM_ELSEWHERE)}', 'letter-answered', current_date - {{days}}, '', '', '', 'x', {{at}},"
    " {of})",
)
IN_TIME: dict[str, object] = {"account": GONE.garage, "days": 50, "at": LONG_BEFORE, "code": "RSO", "known": "asked", "of": "NULL"}


@pytest.mark.parametrize(("service", "said", "but", "kept"), [
    pytest.param("ledger", PAYMENT, {}, False, id="they paid on another account"),
    pytest.param("ledger", PAYMENT, {"account": GONE.account}, False, id="they paid on this account"),
    pytest.param("ledger", PAYMENT, {"days": 101}, True, id="they paid before an agency was instructed"),
    pytest.param("ledger", PAYMENT, {"at": "now() + interval '1 day'"}, True, id="they paid once it was listed"),
    pytest.param("ledger", PAYMENT, {"code": "RHB"}, True, id="benefit was paid for them"),
    pytest.param("ledger", (*PAYMENT, TAKEN_BACK), {}, True, id="what they paid was taken back before"),
    pytest.param("ledger", PAYMENT, {"account": LEFT_OUT.account}, True, id="somebody else paid"),
    pytest.param("ledger", (PLAN,), {}, False, id="they agreed a plan, which ended"),
    pytest.param("ledger", (PLAN,), {"at": "now() + interval '1 day'"}, True, id="they agreed a plan once it was listed"),
    pytest.param("ledger", (REQUEST,), {}, False, id="they asked for a refund"),
    pytest.param("approvals", (NOTE,), {}, False, id="they were spoken with"),
    pytest.param("approvals", (NOTE,), {"known": "not-identified"}, True, id="nobody knows with whom it was spoken"),
    pytest.param("writeoffs", ANSWER, {}, False, id="they answered about another debt"),
    pytest.param("writeoffs", ANSWER, {"of": f"'{UUID(int=5)}'"}, True, id="somebody answered who owes the other debt alone"),
    pytest.param("writeoffs", ANSWER, {"account": LEFT_OUT.account}, True, id="somebody else answered"),
])  # fmt: skip
async def test_whoever_was_heard_of_on_whichever_account_was_to_be_searched_for_anew(
    postgres: Postgres, town: Town, paid: dict[str, Paid], service: str, said: tuple[str, ...], but: dict[str, object], kept: bool
) -> None:
    """Had the first write-off been because nobody could be found, and the tenant been heard of since the agency was instructed."""
    of = f"FROM proposal WHERE account = '{GONE.account}' AND kind = 'write-off'"
    changes = {"writeoffs": [
        'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at)'
        f" SELECT gen_random_uuid(), id, '{kind}', current_date - {days}, '', '', '', 'x', {LONG_BEFORE} {of}"
        for kind, days in (*TRACED, ("agency-return", 2))
    ]}  # fmt: skip
    changes["writeoffs"].append(f"UPDATE proposal SET reason = 'untraceable' WHERE id = (SELECT id {of})")
    changes.setdefault(service, []).extend(one.format(**{**IN_TIME, **but}) for one in said)
    places = {name: await broken_copy(postgres, town, name, tuple(statements)) for name, statements in changes.items()}
    assert (await finding("evidence-order", town.places(**places), paid)).kept is kept


@pytest.mark.parametrize(("of", "kept"), [
    pytest.param(("gone",), False, id="of one"),
    pytest.param(("gone", "other"), True, id="of each"),
    pytest.param((None,), True, id="nobody said whose it is, as was once so"),
])  # fmt: skip
async def test_of_joint_tenants_the_death_of_each_was_shown(
    postgres: Postgres, town: Town, paid: dict[str, Paid], of: tuple[str | None, ...], kept: bool
) -> None:
    """Had two died, and the first write-off been for that."""
    people = {"gone": UUID(int=GONE.number * 100), "other": UUID(int=999_999)}
    joined = (
        "INSERT INTO person SELECT (jsonb_populate_record(person, jsonb_build_object('id', "
        f"'{people['other']}'))).* FROM person WHERE id = '{people['gone']}'",
        f"INSERT INTO tenant (tenancy, person, joint) SELECT tenancy, '{people['other']}', true FROM account WHERE id = '{GONE.account}'",
        *(f"UPDATE person SET died_on = current_date - 50 WHERE id = '{id_}'" for id_ in people.values()),
    )
    proposal = f"FROM proposal WHERE account = '{GONE.account}' AND kind = 'write-off'"
    brought = (
        'INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at, person)'
        f" SELECT gen_random_uuid(), id, '{kind}', current_date - 40, '', '', '', 'x', {LONG_BEFORE}, {whose} {proposal}"
        for kind, whose in (("insufficient-funds", "NULL"), *(("death", f"'{people[one]}'" if one else "NULL") for one in of))
    )
    changed = f"UPDATE proposal SET reason = 'deceased' WHERE id = (SELECT id {proposal})"
    places = {"writeoffs": await broken_copy(postgres, town, "writeoffs", (*brought, changed))}
    places["ledger"] = await broken_copy(postgres, town, "ledger", joined)
    assert (await finding("evidence-order", town.places(**places), paid)).kept is kept


async def test_a_call_in_that_was_waited_out_breaks_nothing(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    """Decided before Easter: the third working day after is Thursday of the week after."""
    waited = ("UPDATE authority SET call_in_working_days = 3", MAUNDY_THURSDAY.format(day="2026-04-10"))
    copy = await broken_copy(postgres, town, "approvals", waited)
    assert (await finding("written-off", town.places(approvals=copy), paid)).kept


async def test_what_was_lent_otherwise_makes_nobody_gain(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    """A limit that rises is nobody's gain to whom its role's authority is lent after the policy was accepted, or until before its day."""
    raised = f"UPDATE authority SET to_pence = from_pence WHERE role = 'head-of-service' AND {BEFORE_LAID}"
    lent = LENT_LONG.format(giver="farid.head", role="head-of-service", taker="greta.finance")
    copy = await broken_copy(
        postgres,
        town,
        "approvals",
        (
            raised,
            lent,
            "UPDATE delegation SET given_at = clock_timestamp() WHERE until_on = current_date + 60",
            lent.replace("+ 60", "+ 1"),
        ),
    )
    assert (await finding("policy", town.places(approvals=copy), paid)).kept


IN_SQL = [(how, statements) for name, how, service, statements in BREAKS if (name, service) == ("payment-files", "refunds")]


@pytest.mark.parametrize(("how", "statements"), IN_SQL, ids=[how for how, _ in IN_SQL])
async def test_a_payment_file_is_broken_that_lies_in_no_folder(
    postgres: Postgres, town: Town, paid: dict[str, Paid], how: str, statements: tuple[str, ...]
) -> None:
    """The bank may have fetched it."""
    copy = await broken_copy(postgres, town, "refunds", statements)
    assert (await finding("payment-files", replace(town.places(), payments=None), paid)).kept
    assert not (await finding("payment-files", replace(town.places(refunds=copy), payments=None), paid)).kept, how


@pytest.mark.parametrize("hash_too", [False, True], ids=["its bytes alone", "its hash too"])
async def test_a_payment_file_was_changed_in_the_folder(
    postgres: Postgres, town: Town, paid: dict[str, Paid], tmp_path: Path, hash_too: bool
) -> None:
    [file] = (town.folder / "payments").iterdir()
    changed = file.read_bytes().replace(b"REFUND 00000001", b"REFUND 00000007")
    assert changed != file.read_bytes()
    (tmp_path / file.name).write_bytes(changed)
    sha256 = hashlib.sha256(changed).hexdigest()
    statements = tuple(f"UPDATE {table} SET sha256 = '{sha256}'" for table in ("payment_file", "submission"))
    copy = await broken_copy(postgres, town, "refunds", statements if hash_too else ())
    found = await finding("payment-files", replace(town.places(refunds=copy), payments=tmp_path), paid)
    assert any("its items" in place for place in found.broken)
    assert any("its hash" in place for place in found.broken) is not hash_too


async def test_what_was_written_off_of_an_undone_charge_comes_back_whatever_the_law_had_released(
    postgres: Postgres, town: Town, paid: dict[str, Paid]
) -> None:
    register = f"UPDATE register SET discharged = true WHERE kind = 'write-off' AND account = '{OVERCHARGED.account}'"
    released = f"UPDATE written_off SET released_until = current_date WHERE account = '{OVERCHARGED.account}'"
    for promise, service, statement in (("put-back", "writeoffs", register), ("charges-written-off", "ledger", released)):
        copy = await broken_copy(postgres, town, service, (statement,))
        assert (await finding(promise, town.places(**{service: copy}), paid)).kept, promise


def test_every_promise_is_broken_above() -> None:
    assert {promise.name for promise in PROMISES} == {name for name, _, _, _ in BREAKS}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("twice", lambda once: Paid(2, 2 * once.pence, 0)),
        ("another amount", lambda _: Paid(1, 1, 0)),
        ("never", lambda _: None),
    ],
)
async def test_the_bank_paid(town: Town, paid: dict[str, Paid], how: str, told: Callable[[Paid], Paid | None]) -> None:
    """A payment that stays with its payee: the references stand in the order of random ids, so it is found by what became of it."""
    [kept, *_] = [reference for reference, once in paid.items() if not once.returned]
    says = {reference: each for reference, each in {**paid, kept: told(paid[kept])}.items() if each is not None}
    assert not (await finding("paid-once", town.places(), says)).kept, how


async def test_the_bank_paid_somebody_else(town: Town, paid: dict[str, Paid]) -> None:
    says = {**paid, "REFUND 00000055": Paid(1, 1_00, 0)}
    assert not (await finding("paid-once", town.places(), says)).kept


async def test_the_anchor_was_rewritten(town: Town, paid: dict[str, Paid]) -> None:
    places = town.places()
    async with reading(places, paid) as books:
        assert books.anchor_lines
        books.anchor_lines = (books.anchor_lines[-1].replace('"hash": "', '"hash": "00'),)
        found = {each.promise.name: each.finding async for each in look(books)}
    assert not found["seal-anchor"].kept
    assert found["seal-chain"].kept


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("approvals", "UPDATE outbox_event SET published_at = NULL WHERE seq = 1", "approvals: 1 facts are not published"),
        ("refunds", "UPDATE outbox_workflow SET done_at = NULL, outcome = NULL WHERE seq = 1", "refunds: 1 requests to workflows"),
        ("refunds", "UPDATE heard_version SET version = version - 1 WHERE topic = 'ledger.accounts'", "refunds has yet to hear"),
    ],
)
async def test_what_is_under_way_is_told(
    postgres: Postgres, town: Town, paid: dict[str, Paid], service: str, statement: str, words: str
) -> None:
    copy = await broken_copy(postgres, town, service, (statement,))
    async with reading(town.places(**{service: copy}), paid) as books:
        assert [wait for wait in await unsettled(books) if words in wait]


async def test_what_was_told_after_its_publisher_was_read_is_no_break(postgres: Postgres, town: Town, paid: dict[str, Paid]) -> None:
    """Of two that hear each other, one is read first."""
    one = "SELECT id FROM outbox_event WHERE topic = 'ledger.accounts' ORDER BY seq LIMIT 1"
    copy = await broken_copy(
        postgres,
        town,
        "ledger",
        (
            f"CREATE TABLE aside AS SELECT * FROM outbox_event WHERE id = ({one})",
            "DELETE FROM outbox_event USING aside WHERE aside.id = outbox_event.id",
        ),
    )
    [promise] = [each for each in PROMISES if each.name == "heard-as-told"]
    async with reading(town.places(ledger=copy), paid) as books:
        assert not (await promise.look(books)).kept, "it was heard, and nobody has told it yet"
        connection = await asyncpg.connect(postgres.superuser_dsn(copy.name))
        await connection.execute("INSERT INTO outbox_event OVERRIDING SYSTEM VALUE SELECT * FROM aside")
        await connection.close()
        assert (await promise.look(books)).kept
