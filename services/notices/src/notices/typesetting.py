"""Turns the content of a letter or a report into a PDF that assistive technology can read (PDF/UA-1, ISO 14289-1)."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import typst

_DATA = files("notices") / "data"
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

    Where that saves one of a few pages it is set closer, so that its last lines do not stand alone.
    """
    wide = _set("report.typ", {"report": content, "letterhead": letterhead()})
    if not 1 < wide.pages <= _FEW_PAGES:
        return wide.pdf
    close = _set("report.typ", {"report": {**content, "close": True}, "letterhead": letterhead()})
    return close.pdf if close.pages < wide.pages else wide.pdf


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
