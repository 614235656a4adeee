-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE letter (
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  account UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  sha256 TEXT,
  pdf BYTEA,
  content TEXT NOT NULL,
  status TEXT NOT NULL,
  claimed_by TEXT,
  problem TEXT,
  told TEXT,
  PRIMARY KEY (id),
  CONSTRAINT a_letter_is_made_claimed_sent_or_a_problem CHECK (status IN ('made', 'claimed', 'sent', 'problem', 'withheld')),
  CONSTRAINT a_problem_is_said_in_words CHECK ((status IN ('problem', 'withheld')) = (problem IS NOT NULL)),
  CONSTRAINT a_pdf_has_its_hash CHECK ((pdf IS NULL) = (sha256 IS NULL)),
  CONSTRAINT only_a_letter_that_was_made_is_sent CHECK (status <> 'sent' OR pdf IS NOT NULL)
);

COMMENT ON COLUMN letter.content IS 'What the letter is made from, as JSON';

COMMENT ON COLUMN letter.claimed_by IS 'The run of the process that sends it';

COMMENT ON COLUMN letter.told IS 'The end that the letter tells, as JSON: from it a letter is made anew';

CREATE UNIQUE INDEX a_case_is_told_once_of_each_end ON letter (case_id, attempt, kind) WHERE status != 'withheld';

CREATE INDEX ix_letter_account ON letter (account);

CREATE INDEX ix_letter_case_id ON letter (case_id);

CREATE TABLE sending (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  letter UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  how TEXT NOT NULL,
  step TEXT NOT NULL,
  proof TEXT,
  by TEXT,
  PRIMARY KEY (seq),
  CONSTRAINT a_letter_goes_to_a_folder_or_by_e_mail CHECK (how IN ('folder', 'e-mail')),
  CONSTRAINT an_attempt_begins_and_ends CHECK (step IN ('asked', 'begun', 'done', 'refused', 'unknown')),
  CONSTRAINT a_person_asks_for_it_again CHECK ((step = 'asked') = (by IS NOT NULL)),
  FOREIGN KEY(letter) REFERENCES letter (id)
);

COMMENT ON TABLE sending IS 'Append-only: the proof of sending';

COMMENT ON COLUMN sending.proof IS 'The file''s name, or the message''s id';

COMMENT ON COLUMN sending.by IS 'Who asked that it go out once more';

CREATE INDEX ix_sending_letter ON sending (letter);
