-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE schedule_task (
  task_id UUID NOT NULL,
  line_kind TEXT NOT NULL,
  title TEXT NOT NULL,
  lines INTEGER NOT NULL,
  total_pence BIGINT NOT NULL,
  CONSTRAINT schedule_task_pkey PRIMARY KEY (task_id),
  CONSTRAINT a_schedule_has_lines CHECK (lines BETWEEN 1 AND 1000 AND total_pence > 0),
  CONSTRAINT schedule_task_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id)
);

CREATE TABLE minute (
  decision_id UUID NOT NULL,
  body TEXT NOT NULL,
  reference TEXT NOT NULL,
  met_on DATE NOT NULL,
  copy BYTEA NOT NULL,
  copy_sha256 TEXT NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT minute_pkey PRIMARY KEY (decision_id),
  CONSTRAINT a_minute_has_its_reference CHECK (btrim(reference) <> ''),
  CONSTRAINT a_minute_has_its_copy CHECK (octet_length(copy) BETWEEN 1 AND 10485760),
  CONSTRAINT a_copy_is_known_by_its_hash CHECK (copy_sha256 = encode(sha256(copy), 'hex')),
  CONSTRAINT minute_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decision (id)
);

CREATE TABLE schedule_task_line (
  task_id UUID NOT NULL,
  line UUID NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  debtor_total_pence BIGINT NOT NULL,
  CONSTRAINT schedule_task_line_pkey PRIMARY KEY (task_id, line),
  CONSTRAINT a_line_is_part_of_what_its_debtor_owes CHECK (0 < amount_pence AND amount_pence <= debtor_total_pence),
  CONSTRAINT a_lines_hash_is_a_sha256 CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT schedule_task_line_task_id_fkey FOREIGN KEY(task_id) REFERENCES schedule_task (task_id)
);

CREATE TABLE decision_exception (
  decision_id UUID NOT NULL,
  line UUID NOT NULL,
  task_id UUID NOT NULL,
  reason_code TEXT NOT NULL,
  CONSTRAINT decision_exception_pkey PRIMARY KEY (decision_id, line),
  CONSTRAINT an_exception_is_of_a_line_that_was_shown FOREIGN KEY(task_id, line) REFERENCES schedule_task_line (task_id, line),
  CONSTRAINT an_exception_has_a_reason CHECK (reason_code <> ''),
  CONSTRAINT decision_exception_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decision (id)
);
