"""Who spoke with us is not untraceable, also where that was noted on the account and not on the proposal."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.ledger import AccountKind, LinkedAccount, ReceiptPosted
from rentbook_contracts.writeoffs import ProposalAsked, ScheduleAsked
from support.write_off_service import WriteOffs
from writeoffs.domain.days import business_date
from writeoffs.queries import schedule_page
from writeoffs.use_cases.look import proposal_page
from writeoffs.use_cases.move import receive
from writeoffs.use_cases.note_contact import note_contact

TODAY = business_date(datetime.now(UTC))


def contact(account: UUID, days_ago: int = 0) -> TenantContacted:
    at = datetime.combine(TODAY - timedelta(days=days_ago), time(12), UTC)
    return TenantContacted(note=uuid4(), account=account, noted_at=at)


async def test_a_contact_that_is_noted_on_the_account_begins_the_months_anew(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.untraceable(account)
    assert await writeoffs.status(proposal) == ("ready", "", 1)
    await writeoffs.do(note_contact, contact(account))
    await writeoffs.assessed(proposal)
    assert await writeoffs.status(proposal) == ("gathering", "", 2)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.ladder[1].says.startswith("last heard of on")
    assert "there was contact with the tenant" in [event.what for event in page.events]
    people = await writeoffs.rows("SELECT DISTINCT person FROM participant WHERE proposal = :id", id=proposal)
    assert people == [{"person": "asha.officer"}], "nobody takes part by it"


async def test_a_contact_drops_the_line_that_says_that_nobody_can_be_found_and_no_other(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.owing(), writeoffs.owing()
    proposal, emigrated = await writeoffs.untraceable(account), await writeoffs.ready(other)
    schedule = await writeoffs.scheduled(proposal, emigrated)
    for one in (account, other):
        await writeoffs.do(note_contact, contact(one))
    assert await writeoffs.standings(schedule) == {
        proposal: ("dropped", "There was contact about it."),
        emigrated: ("listed", None),
    }


async def test_what_becomes_known_after_the_posting_leaves_the_evidence_as_it_was_decided_on(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.untraceable(account)
    schedule = await writeoffs.scheduled(proposal)
    ready = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert not ready.ladder_as_decided
    await writeoffs.round(schedule)
    decision = uuid4()
    lines = await writeoffs.taken(schedule, decision, ())
    await writeoffs.settled(schedule, decision, *(writeoffs.ledger.posts(line, decision) for line in lines))
    await writeoffs.do(note_contact, contact(account))
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (page.status, page.ladder_as_decided) == ("posted", True)
    assert [rung.met for rung in page.ladder] == [True, True, True]
    [line] = (await writeoffs.ask(schedule_page, ScheduleAsked(schedule=schedule))).lines
    assert line.evidence == ready.ladder == page.ladder


def linked(writeoffs: WriteOffs) -> tuple[UUID, UUID]:
    """An account that owes, and another one of the same people."""
    account, elsewhere = writeoffs.owing(), uuid4()
    writeoffs.moved(account, linked=(LinkedAccount(account=elsewhere, kind=AccountKind.RENT, former=False, balance_pence=0),))
    return account, elsewhere


async def test_who_is_spoken_with_about_another_account_of_theirs_is_not_untraceable(writeoffs: WriteOffs) -> None:
    account, elsewhere = linked(writeoffs)
    proposal = await writeoffs.untraceable(account)
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.do(note_contact, contact(elsewhere))
    assert await writeoffs.standings(schedule) == {proposal: ("dropped", "There was contact about it.")}
    await writeoffs.assessed(proposal)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.ladder[1].says.startswith("last heard of on")
    assert "there was contact with the tenant" in [event.what for event in page.events]


async def test_a_ready_proposal_of_theirs_is_ready_no_more_as_soon_as_that_is_noted(writeoffs: WriteOffs) -> None:
    account, elsewhere = linked(writeoffs)
    writeoffs.ledger.debts[elsewhere] = writeoffs.ledger.debts[account].model_copy(
        update={
            "account": elsewhere,
            "linked": (LinkedAccount(account=account, kind=AccountKind.RENT, former=True, balance_pence=0),),
        }
    )
    proposal, emigrated = await writeoffs.untraceable(account), await writeoffs.ready(writeoffs.owing())
    await writeoffs.do(note_contact, contact(elsewhere))
    assert (await writeoffs.status(proposal))[0] == "gathering", "nobody reads any more that it is ready"
    await writeoffs.assessed(proposal)
    assert await writeoffs.status(proposal) == ("gathering", "", 2)
    assert await writeoffs.status(emigrated) == ("ready", "", 1)


async def test_who_pays_on_another_account_of_theirs_is_not_untraceable(writeoffs: WriteOffs) -> None:
    account, elsewhere = linked(writeoffs)
    emigrated = writeoffs.owing()
    writeoffs.moved(emigrated, linked=writeoffs.ledger.debts[account].linked)
    proposal, other = await writeoffs.untraceable(account), await writeoffs.ready(emigrated)
    schedule = await writeoffs.scheduled(proposal, other)
    paid = ReceiptPosted(
        account=elsewhere, balance_pence=0, journal=uuid4(), amount_pence=10_00, method="RHB", effective_date=TODAY, cleared_on=TODAY
    )
    await writeoffs.do(receive, paid)
    assert (await writeoffs.standings(schedule))[proposal] == ("listed", None), "of Housing Benefit the ledger says no payment of theirs"
    for one in (account, emigrated):
        writeoffs.moved(one, paid_on=TODAY)
    await writeoffs.do(receive, paid.model_copy(update={"method": "RBP"}))
    assert await writeoffs.standings(schedule) == {
        proposal: ("dropped", "Somebody who owes it has paid on another account: they can be found."),
        other: ("listed", None),
    }


async def test_a_contact_of_before_the_proposal_counts_by_its_last_day_in_whichever_order_it_is_heard(writeoffs: WriteOffs) -> None:
    accounts = {days: writeoffs.owing() for days in (150, 50)}
    for days, account in accounts.items():
        for noted in (days, 300):
            await writeoffs.do(note_contact, contact(account, noted))
    found = {days: (await writeoffs.status(await writeoffs.untraceable(account)))[0] for days, account in accounts.items()}
    assert found == {150: "ready", 50: "gathering"}
