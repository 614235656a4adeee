"""Answers about letters."""

from chassis.transaction import Transaction
from rentbook_contracts.notices import LetterRow, Letters, LettersAsked

from notices import store


async def letters(tx: Transaction, asked: LettersAsked) -> Letters:
    """Letters about an account or a case, newest first, with what became of them."""
    rows = await store.letter_rows(tx, account=asked.account, case=asked.case)
    return Letters(
        letters=tuple(
            LetterRow(
                letter=row.id,
                kind=row.kind,
                title=row.title,
                account=row.account,
                case=row.case_id,
                made_at=row.made_at,
                sent_at=row.sent_at if row.step == "done" else None,
                sent_how=row.how or "",
                sha256=row.sha256 or "",
                problem=row.problem,
            )
            for row in rows
        )
    )
