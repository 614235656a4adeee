"""Text that people from outside wrote: kept as it came, and made harmless where it leaves in a spreadsheet."""

_STARTS_A_FORMULA = "=+-@\t\r\n＝＋－＠"


def safe_cell(text: str) -> str:
    """Text for a cell of CSV or a spreadsheet: what a program could take for a formula gets an apostrophe in front (OWASP CSV injection).

    Spaces and invisible characters before the sign do not hide it. Only for text: a negative amount is a number and stays one.
    """
    first = next((character for character in text if _counts(character)), None)
    return f"'{text}" if first is not None and first in _STARTS_A_FORMULA else text


def _counts(character: str) -> bool:
    return character in "\t\r\n" or (character.isprintable() and character != " ")
