"""What each person last changed in the ledger, files included: its part in the review of access (domain.md 9)."""

import sqlalchemy as sa
from chassis.last_commands import last_commands
from chassis.transaction import Transaction
from rentbook_contracts.ledger import TAKE_BANK_FILE
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import LastCommand, LastCommands

from ledger.tables import bank_file


async def last_changes(tx: Transaction, asked: Nothing) -> LastCommands:
    """A bank file is no command of a form and has a name of its own."""
    told = await last_commands(tx, asked)
    by = bank_file.c.uploaded_by
    rows = await tx.connection.execute(sa.select(by, sa.func.max(bank_file.c.uploaded_at).label("at")).group_by(by).order_by(by))
    files = tuple(LastCommand(person=row.uploaded_by, command=TAKE_BANK_FILE, at=row.at) for row in rows)
    return LastCommands(commands=(*told.commands, *files))
