"""A client of the desk, as patient as a person: what is not answered is sent again as it was, and what was acknowledged is kept."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import httpx
from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.journey.desk import PAGE_LIMIT_SECONDS, Desk, Page
from rentbook_local.journey.steps import Member, decide, open_task, release, request_refund
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


class Office:
    """An officer, a team leader and finance, who play refunds one after the other, at the stack's desk or at another process of it."""

    def __init__(self, layout: Layout, accepted: Accepted, numbers: Numbers, desk: str | None = None) -> None:
        self._accepted = accepted
        self._numbers = numbers
        self.officer, self.leader, self.finance = (
            PatientDesk(desk or layout.desk, subject) for subject in ("asha.officer", "dilip.leader", "greta.finance")
        )

    def __enter__(self) -> Self:
        for desk in (self.officer, self.leader, self.finance):
            desk.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for desk in (self.officer, self.leader, self.finance):
            desk.__exit__(kind, error, trace)

    def refund(self, member: Member, before: Callable[[str], None] = lambda _: None) -> str:
        """One refund from the bank file to the letter; the case. `before` hears each of STEPS just before it is taken."""
        before("bank-file")
        self.drop_statement(member)
        before("request")
        page = request_refund(self.officer, member)
        assert page.errors() == [], page.errors()
        case = page.identity
        self._accepted.note("refund-request", case)
        self._says(case, "With approver")
        before("decision")
        self._approve(member)
        before("release")
        run = release(self.finance, [case])
        assert run.errors() == [], run.errors()
        self._accepted.note("release", run.identity)
        self._says(case, "With the bank, arrives on")
        self.officer.wait(f"/cases/{case}", "the letter", lambda shown: bool(shown.links("/letters/")))
        return case

    def drop_statement(self, member: Member) -> Page:
        """A payment by the member, more than is owed, as the bank's statement tells it."""
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

    def _approve(self, member: Member) -> None:
        path = open_task(self.leader, member.account).path
        # Without refunds the page shows what it has, and takes no answer.
        task = self.leader.wait(path, "the answers", lambda page: bool(page.tree.xpath("//form[@data-answers]")))
        decision = str(task.form(f"{task.path}/decision").fields["form_id"])
        page = decide(self.leader, task, "approved")
        assert page.errors() == [], page.errors()
        self._accepted.note("decision", decision)

    def _says(self, case: str, status: str) -> None:
        def says(page: Page) -> bool:
            tags = page.tree.xpath("//main//*[contains(@class, 'desk-tag')]")
            return bool(tags) and status in str(tags[0].text_content())

        self.officer.wait(f"/cases/{case}", f"the status “{status}”", says)


CAST = ("clean", "voided", "returned", "file-refused", "fate-unknown", "canary", "restart", "band-team-leader")
"""Of the demonstration's cast those who are refunded without more ado, by a team leader."""


def players(members: Mapping[str, Member]) -> list[Member]:
    return [members[key] for key in CAST]
