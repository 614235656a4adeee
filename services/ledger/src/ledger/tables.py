"""The ledger's tables. What the database refuses beyond these constraints (triggers, rights) stands in migrations/versions.

Money is signed pence: debit positive, credit negative. Dates are Europe/London business dates, instants UTC.
"""

import sqlalchemy as sa
from chassis.tables import chassis_metadata
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData()

_INSTANT = sa.DateTime(timezone=True)


# --- policy: dated rows ------------------------------------------------------------------------------------------------------------

posting_code = sa.Table(
    "posting_code",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("contra", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("takes_back", sa.Text, sa.ForeignKey("posting_code.code")),
    sa.CheckConstraint(
        "part IN ('opening', 'charges', 'receipts', 'adjustments', 'transfers', 'refunds', 'write-offs')", name="a_code_belongs_to_a_part"
    ),
    sa.CheckConstraint("(part = 'receipts') = (contra IS NOT DISTINCT FROM 'BANK')", name="a_receipt_debits_the_bank"),
)

clearing_rule = sa.Table(
    "clearing_rule",
    metadata,
    sa.Column("code", sa.Text, sa.ForeignKey("posting_code.code"), primary_key=True),
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("working_days", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.CheckConstraint("working_days BETWEEN 0 AND 60", name="money_clears_within_sixty_working_days"),
)

rent_group = sa.Table(
    "rent_group",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("words", sa.Text, nullable=False),
)

free_week = sa.Table(
    "free_week",
    metadata,
    sa.Column("rent_group", sa.Text, sa.ForeignKey("rent_group.name"), primary_key=True),
    sa.Column("week_commencing", sa.Date, primary_key=True),
    sa.CheckConstraint("extract(isodow FROM week_commencing) = 1", name="a_free_week_begins_on_a_monday"),
)

bank_holiday_override = sa.Table(
    "bank_holiday_override",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("holiday", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

reference_scheme = sa.Table(
    "reference_scheme",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("scheme", JSONB, nullable=False),
)

receipt_methods = sa.Table(
    "receipt_methods",
    metadata,
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("rules", JSONB, nullable=False),
)

own_account = sa.Table(
    "own_account",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("sort_code", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("iban", sa.Text, nullable=False),
)

ledger_policy = sa.Table(
    "ledger_policy",
    metadata,
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("version", sa.Text, nullable=False, unique=True),
    sa.Column("suspense_first_review_working_days", sa.SmallInteger, nullable=False),
    sa.Column("suspense_escalate_days", sa.SmallInteger, nullable=False),
    sa.Column("statute_barred_after_years", sa.SmallInteger, nullable=False),
    sa.Column("debtor_total_months", sa.SmallInteger, nullable=False, server_default="12"),
    sa.Column("vat_percent", sa.SmallInteger, nullable=False, server_default="20"),
    sa.Column("breathing_space_most_days", sa.SmallInteger, nullable=False, server_default="60"),
    sa.Column("breathing_space_once_in_months", sa.SmallInteger, nullable=False, server_default="12"),
    sa.Column("breathing_space_after_treatment_days", sa.SmallInteger, nullable=False, server_default="30"),
    sa.Column("breathing_space_review_from_day", sa.SmallInteger, nullable=False, server_default="25"),
    sa.Column("breathing_space_review_to_day", sa.SmallInteger, nullable=False, server_default="35"),
)


provision_policy = sa.Table(
    "provision_policy",
    metadata,
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("version", sa.Text, nullable=False, unique=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.CheckConstraint("made_by <> checked_by", name="policy_has_a_maker_and_a_checker"),
)

provision_rate = sa.Table(
    "provision_rate",
    metadata,
    sa.Column("in_force_from", sa.Date, sa.ForeignKey("provision_policy.in_force_from"), primary_key=True),
    sa.Column("status", sa.Text, primary_key=True),
    sa.Column("from_days", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("basis_points", sa.Integer, nullable=False),
    sa.CheckConstraint("status IN ('current', 'former')", name="a_tenant_is_current_or_former"),
    sa.CheckConstraint("from_days >= 0", name="an_age_is_not_below_nothing"),
    sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name="no_more_is_lost_than_is_owed"),
)

provision_proposal = sa.Table(
    "provision_proposal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("in_force_from", sa.Date, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("rates", JSONB, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("proposed_at", _INSTANT, nullable=False),
)
"""Rates of expected loss that somebody proposes, as a list of status, age in days and basis points."""

provision_check = sa.Table(
    "provision_check",
    metadata,
    sa.Column("proposal", sa.Uuid, sa.ForeignKey("provision_proposal.id"), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("checked_at", _INSTANT, nullable=False),
    sa.PrimaryKeyConstraint("proposal", name="a_policy_is_answered_once"),
    sa.CheckConstraint("answer IN ('accepted', 'refused', 'withdrawn')", name="a_check_is_one_of_three"),
    sa.CheckConstraint("answer = 'accepted' OR btrim(text) <> ''", name="a_refusal_of_policy_is_explained"),
)
"""What another person said to a proposal, or its maker's withdrawal. Accepting it lays the rates down, by a trigger of the owner's."""


# --- tenancies and their people ----------------------------------------------------------------------------------------------------

rental_property = sa.Table(
    "property",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("postcode", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),
    sa.UniqueConstraint("reference", name="a_property_reference_names_one_property"),
)
sa.Index("property_by_part_of_its_spelling", rental_property.c.folded, postgresql_using="gin", postgresql_ops={"folded": "gin_trgm_ops"})

person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("died_on", sa.Date),
    sa.Column("insolvent", sa.Boolean, nullable=False),
    sa.Column("latin", sa.Text),
    sa.Column("folded", sa.Text, nullable=False),
)
sa.Index("person_by_part_of_its_spelling", person.c.folded, postgresql_using="gin", postgresql_ops={"folded": "gin_trgm_ops"})

tenancy = sa.Table(
    "tenancy",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("property", sa.Uuid, sa.ForeignKey("property.id"), nullable=False),
    sa.Column("garage", sa.Boolean, nullable=False),
    sa.Column("started_on", sa.Date, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Column("keys_returned_on", sa.Date),
    sa.Column("final_charges_posted", sa.Boolean, nullable=False),
    sa.Column("recharge_inspected", sa.Boolean, nullable=False),
    sa.Column("forwarding_address_known", sa.Boolean, nullable=False),
    sa.CheckConstraint("ended_on >= started_on", name="a_tenancy_ends_after_it_starts"),
)

tenant = sa.Table(
    "tenant",
    metadata,
    sa.Column("tenancy", sa.Uuid, sa.ForeignKey("tenancy.id"), primary_key=True),
    sa.Column("person", sa.Uuid, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("joint", sa.Boolean, nullable=False),
    sa.Column("until", sa.Date),
)
sa.Index("tenant_by_person", tenant.c.person)


death_note = sa.Table(
    "death_note",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("person", sa.Uuid, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("died_on", sa.Date),
    sa.Column("known_from", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.CheckConstraint("btrim(known_from) <> ''", name="a_death_is_known_from_somewhere"),
)
"""Who said that a person died, or, without a day, that this was said in error. `person.died_on` is the latest of them."""
sa.Index("death_note_of_a_person", death_note.c.person, death_note.c.id)


# --- accounts ----------------------------------------------------------------------------------------------------------------------

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("tenancy", sa.Uuid, sa.ForeignKey("tenancy.id")),
    sa.Column("rent_group", sa.Text, sa.ForeignKey("rent_group.name")),
    sa.Column("pays_by_direct_debit", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("balance_pence", sa.BigInteger, server_default="0"),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.UniqueConstraint("reference", name="a_reference_names_one_account"),
    sa.CheckConstraint(
        "kind IN ('RENT', 'RECHARGE', 'COURT', 'GARAGE', 'HBO', 'USEOCC', 'SUSPENSE', 'CONTROL')", name="an_account_is_of_a_known_kind"
    ),
    sa.CheckConstraint(
        "status IN ('PENDING', 'CURRENT', 'NOTICE_GIVEN', 'ENDED_OPEN', 'FORMER', 'CLOSED')", name="an_account_has_a_known_status"
    ),
    sa.CheckConstraint("(kind IN ('SUSPENSE', 'CONTROL')) = (balance_pence IS NULL)", name="control_accounts_keep_no_running_balance"),
    sa.CheckConstraint("(kind IN ('SUSPENSE', 'CONTROL')) = (tenancy IS NULL)", name="a_tenants_account_has_a_tenancy"),
)
sa.Index("account_by_tenancy", account.c.tenancy)

weekly_charge = sa.Table(
    "weekly_charge",
    metadata,
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), primary_key=True),
    sa.Column("element", sa.Text, primary_key=True),
    sa.Column("in_force_from", sa.Date, primary_key=True),
    sa.Column("in_force_until", sa.Date),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence > 0", name="a_weekly_charge_is_more_than_nothing"),
    sa.CheckConstraint("in_force_until > in_force_from", name="a_weekly_charge_is_in_force_for_a_day_at_least"),
)

tenancy_ending = sa.Table(
    "tenancy_ending",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenancy", sa.Uuid, sa.ForeignKey("tenancy.id"), nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
)
"""Who noted, and changed, what is known of a tenancy's end."""
sa.Index("tenancy_ending_tenancy_idx", tenancy_ending.c.tenancy)

letter_address = sa.Table(
    "letter_address",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenancy", sa.Uuid, sa.ForeignKey("tenancy.id"), nullable=False),
    sa.Column("addressee", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text),
    sa.Column("known_from", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", _INSTANT, nullable=False),
    sa.CheckConstraint("addressee IN ('tenants', 'estate')", name="a_letter_goes_to_tenants_or_to_an_estate"),
    sa.CheckConstraint("address IS NULL OR btrim(address) <> ''", name="an_address_says_where"),
    sa.CheckConstraint("btrim(known_from) <> ''", name="an_address_is_known_from_somewhere"),
)
"""Where letters about a tenancy go, or, without an address, that they reach nobody any more. The latest row counts."""
sa.Index("letter_address_of_a_tenancy", letter_address.c.tenancy, letter_address.c.addressee, letter_address.c.id)

account_hold = sa.Table(
    "account_hold",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("hold", sa.Text, nullable=False),
    sa.Column("set_at", _INSTANT, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("lifted_at", _INSTANT),
    sa.Column("lifted_by", sa.Text),
    sa.Column("until", sa.Date),
    sa.Column("kind", sa.Text),
    sa.Column("first_day", sa.Date),
    sa.CheckConstraint(
        "hold IN ('BREATHING_SPACE', 'DECEASED', 'DISPUTE', 'FRAUD', 'LEGAL', 'INSOLVENCY')", name="an_account_hold_is_of_a_known_kind"
    ),
    sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="a_hold_is_lifted_by_somebody"),
    sa.CheckConstraint("kind IN ('standard', 'mental-health')", name="a_breathing_space_is_of_a_known_kind"),
    sa.CheckConstraint(
        "CASE WHEN hold = 'BREATHING_SPACE' AND lifted_at IS NULL THEN num_nonnulls(kind, first_day) = 2 "
        "WHEN hold = 'BREATHING_SPACE' THEN num_nonnulls(kind, first_day) IN (0, 2) ELSE num_nonnulls(kind, first_day) = 0 END",
        name="a_breathing_space_has_a_kind_and_a_first_day",
    ),
    sa.CheckConstraint("kind <> 'standard' OR until IS NOT NULL", name="a_standard_breathing_space_has_a_last_day"),
    sa.CheckConstraint("until >= first_day", name="a_hold_does_not_end_before_it_begins"),
)
"""Those lifted before kinds were asked for have none."""
sa.Index(
    "an_account_hold_is_in_force_once",
    account_hold.c.account,
    account_hold.c.hold,
    unique=True,
    postgresql_where=account_hold.c.lifted_at.is_(None),
)
sa.Index(
    "holds_that_end_by_themselves",
    account_hold.c.until,
    postgresql_where=sa.and_(account_hold.c.lifted_at.is_(None), account_hold.c.until.is_not(None)),
)

housing_benefit_claim = sa.Table(
    "housing_benefit_claim",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("noted_at", _INSTANT, nullable=False),
    sa.Column("noted_by", sa.Text, nullable=False),
    sa.Column("decided_on", sa.Date),
    sa.Column("decided_because", sa.Text),
    sa.Column("decided_at", _INSTANT),
    sa.Column("decided_by", sa.Text),
    sa.CheckConstraint("num_nonnulls(decided_on, decided_because, decided_at, decided_by) IN (0, 4)", name="a_claim_is_decided_whole"),
)
sa.Index(
    "an_account_has_one_open_claim",
    housing_benefit_claim.c.account,
    unique=True,
    postgresql_where=housing_benefit_claim.c.decided_at.is_(None),
)

payment_plan = sa.Table(
    "payment_plan",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("agreed_on", sa.Date, nullable=False),
    sa.Column("instalment_pence", sa.BigInteger, nullable=False),
    sa.Column("rhythm", sa.Text, nullable=False),
    sa.Column("first_due_on", sa.Date, nullable=False),
    sa.Column("noted_at", _INSTANT, nullable=False),
    sa.Column("noted_by", sa.Text, nullable=False),
    sa.Column("ended_at", _INSTANT),
    sa.Column("ended_by", sa.Text),
    sa.Column("ended_because", sa.Text),
    sa.CheckConstraint("instalment_pence > 0", name="an_instalment_is_of_something"),
    sa.CheckConstraint("rhythm IN ('weekly', 'fortnightly', 'monthly')", name="a_plan_has_a_known_rhythm"),
    sa.CheckConstraint("first_due_on >= agreed_on", name="a_plan_begins_when_it_is_agreed"),
    sa.CheckConstraint("num_nonnulls(ended_at, ended_by, ended_because) IN (0, 3)", name="a_plan_ends_whole"),
)
sa.Index("an_account_has_one_plan", payment_plan.c.account, unique=True, postgresql_where=payment_plan.c.ended_at.is_(None))


# --- journals ----------------------------------------------------------------------------------------------------------------------

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("code", sa.Text, sa.ForeignKey("posting_code.code"), nullable=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("posted_at", _INSTANT, nullable=False),
    sa.Column("rent_week", sa.Date),
    sa.Column("cleared_on", sa.Date),
    sa.Column("reverses", sa.Uuid, sa.ForeignKey("journal.id")),
    sa.Column("case_id", sa.Uuid),
    sa.Column("decision_id", sa.Uuid),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("narrative", sa.Text, nullable=False),
    sa.Column("payer", sa.Text),
    sa.UniqueConstraint("seq", name="a_journal_has_its_own_place"),
    sa.UniqueConstraint("reverses", name="a_journal_is_reversed_once"),
    # The separator of what is sealed: were it in a text, two journals could have one seal.
    sa.CheckConstraint("position(chr(31) in narrative || actor) = 0", name="a_narrative_holds_no_separator"),
    sa.CheckConstraint("reverses <> id", name="a_journal_does_not_reverse_itself"),
    sa.CheckConstraint("extract(isodow FROM rent_week) = 1", name="a_rent_week_begins_on_a_monday"),
    sa.CheckConstraint("reverses IS NULL OR code NOT IN ('WOF', 'WON')", name="a_write_off_is_put_back_by_a_decision"),
    sa.CheckConstraint("reverses IS NULL OR code <> 'PRV'", name="a_provision_is_corrected_by_the_next"),
)

entry = sa.Table(
    "entry",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("line", sa.SmallInteger, primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("element", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence <> 0", name="an_entry_moves_something"),
    sa.CheckConstraint("position(chr(31) in element) = 0", name="an_element_holds_no_separator"),
)
sa.Index("entry_by_account", entry.c.account)

accepted_posting = sa.Table(
    "accepted_posting",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), nullable=False),
    sa.UniqueConstraint("journal", name="a_journal_was_accepted_under_one_key"),
)

seal = sa.Table(
    "seal",
    metadata,
    sa.Column("audit_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), nullable=False),
    sa.Column("prev_hash", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("sealed_at", _INSTANT, nullable=False),
    sa.UniqueConstraint("journal", name="a_journal_is_sealed_once"),
    sa.UniqueConstraint("prev_hash", name="a_seal_follows_one_seal"),
    sa.UniqueConstraint("hash", name="a_seal_is_its_own"),
    sa.CheckConstraint("audit_no > 0", name="audit_numbers_begin_with_one"),
)

debited_week = sa.Table(
    "debited_week",
    metadata,
    sa.Column("week_commencing", sa.Date, primary_key=True),
    sa.Column("accounts", sa.Integer, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.Column("rent_free", sa.Boolean, nullable=False),
    sa.Column("debited_at", _INSTANT, nullable=False),
    sa.Column("debited_by", sa.Text, nullable=False),
    sa.CheckConstraint("extract(isodow FROM week_commencing) = 1", name="a_debited_week_begins_on_a_monday"),
)

opened_estate = sa.Table(
    "opened_estate",
    metadata,
    sa.Column("the_one", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("opened_at", _INSTANT, nullable=False),
    sa.CheckConstraint("the_one", name="a_ledger_opens_one_estate"),
)


# --- holds on credit, and the decisions that were heard ----------------------------------------------------------------------------

credit_hold = sa.Table(
    "credit_hold",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("placed_at", _INSTANT, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("settled_at", _INSTANT),
    sa.CheckConstraint("amount_pence > 0", name="an_earmark_is_of_something"),
    sa.CheckConstraint("state IN ('PENDING', 'POSTED', 'RELEASED')", name="an_earmark_is_pending_posted_or_released"),
    sa.CheckConstraint("(state = 'PENDING') = (settled_at IS NULL)", name="a_settled_earmark_says_when"),
)
sa.Index("a_case_has_one_earmark", credit_hold.c.case_id, unique=True, postgresql_where=credit_hold.c.state == "PENDING")
sa.Index("pending_earmarks_of_an_account", credit_hold.c.account, postgresql_where=credit_hold.c.state == "PENDING")

heard_decision = sa.Table(
    "heard_decision",
    metadata,
    sa.Column("decision", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("completes", sa.Boolean, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
)

heard_release = sa.Table(
    "heard_release",
    metadata,
    sa.Column("run", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
    sa.Index("releases_of_a_case", "case_id", "attempt"),
)

dropped_release = sa.Table(
    "dropped_release",
    metadata,
    sa.Column("run", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("dropped_at", _INSTANT, nullable=False),
)

heard_return = sa.Table(
    "heard_return",
    metadata,
    sa.Column("journal", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
)

heard_request = sa.Table(
    "heard_request",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
)

credit_asked = sa.Table(
    "credit_asked",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("account", sa.Uuid, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    sa.Column("heard_at", _INSTANT, nullable=False),
    sa.Index("credit_asked_of_an_account", "account"),
    sa.Index("credit_asked_by_a_case", "case_id", "id"),
)

heard_write_off = sa.Table(
    "heard_write_off",
    metadata,
    sa.Column("decision", sa.Uuid, primary_key=True),
    sa.Column("schedule", sa.Uuid, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("completes", sa.Boolean, nullable=False),
    sa.Column("carried_out_from", sa.Date, nullable=False),
    sa.Column("covers_to_pence", sa.BigInteger),
    sa.Column("heard_at", _INSTANT, nullable=False),
)

heard_write_off_line = sa.Table(
    "heard_write_off_line",
    metadata,
    sa.Column("decision", sa.Uuid, sa.ForeignKey("heard_write_off.decision"), primary_key=True),
    sa.Column("line", sa.Uuid, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
)

heard_not_carried_out = sa.Table(
    "heard_not_carried_out",
    metadata,
    sa.Column("decision", sa.Uuid, primary_key=True),
    sa.Column("heard_at", _INSTANT, nullable=False),
)

heard_recall = sa.Table(
    "heard_recall",
    metadata,
    sa.Column("decision", sa.Uuid, primary_key=True),
    sa.Column("heard_at", _INSTANT, nullable=False),
)


# --- write-offs --------------------------------------------------------------------------------------------------------------------

written_off = sa.Table(
    "written_off",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("line", sa.Uuid, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("reinstated_pence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("discharged", sa.Boolean, nullable=False),
    sa.Column("debtor_total_pence", sa.BigInteger),
    sa.Column("released_until", sa.Date),
    sa.CheckConstraint("amount_pence > 0", name="a_write_off_is_of_something"),
    sa.CheckConstraint("debtor_total_pence >= amount_pence", name="a_write_off_is_within_the_debtors_total"),
    sa.CheckConstraint("reinstated_pence BETWEEN 0 AND amount_pence", name="no_more_is_put_back_than_was_written_off"),
)
sa.Index("write_offs_of_an_account", written_off.c.account)

reinstatement = sa.Table(
    "reinstatement",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("write_off", sa.Uuid, sa.ForeignKey("written_off.journal"), nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("release_undone", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("amount_pence > 0", name="a_reinstatement_is_of_something"),
)
"""Its journal names the decision. One of a discharged debt says that the release stands no longer, which a trigger asks for where it is not
of charges that were undone.
"""
sa.Index("reinstatements_of_a_write_off", reinstatement.c.write_off)

written_off_charge = sa.Table(
    "written_off_charge",
    metadata,
    sa.Column("write_off", sa.Uuid, sa.ForeignKey("written_off.journal"), primary_key=True),
    sa.Column("charge", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("element", sa.Text, primary_key=True),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence > 0", name="something_of_a_charge_is_written_off"),
)
"""What a write-off took of each charge. One of before the charges were kept has none."""
sa.Index("write_offs_of_a_charge", written_off_charge.c.charge)

reinstated_charge = sa.Table(
    "reinstated_charge",
    metadata,
    sa.Column("reinstatement", sa.Uuid, sa.ForeignKey("reinstatement.journal"), primary_key=True),
    sa.Column("charge", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("element", sa.Text, primary_key=True),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence > 0", name="something_of_a_charge_is_put_back"),
)
sa.Index("reinstatements_of_a_charge", reinstated_charge.c.charge)

posted_provision = sa.Table(
    "posted_provision",
    metadata,
    sa.Column("month_end", sa.Date, primary_key=True),
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id")),
    sa.Column("report", JSONB, nullable=False),
    sa.Column("posted_at", _INSTANT, nullable=False),
    sa.Column("posted_by", sa.Text, nullable=False),
    sa.CheckConstraint("extract(day FROM month_end + 1) = 1", name="a_provision_is_of_a_months_end"),
)

dropped_line = sa.Table(
    "dropped_line",
    metadata,
    sa.Column("line", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("decision", sa.Uuid, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("dropped_at", _INSTANT, nullable=False),
)


# --- bank files --------------------------------------------------------------------------------------------------------------------

bank_file = sa.Table(
    "bank_file",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("records_hash", sa.Text),
    sa.Column("uploaded_at", _INSTANT, nullable=False),
    sa.Column("uploaded_by", sa.Text, nullable=False),
    sa.Column("receipts", sa.Integer, nullable=False),
    sa.Column("total_pence", sa.BigInteger, nullable=False),
    sa.Column("in_suspense", sa.Integer, nullable=False),
    sa.Column("pending", sa.Integer, nullable=False),
    sa.Column("faults_in_all", sa.Integer, nullable=False),
    sa.Column("earlier", sa.Uuid, sa.ForeignKey("bank_file.id")),
    sa.Column("bare_hash", sa.Text),
    sa.Column("unreferenced", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("status IN ('TAKEN', 'REFUSED', 'ALREADY_TAKEN')", name="a_file_is_taken_refused_or_was_taken_already"),
    sa.CheckConstraint("(status = 'REFUSED') = (faults_in_all > 0)", name="a_refused_file_has_a_fault"),
    sa.CheckConstraint("status <> 'ALREADY_TAKEN' OR earlier IS NOT NULL", name="what_was_taken_already_names_the_file"),
)
sa.Index("the_same_bytes_are_taken_once", bank_file.c.sha256, unique=True, postgresql_where=sa.text("status = 'TAKEN' AND earlier IS NULL"))
sa.Index(
    "the_same_records_are_taken_once",
    bank_file.c.records_hash,
    unique=True,
    postgresql_where=sa.text("status = 'TAKEN' AND earlier IS NULL"),
)

sa.Index("the_bare_records_of_a_file", bank_file.c.bare_hash, postgresql_where=bank_file.c.status == "TAKEN")

bank_statement = sa.Table(
    "bank_statement",
    metadata,
    sa.Column("bank_file", sa.Uuid, sa.ForeignKey("bank_file.id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("bank_account", sa.Text, nullable=False),
    sa.Column("statement_id", sa.Text, nullable=False),
    sa.Column("sequence_number", sa.BigInteger),
    sa.Column("page", sa.Text, nullable=False),
    sa.Column("opening_date", sa.Date),
    sa.Column("opening_pence", sa.BigInteger, nullable=False),
    sa.Column("closing_date", sa.Date),
    sa.Column("closing_pence", sa.BigInteger, nullable=False),
    sa.UniqueConstraint(
        *("bank_account", "statement_id", "sequence_number", "page", "opening_date", "opening_pence", "closing_date", "closing_pence"),
        name="a_statement_is_taken_once",
        postgresql_nulls_not_distinct=True,
    ),
)

bank_file_fault = sa.Table(
    "bank_file_fault",
    metadata,
    sa.Column("bank_file", sa.Uuid, sa.ForeignKey("bank_file.id"), primary_key=True),
    sa.Column("no", sa.Integer, primary_key=True),
    sa.Column("line", sa.Integer),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

bank_file_line = sa.Table(
    "bank_file_line",
    metadata,
    sa.Column("bank_file", sa.Uuid, sa.ForeignKey("bank_file.id"), primary_key=True),
    sa.Column("no", sa.Integer, primary_key=True),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("entry_reference", sa.Text),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("pending", sa.Boolean, nullable=False),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id")),
    sa.Column("account_reference", sa.Text),
    sa.Column("suspense_reason", sa.Text),
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id")),
    sa.Column("source", sa.Text, nullable=False),
    sa.UniqueConstraint("journal", name="a_file_line_is_posted_once"),
    sa.CheckConstraint("pending = (journal IS NULL) OR amount_pence = 0", name="a_line_is_pending_or_posted"),
)

booked_entry = sa.Table(
    "booked_entry",
    metadata,
    sa.Column("bank_account", sa.Text, primary_key=True),
    sa.Column("entry_reference", sa.Text, primary_key=True),
    sa.Column("bank_file", sa.Uuid, sa.ForeignKey("bank_file.id"), nullable=False),
    sa.Column("other_reference", sa.Text),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("booked_on", sa.Date),
)
sa.Index(
    "entries_by_their_other_reference",
    *(booked_entry.c.bank_account, booked_entry.c.other_reference),
    postgresql_where=booked_entry.c.other_reference.is_not(None),
)

suspense_item = sa.Table(
    "suspense_item",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("review_by", sa.Date, nullable=False),
    sa.Column("escalate_on", sa.Date, nullable=False),
    sa.Column("payer_name", sa.Text, nullable=False, server_default=""),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)

suspense_clearing = sa.Table(
    "suspense_clearing",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("item", sa.Uuid, sa.ForeignKey("suspense_item.journal"), nullable=False),
    sa.Column("attempt", sa.SmallInteger, nullable=False),
    sa.Column("account", sa.Uuid, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("cleared_at", _INSTANT, nullable=False),
    sa.Column("cleared_by", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("item", "attempt", name="moves_from_suspense_are_numbered"),
    sa.CheckConstraint("attempt > 0", name="attempts_begin_with_one"),
    sa.CheckConstraint("amount_pence > 0", name="a_move_from_suspense_moves_something"),
)

matched_return = sa.Table(
    "matched_return",
    metadata,
    sa.Column("item", sa.Uuid, sa.ForeignKey("suspense_item.journal"), primary_key=True),
    sa.Column("payment", sa.Uuid, sa.ForeignKey("journal.id"), nullable=False),
    sa.Column("matched_at", _INSTANT, nullable=False),
    sa.Column("matched_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.UniqueConstraint("payment", name="a_payment_comes_back_once"),
    sa.CheckConstraint("btrim(reason) <> ''", name="a_match_has_a_reason"),
)
"""Returns in suspense of which a person said what they take back: `item` is the return's journal, `payment` the receipt's."""

unmatched_return = sa.Table(
    "unmatched_return",
    metadata,
    sa.Column("item", sa.Uuid, sa.ForeignKey("matched_return.item"), primary_key=True),
    sa.Column("unmatched_at", _INSTANT, nullable=False),
    sa.Column("unmatched_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.CheckConstraint("btrim(reason) <> ''", name="an_undone_match_has_a_reason"),
)

posted_again = sa.Table(
    "posted_again",
    metadata,
    sa.Column("journal", sa.Uuid, sa.ForeignKey("journal.id"), primary_key=True),
    sa.Column("repeats", sa.Uuid, sa.ForeignKey("journal.id"), nullable=False),
    sa.Column("first", sa.Uuid, sa.ForeignKey("journal.id"), nullable=False),
    sa.UniqueConstraint("repeats", name="a_journal_is_posted_again_once"),
)
"""The returns and payments of undone matches, each with the journal that it `repeats` and the `first` one, which a bank's line tells of."""
sa.Index("posted_again_first_idx", posted_again.c.first)

chassis_metadata(metadata)
