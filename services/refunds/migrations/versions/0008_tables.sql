-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE credit_look (
  account UUID NOT NULL,
  due_on DATE NOT NULL,
  PRIMARY KEY (account)
);

COMMENT ON TABLE credit_look IS 'Credit that somebody may have to look at from a day on, and once no case is open on its account';

CREATE INDEX credit_looks_by_day ON credit_look (due_on);
