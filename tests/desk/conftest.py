"""The desk over a real database and a real sign-in, with the other services' answers canned, in a real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import pytest
from approvals import queries, store
from approvals.domain.forms import AnswerSchedule, BeAway, LendAuthority, OfTask
from approvals.domain.policy import Band, ProposedPolicy
from approvals.domain.tasks import Kind
from approvals.settings import ApprovalsSettings
from approvals.use_cases.be_away import be_away
from approvals.use_cases.check_policy import CheckPolicy, check_policy
from approvals.use_cases.decide_line import LineOf, decide_line, decision_of, refuse_line
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.use_cases.lend_authority import end_delegation, lend_authority
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.open_schedule_task import open_schedule_task
from approvals.use_cases.open_task import open_task
from approvals.use_cases.propose_policy import ProposePolicy, propose_policy
from approvals.use_cases.put_together import PutTogether, put_together
from approvals.use_cases.sign_together import SignTogether, sign_together
from approvals.web import sessions
from approvals.web.desk import DeskSettings
from approvals.web.routes import routes
from approvals.web.sessions import Person, Session
from chassis.peers import Caller
from chassis.process import make_runtime
from chassis.transaction import Runtime, Transaction, run
from chassis.web import listen, web_server
from oidc_provider_mock import User, run_server_in_thread  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, async_playwright, expect
from rentbook_contracts.approvals import Answer, Lane, OpenScheduleTask, OpenTask, TaskKind
from rentbook_contracts.ledger import LineKind
from rentbook_contracts.refunds import PLAN_TO_DECIDE, PlanToDecide
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_contracts.writeoffs import SCHEDULE_TO_DECIDE
from rentbook_local.signin_server import says_when_somebody_signed_in
from starlette.applications import Starlette
from support.servers import Postgres

from desk import debts, estate
from desk.peers import Peers

Sent = TypeVar("Sent")

_RAISED = {"team-leader": (100_01, 600_00), "income-manager": (600_01, 2_500_00)}

LIMIT_MS = 60_000
"""How long the browser is waited for: it shares two cores with everything else."""

expect.set_options(timeout=LIMIT_MS)

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
CHROMIUM_WORDS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

PEOPLE = {
    name.split(".")[0]: Person(name, called, frozenset(roles))
    for name, called, roles in (
        ("asha.officer", "Asha Rao", ["officer"]),
        ("ben.officer", "Ben Moss", ["officer"]),
        ("carol.senior", "Carol Díaz", ["senior-officer"]),
        ("dev.leader", "Dev Patel", ["team-leader"]),
        ("ella.manager", "Ella Kim", ["income-manager"]),
        ("farid.head", "Farid Nasser", ["head-of-service"]),
        ("grace.finance", "Grace Obi", ["finance"]),
        ("hugo.auditor", "Hugo Stern", ["auditor"]),
        ("kirsi.s151", "Kirsi Laine", ["s151-officer"]),
        ("lowri.member", "Lowri Vaughan", ["executive-member"]),
        ("mabel.democratic", "Mabel Hart", ["democratic-services"]),
    )
}


@dataclass
class Place:
    """A desk that is open: its address, its database, and the services beside it."""

    url: str
    runtime: Runtime
    peers: Peers
    owner_dsn: str

    async def signed_in(self, who: str, *, again: bool = False) -> tuple[str, Session]:
        """A session as sign-in would make it, without the way to the issuer; `again`: which had just asked who it is."""
        now = datetime.now(UTC)
        key, session = sessions.begin(PEOPLE[who], now, now if again else None)
        await run(self.runtime, lambda tx: store.open_session(tx, session))
        return key, session

    async def task(self, case: UUID, *, lane: Lane = Lane.GREEN, reasons: tuple[str, ...] = (), raised_by: str = "asha.officer") -> UUID:
        """A task for the case's plan, as the workflow opens it."""
        plan = estate.PLANS[case]
        told = PlanToDecide(plan=plan, raised_by=raised_by, participants=(raised_by,), lane=lane, lane_reasons=reasons)
        self.peers.answers[f"/queries/{PLAN_TO_DECIDE.name}"] = lambda _: told
        asked = OpenTask(
            kind=TaskKind.REFUND,
            case=case,
            attempt=1,
            round=1,
            stage=1,
            account=plan.account,
            amount_pence=plan.total_pence,
            content_hash=plan.content_hash,
            workflow_id=f"refund/{case}/1",
            lane=lane,
            lane_reasons=reasons,
            participants=(raised_by,),
            raised_by=raised_by,
        )
        return (await run(self.runtime, lambda tx: open_task(tx, asked))).task

    async def schedule_task(
        self,
        schedule: UUID = debts.SCHEDULE,
        *,
        band_pence: int = 487_60,
        stage: int = 1,
        kind: LineKind = LineKind.WRITE_OFF,
        round_: int = 1,
    ) -> UUID:
        """A task for the lines of a schedule, as its story opens it. `band_pence` is the highest debtor's total."""
        told = debts.to_decide(schedule, band_pence).model_copy(update={"kind": kind, "round": round_})
        self.peers.answers[f"/queries/{SCHEDULE_TO_DECIDE.name}"] = lambda _: told
        asked = OpenScheduleTask(
            schedule=schedule, round=round_, stage=stage, content_hash=debts.hash_of(told), workflow_id=schedule_workflow_id(schedule)
        )
        return (await run(self.runtime, lambda tx: open_schedule_task(tx, asked))).task

    async def put_to(self, who: str, schedule: UUID = debts.SCHEDULE) -> UUID:
        """The task of a member (lowri) or of whoever records for Cabinet (mabel), who decides after the chief finance officer (kirsi)."""
        if who == "lowri":
            return await self.schedule_task(schedule, band_pence=5_000_00)
        first = await self.schedule_task(schedule, band_pence=50_000_00)
        about = debts.to_decide(schedule, 50_000_00)
        approved = AnswerSchedule(first, debts.hash_of(about), Answer.APPROVED, "evidence-complete", "", None, {}, None)
        await self.does("kirsi", decide_schedule, approved)
        return await self.schedule_task(schedule, band_pence=50_000_00, stage=2)

    async def does(self, who: str, use_case: Callable[[Transaction, Sent], Awaitable[object]], form: Sent) -> UUID:
        """A use case of the person at the desk; gives the form's id."""
        person, id_ = PEOPLE[who], uuid4()
        await run(self.runtime, lambda tx: use_case(tx, form), caller=Caller(person.subject, person.roles, str(id_)))
        return id_

    async def cover(self) -> None:
        """Dev has lent Carol £250.00 for a week and is away until tomorrow; what Ella lent has ended."""
        today, soon = estate.TODAY, estate.TODAY + timedelta(days=7)
        await self.does("dev", lend_authority, LendAuthority("carol.senior", 250_00, today, soon))
        ended = await self.does("ella", lend_authority, LendAuthority("dev.leader", 2_000_00, today, soon))
        await self.does("ella", end_delegation, ended)
        await self.does("dev", be_away, BeAway("carol.senior", today, today + timedelta(days=1)))
        await self.does("ella", be_away, BeAway("farid.head", soon, soon))

    async def another_task(self, home: estate.Home = estate.OKAFOR, pence: int = 120_00) -> UUID:
        """A green task on a case of its own."""
        case = uuid4()
        estate.PLANS[case], estate.HOME_OF[case] = estate.plan_of(case, home, pence), home
        return await self.task(case)

    async def selects(self, who: str, tasks: list[UUID]) -> UUID:
        return await self.does(who, put_together, PutTogether(tuple(tasks)))

    async def decides_together(self, who: str) -> UUID:
        """Two tasks, of which one is decided and the other is not, because of a reason."""
        one, other = await self.another_task(), await self.another_task()
        selection = await self.selects(who, [one, other])
        for task in (one, other):
            await self.does(who, note_seen, OfTask(task))
        await self.does(who, sign_together, SignTogether(selection, datetime.now(UTC)))
        person, plan = PEOPLE[who], (await run(self.runtime, lambda tx: queries.task_head(tx, one)))
        assert plan is not None
        by = Caller(person.subject, person.roles, str(decision_of(selection, one)))
        await run(self.runtime, lambda tx: decide_line(tx, LineOf(selection, one, plan.content_hash)), caller=by)
        await run(self.runtime, lambda tx: refuse_line(tx, selection, other, "You added evidence at 10:42, so someone else must decide."))
        return selection

    async def proposes(self, who: str, day: date) -> UUID:
        """The first table again, from another day on."""
        versions = await run(self.runtime, lambda tx: queries.policies(tx, Kind.REFUND))
        version = versions[-1]
        bands = tuple(Band(one.act, one.stage, one.role, one.from_pence, one.to_pence) for one in version.authorities)
        asked = ProposedPolicy("refund", day, 5, 3, 6, 30, 40, 5_000_00, 3, 90, "a minute", bands)
        return await self.does(who, propose_policy, ProposePolicy(asked, versions[0].id))

    async def policies(self) -> tuple[UUID, UUID]:
        """Farid has proposed two policies; the second is accepted by Grace and in force a month from now."""
        [version] = await run(self.runtime, lambda tx: queries.policies(tx, Kind.REFUND))
        day = estate.TODAY + timedelta(days=30)
        bands = tuple(
            Band(one.act, one.stage, one.role, *_RAISED.get(one.role, (one.from_pence, one.to_pence))) for one in version.authorities
        )
        asked = ProposedPolicy("refund", day, 5, 3, 6, 30, 40, 5_000_00, 3, 90, "Cabinet, minute 41 of 3 March", bands)
        accepted = await self.does("farid", propose_policy, ProposePolicy(replace(asked, claim_minutes=45), version.id))
        await self.does("grace", check_policy, CheckPolicy(accepted, "accepted", base=version.id))
        waits = replace(asked, in_force_from=day + timedelta(days=30), bulk_most_lines=60)
        waits = replace(waits, bands=tuple(band if band.role != "income-manager" else replace(band, to_pence=3_000_00) for band in bands))
        bands = tuple(replace(one, from_pence=3_000_01) if one.role == "head-of-service" else one for one in waits.bands)
        return await self.does("farid", propose_policy, ProposePolicy(replace(waits, bands=bands), f"refund-{day}")), accepted

    async def everyone_known(self, *, but: str = "") -> None:
        """Everybody has signed in once; but one, where that is said."""
        for who in PEOPLE.keys() - {but}:
            await self.signed_in(who)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A sign-in service with a button for each of PEOPLE, and one for a subject without roles."""
    says_when_somebody_signed_in()
    known = [User(sub=one.subject, claims={"name": one.name, "roles": sorted(one.roles)}) for one in PEOPLE.values()]
    with run_server_in_thread(user_claims=[*known, User(sub="nobody", claims={"name": "No Body"})]) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def place(postgres: Postgres, issuer: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with opened(postgres, issuer, tmp_path) as desk:
        yield desk


@asynccontextmanager
async def opened(postgres: Postgres, issuer: str, folder: Path) -> AsyncIterator[Place]:
    """A desk on a database and a port of its own."""
    database = await postgres.new_database("approvals")
    (folder / "service_token").write_text("token")
    bound = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    settings = ApprovalsSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:1",
        temporal_address="127.0.0.1:1",
        secrets_dir=folder,
        public_url=url,
        oidc_issuer=issuer,
        oidc_client_id="rentbook-desk",
        peers={name: f"http://{name}" for name in ("ledger", "refunds", "notices", "writeoffs")},
    )
    peers = Peers()
    async with make_runtime("approvals", settings) as made, httpx.AsyncClient(transport=peers.transport()) as http:
        runtime = replace(made, http=http)
        told = DeskSettings(url, issuer, "rentbook-desk", "a client's secret", "a key of the session")
        server = web_server(Starlette(routes=routes(runtime, told)), stop_limit_seconds=5)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            # uvicorn listens on a socket that is bound already: whoever connects now waits until it accepts
            bound.listen()
            yield Place(url, runtime, peers, database.owner_dsn)
        finally:
            server.should_exit = True
            await serving


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, one for all tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium-headless-shell")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_WORDS)
        yield chromium
        await chromium.close()


@asynccontextmanager
async def at_the_desk(browser: Browser, place: Place, who: str, **how: Any) -> AsyncIterator[BrowserContext]:
    """A browser of one person, signed in. `how` is for the browser's context: `java_script_enabled`, `viewport`."""
    key, _ = await place.signed_in(who)
    context = await browser.new_context(base_url=place.url, **how)
    context.set_default_timeout(LIMIT_MS)
    await context.add_cookies([{"name": "rentbook", "value": key, "url": place.url}])
    try:
        yield context
    finally:
        await context.close()
