"""Set a letter and keep it, once: what every letter has in common, whatever it is about."""

import asyncio
import hashlib
import json
from uuid import UUID, uuid4

from chassis.transaction import Transaction

from notices import store
from notices.domain.letters import Letter
from notices.typesetting import CannotBeSet, set_letter


async def keep(tx: Transaction, letter: Letter, *, account: UUID, case: UUID, attempt: int, told: str | None = None) -> UUID:
    """The letter of this kind for this attempt at the case; the one that was kept first. One that no font can show waits for a person.

    `told` is what a letter that may be made anew is made from.
    """
    pdf, problem = await _set(letter)
    await store.keep_letter(
        tx,
        id=uuid4(),
        kind=letter.kind,
        title=letter.title,
        account=account,
        case_id=case,
        attempt=attempt,
        made_at=tx.now,
        sha256=hashlib.sha256(pdf).hexdigest() if pdf else None,
        pdf=pdf,
        content=as_text(letter),
        told=told,
        problem=problem,
    )
    kept = await store.letter_of(tx, case, attempt, letter.kind)
    assert kept is not None, "it was kept, or another was before it"
    return kept


def as_text(letter: Letter) -> str:
    """A letter's content as it is kept."""
    return json.dumps(letter.as_data(), ensure_ascii=False)


async def _set(letter: Letter) -> tuple[bytes | None, str | None]:
    try:
        return await asyncio.to_thread(set_letter, letter.as_data()), None
    except CannotBeSet as error:
        return None, str(error)
