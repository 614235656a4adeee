"""What an officer changes on an account: a hold on the debtor, what is known of the tenancy's end, an entry that was wrong."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import (
    ACCOUNT_PAGE,
    END_TENANCY,
    EXPLAIN_BALANCE,
    REVERSE_JOURNAL,
    SET_ACCOUNT_HOLD,
    AccountHold,
    AccountPageAsked,
    EndTenancy,
    ExplainBalance,
    ReverseJournal,
    SetAccountHold,
)
from starlette.responses import Response

from approvals.web.forms import Form
from approvals.web.pages.accounts import HOLDS, account_page
from approvals.web.visit import MayNot, NoSuchPage, Visit, note_refusal
from approvals.web.wording import undoable

REASON_CHARACTERS = 200

_FOR_OFFICERS = "Accounts are changed by officers and those who lead them."


async def set_hold(visit: Visit) -> Response:
    """Put a hold on the debtor in force, or lift it. It makes nobody a participant; checks 2, 4 and 8 of open cases see it."""
    account, form = await _begun(visit)
    hold = form.one_of("hold", dict(HOLDS), "Choose which hold")
    how = form.one_of("hold_is", {"set": "", "lifted": ""}, "Choose whether it is set or lifted")
    reason = form.text("hold_reason", needed="Write down why, with the document or the law that it rests on", longest=REASON_CHARACTERS)
    until = form.day("hold_until", "the last day of the hold")
    if until and until < visit.today:
        form.wrong("The last day of the hold can’t have passed", "hold_until")
    if not form.errors:
        in_force = how == "set"
        asked = SetAccountHold(
            account=account, account_hold=AccountHold(hold), in_force=in_force, reason=reason, until=until if in_force else None
        )
        try:
            await visit.command(SET_ACCOUNT_HOLD, asked, form)
            return visit.go(f"/accounts/{account}", done=f"hold-{how}")
        except Refused as refused:
            note_refusal(form, refused)
    return await account_page(visit, account, form)


async def end_tenancy(visit: Visit) -> Response:
    """Note what is known of the tenancy's end; later words replace earlier ones."""
    account, form = await _begun(visit)
    page = await visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
    ended = form.day("ended_on", "the day on which the tenancy ends", needed=True)
    keys = form.day("keys_returned_on", "the day on which the keys came")
    if keys and keys > visit.today:
        form.wrong("The day on which the keys came can’t be in the future", "keys_returned_on")
    if ended and ended < page.tenancy.started_on:
        form.wrong("The tenancy can’t end before it began", "ended_on")
    if not form.errors and ended is not None:
        asked = EndTenancy(
            tenancy=page.tenancy.tenancy,
            ended_on=ended,
            keys_returned_on=keys,
            final_charges_posted=form.value("final_charges") == "yes",
            recharge_inspected=form.value("inspected") == "yes",
            forwarding_address_known=form.value("forwarding") == "yes",
        )
        try:
            await visit.command(END_TENANCY, asked, form)
            return visit.go(f"/accounts/{account}", done="tenancy")
        except Refused as refused:
            note_refusal(form, refused, ("ended_on",))
    return await account_page(visit, account, form)


async def ask_undo(visit: Visit) -> Response:
    """The entries that one journal made on this account, and the question why they are to be undone."""
    _may_change(visit)
    return await _undo_page(visit, Form())


async def undo(visit: Visit) -> Response:
    """Undo a journal by its mirror image: both stay on the account. Whoever does it is behind the credit that it leaves."""
    account, form = await _begun(visit)
    journal: UUID = visit.request.path_params["journal"]
    reason = form.text("undo_reason", needed="Write down why the entry is undone", longest=REASON_CHARACTERS)
    if not form.errors:
        try:
            await visit.command(REVERSE_JOURNAL, ReverseJournal(journal=journal, reason=reason), form)
            return visit.go(f"/accounts/{account}", done="undone")
        except Refused as refused:
            note_refusal(form, refused)
    return await _undo_page(visit, form)


async def _begun(visit: Visit) -> tuple[UUID, Form]:
    _may_change(visit)
    return visit.request.path_params["account"], await visit.sent()


def _may_change(visit: Visit) -> None:
    if not visit.person.may_handle_cases:
        raise MayNot(_FOR_OFFICERS)


async def _undo_page(visit: Visit, form: Form) -> Response:
    account: UUID = visit.request.path_params["account"]
    journal: UUID = visit.request.path_params["journal"]
    explained = await visit.ask(EXPLAIN_BALANCE, ExplainBalance(account=account))
    entries = [entry for part in explained.parts for entry in part.entries if entry.journal == journal]
    if not entries:
        raise NoSuchPage("There is no such entry on this account.")
    return visit.show(
        "undo.html",
        "Undo an entry",
        form=form,
        label=explained.label,
        entries=entries,
        journal=journal,
        undoable=all(undoable(entry) for entry in entries),
        names=await visit.names(),
    )
