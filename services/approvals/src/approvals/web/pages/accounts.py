"""Rent accounts: found, read, and explained down to the file line, the person and the approval."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import (
    ACCOUNT_PAGE,
    DEBTS_FOR_WRITE_OFF,
    EXPLAIN_BALANCE,
    SEARCH_ACCOUNTS,
    AccountHold,
    AccountPage,
    AccountPageAsked,
    Addressee,
    BreathingSpaceKind,
    DebtsAsked,
    Entry,
    EntryKind,
    ExplainBalance,
    PlanRhythm,
    SearchAccounts,
)
from rentbook_contracts.notices import LETTERS, LettersAsked
from rentbook_contracts.refunds import CASES, CasesAsked, CaseStatus
from rentbook_contracts.words import isolated
from rentbook_contracts.writeoffs import PROPOSALS, ProposalRow, ProposalsAsked, ProposalStatus
from starlette.responses import Response

from approvals import queries
from approvals.domain.forms import NOT_IDENTIFIED
from approvals.web.call_in import OnSchedule, on_schedule
from approvals.web.chart import balance_chart
from approvals.web.entries_csv import as_csv
from approvals.web.forms import Form, read_uuid
from approvals.web.pages.cases import FINISHED, IDENTIFIED
from approvals.web.pages.write_offs import OPEN
from approvals.web.visit import Visit
from approvals.web.wording import headline

ENTRIES_A_PAGE = 50
EXPORTED_AT_ONCE = 500

HOLDS = [(hold.value, headline(hold)) for hold in AccountHold]

BREATHING_SPACES: dict[str, str] = {BreathingSpaceKind.STANDARD: "Standard", BreathingSpaceKind.MENTAL_HEALTH: "Mental health crisis"}

CONTACT_HOW = {
    "they-called": "They rang",
    "we-called": "We rang them",
    "office": "At the office",
    "visit": "A visit at home",
    "letter": "By letter or e-mail",
}

CONTACT_IDENTIFIED = {
    **{key: words for key, words in IDENTIFIED.items() if key != "signed-letter"},
    "signed-letter": "By letter or e-mail: signature or address compared with the tenancy file",
    NOT_IDENTIFIED: "Not identified: nothing was said about the account",
}
"""The identity prompt: whoever is not known to be the tenant is told nothing (domain.md 9)."""

ADDRESSEES = {Addressee.TENANTS: "The tenants", Addressee.ESTATE: "Whoever deals with the estate"}

SETTLED = FINISHED | {CaseStatus.REVIEW}
"""Where a case stands while the account may be asked a refund of."""

KINDS = {
    EntryKind.CHARGES: "Charges",
    EntryKind.RECEIPTS: "Receipts",
    EntryKind.UNPAID: "Unpaid and returned",
    EntryKind.REFUNDS: "Refunds",
    EntryKind.TRANSFERS: "Transfers",
    EntryKind.ADJUSTMENTS: "Adjustments",
    EntryKind.WRITE_OFFS: "Write-offs, and credit taken to income",
    EntryKind.OPENING: "Opening balance",
}


STILL_OPEN = (*sorted(OPEN), ProposalStatus.ON_SCHEDULE)
PROPOSALS_SHOWN = 5
"""Of an account; it has one open write-off at a time."""


@dataclass(frozen=True)
class Proposed:
    """An open proposal about an account, and where its schedule stands, if it is on one."""

    row: ProposalRow
    stands: OnSchedule | None


async def search(visit: Visit) -> Response:
    """Accounts by part of a name, an address, a postcode or a reference. A search that finds one account opens it."""
    words = visit.request.query_params.get("q", "").strip()[:100]
    form = Form(values={"q": words})
    if not words:
        return visit.show("accounts.html", "Accounts", form=form, found=None, words=words)
    found = await visit.ask(SEARCH_ACCOUNTS, SearchAccounts(text=words))
    if len(found.labels) == 1 and not found.more:
        return visit.go(f"/accounts/{found.labels[0].account}")
    return visit.show("accounts.html", f"Accounts matching “{isolated(words)}”", form=form, found=found, words=words)


async def show(visit: Visit) -> Response:
    """One account: its balance in words, then everything that belongs to it."""
    return await account_page(visit, visit.request.path_params["account"])


async def account_page(visit: Visit, account: UUID, sent: Form | None = None) -> Response:
    """The page of an account; with `sent`, what was typed into a form of it, with its errors."""
    form, asked = _asked(visit, account)
    page = await visit.ask(ACCOUNT_PAGE, asked)
    part = await _part(visit, page, asked)
    cases, proposals, letters, names, debts, notes = await gather(
        visit.ask_or_name(CASES, CasesAsked(account=account), "the list of refund cases"),
        visit.ask_or_name(PROPOSALS, ProposalsAsked(account=account, statuses=STILL_OPEN, limit=PROPOSALS_SHOWN), "its write-offs"),
        visit.ask_or_name(LETTERS, LettersAsked(account=account), "the list of letters"),
        visit.names(),
        visit.ask_or_name(DEBTS_FOR_WRITE_OFF, DebtsAsked(accounts=(account,)), "the payment plan and the claim for benefit"),
        visit.own(lambda tx: queries.contact_notes(tx, account)),
    )
    return visit.show(
        "account.html",
        _title(page),
        form=_with(form, sent) if sent else _known_of_the_end(form, page),
        page=page,
        tenants=[(str(tenant.person), tenant.name) for tenant in page.tenants],
        part=part,
        asked=asked,
        holds=HOLDS,
        breathing_spaces=BREATHING_SPACES,
        cases=cases,
        parked=[
            (told.parked_since, service, still)
            for told, service, still in ((cases, "refunds", "its refunds"), (proposals, "writeoffs", "its write-offs"))
            if told is not None
        ],
        proposed=[await _proposed(visit, row) for row in proposals.proposals] if proposals else [],
        letters=letters,
        names=names,
        approvers=await approvers_of(visit, part.entries),
        debt=next(iter(debts.debts), None) if debts else None,
        rhythms=[(one.value, headline(one)) for one in PlanRhythm],
        kinds=[(kind.value, words) for kind, words in KINDS.items()],
        notes=notes,
        addressees=ADDRESSEES,
        addressees_shown=_written_to(page),
        contact_how=CONTACT_HOW,
        contact_identified=CONTACT_IDENTIFIED,
        under_way=next((case for case in cases.cases if case.status not in SETTLED), None) if cases else None,
        chart=balance_chart(_since_it_began(page)),
        narrowed=bool(asked.since or asked.kind or part is not page),
    )


async def _proposed(visit: Visit, row: ProposalRow) -> Proposed:
    if row.schedule is None or row.status is not ProposalStatus.ON_SCHEDULE:
        return Proposed(row, None)
    return Proposed(row, await on_schedule(visit, row.schedule))


async def export(visit: Visit) -> Response:
    """The entries as the page shows them, all and narrowed as there, as a file for a spreadsheet; or the page with what is wrong."""
    account: UUID = visit.request.path_params["account"]
    form, asked = _asked(visit, account)
    if form.errors:
        return await account_page(visit, account)
    asked = asked.model_copy(update={"offset": 0, "limit": EXPORTED_AT_ONCE})
    page = await _part(visit, await visit.ask(ACCOUNT_PAGE, asked), asked)
    asked = asked.model_copy(update={"account": page.label.account})
    entries = list(page.entries)
    while len(entries) < page.entries_in_all and page.entries:
        page = await visit.ask(ACCOUNT_PAGE, asked.model_copy(update={"offset": len(entries)}))
        entries += page.entries
    name = f"account-{page.label.reference}-{page.as_at.isoformat()}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(as_csv(entries, await visit.names()), media_type="text/csv; charset=utf-8", headers=headers)


async def explain(visit: Visit) -> Response:
    """A balance taken apart: the parts add up to it, and every line says where it came from."""
    account: UUID = visit.request.path_params["account"]
    form = Form(values=dict(visit.request.query_params))
    as_at = form.day("as_at", "the date")
    explained = await visit.ask(EXPLAIN_BALANCE, ExplainBalance(account=account, as_at=as_at))
    approvers = await approvers_of(visit, [entry for part in explained.parts for entry in part.entries])
    return visit.show(
        "explain.html", "Explain this balance", form=form, explained=explained, names=await visit.names(), approvers=approvers
    )


async def approvers_of(visit: Visit, entries: Sequence[Entry]) -> Mapping[UUID, tuple[str, ...]]:
    """The names of those who approved what entries rest on, by the decision that each entry names."""
    decisions = {entry.provenance.decision for entry in entries if entry.provenance.decision is not None}
    return await visit.own(lambda tx: queries.approvers(tx, decisions)) if decisions else {}


def _asked(visit: Visit, account: UUID) -> tuple[Form, AccountPageAsked]:
    words = visit.request.query_params
    form = Form(values=dict(words))
    as_at, since = form.day("as_at", "the date"), form.day("since", "the first date")
    kind = next((one for one in KINDS if one == words.get("kind")), None)
    return form, AccountPageAsked(account=account, as_at=as_at, since=since, kind=kind, offset=visit.offset, limit=ENTRIES_A_PAGE)


async def _part(visit: Visit, page: AccountPage, asked: AccountPageAsked) -> AccountPage:
    """Whose entries are shown: those of the account, or of its sub-account that the address names."""
    wanted = read_uuid(visit.request.query_params.get("sub"))
    if wanted not in {label.account for label in page.sub_accounts}:
        return page
    return await visit.ask(ACCOUNT_PAGE, asked.model_copy(update={"account": wanted}))


def _with(filters: Form, sent: Form) -> Form:
    """One form for the page: the filters of its address, and what was sent."""
    return Form(sent.id, {**filters.values, **sent.values}, sent.lists, [*filters.errors, *sent.errors])


def _known_of_the_end(filters: Form, page: AccountPage) -> Form:
    """The form of the tenancy's end begins with what is known."""
    known = page.tenancy
    words = {
        "ended_on": known.ended_on.isoformat() if known.ended_on else "",
        "keys_returned_on": known.keys_returned_on.isoformat() if known.keys_returned_on else "",
        "final_charges": "yes" if known.final_charges_posted else "",
        "inspected": "yes" if known.recharge_inspected else "",
        "forwarding": "yes" if known.forwarding_address_known else "",
    }
    return Form(values={**words, **filters.values}, errors=filters.errors)


def _since_it_began(page: AccountPage) -> list[tuple[date, int]]:
    """The months since anything was owed or paid: what nobody had opened yet had no balance."""
    months = [(month.on, month.balance_pence) for month in page.months]
    first = next((at for at, (_, pence) in enumerate(months) if pence), len(months))
    return months[first:]


def _written_to(page: AccountPage) -> set[Addressee]:
    """Nobody writes to the estate of people who all live, nor to the dead."""
    dead = [tenant.died_on is not None for tenant in page.tenants]
    noted = {one.addressee for one in page.letter_addresses if one.noted_by}
    return noted | ({Addressee.ESTATE} if any(dead) else set()) | (set() if dead and all(dead) else {Addressee.TENANTS})


def _title(page: AccountPage) -> str:
    return ", ".join(map(isolated, page.label.names)) or page.label.reference
