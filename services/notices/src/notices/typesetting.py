"""Turns the content of a letter or a report into a PDF that assistive technology can read (PDF/UA-1, ISO 14289-1)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import typst

_DATA = files("notices") / "data"
_TRIES = 200
"""How often a report is tried for the characters that no font has: some seconds, and as many as nobody writes by accident."""

STANDS_FOR = "\N{REPLACEMENT CHARACTER}"
_SAYS_SO = f"{STANDS_FOR} stands for a character that no font of this report has: the workbook has it."

_FEW_PAGES = 3
"""The longest report that is tried closer: setting it twice takes no time that anybody notices."""


class CannotBeSet(Exception):
    """The typesetter refuses the content, for example because no font has a character of it. A letter then waits for a person."""


@cache
def letterhead() -> dict[str, Any]:
    """The council's letterhead, as dated data."""
    content: dict[str, Any] = json.loads((_DATA / "letterhead.json").read_text(encoding="utf-8"))
    return content


def set_letter(content: dict[str, Any], *, large_print: bool = False) -> bytes:
    """The PDF. It takes tens of milliseconds and releases the interpreter's lock: call it in a thread. Errors: CannotBeSet."""
    head = letterhead()
    points = head["large_print_points" if large_print else "points"]
    return _set("letter.typ", {"letter": content, "letterhead": head, "points": points}).pdf


def set_report(content: dict[str, Any]) -> bytes:
    """The PDF of a report. A thousand rows take about a second, and release the interpreter's lock. Errors: CannotBeSet.

    A letter has to name people as they are called, and waits for a person where it can't. A report is read beside the desk: a character
    that no font has, such as a picture in a title, is replaced, and the report says so. Where that saves one of a few pages it is set
    closer, so that its last lines do not stand alone.
    """
    try:
        return _set_close(content)
    except CannotBeSet:
        missing = _missing(sorted(set("".join(_texts(content)))), iter(range(_TRIES)))
        if not missing:
            raise
        shown: dict[str, Any] = _replaced(content, str.maketrans(dict.fromkeys(missing, STANDS_FOR)))
        return _set_close({**shown, "notes": [*shown["notes"], _SAYS_SO]})


def _set_close(content: dict[str, Any]) -> bytes:
    wide = _set("report.typ", {"report": content, "letterhead": letterhead()})
    if not 1 < wide.pages <= _FEW_PAGES:
        return wide.pdf
    close = _set("report.typ", {"report": {**content, "close": True}, "letterhead": letterhead()})
    return close.pdf if close.pages < wide.pages else wide.pdf


def _texts(content: Any) -> Iterator[str]:
    """Every text of it."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)


def _replaced(content: Any, by: dict[int, str]) -> Any:
    """The same with characters replaced in every text."""
    if isinstance(content, str):
        return content.translate(by)
    if isinstance(content, dict):
        return {name: _replaced(value, by) for name, value in content.items()}
    return [_replaced(value, by) for value in content] if isinstance(content, list | tuple) else content


def _missing(characters: Sequence[str], tries: Iterator[int]) -> set[str]:
    """Those of the characters that the typesetter can't show in a report. Errors: CannotBeSet, once it has been tried often enough."""
    if next(tries, None) is None:
        raise CannotBeSet("The typesetter refuses it: too many of its characters have no font.")
    words = f"- {' '.join(characters)}"  # a title of nothing but space would be refused for that
    alone = {"title": words, "made": "", "facts": [], "tables": [], "notes": [words]}
    try:
        _set("report.typ", {"report": alone, "letterhead": letterhead()})
    except CannotBeSet:
        half = len(characters) // 2
        if not half:
            return set(characters)
        return _missing(characters[:half], tries) | _missing(characters[half:], tries)
    return set()


@dataclass(frozen=True)
class _Typeset:
    """`pages` is 0 where the template does not count them."""

    pdf: bytes
    pages: int


def _set(template: str, content: dict[str, Any]) -> _Typeset:
    data = json.dumps(content, ensure_ascii=False)
    with as_file(files("notices") / "templates" / template) as path, as_file(files("notices") / "fonts") as fonts:
        return _compile(path, fonts, data)


def _compile(template: Path, fonts: Path, data: str) -> _Typeset:
    try:
        setter = typst.Compiler(str(template), font_paths=[str(fonts)], ignore_system_fonts=True, sys_inputs={"data": data})
        pdf = setter.compile(format="pdf", pdf_standards=["ua-1"])
        pages = json.loads(setter.query("<pages>", field="value"))
    except RuntimeError as error:
        # The typesetter's words quote the content: only their kind may go on.
        raise CannotBeSet("The typesetter refuses it: perhaps no font has one of its characters.") from error
    assert isinstance(pdf, bytes)
    return _Typeset(pdf, int(pages[0]) if pages else 0)
