"""What may be kept as the document of an evidence: told by its bytes, never by a name or by what the sender says of it."""

from enum import StrEnum

from rentbook_contracts.refunds import EVIDENCE_DOCUMENT_LIMIT_BYTES

from refunds.domain.rules import RefundRule

# A PDF ends with %%EOF, and writers put some bytes behind it (ISO 32000-1, 7.5.5; readers look in the last 1,024).
PDF_END_WITHIN_BYTES = 1_024
PNG_BEGINS, PNG_ENDS = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"
JPEG_BEGINS, JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"


class DocumentType(StrEnum):
    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"


class NotADocument(RefundRule):
    """Neither a whole PDF nor a whole PNG or JPEG picture."""


class DocumentTooLarge(RefundRule):
    """Larger than EVIDENCE_DOCUMENT_LIMIT_BYTES."""


def document_type(content: bytes) -> DocumentType:
    """What the bytes are, from their beginning and their end. Errors: NotADocument, DocumentTooLarge."""
    if len(content) > EVIDENCE_DOCUMENT_LIMIT_BYTES:
        raise DocumentTooLarge(f"A document has at most {EVIDENCE_DOCUMENT_LIMIT_BYTES // 1_000_000} MB.", field="document")
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-PDF_END_WITHIN_BYTES:]:
        return DocumentType.PDF
    if content.startswith(PNG_BEGINS) and content.endswith(PNG_ENDS):
        return DocumentType.PNG
    if content.startswith(JPEG_BEGINS) and content.endswith(JPEG_ENDS):
        return DocumentType.JPEG
    raise NotADocument("The document must be a whole PDF, PNG or JPEG file.", field="document")
