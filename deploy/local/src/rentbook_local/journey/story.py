"""The journey as a story: a bank file becomes a refund that a team leader approves and the bank pays, hop by hop."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.journey.steps import (
    Member,
    case_says,
    cast,
    decide,
    demo_file,
    drop_bank_file,
    open_task,
    release,
    request_refund,
)
from rentbook_local.layout import Layout
from rentbook_local.writing import write_whole

OFFICER, LEADER, FINANCE = "asha.officer", "dilip.leader", "greta.finance"
LONDON = ZoneInfo("Europe/London")


@dataclass
class Hop:
    """One step: who did what, what it is called, when it was done (UTC), and how long it took."""

    name: str
    by: str
    says: str
    ids: dict[str, str]
    at: str
    seconds: float


@dataclass
class Journey:
    """The hops so far. `tell` hears each as it happens."""

    layout: Layout
    tell: Callable[[Hop], None]
    hops: list[Hop] = field(default_factory=list)
    ok: bool = False
    failed: str | None = None

    def hop(self, name: str, by: str, begun: float, says: str, **ids: str) -> None:
        hop = Hop(name, by, says, ids, datetime.now(UTC).isoformat(timespec="milliseconds"), round(time.monotonic() - begun, 2))
        self.hops.append(hop)
        self.tell(hop)

    def play(self) -> None:
        """Play it to its end. Errors: Unexpected at the first hop that fails; `failed` then has the reason."""
        try:
            with Desk(self.layout.desk, OFFICER) as officer:
                self._with(officer)
        except Unexpected as reason:
            self.failed = str(reason)
            raise
        self.ok = True

    def write(self, path: Path) -> None:
        """The same for machines."""
        told = {"ok": self.ok, "failed": self.failed, "hops": [asdict(hop) for hop in self.hops]}
        write_whole(path, json.dumps(told, indent=1) + "\n")

    # --- the hops --------------------------------------------------------------------------------------------------------------------

    def _with(self, officer: Desk) -> None:
        member = cast(self.layout)["clean"]
        _nothing_under_way(officer, member)
        self._bank_file(officer, member)
        self._credit(officer, member)
        case = self._request(officer, member)
        self._approval(member, case)
        run = self._release(case)
        self._accepted(officer, case, run)
        self._letter(officer, case)
        self._explained(officer, member)

    def _bank_file(self, officer: Desk, member: Member) -> None:
        begun, file = time.monotonic(), demo_file(self.layout, "bank-statement", ".xml")
        page = drop_bank_file(officer, file)
        if "was taken already" in page.heading:
            self.hop("bank file", OFFICER, begun, f"drops {file.name} again: it was taken already, nothing is posted.", file=page.identity)
            begun, file = time.monotonic(), self._another_statement(member)
            page = drop_bank_file(officer, file)
        if not page.heading.endswith("was taken"):
            raise Unexpected(f"The bank file {file.name} was not taken: “{page.heading}” {'; '.join(page.errors())}")
        self.hop("bank file", OFFICER, begun, f"drops {file.name} on the desk: taken and posted.", file=page.identity)

    def _another_statement(self, member: Member) -> Path:
        """A statement of now with one payment of another amount: a refund of the same amount would be referred as a duplicate."""
        now = datetime.now(LONDON)
        seconds = now.hour * 3600 + now.minute * 60 + now.second
        line = Line(
            120_00 + seconds % 300_00, member.reference, member.name.upper(), member.told["sort_code"] + member.told["account_number"]
        )
        file = self.layout.of("demo") / f"bank-statement-{now:%Y-%m-%d-%H%M%S}.xml"
        write_whole(file, camt053([line], business_day(now.date()), int(now.timestamp())))
        return file

    def _credit(self, officer: Desk, member: Member) -> None:
        begun = time.monotonic()
        page = officer.get(f"/accounts/{member.account}")
        page.must_say("in credit")
        says = f"sees credit on account {member.reference} of {member.name}: {_balance(page)}."
        self.hop("credit arises", OFFICER, begun, says, account=member.account)

    def _request(self, officer: Desk, member: Member) -> str:
        begun = time.monotonic()
        page = request_refund(officer, member)
        if page.errors():
            raise Unexpected(f"The request was not taken: {'; '.join(page.errors())}")
        case = page.identity
        self.hop("request", OFFICER, begun, f"takes {member.name}'s request for a refund.", case=case)
        begun = time.monotonic()
        page = case_says(officer, case, "With approver")
        self.hop("checks", "refunds", begun, f"the ten checks have run, {page.text.count('✓ PASS')} pass, and the plan is made.", case=case)
        return case

    def _approval(self, member: Member, case: str) -> None:
        begun = time.monotonic()
        with Desk(self.layout.desk, LEADER) as leader:
            task = open_task(leader, member.account)
            page = decide(leader, task, "approved")
        if page.errors():
            raise Unexpected(f"The decision was not taken: {'; '.join(page.errors())}")
        self.hop("approval", LEADER, begun, "sees the evidence and approves.", task=task.identity, case=case)

    def _release(self, case: str) -> str:
        begun = time.monotonic()
        with Desk(self.layout.desk, FINANCE) as finance:
            page = release(finance, [case])
        if page.errors():
            raise Unexpected(f"The payment run was not released: {'; '.join(page.errors())}")
        self.hop("release", FINANCE, begun, "previews the payment run and releases it.", run=page.identity, case=case)
        return page.identity

    def _accepted(self, officer: Desk, case: str, run: str) -> None:
        begun = time.monotonic()
        page = officer.wait(f"/runs/{run}", "the bank's acceptance", lambda page: "Accepted by the bank" in page.text)
        files = sorted((self.layout.folder / "payments").glob("*.bacs"), key=lambda file: file.stat().st_mtime)
        named = [file.name for file in files if file.name in page.text]
        if not named:
            raise Unexpected("The payment file that the run names does not lie in the folder of payment files.")
        self.hop("payment file", "refunds", begun, f"the bank has accepted {named[0]}.", run=run, file=named[0])
        begun = time.monotonic()
        case_says(officer, case, "With the bank, arrives on")
        self.hop("paid", "refunds", begun, "nothing is left to do: the bank has the payment, and the case names its day.", case=case)

    def _letter(self, officer: Desk, case: str) -> None:
        begun = time.monotonic()
        page = officer.wait(f"/cases/{case}", "the letter", lambda page: bool(page.links("/letters/")))
        letter = page.links("/letters/")[0].rsplit("/", 1)[-1].removesuffix(".pdf")
        end = time.monotonic() + 30
        while not (found := list((self.layout.folder / "letters").glob(f"*{letter}.pdf"))):
            if time.monotonic() > end:
                raise Unexpected("The letter does not lie in the folder of letters.")
            time.sleep(0.1)
        self.hop("letter", "notices", begun, f"the letter lies ready: {found[0].name}.", letter=letter, case=case)

    def _explained(self, officer: Desk, member: Member) -> None:
        begun = time.monotonic()
        page = officer.get(f"/accounts/{member.account}/explain")
        for words in ("Refunds", "Payments received", "bank-statement"):
            page.must_say(words)
        says = f"asks where the balance comes from: each part opens to its file line, person and approval. It is now {_balance(page)}."
        self.hop("explained", OFFICER, begun, says, account=member.account)


def _nothing_under_way(officer: Desk, member: Member) -> None:
    """Errors: Unexpected where the account has an open case already, before anything is posted for a journey that could not end."""
    page = officer.get(f"/accounts/{member.account}")
    if not page.links(f"/accounts/{member.account}/refund"):
        raise Unexpected(
            f"A refund of {member.name}, account {member.reference}, is under way, and the journey needs that account. "
            "Finish that case at the desk (decide it and release it, or withdraw it), then play the journey again. Nothing was posted."
        )


def _balance(page: Page) -> str:
    found = page.tree.xpath("//*[contains(concat(' ', @class, ' '), ' desk-balance ')]")
    return " ".join(str(found[0].text_content()).split()) if found else page.heading
