"""Refund cases: asked for by a tenant, checked, shown whole, and helped on with evidence."""

import base64
from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import ACCOUNT_PAGE, AccountHold, AccountPage, AccountPageAsked
from rentbook_contracts.notices import LETTERS, SEND_LETTER_AGAIN, LettersAsked, SendLetterAgain
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.refunds import (
    ADD_EVIDENCE,
    CASE_PAGE,
    CASES,
    CHANGE_PAYEE,
    EVIDENCE_DOCUMENT_LIMIT_BYTES,
    REQUEST_REFUND,
    RESUBMIT,
    RUN_PAGE,
    WITHDRAW_CASE,
    AddEvidence,
    AskedAs,
    CaseAsked,
    CasePage,
    CasesAsked,
    CaseStatus,
    ChangePayee,
    CheckOutcome,
    CheckShown,
    EvidenceKind,
    NewPayee,
    RequestRefund,
    Resubmit,
    RunAsked,
    RunPage,
    WithdrawCase,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.eligibility import Part
from approvals.domain.forms import TakePart
from approvals.use_cases.add_participant import add_participant
from approvals.web.carried import fetch
from approvals.web.forms import Form, digits, read_uuid
from approvals.web.story import story
from approvals.web.visit import NoSuchPage, Visit, note_refusal
from approvals.web.wording import headline, listed, lower_first, pounds, size


@dataclass(frozen=True)
class Closing:
    """What ended a case: a decision, or else its closing."""

    at: datetime
    decided: bool


CASES_A_PAGE = 50
ENTRIES_BESIDE = 8

IDENTIFIED: Mapping[str, str] = {
    "phone-questions": "On the phone: name, address and date of birth agree with the tenancy",
    "photo-id": "In person: photo identity document seen",
    "signed-letter": "By letter: signature compared with the tenancy file",
    "online-account": "Through the tenant’s own online account",
    "estate-documents": "By the will, the grant or the death certificate, seen with photo identity",
    "authority": "A person with written authority or power of attorney, document seen",
}

OF_THE_ESTATE = ("estate-documents", "photo-id")
"""How somebody who acts for an estate is known: what a tenant would answer, or sign, says nothing of them."""

ASKED_AS: Mapping[str, str] = {
    AskedAs.TENANT: "The tenant, who is alive",
    AskedAs.EXECUTOR: "An executor, named in the will",
    AskedAs.ADMINISTRATOR: "An administrator, by letters of administration",
    AskedAs.NEXT_OF_KIN: "The next of kin, for a small estate without a grant",
}

REASONS: Mapping[str, str] = {
    "overpaid": "Paid too much",
    "paid-twice": "Paid twice",
    "tenancy-ended": "Tenancy ended in credit",
    "benefit-backdated": "Benefit or Universal Credit was backdated",
    "charge-corrected": "A charge was corrected",
    "hardship": "Needs the money: hardship",
    "other": "Another reason, in the note",
}

EVIDENCE: Mapping[str, str] = {
    EvidenceKind.BENEFIT_ANSWER: "Answer of Housing Benefit or DWP",
    EvidenceKind.BANK_STATEMENT: "Bank statement",
    EvidenceKind.JOINT_CONSENT: "Signed consent of every joint tenant",
    EvidenceKind.CONSENT: "Consent to pay the other debts",
    EvidenceKind.OPT_OUT: "Refusal to pay the other debts",
    EvidenceKind.OPT_OUT_NOTICE: "Notice that the other debts will be paid, served on this day",
    EvidenceKind.IDENTITY: "Proof of identity",
    EvidenceKind.AUTHORITY: "Power of attorney, deputyship or letter of authority",
    EvidenceKind.GRANT_OF_PROBATE: "Grant of probate",
    EvidenceKind.SMALL_ESTATE_INDEMNITY: "Indemnity for a small estate",
    EvidenceKind.KEYS_RETURNED: "Keys returned, inspection done",
    EvidenceKind.FORWARDING_ADDRESS: "Forwarding address",
    EvidenceKind.TRUSTEE_ANSWER: "Answer of the trustee in insolvency",
    EvidenceKind.LEGAL_ANSWER: "Answer of legal services: the dispute has ended",
    EvidenceKind.FINAL_CHARGES: "Final charges posted, recharges inspected",
    EvidenceKind.TENANT_ASKED: "The tenant’s own request in writing",
    EvidenceKind.CARD_REFUND: "The card part went back to the card",
    EvidenceKind.CALL_BACK: "Call-back to the tenant on a known number",
    EvidenceKind.COURT_ORDER: "Court or Ombudsman’s order",
    EvidenceKind.STAFF_CONFLICT: "Connection with a member of staff",
    EvidenceKind.OTHER: "Another document",
}
"""Each kind of evidence in words."""

DOCUMENT_TYPES: Mapping[str, str] = {"pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg"}
"""By the ending of a document's address."""

FIELDS = frozenset(
    {
        "asked_by",
        "asked_as",
        "identified_how",
        "reason_code",
        "amount",
        "payee_of",
        "payee_name",
        "sort_code",
        "account_number",
        "received_on",
    }
    | {"account", "check", "kind", "document"}
)
"""The fields, by name, that an owner's refusal may lead to."""

THIRD_PARTY = "third-party"

FINISHED = frozenset({CaseStatus.PAID, CaseStatus.OFFSET, CaseStatus.NOTHING_DUE, CaseStatus.DECLINED, CaseStatus.WITHDRAWN})
PAST_CHANGING = FINISHED | {CaseStatus.RELEASED, CaseStatus.WITH_BANK}


async def list_cases(visit: Visit) -> Response:
    """Cases page by page, narrowed by where they stand and by who took the request."""
    form = Form(values=dict(visit.request.query_params))
    asked = CasesAsked(
        statuses=tuple(one for one in CaseStatus if one == form.value("status")),
        taken_by=visit.person.subject if form.value("taken") == "me" else None,
        oldest_first=form.value("order") == "oldest",
        offset=visit.offset,
        limit=CASES_A_PAGE,
    )
    found = await visit.ask(CASES, asked)
    labels = await visit.account_labels(case.account for case in found.cases)
    return visit.show(
        "cases.html",
        "Refund cases",
        form=form,
        asked=asked,
        found=found,
        labels=labels,
        names=await visit.names(),
        statuses=[(status.value, "Paid, or on its way" if status is CaseStatus.PAID else headline(status)) for status in CaseStatus],
    )


async def ask_refund(visit: Visit) -> Response:
    """The form on which an officer takes a tenant's request."""
    account: UUID = visit.request.path_params["account"]
    return await _request_page(visit, account, Form(values={"amount_is": "all"}))


async def take_refund(visit: Visit) -> Response:
    """Take the request: the case opens and its checks begin."""
    account: UUID = visit.request.path_params["account"]
    form = await visit.sent()
    page = await visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
    wanted = _requested(form, page)
    if wanted is None:
        return await _request_page(visit, account, form)
    try:
        opened = await visit.command(REQUEST_REFUND, wanted, form)
    except Refused as refused:
        note_refusal(form, refused, FIELDS)
        return await _request_page(visit, account, form)
    # Four eyes hears of it from here at once; the workflow tells the same when it opens a task.
    await visit.change(lambda tx: add_participant(tx, TakePart(opened.case, Part.RAISED)), form)
    return visit.go(f"/cases/{opened.case}", done="requested")


async def show(visit: Visit) -> Response:
    """One case, whole."""
    return await _case_page(visit, visit.request.path_params["case"], Form())


async def add_evidence(visit: Visit) -> Response:
    """Add a document or an answer to a check. Whoever does becomes a participant, and decides the case no more."""
    form = await visit.sent()
    case: UUID = visit.request.path_params["case"]
    check = form.one_of("check", {str(number): "" for number in range(1, 11)}, "Choose the check that this is evidence for")
    kind = form.one_of("kind", EVIDENCE, "Choose what kind of document it is")
    settles = form.one_of("settles", {"yes": "", "no": ""}, "Say whether this settles the check")
    received = form.day("received_on", "the day on which it came", needed=True)
    if received and received > visit.today:
        form.wrong("The day on which it came can’t be in the future", "received_on")
    if not form.errors:
        _fits(form, (await visit.ask(CASE_PAGE, CaseAsked(case=case))).checks, check, kind, settles)
    reference, note = form.text("reference", longest=120), form.text("note")
    document = await _sent_document(visit, form)
    if form.errors or received is None:
        return await _case_page(visit, case, form)
    evidence = AddEvidence(
        case=case, check=int(check), kind=EvidenceKind(kind), reference=reference, note=note, settles=settles == "yes",
        received_on=received, document=document,
    )  # fmt: skip
    return await _taking_part(visit, form, case, Part.EVIDENCE, "evidence", lambda: visit.command(ADD_EVIDENCE, evidence, form))


async def _sent_document(visit: Visit, form: Form) -> bytes | None:
    """The document as it came, for AddEvidence, which carries it in base64. Whether it is one is for refunds to judge by its bytes."""
    sent = await visit.upload("document")
    if sent is None:
        return None
    if not sent.size or sent.size > EVIDENCE_DOCUMENT_LIMIT_BYTES:
        most = f"{EVIDENCE_DOCUMENT_LIMIT_BYTES // 1_000_000} MB"
        form.wrong(f"The document has {size(sent.size or 0)}; it must have something in it, and at most {most}", "document")
        return None
    return base64.b64encode(await sent.read())


async def document(visit: Visit) -> Response:
    """The document of an evidence, to be saved; refunds says who may."""
    wanted: UUID = visit.request.path_params["document"]
    ending: str = visit.request.path_params["ending"]
    if ending not in DOCUMENT_TYPES:
        raise NoSuchPage("This document is not here.")
    return await fetch(
        visit,
        "refunds",
        f"/documents/{wanted}",
        missing="this document",
        name=f"document-{wanted}.{ending}",
        media_type=DOCUMENT_TYPES[ending],
        inline=False,
    )


def _fits(form: Form, checks: Sequence[CheckShown], check: str, kind: str, settles: str) -> None:
    """Said before the person takes part in the case; refunds, whose rule it is, says the same to whoever asks without this form."""
    if form.errors or settles != "yes":
        return
    fitting = next((shown.settled_by for shown in checks if shown.check == int(check)), ())
    if not fitting:
        form.wrong("No document settles this check: it rests on the figures of the account and of policy", "check")
    elif kind not in fitting:
        words = listed([lower_first(EVIDENCE[one]) for one in fitting], "or")
        form.wrong(f"This does not settle check {check}. What does: {words}", "kind")


async def change_payee(visit: Visit) -> Response:
    """Enter other bank details. Whoever does becomes a participant; the bank checks run again."""
    form = await visit.sent()
    case: UUID = visit.request.path_params["case"]
    payee = _payee(form)
    if payee is None:
        return await _case_page(visit, case, form)
    change = ChangePayee(case=case, payee=payee, called_back=form.value("called_back") == "yes")
    return await _taking_part(visit, form, case, Part.PAYEE, "payee", lambda: visit.command(CHANGE_PAYEE, change, form))


async def resubmit(visit: Visit) -> Response:
    """Answer the question with which the case was sent back."""
    form = await visit.sent()
    case: UUID = visit.request.path_params["case"]
    note = form.text("answer_note", needed="Write down the answer to the question")
    if form.errors:
        return await _case_page(visit, case, form)
    again = Resubmit(case=case, note=note)
    return await _taking_part(visit, form, case, Part.RESUBMITTED, "resubmitted", lambda: visit.command(RESUBMIT, again, form))


async def withdraw(visit: Visit) -> Response:
    """The tenant takes the request back. The record stays."""
    form = await visit.sent()
    case: UUID = visit.request.path_params["case"]
    note = form.text("withdraw_note", needed="Write down why the request is withdrawn")
    if form.errors:
        return await _case_page(visit, case, form)
    wanted = WithdrawCase(case=case, note=note)
    return await _taking_part(visit, form, case, Part.WITHDREW, "withdrawn", lambda: visit.command(WITHDRAW_CASE, wanted, form))


async def send_letter_again(visit: Visit) -> Response:
    """Have a letter about the case go out once more, as it is. It makes nobody a participant."""
    form = await visit.sent()
    case: UUID = visit.request.path_params["case"]
    try:
        await visit.command(SEND_LETTER_AGAIN, SendLetterAgain(letter=visit.request.path_params["letter"]), form)
    except Refused as refused:
        note_refusal(form, refused)
        return await _case_page(visit, case, form)
    return visit.go(f"/cases/{case}", done="letter-again")


async def _taking_part(visit: Visit, form: Form, case: UUID, part: Part, done: str, forward: Callable[[], Awaitable[object]]) -> Response:
    """Enter the person among the participants, commit, and only then have the owner change the case.

    In this order nobody changes a case unseen by four eyes; the other way round a crash in between would allow it. Of a case that refunds
    does not know nobody is a participant. Errors: as of the case's page.
    """
    await visit.ask(CASE_PAGE, CaseAsked(case=case))
    try:
        await visit.change(lambda tx: add_participant(tx, TakePart(case, part)), form)
        await forward()
    except BrokenRule as refused:
        note_refusal(form, refused, FIELDS)
        return await _case_page(visit, case, form)
    return visit.go(f"/cases/{case}", done=done)


def _payee(form: Form) -> NewPayee | None:
    """The payee's details as typed, judged here only for their form; the modulus and the name are for refunds and the bank to judge."""
    belongs = form.value("payee_of")
    person = read_uuid(belongs)
    if person is None and belongs != THIRD_PARTY:
        form.wrong("Choose whose bank account it is", "payee_of")
    name = form.text("payee_name", needed="Enter the name on the bank account", longest=120)
    sort_code, number = digits(form.value("sort_code")), digits(form.value("account_number"))
    if not sort_code:
        form.wrong("Enter the sort code", "sort_code")
    elif not (sort_code.isdecimal() and sort_code.isascii() and len(sort_code) == 6):
        form.wrong("The sort code must have 6 digits, like 08-99-99", "sort_code")
    if not number:
        form.wrong("Enter the account number", "account_number")
    elif not (number.isdecimal() and number.isascii() and 6 <= len(number) <= 8):
        form.wrong("The account number must have 6 to 8 digits", "account_number")
    if form.errors:
        return None
    return NewPayee(name=name, sort_code=sort_code, account_number=number, person=person, business=form.value("business") == "yes")


def _requested(form: Form, page: AccountPage) -> RequestRefund | None:
    people = {str(tenant.person): tenant.name for tenant in page.tenants}
    asked_by = form.one_of("asked_by", people, "Choose who asks")
    asked_as = _asked_as(form, page)
    identified = form.one_of("identified_how", IDENTIFIED, "Choose how you know that it is them")
    if asked_as is not AskedAs.TENANT and identified and identified not in OF_THE_ESTATE:
        form.wrong("Who acts for an estate is known by its documents or by photo identity", "identified_how")
    reason = form.one_of("reason_code", REASONS, "Choose the reason")
    amount_is = form.one_of("amount_is", {"all": "", "some": ""}, "Choose how much is asked for")
    amount = form.pence("amount", "The amount") if amount_is == "some" else None
    if amount_is == "some" and amount is None and not form.error("amount"):
        form.wrong("Enter the amount that is asked for", "amount")
    credit = max(0, page.written_on_pence - page.balance_pence)
    if amount is not None and amount > credit:
        form.wrong(f"The amount must not be more than the credit on the account, {pounds(credit)}", "amount")
    note = form.text("note")
    payee = _payee(form)
    debts = {label.account: label for label in (*page.sub_accounts, *page.other_accounts) if label.balance_pence > 0}
    answers = {debt: form.value(f"debt-{debt}") for debt in debts}
    for debt, answer in answers.items():
        if answer not in ("consent", "opted-out", "not-asked"):
            named = f"{lower_first(headline(debts[debt].kind))} {debts[debt].reference}"
            form.wrong(f"Choose what the tenant says to paying {named} from the credit", f"debt-{debt}")
    if form.errors or payee is None:
        return None
    return RequestRefund(
        account=page.label.account,
        asked_by=UUID(asked_by),
        identified_how=IDENTIFIED[identified],
        amount_pence=amount,
        reason_code=reason,
        consents=tuple(debt for debt, answer in answers.items() if answer == "consent"),
        opted_out=tuple(debt for debt, answer in answers.items() if answer == "opted-out"),
        joint_consent=form.value("joint_consent") == "yes",
        payee=payee,
        note=note,
        asked_as=asked_as,
    )


def _asked_as(form: Form, page: AccountPage) -> AskedAs:
    """The dead ask for nothing (domain.md 4, check 6): where a tenant has died, the form asks in whose part somebody speaks."""
    died = {str(tenant.person): tenant for tenant in page.tenants if tenant.died_on}
    held = AccountHold.DECEASED in page.account_holds
    if not died and not held:
        return AskedAs.TENANT
    chosen = form.one_of("asked_as", ASKED_AS, "Choose who it is that asks: a tenant has died")
    if not chosen:
        return AskedAs.TENANT
    asked_by = form.value("asked_by")
    if chosen == AskedAs.TENANT and (asked_by in died or (held and len(page.tenants) == 1)):
        form.wrong("This tenant has died. Choose who acts for the estate", "asked_as")
    if chosen != AskedAs.TENANT and asked_by and asked_by not in died and not held:
        form.wrong("Nothing says that this tenant has died. Choose the one who has", "asked_by")
    return AskedAs(chosen)


def _why_no_request(page: AccountPage) -> str | None:
    """Why refunds would refuse any request on this account as it stands; None where it would take one.

    A credit that went to income counts: it is put back first (domain.md 4).
    """
    if page.cleared_credit_pence or (page.written_on_pence and page.written_on_pence > page.balance_pence):
        return None
    if page.balance_pence > 0:
        return f"The account is {pounds(page.balance_pence)} behind: there is no credit to refund."
    if page.balance_pence == 0:
        return "Nothing is owed on the account and nothing is in credit: there is nothing to refund."
    waits = ((page.uncleared_pence, "has not cleared yet"), (page.held_pence, "is set aside for another case"))
    why = " and ".join(f"{pounds(pence)} {words}" for pence, words in waits if pence)
    return f"The account is {pounds(-page.balance_pence)} in credit, but {why}: there is nothing to refund today."


async def _request_page(visit: Visit, account: UUID, form: Form) -> Response:
    page, cases = await gather(
        visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=ENTRIES_BESIDE)),
        visit.ask_or_name(CASES, CasesAsked(account=account), "the list of earlier refund cases"),
    )
    debts = [label for label in (*page.sub_accounts, *page.other_accounts) if label.balance_pence > 0]
    held = AccountHold.DECEASED in page.account_holds
    estate = held or any(tenant.died_on for tenant in page.tenants)
    return visit.show(
        "request.html",
        "Take a refund request",
        form=form,
        page=page,
        debts=debts,
        cases=cases,
        identified={key: words for key, words in IDENTIFIED.items() if estate or key != "estate-documents"},
        asked_as=list(ASKED_AS.items()),
        deceased_hold=held,
        reasons=REASONS,
        third_party=THIRD_PARTY,
        no_request=_why_no_request(page),
        open_cases=[case for case in cases.cases if case.status not in FINISHED] if cases else [],
        names=await visit.names(),
    )


async def _case_page(visit: Visit, case: UUID, form: Form) -> Response:
    page = await visit.ask(CASE_PAGE, CaseAsked(case=case))
    account, letters, run, tasks, participants, names = await gather(
        visit.ask_or_name(ACCOUNT_PAGE, AccountPageAsked(account=page.account, limit=ENTRIES_BESIDE), "the account beside the case"),
        visit.ask_or_name(LETTERS, LettersAsked(case=case), "the list of letters"),
        _run(visit, page),
        visit.own(lambda tx: queries.tasks_of_case(tx, case)),
        visit.own(lambda tx: queries.participants_of(tx, case)),
        visit.names(),
    )
    history = await visit.own(lambda tx: queries.history_of_case(tx, case))
    labels = await visit.account_labels(_accounts_named(page))
    unsettled = [check for check in page.checks if check.outcome in (CheckOutcome.REFER, CheckOutcome.FAIL)]
    return visit.show(
        "case.html",
        "Refund case",
        form=form,
        page=page,
        account=account,
        letters=letters,
        run=run,
        tasks=tasks,
        decisions=list(reversed(history.decisions)),
        story=story(history, page),
        participants=participants,
        names=names,
        labels=labels,
        unsettled=unsettled,
        evidence_kinds=EVIDENCE,
        document_limit=EVIDENCE_DOCUMENT_LIMIT_BYTES,
        reasons=REASONS,
        third_party=THIRD_PARTY,
        changeable=visit.person.may_handle_cases and page.status not in PAST_CHANGING,
        finished=page.status in FINISHED,
        closing=closing_of(page, history.decisions),
    )


def closing_of(page: CasePage, decisions: Sequence[queries.DecisionShown]) -> Closing | None:
    """What ended a case that is closed: the last decision that stood, else its last event. None while it goes on."""
    if page.status not in FINISHED:
        return None
    stood = [made.decided_at for made in decisions if made.recalled_at is None and made.answer is not Answer.SENT_BACK]
    if stood:
        return Closing(max(stood), decided=True)
    return Closing(max(event.at for event in page.events), decided=False) if page.events else None


async def _run(visit: Visit, page: CasePage) -> RunPage | None:
    """The payment run that carries the refund, where one does."""
    return await visit.ask_or_name(RUN_PAGE, RunAsked(run=page.run), "the payment run") if page.run else None


def _accounts_named(page: CasePage) -> list[UUID]:
    offsets = [offset.account for offset in page.plan.offsets] if page.plan else []
    return [page.account, *offsets, *page.consents, *page.opted_out]
