"""Every address of the desk, tried as nobody and as each role: which page is shown, which form is taken."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
from approvals import queries, store
from approvals.domain.forms import OfTask
from approvals.domain.tasks import Kind
from approvals.use_cases.note_seen import note_seen
from approvals.web import sessions
from approvals.web.pages import rates
from approvals.web.pages.evidence import as_typed
from approvals.web.routes import FORMS, PAGES
from approvals.web.sessions import Person, Session
from chassis.peers import Caller
from chassis.transaction import run
from rentbook_contracts.approvals import content_hash
from rentbook_contracts.ledger import Offset
from rentbook_contracts.people import OF_AN_OFFICE, Role
from rentbook_contracts.refunds import READY_PAYMENTS, ReadyPayments
from rentbook_contracts.writeoffs import ScheduleStatus
from support.web import client

from desk import debts, estate
from desk.conftest import Place
from desk.doors import NO, NOBODY, ROLES, SIGNS_IN, YES
from desk.test_forms import TYPED
from desk.test_work import APPROVE, approve, decisions
from desk.visitor import visiting

Fields = dict[str, str]

OUTSIDE = {
    "GET /static/{digest}/{name}": "/static/x/y.css",
    "GET /sign-in": "/sign-in",
    "GET /sign-in/return": "/sign-in/return",
    "POST /sign-out": "/sign-out",
    "GET /signed-out": "/signed-out",
}
"""The addresses that ask for no session, and how each is tried."""


ASKED = {
    "/runs/preview": f"?case={estate.CASE_OKAFOR}",
    "/policy/proposals/new": "?kind=refund",
    "/write-offs/schedules/preview": f"?proposal={debts.READY}",
}
"""What an address is asked with, beside its path."""


@dataclass
class Walk:
    """A walk around one desk. Each attempt at a form has what it needs made anew, so that none stands in another's way."""

    place: Place
    who: str = ""
    known: dict[str, object] = field(default_factory=dict)

    async def case(self) -> UUID:
        """A case that nobody has touched but the officer who raised it."""
        case = uuid4()
        offset = (Offset(account=estate.an_id("debt nguyen 90014921C-R"), amount_pence=1_00),)
        estate.PLANS[case] = estate.plan_of(case, estate.OKAFOR, 140_20, offsets=offset)
        estate.HOME_OF[case] = estate.OKAFOR
        return case

    @property
    def role(self) -> str:
        return self.who.removeprefix("walk.")

    async def task(self) -> UUID:
        """A task that whoever walks may read: of a case, and of a schedule for whoever reads no cases."""
        return await self.put() if self.role in OF_AN_OFFICE else await self.place.task(await self.case())

    async def put(self) -> UUID:
        """The task of a schedule of its own that was put to a member, or to Cabinet."""
        schedule = uuid4()
        debts.SCHEDULE_STATUS[schedule] = ScheduleStatus.WITH_APPROVER
        return await self.place.put_to("lowri" if self.role == Role.EXECUTIVE_MEMBER else "mabel", schedule)

    async def approved(self) -> tuple[UUID, UUID]:
        """A case with the decision by which a team leader approved it."""
        case = await self.case()
        task = await self.place.task(case)
        async with visiting(self.place, "dev") as leader:
            await approve(leader, task)
        [made] = await decisions(self.place, case)
        return case, made.decision

    async def minuted(self) -> UUID:
        """A decision of Cabinet, recorded with its minute. A later round was put to a member, so that either office reads the schedule."""
        task = await self.place.put_to("mabel")
        async with visiting(self.place, "mabel") as recorder:
            await recorder.read(f"/tasks/{task}")
            await recorder.send_with_file(f"/tasks/{task}/decision", "minute_copy", MINUTE_COPY, **SCHEDULE_APPROVED, **MINUTE)
        await self.place.schedule_task(band_pence=5_000_00, round_=2)
        [made] = [one for one in await decisions(self.place, debts.SCHEDULE) if one.stage == 2]
        return made.decision

    async def lending(self) -> Fields:
        """To an officer; what comes with an office, to somebody else who holds it."""
        if self.role not in OF_AN_OFFICE:
            return LENT
        await self.session(self.role, "other")
        return {**LENT, "taker": f"other.{self.role}"}

    async def session(self, role: str, name: str = "walk") -> tuple[str, Session]:
        now = datetime.now(UTC)
        key, session = sessions.begin(Person(f"{name}.{role}", f"A {role}", frozenset({role})), now, now)
        await run(self.place.runtime, lambda tx: store.open_session(tx, session))
        return key, session


Send = Callable[[str, Fields], Awaitable[httpx.Response]]
Prepared = tuple[Mapping[str, object], Fields]
Attempt = Callable[[Walk, str, Send], Awaitable[Prepared]]


def with_fields(fields: Fields) -> Attempt:
    """A form about what the estate has."""

    async def attempt(walk: Walk, path: str, send: Send) -> Prepared:
        return walk.known, fields

    return attempt


def on_a_task(fields: Fields) -> Attempt:
    async def attempt(walk: Walk, path: str, send: Send) -> Prepared:
        return {"task": await walk.task()}, fields

    return attempt


async def of_assigning(walk: Walk, path: str, send: Send) -> Prepared:
    """To somebody who may decide it."""
    able = {Role.EXECUTIVE_MEMBER.value: "lowri.member", Role.DEMOCRATIC_SERVICES.value: "mabel.democratic"}
    return {"task": await walk.task()}, {"to": able.get(walk.role, "dev.leader")}


async def of_evidence(walk: Walk, path: str, send: Send) -> Prepared:
    return {"proposal": debts.EVIDENCE}, {"check_answer": "accepted"}


async def of_rates(walk: Walk, path: str, send: Send) -> Prepared:
    return {"proposal": debts.RATES}, {"check_answer": "accepted"}


async def of_my_claim(walk: Walk, path: str, send: Send) -> Prepared:
    task = await walk.task()
    await send(f"/tasks/{task}/claim", {})
    return {"task": task}, {}


async def of_what_waits(walk: Walk, path: str, send: Send) -> Prepared:
    """The plan of a case; for whoever reads none, the lines of a schedule."""
    if walk.role in OF_AN_OFFICE:
        return await _of_lines(walk)
    case = await walk.case()
    plan = content_hash(estate.PLANS[case])
    return {"task": await walk.place.task(case)}, {**APPROVE, "content_hash": plan, "plan_hash": plan}


async def _of_lines(walk: Walk) -> Prepared:
    task = await walk.put()
    head = await run(walk.place.runtime, lambda tx: queries.task_head(tx, task))
    assert head is not None
    minute = MINUTE if walk.role == Role.DEMOCRATIC_SERVICES else {}
    return {"task": task}, {**SCHEDULE_APPROVED, **minute, "content_hash": head.content_hash}


async def of_an_approval(walk: Walk, path: str, send: Send) -> Prepared:
    """A colleague's; for whoever reads no cases, their own of a schedule."""
    if walk.role in OF_AN_OFFICE:
        known, fields = await _of_lines(walk)
        await send(f"/tasks/{known['task']}/decision", fields)
        [row] = await run(walk.place.runtime, lambda tx: queries.rows_of(tx, [UUID(str(known["task"]))]))
        assert row.decision is not None, "it was decided"
        return {"decision": row.decision.decision}, {"recall_text": "A slip"}
    _, decision = await walk.approved()
    return {"decision": decision}, {"recall_text": "The tenant rang"}


async def of_a_payment(walk: Walk, path: str, send: Send) -> Prepared:
    case, decision = await walk.approved()
    plan = estate.PLANS[case]
    changed = {"case": case, "content_hash": plan.content_hash, "amount_pence": plan.refund_pence}
    payment = estate.ready_payment(decision).model_copy(update=changed)
    walk.place.peers.answers[f"/queries/{READY_PAYMENTS.name}"] = lambda _: ReadyPayments(
        payments=(payment,),
        total_pence=payment.amount_pence,
        next_processing_day=estate.TODAY,
        next_entry_day=estate.TODAY,
        cut_off=estate.NOW,
    )
    return {}, {"line": f"{case}/1/{plan.content_hash}/{payment.amount_pence}"}


async def of_a_delegation(walk: Walk, path: str, send: Send) -> Prepared:
    """One's own where the role may lend anything, else a colleague's."""
    await send("/cover/delegations", await walk.lending())
    async with visiting(walk.place, "dev") as leader:
        await leader.read("/cover")
        keys = {"csrf": leader.fields("/sign-out")["csrf"], "form_id": str(uuid4())}
        await leader.http.post("/cover/delegations", data={**keys, **LENT}, headers={"origin": walk.place.url})
    lent = await run(walk.place.runtime, queries.delegations)
    return {"delegation": next((one.id for one in lent if one.giver == walk.who), lent[0].id)}, {}


async def of_lending(walk: Walk, path: str, send: Send) -> Prepared:
    return {}, await walk.lending()


async def of_an_absence(walk: Walk, path: str, send: Send) -> Prepared:
    await send("/cover/absences", AWAY)
    known = await run(walk.place.runtime, queries.absences)
    return {"absence": next((one.id for one in known if one.person == walk.who), walk.known["view"])}, {}


async def of_a_choice(walk: Walk, path: str, send: Send) -> Prepared:
    return {}, {"task": str(await walk.task())}


async def of_a_selection(walk: Walk, path: str, send: Send) -> Prepared:
    """One's own, of one green task that was opened."""
    task, selection = await walk.task(), uuid4()
    await send("/together", {"task": str(task), "form_id": str(selection)})
    known = await run(walk.place.runtime, lambda tx: queries.selection(tx, selection))
    await run(walk.place.runtime, lambda tx: note_seen(tx, OfTask(task)), caller=Caller(walk.who, frozenset(), None))
    return {"selection": selection if known else walk.known["selection"]}, {}


async def of_a_proposal(walk: Walk, path: str, send: Send) -> Prepared:
    """A fresh one of the head of service, of the same table on a day of its own."""
    day, base = await _policy_to_come(walk)
    return {"proposal": await walk.place.proposes("farid", day)}, {"check_answer": "accepted", "base": base}


async def of_a_policy(walk: Walk, path: str, send: Send) -> Prepared:
    """The same table, from a day of its own."""
    day, base = await _policy_to_come(walk)
    return walk.known, {**SAME_TABLE, "in_force_from": f"{day}", "base": base}


async def _policy_to_come(walk: Walk) -> tuple[date, str]:
    """A day after all that was proposed before, and the version that comes before it."""
    known = await run(walk.place.runtime, queries.proposals)
    [newest, *_] = await run(walk.place.runtime, lambda tx: queries.policies(tx, Kind.REFUND))
    return estate.TODAY + timedelta(days=100 + len(known)), newest.id


LENT = {"taker": "ben.officer", "ceiling": "10", "lent_from": f"{estate.TODAY}", "lent_until": f"{estate.TODAY}"}
SCHEDULE_APPROVED = {"answer": "approved", "reason_code": "approved:evidence-complete", "text": ""}
MINUTE = {"minute_reference": "CAB/2026/118", "met_on": f"{estate.TODAY}"}
MINUTE_COPY = ("minute.pdf", b"%PDF-1.7 a minute %%EOF")
AWAY = {"deputy": "carol.senior", "away_from": f"{estate.TODAY}", "away_until": f"{estate.TODAY}"}
SAME_TABLE = {
    "kind": "refund", "in_force_from": f"{estate.TODAY + timedelta(days=99)}", "source": "Cabinet, minute 41", "decide_within": "5",
    "remind_after": "3", "escalate_after": "6", "claim_minutes": "30", "bulk_lines": "40", "bulk_total": "5000", "bulk_opened": "3",
    "unused_after": "90", "part-1": "decide-1", "role-1": "senior-officer", "from-1": "0.01", "to-1": "100",
    "part-2": "decide-1", "role-2": "team-leader", "from-2": "100.01", "to-2": "500",
    "part-3": "decide-1", "role-3": "income-manager", "from-3": "500.01", "to-3": "2500",
    "part-4": "decide-1", "role-4": "head-of-service", "from-4": "2500.01", "to-4": "",
    "part-5": "decide-2", "role-5": "finance", "from-5": "2500.01", "to-5": "",
    "part-6": "release-1", "role-6": "finance", "from-6": "0.01", "to-6": "",
}  # fmt: skip
EVIDENCE = {"check": "7", "kind": "bank-statement", "settles": "no", "received_on": "2026-11-02"}
PAYEE = {"payee_of": "third-party", "payee_name": "O Executor", "sort_code": "089999", "account_number": "66374958"}
CASE = {"case": estate.CASE_BEGUM}
PROOF = {"proof": "trace", "proof_on": "2026-11-02", "source": "electoral register"}


def on_a_write_off(fields: Fields) -> Attempt:
    """A form about a proposal to write off, or about a schedule that was sent back."""

    async def attempt(walk: Walk, path: str, send: Send) -> Prepared:
        return {"proposal": debts.BLOCKED, "proof": debts.TRACED, "schedule": debts.SENT_BACK}, fields

    return attempt


ATTEMPTS: Mapping[str, Attempt] = {
    "/work/views": with_fields({"name": "Mine", "view": "mine"}),
    "/work/views/{view:uuid}/forget": with_fields({}),
    "/tasks/{task:uuid}/claim": on_a_task({}),
    "/tasks/{task:uuid}/release": of_my_claim,
    "/tasks/{task:uuid}/assign": of_assigning,
    "/tasks/{task:uuid}/comments": on_a_task({"comment": "Looked at"}),
    "/tasks/{task:uuid}/decision": of_what_waits,
    "/decisions/{decision:uuid}/recall": of_an_approval,
    "/accounts/{account:uuid}/refund": with_fields(TYPED),
    "/accounts/{account:uuid}/holds": with_fields({"hold": "LEGAL", "hold_is": "set", "hold_reason": "Order of the court"}),
    "/accounts/{account:uuid}/notes": with_fields(
        {"contact_how": "office", "contact_identified": "photo-id", "contact_text": "Asked for a statement"}
    ),
    "/accounts/{account:uuid}/benefit-claim": with_fields(
        {"claim_is": "open", "claim_since": "2026-11-02", "claim_reason": "Letter of Benefits"}
    ),
    "/accounts/{account:uuid}/plan": with_fields({"instalment": "20", "rhythm": "weekly", "first_due_on": "2026-12-07"}),
    "/accounts/{account:uuid}/plan/{plan:uuid}/end": with_fields({"plan_reason": "Missed twice"}),
    "/accounts/{account:uuid}/letter-address": with_fields(
        {"letters_for": "tenants", "letters_are": "known", "letters_address": "2 New Road", "letters_known": "The tenant"}
    ),
    "/accounts/{account:uuid}/death": with_fields(
        {
            "death_of": str(estate.account_page(estate.NGUYEN).tenants[0].person),
            "death_is": "died",
            "died_on": "2026-11-02",
            "death_known": "The registrar",
        }
    ),
    "/accounts/{account:uuid}/tenancy-end": with_fields({"ended_on": "2026-11-29"}),
    "/accounts/{account:uuid}/entries/{journal:uuid}/undo": with_fields({"undo_reason": "Keyed twice"}),
    "/cases/{case:uuid}/evidence": with_fields(EVIDENCE),
    "/cases/{case:uuid}/payee": with_fields(PAYEE),
    "/cases/{case:uuid}/resubmit": with_fields({"answer_note": "It is her own account"}),
    "/cases/{case:uuid}/letters/{letter:uuid}/again": with_fields({}),
    "/cases/{case:uuid}/withdraw": with_fields({"withdraw_note": "Changed her mind"}),
    "/files": with_fields({}),
    "/suspense/{item:uuid}": with_fields({f"reference-{estate.UNPLACED}": estate.NGUYEN.reference}),
    "/suspense/{item:uuid}/split": with_fields({"reference-1": estate.NGUYEN.reference, "amount-1": "10.00"}),
    "/suspense/{item:uuid}/return": with_fields({"payment": str(estate.an_id("the cheque")), "match_reason": "The bank said so"}),
    "/suspense/{item:uuid}/return/undo": with_fields({"unmatch_reason": "The bank corrected itself"}),
    "/suspense/exact": with_fields({"item": str(estate.UNPLACED)}),
    "/suspense/exact/move": with_fields(
        {
            "item": str(estate.UNPLACED),
            f"reference-{estate.UNPLACED}": estate.NGUYEN.reference,
            f"amount-{estate.UNPLACED}": "1800",
        }
    ),
    "/suspense/moved/{journal:uuid}/back": with_fields({}),
    "/runs": of_a_payment,
    "/cover/delegations": of_lending,
    "/cover/delegations/{delegation:uuid}/end": of_a_delegation,
    "/cover/absences": with_fields(AWAY),
    "/cover/absences/{absence:uuid}/end": of_an_absence,
    "/together": of_a_choice,
    "/together/{selection:uuid}": of_a_selection,
    "/accounts/{account:uuid}/write-off": with_fields({"kind": "write-off", "reason": "untraceable"}),
    "/write-offs/many": with_fields({"then": "propose", "accounts": f"{estate.IVANOVA.account}", "reason": "untraceable"}),
    "/write-offs/{proposal:uuid}/proofs": on_a_write_off(PROOF),
    "/write-offs/{proposal:uuid}/proofs/{proof:uuid}/strike": on_a_write_off({f"because-{debts.TRACED}": "Another person"}),
    "/write-offs/{proposal:uuid}/reconsider": on_a_write_off({"reconsider_note": "A late charge"}),
    "/write-offs/{proposal:uuid}/withdraw": on_a_write_off({"withdraw_note": "Traced"}),
    "/write-offs/schedules": with_fields({"proposals": f"{debts.READY}", "title": "Former tenants"}),
    "/write-offs/schedules/{schedule:uuid}/lines/{proposal:uuid}/take-off": on_a_write_off({f"note-{debts.BLOCKED}": "Traced"}),
    "/write-offs/schedules/{schedule:uuid}/answer": on_a_write_off({"answer_note": "None of them"}),
    "/write-offs/schedules/{schedule:uuid}/withdraw": on_a_write_off({"withdraw_note": "A slip"}),
    "/write-offs/provision/post": with_fields({"month_end": "2026-10-31", "seen": "2075"}),
    "/policy/evidence/new": with_fields({**as_typed(debts.evidence_policy()), "in_force_from": "2099-01-01", "source": "A minute"}),
    "/policy/evidence/{proposal:uuid}": of_evidence,
    "/policy/provision/new": with_fields({**rates.as_typed(debts.rate_policy()), "in_force_from": "2099-01-01", "source": "A minute"}),
    "/policy/provision/{proposal:uuid}": of_rates,
    "/policy/proposals/new": of_a_policy,
    "/policy/proposals/{proposal:uuid}": of_a_proposal,
}
"""How each form is tried, filled in as somebody would who may send it."""


async def desk_of(place: Place, not_for: Mapping[str, frozenset[str]]) -> dict[str, dict[str, str]]:
    """What each caller finds at each address of the desk. `not_for`: the roles that the owner of a command turns away."""
    walk = Walk(place)
    place.peers.not_for = dict(not_for)
    await place.everyone_known()
    task = await walk.task()
    _, decision = await walk.approved()
    minuted = await walk.minuted()
    [put] = [one for one in await decisions(place, debts.SCHEDULE) if one.decision == minuted]
    walk.known = {
        "task": task, "decision": decision, "account": estate.NGUYEN.account, "journal": estate.an_id("nguyen RCP 1"), "view": uuid4(),
        "case": estate.CASE_BEGUM, "bank_file": estate.FILE, "letter": estate.LETTER, "run": estate.RUN, "item": estate.UNPLACED,
        "schedule": debts.SCHEDULE, "plan": debts.PLAN, "minuted": minuted, "put": put.task,
        "document": uuid4(), "ending": "pdf", "selection": await place.selects("dev", [task]),
        "proposal": await place.proposes("farid", estate.TODAY + timedelta(days=98)),
    }  # fmt: skip
    found: dict[str, dict[str, str]] = {address: {} for address in OUTSIDE}
    found |= {f"GET {path}": {} for path, *_ in PAGES} | {f"POST {path}": {} for path, *_ in FORMS}
    for who in (NOBODY, *ROLES):
        walk.who = f"walk.{who}"
        key, session = await walk.session(who) if who != NOBODY else ("", None)
        async with client(base_url=place.url, cookies={"rentbook": key}, headers={"origin": place.url}) as http:
            for address, answers in found.items():
                answers[who] = _said(address, await _tried(walk, http, session, address))
    return found


async def _tried(walk: Walk, http: httpx.AsyncClient, session: Session | None, address: str) -> httpx.Response:
    method, path = address.split(" ")
    if address == "POST /sign-out" and session is not None:
        return await _signed_out(walk)
    if address in OUTSIDE:
        return await http.request(method, OUTSIDE[address], data={"csrf": "of no session"} if method == "POST" else None)
    if method == "GET":
        walk.place.peers.answers.pop(f"/queries/{READY_PAYMENTS.name}", None)
        asked = ASKED.get(path, "")
        return await http.get(filled(path, {**walk.known, **_instead(walk, path)}) + asked)

    async def send(to: str, fields: Fields) -> httpx.Response:
        keys = {"csrf": session.csrf_token if session else "", "form_id": str(uuid4())}
        upload = {"file": ("a.xml", b"<a/>")} if to == "/files" else {"minute_copy": MINUTE_COPY} if "minute_reference" in fields else None
        return await http.post(to, data={**keys, **fields}, files=upload)

    known, fields = await ATTEMPTS[path](walk, path, send)
    return await send(filled(path, known), fields)


async def _signed_out(walk: Walk) -> httpx.Response:
    """With the form of another session of the same person, so that the one that walks goes on."""
    key, session = await walk.session(walk.role)
    async with client(base_url=walk.place.url, cookies={"rentbook": key}, headers={"origin": walk.place.url}) as http:
        return await http.post("/sign-out", data={"csrf": session.csrf_token})


def _instead(walk: Walk, path: str) -> dict[str, object]:
    """Where an address means another kind of proposal or decision than most; and what was put to whoever reads nothing else."""
    if path.startswith("/policy/evidence"):
        return {"proposal": debts.EVIDENCE}
    if path.startswith("/policy/provision"):
        return {"proposal": debts.RATES}
    of_an_office = walk.role in OF_AN_OFFICE
    if path.startswith("/write-offs"):
        return {"proposal": debts.LINE if of_an_office else debts.BLOCKED}
    if of_an_office:
        return {"decision": walk.known["minuted"], "task": walk.known["put"]}
    return {"decision": walk.known["minuted"]} if path.endswith("/minute.pdf") else {}


def filled(path: str, known: Mapping[str, object]) -> str:
    """The path with ids in it. Errors: KeyError for a kind of id that this walk has no example of."""
    return re.sub(r"\{(\w+)(:uuid)?\}", lambda part: str(known[part[1]]), path)


def _said(address: str, answer: httpx.Response) -> str:
    status = answer.status_code
    if status == 401 or (status == 303 and answer.headers["location"].startswith("/sign-in?to=")):
        return SIGNS_IN
    if address.startswith("GET /static"):
        return YES
    assert status in (200, 303, 403, 409, 422), f"{address}: {status}"
    return YES if status in (200, 303) else NO
