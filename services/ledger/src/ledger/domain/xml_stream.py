"""Read XML as it arrives, with a bound on everything that a hostile file could press on; standard library `expat`, no tree.

Nothing of a document type definition is read: a file that carries one is refused, so no entity of its own can expand or fetch anything.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from xml.parsers import expat

from ledger.domain.faults import Fault, Refusal

CHUNK_BYTES = 64 * 1024
ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
"""Encodings that a declaration may name. UTF-7 and its like hide tags from whoever looks at the bytes."""


_CUT_OFF = frozenset(
    {
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    }
)
"""What the parser says at a file's end, when something is still open."""

_BROKEN = {
    expat.errors.XML_ERROR_INVALID_TOKEN: "a character may not stand here in XML; & and < in a text are written &amp; and &lt;",
    expat.errors.XML_ERROR_UNDEFINED_ENTITY: "an abbreviation on this line, such as &nbsp;, is not one of XML’s",
    expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT: "something stands on this line after the statement’s end",
    expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE: "a tag on this line says the same thing twice",
    expat.errors.XML_ERROR_UNBOUND_PREFIX: "a tag on this line has a prefix that the file does not explain",
    expat.errors.XML_ERROR_UNKNOWN_ENCODING: "the encoding that the file names is not known",
    expat.errors.XML_ERROR_INCORRECT_ENCODING: "the file is not in the encoding that it names",
    expat.errors.XML_ERROR_MISPLACED_XML_PI: "the line <?xml … ?> may stand at the very beginning alone",
}
"""What is wrong by what the parser says."""


class Readable(Protocol):
    """A binary stream: `read(n)` gives up to n bytes, and none at its end."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        ...


@dataclass(frozen=True)
class XmlBounds:
    """How far a file may go: depth in elements, text in characters of one element, a token (a tag, a comment) in bytes."""

    depth: int = 32
    text_characters: int = 20_000
    token_bytes: int = 256 * 1024


@dataclass(slots=True)
class Element:
    """An open element. `text` is its own, without that of its children; between children only the text since the last one is kept."""

    namespace: str
    name: str
    attributes: dict[str, str]
    line: int
    parts: list[str]
    characters: int = 0

    @property
    def text(self) -> str:
        """The text so far, without the white space around it."""
        return "".join(self.parts).strip()

    def forget_text(self) -> None:
        """Drop the text so far: what holds elements has no text of its own, only white space between them."""
        self.parts.clear()
        self.characters = 0


class XmlStream:
    """Feeds two functions with elements as they open and close, outermost first.

    `on_start` and `on_end` get the element. Refusal is raised for what is not well-formed, is cut off or goes over a bound.
    """

    def __init__(self, on_start: Callable[[Element], None], on_end: Callable[[Element], None], bounds: XmlBounds) -> None:
        self._on_start = on_start
        self._on_end = on_end
        self._bounds = bounds
        self._open: list[Element] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, stream: Readable) -> None:
        """Read a stream to its end."""
        fed = 0
        try:
            while chunk := stream.read(CHUNK_BYTES):
                self._parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - self._parser.CurrentByteIndex > self._bounds.token_bytes:
                    self._refuse("TokenTooLong", f"a tag or a comment is longer than {self._bounds.token_bytes} bytes")
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Refusal(self._broken(expat.ErrorString(error.code) or "", error.lineno)) from None

    def _broken(self, reason: str, line: int) -> Fault:
        """What is wrong with the XML, in words for whoever sent it; the parser's own words stay here."""
        last = self._open[-1] if self._open else None
        # What a hostile file calls its elements is not repeated: a name of the format is short and has letters alone.
        known = last is not None and re.fullmatch("[A-Za-z]{1,40}", last.name)
        where = f"<{last.name}>, opened on line {last.line}," if last and known else "a part that was opened before"
        if reason in _CUT_OFF:
            ends = f"and {where} is not closed" if last else "before it says anything"
            return Fault(line, "CutOff", f"the file ends here, {ends}")
        if reason == expat.errors.XML_ERROR_TAG_MISMATCH:
            return Fault(line, "NotWellFormed", f"{where} is not closed before another part ends on this line")
        return Fault(line, "NotWellFormed", _BROKEN.get(reason, "what stands on this line is not XML"))

    def _refuse(self, rule: str, message: str) -> None:
        raise Refusal(Fault(self._parser.CurrentLineNumber, rule, message))

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ENCODINGS:
            self._refuse("EncodingNotAllowed", f"the file's encoding must be one of {', '.join(sorted(ENCODINGS))}")

    def _document_type(self, *_declared: Any) -> None:
        self._refuse(
            "DocumentTypeNotAllowed", "the file carries a document type definition, which could define entities; nothing of it was read"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].forget_text()
        namespace, _, name = tag.rpartition(" ")
        element = Element(namespace, name, attributes, self._parser.CurrentLineNumber, [])
        self._open.append(element)
        if len(self._open) > self._bounds.depth:
            self._refuse("TooDeep", f"elements are nested more than {self._bounds.depth} deep")
        self._on_start(element)

    def _text(self, text: str) -> None:
        element = self._open[-1]
        element.characters += len(text)
        if element.characters > self._bounds.text_characters:
            self._refuse("TextTooLong", f"one element's text is longer than {self._bounds.text_characters} characters")
        element.parts.append(text)

    def _end(self, _tag: str) -> None:
        self._on_end(self._open.pop())
