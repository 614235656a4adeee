"""Numbers and names as every message to people says them, whichever service writes it."""

import unicodedata


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: *1 task*, *3 tasks*, *2 entries*. `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def isolated(words: str) -> str:
    """Words as they stand within other text: what runs from right to left lies between the marks (FSI, PDI) that keep its direction from
    what stands beside it, such as the number of a house. Words that run from left to right stay as they are.
    """
    right_to_left = any(unicodedata.bidirectional(one) in ("R", "AL") for one in words)
    return f"\u2068{words}\u2069" if right_to_left else words
