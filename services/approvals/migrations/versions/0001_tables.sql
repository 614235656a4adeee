-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE approval_case (
  id UUID NOT NULL,
  version BIGINT DEFAULT '0' NOT NULL,
  first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT approval_case_pkey PRIMARY KEY (id)
);

CREATE TABLE desk_session (
  id_hash TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  csrf_token TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  authenticated_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT desk_session_pkey PRIMARY KEY (id_hash)
);

CREATE INDEX desk_session_ends_at_idx ON desk_session (ends_at);

CREATE TABLE policy (
  id TEXT NOT NULL,
  council TEXT NOT NULL,
  kind TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  decide_within_working_days SMALLINT NOT NULL,
  remind_after_working_days SMALLINT NOT NULL,
  escalate_after_working_days SMALLINT NOT NULL,
  claim_minutes SMALLINT NOT NULL,
  source TEXT NOT NULL,
  made_by TEXT NOT NULL,
  checked_by TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  bulk_most_lines SMALLINT DEFAULT '0' NOT NULL,
  bulk_most_pence BIGINT DEFAULT '0' NOT NULL,
  bulk_opened_first SMALLINT DEFAULT '1' NOT NULL,
  unused_after_days SMALLINT DEFAULT '90' NOT NULL,
  CONSTRAINT policy_pkey PRIMARY KEY (id),
  CONSTRAINT somebody_may_be_away_for_a_day CHECK (unused_after_days > 0),
  CONSTRAINT one_policy_comes_into_force_on_a_day UNIQUE (kind, in_force_from),
  CONSTRAINT policy_has_a_maker_and_a_checker CHECK (made_by <> checked_by),
  CONSTRAINT time_reminds_then_escalates CHECK (0 < remind_after_working_days AND remind_after_working_days <= decide_within_working_days AND decide_within_working_days <= escalate_after_working_days AND claim_minutes > 0),
  CONSTRAINT bulk_decisions_have_caps CHECK (bulk_most_lines BETWEEN 0 AND 100 AND bulk_most_pence >= 0 AND bulk_opened_first >= 1)
);

CREATE TABLE saved_view (
  id UUID NOT NULL,
  person TEXT NOT NULL,
  name TEXT NOT NULL,
  view TEXT NOT NULL,
  filters JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT saved_view_pkey PRIMARY KEY (id),
  CONSTRAINT a_saved_view_has_its_own_name UNIQUE (person, name),
  CONSTRAINT a_saved_view_is_named CHECK (btrim(name) <> '' AND length(name) <= 60)
);

CREATE TABLE staff (
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT staff_pkey PRIMARY KEY (subject)
);

CREATE TABLE update_outcome (
  id UUID NOT NULL,
  accepted BOOLEAN NOT NULL,
  reason TEXT,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT update_outcome_pkey PRIMARY KEY (id),
  CONSTRAINT a_refusal_says_why CHECK (accepted OR reason IS NOT NULL)
);

CREATE TABLE authority (
  id INTEGER GENERATED ALWAYS AS IDENTITY,
  policy_id TEXT NOT NULL,
  act TEXT NOT NULL,
  stage SMALLINT NOT NULL,
  role TEXT NOT NULL,
  from_pence BIGINT NOT NULL,
  to_pence BIGINT,
  body TEXT,
  call_in_working_days SMALLINT DEFAULT '0' NOT NULL,
  CONSTRAINT authority_pkey PRIMARY KEY (id),
  CONSTRAINT a_call_in_ends_within_thirty_working_days CHECK (call_in_working_days BETWEEN 0 AND 30),
  CONSTRAINT a_role_has_one_limit_at_a_stage UNIQUE (policy_id, act, stage, role),
  CONSTRAINT authority_is_to_decide_or_to_release CHECK (act IN ('decide', 'release')),
  CONSTRAINT a_band_has_a_lower_and_an_upper_edge CHECK (0 < from_pence AND (to_pence IS NULL OR from_pence <= to_pence)),
  CONSTRAINT stages_count_from_one CHECK (stage >= 1),
  CONSTRAINT authority_policy_id_fkey FOREIGN KEY(policy_id) REFERENCES policy (id)
);

CREATE TABLE case_seen (
  case_id UUID NOT NULL,
  person TEXT NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT case_seen_pkey PRIMARY KEY (case_id, person),
  CONSTRAINT case_seen_case_id_fkey FOREIGN KEY(case_id) REFERENCES approval_case (id)
);

CREATE TABLE participant (
  case_id UUID NOT NULL,
  person TEXT NOT NULL,
  why TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT participant_pkey PRIMARY KEY (case_id, person, why),
  CONSTRAINT a_participant_is_a_person CHECK (person NOT IN ('', 'system')),
  CONSTRAINT participant_case_id_fkey FOREIGN KEY(case_id) REFERENCES approval_case (id)
);

CREATE TABLE task (
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  stage SMALLINT NOT NULL,
  stages SMALLINT NOT NULL,
  account UUID,
  amount_pence BIGINT NOT NULL,
  content_hash TEXT NOT NULL,
  lane TEXT NOT NULL,
  lane_reasons TEXT[] NOT NULL,
  raised_by TEXT NOT NULL,
  workflow_id TEXT NOT NULL,
  policy_id TEXT NOT NULL,
  required_role TEXT NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  priority_at TIMESTAMP WITH TIME ZONE NOT NULL,
  due_on DATE NOT NULL,
  remind_on DATE NOT NULL,
  escalate_on DATE NOT NULL,
  status TEXT DEFAULT 'OPEN' NOT NULL,
  because TEXT,
  closed_at TIMESTAMP WITH TIME ZONE,
  assigned_to TEXT,
  claimed_by TEXT,
  claim_expires_at TIMESTAMP WITH TIME ZONE,
  reminded_at TIMESTAMP WITH TIME ZONE,
  escalated_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT task_pkey PRIMARY KEY (id),
  CONSTRAINT a_stage_of_a_round_is_one_task UNIQUE (case_id, attempt, round, stage),
  CONSTRAINT a_task_is_known_with_its_content UNIQUE (id, case_id, attempt, round, stage, stages, content_hash, amount_pence),
  CONSTRAINT a_task_stands_within_its_stages CHECK (attempt >= 1 AND round >= 1 AND stage BETWEEN 1 AND stages),
  CONSTRAINT a_task_is_about_an_amount CHECK (amount_pence > 0),
  CONSTRAINT a_schedule_is_of_no_single_account CHECK ((kind = 'write-off') = (account IS NULL)),
  CONSTRAINT a_content_hash_is_a_sha256 CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT a_task_has_a_lane CHECK (lane IN ('green', 'look')),
  CONSTRAINT a_task_has_a_status CHECK (status IN ('OPEN', 'DECIDED', 'CARRIED_OUT', 'NOT_CARRIED_OUT', 'VOID')),
  CONSTRAINT a_claim_expires CHECK ((claimed_by IS NULL) = (claim_expires_at IS NULL)),
  CONSTRAINT task_case_id_fkey FOREIGN KEY(case_id) REFERENCES approval_case (id),
  CONSTRAINT task_policy_id_fkey FOREIGN KEY(policy_id) REFERENCES policy (id)
);

CREATE INDEX task_account_idx ON task (account);

CREATE INDEX task_open_idx ON task (priority_at) WHERE status = 'OPEN';

CREATE TABLE comment (
  id UUID NOT NULL,
  case_id UUID NOT NULL,
  task_id UUID NOT NULL,
  person TEXT NOT NULL,
  text TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT comment_pkey PRIMARY KEY (id),
  CONSTRAINT a_comment_says_something CHECK (btrim(text) <> '' AND length(text) <= 2000),
  CONSTRAINT comment_case_id_fkey FOREIGN KEY(case_id) REFERENCES approval_case (id),
  CONSTRAINT comment_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id)
);

CREATE INDEX comment_case_idx ON comment (case_id);

CREATE TABLE decision (
  id UUID NOT NULL,
  task_id UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  stage SMALLINT NOT NULL,
  stages SMALLINT NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  decided_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  authority_id INTEGER NOT NULL,
  limit_pence BIGINT,
  answer TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  text TEXT NOT NULL,
  question_to TEXT,
  completes BOOLEAN GENERATED ALWAYS AS (answer = 'approved' AND stage = stages) STORED NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
  delegations UUID[] DEFAULT '{}' NOT NULL,
  on_behalf_of TEXT[] DEFAULT '{}' NOT NULL,
  carried_out_from DATE,
  selection_id UUID,
  CONSTRAINT decision_pkey PRIMARY KEY (id),
  CONSTRAINT a_decision_is_on_what_was_shown FOREIGN KEY(task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence) REFERENCES task (id, case_id, attempt, round, stage, stages, content_hash, amount_pence),
  CONSTRAINT a_task_is_decided_once UNIQUE (task_id),
  CONSTRAINT an_answer_is_one_of_three CHECK (answer IN ('approved', 'declined', 'sent-back')),
  CONSTRAINT a_decision_has_a_reason CHECK (reason_code <> ''),
  CONSTRAINT saying_no_is_explained CHECK (answer = 'approved' OR btrim(text) <> ''),
  CONSTRAINT a_question_goes_to_a_named_person CHECK ((answer = 'sent-back') = (question_to IS NOT NULL)),
  CONSTRAINT decision_authority_id_fkey FOREIGN KEY(authority_id) REFERENCES authority (id)
);

CREATE INDEX decision_case_idx ON decision (case_id);

CREATE INDEX decision_decided_at_idx ON decision (decided_at);

CREATE TABLE release (
  run UUID NOT NULL,
  released_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  authority_id INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  total_pence BIGINT NOT NULL,
  released_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT release_pkey PRIMARY KEY (run),
  CONSTRAINT a_release_has_lines CHECK (lines BETWEEN 1 AND 2000 AND total_pence > 0),
  CONSTRAINT release_authority_id_fkey FOREIGN KEY(authority_id) REFERENCES authority (id)
);

CREATE TABLE task_event (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  task_id UUID NOT NULL,
  case_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  person TEXT NOT NULL,
  what TEXT NOT NULL,
  whom TEXT,
  note TEXT,
  CONSTRAINT task_event_pkey PRIMARY KEY (id),
  CONSTRAINT task_event_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id)
);

CREATE INDEX task_event_case_idx ON task_event (case_id);

CREATE TABLE recall (
  decision_id UUID NOT NULL,
  id UUID NOT NULL,
  recalled_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  text TEXT NOT NULL,
  recalled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT recall_pkey PRIMARY KEY (decision_id),
  CONSTRAINT a_form_recalls_once UNIQUE (id),
  CONSTRAINT a_recall_is_explained CHECK (btrim(text) <> ''),
  CONSTRAINT recall_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decision (id)
);

CREATE TABLE release_line (
  run UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  decision_id UUID NOT NULL,
  CONSTRAINT release_line_pkey PRIMARY KEY (run, case_id),
  CONSTRAINT a_payment_is_released_once UNIQUE (decision_id),
  CONSTRAINT a_released_line_pays CHECK (amount_pence > 0),
  CONSTRAINT release_line_run_fkey FOREIGN KEY(run) REFERENCES release (run),
  CONSTRAINT release_line_case_id_fkey FOREIGN KEY(case_id) REFERENCES approval_case (id),
  CONSTRAINT release_line_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decision (id)
);

CREATE INDEX release_line_case_idx ON release_line (case_id);
