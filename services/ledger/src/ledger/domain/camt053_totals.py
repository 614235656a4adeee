"""Do a camt.053 statement's balances and stated totals agree with its entries?"""

from collections.abc import Callable

from ledger.domain.camt053_fields import Fields
from ledger.domain.camt053_values import SIGNS, count, pence_of
from ledger.domain.faults import Faults
from ledger.domain.statement import Statement, pounds

_GROUPS: dict[str, Callable[[int], bool]] = {
    "TtlNtries": lambda pence: True,
    "TtlCdtNtries": lambda pence: pence > 0,
    "TtlDbtNtries": lambda pence: pence < 0,
}


def check_control_total(statement: Statement, line: int, faults: Faults) -> None:
    """Opening balance + booked entries = closing balance. `line` is where the closing balance stands."""
    if statement.opening_pence is None or statement.closing_pence is None:
        return
    total = statement.opening_pence + sum(entry.amount_pence for entry in statement.entries if entry.status == "BOOK")
    if total != statement.closing_pence:
        message = f"opening balance and entries come to {pounds(total)}, and the closing balance is {pounds(statement.closing_pence)}"
        faults.add(line, "ControlTotalWrong", message)


def check_summary(statement: Statement, fields: Fields, faults: Faults) -> None:
    """Totals that the bank may state; some count pending entries in and some don't, so either is right."""
    listed = [entry.amount_pence for entry in statement.entries]
    booked = [entry.amount_pence for entry in statement.entries if entry.status == "BOOK"]
    for group, keep in _GROUPS.items():
        kept = [[pence for pence in amounts if keep(pence)] for amounts in (booked, listed)]
        _check_stated(fields, f"TxsSummry/{group}/NbOfNtries", [len(amounts) for amounts in kept], count, faults)
        _check_stated(fields, f"TxsSummry/{group}/Sum", [sum(map(abs, amounts)) for amounts in kept], pence_of, faults)
    sign = SIGNS.get(fields.text("TxsSummry/TtlNtries/TtlNetNtry/CdtDbtInd", "TxsSummry/TtlNtries/CdtDbtInd"), 0)
    for path in ("TxsSummry/TtlNtries/TtlNetNtryAmt", "TxsSummry/TtlNtries/TtlNetNtry/Amt"):
        _check_stated(fields, path, [sum(booked) * (sign or 1), sum(listed) * (sign or 1)], pence_of, faults)


def _check_stated(fields: Fields, path: str, right: list[int], read: Callable[[str], int | None], faults: Faults) -> None:
    stated = fields.first(path)
    if stated and read(stated.text) not in right:
        faults.add(stated.line, "SummaryWrong", f"{path.removeprefix('TxsSummry/')} does not agree with the entries listed")
