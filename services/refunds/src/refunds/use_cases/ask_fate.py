"""Ask the bank what became of a file whose fate is unknown."""

import httpx
from chassis.failpoint import reached
from chassis.transaction import Transaction
from rentbook_contracts.refunds import FileAnswer, SubmitFile

from refunds.domain.means import Means
from refunds.store import runs
from refunds.use_cases.submit_file import answer_noted, bank_answer, file_to_send, no_answer


async def ask_fate(tx: Transaction, asked: SubmitFile, means: Means) -> FileAnswer:
    """NOT_SEEN is believed only from the bank itself. Errors: NotThisFile."""
    await runs.locked(tx, asked.run)
    file = await file_to_send(tx, asked)
    address = f"{means.bank_url}/bacs/submissions"
    try:
        answer = bank_answer(await tx.http.get(address, params={"sha256": file.sha256}, timeout=means.bank_limit_seconds))
    except httpx.HTTPError as error:
        answer = no_answer(error)
    reached("fate.answered")
    return await answer_noted(tx, asked, answer)
