"""Tables that become labelled blocks where there is no room for columns: each cell learns the name of its column.

Where a style sheet lays rows out as blocks, some browsers no longer tell a screen reader that it is a table; so the roles are said in full.
Pure functions over the desk's own, well-formed templates.
"""

from collections.abc import Iterator
from html import escape, unescape
from html.parser import HTMLParser

from markupsafe import Markup

ROLES = {
    "table": "table",
    "thead": "rowgroup",
    "tbody": "rowgroup",
    "tfoot": "rowgroup",
    "tr": "row",
    "td": "cell",
}

LEADS = "desk-grow"
"""The class of a heading whose cells say what the row is about: the first of them heads the row's block, without a label."""


def stackable(table: str) -> Markup:
    """The same table with `data-label` and roles on its cells. A cell that spans columns speaks for itself and has no label."""
    writer = _Stacking()
    writer.feed(table)
    writer.close()
    return Markup("".join(writer.out))  # noqa: S704 - what came in was escaped by the template, and only attributes are added, escaped


class _Stacking(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self.labels: list[str] = []
        self.lead: int | None = None
        self.column = 0
        self.part = ""
        self.in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = self.get_starttag_text() or ""
        told = "".join(f' {name}="{escape(value)}"' for name, value in self._added(tag, dict(attrs)))
        self.out.append(f"{words[:-1]}{told}>" if told else words)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.out.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self.in_heading = self.in_heading and tag != "th"
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._said(data)

    def handle_entityref(self, name: str) -> None:
        self._said(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._said(f"&#{name};")

    def _said(self, words: str) -> None:
        self.out.append(words)
        if self.in_heading:
            self.labels[-1] += unescape(words)

    def _added(self, tag: str, has: dict[str, str | None]) -> Iterator[tuple[str, str]]:
        if tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        elif tag == "tr":
            self.column = 0
        if tag == "th":
            yield "role", "columnheader" if self.part == "thead" else "rowheader"
        elif tag in ROLES:
            yield "role", ROLES[tag]
        if tag in ("th", "td"):
            yield from self._cell(tag, has)

    def _cell(self, tag: str, has: dict[str, str | None]) -> Iterator[tuple[str, str]]:
        at = self.column
        self.column += int(has.get("colspan") or 1)
        if self.part == "thead":
            self.labels.append("")
            self.in_heading = True
            if LEADS in (has.get("class") or "").split() and self.lead is None:
                self.lead = at
        elif tag == "td" and at == self.lead:
            yield "data-leads", "yes"
        elif tag == "td" and "colspan" not in has and at < len(self.labels):
            yield "data-label", self.labels[at].strip()
