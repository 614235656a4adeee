"""Where letters about a tenancy go."""

from datetime import date

from rentbook_contracts.ledger import Addressee, LetterAddress


def letters_go_to(addressee: Addressee, noted: LetterAddress | None, home: str, ended_on: date | None, today: date) -> LetterAddress:
    """What was noted last; else the home, as long as the tenancy lasts.

    Whoever has left reads no letter there, and somebody else would: then no address is known.
    """
    if noted is not None:
        return noted
    left = ended_on is not None and ended_on <= today
    return LetterAddress(addressee=addressee, address=None if left else home)
