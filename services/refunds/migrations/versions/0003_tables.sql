-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE evidence_document (
  id UUID NOT NULL,
  evidence UUID NOT NULL,
  media_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  key_id TEXT NOT NULL,
  wrapped_key BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT evidence_has_one_document UNIQUE (evidence),
  CONSTRAINT a_document_is_a_pdf_or_a_picture CHECK (media_type IN ('application/pdf', 'image/png', 'image/jpeg')),
  CONSTRAINT a_document_is_of_a_bounded_size CHECK (size_bytes BETWEEN 1 AND 10000000),
  FOREIGN KEY(evidence) REFERENCES evidence (id)
);
