"""Documents of evidence, under the envelope: a bank statement shows account numbers."""

import hashlib
import os
from uuid import UUID, uuid4

from chassis.transaction import Transaction

from refunds.domain.documents import DocumentType
from refunds.domain.envelope import KeyRing, seal
from refunds.tables import evidence_document


async def add(tx: Transaction, keys: KeyRing, evidence: UUID, kind: DocumentType, content: bytes) -> None:
    document = uuid4()
    sealed = seal(keys, document, content, os.urandom)
    about = {"media_type": kind, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    row = {"id": document, "evidence": evidence, "key_id": sealed.key_id, "wrapped_key": sealed.wrapped_key, "sealed": sealed.content}
    await tx.connection.execute(evidence_document.insert().values({**row, **about}))
