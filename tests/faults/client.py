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

from faults.acknowledged import Told, told_of

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
    """A person who waits for as long as a fault may last, and notes what the desk acknowledges."""

    def __init__(self, address: str, subject: str, accepted: "Accepted | None" = None) -> None:
        super().__init__(address, subject)
        self._accepted = accepted
        self._led_elsewhere = False
        self.http.close()
        self.post = SendAgain()
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=PAGE_LIMIT_SECONDS, transport=self.post)

    def wait(self, path: str, what: str, ready: Callable[[Page], bool], *, limit_seconds: float = LIMIT_SECONDS) -> Page:
        return super().wait(path, what, ready, limit_seconds=limit_seconds)

    def send(
        self, page: Page, action: str, values: Mapping[str, str | list[str]], *, files: Mapping[str, tuple[str, bytes, str]] | None = None
    ) -> Page:
        answer = super().send(page, action, values, files=files)
        if self._led_elsewhere and self._accepted is not None:
            self._accepted.note(told_of(action, str(page.form(action).fields["form_id"]), answer))
        return answer

    def read(self, response: httpx.Response) -> Page:
        self._led_elsewhere = bool(response.history) and response.history[0].request.method == "POST"
        return super().read(response)


class Accepted:
    """What the desk has acknowledged, as `./rentbook check --accepted` reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self.kinds: set[str] = set()
        """Of which kinds there was anything since somebody last cleared this."""
        self._lock = threading.Lock()
        file.touch()

    def note(self, told: Told | None) -> None:
        """Write it down; None is nothing that a list tells of."""
        if told is None:
            return
        named = {name: value for name, value in (("form", told.form), ("id", told.id)) if value is not None}
        line = json.dumps({"kind": told.kind, **named, "at": datetime.now(UTC).isoformat()})
        with self._lock, self.file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            self.count += 1
            self.kinds.add(told.kind)


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
        self._desks.append(PatientDesk(self._address, subject, self._accepted))
        return self._desks[-1]

    def __enter__(self) -> Self:
        super().__enter__()
        for desk in self._desks:
            self.enter_context(desk)
        return self

    def drop_statement(self, member: Member) -> Page:
        """A payment by the member, of an amount of its own, as the bank's statement tells it."""
        return self._dropped(self.statement(member))

    def _dropped(self, statement: tuple[str, bytes]) -> Page:
        page = self.upload(statement)
        if page.heading.endswith("was taken already"):
            [earlier] = [link for link in page.links("/files/") if link != page.path]
            page = self.officer.get(earlier)
        assert page.heading.endswith("was taken"), page.text
        self._accepted.note(Told("bank-file", None, page.identity))
        return page

    def statement(self, member: Member) -> tuple[str, bytes]:
        """The name and content of a statement with one payment."""
        number = self._numbers.next()
        account = str(member.told["sort_code"]) + str(member.told["account_number"])
        return self._of(Line(100_00 + number % 9_999, member.reference, member.name.upper(), account), number)

    def _of(self, line: Line, number: int) -> tuple[str, bytes]:
        day = business_day(datetime.now(_LONDON).date())
        return f"statement-{number}.xml", camt053([line], day, number).encode()

    def upload(self, file: tuple[str, bytes]) -> Page:
        return self.officer.upload(self.officer.get("/files"), "/files", *file)


def taken(page: Page) -> Page:
    """The page to which a form led that was taken. Errors: AssertionError."""
    assert page.errors() == [], page.errors()
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
        case = taken(request_refund(self.officer, member)).identity
        self._says(case, "With approver")
        before("decision")
        task = self.looked_at(answerable(self.leader, open_task(self.leader, member.account)))
        taken(decide(self.leader, task, "approved"))
        before("release")
        taken(release(self.finance, [case]))
        self._says(case, "With the bank, arrives on")
        self.officer.wait(f"/cases/{case}", "the letter", lambda shown: bool(shown.links("/letters/")))
        return case

    def looked_at(self, task: Page) -> Page:
        """The task as the leader decides it."""
        return task

    def _says(self, case: str, status: str) -> None:
        self.officer.wait(f"/cases/{case}", f"the status “{status}”", lambda page: status in page.status_words)


class ThoroughOffice(Office):
    """One in which the leader claims and comments first, and the tenant asks for the letter once more."""

    def looked_at(self, task: Page) -> Page:
        taken(self.leader.send(task, f"{task.path}/comments", {"comment": "Seen beside the last three statements."}))
        return taken(self.leader.send(task, f"{task.path}/claim", {}))

    def refund(self, member: Member, before: Callable[[str], None] = lambda _: None) -> str:
        case = super().refund(member, before)
        page = self.officer.wait(f"/cases/{case}", "that the letter was sent", lambda page: bool(_sent_again_at(page)))
        taken(self.officer.send(page, _sent_again_at(page)[0], {}))
        return case


def _sent_again_at(page: Page) -> list[str]:
    """Where the page's letters may be asked for once more."""
    return [action for action in _actions(page) if action.startswith(f"{page.path}/letters/")]


def _actions(page: Page) -> list[str]:
    return [str(form.get("action", "")) for form in page.tree.forms]


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
        proposal = taken(propose(self.officer, member.account, "care-home")).identity
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

    def there_and_back(self, member: Member) -> None:
        """One debt written off, then its debtor found and the whole of it put back: it can be written off again."""
        proposal = taken(propose(self.officer, member.account, "care-home")).identity
        self._brings(proposal, "document")
        self.officer.wait(f"/write-offs/{proposal}", "the letter as evidence", lambda page: "The letter (PDF)" in page.text)
        self._brings(proposal, "no-assets")
        self._decided(proposal)
        [written_off] = [row.journal for row in register(self.officer, member.account) if row.kind == "Write-off" and row.journal]
        back = taken(propose(self.officer, member.account, "traced", undoes=written_off)).identity
        self._brings(back, "contact", days_ago=1)
        self._decided(back)

    def _brings(self, proposal: str, kind: str, days_ago: int = 20) -> None:
        page = self.colleague.get(f"/write-offs/{proposal}")
        proof = Proof(kind, london_today() - timedelta(days=days_ago), reference="on paper")
        taken(self.colleague.send(page, f"{page.path}/proofs", proof.typed))

    def _decided(self, proposal: str, before: Callable[[str], None] = lambda _: None, step: str = "decision") -> None:
        """On a schedule of its own, which is approved and posted."""
        proposal_says(self.officer, proposal, READY)
        title = f"Debts, number {self._numbers.next()}"
        schedule = taken(list_on_schedule(self.officer, [proposal], title)).identity
        before(step)
        task = answerable(self.manager, schedule_task(self.manager, title))
        taken(decide_schedule(self.manager, task))
        became = standings(schedule_says(self.officer, schedule, "✓ Posted"))
        assert became == {proposal: "✓ Posted"}


class Counter(FrontDesk):
    """An officer who serves whoever comes to the counter, and places what nobody could."""

    def serve(self, member: Member) -> None:
        """One tenant: a note, a hold set and lifted, a plan agreed and ended, an address, a stranger's payment moved, put back, moved."""
        today = london_today()
        said = {"contact_how": "they-called", "contact_identified": "phone-questions", "contact_text": "Asked what is owed."}
        self._changes(member, "notes", said)
        for how in ("set", "lifted"):
            self._changes(member, "holds", {"hold": "DISPUTE", "hold_is": how, "hold_reason": "The keys, as the tenant says"})
        self._changes(member, "plan", {"instalment": "20.00", "rhythm": "weekly", "first_due_on": str(today + timedelta(days=7))})
        page = self._at(member)
        [plan] = [action.removeprefix(f"{page.path}/") for action in _actions(page) if action.startswith(f"{page.path}/plan/")]
        self._changes(member, plan, {"plan_reason": "It is too much for them"})
        told = {"letters_for": "tenants", "letters_are": "known", "letters_address": "7 Elsewhere Row", "letters_known": "the tenant"}
        self._changes(member, "letter-address", told)
        pence = self._strangers_payment()
        self._moves(pence, member)
        listed = self.officer.get("/suspense")
        [moved, *_] = [action for action in _actions(listed) if action.startswith("/suspense/moved/")]
        taken(self.officer.send(listed, moved, {}))
        self._moves(pence, member)

    def _at(self, member: Member) -> Page:
        return self.officer.wait(
            f"/accounts/{member.account}", "the account whole", lambda page: "can’t be shown just now" not in page.text
        )

    def _changes(self, member: Member, what: str, values: Mapping[str, str]) -> None:
        page = self._at(member)
        taken(self.officer.send(page, f"{page.path}/{what}", values))

    def _strangers_payment(self) -> int:
        """A payment that quotes nothing, from an account that never paid; its amount in pence, which no other has."""
        number = self._numbers.next()
        line = Line(100_00 + number % 9_999, f"FLAT {number}", "A STRANGER", f"089999{number:08d}")
        self._dropped(self._of(line, number))
        return line.pence

    def _moves(self, pence: int, member: Member) -> None:
        """From suspense onto the member's account."""
        found: list[tuple[Page, str]] = []

        def lies_there(first: Page) -> bool:
            pages = [first, *map(self.officer.get, first.links("/suspense?offset="))]
            found[:] = [(page, item) for page in pages for item in _items(page, pence)]
            return bool(found)

        self.officer.wait("/suspense", f"{pence} pence in suspense", lies_there)
        page, item = found[0]
        taken(self.officer.send(page, f"/suspense/{item}", {f"reference-{item}": member.reference}))


def _items(page: Page, pence: int) -> list[str]:
    """Those in suspense of this amount."""
    of_amount = [form for form in page.tree.forms if form.fields.get("amount") == str(pence)]
    return [str(form.get("action")).removeprefix("/suspense/") for form in of_amount]


def _listed(page: Page) -> list[str]:
    return [str(link) for link in page.tree.xpath("//main//tbody//a[starts-with(@href, '/write-offs/')]/@href")]


def answerable(desk: Desk, task: Page) -> Page:
    """The task once it takes an answer: without whoever owns the case its page shows what it has, and takes none."""
    return desk.wait(task.path, "the answers", lambda page: bool(page.tree.xpath("//form[@data-answers]")))


CAST = ("clean", "voided", "returned", "file-refused", "fate-unknown", "canary", "restart", "band-team-leader")
"""Of the demonstration's cast those who are refunded without more ado, by a team leader."""


def players(members: Mapping[str, Member]) -> list[Member]:
    return [members[key] for key in CAST]


CALLER = "debt-j-5000000-other"
"""Who owes so much that what strangers pay on it changes little."""


def debtors(members: Mapping[str, Member]) -> list[Member]:
    """Those whose debts are of the same size, the last of whom the journey of a write-off comes to last."""
    return [members[f"{GONE}-{number}"] for number in range(STORY_DEBTORS, 0, -1)]
