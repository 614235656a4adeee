"""What people do at the desk on the way from a bank file to a paid refund, each as one step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.layout import Layout

REASON = {"approved": "approved:checks-pass", "declined": "declined:other", "sent-back": "sent-back:evidence-missing"}


@dataclass(frozen=True)
class Member:
    """One of the demonstration's cast, as `cast.json` tells it."""

    key: str
    told: Mapping[str, Any]

    @property
    def account(self) -> str:
        return str(self.told["account"])

    @property
    def name(self) -> str:
        return str(self.told["names"][0])

    @property
    def reference(self) -> str:
        return str(self.told["reference"])


class Cast(dict[str, Member]):
    """The accounts in a known state, by what each is there for."""

    def __missing__(self, key: str) -> Member:
        raise Unexpected(
            f"The demonstration estate of this state was made by an earlier version: it has no “{key}”. Play on an empty folder."
        )


def cast(layout: Layout) -> Cast:
    """The accounts in a known state. Errors: Unexpected on a state without the demonstration estate."""
    file = layout.of("demo") / "cast.json"
    if not file.exists():
        raise Unexpected(f"{layout.folder} has no demonstration estate: start a stack on an empty folder, without --empty.")
    return Cast({key: Member(key, told) for key, told in json.loads(file.read_text(encoding="utf-8"))["cast"].items()})


def drop_bank_file(desk: Desk, file: Path) -> Page:
    """Upload a file and read its own page: taken, refused or taken already."""
    return desk.upload(desk.get("/files"), "/files", file.name, file.read_bytes())


def request_refund(desk: Desk, member: Member, **more: str | list[str]) -> Page:
    """Enter the tenant's request, with the bank account that the tenant pays from; the case's page, or the form with its errors."""
    told, action = member.told, f"/accounts/{member.account}/refund"
    page = desk.get(action)
    values: dict[str, str | list[str]] = {
        "asked_by": told["people"][0],
        "identified_how": "phone-questions",
        "amount_is": "all",
        "reason_code": "overpaid",
        "payee_of": told["people"][0],
        "payee_name": member.name,
        "sort_code": told["sort_code"],
        "account_number": told["account_number"],
        **more,
    }
    return desk.send(page, action, values)


def open_task(desk: Desk, account: str, *, stage: int = 1, after: str | None = None) -> Page:
    """The task that waits for a decision on the account's refund, found on the worklist; `after` leaves out one already decided."""

    found: list[str] = []
    of_others: set[str] = {after} if after else set()

    def waits(page: Page) -> bool:
        # Kept as found: asked again, a service that is silent just then would hide what was there.
        found[:] = [task for task in [_task_for(desk, page, account, stage, of_others)] if task is not None]
        return bool(found)

    desk.wait("/work?view=everyone", "the task", waits)
    return desk.get(found[0])


def _task_for(desk: Desk, work: Page, account: str, stage: int, of_others: set[str]) -> str | None:
    """The task's address. `of_others` gains the tasks of other accounts: those pages are opened once, however long one waits."""
    for link in work.links("/tasks/"):
        if link in of_others:
            continue
        page = desk.get(link)
        about = page.links(f"/accounts/{account}")
        if page.links("/accounts/") and not about and "does not answer" not in page.text:
            of_others.add(link)
        staged = f"decision {stage} of" in page.text or stage == 1
        if about and staged and page.tree.xpath("//form[@data-answers] | //*[@id='why-not']"):
            return link
    return None


def decide(desk: Desk, task: Page, answer: str, **more: str) -> Page:
    """Approve, decline or send back, in the way that the page offers. Errors: Unexpected where it offers nothing to this person."""
    values = {"answer": answer, "reason_code": REASON[answer], "text": "" if answer == "approved" else "As the page shows.", **more}
    return desk.send(task, f"{task.path}/decision", values)


def ready_payments(desk: Desk) -> Sequence[str]:
    """The cases that wait for a payment run."""
    return [str(box) for box in desk.get("/runs").tree.xpath("//input[@name='case']/@value")]


def release(desk: Desk, cases: Sequence[str]) -> Page:
    """Preview and sign a payment run of these cases; the run's page."""

    def all_wait(page: Page) -> bool:
        return set(cases) <= {str(box) for box in page.tree.xpath("//input[@name='case']/@value")}

    page = desk.wait("/runs", "the approved refund", all_wait)
    preview = desk.send(page, "/runs/preview", {"case": list(cases)})
    return desk.send(preview, "/runs", {})


def case_says(desk: Desk, case: str, words: str) -> Page:
    """The case's page, once it says so."""
    return desk.wait(f"/cases/{case}", f"“{words}”", lambda page: words in page.text)
