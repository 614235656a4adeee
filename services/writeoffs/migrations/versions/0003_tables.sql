-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE policy_proposal (
  id UUID NOT NULL,
  in_force_from DATE NOT NULL,
  council TEXT NOT NULL,
  figures JSONB NOT NULL,
  proposed_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT a_proposal_is_of_the_day_that_it_says CHECK (figures ->> 'in_force_from' = in_force_from::text)
);

CREATE TABLE policy_check (
  proposal UUID NOT NULL,
  answer TEXT NOT NULL,
  text TEXT NOT NULL,
  checked_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_policy_is_answered_once PRIMARY KEY (proposal),
  CONSTRAINT a_check_is_one_of_three CHECK (answer IN ('accepted', 'refused', 'withdrawn')),
  CONSTRAINT a_refusal_of_policy_is_explained CHECK (answer = 'accepted' OR btrim(text) <> ''),
  FOREIGN KEY(proposal) REFERENCES policy_proposal (id)
);
