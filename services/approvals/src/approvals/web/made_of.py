"""What the total is made of that decides who has authority: the account, those linked with it, and what went of late."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import AccountKind, DebtFacts, GoneLately, LineKind, LinkedAccount


@dataclass(frozen=True)
class Piece:
    """A balance, debit positive, or what went on a day. `pence` is what of it counts; `kind` is None of the account itself."""

    account: UUID
    pence: int
    kind: AccountKind | None = None
    balance_pence: int | None = None
    gone_on: date | None = None


def made_of(line: LineKind, facts: DebtFacts) -> list[Piece]:
    """As the ledger has it at this moment."""
    gone = facts.to_income_lately if line is LineKind.CREDIT_WRITE_ON else facts.written_off_lately
    return pieces(line, facts.account, facts.balance_pence, facts.linked, gone)


def pieces(line: LineKind, account: UUID, balance_pence: int, linked: Iterable[LinkedAccount], gone: Iterable[GoneLately]) -> list[Piece]:
    """Of a debt all debts count, of a credit all credits: neither makes the other smaller. An account that is at nothing is left out."""
    sign = -1 if line is LineKind.CREDIT_WRITE_ON else 1
    own = Piece(account, max(0, sign * balance_pence), balance_pence=balance_pence)
    beside = [Piece(one.account, max(0, sign * one.balance_pence), one.kind, one.balance_pence) for one in linked if one.balance_pence]
    return [own, *beside, *(Piece(one.account, one.pence, gone_on=one.on) for one in gone)]
