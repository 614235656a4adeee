-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE contact_note (
  id UUID NOT NULL,
  account UUID NOT NULL,
  person TEXT NOT NULL,
  how TEXT NOT NULL,
  identified TEXT NOT NULL,
  text TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT contact_note_pkey PRIMARY KEY (id),
  CONSTRAINT a_contact_note_says_something CHECK (btrim(text) <> '' AND length(text) <= 2000)
);

COMMENT ON TABLE contact_note IS 'Append-only: what was said with a tenant. Personal data: it goes nowhere but onto the account’s page';

CREATE INDEX contact_note_account_idx ON contact_note (account);
