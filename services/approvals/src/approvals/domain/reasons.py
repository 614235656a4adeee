"""The coded reasons that an answer is given with, and how a person reads them."""

from collections.abc import Iterator, Mapping

from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import LineKind

from approvals.domain.rules import ApprovalRule

ANSWER_WORDS: Mapping[Answer, str] = {
    Answer.APPROVED: "Approve",
    Answer.DECLINED: "Decline",
    Answer.SENT_BACK: "Send back with a question",
}
"""The answers as the desk offers them."""

REASONS: Mapping[Answer, Mapping[str, str]] = {
    Answer.APPROVED: {
        "checks-pass": "All checks pass",
        "evidence-accepted": "The evidence settles what was referred",
        "complaint-or-ombudsman": "Owed after a complaint or an Ombudsman's order",
        "other": "Another reason to approve, written below",
    },
    Answer.DECLINED: {
        "credit-not-the-tenants": "The credit is not the tenant's own money",
        "credit-needed-for-charges": "The credit is needed for charges that fall due",
        "debt-to-be-paid-first": "Another debt is to be paid first",
        "payee-not-shown": "The payee could not be shown to be the tenant",
        "suspected-fraud": "Fraud is suspected",
        "duplicate": "It was refunded already",
        "other": "Another reason to decline, written below",
    },
    Answer.SENT_BACK: {
        "evidence-missing": "Evidence is missing",
        "payee-unclear": "The payee or the bank details are unclear",
        "amount-unclear": "The amount or its source is unclear",
        "consent-missing": "A consent or a signature is missing",
        "other": "Another question, written below",
    },
}


SCHEDULE_REASONS: Mapping[Answer, Mapping[str, str]] = {
    Answer.APPROVED: {
        "evidence-complete": "The evidence is complete",
        "other": "Another reason to approve, written below",
    },
    Answer.DECLINED: {
        "may-be-recovered": "The debts may still be recovered",
        "owner-may-be-found": "Whoever the credits belong to may still be found",
        "evidence-not-enough": "The evidence is not enough",
        "other": "Another reason to decline, written below",
    },
    Answer.SENT_BACK: {
        "evidence-missing": "Evidence is missing",
        "line-unclear": "A line is unclear",
        "other": "Another question, written below",
    },
}
"""For schedules of write-offs."""

_OF_ONE_KIND: Mapping[str, LineKind] = {"may-be-recovered": LineKind.WRITE_OFF, "owner-may-be-found": LineKind.CREDIT_WRITE_ON}
"""A debt that is put back is recovered because it may be, and a credit is no debt."""


def schedule_reasons(kind: LineKind) -> Mapping[Answer, Mapping[str, str]]:
    """The reasons that fit what a schedule is of, as the desk offers them."""
    return {answer: of_kind(words, kind) for answer, words in SCHEDULE_REASONS.items()}


def of_kind(words: Mapping[str, str], kind: LineKind) -> Mapping[str, str]:
    """Without the codes that fit another kind of line alone."""
    return {code: said for code, said in words.items() if _OF_ONE_KIND.get(code, kind) is kind}


class UnknownReason(ApprovalRule):
    """The reason is not one of those that go with the answer."""


class ExplanationMissing(ApprovalRule):
    """Saying no, asking, or another reason needs words."""


class NobodyAsked(ApprovalRule):
    """A question goes to a named person."""


def complaints_about(
    answer: Answer, reason_code: str, text: str, question_to: str | None, reasons: Mapping[Answer, Mapping[str, str]] = REASONS
) -> Iterator[ApprovalRule]:
    """All that is wrong with an answer as a form, in the order of its fields; `field` names the field of the form."""
    if reason_code not in reasons[answer]:
        yield UnknownReason(f"Choose a reason that goes with “{ANSWER_WORDS[answer].lower()}”.", field="reason_code")
    if (answer is not Answer.APPROVED or reason_code == "other") and not text.strip():
        yield ExplanationMissing(_WORDS_WANTED[answer], field="text")
    if answer is Answer.SENT_BACK and not question_to:
        yield NobodyAsked("Choose who shall answer the question.", field="question_to")


_WORDS_WANTED: Mapping[Answer, str] = {
    Answer.APPROVED: "Write down the reason.",
    Answer.DECLINED: "Explain why this is declined. The words are kept on the case.",
    Answer.SENT_BACK: "Write down the question.",
}
