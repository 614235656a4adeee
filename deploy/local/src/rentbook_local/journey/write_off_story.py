"""A write-off as a story: old debts are proposed, proven, decided line by line and posted; a payment comes, and the debt is owed again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.journey.steps import Member, cast
from rentbook_local.journey.telling import OFFICER, Story, balance_of
from rentbook_local.journey.write_off_steps import (
    READY,
    Proof,
    bring,
    decide_schedule,
    list_on_schedule,
    pay,
    proposal_says,
    propose,
    register,
    schedule_says,
    schedule_task,
    standings,
)

COLLEAGUE, LEADER, MANAGER, HEAD = "bryn.officer", "dilip.leader", "efua.manager", "farid.head"
NOTE = "manager-note"
PAID_PENCE = 25_00
PAYING, GONE, LEFT_OUT = "debt-story-paying", "debt-story-gone", "debt-story-left-out"


def _documents(today: date) -> tuple[Proof, ...]:
    return (
        Proof("document", today - timedelta(days=40), "border agency", "a letter of theirs"),
        Proof(NOTE, today - timedelta(days=6), reference="a note on file"),
    )


def evidence(today: date) -> dict[str, tuple[Proof, ...]]:
    """What each of the story's debts is proven with, by its reason, dated by what it shows."""
    return {
        "untraceable": (
            Proof("trace", today - timedelta(days=190), "electoral register"),
            Proof("trace", today - timedelta(days=185), "credit reference agency"),
            Proof("agency-instructed", today - timedelta(days=150)),
            Proof("agency-return", today - timedelta(days=20), reference="no trace"),
        ),
        "emigrated": _documents(today),
        "prison": _documents(today),
        "traced": (Proof("contact", today - timedelta(days=1)),),
    }


@dataclass
class WriteOffJourney(Story):
    """One write-off there and back. At its end the paying debtor owes again, and one debt is in the register for good."""

    title: ClassVar[str] = "A write-off, from an old debt to the register, and back again"

    today: date = field(default_factory=london_today)

    def act(self, officer: Desk) -> None:
        members = cast(self.layout)
        paying, left_out = members[PAYING], members[LEFT_OUT]
        proposals = self._proposals(officer, members)
        self._evidence(list(proposals))
        schedule, title = self._schedule(officer, list(proposals))
        self._not_theirs(officer, title)
        gone = proposals[list(proposals)[1]]
        [_, _, excepted] = proposals
        self._approved(title, excepted)
        self._posted(officer, schedule, proposals, excepted)
        written_off = self._registered(officer, paying, gone)
        self._withdrawn(officer, excepted, left_out)
        back = self._paid(officer, paying)
        self._put_back(officer, back, paying, "put back what was paid", PAID_PENCE)
        rest = self._traced(officer, paying, written_off)
        self._put_back(officer, rest, paying, "put back the rest", int(paying.told["balance_pence"]) - PAID_PENCE)
        self._explained(officer, paying, rest)

    # --- there ---------------------------------------------------------------------------------------------------------------------

    def _proposals(self, officer: Desk, members: dict[str, Member]) -> dict[str, Member]:
        """Proposals with whose debts they are: who will pay, who is gone, who will be left out."""
        found: dict[str, Member] = {}
        gone = [member for key, member in members.items() if key.startswith(GONE)]
        for reason, choice in (("untraceable", [members[PAYING]]), ("emigrated", gone), ("prison", [members[LEFT_OUT]])):
            self.begin("proposal", OFFICER)
            member, page = _proposed(officer, choice, reason)
            says = f"proposes to write off the debt of {member.name}, {_owes(officer, member)}: {reason}."
            self.hop(says, proposal=page.identity, account=member.account)
            found[page.identity] = member
        return found

    def _evidence(self, proposals: Sequence[str]) -> None:
        with Desk(self.layout.desk, COLLEAGUE) as colleague, Desk(self.layout.desk, HEAD) as head:
            for proposal, reason in zip(proposals, ("untraceable", "emigrated", "prison"), strict=True):
                proofs = evidence(self.today)[reason]
                notes = [proof for proof in proofs if proof.kind == NOTE]
                self._brought("evidence", colleague, proposal, [proof for proof in proofs if proof not in notes], complete=not notes)
                if notes:
                    self._brought("manager's note", head, proposal, notes, complete=True)

    def _brought(self, name: str, by: Desk, proposal: str, proofs: Sequence[Proof], *, complete: bool) -> None:
        self.begin(name, by.subject)
        says = f"brings {', '.join(proof.kind for proof in proofs)}"
        for proof in proofs:
            _taken(bring(by, proposal, proof))
        if complete:
            proposal_says(by, proposal, READY)
            says += ": every rung is climbed, nothing stands in the way"
        self.hop(f"{says}.", proposal=proposal)

    def _schedule(self, officer: Desk, proposals: Sequence[str]) -> tuple[str, str]:
        self.begin("schedule", OFFICER)
        title = f"Former tenants, the journey of {time.strftime('%H:%M:%S')}"
        page = list_on_schedule(officer, proposals, title)
        _taken(page)
        says = f"sees in a dry run what would post, and asks for a decision on {len(proposals)} lines."
        self.hop(says, schedule=page.identity)
        return page.identity, title

    def _not_theirs(self, officer: Desk, title: str) -> None:
        """Neither who proposed nor whose limit is below the debtor's total may decide; each page says why."""
        self.begin("four eyes", OFFICER)
        task = schedule_task(officer, title)
        _says_no(task, "so someone else must decide")
        self.hop("may not decide what they proposed, and the page says so.", task=task.identity)
        self.begin("authority", LEADER)
        with Desk(self.layout.desk, LEADER) as leader:
            _says_no(leader.get(task.path), "is above your £49.99")
        self.hop("may not either: the debtor's total is above a line manager's limit.", task=task.identity)

    def _approved(self, title: str, excepted: str | None = None) -> None:
        self.begin("approval", MANAGER)
        with Desk(self.layout.desk, MANAGER) as manager:
            task = schedule_task(manager, title)
            _taken(decide_schedule(manager, task, left_out={excepted: "may-be-recovered"} if excepted else {}))
        says = "approves, and leaves one line out: it may still be recovered." if excepted else "approves, by the same authority."
        self.hop(says, task=task.identity)

    def _posted(self, officer: Desk, schedule: str, proposals: dict[str, Member], excepted: str) -> None:
        self.begin("posted", "ledger")
        became = standings(schedule_says(officer, schedule, "Posted"))
        wanted = {proposal: "Left out" if proposal == excepted else "✓ Posted" for proposal in proposals}
        for proposal, standing in wanted.items():
            if not became.get(proposal, "").startswith(standing):
                raise Unexpected(f"The line {proposal} of the schedule is “{became.get(proposal)}”, not “{standing}”.")
        for proposal, member in proposals.items():
            if proposal != excepted and _owes(officer, member) != "Nothing owed":
                raise Unexpected(f"The account {member.reference} still shows {_owes(officer, member)}.")
        self.hop("the approved lines are posted against the provision, and only those.", schedule=schedule)

    def _registered(self, officer: Desk, *members: Member) -> str:
        """The journal of the first's write-off: the one of which something is left."""
        self.begin("register", "writeoffs")
        rows = []
        for member in members:
            standing = [row for row in register(officer, member.account) if row.kind == "Write-off" and row.journal]
            if not standing:
                raise Unexpected(f"The register does not show the write-off of {member.reference}.")
            rows.append(standing[0])
        journals = {f"journal {place}": str(row.journal) for place, row in enumerate(rows, start=1)}
        self.hop(f"goes on showing them: {' and '.join(row.amount for row in rows)}.", **journals)
        return str(rows[0].journal)

    def _withdrawn(self, officer: Desk, proposal: str, member: Member) -> None:
        self.begin("left out", OFFICER)
        page = proposal_says(officer, proposal, "Blocked")
        action = f"{page.path}/withdraw"
        _taken(officer.send(page, action, {"withdraw_note": "It goes to the collection agency."}))
        proposal_says(officer, proposal, "Withdrawn")
        says = f"takes back the line that was left out: {member.name} is still {_owes(officer, member)}."
        self.hop(says, proposal=proposal)

    # --- and back ------------------------------------------------------------------------------------------------------------------

    def _paid(self, officer: Desk, paying: Member) -> str:
        """The proposal that the payment makes of itself."""
        self.begin("payment", OFFICER)
        file = pay(officer, paying, PAID_PENCE)
        says = f"drops a statement on the desk: {paying.name} has paid £25.00 on the written-off debt. {_owes(officer, paying)}."
        self.hop(says, file=file.identity, account=paying.account)
        self.begin("proposed again", "writeoffs")
        where = f"/write-offs?account={paying.account}&status=ready"
        listed = "//main//tbody//a[starts-with(@href, '/write-offs/')]/@href"
        page = officer.wait(where, "the proposal to put it back", lambda page: bool(page.tree.xpath(listed)))
        proposal = page.tree.xpath(listed)[0].rsplit("/", 1)[-1]
        self.hop("proposes of itself to put back what was paid; nothing is put back yet.", proposal=proposal)
        return str(proposal)

    def _put_back(self, officer: Desk, proposal: str, paying: Member, title: str, pence: int) -> None:
        self.begin("schedule", OFFICER)
        title = f"{title.capitalize()}, {time.strftime('%H:%M:%S')}"
        page = list_on_schedule(officer, [proposal], title)
        _taken(page)
        self.hop(f"asks for a decision to put back £{pence / 100:.2f}.", schedule=page.identity)
        self._approved(title)
        self.begin("reinstated", "ledger")
        schedule_says(officer, page.identity, "Posted")
        amount = f"£{pence / 100:.2f}"
        if not any((row.kind, row.amount) == ("Reinstatement", f"−{amount}") for row in register(officer, paying.account)):
            raise Unexpected(f"The register does not show that {amount} was put back.")
        says = f"{amount} is put back, against the provision. {paying.name}: {_owes(officer, paying)}."
        self.hop(says, schedule=page.identity, account=paying.account)

    def _traced(self, officer: Desk, paying: Member, written_off: str) -> str:
        self.begin("traced", OFFICER)
        page = propose(officer, paying.account, "traced", undoes=written_off)
        _taken(page)
        for proof in evidence(self.today)["traced"]:
            _taken(bring(officer, page.identity, proof))
        proposal_says(officer, page.identity, READY)
        self.hop(f"has found {paying.name}, and proposes to put back the rest.", proposal=page.identity)
        return page.identity

    def _explained(self, officer: Desk, paying: Member, rest: str) -> None:
        self.begin("explained", OFFICER)
        if f"/write-offs/{rest}" not in officer.get(f"/accounts/{paying.account}").links("/write-offs/"):
            raise Unexpected(f"The account {paying.reference} does not lead from what was put back to its proposal.")
        page = officer.get(f"/accounts/{paying.account}/explain")
        for words in ("Payments received", "bank-statement"):
            page.must_say(words)
        says = f"asks where the balance comes from: charged, written off, paid, put back. {_owes(officer, paying)}."
        self.hop(says, account=paying.account)


def _proposed(officer: Desk, choice: Sequence[Member], reason: str) -> tuple[Member, Page]:
    """Propose the first of these debts that can be. Errors: Unexpected, before anything was posted."""
    why = "each of these debts is in the register already, and the journey needs one more: play it on an empty state"
    for member in choice:
        address = f"/accounts/{member.account}/write-off"
        # Whoever owes again what was written off has paid, or was found: that is not proposed for the same reason anew.
        if officer.get(f"/accounts/{member.account}").links("/write-offs/register?"):
            continue
        if "open proposal already" in officer.get(address).text:
            why = f"One of them has an open proposal. Close it (/write-offs?account={member.account}), then play the journey again"
            continue
        page = propose(officer, member.account, reason)
        if not page.errors():
            return member, page
        why = f"{'; '.join(page.errors())} Close it (/write-offs?account={member.account}), then play the journey again"
    raise Unexpected(f"No debt of {choice[0].name} can be proposed: {why}. Nothing was posted.")


def _taken(page: Page) -> None:
    """Errors: Unexpected where the desk refused the form."""
    if page.errors():
        raise Unexpected(f"{page.path} was not taken: {'; '.join(page.errors())}")


def _says_no(task: Page, why: str) -> None:
    """Errors: Unexpected where the task offers answers, or gives another reason."""
    if task.tree.xpath("//form[@data-answers]"):
        raise Unexpected(f"{task.path} may be decided by somebody who must not.")
    task.must_say(why)


def _owes(officer: Desk, member: Member) -> str:
    return balance_of(officer.get(f"/accounts/{member.account}"))
