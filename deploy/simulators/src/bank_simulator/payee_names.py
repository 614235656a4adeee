"""Confirmation of Payee: what the payee's bank says of a name (domain.md 4, check 7).

An account in the register is compared with the name that its entry holds. Any other account answers by its last digit, so that a
demonstration and a test can choose: 7 close, 8 no match, 9 unavailable, all others match.
"""

import json
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

CLOSE_ENOUGH = 0.8
TITLES = {"MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "REV", "SIR", "DAME", "LORD", "LADY"}
BY_LAST_DIGIT = {"7": "close", "8": "no-match", "9": "unavailable"}
REGISTER = "register.json"


@dataclass(frozen=True)
class Answer:
    """`answer`: match, close, no-match or unavailable. `name`: the account's own name, told only where the answer is close."""

    answer: str
    name: str | None = None


def confirm(register: list[dict[str, Any]], name: str, sort_code: str, account_number: str, *, business: bool) -> Answer:
    """What the bank answers. An entry holds sort_code, account_number, name, business, and perhaps a fixed answer."""
    for entry in register:
        if (entry["sort_code"], entry["account_number"]) == (sort_code, account_number):
            return _compared(entry, name, business)
    answer = BY_LAST_DIGIT.get(account_number[-1], "match")
    return Answer(answer, _with_initials(name) if answer == "close" else None)


def read_register(folder: Path) -> list[dict[str, Any]]:
    """The entries of register.json in the state folder; none where there is no such file."""
    file = folder / REGISTER
    return list(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else []


def _compared(entry: dict[str, Any], name: str, business: bool) -> Answer:
    if fixed := entry.get("answer"):
        return Answer(fixed, entry["name"] if fixed == "close" else None)
    asked, held = _words(name), _words(entry["name"])
    alike = SequenceMatcher(None, " ".join(asked), " ".join(held)).ratio() >= CLOSE_ENOUGH
    if asked == held:
        right_kind = bool(entry.get("business", False)) == business
        return Answer("match") if right_kind else Answer("close", entry["name"])
    if alike or sorted(asked) == sorted(held) or _initials_fit(asked, held):
        return Answer("close", entry["name"])
    return Answer("no-match")


def _words(name: str) -> list[str]:
    bare = "".join(character for character in unicodedata.normalize("NFKD", name) if not unicodedata.combining(character))
    words = "".join(character if character.isalnum() else " " for character in bare.replace("'", "").replace("’", "")).upper().split()
    return [word for word in words if word not in TITLES]


def _initials_fit(asked: list[str], held: list[str]) -> bool:
    """The same last name, and first names of which one is the other's initial."""
    if not asked or not held or asked[-1] != held[-1]:
        return False
    return all(one[0] == other[0] and 1 in (len(one), len(other)) for one, other in zip(asked[:-1], held[:-1], strict=False))


def _with_initials(name: str) -> str:
    words = name.split()
    return " ".join([*(f"{word[0]}." for word in words[:-1]), *words[-1:]])
