"""Write the letter that a rung of a proposal's evidence ladder asks for."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_PAGE, AccountPage, AccountPageAsked
from rentbook_contracts.notices import LadderLetterWritten, WriteLadderLetter, goes_to

from notices import store
from notices.domain.ladder_letters import LadderTold, ladder_letter, objection
from notices.typesetting import letterhead
from notices.use_cases.keeping import keep

LONDON = ZoneInfo("Europe/London")


async def write_ladder_letter(tx: Transaction, asked: WriteLadderLetter) -> LadderLetterWritten:
    """One letter for each number, however often it is asked for; one that was withheld is written anew.

    While one about the account is under way of whose sending the asker has not heard, that is the answer: evidence that was typed in
    meanwhile has moved the number on, or the debt was proposed anew, and the same people would be written to twice on one day.

    Nothing is written, because: Breathing Space runs, nothing is owed any more, nobody is there to be written to, or nobody knows where
    they are. Errors: Unanswered.
    """
    on = tx.now.astimezone(LONDON).date()
    kept = await store.letter_of(tx, asked.proposal, asked.number, asked.kind.value)
    if kept is None and asked.heard is not None:
        since = datetime.combine(on, time(), LONDON)
        kept = await store.letter_under_way(tx, asked.proposal, asked.account, asked.kind.value, asked.heard, since)
    if kept is not None:
        return LadderLetterWritten(letter=kept)
    page = await tx.ask(ACCOUNT_PAGE, AccountPageAsked(account=asked.account, limit=1))
    told = _told(asked, page)
    because = objection(told)
    if because is not None or told.address is None:
        return LadderLetterWritten(letter=None, because=because)
    letter = ladder_letter(told, address=told.address, reference=page.label.reference, on=on, advice=letterhead()["debt_advice"])
    return LadderLetterWritten(letter=await keep(tx, letter, account=asked.account, case=asked.proposal, attempt=asked.number))


def _told(asked: WriteLadderLetter, page: AccountPage) -> LadderTold:
    living = tuple(tenant.name for tenant in page.tenants if tenant.died_on is None)
    addressee = goes_to(asked.kind, somebody_lives=bool(living))
    to = next((one for one in page.letter_addresses if one.addressee is addressee), None)
    return LadderTold(
        kind=asked.kind,
        number=asked.number,
        anew=asked.anew,
        balance_pence=page.balance_pence,
        living=living,
        dead=tuple(tenant.name for tenant in page.tenants if tenant.died_on is not None),
        breathing_space=page.breathing_space,
        address=to.address if to else None,
        reply_within_days=asked.reply_within_days,
        deals_with_estate=to.name if to else "",
    )
