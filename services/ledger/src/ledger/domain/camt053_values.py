"""How ISO 20022 writes amounts, dates and texts, and what they mean here: whole pence and Europe/London dates."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ledger.domain.statement import decimals

MAX_PENCE = 10**12
"""Ten thousand million pounds: above it an amount is a mistake, and sums stay far inside 64 bits."""

REFERENCE_CHARACTERS = 35
"""How long a reference may be (ISO 20022 Max35Text)."""

NO_REFERENCE = frozenset({"NOTPROVIDED", "NONREF", "NOREF", "NONE"})
"""What banks write where they have no reference."""

SIGNS = {"CRDT": 1, "DBIT": -1}
"""Money into the account, money out of it."""

_LONDON = ZoneInfo("Europe/London")


def joined(*parts: str) -> str:
    """Texts as one, with single spaces."""
    return " ".join(word for part in parts for word in part.split())


def count(text: str) -> int | None:
    """A number of things, or None."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def pence_of(text: str) -> int | None:
    """Pence of an amount without a sign and with two decimals at most, or None."""
    matched = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{0,2}))?", text)
    if not matched:
        return None
    pence = int(matched[1]) * 100 + int((matched[2] or "").ljust(2, "0"))
    return pence if pence <= MAX_PENCE else None


def why_no_amount(text: str) -> tuple[str, str]:
    """The rule that a text breaks which is no amount, and the message."""
    if re.fullmatch(r"[0-9]+\.[0-9]{3,}", text):
        return "AmountNotInPence", "an amount must be in pounds and whole pence, and this one has more than two decimals"
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return "AmountTooLarge", f"an amount is above {decimals(MAX_PENCE)}"
    return "NotAnAmount", "an amount must be digits, a point and pence, without a sign"


def day_in_london(text: str) -> date | None:
    """A date as written; an instant becomes the date that it is in London."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?", text):
            return date.fromisoformat(text[:10])
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?", text):
            instant = datetime.fromisoformat(text)
            return (instant if instant.tzinfo is None else instant.astimezone(_LONDON)).date()
    except (ValueError, OverflowError):
        return None
    return None
