"""What the pages of every policy share that one person proposes and another checks, in whichever service it is kept."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import ProvisionVersion
from rentbook_contracts.operation import Command, Message, Nothing
from rentbook_contracts.policy import CheckPolicy, PolicyAnswer, PolicyProposal, PolicyProposed
from rentbook_contracts.writeoffs import EvidenceVersion
from starlette.responses import Response

from approvals.web.forms import FieldError, Form
from approvals.web.visit import NoSuchPage, Visit, note_refusal

DONE: Mapping[str, str] = {PolicyAnswer.ACCEPTED: "accepted", PolicyAnswer.REFUSED: "refused", PolicyAnswer.WITHDRAWN: "retracted"}
"""What is said of an answer that was recorded."""

Again = Callable[[Visit, Form], Awaitable[Response]]
Asked = TypeVar("Asked", bound=Message)
Known = TypeVar("Known", bound=PolicyProposal)
Version = TypeVar("Version", EvidenceVersion, ProvisionVersion)


def begun_with(versions: Sequence[Version], chosen: str | None) -> Version:
    """What a form begins with: the version that was chosen, or the one that comes into force last, which stands first."""
    return next((one for one in versions if one.version == chosen), versions[0])


def comes_before(form: Form, versions: Iterable[Version], day: date) -> None:
    """A form begins with the version that is in force until its day, or what that had changed would be undone unseen."""
    earlier = [one for one in versions if one.policy.in_force_from < day]
    before = max(earlier, key=lambda one: one.policy.in_force_from, default=None)
    if before is not None and form.value("base") and form.value("base") != before.version:
        form.wrong(f"Version {before.version} is in force until that day, and your form would undo what it changed. Begin anew with it.")


def others_to_begin_with(versions: Iterable[tuple[str, date]], begun: str, today: date) -> list[tuple[str, date]]:
    """The version in force and those to come, but for the one with which the form began, each with its first day."""
    told = sorted(versions, key=lambda one: one[1])
    in_force = max((day for _, day in told if day <= today), default=today)
    return [one for one in told if one[1] >= in_force and one[0] != begun]


async def proposed(
    visit: Visit, form: Form, command: Command[Asked, PolicyProposed], asked: Asked, address: str, again: Callable[[], Response]
) -> Response:
    """Propose it; what its service refuses stands beside its field."""
    try:
        made = await visit.command(command, asked, form)
    except Refused as refused:
        form.errors.append(FieldError(refused.message, refused.field))
        return again()
    return visit.go(f"{address}/{made.proposal}", done="proposed")


async def answered(visit: Visit, command: Command[CheckPolicy, Nothing], address: str, again: Again) -> Response:
    """Accept, refuse or withdraw."""
    form = await visit.sent()
    answer = form.one_of("check_answer", DONE, "Choose your answer")
    text = form.text("check_text")
    if form.errors:
        return await again(visit, form)
    proposal, base = visit.request.path_params["proposal"], form.value("base") or None
    asked = CheckPolicy(proposal=proposal, answer=PolicyAnswer(answer), text=text, base=base)
    try:
        await visit.command(command, asked, form)
    except Refused as refused:
        note_refusal(form, refused, ("check_text",))
        return await again(visit, form)
    return visit.go(f"{address}/{asked.proposal}", done=DONE[answer])


def found(proposals: Iterable[Known], proposal: UUID) -> Known:
    """Errors: NoSuchPage."""
    one = next((one for one in proposals if one.proposal == proposal), None)
    if one is None:
        raise NoSuchPage("There is no such proposal.")
    return one
