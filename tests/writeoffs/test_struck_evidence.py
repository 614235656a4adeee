"""Evidence that was entered in error is struck: it stays to be read, counts for nothing, and nobody who had a hand in it decides."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from rentbook_contracts.ledger import LineKind, PastWriteOff, PersonFacts
from rentbook_contracts.notices import LetterSent
from rentbook_contracts.writeoffs import (
    AddProof,
    AssessProposal,
    EvidenceKind,
    OrderKind,
    ProposalAsked,
    ProposalPage,
    Propose,
    Reason,
    StrikeProof,
)
from sqlalchemy.exc import DBAPIError
from support.debts import owed
from support.write_off_service import ASHA, AUDREY, BRYN, HANA, WriteOffs
from writeoffs.domain.assessment import HEARD, STRUCK
from writeoffs.domain.days import business_date
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.change_proposal import StruckAlready, UnknownProof, add_proof, strike_proof
from writeoffs.use_cases.look import proposal_page
from writeoffs.use_cases.note_letter import note_letter
from writeoffs.use_cases.propose import propose
from writeoffs.use_cases.work import NotYourPart, OnASchedule, ProposalIsClosed

TODAY = business_date(datetime.now(UTC))
LENA = Caller("lena.officer", frozenset({"officer"}), form="form-9")


async def shown(writeoffs: WriteOffs, proposal: UUID) -> ProposalPage:
    return await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))


async def proof_of(writeoffs: WriteOffs, proposal: UUID, kind: EvidenceKind) -> UUID:
    return next(proof.proof for proof in (await shown(writeoffs, proposal)).proofs if proof.kind is kind)


async def struck(writeoffs: WriteOffs, proof: UUID, by: Caller = HANA) -> None:
    await writeoffs.do(strike_proof, StrikeProof(proof=proof, because="It was typed for the wrong tenant."), caller=by)


async def taking_part(writeoffs: WriteOffs, proposal: UUID) -> set[str]:
    rows = await writeoffs.rows("SELECT person FROM participant WHERE proposal = :id", id=proposal)
    return {row["person"] for row in rows}


async def test_what_was_struck_counts_for_nothing_and_is_shown_with_who_when_and_why(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    document = await proof_of(writeoffs, proposal, EvidenceKind.DOCUMENT)
    await struck(writeoffs, document, BRYN)
    assert (await writeoffs.status(proposal))[0] == "gathering"
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "gathering"
    page = await shown(writeoffs, proposal)
    [one] = [proof for proof in page.proofs if proof.proof == document]
    assert one.struck is not None
    assert (one.struck.by, one.struck.because, one.may_be_struck) == ("bryn.officer", "It was typed for the wrong tenant.", False)
    assert await taking_part(writeoffs, proposal) == {"asha.officer", "bryn.officer", "hana.head"}
    await writeoffs.proves(proposal, EvidenceKind.DOCUMENT)
    await writeoffs.assessed(proposal)
    assert (await writeoffs.status(proposal))[0] == "ready"


async def test_what_cannot_be_struck_is_refused(writeoffs: WriteOffs) -> None:
    proposal = await writeoffs.ready(writeoffs.owing())
    document, note = [await proof_of(writeoffs, proposal, kind) for kind in (EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)]
    with pytest.raises(NotYourPart):
        await struck(writeoffs, document, AUDREY)
    with pytest.raises(UnknownProof):
        await struck(writeoffs, uuid4())
    await struck(writeoffs, document)
    with pytest.raises(StruckAlready):
        await struck(writeoffs, document)
    await writeoffs.withdrawn(proposal)
    with pytest.raises(ProposalIsClosed):
        await struck(writeoffs, note)
    for statement in ("UPDATE struck SET because = 'x'", "DELETE FROM struck"):
        with pytest.raises(DBAPIError):
            async with writeoffs.runtime.engine.begin() as connection:
                await connection.execute(sa.text(statement))


async def test_a_listed_line_drops_by_what_is_struck_and_the_rest_goes_on(writeoffs: WriteOffs) -> None:
    one, other = await writeoffs.ready(writeoffs.owing()), await writeoffs.ready(writeoffs.owing())
    schedule = await writeoffs.scheduled(one, other)
    await writeoffs.round(schedule)
    await struck(writeoffs, await proof_of(writeoffs, one, EvidenceKind.DOCUMENT))
    assert await writeoffs.standings(schedule) == {one: ("dropped", STRUCK), other: ("listed", None)}
    assert await writeoffs.status(one) == ("blocked", STRUCK, 2)
    await writeoffs.taken(schedule, uuid4())
    with pytest.raises(OnASchedule, match="being posted"):
        await struck(writeoffs, await proof_of(writeoffs, other, EvidenceKind.DOCUMENT))


async def test_a_letter_that_was_struck_is_written_anew_under_a_number_of_its_own(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    told = LetterSent(letter=uuid4(), kind="debt", account=account, case=proposal, sha256="ab" * 32, sent_on=TODAY - timedelta(days=1))
    await writeoffs.do(note_letter, told)
    asked = AssessProposal(proposal=proposal, attempt=1)
    assert (await writeoffs.do(assess_proposal, asked)).letter is None
    await struck(writeoffs, await proof_of(writeoffs, proposal, EvidenceKind.LETTER_SENT))
    letter = (await writeoffs.do(assess_proposal, asked)).letter
    assert letter is not None
    assert (letter.number, letter.anew) == (2, True), "notices writes one letter for each number, and speaks of none that does not count"


async def test_an_acknowledgment_typed_in_error_stops_no_time_any_more_and_who_had_a_hand_in_it_decides_nothing(
    writeoffs: WriteOffs,
) -> None:
    due_on = TODAY - timedelta(days=7 * 365)
    account = writeoffs.owing(80_00)
    writeoffs.moved(account, charges=(owed(80_00, due_on),))
    first = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    told = AddProof(proposal=first, kind=EvidenceKind.SIGNED_ACKNOWLEDGMENT, on=due_on + timedelta(days=365 * 5))
    await writeoffs.do(add_proof, told, caller=BRYN)
    await writeoffs.withdrawn(first)
    second = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    await writeoffs.proves(second, EvidenceKind.LEGAL_CONFIRMATION)
    await writeoffs.assessed(second)
    assert (await writeoffs.status(second))[0] == "blocked"
    await struck(writeoffs, await proof_of(writeoffs, second, EvidenceKind.SIGNED_ACKNOWLEDGMENT))
    await writeoffs.assessed(second)
    assert (await writeoffs.status(second))[0] == "ready"
    assert await taking_part(writeoffs, second) == {"asha.officer", "bryn.officer", "hana.head"}
    await writeoffs.withdrawn(second)
    third = await writeoffs.proposed(account, Reason.STATUTE_BARRED)
    assert await taking_part(writeoffs, third) == {"asha.officer", "bryn.officer", "hana.head"}


async def test_an_order_struck_on_another_account_bars_nothing_any_more_and_drops_what_rests_on_it(writeoffs: WriteOffs) -> None:
    account, other = writeoffs.of_one_person()
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    on = TODAY - timedelta(days=50)
    order = AddProof(
        proposal=elsewhere, kind=EvidenceKind.INSOLVENCY_ORDER, on=on, reference="BKT 118", order_kind=OrderKind.BANKRUPTCY, listed=True
    )
    await writeoffs.do(add_proof, order, caller=BRYN)
    await writeoffs.withdrawn(elsewhere)
    past = PastWriteOff(
        journal=uuid4(), line=uuid4(), on=TODAY - timedelta(days=90), amount_pence=80_00, reinstated_pence=0, discharged=False,
        charges=(owed(80_00, TODAY - timedelta(days=100)),),
    )  # fmt: skip
    writeoffs.moved(account, balance_pence=0, charges=(), debtor_total_pence=0, write_offs=(past,))
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.TRACED, undoes=past.journal)
    back = (await writeoffs.do(propose, told, caller=ASHA)).proposal
    await writeoffs.proves(back, EvidenceKind.FOUND, source="registry")
    await writeoffs.assessed(back)
    assert "The law has released the debtor" in (await writeoffs.status(back))[1]
    await struck(writeoffs, await proof_of(writeoffs, elsewhere, EvidenceKind.INSOLVENCY_ORDER))
    await writeoffs.assessed(back)
    assert (await writeoffs.status(back))[0] == "ready"
    await writeoffs.scheduled(back)
    assert await taking_part(writeoffs, back) == {"asha.officer", "bryn.officer", "hana.head"}


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("how", ["annulled", "struck"])
async def test_a_write_off_drops_when_its_order_is_taken_back_on_another_account_of_the_same_person(
    writeoffs: WriteOffs, how: str, listed: bool
) -> None:
    """The debt is owed again in law, and would be discharged for good."""
    account, other = writeoffs.of_one_person(TODAY - timedelta(days=600))
    debt, elsewhere = await writeoffs.proposed(account, Reason.BANKRUPTCY), await writeoffs.proposed(other, Reason.BANKRUPTCY)
    on = TODAY - timedelta(days=500)
    of_order = {"on": on, "reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True}
    for proposal in (debt, elsewhere):
        await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=BRYN)
    await writeoffs.assessed(debt)
    assert (await writeoffs.status(debt))[0] == "ready"
    if listed:
        schedule = await writeoffs.scheduled(debt)
        await writeoffs.round(schedule)
    if how == "annulled":
        told = AddProof(proposal=elsewhere, kind=EvidenceKind.BANKRUPTCY_ANNULLED, on=on + timedelta(days=30))
        await writeoffs.do(add_proof, told, caller=HANA)
    else:
        await struck(writeoffs, await proof_of(writeoffs, elsewhere, EvidenceKind.INSOLVENCY_ORDER))
    if listed:
        why = HEARD[EvidenceKind.BANKRUPTCY_ANNULLED] if how == "annulled" else STRUCK
        assert await writeoffs.standings(schedule) == {debt: ("dropped", why)}
    assert await taking_part(writeoffs, debt) == {"asha.officer", "bryn.officer", "hana.head"}
    await writeoffs.assessed(debt)
    status, note, _ = await writeoffs.status(debt)
    if how == "annulled":
        assert status == "blocked"
        assert "counts no more: on another proposal it was noted that it stands no longer" in note
    else:
        assert status == "ready", "its own record of the order stands until somebody strikes that too"


async def test_an_order_ends_with_that_of_an_earlier_proposal_of_its_account_though_another_account_has_it_under_a_later_day(
    writeoffs: WriteOffs,
) -> None:
    (account, other), on = writeoffs.of_one_person(TODAY - timedelta(days=600)), TODAY - timedelta(days=500)

    async def ordered(proposal: UUID, day: date) -> None:
        of_order = {"reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True}
        await writeoffs.do(add_proof, AddProof(proposal=proposal, kind=EvidenceKind.INSOLVENCY_ORDER, on=day, **of_order), caller=BRYN)
        await writeoffs.assessed(proposal)

    first = await writeoffs.proposed(account, Reason.BANKRUPTCY)
    await ordered(first, on)
    schedule, decision = await writeoffs.scheduled(first), uuid4()
    await writeoffs.round(schedule)
    [line] = await writeoffs.taken(schedule, decision)
    await writeoffs.settled(schedule, decision, writeoffs.ledger.posts(line, decision))
    second, elsewhere = await writeoffs.proposed(account, Reason.BANKRUPTCY), await writeoffs.proposed(other, Reason.BANKRUPTCY)
    await ordered(second, on)
    await ordered(elsewhere, on + timedelta(days=1))
    assert (await writeoffs.status(second))[0] == "ready"
    await writeoffs.do(add_proof, AddProof(proposal=first, kind=EvidenceKind.BANKRUPTCY_ANNULLED, on=TODAY), caller=HANA)
    for proposal in (second, elsewhere):
        await writeoffs.assessed(proposal)
        status, why, _ = await writeoffs.status(proposal)
        assert status == "blocked"
        assert "counts no more" in why


@pytest.mark.parametrize("listed", ["before the order", "since the order"])
@pytest.mark.parametrize("how", ["annulled", "struck"])
async def test_a_write_off_for_another_reason_drops_with_an_order_only_where_its_line_tells_what_that_has_released(
    writeoffs: WriteOffs, how: str, listed: str
) -> None:
    (account, other), on = writeoffs.of_one_person(), TODAY - timedelta(days=500)
    debt, elsewhere = await writeoffs.ready(account), await writeoffs.proposed(other, Reason.BANKRUPTCY)
    if listed == "before the order":
        schedule = await writeoffs.scheduled(debt)
    of_order = {"on": on, "reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True}
    await writeoffs.do(add_proof, AddProof(proposal=elsewhere, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=BRYN)
    if listed == "since the order":
        schedule = await writeoffs.scheduled(debt)
    if how == "annulled":
        why = HEARD[EvidenceKind.BANKRUPTCY_ANNULLED]
        told = AddProof(proposal=elsewhere, kind=EvidenceKind.BANKRUPTCY_ANNULLED, on=on + timedelta(days=30))
        await writeoffs.do(add_proof, told, caller=LENA)
    else:
        why = STRUCK
        await struck(writeoffs, await proof_of(writeoffs, elsewhere, EvidenceKind.INSOLVENCY_ORDER), LENA)
    drops = listed == "since the order"
    assert await writeoffs.standings(schedule) == {debt: ("dropped", why) if drops else ("listed", None)}
    assert ("lena.officer" in await taking_part(writeoffs, debt)) == drops


@pytest.mark.parametrize("end", [EvidenceKind.BANKRUPTCY_ANNULLED, "an order that is struck"])
@pytest.mark.parametrize("begun", ["before", "afterwards"])
async def test_whoever_takes_back_what_stood_against_a_write_off_on_another_account_does_not_decide_it(
    writeoffs: WriteOffs, end: str, begun: str
) -> None:
    """An order is ended there, so that it counts no more here; striking that end makes the write-off possible, whenever it is proposed."""
    (account, other), on = writeoffs.of_one_person(TODAY - timedelta(days=600)), TODAY - timedelta(days=500)
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    of_order = {"on": on, "reference": "BKT 118", "order_kind": OrderKind.BANKRUPTCY, "listed": True}
    await writeoffs.do(add_proof, AddProof(proposal=elsewhere, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=BRYN)
    stood = EvidenceKind.INSOLVENCY_ORDER
    if end == EvidenceKind.BANKRUPTCY_ANNULLED:
        stood = EvidenceKind.BANKRUPTCY_ANNULLED
        await writeoffs.do(add_proof, AddProof(proposal=elsewhere, kind=stood, on=on + timedelta(days=30)), caller=BRYN)
    await writeoffs.withdrawn(elsewhere)
    if begun == "before":
        debt = await writeoffs.proposed(account, Reason.BANKRUPTCY)
    await struck(writeoffs, await proof_of(writeoffs, elsewhere, stood), LENA)
    if begun == "afterwards":
        debt = await writeoffs.proposed(account, Reason.BANKRUPTCY)
    await writeoffs.do(add_proof, AddProof(proposal=debt, kind=EvidenceKind.INSOLVENCY_ORDER, **of_order), caller=ASHA)
    await writeoffs.assessed(debt)
    assert (await writeoffs.status(debt))[0] == "ready"
    schedule = await writeoffs.scheduled(debt)
    assert await writeoffs.may_not_decide(schedule) == {"asha.officer", "bryn.officer", "lena.officer"}


@pytest.mark.parametrize("known", [True, False])
async def test_whoever_brought_an_order_decides_no_write_off_for_another_reason_that_says_what_it_has_released(
    writeoffs: WriteOffs, known: bool
) -> None:
    tenant = PersonFacts(person=uuid4())
    account, other = writeoffs.owing(80_00, people=(tenant,)), writeoffs.owing(40_00, people=(tenant,))
    elsewhere = await writeoffs.proposed(other, Reason.BANKRUPTCY)
    debt = await writeoffs.ready(account)
    told = AddProof(
        proposal=elsewhere, kind=EvidenceKind.INSOLVENCY_ORDER, on=TODAY - timedelta(days=500), reference="BKT 118",
        order_kind=OrderKind.BANKRUPTCY, listed=True,
    )  # fmt: skip
    await writeoffs.do(add_proof, told, caller=LENA)
    if not known:
        await struck(writeoffs, await proof_of(writeoffs, elsewhere, EvidenceKind.INSOLVENCY_ORDER), LENA)
    schedule = await writeoffs.scheduled(debt)
    assert ("lena.officer" in await writeoffs.may_not_decide(schedule)) == known
