"""One request of one person: who asks, what they are shown, what they sent."""

from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from chassis.failpoint import reached
from chassis.peers import Caller, Unanswered
from chassis.transaction import Transaction, run
from rentbook_contracts.ledger import ACCOUNT_LABELS, AccountLabel, Accounts
from rentbook_contracts.operation import BrokenRule, Command, In, Out, Query
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from approvals import queries
from approvals.web.desk import Desk
from approvals.web.forms import FieldError, Form, read_offset, unturned
from approvals.web.sessions import Person, Session
from approvals.web.whom import Put, Shut, Whom
from approvals.web.wording import london
from chassis import peers

T = TypeVar("T")

MOST_FIELDS = 1200
"""How many fields a form may have: one for each line of a full schedule, and the rest of the form."""

LABELS_ASKED = 500
"""How many accounts the ledger names in one answer."""

NAVIGATION = (
    ("/work", "Work", "/work"),
    ("/accounts", "Accounts", "/accounts"),
    ("/cases", "Refund cases", "/cases"),
    ("/files", "Bank files", "/files"),
    ("/suspense", "Suspense", "/suspense"),
    ("/runs", "Payment runs", "/runs"),
    ("/write-offs", "Write-offs", "/write-offs", "/write-offs/schedules"),
    ("/cover", "Cover", "/cover"),
    ("/policy", "Policy", "/policy"),
)
"""The parts of the desk: where each lies, its name, and its pages of which it leads to the first that is for the person."""

DONE: Mapping[str, str] = {
    "claimed": "You have claimed this task. It is yours until you release it or the claim runs out.",
    "released": "You have released this task. Anyone with authority may claim it.",
    "assigned": "The task is assigned.",
    "assigned-deputy": "Whom you chose is out of office: the task is assigned to whoever stands in for them.",
    "commented": "Your comment is added.",
    "recalled": "The approval is recalled. Nothing was paid on it.",
    "recalled-schedule": "The approval is recalled. Nothing more is posted on it; what was posted by then stays so, as its page says.",
    "requested": "The request is taken, and its checks have begun.",
    "evidence": "The evidence is added, and the check runs again.",
    "payee": "The payee’s details are changed, and the bank checks run again.",
    "resubmitted": "The case goes back to whoever asked the question.",
    "letter-again": "The letter goes out once more, as it was. Every sending stays on record.",
    "withdrawn": "The request is withdrawn. The record stays.",
    "run": "The payment run is released. The ledger posts it now, and then the file is made.",
    "taken": "The file is taken: every line is posted.",
    "placed": "The payment is on the account. It stands below, under what was moved lately; from there it can be put back.",
    "split": "The payment is split. Each part stands below, under what was moved lately; from there it can be put back.",
    "matched": "The payment is undone, and the return lies in suspense no more. If it was another payment, take it back below.",
    "unmatched": "The payment stands where it stood, and the return lies in suspense again.",
    "put-back": "The payment lies in suspense again.",
    "saved": "The view is saved.",
    "forgotten": "The saved view is forgotten.",
    "lent": "Your authority is lent. What is decided by it says so.",
    "ended": "The delegation is ended. Its record stays.",
    "away": "Your absence is noted. Your deputy is shown what waits for you on those days.",
    "away-both": "Your absence is noted. Your deputy is away too on some of those days; then whoever stands in for them is shown it.",
    "back": "Welcome back. What waits for you is shown to you alone again.",
    "proposed": "The policy is proposed. It counts once somebody else has checked it.",
    "accepted": "The policy is laid down and comes into force on its day.",
    "refused": "The proposal is refused. Its record stays.",
    "retracted": "The proposal is withdrawn. Its record stays.",
    "sent": "Your decision is recorded.",
    "next": "Your decision is recorded. This is the next task.",
    "last": "Your decision is recorded. Nothing else waits for you.",
    "hold-set": "The hold is set. Open refund cases of this account see it.",
    "hold-lifted": "The hold is lifted.",
    "benefit-claim": "What Benefits has to decide is noted.",
    "plan": "The payment plan is agreed.",
    "plan-ended": "The payment plan has ended. Its record stays.",
    "tenancy": "What is known of the tenancy’s end is noted.",
    "noted": "The note is kept.",
    "death": "The death is noted. Letters go to tenants who live, else to whoever deals with the estate. What is open is looked at again.",
    "no-death": "It is noted that the death was said in error. What is open is looked at again.",
    "letter-address": "Where letters go is noted. Proposals that wait for an address are looked at again.",
    "undone": "The entry is undone. Both stay on the account.",
    "write-off-proposed": "The proposal is made. What is still missing stands below.",
    "proof": "The evidence is added, and the proposal is looked at again.",
    "reconsidered": "The proposal goes on with the balance as it is now.",
    "struck": "The evidence is struck. It stays to be read, and counts for nothing.",
    "proposal-withdrawn": "The proposal is withdrawn. Its record stays.",
    "scheduled": "The schedule is made. Whoever may decide it is asked now.",
    "scheduled-less": "The schedule is made. Some proposals were not ready any more and stayed behind: each says why.",
    "taken-off": "The line is taken off the schedule. Its proposal stays.",
    "answered": "The question is answered, and whoever asked it is asked again.",
    "provision": "The provision is posted.",
    "schedule-withdrawn": "The schedule is taken back. Its proposals are ready again in a moment.",
}


class NoSuchPage(Exception):
    """Nothing stands at this address. The message says what was looked for."""


class MayNot(Exception):
    """This person may not do this. The message says why."""


class FileNameTooLong(Exception):
    """A file came under a name that is too long to be read, and nothing of its form was."""


@dataclass(frozen=True)
class Silent:
    """A source that did not answer, and what is missing from the page for it."""

    owner: str
    missing: str


@dataclass
class Visit:
    """A request with its person. `now` is one instant (UTC) for the whole page."""

    desk: Desk
    request: Request
    session: Session
    shut: Shut
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    silent: list[Silent] = field(default_factory=list)

    @property
    def person(self) -> Person:
        return self.session.person

    @property
    def offset(self) -> int:
        """Where the page of a list begins, as the address says; 0 where it says nothing that can be read."""
        return read_offset(self.request.query_params.get("offset", ""))

    @property
    def today(self) -> date:
        """The business date, Europe/London."""
        return london(self.now).date()

    async def change_as(self, form_id: UUID, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Change approvals' own rows under an id that follows from the form's: one of many changes that one form makes."""
        return await self._changed(work, str(form_id))

    async def must_be_for(self, whom: Whom) -> None:
        """Errors: MayNot, where this address is for the person neither by a role nor because what it names was put to them."""
        if self.person.has(*whom.roles):
            return
        named = next((one for one in self.request.path_params.values() if isinstance(one, UUID)), None)
        if whom.put is None or named is None or not await self.put(whom.put, [named]):
            raise MayNot(whom.who)

    async def put(self, which: Put, named: Collection[UUID]) -> frozenset[UUID]:
        """Which of these were put to people of this person's kind."""
        return await self.own(lambda tx: which(tx, named))

    def caller(self, form: str | None = None) -> Caller:
        return Caller(self.person.subject, self.person.roles, form)

    async def ask(self, query: Query[In, Out], argument: In) -> Out:
        """Ask the owner in the person's name. Errors: Unanswered, Refused."""
        return await peers.ask(self.desk.peers, self.caller(), query, argument)

    async def ask_or_name(self, query: Query[In, Out], argument: In, missing: str) -> Out | None:
        """Ask for a part of the page. Where the owner doesn't answer, the page says so and goes on without it."""
        try:
            return await self.ask(query, argument)
        except Unanswered as silent:
            self.silent.append(Silent(silent.service, missing))
            return None

    async def command(self, command: Command[In, Out], argument: In, form: Form) -> Out:
        """Have the owner change something, once for this form. Errors: Unanswered, Refused."""
        return await peers.command(self.desk.peers, self.caller(form.id), command, argument, form=form.id)

    async def own(self, read: Callable[[Transaction], Awaitable[T]]) -> T:
        """Read approvals' own rows."""
        return await run(self.desk.runtime, read, caller=self.caller(), read_only=True)

    async def names(self) -> Mapping[str, str]:
        """The names of staff by their subjects, as they last signed in."""
        return {one.subject: one.name for one in await self.own(queries.staff_known)}

    async def account_labels(self, accounts: Iterable[UUID]) -> Mapping[UUID, AccountLabel]:
        """How accounts are named to people; where the ledger does not answer, the page says so and goes on without."""
        wanted = tuple(dict.fromkeys(accounts))
        labels: dict[UUID, AccountLabel] = {}
        for start in range(0, len(wanted), LABELS_ASKED):
            asked = Accounts(accounts=wanted[start : start + LABELS_ASKED])
            found = await self.ask_or_name(ACCOUNT_LABELS, asked, "the tenants’ names")
            if found is None:
                break
            labels |= {label.account: label for label in found.labels}
        return labels

    async def change(self, work: Callable[[Transaction], Awaitable[T]], form: Form) -> T:
        """Change approvals' own rows in one transaction, in the person's name and under the form's id."""
        return await self._changed(work, form.id)

    async def _changed(self, work: Callable[[Transaction], Awaitable[T]], form_id: str) -> T:
        async def whole(tx: Transaction) -> T:
            done = await work(tx)
            reached("form.before-commit")
            return done

        done = await run(self.desk.runtime, whole, caller=self.caller(form_id))
        reached("form.after-commit")
        return done

    async def own_change(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Note something about the visit itself, for which no form was sent."""
        return await run(self.desk.runtime, work, caller=self.caller())

    def show(self, template: str, title: str, *, status: int = 200, form: Form | None = None, **context: object) -> Response:
        """A page. The errors of `form` stand in the summary on top."""
        form = form or Form()
        errors = form.errors
        html = self.desk.render(
            template,
            title=f"Error: {title}" if errors else title,
            heading=title,
            person=self.person,
            csrf=self.session.csrf_token,
            nonce=self.request.state.nonce,
            navigation=self._navigation(),
            form=form,
            errors=errors,
            done=DONE.get(self.request.query_params.get("done", "")),
            silent=self.silent,
            today=self.today,
            now=self.now,
            where=self.where,
            opens=self.shut.opens,
            **context,
        )
        return HTMLResponse(html, status_code=422 if errors and status == 200 else status)

    def where(self, **changes: object) -> str:
        """This page's address with other query words; None takes a word out."""
        words: dict[str, object] = {name: value for name, value in self.request.query_params.items() if name != "done"} | changes
        kept = {name: value for name, value in words.items() if value not in (None, "")}
        return f"{self.request.url.path}?{urlencode(kept)}" if kept else self.request.url.path

    def go(self, path: str, *, done: str | None = None) -> Response:
        """To the page that shows what was done; See Other, so that loading it again sends nothing again."""
        return RedirectResponse(f"{path}?done={done}" if done else path, status_code=303)

    def go_to_filters(self, path: str) -> Response:
        """To the page of the filters that this address names, which says what is wrong with them: no part is handed out for another."""
        return RedirectResponse(f"{path}?{self.request.url.query}", status_code=303)

    async def sent(self) -> Form:
        """What the person sent, as it was typed.

        Errors: HTTPException 400 where it can't be read, FileNameTooLong where a file's name is why; OSError where it finds no room.
        """
        # A file of more than a megabyte lies on the disk while it is read.
        reached("form.write")
        try:
            data = await self.request.form(max_files=1, max_fields=MOST_FIELDS)
        except HTTPException as unread:
            if _has_a_long_heading(unread):
                raise FileNameTooLong from unread
            raise
        values = {name: unturned(value) for name, value in data.items() if isinstance(value, str)}
        lists = {name: tuple(unturned(value) for value in data.getlist(name) if isinstance(value, str)) for name in data}
        return Form(values.get("form_id", ""), values, lists)

    async def upload(self, name: str) -> UploadFile | None:
        """The file that the person sent, where they chose one."""
        found = (await self.request.form(max_files=1, max_fields=MOST_FIELDS)).get(name)
        return found if isinstance(found, UploadFile) and found.filename else None

    def _navigation(self) -> list[dict[str, object]]:
        path = self.request.url.path
        here = "/work" if path.startswith(("/tasks/", "/decisions/", "/together")) else path
        begins = ((part, text, next(filter(self.shut.opens, pages), None)) for part, text, *pages in NAVIGATION)
        return [{"href": href, "text": text, "here": here == part or here.startswith(f"{part}/")} for part, text, href in begins if href]


def _has_a_long_heading(fault: BaseException | None) -> bool:
    """Whether python-multipart gave up over the heading of a part, of which it reads 4,224 octets: only a file's name makes one so long."""
    while fault is not None:
        if "header size exceeded" in str(fault):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def note_refusal(form: Form, refused: BrokenRule, fields: Container[str] = ()) -> None:
    """A broken rule for the same page again: beside the field that it names where the page has it, else on top alone."""
    form.errors.append(FieldError(refused.message, refused.field if refused.field in fields else None))
