-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE policy (
  version TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  figures JSONB NOT NULL,
  made_by TEXT NOT NULL,
  checked_by TEXT NOT NULL,
  PRIMARY KEY (version),
  CONSTRAINT one_policy_comes_into_force_on_a_day UNIQUE (in_force_from),
  CONSTRAINT policy_has_a_maker_and_a_checker CHECK (made_by <> checked_by)
);

CREATE TABLE schedule (
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  status TEXT NOT NULL,
  status_note TEXT DEFAULT '' NOT NULL,
  round INTEGER DEFAULT '0' NOT NULL,
  made_by TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_round INTEGER DEFAULT '0' NOT NULL,
  withdrawn BOOLEAN DEFAULT false NOT NULL,
  decision UUID,
  closed_at TIMESTAMP WITH TIME ZONE,
  PRIMARY KEY (id),
  CONSTRAINT a_question_is_answered_after_it_was_asked CHECK (answered_round <= round),
  CONSTRAINT a_schedule_is_of_one_kind CHECK (kind IN ('write-off', 'reinstatement', 'credit-write-on')),
  CONSTRAINT a_schedule_has_a_status CHECK (status IN ('with-approver', 'sent-back', 'call-in', 'posting', 'posted', 'declined', 'withdrawn', 'empty')),
  CONSTRAINT a_closed_schedule_says_when CHECK ((closed_at IS NULL) = (status IN ('with-approver', 'sent-back', 'call-in', 'posting')))
);

CREATE TABLE proposal (
  id UUID NOT NULL,
  version BIGINT DEFAULT '0' NOT NULL,
  attempt INTEGER DEFAULT '1' NOT NULL,
  kind TEXT NOT NULL,
  account UUID NOT NULL,
  reason TEXT NOT NULL,
  note TEXT DEFAULT '' NOT NULL,
  undoes UUID,
  wanted_pence BIGINT,
  raised_by TEXT NOT NULL,
  raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
  balance_pence BIGINT NOT NULL,
  amount_pence BIGINT DEFAULT '0' NOT NULL,
  debtor_total_pence BIGINT DEFAULT '0' NOT NULL,
  status TEXT NOT NULL,
  status_note TEXT DEFAULT '' NOT NULL,
  look_again_on DATE,
  followed BOOLEAN DEFAULT true NOT NULL,
  schedule UUID,
  journal UUID,
  policy_version TEXT NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  PRIMARY KEY (id),
  CONSTRAINT a_proposal_is_of_a_known_kind CHECK (kind IN ('write-off', 'reinstatement', 'credit-write-on')),
  CONSTRAINT a_proposal_has_a_status CHECK (status IN ('gathering', 'blocked', 'ready', 'on-schedule', 'posted', 'declined', 'withdrawn')),
  CONSTRAINT a_closed_proposal_says_when CHECK ((closed_at IS NULL) = (status NOT IN ('posted', 'declined', 'withdrawn'))),
  CONSTRAINT a_posted_proposal_has_its_journal CHECK ((status = 'posted') = (journal IS NOT NULL)),
  CONSTRAINT what_is_listed_names_its_schedule CHECK (status <> 'on-schedule' OR schedule IS NOT NULL),
  CONSTRAINT a_reinstatement_names_what_it_puts_back CHECK ((kind = 'reinstatement') = (undoes IS NOT NULL)),
  CONSTRAINT a_proposal_is_about_an_amount CHECK (wanted_pence > 0 AND amount_pence >= 0),
  CONSTRAINT a_journal_is_of_one_proposal UNIQUE (journal),
  FOREIGN KEY(schedule) REFERENCES schedule (id),
  FOREIGN KEY(policy_version) REFERENCES policy (version)
);

CREATE UNIQUE INDEX an_account_has_one_open_proposal ON proposal (account) WHERE closed_at IS NULL;

CREATE INDEX proposal_by_status ON proposal (status, raised_at);

CREATE TABLE schedule_participant (
  schedule UUID NOT NULL,
  person TEXT NOT NULL,
  part TEXT NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (schedule, person, part),
  CONSTRAINT a_participant_of_a_schedule_is_a_person CHECK (person NOT IN ('', 'system')),
  FOREIGN KEY(schedule) REFERENCES schedule (id)
);

CREATE TABLE schedule_round (
  schedule UUID NOT NULL,
  round INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  band_pence BIGINT NOT NULL,
  total_pence BIGINT NOT NULL,
  begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (schedule, round),
  CONSTRAINT a_round_has_a_content_of_its_own UNIQUE (schedule, content_hash),
  CONSTRAINT a_round_asks_about_something CHECK (band_pence > 0 AND total_pence > 0),
  FOREIGN KEY(schedule) REFERENCES schedule (id)
);

CREATE TABLE event (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  proposal UUID,
  schedule UUID,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  by TEXT NOT NULL,
  what TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT an_event_is_of_a_proposal_or_of_a_schedule CHECK (num_nonnulls(proposal, schedule) = 1),
  FOREIGN KEY(proposal) REFERENCES proposal (id),
  FOREIGN KEY(schedule) REFERENCES schedule (id)
);

CREATE INDEX event_by_proposal ON event (proposal);

CREATE INDEX event_by_schedule ON event (schedule);

CREATE TABLE participant (
  proposal UUID NOT NULL,
  person TEXT NOT NULL,
  part TEXT NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (proposal, person, part),
  CONSTRAINT a_participant_is_a_person CHECK (person NOT IN ('', 'system')),
  FOREIGN KEY(proposal) REFERENCES proposal (id)
);

CREATE TABLE proof (
  id UUID NOT NULL,
  proposal UUID NOT NULL,
  kind TEXT NOT NULL,
  "on" DATE NOT NULL,
  source TEXT NOT NULL,
  reference TEXT NOT NULL,
  note TEXT NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  letter UUID,
  PRIMARY KEY (id),
  CONSTRAINT a_letter_is_evidence_once UNIQUE (letter),
  FOREIGN KEY(proposal) REFERENCES proposal (id)
);

CREATE INDEX proof_by_proposal ON proof (proposal);

CREATE TABLE register (
  proposal UUID NOT NULL,
  schedule UUID NOT NULL,
  kind TEXT NOT NULL,
  account UUID NOT NULL,
  reason TEXT NOT NULL,
  journal UUID NOT NULL,
  undoes UUID,
  decision UUID NOT NULL,
  posted_on DATE NOT NULL,
  amount_pence BIGINT NOT NULL,
  vat_pence BIGINT NOT NULL,
  parts JSONB NOT NULL,
  discharged BOOLEAN NOT NULL,
  reinstated_pence BIGINT DEFAULT '0' NOT NULL,
  PRIMARY KEY (proposal),
  CONSTRAINT a_journal_is_registered_once UNIQUE (journal),
  CONSTRAINT what_is_registered_is_of_a_known_kind CHECK (kind IN ('write-off', 'reinstatement', 'credit-write-on')),
  CONSTRAINT what_is_registered_is_of_an_amount CHECK (amount_pence > 0),
  CONSTRAINT no_more_is_put_back_than_was_written_off CHECK (reinstated_pence BETWEEN 0 AND amount_pence),
  CONSTRAINT a_discharged_debt_is_never_put_back CHECK (NOT discharged OR reinstated_pence = 0),
  FOREIGN KEY(proposal) REFERENCES proposal (id),
  FOREIGN KEY(schedule) REFERENCES schedule (id)
);

CREATE INDEX register_by_account ON register (account);

CREATE INDEX register_by_day ON register (posted_on);

CREATE TABLE schedule_line (
  schedule UUID NOT NULL,
  line UUID NOT NULL,
  place INTEGER NOT NULL,
  account UUID NOT NULL,
  reason TEXT NOT NULL,
  content JSONB NOT NULL,
  content_hash TEXT NOT NULL,
  balance_pence BIGINT NOT NULL,
  amount_pence BIGINT NOT NULL,
  vat_pence BIGINT NOT NULL,
  debtor_total_pence BIGINT NOT NULL,
  standing TEXT NOT NULL,
  because TEXT,
  journal UUID,
  PRIMARY KEY (schedule, line),
  CONSTRAINT a_line_has_its_place UNIQUE (schedule, place),
  CONSTRAINT a_journal_is_of_one_line UNIQUE (journal),
  CONSTRAINT a_line_stands_somewhere CHECK (standing IN ('listed', 'posting', 'posted', 'excepted', 'dropped', 'declined', 'taken-off')),
  CONSTRAINT a_posted_line_has_its_journal CHECK ((standing = 'posted') = (journal IS NOT NULL)),
  CONSTRAINT a_line_is_within_the_total CHECK (amount_pence > 0 AND vat_pence >= 0 AND debtor_total_pence >= amount_pence),
  CONSTRAINT a_content_hash_is_a_sha256 CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  FOREIGN KEY(schedule) REFERENCES schedule (id),
  FOREIGN KEY(line) REFERENCES proposal (id)
);

CREATE UNIQUE INDEX a_proposal_is_on_one_schedule ON schedule_line (line) WHERE standing IN ('listed', 'posting');

CREATE INDEX listed_lines_of_an_account ON schedule_line (account) WHERE standing IN ('listed', 'posting');

CREATE TABLE round_line (
  schedule UUID NOT NULL,
  round INTEGER NOT NULL,
  line UUID NOT NULL,
  PRIMARY KEY (schedule, round, line),
  CONSTRAINT a_round_line_is_of_a_round FOREIGN KEY(schedule, round) REFERENCES schedule_round (schedule, round),
  CONSTRAINT a_round_line_is_a_line FOREIGN KEY(schedule, line) REFERENCES schedule_line (schedule, line)
);
