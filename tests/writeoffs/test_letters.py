"""A letter of the ladder is asked for by the look at a proposal, and its sending is evidence by itself."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from rentbook_contracts.ledger import AccountHold, Addressee, LetterAddressChanged
from rentbook_contracts.notices import LadderLetter, LetterSent, WriteLadderLetter
from rentbook_contracts.writeoffs import Assessed, AssessProposal, EvidenceKind, ProposalAsked, ProposeInBulk, Reason
from sqlalchemy.exc import IntegrityError
from support.debts import person
from support.write_off_service import WriteOffs
from writeoffs.domain.days import business_date, morning_of
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.look import bulk_dry_run, proposal_page
from writeoffs.use_cases.move import move
from writeoffs.use_cases.note_letter import note_letter

TODAY = business_date(datetime.now(UTC))


def sent(proposal: UUID | None, account: UUID, kind: str = "debt", days_ago: int = 0) -> LetterSent:
    on = TODAY - timedelta(days=days_ago)
    return LetterSent(letter=uuid4(), kind=kind, account=account, case=proposal, sha256="ab" * 32, sent_on=on)


async def looked_at(writeoffs: WriteOffs, proposal: UUID) -> Assessed:
    return await writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1))


async def test_a_look_asks_for_the_letter_and_looks_again_in_case_it_is_long_on_its_way(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    found = await looked_at(writeoffs, proposal)
    assert found.letter == WriteLadderLetter(
        proposal=proposal, account=account, kind=LadderLetter.DEBT, number=1, reply_within_days=28, heard=()
    )
    assert found.look_again_at == morning_of(TODAY + timedelta(days=7))


async def test_a_letter_that_was_sent_is_evidence_and_the_story_goes_on_by_it(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    fact = sent(proposal, account)
    await writeoffs.do(note_letter, fact)
    assert await writeoffs.asked_of_workflows("proposal_changed") == [f"write-off-proposal/{proposal}/1"]
    found = await looked_at(writeoffs, proposal)
    assert (found.letter, found.look_again_at) == (None, morning_of(TODAY + timedelta(days=28)))
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert [(proof.kind, proof.on, proof.letter, proof.by) for proof in page.proofs] == [
        (EvidenceKind.LETTER_SENT, TODAY, fact.letter, "system")
    ]
    people = await writeoffs.rows("SELECT person FROM participant WHERE proposal = :id", id=proposal)
    assert people == [{"person": "asha.officer"}]


async def test_a_look_says_of_which_letters_it_has_heard_so_that_none_is_written_beside_another(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(312_40, people=(person(TODAY - timedelta(days=200)),))
    proposal = await writeoffs.proposed(account, Reason.DECEASED)
    await writeoffs.proves(proposal, EvidenceKind.DEATH)
    fact = sent(proposal, account, "estate-debt", days_ago=30)
    await writeoffs.do(note_letter, fact)
    # Another that an officer typed in is no letter of notices.
    await writeoffs.proves(proposal, EvidenceKind.LETTER_SENT, days_ago=29)
    letter = (await looked_at(writeoffs, proposal)).letter
    assert letter is not None
    assert letter.heard == (fact.letter,)


async def test_a_debt_that_is_proposed_anew_is_written_for_on_the_next_day_where_the_first_letter_is_of_today(writeoffs: WriteOffs) -> None:
    """Also where it was told only after the proposal was withdrawn."""
    account = writeoffs.owing(40_00)
    withdrawn = await writeoffs.proposed(account, Reason.UNECONOMIC)
    await writeoffs.withdrawn(withdrawn)
    anew = await writeoffs.proposed(account, Reason.UNECONOMIC)
    fact = sent(withdrawn, account)
    await writeoffs.do(note_letter, fact)
    found = await looked_at(writeoffs, anew)
    assert (found.letter, found.look_again_at) == (None, morning_of(TODAY + timedelta(days=1)))
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=anew))
    assert page.letter_on == TODAY + timedelta(days=1)


async def test_a_debt_that_is_proposed_anew_says_of_which_letters_of_the_first_it_has_heard(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    withdrawn = await writeoffs.proposed(account, Reason.UNECONOMIC)
    fact = sent(withdrawn, account, days_ago=1)
    await writeoffs.do(note_letter, fact)
    await writeoffs.withdrawn(withdrawn)
    letter = (await looked_at(writeoffs, await writeoffs.proposed(account, Reason.UNECONOMIC))).letter
    assert letter is not None
    assert (letter.number, letter.heard) == (1, (fact.letter,))


async def test_an_answer_that_an_officer_enters_ends_the_letters(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    await writeoffs.do(note_letter, sent(proposal, account, days_ago=30))
    await writeoffs.proves(proposal, EvidenceKind.LETTER_ANSWERED, days_ago=2)
    found = await looked_at(writeoffs, proposal)
    assert (found.done, found.letter, found.look_again_at) == (False, None, None)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert page.ladder[0].says.startswith("answered on")


async def test_a_letter_is_evidence_once(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    fact = sent(proposal, account)
    await writeoffs.do(note_letter, fact)
    with pytest.raises(IntegrityError, match="a_letter_is_evidence_once"):
        await writeoffs.do(note_letter, fact)


async def test_letters_about_something_else_are_passed_over(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    for fact in (
        sent(uuid4(), account, "refund-made"),
        sent(uuid4(), account),
        sent(None, account),
        sent(proposal, account, "refund-made"),
        sent(proposal, writeoffs.owing(40_00)),
    ):
        await writeoffs.do(note_letter, fact)
    assert await writeoffs.rows("SELECT * FROM proof") == []


async def test_what_is_listed_keeps_its_line_when_a_letter_comes_late(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing()
    proposal = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(proposal)
    await writeoffs.do(note_letter, sent(proposal, account))
    assert (await writeoffs.status(proposal))[0] == "on-schedule"
    assert (await writeoffs.standings(schedule))[proposal] == ("listed", None)
    assert len(await writeoffs.rows("SELECT * FROM proof WHERE letter IS NOT NULL")) == 1


async def test_no_letter_is_asked_for_in_a_breathing_space(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00, account_holds=(AccountHold.BREATHING_SPACE,))
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    found = await looked_at(writeoffs, proposal)
    assert found.letter is None
    assert (await writeoffs.status(proposal))[0] == "blocked"


async def test_an_attempt_to_return_a_credit_is_recorded_as_that(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    await writeoffs.do(note_letter, sent(proposal, account, "unclaimed-credit", days_ago=30))
    assert await writeoffs.rows("SELECT kind FROM proof") == [{"kind": "return-attempt"}]
    [shown] = (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).proofs
    assert shown.counts_on is None, "a letter that was sent is a record by itself"


async def test_a_letter_waits_for_an_address_and_is_asked_for_once_one_is_noted(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00, reachable=(Addressee.ESTATE,))
    proposal = await writeoffs.proposed(account, Reason.UNECONOMIC)
    found = await looked_at(writeoffs, proposal)
    assert (found.done, found.letter, found.look_again_at) == (False, None, None)
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (page.letter_on, page.address_missing, page.blocked) == (None, True, ())
    asked_before = len(await writeoffs.asked_of_workflows("proposal_changed"))
    writeoffs.moved(account, reachable=(Addressee.TENANTS,))
    noted = LetterAddressChanged(account=account, balance_pence=40_00, addressee=Addressee.TENANTS, known=True)
    await writeoffs.do(move, noted)
    assert len(await writeoffs.asked_of_workflows("proposal_changed")) == asked_before + 1
    assert (await looked_at(writeoffs, proposal)).letter is not None
    page = await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))
    assert (page.letter_on, page.address_missing) == (TODAY, False)


async def test_where_everybody_has_died_the_estates_address_is_wanted(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(80_00, people=(person(TODAY),), reachable=(Addressee.TENANTS,))
    proposal = await writeoffs.proposed(account, Reason.DECEASED)
    rungs = (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).ladder
    assert [rung.says.startswith("the death is noted on the account") for rung in rungs] == [True, *[False] * (len(rungs) - 1)]
    await writeoffs.proves(proposal, EvidenceKind.DEATH)
    assert (await looked_at(writeoffs, proposal)).letter is None
    assert (await writeoffs.ask(proposal_page, ProposalAsked(proposal=proposal))).address_missing
    writeoffs.moved(account, reachable=(Addressee.ESTATE,))
    letter = (await looked_at(writeoffs, proposal)).letter
    assert letter is not None
    assert letter.kind is LadderLetter.ESTATE_DEBT


async def test_a_dry_run_of_many_says_where_an_address_is_missing(writeoffs: WriteOffs) -> None:
    known, unknown = writeoffs.owing(40_00), writeoffs.owing(41_00, reachable=())
    asked = ProposeInBulk(reason=Reason.UNECONOMIC, accounts=(known, unknown))
    would = (await writeoffs.ask(bulk_dry_run, asked)).accounts
    assert ["An address to write to" in one.missing for one in would] == [False, True]


async def test_a_line_that_is_listed_stays_when_an_address_is_noted(writeoffs: WriteOffs) -> None:
    account = writeoffs.owing(40_00)
    ready = await writeoffs.ready(account)
    schedule = await writeoffs.scheduled(ready)
    await writeoffs.do(move, LetterAddressChanged(account=account, balance_pence=40_00, addressee=Addressee.TENANTS, known=False))
    assert await writeoffs.rows("SELECT standing FROM schedule_line WHERE schedule = :id", id=schedule) == [{"standing": "listed"}]
