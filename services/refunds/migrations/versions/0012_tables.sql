-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE payment_file_content (
  run UUID NOT NULL,
  key_id TEXT NOT NULL,
  wrapped_key BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (run),
  FOREIGN KEY(run) REFERENCES payment_file (run)
);

ALTER TABLE payment_file ALTER COLUMN content DROP NOT NULL;

-- Not valid: rows from before are waited for, and no further one is let in.
ALTER TABLE payment_file ADD CONSTRAINT no_file_is_kept_in_clear CHECK (content IS NULL) NOT VALID;
