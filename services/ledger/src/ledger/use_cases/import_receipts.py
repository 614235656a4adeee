"""Take a bank file: every receipt posted in one transaction, or the file refused whole with every fault."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from chassis.failpoint import reached
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountFact,
    AccountStatus,
    BankFileAsked,
    BankFilePage,
    BankFileTaken,
    TransferPosted,
)

from ledger import store
from ledger.domain.bank_file import BankFile
from ledger.domain.calendar import WorkingDays, add_working_days, working_days
from ledger.domain.clearing import NoClearingRule, cleared_on, rule_in_force
from ledger.domain.dates import business_date
from ledger.domain.exported_again import CASH_RECORDS_AT_LEAST, STATEMENT_RECORDS_AT_LEAST, SameRecords, exported_again
from ledger.domain.faults import FAULTS_KEPT, Fault
from ledger.domain.posting import CONTROL_ACCOUNTS, Control, Posting, two_legs
from ledger.domain.receipt import EntryKey, Receipt
from ledger.domain.rules import LedgerRule
from ledger.domain.suspense import PAID_OUT, Marks
from ledger.queries.bank_files import bank_file_page
from ledger.use_cases.give_back import give_back
from ledger.use_cases.mirrored import off_the_account, told_undone
from ledger.use_cases.permission import may_change
from ledger.use_cases.received import told_received
from ledger.use_cases.standing import Standing, open_accounts, standing_in_suspense

YEARS_BACK = 7
"""How old an entry of a bank file may be, as far as its clearing day is concerned."""

NARRATIVE_CHARACTERS = 200
"""How much of what a payer wrote is kept with the journal."""

SUSPENSE_CHARACTERS = 1000
"""How much of it is kept with money in suspense, where it is all that is known."""

PAYER_CHARACTERS = 140
"""How much of a payer's name is kept: as much as ISO 20022 has."""


EXPORTED_AGAIN = "ExportedAgain"
"""The one rule that people may settle otherwise: the records alone do not say whether the payments are new."""


class SecondPersonNeeded(LedgerRule):
    """Whoever sent a file that looks like an earlier one does not say by themselves that its payments are new."""


@dataclass(frozen=True)
class Upload:
    """A file as it was read. `payer_of` gives the fingerprint of a paying bank account.

    `as_new`: whoever sends it says that its payments are new, although an earlier file has most of them.
    """

    name: str
    content: BankFile
    payer_of: Callable[[str], str | None]
    as_new: bool = False


async def import_receipts(tx: Transaction, upload: Upload) -> BankFilePage:
    """The file's page: taken, already taken (then and by whom), or refused. Errors: NotAllowed, SecondPersonNeeded.

    A file that an earlier one mostly holds already, where no reference of the bank's tells its payments apart, is refused
    (`ledger.domain.exported_again`), and so is one whose only payment is the only one of an earlier file: posting it would double
    money, and nothing in it tells the lines that are new. It is taken where a second person sends the very file again and says that all
    its payments are new: nobody in a hurry doubles a day's money, and payments that are really new are not kept out of the books.
    """
    may_change(tx.caller)
    # One file at a time: what an earlier one has booked is known before this one is judged.
    await store.serialise(tx, "bank-files")
    id_, content = uuid4(), upload.content
    earlier = await store.file_taken(tx, sha256=content.sha256)
    if earlier is not None:
        if await _second_person_says_twice(tx, upload):
            await _take(tx, upload, id_, earlier.id)
        else:
            await store.add_file(tx, _row(upload, id_, "ALREADY_TAKEN", earlier=earlier.id))
        return await bank_file_page(tx, BankFileAsked(bank_file=id_))
    found = [] if content.faults_in_all else [*await _before_the_rules(tx, upload), *await _repetitions(tx, upload)]
    alike = None if content.faults_in_all or found else await _exported_again(tx, upload)
    if alike is not None and not await _second_person_says_new(tx, upload):
        found.append(await _alike_in_words(tx, upload, alike))
    like = alike.file if alike is not None else None
    if content.faults_in_all or found:
        in_all = content.faults_in_all + len(found)
        row = _row(upload, id_, "REFUSED", faults_in_all=in_all, earlier=like)
        await store.add_file(tx, row, [*content.faults, *found[:FAULTS_KEPT]])
    else:
        await _take(tx, upload, id_, like)
    return await bank_file_page(tx, BankFileAsked(bank_file=id_))


async def _before_the_rules(tx: Transaction, upload: Upload) -> list[Fault]:
    """The money in for whose method and day the policy has no clearing rule: nobody may guess when it may be refunded."""
    policy = await store.receipt_policy(tx)
    # Beside the event loop, as what a large file says is placed.
    return await asyncio.to_thread(_gaps, upload.content.receipts, policy)


def _gaps(receipts: Sequence[Receipt], policy: store.ReceiptPolicy) -> list[Fault]:
    came = {(receipt.method, receipt.effective_date): None for receipt in receipts if _clears(receipt)}
    gaps: dict[tuple[str, date], str] = {}
    for method, day in came:
        try:
            rule_in_force(policy.clearing, method, day)
        except NoClearingRule as gap:
            gaps[method, day] = str(gap)
    return [
        Fault(receipt.line, "NoClearingRule", gaps[key])
        for receipt in receipts
        if _clears(receipt) and (key := (receipt.method, receipt.effective_date)) in gaps
    ]


def _clears(receipt: Receipt) -> bool:
    return not receipt.pending and receipt.amount_pence > 0


async def _repetitions(tx: Transaction, upload: Upload) -> list[Fault]:
    """What an earlier file has booked already. A refused file and a pending entry have booked nothing."""
    first_lines: dict[tuple[str, EntryKey], int] = {}
    for receipt in upload.content.receipts:
        if receipt.entry is not None and not receipt.pending:
            first_lines.setdefault((receipt.source, receipt.entry), receipt.line)
    taken = await store.booked_references(tx, list(first_lines))
    faults = [
        Fault(line, "StatementTaken", f"statement {row.statement_id} of {upload.name} was taken with the earlier file {same.name} already")
        for line, row in _statements(upload)
        if (same := await store.file_with_statement(tx, row)) is not None
    ]
    faults += [
        Fault(
            line,
            "EntryReferenceTaken",
            f"entry reference {taken[key].reference} of {upload.name} was booked by the earlier file {taken[key].file} already",
        )
        for key, line in first_lines.items()
        if key in taken
    ]
    if not faults and not _may_be_paid_twice(upload.content) and (same := await _file_with_records(tx, upload.content)) is not None:
        faults.append(Fault(None, "RecordsTaken", f"The file {upload.name} holds the very payments of the earlier file {same.name}"))
    return faults


def _may_be_paid_twice(content: BankFile) -> bool:
    """A single payment of a cash file is no proof: people say whether it is a second one."""
    return content.format == "allpay" and len(content.receipts) < CASH_RECORDS_AT_LEAST


async def _file_with_records(tx: Transaction, content: BankFile) -> store.TakenFile | None:
    if content.records_hash is None:
        return None
    return await store.file_with_records(tx, content.records_hash) or await _file_with_bare_records(tx, content)


async def _file_with_bare_records(tx: Transaction, content: BankFile) -> store.TakenFile | None:
    if content.bare_hash is None:
        return None
    return await store.file_with_bare_records(tx, content.bare_hash, unreferenced=content.unreferenced)


async def _exported_again(tx: Transaction, upload: Upload) -> SameRecords | None:
    if _may_be_paid_twice(upload.content):
        same = await _file_with_records(tx, upload.content)
        return SameRecords(same.id, len(upload.content.receipts)) if same is not None else None
    receipts = upload.content.receipts
    at_least = CASH_RECORDS_AT_LEAST if upload.content.format == "allpay" else STATEMENT_RECORDS_AT_LEAST
    taken = await store.booked_records(tx, {receipt.effective_date for receipt in receipts if not receipt.pending})
    return await asyncio.to_thread(exported_again, receipts, taken, at_least=at_least)


async def _second_person_says_new(tx: Transaction, upload: Upload) -> bool:
    """Errors: SecondPersonNeeded."""
    if not upload.as_new:
        return False
    return _is_second(tx, await store.who_was_refused_first(tx, sha256=upload.content.sha256, rule=EXPORTED_AGAIN))


async def _second_person_says_twice(tx: Transaction, upload: Upload) -> bool:
    """Two equal payments of a day make two files with the same bytes. A third such file is a click too many. Errors: SecondPersonNeeded."""
    content = upload.content
    if not upload.as_new or not _may_be_paid_twice(content) or await store.taken_twice(tx, sha256=content.sha256):
        return False
    return _is_second(tx, await store.who_sent_again_first(tx, sha256=content.sha256))


def _is_second(tx: Transaction, first: str | None) -> bool:
    """Whether the caller is another person than who sent it first; nobody is second before a first. Errors: SecondPersonNeeded."""
    if first == tx.caller.person:
        raise SecondPersonNeeded("You sent this file first: another person has to send it again and say that its payments are new.")
    return first is not None


async def _alike_in_words(tx: Transaction, upload: Upload, alike: SameRecords) -> Fault:
    earlier, in_all = await store.file_of(tx, alike.file), sum(not receipt.pending for receipt in upload.content.receipts)
    words = (
        f"{alike.records} of the {in_all} payments of {upload.name} have the day, reference and amount of payments of the earlier file"
        if in_all > 1
        else f"The only payment of {upload.name} has the day, reference and amount of a payment of the earlier file"
    )
    return Fault(None, EXPORTED_AGAIN, f"{words} {earlier.name}")


def _statements(upload: Upload) -> list[tuple[int, store.StatementRow]]:
    """The lines and marks of the statements that book something: one that books nothing repeats nothing."""
    return [
        (
            statement.line,
            store.StatementRow(
                statement.account,
                statement.statement_id,
                statement.sequence_number,
                statement.page,
                statement.opening_date,
                statement.opening_pence,
                statement.closing_date,
                statement.closing_pence,
            ),
        )
        for statement in upload.content.statements
        if statement.books
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    """A receipt and where it goes: onto the account, or into suspense for a reason; nowhere yet while it is pending.

    Without account or reason it takes back what came into suspense; `undone` are the moves from there that it undoes.
    """

    receipt: Receipt
    account: store.LockedAccount | None
    suspense_reason: str | None
    posting: Posting | None
    undone: tuple[tuple[store.LockedAccount, Posting], ...] = ()

    @property
    def postings(self) -> tuple[Posting, ...]:
        """What it posts, in order: what it takes back comes off the account before it leaves suspense."""
        return (*(posting for _, posting in self.undone), *([self.posting] if self.posting is not None else []))

    @property
    def debited(self) -> Iterator[tuple[store.LockedAccount, int]]:
        """The accounts off which it takes a payment, each with how much."""
        onto = [(self.account, self.posting)] if self.account is not None and self.suspense_reason is None else []
        for account, posting in (*self.undone, *onto):
            pence = sum(leg.amount_pence for leg in posting.legs if leg.account == account.id) if posting is not None else 0
            if pence > 0:
                yield account, pence


async def _take(tx: Transaction, upload: Upload, id_: UUID, like: UUID | None) -> None:
    """`like`: the earlier file that this one looked like, until a second person said that its payments are new."""
    again = await store.file_taken(tx, sha256=upload.content.sha256) is not None
    lines = await _lines(tx, upload, f"file/{upload.content.sha256}" + ("/again" if again else ""))
    row = _taken_row(upload, id_, lines, like)
    await store.add_file(tx, row)
    await store.add_statements(tx, id_, _statements(upload))
    # What reverses a journal of the same file comes after it.
    told_of = sorted(lines, key=lambda line: line.posting is not None and line.posting.reverses is not None)
    await store.post(tx, (posting for line in told_of for posting in line.postings))
    # Each entry once, however many payments it gathers.
    booked = dict.fromkeys((line.receipt.source, line.receipt.entry) for line in lines if line.posting and line.receipt.entry)
    await store.add_file_lines(tx, id_, map(_line_row, lines), booked)
    await store.add_suspense(tx, await _suspense(tx, lines))
    await store.tell(tx, (told for line in told_of for told in _facts(line, id_)))
    await give_back(tx, (debited for line in told_of for debited in line.debited))
    await tx.publish(
        BankFileTaken(bank_file=id_, receipts=row.receipts, total_pence=row.total_pence, in_suspense=row.in_suspense), version=1
    )
    reached("bank-file.before-commit")


async def _lines(tx: Transaction, upload: Upload, key: str) -> list[_Line]:
    """`key`: under which the file's lines are posted, each with its number."""
    receipts = upload.content.receipts
    policy = await store.receipt_policy(tx)
    calendar = await _calendar(tx, policy)
    known = await store.accounts_by_reference(tx, {receipt.reference for receipt in receipts if receipt.reference})
    returns = [(receipt, _marks(upload, receipt)) for receipt in receipts if _takes_back(receipt, policy)]
    standing = await standing_in_suspense(tx, returns, known, policy, any_method=upload.content.format == "allpay")
    moved_onto = {move.account for same in standing.in_suspense.values() for one in same for move in one.moves}
    locked = await store.lock_accounts(tx, {*known.values(), *moved_onto})
    standing.on_accounts = await store.standing_receipts(tx, list(locked), set(policy.takes_back.values()))
    standing.open_accounts = open_accounts(locked)
    # Beside the event loop: much to work out for a large file, and nothing to wait for.
    return await asyncio.to_thread(_placed, upload, key, known, locked, policy, calendar, standing)


def _placed(
    upload: Upload,
    key: str,
    known: dict[str, UUID],
    locked: dict[UUID, store.LockedAccount],
    policy: store.ReceiptPolicy,
    calendar: WorkingDays,
    standing: Standing,
) -> list[_Line]:
    """Every receipt with where it goes and how it is posted. `standing` loses what is taken back, and gains what the file itself brings."""
    numbered = list(enumerate(upload.content.receipts, start=1))
    lines: dict[int, _Line] = {}
    # Returns last: a file may take back what it brings, in whatever order it tells of them.
    for number, receipt in sorted(numbered, key=lambda one: _takes_back(one[1], policy)):
        account = locked.get(known[receipt.reference]) if receipt.reference in known else None
        if receipt.pending or not receipt.amount_pence:
            lines[number] = _Line(receipt, account, None, None)
            continue
        lines[number] = _line(f"{key}/{number}", upload, receipt, account, locked, policy, calendar, standing)
    return [lines[number] for number, _ in numbered]


def _line(
    key: str,
    upload: Upload,
    receipt: Receipt,
    account: store.LockedAccount | None,
    locked: dict[UUID, store.LockedAccount],
    policy: store.ReceiptPolicy,
    calendar: WorkingDays,
    standing: Standing,
) -> _Line:
    takes_back, marks = _takes_back(receipt, policy), _marks(upload, receipt)
    reason = why_suspense(receipt, account.status if account else None, takes_back=takes_back)
    onto = account.id if account and reason is None else CONTROL_ACCOUNTS[Control.SUSPENSE]
    reverses, came = (standing.on_account(receipt, onto), None) if takes_back else (None, None)
    if takes_back and reverses is None:
        came = standing.from_suspense(receipt, marks, onto)
    if came is not None:
        account, reason, reverses, onto = None, None, came.journal, CONTROL_ACCOUNTS[Control.SUSPENSE]
    posting = Posting(
        key,
        receipt.method,
        receipt.effective_date,
        two_legs(onto, -receipt.amount_pence, Control.BANK),
        "system",
        receipt.narrative[:NARRATIVE_CHARACTERS],
        cleared_on=_cleared_on(receipt, policy, calendar) if receipt.amount_pence > 0 else None,
        payer=marks.payer,
        reverses=reverses,
    )
    if reason is not None and receipt.amount_pence > 0:
        standing.brings(store.SuspenseReceipt(posting.id, receipt.method, receipt.amount_pence, marks))
    undone = (
        tuple(
            (locked[move.account], off_the_account(move, receipt.effective_date, "system", receipt.narrative[:NARRATIVE_CHARACTERS]))
            for move in came.moves
        )
        if came is not None
        else ()
    )
    return _Line(receipt, account, reason, posting, undone)


def _cleared_on(receipt: Receipt, policy: store.ReceiptPolicy, calendar: WorkingDays) -> date:
    return cleared_on(policy.clearing, calendar, receipt.method, receipt.effective_date, receipt.valued_on)


def _marks(upload: Upload, receipt: Receipt) -> Marks:
    payer = upload.payer_of(receipt.payer_account) if receipt.payer_account else None
    return Marks(payer, receipt.payer_name[:PAYER_CHARACTERS], receipt.narrative[:SUSPENSE_CHARACTERS])


def _takes_back(receipt: Receipt, policy: store.ReceiptPolicy) -> bool:
    """Whether booked money out takes a receipt back: the bank marks it so, or its code is one of those that say so."""
    return receipt.amount_pence < 0 and not receipt.pending and (receipt.reversal or receipt.method in policy.takes_back)


def why_suspense(receipt: Receipt, status: AccountStatus | None, *, takes_back: bool) -> str | None:
    """Why a receipt goes to suspense (domain.md 2.3); None where it goes onto its account. `status` is the account's, if one was found.

    Money out goes onto an account only where it says that it takes a receipt back: all else that the council pays is no tenant's debit.
    """
    if receipt.amount_pence < 0 and not takes_back:
        return PAID_OUT
    if len(receipt.candidates) > 1:
        return "several payment references"
    if receipt.reference is None:
        return "no payment reference"
    if status is None:
        return "no account has this payment reference"
    return "the account is closed" if status is AccountStatus.CLOSED else None


async def _calendar(tx: Transaction, policy: store.ReceiptPolicy) -> WorkingDays:
    year = business_date(tx.now).year
    return working_days(year - YEARS_BACK, year + 1, added=policy.holidays_added, removed=policy.holidays_removed)


async def _suspense(tx: Transaction, lines: Iterable[_Line]) -> Iterator[store.SuspenseRow]:
    today = business_date(tx.now)
    rules = await store.suspense_policy(tx, today)
    calendar = await _calendar(tx, await store.receipt_policy(tx))
    review_by = add_working_days(calendar, today, rules.first_review_working_days)
    escalate_on = today + timedelta(days=rules.escalate_days)
    return (
        store.SuspenseRow(
            line.posting.id,
            line.suspense_reason,
            line.receipt.amount_pence,
            line.receipt.effective_date,
            review_by,
            escalate_on,
            line.receipt.payer_name[:PAYER_CHARACTERS],
            line.receipt.narrative[:SUSPENSE_CHARACTERS],
        )
        for line in lines
        if line.posting is not None and line.suspense_reason is not None
    )


def _facts(line: _Line, file: UUID) -> Iterator[tuple[store.LockedAccount, AccountFact]]:
    for account, undoing in line.undone:
        yield told_undone(account, undoing)
    told = _fact(line, file)
    if told is not None:
        yield told


def _fact(line: _Line, file: UUID) -> tuple[store.LockedAccount, AccountFact] | None:
    account, posting, receipt = line.account, line.posting, line.receipt
    if account is None or posting is None or line.suspense_reason is not None:
        return None
    if posting.reverses is not None:
        return told_undone(account, posting)
    pence, day = receipt.amount_pence, receipt.effective_date
    if pence < 0:
        account.balance_pence -= pence
        return account, TransferPosted(account=account.id, balance_pence=account.balance_pence, journal=posting.id, amount_pence=-pence)
    return told_received(
        account, posting.id, pence, method=receipt.method, effective_date=day, cleared_on=posting.cleared_on, bank_file=file
    )


def _line_row(line: _Line) -> store.FileLineRow:
    receipt = line.receipt
    return store.FileLineRow(
        line=receipt.line,
        amount_pence=receipt.amount_pence,
        code=receipt.method,
        entry_reference=receipt.entry_reference,
        effective_date=receipt.effective_date,
        pending=receipt.pending,
        account=line.account.id if line.account else None,
        account_reference=receipt.reference,
        suspense_reason=line.suspense_reason,
        journal=line.posting.id if line.posting else None,
        source=receipt.source,
    )


def _taken_row(upload: Upload, id_: UUID, lines: Sequence[_Line], like: UUID | None) -> store.FileRow:
    posted = [line for line in lines if line.posting is not None]
    return _row(
        upload,
        id_,
        "TAKEN",
        receipts=len(posted),
        total_pence=sum(line.receipt.amount_pence for line in posted),
        in_suspense=sum(line.suspense_reason is not None for line in posted),
        pending=sum(line.receipt.pending for line in lines),
        earlier=like,
    )


def _row(upload: Upload, id_: UUID, status: str, **more: Any) -> store.FileRow:
    content = upload.content
    return store.FileRow(
        id=id_,
        name=upload.name,
        format=content.format or "unknown",
        status=status,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        records_hash=content.records_hash,
        bare_hash=content.bare_hash,
        unreferenced=content.unreferenced,
        **more,
    )
