"""The character set of Bacs and how names and references are put into it (domain.md 3.5)."""

import re
import unicodedata

from refunds.domain.rules import RefundRule

FIELD_LENGTH = 18
ALLOWED = re.compile(r"[A-Z0-9 .&/-]*")
SHORTEST_REFERENCE = 6

# Letters that Unicode does not take apart into an A-Z letter and a mark.
LETTERS = {
    "Æ": "AE", "Ø": "O", "Œ": "OE", "Đ": "D", "Ð": "D", "Þ": "TH", "Ł": "L", "Ħ": "H", "Ŧ": "T", "Ŋ": "N", "Ɖ": "D", "Ə": "E",
    "Ɓ": "B", "Ɗ": "D", "Ƙ": "K", "Ɛ": "E", "Ɔ": "O", "Ƴ": "Y", "ẞ": "SS",
}  # fmt: skip
# Marks of names that are left out, as banks do: O'Neill is ONEILL, Ka'ahumanu KAAHUMANU.
LEFT_OUT = set("'’‘ʼʻ`´ʹ\u200b\u200c\u200d\ufeff")
HYPHENS = set("‐‑‒–—―−")
AS_SPACE = set(',;:()[]"“”_\t\u00a0')


class NameHasNoBacsForm(RefundRule):
    """A name has letters that no rule turns into A-Z: an officer enters it in Latin letters, as the bank account shows it."""


class BadReference(RefundRule):
    """A payment reference that Bacs would refuse; the message names the rule."""


def bacs_name(name: str) -> str:
    """A name in Bacs characters, at most 18: marks fall off letters, upper case, apostrophes out, the rest cut off at the end.

    Raises `NameHasNoBacsForm` where a letter has no A-Z form, rather than leave it out: half a name is somebody else's.
    """
    text = " ".join(bacs_text(name).split())[:FIELD_LENGTH].strip()
    if not any(character.isalpha() for character in text):
        raise NameHasNoBacsForm("The name has no Latin letters; enter it as the bank account shows it", field="payee_name")
    return text


def bacs_text(text: str) -> str:
    """Any length of text in Bacs characters. Raises `NameHasNoBacsForm` for what has none."""
    bare = (character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    latin = "".join(_latin(upper) for character in bare for upper in character.upper())
    if ALLOWED.fullmatch(latin) is None:
        raise NameHasNoBacsForm("The name has letters without a Latin form; enter it as the bank account shows it", field="payee_name")
    return latin


def _latin(character: str) -> str:
    if character in LEFT_OUT:
        return ""
    if character in HYPHENS:
        return "-"
    if character in AS_SPACE:
        return " "
    return LETTERS.get(character, character)


def bacs_reference(reference: str) -> str:
    """A payment reference, checked: Bacs characters, at most 18, six alphanumerics or more, not all alike, not starting DDIC."""
    alphanumerics = [character for character in reference if character.isalnum()]
    if ALLOWED.fullmatch(reference) is None or reference != reference.strip():
        raise BadReference("A reference has characters that Bacs does not carry", field="reference")
    if len(reference) > FIELD_LENGTH:
        raise BadReference("A reference is longer than 18 characters", field="reference")
    if len(alphanumerics) < SHORTEST_REFERENCE:
        raise BadReference("A reference needs six letters or digits", field="reference")
    if len(set(alphanumerics)) == 1:
        raise BadReference("A reference must not repeat one character", field="reference")
    if reference.startswith("DDIC"):
        raise BadReference("A reference must not start with DDIC", field="reference")
    return reference
