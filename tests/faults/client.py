"""A client of the desk, as patient as a person: what is not answered is sent again as it was, and what was acknowledged is kept."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import httpx
from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.demo.debts import STORY_DEBTORS
from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import PAGE_LIMIT_SECONDS, Desk, Page
from rentbook_local.journey.steps import Member, decide, open_task, release, request_refund
from rentbook_local.journey.write_off_steps import (
    READY,
    Proof,
    decide_schedule,
    list_on_schedule,
    proposal_says,
    propose,
    register,
    schedule_says,
    schedule_task,
    standings,
)
from rentbook_local.journey.write_off_story import GONE
from rentbook_local.layout import Layout

LIMIT_SECONDS = 240.0
_AGAIN_SECONDS = 0.3
_LONDON = ZoneInfo("Europe/London")


class SendAgain(httpx.BaseTransport):
    """Sends a request again, as it was, until the desk answers it with a page. `turned_away` holds the pages that said: not now."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.turned_away: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        end = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                response = self._inner.handle_request(request)
                response.read()
                if response.status_code < 500 or time.monotonic() > end:
                    return response
                self.turned_away.append(response.text)
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
            time.sleep(_AGAIN_SECONDS)

    def close(self) -> None:
        self._inner.close()


class PatientDesk(Desk):
    """A person who waits for as long as a fault may last."""

    def __init__(self, address: str, subject: str) -> None:
        super().__init__(address, subject)
        self.http.close()
        self.post = SendAgain()
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=PAGE_LIMIT_SECONDS, transport=self.post)

    def wait(self, path: str, what: str, ready: Callable[[Page], bool], *, limit_seconds: float = LIMIT_SECONDS) -> Page:
        return super().wait(path, what, ready, limit_seconds=limit_seconds)


class Accepted:
    """What the desk has acknowledged, as `./rentbook check --accepted` reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self._lock = threading.Lock()
        file.touch()

    def note(self, kind: str, identity: str) -> None:
        line = json.dumps({"kind": kind, "id": identity, "at": datetime.now(UTC).isoformat()})
        with self._lock, self.file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            self.count += 1


class Numbers:
    """Amounts and statement numbers that no two refunds share: the same amount twice would be referred as a repetition."""

    def __init__(self) -> None:
        self._last = int(time.time()) % 1_000_000
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


STEPS = ("bank-file", "request", "decision", "release")


class FrontDesk(ExitStack):
    """People at the stack's desk, or at another process of it. `officer` is the one who may do what both journeys begin with."""

    def __init__(self, layout: Layout, accepted: Accepted, numbers: Numbers, desk: str | None = None) -> None:
        super().__init__()
        self._accepted = accepted
        self._numbers = numbers
        self._address = desk or layout.desk
        self._desks: list[PatientDesk] = []
        self.officer = self._taken_by("asha.officer")

    def _taken_by(self, subject: str) -> PatientDesk:
        self._desks.append(PatientDesk(self._address, subject))
        return self._desks[-1]

    def __enter__(self) -> Self:
        super().__enter__()
        for desk in self._desks:
            self.enter_context(desk)
        return self

    def drop_statement(self, member: Member) -> Page:
        """A payment by the member, of an amount of its own, as the bank's statement tells it."""
        page = self.upload(self.statement(member))
        if page.heading.endswith("was taken already"):
            [earlier] = [link for link in page.links("/files/") if link != page.path]
            page = self.officer.get(earlier)
        assert page.heading.endswith("was taken"), page.text
        self._accepted.note("bank-file", page.identity)
        return page

    def statement(self, member: Member) -> tuple[str, bytes]:
        """The name and content of a statement with one payment."""
        number = self._numbers.next()
        account = str(member.told["sort_code"]) + str(member.told["account_number"])
        line = Line(100_00 + number % 9_999, member.reference, member.name.upper(), account)
        day = business_day(datetime.now(_LONDON).date())
        return f"statement-{number}.xml", camt053([line], day, number).encode()

    def upload(self, file: tuple[str, bytes]) -> Page:
        return self.officer.upload(self.officer.get("/files"), "/files", *file)

    def _acknowledged(self, kind: str, page: Page, form: str | None = None) -> Page:
        """Note what the desk has acknowledged by this page: what its address names or, with `form`, the form that led to it."""
        assert page.errors() == [], page.errors()
        self._accepted.note(kind, form or page.identity)
        return page


class Office(FrontDesk):
    """An officer, a team leader and finance, who play refunds one after the other."""

    def __init__(self, layout: Layout, accepted: Accepted, numbers: Numbers, desk: str | None = None) -> None:
        super().__init__(layout, accepted, numbers, desk)
        self.leader, self.finance = self._taken_by("dilip.leader"), self._taken_by("greta.finance")

    def refund(self, member: Member, before: Callable[[str], None] = lambda _: None) -> str:
        """One refund from the bank file to the letter; the case. `before` hears each of STEPS just before it is taken."""
        before("bank-file")
        self.drop_statement(member)
        before("request")
        case = self._acknowledged("refund-request", request_refund(self.officer, member)).identity
        self._says(case, "With approver")
        before("decision")
        task = answerable(self.leader, open_task(self.leader, member.account))
        self._acknowledged("decision", decide(self.leader, task, "approved"), form_in(task, "decision"))
        before("release")
        self._acknowledged("release", release(self.finance, [case]))
        self._says(case, "With the bank, arrives on")
        self.officer.wait(f"/cases/{case}", "the letter", lambda shown: bool(shown.links("/letters/")))
        return case

    def _says(self, case: str, status: str) -> None:
        self.officer.wait(f"/cases/{case}", f"the status “{status}”", lambda page: status in page.status_words)


WRITE_OFF_STEPS = ("proposal", "evidence", "schedule", "decision", "payment", "put-back", "second-decision")


class DebtOffice(FrontDesk):
    """An officer, a colleague who brings evidence, and a manager, who write debts off and put back what is paid on them."""

    def __init__(self, layout: Layout, accepted: Accepted, numbers: Numbers, desk: str | None = None) -> None:
        super().__init__(layout, accepted, numbers, desk)
        self.colleague, self.manager = self._taken_by("bryn.officer"), self._taken_by("efua.manager")

    def write_off(self, member: Member, before: Callable[[str], None] = lambda _: None) -> str:
        """One debt from the proposal to the register, and back by as much as its debtor pays; the first proposal.

        `before` hears each of WRITE_OFF_STEPS just before it is taken.
        """
        before("proposal")
        proposal = self._acknowledged("write-off-proposal", propose(self.officer, member.account, "care-home")).identity
        before("evidence")
        self._brings(proposal, "document")
        # It asks for a letter to the debtor, whose sending is evidence by itself.
        self.officer.wait(f"/write-offs/{proposal}", "the letter as evidence", lambda page: "The letter (PDF)" in page.text)
        self._brings(proposal, "no-assets")
        before("schedule")
        self._decided(proposal, before, "decision")
        before("payment")
        self.drop_statement(member)
        where = f"/write-offs?account={member.account}&status=ready"
        [back] = _listed(self.officer.wait(where, "what is to be put back", lambda page: bool(_listed(page))))
        before("put-back")
        self._decided(back.rpartition("/")[2], before, "second-decision")
        assert [row.kind for row in register(self.officer, member.account)] == ["Reinstatement", "Write-off"]
        return proposal

    def _brings(self, proposal: str, kind: str) -> None:
        page = self.colleague.get(f"/write-offs/{proposal}")
        proof = Proof(kind, london_today() - timedelta(days=20))
        self._acknowledged("evidence", self.colleague.send(page, f"{page.path}/proofs", proof.typed), form_in(page, "proofs"))

    def _decided(self, proposal: str, before: Callable[[str], None], step: str) -> None:
        """On a schedule of its own, which is approved and posted."""
        proposal_says(self.officer, proposal, READY)
        title = f"Debts, number {self._numbers.next()}"
        schedule = self._acknowledged("write-off-schedule", list_on_schedule(self.officer, [proposal], title)).identity
        before(step)
        task = answerable(self.manager, schedule_task(self.manager, title))
        self._acknowledged("decision", decide_schedule(self.manager, task), form_in(task, "decision"))
        became = standings(schedule_says(self.officer, schedule, "✓ Posted"))
        assert became == {proposal: "✓ Posted"}


def _listed(page: Page) -> list[str]:
    return [str(link) for link in page.tree.xpath("//main//tbody//a[starts-with(@href, '/write-offs/')]/@href")]


def answerable(desk: Desk, task: Page) -> Page:
    """The task once it takes an answer: without whoever owns the case its page shows what it has, and takes none."""
    return desk.wait(task.path, "the answers", lambda page: bool(page.tree.xpath("//form[@data-answers]")))


def form_in(page: Page, action: str) -> str:
    """The id of the page's form that is sent to this address below its own."""
    return str(page.form(f"{page.path}/{action}").fields["form_id"])


CAST = ("clean", "voided", "returned", "file-refused", "fate-unknown", "canary", "restart", "band-team-leader")
"""Of the demonstration's cast those who are refunded without more ado, by a team leader."""


def players(members: Mapping[str, Member]) -> list[Member]:
    return [members[key] for key in CAST]


def debtors(members: Mapping[str, Member]) -> list[Member]:
    """Those whose debts are of the same size, the last of whom the journey of a write-off comes to last."""
    return [members[f"{GONE}-{number}"] for number in range(STORY_DEBTORS, 0, -1)]
