"""What the pages of every policy share that one person proposes and another checks, in whichever service it is kept."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.operation import Command, Message, Nothing
from rentbook_contracts.policy import CheckPolicy, PolicyAnswer, PolicyProposal, PolicyProposed
from starlette.responses import Response

from approvals.web.forms import FieldError, Form
from approvals.web.visit import NoSuchPage, Visit, note_refusal

DONE: Mapping[str, str] = {PolicyAnswer.ACCEPTED: "accepted", PolicyAnswer.REFUSED: "refused", PolicyAnswer.WITHDRAWN: "retracted"}
"""What is said of an answer that was recorded."""

Again = Callable[[Visit, Form], Awaitable[Response]]
Asked = TypeVar("Asked", bound=Message)
Known = TypeVar("Known", bound=PolicyProposal)


def still_newest(form: Form, version: str) -> None:
    """A form begins with the version that comes into force last; where another was laid down meanwhile, it begins anew."""
    if form.value("base") and form.value("base") != version:
        form.wrong("Another policy was laid down meanwhile. Begin anew with that one.")


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
