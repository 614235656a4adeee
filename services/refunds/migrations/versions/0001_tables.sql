-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE payment_run (
  id UUID NOT NULL,
  status TEXT NOT NULL,
  status_note TEXT NOT NULL,
  released_at TIMESTAMP WITH TIME ZONE NOT NULL,
  released_total_pence BIGINT NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT a_run_pays_more_than_nothing CHECK (released_total_pence > 0)
);

CREATE INDEX runs_by_release ON payment_run (released_at);

CREATE TABLE policy (
  version TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  figures JSONB NOT NULL,
  PRIMARY KEY (version),
  CONSTRAINT one_policy_a_day UNIQUE (in_force_from)
);

CREATE TABLE bank_report (
  number BIGSERIAL NOT NULL,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  run UUID,
  words TEXT NOT NULL,
  taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (number),
  CONSTRAINT a_report_is_taken_once UNIQUE (key),
  FOREIGN KEY(run) REFERENCES payment_run (id)
);

CREATE INDEX reports_of_a_run ON bank_report (run);

CREATE TABLE payment_file (
  number BIGSERIAL NOT NULL,
  run UUID NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  content BYTEA NOT NULL,
  processing_day DATE NOT NULL,
  entry_day DATE NOT NULL,
  items INTEGER NOT NULL,
  total_pence BIGINT NOT NULL,
  built_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (number),
  CONSTRAINT a_run_has_one_file UNIQUE (run),
  CONSTRAINT no_two_files_are_alike UNIQUE (sha256),
  CONSTRAINT no_two_files_have_one_name UNIQUE (name),
  FOREIGN KEY(run) REFERENCES payment_run (id)
);

CREATE TABLE refund_case (
  id UUID NOT NULL,
  account UUID NOT NULL,
  version BIGINT NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  changes BIGINT DEFAULT '0' NOT NULL,
  changes_in_round BIGINT DEFAULT '0' NOT NULL,
  withdrawn_attempt INTEGER,
  status TEXT NOT NULL,
  status_note TEXT NOT NULL,
  is_open BOOLEAN NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  review_credit_pence BIGINT,
  asked_at TIMESTAMP WITH TIME ZONE,
  asked_by UUID,
  asked_as TEXT DEFAULT 'tenant' NOT NULL,
  taken_by TEXT NOT NULL,
  identified_how TEXT NOT NULL,
  requested_pence BIGINT,
  reason_code TEXT NOT NULL,
  note TEXT NOT NULL,
  joint_consent BOOLEAN NOT NULL,
  consents UUID[] NOT NULL,
  opted_out UUID[] NOT NULL,
  payee UUID,
  policy_version TEXT NOT NULL,
  decide_by DATE NOT NULL,
  pay_by DATE NOT NULL,
  floor_pence BIGINT NOT NULL,
  cleared_credit_pence BIGINT NOT NULL,
  queued_hash TEXT,
  queued_decision UUID,
  queued_at TIMESTAMP WITH TIME ZONE,
  run UUID,
  refund_journal UUID,
  PRIMARY KEY (id),
  CONSTRAINT a_case_counts_from_one CHECK (version >= 0 AND attempt > 0 AND round >= 0),
  CONSTRAINT a_request_is_for_more_than_nothing CHECK (requested_pence > 0),
  CONSTRAINT a_request_names_who_asked CHECK ((asked_at IS NULL) = (asked_by IS NULL)),
  CONSTRAINT a_request_has_a_payee CHECK (asked_by IS NULL OR payee IS NOT NULL),
  CONSTRAINT a_request_is_made_in_a_known_part CHECK (asked_as IN ('tenant', 'executor', 'administrator', 'next-of-kin')),
  CONSTRAINT a_queued_payment_was_decided CHECK ((queued_hash IS NULL) = (queued_decision IS NULL) AND (queued_hash IS NULL) = (queued_at IS NULL)),
  FOREIGN KEY(policy_version) REFERENCES policy (version)
);

COMMENT ON COLUMN refund_case.asked_as IS 'Who asks for a tenant who has died';

CREATE INDEX cases_by_age ON refund_case (opened_at);

CREATE INDEX cases_of_an_account ON refund_case (account, opened_at);

CREATE UNIQUE INDEX one_open_case_for_an_account ON refund_case (account) WHERE is_open AND attempt = 1;

CREATE INDEX queued_payments ON refund_case (queued_at) WHERE queued_at IS NOT NULL;

CREATE TABLE submission (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  run UUID NOT NULL,
  sha256 TEXT NOT NULL,
  what TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (seq),
  CONSTRAINT a_submission_is_sent_or_answered CHECK (what IN ('sending', 'accepted', 'refused', 'unknown', 'not-seen')),
  FOREIGN KEY(run) REFERENCES payment_run (id)
);

CREATE INDEX submissions_of_a_run ON submission (run, seq);

CREATE TABLE bank_report_item (
  report BIGINT NOT NULL,
  reference TEXT NOT NULL,
  code TEXT NOT NULL,
  words TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  PRIMARY KEY (report, reference),
  CONSTRAINT what_comes_back_is_more_than_nothing CHECK (amount_pence > 0),
  FOREIGN KEY(report) REFERENCES bank_report (number)
);

CREATE TABLE case_event (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  case_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  by TEXT NOT NULL,
  what TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (seq),
  FOREIGN KEY(case_id) REFERENCES refund_case (id)
);

CREATE INDEX events_of_a_case ON case_event (case_id, seq);

CREATE TABLE check_result (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  check_no SMALLINT NOT NULL,
  occasion TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  evidence TEXT[] NOT NULL,
  source TEXT NOT NULL,
  account_version BIGINT,
  policy_version TEXT NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_on DATE,
  PRIMARY KEY (seq),
  CONSTRAINT a_result_is_of_one_of_the_ten_checks CHECK (check_no BETWEEN 1 AND 10),
  CONSTRAINT a_check_passes_fails_or_refers CHECK (outcome IN ('PASS', 'FAIL', 'REFER')),
  CONSTRAINT a_check_runs_in_a_round_for_a_plan_or_again CHECK (occasion IN ('round', 'plan', 'recheck')),
  FOREIGN KEY(case_id) REFERENCES refund_case (id)
);

CREATE UNIQUE INDEX a_check_runs_once_a_round ON check_result (case_id, attempt, round, check_no) WHERE occasion = 'round';

CREATE INDEX results_of_a_case ON check_result (case_id, attempt, round, seq);

CREATE TABLE participant (
  case_id UUID NOT NULL,
  person TEXT NOT NULL,
  part TEXT NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (case_id, person, part),
  FOREIGN KEY(case_id) REFERENCES refund_case (id)
);

CREATE TABLE payee (
  id UUID NOT NULL,
  case_id UUID NOT NULL,
  person UUID,
  business BOOLEAN NOT NULL,
  key_id TEXT NOT NULL,
  wrapped_key BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  blind_index BYTEA NOT NULL,
  masked TEXT NOT NULL,
  modulus TEXT NOT NULL,
  modulus_table TEXT NOT NULL,
  called_back BOOLEAN NOT NULL,
  changes UUID,
  entered_by TEXT NOT NULL,
  entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(case_id) REFERENCES refund_case (id),
  FOREIGN KEY(changes) REFERENCES payee (id)
);

CREATE INDEX payees_of_a_case ON payee (case_id);

CREATE INDEX payees_with_one_bank_account ON payee (blind_index);

CREATE TABLE refund_plan (
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  plan JSONB,
  content_hash TEXT,
  ground JSONB,
  blocked SMALLINT[] NOT NULL,
  policy_version TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (case_id, attempt, round),
  CONSTRAINT a_plan_has_its_hash_and_its_ground CHECK ((plan IS NULL) = (content_hash IS NULL) AND (plan IS NULL) = (ground IS NULL)),
  FOREIGN KEY(case_id) REFERENCES refund_case (id)
);

CREATE TABLE watched_account (
  case_id UUID NOT NULL,
  account UUID NOT NULL,
  PRIMARY KEY (case_id, account),
  FOREIGN KEY(case_id) REFERENCES refund_case (id)
);

CREATE INDEX watchers_of_an_account ON watched_account (account);

CREATE TABLE evidence (
  id UUID NOT NULL,
  case_id UUID NOT NULL,
  check_no SMALLINT NOT NULL,
  payee UUID,
  answers TEXT NOT NULL,
  accounts UUID[] NOT NULL,
  kind TEXT NOT NULL,
  reference TEXT NOT NULL,
  note TEXT NOT NULL,
  settles BOOLEAN NOT NULL,
  received_on DATE NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT evidence_is_for_one_of_the_ten_checks CHECK (check_no BETWEEN 1 AND 10),
  FOREIGN KEY(case_id) REFERENCES refund_case (id),
  FOREIGN KEY(payee) REFERENCES payee (id)
);

CREATE INDEX evidence_of_a_case ON evidence (case_id, at);

CREATE TABLE payee_confirmation (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  payee UUID NOT NULL,
  answer TEXT NOT NULL,
  key_id TEXT,
  wrapped_key BYTEA,
  sealed_name BYTEA,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (seq),
  FOREIGN KEY(payee) REFERENCES payee (id)
);

CREATE INDEX confirmations_of_a_payee ON payee_confirmation (payee, seq);

CREATE TABLE payment_line (
  number BIGSERIAL NOT NULL,
  reference TEXT NOT NULL,
  run UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  account UUID,
  payee UUID,
  amount_pence BIGINT NOT NULL,
  content_hash TEXT NOT NULL,
  status TEXT NOT NULL,
  because TEXT,
  refund_journal UUID,
  PRIMARY KEY (number),
  CONSTRAINT a_reference_names_one_payment UNIQUE (reference),
  CONSTRAINT a_run_carries_a_payment_once UNIQUE (run, case_id, attempt),
  CONSTRAINT a_line_pays_more_than_nothing CHECK (amount_pence > 0),
  CONSTRAINT a_dropped_line_says_why CHECK ((status = 'dropped') <= (because IS NOT NULL)),
  CONSTRAINT what_is_paid_was_posted CHECK (status NOT IN ('posted', 'paid', 'returned') OR refund_journal IS NOT NULL),
  FOREIGN KEY(run) REFERENCES payment_run (id),
  FOREIGN KEY(payee) REFERENCES payee (id)
);

CREATE UNIQUE INDEX a_payment_is_in_one_live_run ON payment_line (case_id, attempt) WHERE status IN ('released', 'posted', 'paid');

CREATE INDEX payments_of_an_account ON payment_line (account);

CREATE INDEX payments_to_a_payee ON payment_line (payee);

CREATE TABLE bank_item_effect (
  report BIGINT NOT NULL,
  reference TEXT NOT NULL,
  line BIGINT,
  effect TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (report, reference),
  CONSTRAINT an_effect_has_its_item FOREIGN KEY(report, reference) REFERENCES bank_report_item (report, reference),
  CONSTRAINT an_item_returns_a_payment_or_says_why_not CHECK (effect IN ('returned', 'returned-already', 'no-such-payment', 'another-amount')),
  FOREIGN KEY(line) REFERENCES payment_line (number)
);

CREATE UNIQUE INDEX a_payment_comes_back_once ON bank_item_effect (line) WHERE effect = 'returned';
