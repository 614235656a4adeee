"""What an officer changes on an account: a hold on the debtor, what is known of the tenancy's end, where letters go, an entry
that was wrong."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import (
    ACCOUNT_PAGE,
    AGREE_PAYMENT_PLAN,
    END_PAYMENT_PLAN,
    END_TENANCY,
    EXPLAIN_BALANCE,
    NOTE_DEATH,
    NOTE_LETTER_ADDRESS,
    REVERSE_JOURNAL,
    SET_ACCOUNT_HOLD,
    SET_HOUSING_BENEFIT_CLAIM,
    AccountHold,
    AccountPageAsked,
    Addressee,
    AgreePaymentPlan,
    BreathingSpaceKind,
    EndPaymentPlan,
    EndTenancy,
    ExplainBalance,
    NoteDeath,
    NoteLetterAddress,
    PlanRhythm,
    ReverseJournal,
    SetAccountHold,
    SetHousingBenefitClaim,
)
from rentbook_contracts.operation import BrokenRule
from starlette.responses import Response

from approvals.domain.forms import WriteContactNote
from approvals.use_cases.write_contact_note import write_contact_note
from approvals.web.forms import Form
from approvals.web.pages.accounts import BREATHING_SPACES, CONTACT_HOW, CONTACT_IDENTIFIED, HOLDS, account_page, approvers_of
from approvals.web.visit import NoSuchPage, Visit, note_refusal
from approvals.web.wording import sentence, short_day, undoable

REASON_CHARACTERS = 200

_HOLD_FIELDS = {"account_hold": "hold", "kind": "hold_kind", "first_day": "hold_first_day", "until": "hold_until"}
"""Where the page has the fields that a hold may be refused for."""

_CLAIM_FIELDS = {"unresolved": "claim_is", "since": "claim_since"}
"""The same of a claim for benefit."""


async def set_hold(visit: Visit) -> Response:
    """Put a hold on the debtor in force, or lift it. It makes nobody a participant; checks 2, 4 and 8 of open cases see it.

    A Breathing Space that is set has a kind and a first day; what was typed of them is no part of any other hold.
    """
    account, form = await _begun(visit)
    hold = form.one_of("hold", dict(HOLDS), "Choose which hold")
    how = form.one_of("hold_is", {"set": "", "lifted": ""}, "Choose whether it is set or lifted")
    breathing = hold == AccountHold.BREATHING_SPACE and how != "lifted"
    kind = form.one_of("hold_kind", BREATHING_SPACES, "Choose which Breathing Space it is") if breathing else ""
    first_day = form.day("hold_first_day", "the first day of the Breathing Space") if breathing else None
    if first_day and first_day > visit.today:
        form.wrong("The first day can’t lie in the future", "hold_first_day")
    reason = form.text("hold_reason", needed="Write down why, with the document or the law that it rests on", longest=REASON_CHARACTERS)
    until = form.day("hold_until", "the last day of the hold")
    if until and until < visit.today:
        form.wrong("The last day of the hold can’t have passed", "hold_until")
    if not form.errors:
        in_force = how == "set"
        asked = SetAccountHold(
            account=account,
            account_hold=AccountHold(hold),
            in_force=in_force,
            reason=reason,
            until=until if in_force else None,
            kind=BreathingSpaceKind(kind) if kind else None,
            first_day=first_day,
        )
        try:
            await visit.command(SET_ACCOUNT_HOLD, asked, form)
            return visit.go(f"/accounts/{account}", done=f"hold-{how}")
        except Refused as refused:
            form.wrong(refused.message, _HOLD_FIELDS.get(refused.field or ""))
    return await account_page(visit, account, form)


async def set_benefit_claim(visit: Visit) -> Response:
    """Note that Benefits has a claim to decide, or has decided it: no debt is written off meanwhile."""
    account, form = await _begun(visit)
    how = form.one_of("claim_is", {"open": "", "decided": ""}, "Choose whether it is open or decided")
    since = form.day("claim_since", "the day since when", needed=True)
    reason = form.text("claim_reason", needed="Write down how it is known, such as the letter of Benefits", longest=REASON_CHARACTERS)
    if not form.errors and since is not None:
        asked = SetHousingBenefitClaim(account=account, unresolved=how == "open", since=since, reason=reason)
        try:
            await visit.command(SET_HOUSING_BENEFIT_CLAIM, asked, form)
            return visit.go(f"/accounts/{account}", done="benefit-claim")
        except Refused as refused:
            form.wrong(refused.message, _CLAIM_FIELDS.get(refused.field or ""))
    return await account_page(visit, account, form)


async def agree_plan(visit: Visit) -> Response:
    """Note that the debtor agreed to pay by instalments, today or on the day that is typed. A new plan ends the old one."""
    account, form = await _begun(visit)
    instalment = form.pence("instalment", "The instalment")
    if instalment is None and not form.error("instalment"):
        form.wrong("Enter the instalment, such as 20.00", "instalment")
    rhythm = form.one_of("rhythm", {one.value: "" for one in PlanRhythm}, "Choose how often it is paid")
    agreed = form.day("agreed_on", "the day on which it was agreed") or visit.today
    first = form.day("first_due_on", "the day of the first instalment", needed=True)
    if not form.errors and instalment is not None and first is not None:
        asked = AgreePaymentPlan(
            account=account, agreed_on=agreed, instalment_pence=instalment, rhythm=PlanRhythm(rhythm), first_due_on=first
        )
        try:
            await visit.command(AGREE_PAYMENT_PLAN, asked, form)
            return visit.go(f"/accounts/{account}", done="plan")
        except Refused as refused:
            note_refusal(form, refused, ("agreed_on", "first_due_on"))
    return await account_page(visit, account, form)


async def end_plan(visit: Visit) -> Response:
    """End the payment plan."""
    account, form = await _begun(visit)
    plan: UUID = visit.request.path_params["plan"]
    reason = form.text("plan_reason", needed="Write down why the plan ends", longest=REASON_CHARACTERS)
    if not form.errors:
        try:
            await visit.command(END_PAYMENT_PLAN, EndPaymentPlan(plan=plan, reason=reason), form)
            return visit.go(f"/accounts/{account}", done="plan-ended")
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


async def note_letter_address(visit: Visit) -> Response:
    """Note where letters about the tenancy go, or that they reach nobody there any more."""
    account, form = await _begun(visit)
    page = await visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
    addressee = form.one_of("letters_for", {one.value: "" for one in Addressee}, "Choose whom the letters go to")
    known = form.one_of("letters_are", {"known": "", "gone": ""}, "Choose what is known") == "known"
    name = form.text("letters_name", longest=200)
    address = form.text("letters_address", needed="Enter the address" if known else None, longest=300)
    source = form.text("letters_known", needed="Write down who said so", longest=200)
    if not form.errors:
        asked = NoteLetterAddress(
            tenancy=page.tenancy.tenancy,
            addressee=Addressee(addressee),
            name=name if known and addressee == Addressee.ESTATE else "",
            address=", ".join(line.strip(" ,") for line in address.splitlines() if line.strip(" ,")) if known else None,
            known_from=source,
        )
        try:
            await visit.command(NOTE_LETTER_ADDRESS, asked, form)
            return visit.go(f"/accounts/{account}", done="letter-address")
        except Refused as refused:
            note_refusal(form, refused)
    return await account_page(visit, account, form)


async def note_death(visit: Visit) -> Response:
    """Note that a tenant died, or that this was said in error. Their debts, refunds and letters are looked at anew."""
    account, form = await _begun(visit)
    page = await visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
    person = form.one_of("death_of", {str(tenant.person): "" for tenant in page.tenants}, "Choose who it is about")
    died = form.one_of("death_is", {"died": "", "error": ""}, "Choose what is known") == "died"
    on = form.day("died_on", "the day of the death", needed=died)
    source = form.text("death_known", needed="Write down who said so", longest=REASON_CHARACTERS)
    if not form.errors:
        asked = NoteDeath(account=account, person=UUID(person), died_on=on if died else None, known_from=source)
        try:
            await visit.command(NOTE_DEATH, asked, form)
            return visit.go(f"/accounts/{account}", done="death" if died else "no-death")
        except Refused as refused:
            note_refusal(form, refused, ("died_on",))
    return await account_page(visit, account, form)


async def write_note(visit: Visit) -> Response:
    """Note what was said with a tenant: dated, in the person's name, never changed. It makes nobody a participant."""
    account, form = await _begun(visit)
    how = form.one_of("contact_how", CONTACT_HOW, "Choose how you were in contact")
    known = form.one_of("contact_identified", CONTACT_IDENTIFIED, "Choose how you knew who it was")
    words = form.text("contact_text", needed="Write down what was said")
    if not form.errors:
        await visit.ask(ACCOUNT_PAGE, AccountPageAsked(account=account, limit=1))
        try:
            await visit.change(lambda tx: write_contact_note(tx, WriteContactNote(account, how, known, words)), form)
            return visit.go(f"/accounts/{account}", done="noted")
        except BrokenRule as refused:
            note_refusal(form, refused)
    return await account_page(visit, account, form)


async def show_entry(visit: Visit) -> Response:
    """The entries that one journal made on this account and where they came from; whoever may undo them does it here."""
    return await _entry_page(visit, Form())


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
    return await _entry_page(visit, form)


async def _begun(visit: Visit) -> tuple[UUID, Form]:
    return visit.request.path_params["account"], await visit.sent()


async def _entry_page(visit: Visit, form: Form) -> Response:
    account: UUID = visit.request.path_params["account"]
    journal: UUID = visit.request.path_params["journal"]
    explained = await visit.ask(EXPLAIN_BALANCE, ExplainBalance(account=account))
    entries = [entry for part in explained.parts for entry in part.entries if entry.journal == journal]
    if not entries:
        raise NoSuchPage("There is no such entry on this account.")
    return visit.show(
        "entry.html",
        f"{sentence(entries[0].code_words)} of {short_day(entries[0].effective_date)}",
        form=form,
        label=explained.label,
        entries=entries,
        journal=journal,
        undoable=all(undoable(entry) for entry in entries),
        may_undo=visit.person.may_handle_cases,
        names=await visit.names(),
        approvers=await approvers_of(visit, entries),
    )
