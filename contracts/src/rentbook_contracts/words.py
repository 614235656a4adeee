"""Numbers as every message to people says them, whichever service writes it."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: *1 task*, *3 tasks*, *2 entries*. `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
