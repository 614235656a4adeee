"""Whether the name on a bank account can be the tenant's whose account it is said to be (domain.md 4, check 6).

Confirmation of Payee compares the typed name with the bank's: it says nothing about who that is. This compares it with the tenancy.
"""

from refunds.domain.bacs_text import NameHasNoBacsForm, bacs_text

TITLES = {"MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "REV", "SIR", "DAME", "LORD", "LADY"}


def may_be_the_same(typed: str, tenant: str) -> bool:
    """Whether the two may name one person: every word of the shorter is in the longer, or is an initial of one of its words.

    A tenant's name that is written in another script cannot be compared with the Latin name that a bank holds: that is for people, and
    counts as possible here. Raises NameHasNoBacsForm for a typed name without a Latin form.
    """
    here = _words(typed)
    try:
        there = _words(tenant)
    except NameHasNoBacsForm:
        return True
    shorter, longer = sorted((here, there), key=len)
    return bool(shorter) and all(_fits(word, longer) for word in shorter) and bool(_whole(here) & _whole(there))


def _fits(word: str, others: list[str]) -> bool:
    return any(word == other or (1 in (len(word), len(other)) and word[0] == other[0]) for other in others)


def _whole(words: list[str]) -> set[str]:
    return {word for word in words if len(word) > 1}


def _words(name: str) -> list[str]:
    apart = "".join(mark if mark.isalnum() else " " for mark in bacs_text(name)).split()
    return [word for word in apart if word not in TITLES]
