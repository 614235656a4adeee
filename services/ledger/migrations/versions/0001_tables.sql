-- The tables of the first revision, as they were then: a later revision changes them and leaves this file alone.

CREATE TABLE bank_file (
  id UUID NOT NULL,
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  name TEXT NOT NULL,
  format TEXT NOT NULL,
  status TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  records_hash TEXT,
  uploaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  uploaded_by TEXT NOT NULL,
  receipts INTEGER NOT NULL,
  total_pence BIGINT NOT NULL,
  in_suspense INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  faults_in_all INTEGER NOT NULL,
  earlier UUID,
  PRIMARY KEY (id),
  CONSTRAINT a_file_is_taken_refused_or_was_taken_already CHECK (status IN ('TAKEN', 'REFUSED', 'ALREADY_TAKEN')),
  CONSTRAINT a_refused_file_has_a_fault CHECK ((status = 'REFUSED') = (faults_in_all > 0)),
  CONSTRAINT what_was_taken_already_names_the_file CHECK (status <> 'ALREADY_TAKEN' OR earlier IS NOT NULL),
  FOREIGN KEY(earlier) REFERENCES bank_file (id)
);

CREATE UNIQUE INDEX the_same_bytes_are_taken_once ON bank_file (sha256) WHERE status = 'TAKEN';

CREATE UNIQUE INDEX the_same_records_are_taken_once ON bank_file (records_hash) WHERE status = 'TAKEN';

CREATE TABLE bank_holiday_override (
  day DATE NOT NULL,
  holiday BOOLEAN NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (day)
);

CREATE TABLE debited_week (
  week_commencing DATE NOT NULL,
  accounts INTEGER NOT NULL,
  total_pence BIGINT NOT NULL,
  rent_free BOOLEAN NOT NULL,
  debited_at TIMESTAMP WITH TIME ZONE NOT NULL,
  debited_by TEXT NOT NULL,
  PRIMARY KEY (week_commencing),
  CONSTRAINT a_debited_week_begins_on_a_monday CHECK (extract(isodow FROM week_commencing) = 1)
);

CREATE TABLE heard_decision (
  decision UUID NOT NULL,
  kind TEXT NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  answer TEXT NOT NULL,
  completes BOOLEAN NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (decision)
);

CREATE TABLE ledger_policy (
  in_force_from DATE NOT NULL,
  version TEXT NOT NULL,
  suspense_first_review_working_days SMALLINT NOT NULL,
  suspense_escalate_days SMALLINT NOT NULL,
  statute_barred_after_years SMALLINT NOT NULL,
  PRIMARY KEY (in_force_from),
  UNIQUE (version)
);

CREATE TABLE opened_estate (
  the_one BOOLEAN DEFAULT true NOT NULL,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (the_one),
  CONSTRAINT a_ledger_opens_one_estate CHECK (the_one)
);

CREATE TABLE own_account (
  name TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  sort_code TEXT NOT NULL,
  number TEXT NOT NULL,
  iban TEXT NOT NULL,
  PRIMARY KEY (name, in_force_from)
);

CREATE TABLE person (
  id UUID NOT NULL,
  name TEXT NOT NULL,
  died_on DATE,
  insolvent BOOLEAN NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE posting_code (
  code TEXT NOT NULL,
  words TEXT NOT NULL,
  part TEXT NOT NULL,
  contra TEXT,
  source TEXT,
  takes_back TEXT,
  PRIMARY KEY (code),
  CONSTRAINT a_code_belongs_to_a_part CHECK (part IN ('opening', 'charges', 'receipts', 'adjustments', 'transfers', 'refunds', 'write-offs')),
  CONSTRAINT a_receipt_debits_the_bank CHECK ((part = 'receipts') = (contra IS NOT DISTINCT FROM 'BANK')),
  FOREIGN KEY(takes_back) REFERENCES posting_code (code)
);

CREATE TABLE property (
  id UUID NOT NULL,
  reference TEXT NOT NULL,
  address TEXT NOT NULL,
  postcode TEXT NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT a_property_reference_names_one_property UNIQUE (reference)
);

CREATE TABLE receipt_methods (
  in_force_from DATE NOT NULL,
  rules JSONB NOT NULL,
  PRIMARY KEY (in_force_from)
);

CREATE TABLE reference_scheme (
  name TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  scheme JSONB NOT NULL,
  PRIMARY KEY (name, in_force_from)
);

CREATE TABLE rent_group (
  name TEXT NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE bank_file_fault (
  bank_file UUID NOT NULL,
  no INTEGER NOT NULL,
  line INTEGER,
  rule TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (bank_file, no),
  FOREIGN KEY(bank_file) REFERENCES bank_file (id)
);

CREATE TABLE booked_entry (
  bank_account TEXT NOT NULL,
  entry_reference TEXT NOT NULL,
  bank_file UUID NOT NULL,
  PRIMARY KEY (bank_account, entry_reference),
  FOREIGN KEY(bank_file) REFERENCES bank_file (id)
);

CREATE TABLE clearing_rule (
  code TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  working_days SMALLINT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (code, in_force_from),
  CONSTRAINT money_clears_within_sixty_working_days CHECK (working_days BETWEEN 0 AND 60),
  FOREIGN KEY(code) REFERENCES posting_code (code)
);

CREATE TABLE free_week (
  rent_group TEXT NOT NULL,
  week_commencing DATE NOT NULL,
  PRIMARY KEY (rent_group, week_commencing),
  CONSTRAINT a_free_week_begins_on_a_monday CHECK (extract(isodow FROM week_commencing) = 1),
  FOREIGN KEY(rent_group) REFERENCES rent_group (name)
);

CREATE TABLE heard_recall (
  decision UUID NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (decision),
  FOREIGN KEY(decision) REFERENCES heard_decision (decision)
);

CREATE TABLE journal (
  id UUID NOT NULL,
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  code TEXT NOT NULL,
  effective_date DATE NOT NULL,
  posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  rent_week DATE,
  cleared_on DATE,
  reverses UUID,
  case_id UUID,
  decision_id UUID,
  actor TEXT NOT NULL,
  narrative TEXT NOT NULL,
  payer TEXT,
  PRIMARY KEY (id),
  CONSTRAINT a_journal_has_its_own_place UNIQUE (seq),
  CONSTRAINT a_journal_is_reversed_once UNIQUE (reverses),
  CONSTRAINT a_narrative_holds_no_separator CHECK (position(chr(31) in narrative || actor) = 0),
  CONSTRAINT a_journal_does_not_reverse_itself CHECK (reverses <> id),
  CONSTRAINT a_rent_week_begins_on_a_monday CHECK (extract(isodow FROM rent_week) = 1),
  FOREIGN KEY(code) REFERENCES posting_code (code),
  FOREIGN KEY(reverses) REFERENCES journal (id)
);

CREATE TABLE tenancy (
  id UUID NOT NULL,
  property UUID NOT NULL,
  garage BOOLEAN NOT NULL,
  started_on DATE NOT NULL,
  ended_on DATE,
  keys_returned_on DATE,
  final_charges_posted BOOLEAN NOT NULL,
  recharge_inspected BOOLEAN NOT NULL,
  forwarding_address_known BOOLEAN NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT a_tenancy_ends_after_it_starts CHECK (ended_on >= started_on),
  FOREIGN KEY(property) REFERENCES property (id)
);

CREATE TABLE accepted_posting (
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  journal UUID NOT NULL,
  PRIMARY KEY (key),
  CONSTRAINT a_journal_was_accepted_under_one_key UNIQUE (journal),
  FOREIGN KEY(journal) REFERENCES journal (id)
);

CREATE TABLE account (
  id UUID NOT NULL,
  reference TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  tenancy UUID,
  rent_group TEXT,
  pays_by_direct_debit BOOLEAN DEFAULT false NOT NULL,
  balance_pence BIGINT DEFAULT '0',
  version BIGINT DEFAULT '0' NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT a_reference_names_one_account UNIQUE (reference),
  CONSTRAINT an_account_is_of_a_known_kind CHECK (kind IN ('RENT', 'RECHARGE', 'COURT', 'GARAGE', 'HBO', 'USEOCC', 'SUSPENSE', 'CONTROL')),
  CONSTRAINT an_account_has_a_known_status CHECK (status IN ('PENDING', 'CURRENT', 'NOTICE_GIVEN', 'ENDED_OPEN', 'FORMER', 'CLOSED')),
  CONSTRAINT control_accounts_keep_no_running_balance CHECK ((kind IN ('SUSPENSE', 'CONTROL')) = (balance_pence IS NULL)),
  CONSTRAINT a_tenants_account_has_a_tenancy CHECK ((kind IN ('SUSPENSE', 'CONTROL')) = (tenancy IS NULL)),
  FOREIGN KEY(tenancy) REFERENCES tenancy (id),
  FOREIGN KEY(rent_group) REFERENCES rent_group (name)
);

CREATE INDEX account_by_tenancy ON account (tenancy);

CREATE TABLE seal (
  audit_no BIGINT NOT NULL,
  journal UUID NOT NULL,
  prev_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (audit_no),
  CONSTRAINT a_journal_is_sealed_once UNIQUE (journal),
  CONSTRAINT a_seal_follows_one_seal UNIQUE (prev_hash),
  CONSTRAINT a_seal_is_its_own UNIQUE (hash),
  CONSTRAINT audit_numbers_begin_with_one CHECK (audit_no > 0),
  FOREIGN KEY(journal) REFERENCES journal (id)
);

CREATE TABLE suspense_item (
  journal UUID NOT NULL,
  reason TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  since DATE NOT NULL,
  review_by DATE NOT NULL,
  escalate_on DATE NOT NULL,
  PRIMARY KEY (journal),
  FOREIGN KEY(journal) REFERENCES journal (id)
);

CREATE TABLE tenant (
  tenancy UUID NOT NULL,
  person UUID NOT NULL,
  joint BOOLEAN NOT NULL,
  until DATE,
  PRIMARY KEY (tenancy, person),
  FOREIGN KEY(tenancy) REFERENCES tenancy (id),
  FOREIGN KEY(person) REFERENCES person (id)
);

CREATE INDEX tenant_by_person ON tenant (person);

CREATE TABLE account_hold (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  account UUID NOT NULL,
  hold TEXT NOT NULL,
  set_at TIMESTAMP WITH TIME ZONE NOT NULL,
  set_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  lifted_at TIMESTAMP WITH TIME ZONE,
  lifted_by TEXT,
  PRIMARY KEY (id),
  CONSTRAINT an_account_hold_is_of_a_known_kind CHECK (hold IN ('BREATHING_SPACE', 'DECEASED', 'DISPUTE', 'FRAUD', 'LEGAL', 'INSOLVENCY')),
  CONSTRAINT a_hold_is_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
  FOREIGN KEY(account) REFERENCES account (id)
);

CREATE UNIQUE INDEX an_account_hold_is_in_force_once ON account_hold (account, hold) WHERE lifted_at IS NULL;

CREATE TABLE bank_file_line (
  bank_file UUID NOT NULL,
  no INTEGER NOT NULL,
  line INTEGER NOT NULL,
  amount_pence BIGINT NOT NULL,
  code TEXT NOT NULL,
  entry_reference TEXT,
  effective_date DATE NOT NULL,
  pending BOOLEAN NOT NULL,
  account UUID,
  account_reference TEXT,
  suspense_reason TEXT,
  journal UUID,
  PRIMARY KEY (bank_file, no),
  CONSTRAINT a_file_line_is_posted_once UNIQUE (journal),
  CONSTRAINT a_line_is_pending_or_posted CHECK (pending = (journal IS NULL) OR amount_pence = 0),
  FOREIGN KEY(bank_file) REFERENCES bank_file (id),
  FOREIGN KEY(account) REFERENCES account (id),
  FOREIGN KEY(journal) REFERENCES journal (id)
);

CREATE TABLE credit_hold (
  id UUID NOT NULL,
  account UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  state TEXT NOT NULL,
  settled_at TIMESTAMP WITH TIME ZONE,
  PRIMARY KEY (id),
  CONSTRAINT an_earmark_is_of_something CHECK (amount_pence > 0),
  CONSTRAINT an_earmark_is_pending_posted_or_released CHECK (state IN ('PENDING', 'POSTED', 'RELEASED')),
  CONSTRAINT a_settled_earmark_says_when CHECK ((state = 'PENDING') = (settled_at IS NULL)),
  FOREIGN KEY(account) REFERENCES account (id)
);

CREATE UNIQUE INDEX a_case_has_one_earmark ON credit_hold (case_id) WHERE state = 'PENDING';

CREATE INDEX pending_earmarks_of_an_account ON credit_hold (account) WHERE state = 'PENDING';

CREATE TABLE entry (
  journal UUID NOT NULL,
  line SMALLINT NOT NULL,
  account UUID NOT NULL,
  element TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  PRIMARY KEY (journal, line),
  CONSTRAINT an_entry_moves_something CHECK (amount_pence <> 0),
  CONSTRAINT an_element_holds_no_separator CHECK (position(chr(31) in element) = 0),
  FOREIGN KEY(journal) REFERENCES journal (id),
  FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX entry_by_account ON entry (account);

CREATE TABLE weekly_charge (
  account UUID NOT NULL,
  element TEXT NOT NULL,
  in_force_from DATE NOT NULL,
  in_force_until DATE,
  amount_pence BIGINT NOT NULL,
  PRIMARY KEY (account, element, in_force_from),
  CONSTRAINT a_weekly_charge_is_more_than_nothing CHECK (amount_pence > 0),
  CONSTRAINT a_weekly_charge_is_in_force_for_a_day_at_least CHECK (in_force_until > in_force_from),
  FOREIGN KEY(account) REFERENCES account (id)
);
