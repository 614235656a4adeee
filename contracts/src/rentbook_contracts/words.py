"""Numbers and names as every message to people says them, and what people wrote made harmless, whichever service writes it."""

import unicodedata

_STARTS_A_FORMULA = "=+-@\t\r\n＝＋－＠"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: *1 task*, *3 tasks*, *2 entries*. `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def isolated(words: str) -> str:
    """Words as they stand within other text: what runs from right to left lies between the marks (FSI, PDI) that keep its direction from
    what stands beside it, such as the number of a house. Words that run from left to right stay as they are.
    """
    right_to_left = any(unicodedata.bidirectional(one) in ("R", "AL") for one in words)
    return f"\u2068{words}\u2069" if right_to_left else words


def safe_cell(text: str) -> str:
    """Text for a cell of CSV or a spreadsheet: what a program could take for a formula gets an apostrophe in front (OWASP CSV injection).

    Spaces and invisible characters before the sign do not hide it. Only for text: a negative amount is a number and stays one.
    """
    first = next((character for character in text if _counts(character)), None)
    return f"'{text}" if first is not None and first in _STARTS_A_FORMULA else text


def _counts(character: str) -> bool:
    return character in "\t\r\n" or (character.isprintable() and character != " ")
