"""Proposals: a debt to write off, a write-off to put back, or an unclaimed credit; with their evidence and what is still missing."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import DEBTS_FOR_WRITE_OFF, AccountLabel, DebtFacts, DebtsAsked, LineKind, PastWriteOff
from rentbook_contracts.notices import LETTERS, LetterFate, Letters, LettersAsked
from rentbook_contracts.people import MANAGERS
from rentbook_contracts.writeoffs import (
    ADD_PROOF,
    ENDINGS,
    HEARD_WHILE_LISTED,
    PROPOSAL_PAGE,
    PROPOSALS,
    PROPOSE,
    RECONSIDER_PROPOSAL,
    STRIKE_PROOF,
    WITHDRAW_PROPOSAL,
    AddProof,
    EvidenceKind,
    OrderKind,
    ProposalAsked,
    ProposalPage,
    ProposalRow,
    ProposalsAsked,
    ProposalStatus,
    Propose,
    Reason,
    ReconsiderProposal,
    StrikeProof,
    WithdrawProposal,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.scheduling import EXCEPTION_REASONS
from approvals.domain.tasks import Kind
from approvals.web.call_in import on_schedule
from approvals.web.forms import Form, read_offset, read_uuid
from approvals.web.made_of import made_of, pieces
from approvals.web.schedule_words import events_told
from approvals.web.visit import NoSuchPage, Visit
from approvals.web.wording import headline

PROPOSALS_A_PAGE = 100

LIES_IN_THE_FOLDER = timedelta(days=14)
"""How long a letter may lie in the letters folder, at most, until somebody posts it."""

ORDERS: Mapping[str, str] = {"oldest": "Oldest first", "reminded": "Reminded of, oldest first"}
"""How the list is read that is not newest first."""

PUTTING_BACK = (Reason.TRACED, Reason.PAYING, Reason.CHARGE_UNDONE, Reason.APPLIES_FOR_HOUSING)
WRITING_OFF = tuple(reason for reason in Reason if reason not in (*PUTTING_BACK, Reason.UNCLAIMED))
REASONS: Mapping[LineKind, tuple[Reason, ...]] = {
    LineKind.WRITE_OFF: WRITING_OFF,
    LineKind.REINSTATEMENT: PUTTING_BACK,
    LineKind.CREDIT_WRITE_ON: (Reason.UNCLAIMED,),
}
"""Which reasons are offered for what; writeoffs holds every proposal to the same."""

TITLES: Mapping[LineKind, str] = {
    LineKind.WRITE_OFF: "Propose to write off this debt",
    LineKind.REINSTATEMENT: "Propose to put a write-off back",
    LineKind.CREDIT_WRITE_ON: "Propose to take this credit to income",
}

BY_AN_ORDER = frozenset({Reason.BANKRUPTCY, Reason.DEBT_RELIEF_ORDER, Reason.VOLUNTARY_ARRANGEMENT})

LISTED: Mapping[str, str] = {"yes": "Yes", "no": "No"}

OPEN = frozenset({ProposalStatus.GATHERING, ProposalStatus.BLOCKED, ProposalStatus.READY})
"""Where a proposal stands while any evidence may be added, and it may be withdrawn."""


def choices(of: tuple[Reason, ...] | type[StrEnum]) -> list[tuple[str, str]]:
    """Codes with their words, for a select."""
    return [(one.value, headline(one)) for one in of]


async def ask(visit: Visit) -> Response:
    """The form of a proposal: what kind it is follows from the account, or from the write-off that is to be put back."""
    return await _ask(visit, Form(values=dict(visit.request.query_params)))


async def propose(visit: Visit) -> Response:
    """Make the proposal. Whoever does so decides nothing about it."""
    form = await visit.sent()
    kind = _kind_sent(form)
    reason = form.one_of("reason", {one.value: "" for one in REASONS[kind]}, "Choose the reason")
    note = form.text("note")
    amount = form.pence("amount", "What is put back") if kind is LineKind.REINSTATEMENT else None
    if not form.errors:
        asked = Propose(
            kind=kind,
            account=visit.request.path_params["account"],
            reason=Reason(reason),
            note=note,
            undoes=read_uuid(form.value("undoes")),
            amount_pence=amount,
        )
        try:
            made = await visit.command(PROPOSE, asked, form)
            return visit.go(f"/write-offs/{made.proposal}", done="write-off-proposed")
        except Refused as refused:
            form.wrong(refused.message, {"reason": "reason", "amount_pence": "amount"}.get(refused.field or ""))
    return await _ask(visit, form)


async def listed(visit: Visit) -> Response:
    """Proposals, newest first or in another order, with filters; those that are ready may be ticked for a schedule."""
    return await proposals_page(visit, Form(values=dict(visit.request.query_params)))


async def proposals_page(visit: Visit, form: Form) -> Response:
    """The list, with the filters that `form` carries."""
    asked = asked_by(form)
    found = await visit.ask_or_name(PROPOSALS, asked, "the list of proposals")
    return visit.show(
        "proposals.html",
        "Proposals to write off",
        form=form,
        found=found,
        asked=asked,
        labels=await visit.account_labels(row.account for row in found.proposals) if found else {},
        names=await visit.names(),
        kinds=choices(LineKind),
        statuses=choices(ProposalStatus),
        reasons=choices(Reason),
        orders=list(ORDERS.items()),
        ticks=visit.person.may_work_on_write_offs and found is not None and any(map(_ready, found.proposals)),
    )


def _ready(row: ProposalRow) -> bool:
    return row.status is ProposalStatus.READY


def asked_by(form: Form) -> ProposalsAsked:
    """The list that filters name. A word that is no filter narrows nothing."""
    status, reason, kind = form.value("status"), form.value("reason"), form.value("kind")
    return ProposalsAsked(
        kind=LineKind(kind) if kind in set(LineKind) else None,
        statuses=(ProposalStatus(status),) if status in set(ProposalStatus) else (),
        reason=Reason(reason) if reason in set(Reason) else None,
        account=read_uuid(form.value("account")),
        reminded=form.value("order") == "reminded",
        oldest_first=form.value("order") in ORDERS,
        offset=read_offset(form.value("offset")),
        limit=PROPOSALS_A_PAGE,
    )


async def show(visit: Visit) -> Response:
    """One proposal: what is there, what is missing, what blocks it, and what would post."""
    return await _page(visit, Form())


async def add_proof(visit: Visit) -> Response:
    """Evidence, dated by what it shows. Whoever brings it decides nothing about the proposal."""
    form = await visit.sent()
    kind = form.one_of("proof", {one.value: "" for one in EvidenceKind}, "Choose what it shows")
    on = form.day("proof_on", "the day of what it shows", needed=True)
    if on and on > visit.today:
        form.wrong("Evidence can’t be of a day after today", "proof_on")
    source, reference = form.text("source", longest=120), form.text("reference", longest=120)
    note = form.text("proof_note")
    of_order = kind == EvidenceKind.INSOLVENCY_ORDER
    order_kind = form.one_of("order_kind", {one.value: "" for one in OrderKind}, "Choose what the order is") if of_order else ""
    listed = form.one_of("listed", LISTED, "Say whether this debt is listed in the order") if of_order else ""
    if form.errors or on is None:
        return await _page(visit, form)
    asked = AddProof(
        proposal=_proposal(visit),
        kind=EvidenceKind(kind),
        on=on,
        source=source,
        reference=reference,
        note=note,
        person=read_uuid(form.value("proof_of")),
        order_kind=OrderKind(order_kind) if of_order else None,
        listed=listed == "yes" if of_order else None,
    )
    return await _done(visit, form, lambda: visit.command(ADD_PROOF, asked, form), "proof")


async def strike(visit: Visit) -> Response:
    """Say that a piece of evidence was entered in error. It stays to be read, and counts for nothing."""
    form = await visit.sent()
    proof: UUID = visit.request.path_params["proof"]
    because = form.text(f"because-{proof}", needed="Write down why it is struck")
    asked = StrikeProof(proof=proof, because=because or "-")
    return await _done(visit, form, lambda: visit.command(STRIKE_PROOF, asked, form), "struck")


async def reconsider(visit: Visit) -> Response:
    """Go on with the balance as it is now."""
    form = await visit.sent()
    note = form.text("reconsider_note", needed="Write down why the proposal goes on")
    asked = ReconsiderProposal(proposal=_proposal(visit), note=note or "-")
    return await _done(visit, form, lambda: visit.command(RECONSIDER_PROPOSAL, asked, form), "reconsidered")


async def withdraw(visit: Visit) -> Response:
    """Take the proposal back. Its record stays."""
    form = await visit.sent()
    note = form.text("withdraw_note", needed="Write down why it is withdrawn")
    asked = WithdrawProposal(proposal=_proposal(visit), note=note or "-")
    return await _done(visit, form, lambda: visit.command(WITHDRAW_PROPOSAL, asked, form), "proposal-withdrawn")


async def decides(visit: Visit, band_pence: int) -> tuple[str, ...]:
    """Whom a schedule with this highest debtor's total would be put to, one after the other; none where that is not known."""
    return await visit.own(lambda tx: queries.who_decides(tx, Kind.WRITE_OFF, band_pence)) if band_pence else ()


async def debt_of(visit: Visit, account: UUID) -> DebtFacts:
    """What the ledger knows of a debt. Errors: NoSuchPage."""
    read = await visit.ask(DEBTS_FOR_WRITE_OFF, DebtsAsked(accounts=(account,)))
    if not read.debts:
        raise NoSuchPage("There is no such tenant’s account.")
    return read.debts[0]


async def _ask(visit: Visit, form: Form) -> Response:
    account: UUID = visit.request.path_params["account"]
    facts = await debt_of(visit, account)
    undoes = read_uuid(form.value("undoes"))
    past = next((one for one in facts.write_offs if one.journal == undoes), None)
    if undoes is not None and past is None:
        raise NoSuchPage("There is no such write-off on this account.")
    kind = _kind_of(facts, past)
    total_pence = facts.credits_total_pence if kind is LineKind.CREDIT_WRITE_ON else facts.debtor_total_pence
    counts = made_of(kind, facts) if past is None else []
    still_open = ProposalsAsked(account=account, statuses=(*sorted(OPEN), ProposalStatus.ON_SCHEDULE), limit=1)
    found = await visit.ask_or_name(PROPOSALS, still_open, "whether a proposal is open already")
    return visit.show(
        "propose.html",
        TITLES[kind],
        form=form,
        open_one=found.proposals[0] if found and found.proposals else None,
        account=account,
        facts=facts,
        past=past,
        kind=kind.value,
        total_pence=total_pence,
        decides=await decides(visit, total_pence) if past is None else (),
        reasons=choices(REASONS[kind]),
        made_of=counts,
        labels=await visit.account_labels((account, *(one.account for one in counts))),
    )


def _kind_sent(form: Form) -> LineKind:
    """What the hidden field says; a word that is no kind is an error of the form as a whole, for nobody sees that field."""
    sent = form.value("kind") or LineKind.WRITE_OFF.value
    if sent not in set(LineKind):
        form.wrong("This form has been changed on its way. Open the account again and start anew.")
        return LineKind.WRITE_OFF
    return LineKind(sent)


def _kind_of(facts: DebtFacts, past: PastWriteOff | None) -> LineKind:
    if past is not None:
        return LineKind.REINSTATEMENT
    return LineKind.CREDIT_WRITE_ON if facts.balance_pence < 0 else LineKind.WRITE_OFF


async def _page(visit: Visit, form: Form) -> Response:
    page, letters = await gather(
        visit.ask(PROPOSAL_PAGE, ProposalAsked(proposal=_proposal(visit))),
        _letters(visit),
    )
    closed = page.status not in {*OPEN, ProposalStatus.ON_SCHEDULE}
    counts = [] if closed else pieces(page.kind, page.account, page.owed_pence, page.linked, page.lately)
    labels = await visit.account_labels((page.account, *(one.account for one in counts)))
    return visit.show(
        "proposal.html",
        f"{headline(page.kind)}: {headline(page.reason).lower()}",
        form=form,
        page=page,
        # Of an open write-off what goes stands among all that is owed; of what is closed, or comes back, in a table of its own.
        marked=frozenset((one.journal, one.element) for one in page.goes)
        if page.kind is LineKind.WRITE_OFF and not closed
        else frozenset(),
        letters=letters,
        asks_for_it=_asks_for_what_is_gone(page, letters, visit.now),
        made_of=counts,
        labels=labels,
        tenants=_tenants(labels.get(page.account)),
        names=await visit.names(),
        evidence=_evidence(page, visit.person.has(*MANAGERS)),
        order_kinds=choices(OrderKind),
        listed=list(LISTED.items()),
        about_orders=page.kind is LineKind.REINSTATEMENT or page.reason in BY_AN_ORDER,
        strikes=visit.person.may_work_on_write_offs,
        wants_a_manager=not visit.person.has(*MANAGERS)
        and any(not rung.met and EvidenceKind.MANAGER_NOTE in rung.shown_by for rung in page.ladder),
        complete=not page.blocked and all(rung.met for rung in page.ladder),
        story=events_told(page.events),
        stands=await on_schedule(visit, page.schedule) if page.schedule and page.status is ProposalStatus.ON_SCHEDULE else None,
        exception_words=EXCEPTION_REASONS,
        left_out=await visit.own(lambda tx: queries.left_out_lately(tx, page.proposal)) if page.left_out else None,
        open=page.status in OPEN and visit.person.may_work_on_write_offs,
        decides=await decides(visit, page.debtor_total_pence) if page.status in OPEN else (),
        hears=page.status is ProposalStatus.ON_SCHEDULE and visit.person.may_work_on_write_offs,
        hears_endings=_hears_endings(page) and visit.person.may_work_on_write_offs,
    )


async def _letters(visit: Visit) -> Letters | None:
    """For whoever reads letters. What was sent stands among the evidence too, for everybody."""
    if not visit.person.reads_accounts:
        return None
    return await visit.ask_or_name(LETTERS, LettersAsked(case=_proposal(visit)), "the list of letters")


def _asks_for_what_is_gone(page: ProposalPage, letters: Letters | None, now: datetime) -> bool:
    """A letter about the debt may lie in the letters folder still, to be posted, and the debt was written off. A credit that
    was taken to income is still the person's, and a letter on that is still true.
    """
    if page.status is not ProposalStatus.POSTED or page.kind is not LineKind.WRITE_OFF or letters is None:
        return False
    lately = [one for one in letters.letters if one.sent_at is not None and now - one.sent_at < LIES_IN_THE_FOLDER]
    return any(one.fate is LetterFate.SENT and one.sent_how == "folder" for one in lately)


def _hears_endings(page: ProposalPage) -> bool:
    """It was posted with an order at hand, which may yet be taken back."""
    orders = [proof for proof in page.proofs if proof.kind is EvidenceKind.INSOLVENCY_ORDER and proof.struck is None]
    return page.status is ProposalStatus.POSTED and bool(orders)


def _evidence(page: ProposalPage, is_manager: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """What evidence may show, in groups: first what the reason asks for, then what else may come; while it is listed, what was heard.

    A manager's note is a manager's.
    """
    if page.status is ProposalStatus.ON_SCHEDULE:
        return [("Taken while it is listed", [(kind.value, headline(kind)) for kind in HEARD_WHILE_LISTED])]
    if _hears_endings(page):
        return [("Taken after it was posted", [(kind.value, headline(kind)) for kind in ENDINGS])]
    asked = dict.fromkeys(kind for rung in page.ladder for kind in rung.shown_by)
    if page.reason is Reason.STATUTE_BARRED:
        asked |= dict.fromkeys((EvidenceKind.SIGNED_ACKNOWLEDGMENT, EvidenceKind.COURT_ACTION))
    theirs = [kind for kind in EvidenceKind if is_manager or kind is not EvidenceKind.MANAGER_NOTE]
    groups = (
        ("Asked for here", [kind for kind in asked if kind in theirs]),
        ("Anything else", [kind for kind in theirs if kind not in asked]),
    )
    return [(words, [(kind.value, headline(kind)) for kind in kinds]) for words, kinds in groups if kinds]


def _tenants(label: AccountLabel | None) -> list[tuple[str, str]]:
    """The tenants of an account, as a form offers them; nobody where the ledger does not answer."""
    return [(str(person), name) for person, name in zip(label.people, label.names, strict=False)] if label else []


def _proposal(visit: Visit) -> UUID:
    proposal: UUID = visit.request.path_params["proposal"]
    return proposal


_FIELDS = {
    "kind": "proof", "on": "proof_on", "person": "proof_of", "reference": "reference", "order_kind": "order_kind", "listed": "listed",
}  # fmt: skip
"""The field of the form beside which stands what writeoffs refuses."""


async def _done(visit: Visit, form: Form, change: Callable[[], Awaitable[object]], done: str) -> Response:
    """Have it changed where the form has no errors; else, and where it is refused, the page again with what was typed."""
    if not form.errors:
        try:
            await change()
            return visit.go(f"/write-offs/{_proposal(visit)}", done=done)
        except Refused as refused:
            form.wrong(
                refused.message,
                _FIELDS.get(refused.field or ""),
            )
    return await _page(visit, form)
