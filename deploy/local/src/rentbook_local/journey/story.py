"""The journey as a story: a bank file becomes a refund that a team leader approves and the bank pays, hop by hop."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.journey.desk import Desk, Unexpected
from rentbook_local.journey.steps import (
    Member,
    case_says,
    cast,
    decide,
    drop_bank_file,
    open_task,
    release,
    request_refund,
)
from rentbook_local.journey.telling import OFFICER, Story, balance_of
from rentbook_local.writing import write_whole

LEADER, FINANCE = "dilip.leader", "greta.finance"
LONDON = ZoneInfo("Europe/London")


@dataclass
class Journey(Story):
    """One refund, from the bank file to the letter."""

    title: ClassVar[str] = "A refund, from the bank file to the letter"

    def act(self, officer: Desk) -> None:
        member = cast(self.layout)["journey"]
        self._bank_file(officer, member)
        self._credit(officer, member)
        case = self._request(officer, member)
        self._approval(member, case)
        run = self._release(case)
        self._accepted(officer, case, run)
        self._letter(officer, case)
        self._explained(officer, member)

    def _bank_file(self, officer: Desk, member: Member) -> None:
        self.begin("bank file", OFFICER)
        _nothing_under_way(officer, member)
        file = self._statement(member)
        page = drop_bank_file(officer, file)
        if not page.heading.endswith("was taken"):
            raise Unexpected(f"The bank file {file.name} was not taken: “{page.heading}” {'; '.join(page.errors())}")
        self.hop(f"drops {file.name} on the desk: taken and posted.", file=page.identity)

    def _statement(self, member: Member) -> Path:
        """A statement of now with one payment, of another amount each time: a refund of the same one would be referred as a duplicate."""
        now = datetime.now(LONDON)
        seconds = now.hour * 3600 + now.minute * 60 + now.second
        line = Line(
            120_00 + seconds % 300_00, member.reference, member.name.upper(), member.told["sort_code"] + member.told["account_number"]
        )
        file = self.layout.of("demo") / f"bank-statement-{now:%Y-%m-%d-%H%M%S}.xml"
        write_whole(file, camt053([line], business_day(now.date()), int(now.timestamp())))
        return file

    def _credit(self, officer: Desk, member: Member) -> None:
        self.begin("credit arises", OFFICER)
        page = officer.get(f"/accounts/{member.account}")
        page.must_say("in credit")
        says = f"sees credit on account {member.reference} of {member.name}: {balance_of(page)}."
        self.hop(says, account=member.account)

    def _request(self, officer: Desk, member: Member) -> str:
        self.begin("request", OFFICER)
        page = request_refund(officer, member)
        if page.errors():
            raise Unexpected(f"The request was not taken: {'; '.join(page.errors())}")
        case = page.identity
        self.hop(f"takes {member.name}'s request for a refund.", case=case)
        self.begin("checks", "refunds")
        page = case_says(officer, case, "With approver")
        self.hop(f"the ten checks have run, {page.text.count('✓ PASS')} pass, and the plan is made.", case=case)
        return case

    def _approval(self, member: Member, case: str) -> None:
        self.begin("approval", LEADER)
        with Desk(self.layout.desk, LEADER) as leader:
            task = open_task(leader, member.account)
            page = decide(leader, task, "approved")
        if page.errors():
            raise Unexpected(f"The decision was not taken: {'; '.join(page.errors())}")
        self.hop("sees the evidence and approves.", task=task.identity, case=case)

    def _release(self, case: str) -> str:
        self.begin("release", FINANCE)
        with Desk(self.layout.desk, FINANCE) as finance:
            page = release(finance, [case])
        if page.errors():
            raise Unexpected(f"The payment run was not released: {'; '.join(page.errors())}")
        self.hop("previews the payment run and releases it.", run=page.identity, case=case)
        return page.identity

    def _accepted(self, officer: Desk, case: str, run: str) -> None:
        self.begin("payment file", "refunds")
        page = officer.wait(f"/runs/{run}", "the bank's acceptance", lambda page: "Accepted by the bank" in page.text)
        files = sorted((self.layout.folder / "payments").glob("*.bacs"), key=lambda file: file.stat().st_mtime)
        named = [file.name for file in files if file.name in page.text]
        if not named:
            raise Unexpected("The payment file that the run names does not lie in the folder of payment files.")
        self.hop(f"the bank has accepted {named[0]}.", run=run, file=named[0])
        self.begin("paid", "refunds")
        case_says(officer, case, "With the bank, arrives on")
        self.hop("nothing is left to do: the bank has the payment, and the case names its day.", case=case)

    def _letter(self, officer: Desk, case: str) -> None:
        self.begin("letter", "notices")
        page = officer.wait(f"/cases/{case}", "the letter", lambda page: bool(page.links("/letters/")))
        letter = page.links("/letters/")[0].rsplit("/", 1)[-1].removesuffix(".pdf")
        end = time.monotonic() + 30
        while not (found := list((self.layout.folder / "letters").glob(f"*{letter}.pdf"))):
            if time.monotonic() > end:
                raise Unexpected("The letter does not lie in the folder of letters.")
            time.sleep(0.1)
        self.hop(f"the letter lies ready: {found[0].name}.", letter=letter, case=case)

    def _explained(self, officer: Desk, member: Member) -> None:
        self.begin("explained", OFFICER)
        page = officer.get(f"/accounts/{member.account}/explain")
        for words in ("Refunds", "Payments received", "bank-statement"):
            page.must_say(words)
        says = f"asks where the balance comes from: each part opens to its file line, person and approval. It is now {balance_of(page)}."
        self.hop(says, account=member.account)


def _nothing_under_way(officer: Desk, member: Member) -> None:
    """Errors: Unexpected where the account has an open case already, before anything is posted for a journey that could not end."""
    page = officer.get(f"/accounts/{member.account}")
    if not page.links(f"/accounts/{member.account}/refund"):
        raise Unexpected(
            f"A refund of {member.name}, account {member.reference}, is under way, and the journey needs that account. "
            "Finish that case at the desk (decide it and release it, or withdraw it), then play the journey again. Nothing was posted."
        )
