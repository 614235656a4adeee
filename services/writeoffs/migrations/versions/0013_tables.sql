-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE last_contact (
  account UUID NOT NULL,
  "on" DATE NOT NULL,
  PRIMARY KEY (account)
);
