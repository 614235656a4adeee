"""The document of an evidence: judged by its bytes, kept under the envelope, bound to the decision, handed out to be saved and not run."""

import hashlib
import json
import logging
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.web import web
from refunds.app import make_app
from refunds.domain.days import business_date
from refunds.domain.documents import DocumentTooLarge, DocumentType, NotADocument, document_type
from refunds.queries import case_page
from refunds.settings import RefundsSettings
from refunds.use_cases.add_evidence import add_evidence
from rentbook_contracts.ledger import CreditSource, PersonFacts, RefundFacts
from rentbook_contracts.refunds import (
    EVIDENCE_DOCUMENT_LIMIT_BYTES,
    AddEvidence,
    CaseAsked,
    DocumentShown,
    EvidenceKind,
)
from support.documents import JPEG, PDF, PNG, sent
from support.refund_cases import A, credit, ledger
from support.refund_service import ASHA, Refunds

TODAY = business_date(datetime.now(UTC))
CANARY = b"statement of account 66374958 of Canary Zebedee"


def tenant() -> RefundFacts:
    benefit = credit(1_000_00, CreditSource.HOUSING_BENEFIT, "RHB")
    return ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), credits=(benefit,), as_of=TODAY)


def answer(case: UUID, document: bytes | None) -> AddEvidence:
    kind = EvidenceKind.BENEFIT_ANSWER
    return AddEvidence(case=case, check=2, kind=kind, settles=True, received_on=TODAY, document=sent(document) if document else None)


async def shown(refunds: Refunds, case: UUID) -> DocumentShown:
    [evidence] = (await refunds.ask(case_page, CaseAsked(case=case))).evidence
    assert evidence.document is not None
    return evidence.document


async def given(refunds: Refunds, settings: RefundsSettings, document: UUID, *roles: str) -> httpx.Response:
    async def well() -> list[str]:
        return []

    caller = {"Authorization": "Bearer the-services-token", "X-Rentbook-Person": "someone", "X-Rentbook-Roles": ",".join(roles)}
    rooms = httpx.ASGITransport(web(refunds.runtime, make_app(settings), well))
    async with httpx.AsyncClient(transport=rooms, base_url="http://refunds") as client:
        return await client.get(f"/documents/{document}", headers=caller)


@pytest.mark.parametrize(("content", "kind"), [(PDF, DocumentType.PDF), (PNG, DocumentType.PNG), (JPEG, DocumentType.JPEG)])
def test_a_document_is_what_its_bytes_are(content: bytes, kind: DocumentType) -> None:
    assert document_type(content) is kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7 cut off",
        PNG[:-4],
        JPEG[:-2],
        b"<html><script>alert(1)</script>",
        b"PK\x03\x04 a document of words",
        b"GIF89a",
        b"MZ" + PDF,
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(NotADocument):
        document_type(content)


def test_a_document_has_a_limit() -> None:
    assert document_type(PDF[:9] + b" " * (EVIDENCE_DOCUMENT_LIMIT_BYTES - len(PDF)) + PDF[9:]) is DocumentType.PDF
    with pytest.raises(DocumentTooLarge):
        document_type(PDF[:9] + b" " * EVIDENCE_DOCUMENT_LIMIT_BYTES + PDF[9:])


async def test_a_document_stands_under_its_envelope_and_nowhere_else(refunds: Refunds, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    content = PDF[:9] + CANARY + PDF[9:]
    case = await refunds.opened(tenant())
    await refunds.checked(case)
    await refunds.do(add_evidence, answer(case, content), caller=ASHA)
    await refunds.checked(case, round_=2)
    tables = await refunds.rows("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
    everything = caplog.text
    for table in tables:
        everything += json.dumps([row["t"] for row in await refunds.rows(f"SELECT row_to_json(t)::text AS t FROM {table['name']} t")])
    assert hashlib.sha256(content).hexdigest() in everything
    for secret in (CANARY.decode(), CANARY.hex(), sent(CANARY).decode(), "Zebedee"):
        assert secret not in everything


async def test_the_document_is_part_of_what_is_decided(refunds: Refunds) -> None:
    hashes = set()
    for document in (None, PDF, PDF + b"\n"):
        case = await refunds.opened(tenant().model_copy(update={"account": uuid4()}))
        await refunds.checked(case)
        await refunds.do(add_evidence, answer(case, document), caller=ASHA)
        made = (await refunds.checked(case, round_=2)).plan
        assert made is not None
        hashes.add(made.checks_hash)
    assert len(hashes) == 3


async def test_a_document_is_handed_out_to_be_saved_to_those_who_judge_a_case(refunds: Refunds, settings: RefundsSettings) -> None:
    case = await refunds.opened(tenant())
    await refunds.checked(case)
    await refunds.do(add_evidence, answer(case, PNG), caller=ASHA)
    about = await shown(refunds, case)
    assert (about.media_type, about.size_bytes, about.sha256) == ("image/png", len(PNG), hashlib.sha256(PNG).hexdigest())
    for role in ("officer", "team-leader", "finance", "auditor"):
        got = await given(refunds, settings, about.document, role)
        assert (got.status_code, got.content) == (200, PNG)
        assert got.headers["content-type"] == "image/png"
        assert got.headers["content-disposition"] == f'attachment; filename="document-{about.document}.png"'
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
        assert got.headers["cache-control"] == "no-store"
    for roles in ((), ("executive-member",)):
        refused = await given(refunds, settings, about.document, *roles)
        assert refused.status_code == 403
    assert (await given(refunds, settings, uuid4(), "officer")).status_code == 404


async def test_what_is_no_document_leaves_no_evidence(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    with pytest.raises(NotADocument) as refused:
        await refunds.do(add_evidence, answer(case, b"<svg onload=alert(1)>"), caller=ASHA)
    assert refused.value.field == "document"
    assert (await refunds.ask(case_page, CaseAsked(case=case))).evidence == ()
