-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE absence (
  id UUID NOT NULL,
  person TEXT NOT NULL,
  deputy TEXT NOT NULL,
  from_on DATE NOT NULL,
  until_on DATE NOT NULL,
  noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT absence_pkey PRIMARY KEY (id),
  CONSTRAINT nobody_is_their_own_deputy CHECK (person <> deputy),
  CONSTRAINT an_absence_ends_within_a_year CHECK (from_on <= until_on AND until_on - from_on <= 366)
);

CREATE INDEX absence_person_idx ON absence (person);

CREATE TABLE delegation (
  id UUID NOT NULL,
  giver TEXT NOT NULL,
  giver_roles TEXT[] NOT NULL,
  taker TEXT NOT NULL,
  ceiling_pence BIGINT NOT NULL,
  from_on DATE NOT NULL,
  until_on DATE NOT NULL,
  given_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT delegation_pkey PRIMARY KEY (id),
  CONSTRAINT nobody_delegates_to_themselves CHECK (giver <> taker),
  CONSTRAINT people_delegate_to_people CHECK (giver NOT IN ('', 'system') AND taker NOT IN ('', 'system')),
  CONSTRAINT a_delegation_has_a_ceiling CHECK (ceiling_pence > 0),
  CONSTRAINT a_delegation_ends_within_a_year CHECK (from_on <= until_on AND until_on - from_on <= 366)
);

CREATE INDEX delegation_taker_idx ON delegation (taker);

CREATE TABLE absence_end (
  absence_id UUID NOT NULL,
  ended_by TEXT NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT absence_end_pkey PRIMARY KEY (absence_id),
  CONSTRAINT absence_end_absence_id_fkey FOREIGN KEY(absence_id) REFERENCES absence (id)
);

CREATE TABLE delegation_end (
  delegation_id UUID NOT NULL,
  ended_by TEXT NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT delegation_end_pkey PRIMARY KEY (delegation_id),
  CONSTRAINT delegation_end_delegation_id_fkey FOREIGN KEY(delegation_id) REFERENCES delegation (id)
);
