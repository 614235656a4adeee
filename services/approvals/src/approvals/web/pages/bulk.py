"""Many former debts proposed at once: found by age, amount and reason, chosen, looked at as proposals, then proposed."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import FIND_DEBTS, LINES_IN_A_SCHEDULE, FindDebts, FoundDebts
from rentbook_contracts.writeoffs import BULK_DRY_RUN, PROPOSE_IN_BULK, ProposeInBulk, Reason, WouldPropose
from starlette.responses import Response

from approvals.web.forms import Form, read_uuid
from approvals.web.pages.write_offs import WRITING_OFF, choices
from approvals.web.visit import Visit, note_refusal

TITLE = "Propose many former debts at once"

_REASONS = {one.value: "" for one in WRITING_OFF}


async def find(visit: Visit) -> Response:
    """Former debts by the filters of the address, the oldest end of a tenancy first; none before a reason is chosen. What can't be proposed
    is counted and named with the reason why not, and what would be blocked is marked.
    """
    return await _found(visit, Form(values=dict(visit.request.query_params)))


async def propose(visit: Visit) -> Response:
    """What the chosen debts would be as proposals; or, where that was looked at, propose them and say what became of each."""
    form = await visit.sent()
    asked = _asked(form)
    if asked is None:
        return await _found(visit, form)
    if form.value("then") not in ("propose", "propose-free"):
        return await _preview(visit, form, asked)
    try:
        would = {one.account: one for one in (await visit.ask(BULK_DRY_RUN, asked)).accounts}
        done = await visit.command(PROPOSE_IN_BULK, asked, form)
    except Refused as refused:
        note_refusal(form, refused, ("reason", "note"))
        return await _preview(visit, form, asked)
    refused_here = {one.account for one in done.refused}
    kept = [account for account in dict.fromkeys(asked.accounts) if account not in refused_here]
    return visit.show(
        "bulk_done.html",
        "What became of each debt",
        done_in_bulk=done,
        # A form that is sent again finds its proposals made: what the dry run says of them now is not what they wait for.
        made=[(proposal, account, _as_proposed(would.get(account))) for proposal, account in zip(done.proposals, kept, strict=False)],
        reason=asked.reason,
        labels=await visit.account_labels(asked.accounts),
    )


def _as_proposed(would: WouldPropose | None) -> WouldPropose | None:
    return would if would is not None and would.because is None else None


def _asked(form: Form) -> ProposeInBulk | None:
    """The accounts that were chosen with their reason; None, with the error noted, where one is missing."""
    reason = form.one_of("reason", _REASONS, "Choose the reason")
    note = form.text("note")
    accounts = _chosen(form)
    if not accounts:
        form.wrong("Choose at least one debt", "account")
    return None if form.errors else ProposeInBulk(accounts=accounts, reason=Reason(reason), note=note)


def _chosen(form: Form) -> tuple[UUID, ...]:
    """What the pressed button is about: the ticked debts, all that were found, all that may be proposed, or those that nothing blocks."""
    lists = {"all": form.value("found"), "propose": form.value("accounts"), "propose-free": form.value("free")}
    then = form.value("then")
    return _ids(lists[then].split() if then in lists else form.chosen("account"))


def _ids(words: Iterable[str]) -> tuple[UUID, ...]:
    found = (read_uuid(word) for word in words)
    return tuple(dict.fromkeys(one for one in found if one is not None))[:LINES_IN_A_SCHEDULE]


async def _found(visit: Visit, form: Form) -> Response:
    ended_by = form.day("ended_by", "the last day on which the tenancy ended") or visit.today
    from_pence, to_pence = form.pence("from", "The least amount") or 1, form.pence("to", "The most amount")
    if to_pence is not None and to_pence < from_pence:
        form.wrong("The most can’t be below the least", "to")
    if "reason" in form.values and not form.error("reason"):
        form.one_of("reason", _REASONS, "Choose the reason")
    found: FoundDebts | None = None
    wanted = form.value("reason") in _REASONS and not any(form.error(name) for name in ("ended_by", "from", "to"))
    if wanted:
        asked = FindDebts(
            ended_on_or_before=ended_by,
            from_pence=from_pence,
            to_pence=to_pence,
            deceased=True if form.value("reason") == Reason.DECEASED else None,
            limit=LINES_IN_A_SCHEDULE,
        )
        found = await visit.ask_or_name(FIND_DEBTS, asked, "the debts of former tenants")
    would = await _would(visit, found, Reason(form.value("reason"))) if found and found.debts else {}
    stay: dict[str, list[UUID]] = defaultdict(list)
    for one in would.values():
        if one.because is not None:
            stay[one.because].append(one.account)
    return visit.show(
        "bulk.html",
        TITLE,
        form=form,
        wanted=wanted,
        found=found,
        debts=[one for one in found.debts if one.account not in would or would[one.account].because is None] if found else [],
        would=would,
        stay=sorted(stay.items(), key=lambda one: -len(one[1])),
        deceased=form.value("reason") == Reason.DECEASED,
        ticked=form.chosen("account"),
        reasons=choices(WRITING_OFF),
        labels=await visit.account_labels(one.account for one in found.debts) if found else {},
    )


async def _would(visit: Visit, found: FoundDebts, reason: Reason) -> dict[UUID, WouldPropose]:
    """What each would be as a proposal; nothing where writeoffs is silent, which the page then says."""
    asked = ProposeInBulk(accounts=tuple(one.account for one in found.debts), reason=reason)
    told = await visit.ask_or_name(BULK_DRY_RUN, asked, "which of these debts can’t be proposed, or would be blocked")
    return {one.account: one for one in told.accounts} if told else {}


async def _preview(visit: Visit, form: Form, asked: ProposeInBulk) -> Response:
    would = (await visit.ask(BULK_DRY_RUN, asked)).accounts
    return visit.show(
        "bulk_preview.html",
        "What would be proposed",
        form=form,
        reason=asked.reason,
        go=[one for one in would if one.because is None],
        free=[one for one in would if one.because is None and not one.blocked],
        blocked=[one for one in would if one.because is None and one.blocked],
        stay=[one for one in would if one.because is not None],
        labels=await visit.account_labels(one.account for one in would),
    )
