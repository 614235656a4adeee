"""The answers to a task of any kind, as forms carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rentbook_contracts.approvals import Answer
from rentbook_contracts.refunds import CheckShown

from approvals.domain.reasons import ANSWER_WORDS, complaints_about
from approvals.queries import TaskPage
from approvals.web.forms import Form

GROUPS = {Answer.APPROVED: "If you approve", Answer.DECLINED: "If you decline", Answer.SENT_BACK: "If you send it back"}

Reasons = Mapping[Answer, Mapping[str, str]]


@dataclass(frozen=True)
class Given:
    """An answer as the form gives it."""

    answer: Answer
    reason_code: str
    text: str
    question_to: str | None


def answer_of(form: Form, reasons: Reasons) -> Given | None:
    """The answer with its reason and words, and every fault of theirs noted at once; None where no answer is chosen."""
    answer = next((answer for answer in Answer if answer.value == form.value("answer")), None)
    text = form.text("text")
    group, _, reason = form.value("reason_code").partition(":")
    if answer is None:
        form.wrong("Choose your answer", "answer")
        if not reason:
            form.wrong("Choose a reason", "reason_code")
        return None
    given = Given(
        answer,
        reason if group == answer.value else "",
        text,
        (form.value("question_to") or None) if answer is Answer.SENT_BACK else None,
    )
    for complaint in complaints_about(answer, given.reason_code, text, given.question_to, reasons):
        form.wrong(complaint.message.removesuffix("."), complaint.field)
    return given


DECLINED_FOR: Mapping[str, tuple[int, ...]] = {
    "credit-not-the-tenants": (2,),
    "credit-needed-for-charges": (3,),
    "debt-to-be-paid-first": (4,),
    "payee-not-shown": (6, 7),
    "duplicate": (8,),
}
"""The checks of domain.md 4 that a reason to decline rests on. Suspected fraud rests on what a person saw."""


def contradictions(checks: Sequence[CheckShown]) -> dict[str, str]:
    """The reasons to decline for which the checks found nothing, each with what they found instead."""
    shown = {check.check: check for check in checks}
    found = {}
    for reason, numbers in DECLINED_FOR.items():
        behind = [shown[number] for number in numbers if number in shown]
        if behind and all(check.speaks_against is False for check in behind):
            found[reason] = "; ".join(f"check {check.check}, {check.title.lower()}, passes" for check in behind)
    return found


def choices_of(reasons: Reasons) -> dict[str, Any]:
    """What a page offers: the answers, their reasons in groups, and the words of each reason."""
    return {
        "answers": [(answer.value, words) for answer, words in ANSWER_WORDS.items()],
        "reason_groups": [(answer.value, GROUPS[answer], list(reasons[answer].items())) for answer in Answer],
        "reason_words": {(answer.value, code): words for answer in Answer for code, words in reasons[answer].items()},
    }


def whom_to_ask(shown: TaskPage) -> list[tuple[str, str]]:
    """Who may answer a question: whoever took part comes first, most likely to know the answer; then everyone else, by name."""
    taken = {shown.row.raised_by, *(one.person for one in shown.participants)}
    return [(one.subject, one.name) for one in sorted(shown.may_be_asked, key=lambda one: one.subject not in taken)]
