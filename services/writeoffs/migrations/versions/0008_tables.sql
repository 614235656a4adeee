-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE struck (
  proof UUID NOT NULL REFERENCES proof (id),
  because TEXT NOT NULL,
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_proof_is_struck_once PRIMARY KEY (proof),
  CONSTRAINT a_proof_is_struck_for_a_reason CHECK (btrim(because) <> ''),
  CONSTRAINT a_proof_is_struck_by_a_person CHECK (by NOT IN ('', 'system'))
);
