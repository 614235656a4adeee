"""Write the letter that a rung of a proposal's evidence ladder asks for."""

from zoneinfo import ZoneInfo

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_PAGE, AccountPage, AccountPageAsked
from rentbook_contracts.notices import LadderLetterWritten, WriteLadderLetter

from notices import store
from notices.domain.ladder_letters import LadderTold, ladder_letter, objection
from notices.typesetting import letterhead
from notices.use_cases.keeping import keep

LONDON = ZoneInfo("Europe/London")


async def write_ladder_letter(tx: Transaction, asked: WriteLadderLetter) -> LadderLetterWritten:
    """One letter for each number, however often it is asked for; one that was withheld is written anew.

    Nothing is written, because: Breathing Space runs, nothing is owed any more, or nobody is there to be written to. Errors: Unanswered.
    """
    kept = await store.letter_of(tx, asked.proposal, asked.number, asked.kind.value)
    if kept is not None:
        return LadderLetterWritten(letter=kept)
    page = await tx.ask(ACCOUNT_PAGE, AccountPageAsked(account=asked.account, limit=1))
    told = _told(asked, page)
    because = objection(told)
    if because is not None:
        return LadderLetterWritten(letter=None, because=because)
    on, advice = tx.now.astimezone(LONDON).date(), letterhead()["debt_advice"]
    letter = ladder_letter(told, address=page.label.address, reference=page.label.reference, on=on, advice=advice)
    return LadderLetterWritten(letter=await keep(tx, letter, account=asked.account, case=asked.proposal, attempt=asked.number))


def _told(asked: WriteLadderLetter, page: AccountPage) -> LadderTold:
    return LadderTold(
        kind=asked.kind,
        number=asked.number,
        balance_pence=page.balance_pence,
        living=tuple(tenant.name for tenant in page.tenants if tenant.died_on is None),
        dead=tuple(tenant.name for tenant in page.tenants if tenant.died_on is not None),
        breathing_space=page.breathing_space,
        reply_within_days=asked.reply_within_days,
    )
