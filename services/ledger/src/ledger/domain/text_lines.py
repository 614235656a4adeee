"""Lines of a text file as they arrive, whatever its encoding and line ends; a line that is no text, or too long, ends the reading."""

import codecs
import re
from collections.abc import Iterator

from ledger.domain.faults import Fault, Refusal
from ledger.domain.xml_stream import CHUNK_BYTES, Readable

LINE_BYTES = 4_000
"""How long a line may be. The longest that we read has some hundred characters."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_END_OF_FILE = "\x1a"


def text_lines(stream: Readable) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its line end and without a byte-order mark.

    UTF-8, UTF-16 with a mark, else Windows-1252. Raises Refusal for a line that is too long or holds control characters.
    """
    number = 0
    for number, line in enumerate(_raw_lines(_as_utf8(stream)), start=1):
        if len(line) > LINE_BYTES:
            raise Refusal(Fault(number, "LineTooLong", f"a line is longer than {LINE_BYTES} bytes"))
        text = _decoded(line, number).removesuffix(_END_OF_FILE)
        if _CONTROL.search(text):
            raise Refusal(Fault(number, "NotText", "the line holds characters that no text has"))
        yield number, text


def _as_utf8(stream: Readable) -> Iterator[bytes]:
    first = stream.read(CHUNK_BYTES)
    encoding = _UTF16.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    chunk = first[2:]
    try:
        while chunk:
            yield decoder.decode(chunk).encode()
            chunk = stream.read(CHUNK_BYTES)
        decoder.decode(b"", True)
    except UnicodeError:
        raise Refusal(Fault(None, "NotText", "the file begins as UTF-16 text and does not go on so")) from None


def _raw_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = _LINE_END.split(rest + chunk)
        yield from lines
        if len(rest) > LINE_BYTES:
            yield rest
            return
    if rest:
        yield rest.removesuffix(b"\r")


def _decoded(line: bytes, number: int) -> str:
    for encoding in ("utf-8", "windows-1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refusal(Fault(number, "NotText", "the line is neither UTF-8 nor Windows-1252 text"))
