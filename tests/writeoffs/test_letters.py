"""A letter of the ladder is asked for by the look at a proposal, and its sending is evidence by itself."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from rentbook_contracts.ledger import AccountHold
from rentbook_contracts.notices import LadderLetter, LetterSent, WriteLadderLetter
from rentbook_contracts.writeoffs import Assessed, AssessProposal, EvidenceKind, ProposalAsked, Reason
from sqlalchemy.exc import IntegrityError
from support.write_off_service import WriteOffs
from writeoffs.domain.days import business_date, morning_of
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.look import proposal_page
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
    assert found.letter == WriteLadderLetter(proposal=proposal, account=account, kind=LadderLetter.DEBT, number=1, reply_within_days=28)
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
    await writeoffs.do(note_letter, sent(proposal, account, "unclaimed-credit"))
    assert await writeoffs.rows("SELECT kind FROM proof") == [{"kind": "return-attempt"}]
