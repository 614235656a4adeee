"""Single values of a camt.053 record: read, or a fault noted at their line."""

import re
from dataclasses import dataclass
from datetime import date

from ledger.domain.camt053_fields import Fields
from ledger.domain.camt053_values import NO_REFERENCE, REFERENCE_CHARACTERS, SIGNS, day_in_london, pence_of, why_no_amount
from ledger.domain.faults import Faults


@dataclass(frozen=True)
class Checked:
    """Reads values for one file, whose faults it notes. Amounts are whole pence of `currency`."""

    faults: Faults
    currency: str

    def amount(self, fields: Fields, path: str) -> int | None:
        """Pence without a sign, or a fault."""
        found = fields.first(path)
        if found is None:
            self.faults.add(fields.line, "AmountMissing", "an amount (Amt) is missing")
            return None
        pence = pence_of(found.text)
        if pence is None:
            self.faults.add(found.line, *why_no_amount(found.text))
        return pence

    def sign(self, fields: Fields, path: str) -> int | None:
        """1 for CRDT, -1 for DBIT, or a fault."""
        found = fields.text(path)
        if found in SIGNS:
            return SIGNS[found]
        self.faults.add(fields.line_of(path), "SignMissing", "the credit or debit indicator must be CRDT or DBIT")
        return None

    def day(self, fields: Fields, name: str) -> date | None:
        """A Europe/London date; None where there is none, or with a fault."""
        found = fields.first(f"{name}/Dt", f"{name}/DtTm")
        if found is None:
            return None
        day = day_in_london(found.text)
        if day is None:
            self.faults.add(found.line, "NotADate", f"{name} must be a date as yyyy-mm-dd")
        return day

    def flag(self, fields: Fields, path: str) -> bool:
        """True or false; a missing one is false."""
        found = fields.text(path)
        if found not in ("", "true", "false", "1", "0"):
            self.faults.add(fields.line_of(path), "NotTrueOrFalse", f"{path} must be true or false")
        return found in ("true", "1")

    def reference(self, fields: Fields, path: str) -> str | None:
        """A reference of a length that we keep; None where the bank has none to give."""
        found = fields.first(path)
        if found is None or not found.text or found.text.upper() in NO_REFERENCE:
            return None
        if len(found.text) > REFERENCE_CHARACTERS:
            self.faults.add(found.line, "ReferenceTooLong", f"{path} is longer than {REFERENCE_CHARACTERS} characters")
            return None
        return found.text

    def check_currency(self, fields: Fields) -> None:
        """A fault where the amount is not in our currency."""
        amount = fields.first("Amt")
        if amount and amount.currency != self.currency:
            named = amount.currency if re.fullmatch("[A-Z]{3}", amount.currency) else "none that we know"
            self.faults.add(amount.line, "WrongCurrency", f"amounts must be in {self.currency}, and the currency here is {named}")
