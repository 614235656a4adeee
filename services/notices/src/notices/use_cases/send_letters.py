"""Hand letters over for delivery, and keep the proof.

An attempt is on record before it begins, in a transaction of its own. A letter that a dead run of the process had begun to send by e-mail
is not sent again by itself: whether it went out is not known, and a person looks. A file in the folder can be looked up.

A letter about a refund is looked at once more before it goes out: one that would say something else today gives way to the letter of today.

A letter about arrears is withheld where Breathing Space has begun since it was written (domain.md 5.3), or where nothing is owed any more,
as once the debt was written off; it waits while the ledger does not answer.
"""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosmtplib
import sqlalchemy as sa
from chassis.failpoint import reached, write_at
from chassis.serving import Tick
from chassis.transaction import Transaction, Unanswered
from rentbook_contracts.ledger import DEBTS_FOR_WRITE_OFF, AccountHold, DebtsAsked
from rentbook_contracts.notices import LetterSent

from notices import store
from notices.domain.delivery import Delivery, Mail
from notices.domain.ladder_letters import ABOUT_ARREARS, BREATHING_SPACE, NOTHING_OWED
from notices.domain.letters import LetterKind, end_of_text, refund_letter
from notices.use_cases.keeping import as_text
from notices.use_cases.letter_work import keep_end, look, today
from notices.use_cases.write_of_return import CAME_BACK

BOOT = uuid.uuid4().hex
"""This run of the process."""

AT_ONCE = 20
CHANGED = "The facts changed before it went out: a new letter took its place."
NOT_KNOWN = "It is not known whether this letter went out by e-mail: ask the print and post service, then send it by hand if it did not."


def sending_by(delivery: Delivery) -> Callable[[Transaction, Tick], Coroutine[Any, Any, bool]]:
    """The use case that sends what waits, with its way out."""

    async def send_letters(tx: Transaction, _: Tick) -> bool:
        return await send_some(tx, delivery)

    return send_letters


async def send_some(tx: Transaction, delivery: Delivery) -> bool:
    """Send what is claimed, or else claim what waits. True while there is more to do: not where the mail server takes nothing."""
    claimed = await store.claimed_letters(tx)
    held = await _not_asked_for(tx, claimed)
    going = [row for row in claimed if held is not None or not _about_arrears(row)]
    settled = False
    for row in going:
        if _about_arrears(row) and held and row.account in held and not _was_begun_by_another(row):
            await store.note_sending(tx, row.id, delivery.how, "refused", "withheld")
            await store.withhold(tx, row.id, held[row.account])
            settled = True
        else:
            settled = await _send(tx, delivery, row) or settled
    return settled if going else await _claim_some(tx, delivery)


async def _claim_some(tx: Transaction, delivery: Delivery) -> bool:
    """Claim what waits and is still true; what can't be looked at now goes on waiting, and holds nothing else up."""
    looked_at = False
    for row in await store.waiting_letters(tx, AT_ONCE):
        try:
            still_true = await _still_true(tx, row)
        except Unanswered:
            continue
        looked_at = True
        if still_true:
            await store.claim(tx, row.id, BOOT)
            await store.note_sending(tx, row.id, delivery.how, "begun")
    return looked_at


async def _still_true(tx: Transaction, row: sa.Row[Any]) -> bool:
    """Whether the letter says what is true now; else it is withheld, and where there is still something to tell, made anew.

    Errors: Unanswered while ledger or refunds can't be asked.
    """
    if row.told is None or await store.times_sent(tx, row.id):
        # What goes out once more goes as it went the first time.
        return True
    end = end_of_text(row.told)
    facts, stands = await look(tx, row.account, row.case_id, row.attempt)
    if end.kind is LetterKind.REFUND_MADE and not stands:
        # The bank sent the payment back; the letter on that is on its way.
        await store.withhold(tx, row.id, CAME_BACK)
        return False
    if as_text(refund_letter(end, facts, today(tx))) == row.content:
        return True
    await store.withhold(tx, row.id, CHANGED)
    await keep_end(tx, end, facts, account=row.account, case=row.case_id, attempt=row.attempt)
    return False


def _about_arrears(row: sa.Row[Any]) -> bool:
    return row.kind in ABOUT_ARREARS


def _was_begun_by_another(row: sa.Row[Any]) -> bool:
    """By a run of the process that ended in the middle: it may have gone out."""
    return bool(row.claimed_by != BOOT)


async def _not_asked_for(tx: Transaction, rows: Sequence[sa.Row[Any]]) -> Mapping[UUID, str] | None:
    """Of the accounts that these rows write to about arrears, those of which nobody is asked for any now, and why; None where the ledger
    does not answer.
    """
    accounts = tuple(sorted({row.account for row in rows if _about_arrears(row)}))
    if not accounts:
        return {}
    try:
        read = await tx.ask(DEBTS_FOR_WRITE_OFF, DebtsAsked(accounts=accounts))
    except Unanswered:
        return None
    nothing_owed = {debt.account: NOTHING_OWED for debt in read.debts if debt.balance_pence <= 0}
    return nothing_owed | {debt.account: BREATHING_SPACE for debt in read.debts if AccountHold.BREATHING_SPACE in debt.account_holds}


async def _send(tx: Transaction, delivery: Delivery, row: sa.Row[Any]) -> bool:
    """Whether it waits no more."""
    number = await store.times_sent(tx, row.id) + 1
    if delivery.mail is None:
        name = await asyncio.to_thread(put_into, delivery.folder, row, number)
        await _sent(tx, row, "folder", name, number)
    elif _was_begun_by_another(row):
        await store.note_sending(tx, row.id, "e-mail", "unknown")
        await store.settle(tx, row.id, problem=NOT_KNOWN)
    else:
        return await _mail(tx, delivery.mail, row, number)
    return True


async def _mail(tx: Transaction, mail: Mail, row: sa.Row[Any], number: int) -> bool:
    message = as_message(mail, row, number)
    reached("letter.before-mail")
    try:
        await aiosmtplib.send(message, hostname=mail.host, port=mail.port, timeout=mail.limit_seconds)
    except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPResponseException) as error:
        # The server was not reached, or it said no: the letter certainly did not go out.
        await store.note_sending(tx, row.id, "e-mail", "refused", type(error).__name__)
        await store.release(tx, row.id)
        return False
    except (aiosmtplib.SMTPException, OSError) as error:
        await store.note_sending(tx, row.id, "e-mail", "unknown", type(error).__name__)
        await store.settle(tx, row.id, problem=NOT_KNOWN)
    else:
        reached("letter.mailed")
        await _sent(tx, row, "e-mail", message["Message-ID"], number)
    return True


async def _sent(tx: Transaction, row: sa.Row[Any], how: str, proof: str, number: int) -> None:
    await store.note_sending(tx, row.id, how, "done", proof)
    await store.settle(tx, row.id)
    if number > 1:
        # It was told already that the letter went out, and on which day.
        return
    fact = LetterSent(letter=row.id, kind=row.kind, account=row.account, case=row.case_id, sha256=row.sha256, sent_on=today(tx))
    await tx.publish(fact, version=1)


def name_of(row: sa.Row[Any], number: int) -> str:
    """The name of a letter's file. Each time that it goes out has its own."""
    return f"{row.kind}-{row.id}{f'-{number}' if number > 1 else ''}.pdf"


def put_into(folder: Path, row: sa.Row[Any], number: int = 1) -> str:
    """Write the PDF under the letter's id, whole or not at all; one that lies there already with the same content is the proof.

    `number`: which time it goes out, from 1.
    """
    # Letters name tenants and their debts: nobody but the service's own user reads the folder.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / name_of(row, number)
    if not target.exists() or hashlib.sha256(target.read_bytes()).hexdigest() != row.sha256:
        making = target.with_suffix(".making")
        with making.open("wb") as file:
            write_at("letter.write", file, row.pdf)
            file.flush()
            os.fsync(file.fileno())
        reached("letter.written")
        making.replace(target)
        reached("letter.renamed")
    return target.name


def as_message(mail: Mail, row: sa.Row[Any], number: int = 1) -> EmailMessage:
    """The e-mail to the print and post service: no name in the subject, a message id that follows from the letter's."""
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, mail.recipient
    message["Subject"] = f"Letter to print and post: {row.kind}"
    message["Message-ID"] = f"<{row.id}{f'.{number}' if number > 1 else ''}@rentbook.invalid>"
    message.set_content("Please print the attached letter and post it to the address at its head.\n")
    message.add_attachment(row.pdf, maintype="application", subtype="pdf", filename=name_of(row, number))
    return message
