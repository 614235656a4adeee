"""A paying bank account, told apart without being told."""

import base64
import hashlib
import hmac
import re

KEY_FILE = "payer_index_key"
"""Where the key of the fingerprints lies among the secrets: refunds' index key of payees."""


def read_key(text: str) -> bytes:
    """The key, which is kept as base64. Errors: ValueError."""
    return base64.b64decode(text, validate=True)


def fingerprint(key: bytes, account: str) -> str | None:
    """A keyed fingerprint (HMAC-SHA256 of `sort code/number`, hexadecimal) of a British bank account, given as 14 digits or as an IBAN.

    None for other accounts. The same key gives the same fingerprint in refunds, which compares payee and payer (domain.md 4, check 6).
    """
    bare = re.sub(r"[ \-]", "", account).upper()
    british = re.fullmatch("GB[0-9]{2}[A-Z]{4}([0-9]{14})", bare)
    digits = british[1] if british else bare
    if not re.fullmatch("[0-9]{14}", digits):
        return None
    return hmac.new(key, f"{digits[:6]}/{digits[6:]}".encode(), hashlib.sha256).hexdigest()
