"""What people do at the desk on the way from an old debt to the register and back, each as one step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rentbook_local.demo.bank_files import Line, business_day, camt053
from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.journey.steps import Member

LONDON = ZoneInfo("Europe/London")
READY, EVIDENCE_COMPLETE = "Ready for a schedule", "approved:evidence-complete"
DECIDED_BECAUSE = {"approved": EVIDENCE_COMPLETE, "declined": "declined:may-be-recovered", "sent-back": "sent-back:line-unclear"}

_MINUTE_COPY = b"%PDF-1.7\n% what the body decided\n%%EOF\n"


@dataclass(frozen=True)
class Proof:
    """A piece of evidence as it is typed: what it shows, of which day, and who says so where that counts; an order lists the debt."""

    kind: str
    on: date
    source: str = ""
    reference: str = ""
    order_kind: str = ""

    @property
    def typed(self) -> dict[str, str]:
        """What goes into the fields of the proposal's form."""
        typed = {"proof": self.kind, "proof_on": str(self.on), "source": self.source, "reference": self.reference}
        return typed | ({"order_kind": self.order_kind, "listed": "yes"} if self.order_kind else {})


def propose(desk: Desk, account: str, reason: str, *, note: str = "", undoes: str | None = None, amount: str = "") -> Page:
    """Propose to write off the debt, to take the credit to income or, with `undoes`, to put a write-off back; the proposal's page."""
    action = f"/accounts/{account}/write-off"
    page = desk.get(f"{action}?undoes={undoes}" if undoes else action)
    return desk.send(page, action, {"reason": reason, "note": note, **({"amount": amount} if undoes else {})})


def bring(desk: Desk, proposal: str, proof: Proof, of: str = "") -> Page:
    """Add a piece of evidence; the proposal's page. `of`: the tenant of whom it is true, where several answer for the account."""
    action = f"/write-offs/{proposal}"
    page = desk.get(action)
    whose = page.tree.xpath("//select[@name='proof_of']/option[contains(., $of)]/@value", of=of) if of else []
    return desk.send(page, f"{action}/proofs", proof.typed | ({"proof_of": str(whose[0])} if whose else {}))


def proposal_says(desk: Desk, proposal: str, words: str) -> Page:
    """The proposal's page, once its status says so."""
    return desk.wait(f"/write-offs/{proposal}", f"“{words}”", lambda page: words in page.status_words)


def list_on_schedule(desk: Desk, proposals: Sequence[str], title: str) -> Page:
    """Look at the dry run of these proposals and ask for a decision on them; the schedule's page, or the dry run with its errors."""
    preview = desk.get(f"/write-offs/schedules/preview?{'&'.join(f'proposal={one}' for one in proposals)}")
    return desk.send(preview, "/write-offs/schedules", {"title": title})


def schedule_task(desk: Desk, title: str, *, after: str | None = None) -> Page:
    """The task in which a schedule of this title waits for a decision; `after` is the path of one that was decided already."""
    found: list[str] = []

    def waits(page: Page) -> bool:
        links = page.tree.xpath("//a[starts-with(@href, '/tasks/')][starts-with(normalize-space(), $title)]", title=f"{title}:")
        found[:] = [str(link.get("href")) for link in links if link.get("href") != after]
        return bool(found)

    desk.wait("/write-offs/schedules", f"the task of “{title}”", waits)
    return desk.get(found[0])


def decide_schedule(
    desk: Desk,
    task: Page,
    answer: str = "approved",
    *,
    left_out: Mapping[str, str] | None = None,
    minute: Mapping[str, str] | None = None,
    copy: bytes = _MINUTE_COPY,
    **more: str,
) -> Page:
    """Answer a schedule. `left_out`: proposals with the code why; `minute`: `minute_reference` and `met_on`, with which the copy goes."""
    excepted = {f"except-{line}": code for line, code in (left_out or {}).items()}
    values = {"answer": answer, "reason_code": DECIDED_BECAUSE[answer], "text": "" if answer == "approved" else "As the page shows."}
    files = {"minute_copy": ("minute.pdf", copy, "application/pdf")} if minute else None
    return desk.send(task, f"{task.path}/decision", {**values, **excepted, **(minute or {}), **more}, files=files)


def schedule_says(desk: Desk, schedule: str, words: str) -> Page:
    """The schedule's page, once its status says so."""
    return desk.wait(f"/write-offs/schedules/{schedule}", f"“{words}”", lambda page: words in page.status_words)


def standings(page: Page) -> dict[str, str]:
    """What became of each line of a schedule's page: proposals with their standing."""
    rows = page.tree.xpath("//table[caption='Lines of the schedule']/tbody/tr")
    return {
        str(row.xpath("td[1]/a/@href")[0]).rsplit("/", 1)[-1]: " ".join(str(row.xpath("td[3]")[0].text_content()).split()) for row in rows
    }


def pay(desk: Desk, member: Member, pence: int, *, on: date | None = None) -> Page:
    """The member pays by bank transfer: a statement, of today or of an earlier day, that an officer drops on the desk; the file's page."""
    now = datetime.now(LONDON)
    day = business_day(on or now.date())
    line = Line(pence, member.reference, member.name.upper(), member.told["sort_code"] + member.told["account_number"])
    content = camt053([line], day, int(now.timestamp() * 1_000_000))
    page = desk.upload(desk.get("/files"), "/files", f"bank-statement-{now:%Y-%m-%d-%H%M%S%f}.xml", content.encode())
    if not page.heading.endswith("was taken"):
        raise Unexpected(f"The payment was not taken: “{page.heading}” {'; '.join(page.errors())}")
    return page


@dataclass(frozen=True)
class Registered:
    """A row of the register. `journal`: None where nothing is left of it to be put back."""

    kind: str
    amount: str
    put_back: str
    journal: str | None


def register(desk: Desk, account: str) -> list[Registered]:
    """What the register shows of an account, newest first. Errors: Unexpected where it shows nothing."""
    page = desk.get(f"/write-offs/register?account={account}")
    rows = [
        Registered(
            kind=str(row.xpath("td[3]/text()")[0]).strip(),
            amount=str(row.xpath("td[4]/text()")[0]).strip(),
            put_back=" ".join(str(row.xpath("td[5]")[0].text_content()).split()),
            journal=next((str(link).rpartition("undoes=")[2] for link in row.xpath("td[6]/a/@href")), None),
        )
        for row in page.tree.xpath("//table[caption='Register of written-off debts']/tbody/tr")
    ]
    if not rows:
        raise Unexpected(f"The register shows nothing of account {account}.")
    return rows
