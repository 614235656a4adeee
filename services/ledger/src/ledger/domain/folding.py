"""One plain spelling for everything that people search and compare: without marks, case, script or punctuation."""

import re
import unicodedata

from anyascii import anyascii

_WITHIN_A_WORD = re.compile("['`´ʹʺʻʼ’‘]")
_BETWEEN_WORDS = re.compile(r"[\s.,;:/\\\-–—()]+")


def folded(*texts: str) -> str:
    """Texts in small Latin letters: *Trần Văn Minh* is `tran van minh`, *O’Neill* `oneill`, *Олена* `olena`.

    A script that writes no vowels gives none (*محمد* is `mhmd`), and Chinese is read as Mandarin: where people spell their name
    otherwise, the estate says how. Words stand apart by one space.
    """
    latin = anyascii(unicodedata.normalize("NFKC", " ".join(texts)))
    return _BETWEEN_WORDS.sub(" ", _WITHIN_A_WORD.sub("", latin)).casefold().strip()


def folded_home(address: str, postcode: str) -> str:
    """An address with its postcode, as it is printed and also without its space."""
    return folded(address, postcode, re.sub(r"\s", "", postcode))
