-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE policy_proposal (
  id UUID NOT NULL,
  council TEXT NOT NULL,
  kind TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  decide_within_working_days SMALLINT NOT NULL,
  remind_after_working_days SMALLINT NOT NULL,
  escalate_after_working_days SMALLINT NOT NULL,
  claim_minutes SMALLINT NOT NULL,
  bulk_most_lines SMALLINT NOT NULL,
  bulk_most_pence BIGINT NOT NULL,
  bulk_opened_first SMALLINT NOT NULL,
  unused_after_days SMALLINT DEFAULT '90' NOT NULL,
  source TEXT NOT NULL,
  authorities JSONB NOT NULL,
  proposed_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT policy_proposal_pkey PRIMARY KEY (id),
  CONSTRAINT a_proposal_asks_after_a_day CHECK (unused_after_days > 0),
  CONSTRAINT a_proposal_has_bands CHECK (jsonb_typeof(authorities) = 'array')
);

CREATE TABLE policy_check (
  proposal_id UUID NOT NULL,
  checked_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  answer TEXT NOT NULL,
  text TEXT NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_proposal_is_answered_once PRIMARY KEY (proposal_id),
  CONSTRAINT a_check_is_one_of_three CHECK (answer IN ('accepted', 'refused', 'withdrawn')),
  CONSTRAINT a_refusal_of_policy_is_explained CHECK (answer = 'accepted' OR btrim(text) <> ''),
  CONSTRAINT policy_check_proposal_id_fkey FOREIGN KEY(proposal_id) REFERENCES policy_proposal (id)
);
