"""How each promise is broken: what somebody could do who is the superuser and has switched every trigger off.

Each row: the promise that must be found broken, what was done, in which database, and by which statements.
"""

from uuid import UUID, uuid4

from support.ledger_books import MAIN

from .debts import APPROVER, BANKRUPT, BOUNCED, GONE, LEFT_OUT, OVERCHARGED, QUIET
from .town import DECLINED, PAID

LAST_CHARGE = "(SELECT id FROM journal WHERE code = 'DEB' AND reverses IS NULL ORDER BY seq DESC LIMIT 1)"
HOLD = f"credit_hold WHERE account = '{PAID.account}'"
REFUND = f"(SELECT id FROM journal WHERE case_id = (SELECT case_id FROM {HOLD}) AND code = 'RDR' ORDER BY seq LIMIT 1)"
RECEIPT = f"(SELECT journal FROM entry JOIN journal ON journal.id = journal WHERE account = '{PAID.account}' AND code = 'RBP')"
CASE = f"(SELECT case_id FROM task WHERE account = '{PAID.account}')"
DECISION = f"(SELECT id FROM decision WHERE case_id = {CASE})"

UNCLAIMED = f"(SELECT journal FROM entry WHERE account = '{QUIET.account}' AND amount_pence < 0)"
WRITE_OFF = "(SELECT id FROM journal WHERE code = 'WOF' ORDER BY seq LIMIT 1)"
LAID = "kind = 'refund' AND in_force_from > current_date"
LATER = "in_force_from > current_date"
BEFORE_LAID = f"policy_id = (SELECT id FROM policy WHERE kind = 'refund' AND NOT ({LAID}))"
LENT_LONG = (
    "INSERT INTO delegation VALUES"
    " (gen_random_uuid(), '{giver}', '{{{role}}}', '{taker}', 1, current_date - 9, current_date + 60, now() - interval '9 days')"
)
LENT = "cardinality(delegations) > 0"

COPY_JOURNAL = """
INSERT INTO journal (id, code, effective_date, posted_at, case_id, decision_id, actor, narrative, reverses)
SELECT '00000000-0000-0000-0000-00000000abcd', code, effective_date, posted_at, case_id, decision_id, actor, narrative, reverses
FROM journal WHERE id = {which}
"""
COPY_ENTRIES = """
INSERT INTO entry SELECT '00000000-0000-0000-0000-00000000abcd', line, account, element, amount_pence FROM entry WHERE journal = {which}
"""
NEW_KEY = "INSERT INTO accepted_posting VALUES ('{key}', '\\x00', '00000000-0000-0000-0000-00000000abcd')"
REVERSAL = "(SELECT id FROM journal WHERE reverses IS NOT NULL AND code = 'DEB' ORDER BY seq LIMIT 1)"

LONG_BEFORE = "now() - interval '10 years'"
SAID = {
    "set a hold": "INSERT INTO account_hold (account, hold, set_at, set_by, reason)"
    f" VALUES ({{account}}, 'LEGAL', {LONG_BEFORE}, {{by}}, '')",
    "lifted a hold": "INSERT INTO account_hold (account, hold, set_at, set_by, reason, lifted_at, lifted_by)"
    f" VALUES ({{account}}, 'LEGAL', {LONG_BEFORE}, 'x', '', {LONG_BEFORE}, {{by}})",
    "noted a benefit claim": "INSERT INTO housing_benefit_claim (account, since, reason, noted_at, noted_by)"
    f" VALUES ({{account}}, '2016-01-01', '', {LONG_BEFORE}, {{by}})",
    "decided a benefit claim": "INSERT INTO housing_benefit_claim (account, since, reason, noted_at, noted_by, decided_on, decided_because,"
    f" decided_at, decided_by) VALUES ({{account}}, '2016-01-01', '', {LONG_BEFORE}, 'x', '2016-01-01', '', {LONG_BEFORE}, {{by}})",
    "agreed a plan": "INSERT INTO payment_plan"
    f" VALUES (gen_random_uuid(), {{account}}, '2016-01-01', 1, 'weekly', '2016-01-01', {LONG_BEFORE}, {{by}})",
    "ended a plan": "INSERT INTO payment_plan"
    f" VALUES (gen_random_uuid(), {{account}}, '2016-01-01', 1, 'weekly', '2016-01-01', {LONG_BEFORE}, 'x', {LONG_BEFORE}, {{by}}, '')",
    "changed the tenancy's end": "INSERT INTO tenancy_ending (tenancy, by, at)"
    f" SELECT tenancy, {{by}}, {LONG_BEFORE} FROM account WHERE id = {{account}}",
    "noted where the tenants are": "INSERT INTO letter_address (tenancy, addressee, name, known_from, by, at)"
    f" SELECT tenancy, 'tenants', '', 'x', {{by}}, {LONG_BEFORE} FROM account WHERE id = {{account}}",
    "noted where the estate is": "INSERT INTO letter_address (tenancy, addressee, name, known_from, by, at)"
    f" SELECT tenancy, 'estate', '', 'x', {{by}}, {LONG_BEFORE} FROM account WHERE id = {{account}}",
    "noted a death": "INSERT INTO death_note (person, known_from, by, at)"
    f" SELECT person, 'x', {{by}}, {LONG_BEFORE} FROM account JOIN tenant USING (tenancy) WHERE id = {{account}}",
}
"""What somebody may have said of an account, years ago."""


def behind(promise: str, which: str, account: object, who: str, by: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """That somebody decided it who had said any of this of an account."""
    told = {"account": f"'{account}'", "by": f"'{by}'"}
    return [(promise, f"{who} had {what} on {which}", "ledger", (said.format(**told),)) for what, said in SAID.items()]


OWED_BY_GONE = f"(SELECT journal FROM entry JOIN journal ON journal.id = journal WHERE account = '{GONE.account}' AND code = 'ROB')"

ON_SCHEDULE = "(SELECT id FROM decision WHERE carried_out_from IS NOT NULL ORDER BY decided_at LIMIT 1 OFFSET {nth})"
"""The town decides on what is written off, on what is put back, and on what goes to income."""

ORDER_ELSEWHERE = f"""
WITH told AS (
  INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at, person)
  SELECT gen_random_uuid(), other.id, 'bankruptcy-annulled', current_date, '', '', '', '{{by}}', {LONG_BEFORE}, '{{person}}'
  FROM proposal AS other WHERE other.account = '{LEFT_OUT.account}'
    AND EXISTS (SELECT FROM schedule_line WHERE content ->> 'kind' = '{{kind}}') RETURNING id
) INSERT INTO struck SELECT id, 'typed in error', '{{struck_by}}', {LONG_BEFORE} FROM told
"""

FED_ANOTHER = f"""
INSERT INTO participant SELECT id, '{APPROVER}', 'added evidence', {LONG_BEFORE} FROM proposal WHERE account = '{LEFT_OUT.account}'
"""

ON_AN_EARLIER_SCHEDULE = f"""
WITH earlier AS (
  INSERT INTO schedule (id, kind, title, status, made_by, made_at, closed_at)
  VALUES (gen_random_uuid(), 'write-off', 'October', 'withdrawn', '{{made_by}}', {LONG_BEFORE}, {LONG_BEFORE}) RETURNING id
), had_a_hand AS (
  INSERT INTO schedule_participant SELECT id, '{{by}}', 'answered the question', {LONG_BEFORE} FROM earlier
) INSERT INTO schedule_line (schedule, line, place, account, reason, content, content_hash, balance_pence, amount_pence, vat_pence,
  debtor_total_pence, standing)
SELECT earlier.id, line, place, account, reason, content, content_hash, balance_pence, amount_pence, vat_pence, debtor_total_pence,
  'taken-off' FROM earlier, schedule_line WHERE account = '{{account}}' AND content ->> 'kind' = 'write-off'
"""

BESIDE_GONE = f"UPDATE schedule_line SET beside = '{{{LEFT_OUT.account}}}' WHERE account = '{GONE.account}'"

HEARD_BESIDE_GONE = (
    BESIDE_GONE.replace("SET", "SET reason = 'untraceable',"),
    f"UPDATE proposal SET status = 'posted', journal = gen_random_uuid(), closed_at = {LONG_BEFORE} WHERE account = '{LEFT_OUT.account}'",
    'WITH told AS (INSERT INTO proof (id, proposal, kind, "on", source, reference, note, by, at)'
    f" SELECT gen_random_uuid(), id, '{{kind}}', current_date, '', '', '', '{{by}}', {LONG_BEFORE}"
    f" FROM proposal WHERE account = '{LEFT_OUT.account}' RETURNING id)"
    f" INSERT INTO struck SELECT id, 'typed in error', '{{struck_by}}', {LONG_BEFORE} FROM told",
)
"""What was heard of a debtor on another account, whose proposal was posted long before."""

ASKED_IN_VAIN = """
INSERT INTO participant SELECT id, '{who}', 'withdrew the case', {since} FROM refund_case WHERE account = '{declined}';
UPDATE refund_case SET account = '{account}' WHERE account = '{declined}'
"""


def asked_in_vain(promise: str, words: str, who: str, account: object) -> tuple[str, str, str, tuple[str, ...]]:
    """That they took part in a declined request on this account as well."""
    broken = ASKED_IN_VAIN.format(who=who, since=LONG_BEFORE, declined=DECLINED.account, account=account)
    return promise, f"{words} took part in another request {'on its account' if account == PAID.account else 'of the tenant'}", "refunds", (
        *broken.split(";"),)  # fmt: skip


MAUNDY_THURSDAY = "UPDATE decision SET decided_at = '2026-04-02 12:00+01', carried_out_from = '{day}' WHERE carried_out_from IS NOT NULL"

BREAKS: list[tuple[str, str, str, tuple[str, ...]]] = [
    *behind("written-off", "its account", GONE.account, "a decider", APPROVER),
    *behind("written-off", "another account of the debtor", GONE.garage, "a decider", APPROVER),
    *behind("four-eyes", "its account", PAID.account, "a decider", "dilip.leader"),
    *behind("four-eyes", "another account of the tenant", PAID.recharge, "a decider", "dilip.leader"),
    *behind("four-eyes", "its account", PAID.account, "whoever released it", "greta.finance"),
    ("written-off", "a decider posted the charge", "ledger", (f"UPDATE journal SET actor = '{APPROVER}' WHERE id = {OWED_BY_GONE}",)),
    ("written-off", "a decider brought the bank file of an entry behind it", "ledger", (
        f"UPDATE bank_file_line SET journal = {OWED_BY_GONE}"
        " WHERE no = 2 AND bank_file = (SELECT id FROM bank_file WHERE name = 'cash.txt')",
        f"UPDATE bank_file SET uploaded_by = '{APPROVER}' WHERE name = 'cash.txt'")),
    ("written-off", "a decider brought the bank file that moved another account of the debtor", "ledger", (
        f"UPDATE entry SET account = '{GONE.garage}' WHERE account = '{MAIN}' AND journal IN (SELECT journal FROM bank_file_line)",
        f"UPDATE bank_file SET uploaded_by = '{APPROVER}'")),
    ("written-off", "a decider undid an entry of another account of the debtor", "ledger", (
        f"UPDATE entry SET account = '{GONE.garage}' WHERE journal = {REVERSAL}",
        f"UPDATE journal SET actor = '{APPROVER}' WHERE id = {REVERSAL}")),
    ("written-off", "a decider moved money onto another account of the debtor", "ledger", (
        f"UPDATE suspense_clearing SET account = '{GONE.garage}', cleared_by = '{APPROVER}' WHERE attempt = 2",)),
    ("four-eyes", "a decider said that another payment came back", "ledger", (
        f"UPDATE suspense_item SET amount_pence = -{PAID.credit_pence} WHERE journal IN (SELECT item FROM matched_return)",
        f"UPDATE matched_return SET matched_at = {LONG_BEFORE}, matched_by = 'dilip.leader'",
        "DELETE FROM unmatched_return")),
    ("four-eyes", "a decider brought the bank file of the debt that it was offset with", "ledger", (
        f"UPDATE bank_file_line SET journal = (SELECT journal FROM entry JOIN journal ON journal.id = journal WHERE code = 'ROB'"
        f" AND account = '{PAID.recharge}') WHERE no = 2 AND bank_file = (SELECT id FROM bank_file WHERE name = 'cash.txt')",
        "UPDATE bank_file SET uploaded_by = 'dilip.leader' WHERE name = 'cash.txt'")),
    ("sum-zero", "an amount changes", "ledger", (
        f"UPDATE entry SET amount_pence = amount_pence - 1 WHERE journal = {LAST_CHARGE} AND amount_pence < 0",)),
    ("sum-zero", "an entry is lost", "ledger", (f"DELETE FROM entry WHERE journal = {LAST_CHARGE} AND line = 1",)),
    ("sum-zero", "a journal is lost", "ledger", (f"DELETE FROM journal WHERE id = {LAST_CHARGE}",)),
    ("balances", "a balance is written by hand", "ledger", (f"UPDATE account SET balance_pence = balance_pence - 1 WHERE id = '{MAIN}'",)),
    ("balances", "a journal is moved to another account", "ledger", (
        f"UPDATE entry SET account = '{DECLINED.account}' WHERE journal = {LAST_CHARGE} AND amount_pence > 0",)),
    ("one-journal-per-key", "a key is lost", "ledger", (f"DELETE FROM accepted_posting WHERE journal = {LAST_CHARGE}",)),
    ("one-journal-per-key", "a journal has two keys", "ledger", (
        "ALTER TABLE accepted_posting DROP CONSTRAINT a_journal_was_accepted_under_one_key",
        f"INSERT INTO accepted_posting SELECT 'another', '\\x00', {LAST_CHARGE}")),
    ("one-journal-per-key", "an answer names a journal that is not there", "ledger", (
        f"UPDATE accepted_command SET answer = '{{\"journal\": \"{uuid4()}\"}}' WHERE name = 'reverse-journal'",)),
    ("one-journal-per-key", "a command has no answer", "refunds", (
        "UPDATE accepted_command SET answer = NULL WHERE name = 'request-refund'",)),
    ("debited-weeks", "a charge was left out", "ledger", ("UPDATE debited_week SET accounts = accounts + 1",)),
    ("bank-files", "a line is lost", "ledger", ("DELETE FROM bank_file_line WHERE no = 2",)),
    ("bank-files", "a line has another amount", "ledger", ("UPDATE bank_file_line SET amount_pence = amount_pence + 1 WHERE no = 1",)),
    ("suspense", "a payment is moved twice", "ledger", (
        "INSERT INTO suspense_clearing SELECT gen_random_uuid(), item, attempt + 1, account, cleared_at, cleared_by, amount_pence"
        " FROM suspense_clearing WHERE attempt = 2",)),
    ("suspense", "a move is lost", "ledger", ("DELETE FROM suspense_clearing WHERE attempt = 2",)),
    ("suspense", "a part has another amount", "ledger", ("UPDATE suspense_clearing SET amount_pence = 149 WHERE amount_pence = 150",)),
    ("suspense", "more was moved than came", "ledger", (
        "UPDATE suspense_clearing SET amount_pence = 600 WHERE amount_pence = 150",
        "UPDATE entry SET amount_pence = sign(amount_pence) * 600 WHERE abs(amount_pence) = 150"
        " AND journal IN (SELECT journal FROM suspense_clearing)")),
    ("suspense", "an item is lost", "ledger", ("DELETE FROM suspense_item",)),
    ("suspense", "an item has another amount", "ledger", ("UPDATE suspense_item SET amount_pence = amount_pence + 1",)),
    ("suspense", "somebody else moved it", "ledger", ("UPDATE suspense_clearing SET cleared_by = 'asha.officer' WHERE attempt = 2",)),
    ("suspense", "it went onto another account", "ledger", (
        f"UPDATE suspense_clearing SET account = '{MAIN}' WHERE attempt = 2",)),
    ("suspense", "it counts from another day", "ledger", (
        "UPDATE journal SET effective_date = effective_date + 1 WHERE id IN (SELECT journal FROM suspense_clearing WHERE attempt = 2)",)),
    ("suspense", "the bank took back what stands on an account", "ledger", (
        "UPDATE journal SET reverses = NULL WHERE actor = 'system' AND reverses IN (SELECT journal FROM suspense_clearing)",)),
    ("suspense", "what the bank took back lies there", "ledger", (
        "UPDATE journal SET reverses = NULL WHERE reverses IN (SELECT journal FROM suspense_item)",)),
    ("suspense", "a return is matched with another amount", "ledger", (
        "UPDATE matched_return SET payment = (SELECT journal FROM suspense_item WHERE amount_pence = 500) WHERE item IN "
        "(SELECT journal FROM suspense_item WHERE amount_pence = -700)",)),
    ("suspense", "somebody else matched it", "ledger", ("UPDATE matched_return SET matched_by = 'carys.senior'",)),
    ("suspense", "what was matched lies there", "ledger", (
        "UPDATE journal SET reverses = NULL WHERE reverses IN (SELECT item FROM matched_return)",)),
    ("suspense", "nobody took back what was said of what is posted again", "ledger", ("DELETE FROM unmatched_return",)),
    ("suspense", "what was posted again is lost", "ledger", ("DELETE FROM posted_again",)),
    ("suspense", "it was posted again as of another day", "ledger", (
        "UPDATE journal SET effective_date = effective_date + 1 WHERE id IN (SELECT journal FROM posted_again)",)),
    ("suspense", "it was posted again with another amount", "ledger", (
        "UPDATE entry SET amount_pence = amount_pence * 2 WHERE journal IN (SELECT journal FROM posted_again)",)),
    ("reversed-once", "a charge is undone twice", "ledger", (
        "ALTER TABLE journal DROP CONSTRAINT a_journal_is_reversed_once",
        COPY_JOURNAL.format(which=REVERSAL), COPY_ENTRIES.format(which=REVERSAL), NEW_KEY.format(key="again"))),
    ("reversed-once", "a reversal takes back another amount", "ledger", (
        f"UPDATE entry SET amount_pence = amount_pence * 2 WHERE journal = {REVERSAL}",)),
    ("breathing-space", "one runs for 61 days", "ledger", ("UPDATE account_hold SET until = first_day + 60 WHERE kind = 'standard'",)),
    ("versions-without-gap", "a fact is lost", "ledger", (
        "DELETE FROM outbox_event WHERE topic = 'ledger.accounts' AND aggregate_version = 2",)),
    ("versions-without-gap", "the last fact is lost", "approvals", (
        "DELETE FROM outbox_event WHERE seq = (SELECT max(seq) FROM outbox_event WHERE topic = 'approvals.cases')",)),
    ("versions-without-gap", "a version runs ahead", "ledger", (f"UPDATE account SET version = version + 1 WHERE id = '{MAIN}'",)),
    ("heard-as-told", "an event was heard with other content", "refunds", (
        "UPDATE inbox SET payload_hash = '\\x00' WHERE event_id = (SELECT min(event_id) FROM inbox)",)),
    ("heard-as-told", "an event was heard that nobody told", "ledger", (
        f"INSERT INTO inbox VALUES ('ledger.approvals.cases', '{uuid4()}', '\\x00', now())",)),
    ("decisions-heard", "the ledger heard a yes where it was a no", "ledger", (
        "UPDATE heard_decision SET answer = 'approved', completes = true WHERE answer = 'declined'",)),
    ("decisions-heard", "the ledger heard a decision that nobody made", "ledger", (
        f"INSERT INTO heard_decision SELECT '{uuid4()}', kind, case_id, attempt, content_hash, answer, completes, heard_at"
        " FROM heard_decision LIMIT 1",)),
    ("decisions-heard", "the ledger heard that an approval came to nothing, which it did not", "ledger", (
        "INSERT INTO heard_not_carried_out SELECT decision, heard_at FROM heard_decision WHERE answer = 'approved'",)),
    ("approved", "its approval had come to nothing before the posting", "ledger", (
        "INSERT INTO heard_not_carried_out SELECT decision, heard_at FROM heard_decision",)),
    ("approved", "a refund names no decision", "ledger", (f"UPDATE journal SET decision_id = NULL WHERE id = {REFUND}",)),
    ("approved", "a refund was posted by hand", "ledger", (
        COPY_JOURNAL.format(which=REFUND), COPY_ENTRIES.format(which=REFUND), NEW_KEY.format(key="by hand"),
        "UPDATE journal SET case_id = NULL, decision_id = NULL, code = 'RIT' WHERE id = '00000000-0000-0000-0000-00000000abcd'")),
    ("approved", "more was posted than was approved", "ledger", (
        f"UPDATE entry SET amount_pence = amount_pence * 2 WHERE journal = {REFUND}",)),
    ("approved", "another payee was approved", "refunds", (
        f"UPDATE refund_plan SET plan = jsonb_set(plan, '{{payee}}', to_jsonb('{uuid4()}'::text)) WHERE plan ->> 'payee' IS NOT NULL",)),
    ("approved", "the answer was no", "approvals", (f"UPDATE decision SET answer = 'declined', text = 'no' WHERE id = {DECISION}",)),
    ("approved", "an earlier stage is missing", "approvals", (f"UPDATE decision SET stage = 2, stages = 2 WHERE id = {DECISION}",)),
    ("approved", "it was taken back before the posting", "approvals", (
        f"INSERT INTO recall SELECT id, gen_random_uuid(), decided_by, roles, 'no', decided_at FROM decision WHERE id = {DECISION}",)),
    ("authority", "the role was not held", "approvals", (f"UPDATE decision SET roles = '{{officer}}' WHERE id = {DECISION}",)),
    ("authority", "the amount is above the limit", "approvals", ("UPDATE authority SET to_pence = 20000 WHERE role = 'team-leader'",)),
    ("authority", "the policy came into force later", "approvals", (f"UPDATE policy SET in_force_from = '2100-01-01' WHERE NOT ({LAID})",)),
    ("authority", "another policy was in force", "approvals", (
        "INSERT INTO policy SELECT 'later', council, kind, in_force_from + 1, decide_within_working_days, remind_after_working_days,"
        " escalate_after_working_days, claim_minutes, source, made_by, checked_by, made_at FROM policy"
        f" WHERE kind = 'refund' AND NOT ({LAID})",)),
    ("authority", "the amount is above a ceiling", "approvals", ("UPDATE delegation SET ceiling_pence = 1 WHERE giver = 'greta.finance'",)),
    ("authority", "a delegation had ended", "approvals", (
        "INSERT INTO delegation_end SELECT id, taker, given_at FROM delegation WHERE taker = 'bryn.officer'",)),
    ("authority", "a delegation had not begun", "approvals", (
        "UPDATE delegation SET from_on = from_on + 30, until_on = until_on + 30 WHERE taker = 'bryn.officer'",)),
    ("authority", "a delegation was given later", "approvals", (
        "UPDATE delegation SET given_at = given_at + interval '1 hour' WHERE giver = 'dilip.leader'",)),
    ("authority", "the delegations lead to somebody else", "approvals", (
        "UPDATE delegation SET taker = 'asha.officer' WHERE taker = 'bryn.officer'",)),
    ("authority", "the delegations go in a circle", "approvals", (
        "UPDATE delegation SET giver = 'bryn.officer' WHERE giver = 'dilip.leader'",
        f"UPDATE decision SET on_behalf_of[1] = 'bryn.officer' WHERE {LENT}")),
    ("authority", "a delegation is not there", "approvals", (f"UPDATE decision SET delegations[1] = gen_random_uuid() WHERE {LENT}",)),
    ("authority", "whoever lent it is left out", "approvals", (f"UPDATE decision SET on_behalf_of = '{{}}' WHERE {LENT}",)),
    ("authority", "whoever lent it did not hold the role", "approvals", (
        "UPDATE delegation SET giver_roles = '{officer}' WHERE giver = 'dilip.leader'",)),
    ("four-eyes", "whoever lent the authority is a participant", "approvals", (
        f"INSERT INTO participant SELECT case_id, on_behalf_of[1], 'evidence', decided_at - interval '1 minute' FROM decision"
        f" WHERE {LENT}",)),
    ("released", "whoever lent the authority released it", "approvals", (
        f"UPDATE decision SET on_behalf_of = '{{greta.finance}}' WHERE id = {DECISION}",)),
    ("four-eyes", "a decider is a participant", "approvals", (
        f"INSERT INTO participant SELECT case_id, decided_by, 'evidence', decided_at - interval '1 minute' FROM decision"
        f" WHERE id = {DECISION}",)),
    ("four-eyes", "a decider took part before the posting", "approvals", (
        f"INSERT INTO participant SELECT case_id, decided_by, 'evidence', decided_at + interval '1 millisecond' FROM decision"
        f" WHERE id = {DECISION}",)),
    ("four-eyes", "a decider entered the bank details", "refunds", ("UPDATE payee SET entered_by = 'dilip.leader'",)),
    ("four-eyes", "a decider brought the file that the credit came in", "ledger", (
        f"UPDATE bank_file_line SET journal = {RECEIPT} WHERE no = 2 AND bank_file = (SELECT id FROM bank_file WHERE name = 'cash.txt')",
        "UPDATE bank_file SET uploaded_by = 'dilip.leader'")),
    *(asked_in_vain(promise, words, who, account) for account in (PAID.account, PAID.recharge)
      for promise, words, who in (("four-eyes", "a decider", "dilip.leader"), ("released", "whoever released it", "greta.finance"))),
    ("four-eyes", "a decider posted the credit", "ledger", (
        f"UPDATE journal SET actor = 'dilip.leader' WHERE id = {RECEIPT}",)),
    ("released", "a decider released it", "approvals", ("UPDATE release SET released_by = 'dilip.leader'",)),
    ("released", "a participant released it", "approvals", ("UPDATE release SET released_by = 'asha.officer'",)),
    ("released", "whoever released it had no authority", "approvals", ("UPDATE release SET roles = '{officer}'",)),
    ("released", "a refund was never released", "approvals", (
        f"DELETE FROM release_line WHERE case_id = {CASE}",
        "UPDATE release SET lines = 1, total_pence = (SELECT sum(amount_pence) FROM release_line)")),
    ("released", "it was posted before it was released", "approvals", ("UPDATE release SET released_at = now() + interval '1 hour'",)),
    ("policy", "nobody proposed it", "approvals", ("DELETE FROM policy_check",)),
    ("policy", "it was slipped in", "approvals", (
        "INSERT INTO policy SELECT 'later', council, kind, in_force_from + 400, decide_within_working_days, remind_after_working_days,"
        " escalate_after_working_days, claim_minutes, source, made_by, checked_by, now() FROM policy WHERE kind = 'write-off'",)),
    ("policy", "its maker checked it", "approvals", ("UPDATE policy_check SET checked_by = 'efua.manager'",)),
    ("policy", "it names another checker", "approvals", (f"UPDATE policy SET checked_by = 'farid.head' WHERE {LAID}",)),
    ("policy", "a limit was raised by hand", "approvals", (
        f"UPDATE authority SET to_pence = to_pence + 1 WHERE to_pence IS NOT NULL AND policy_id = (SELECT id FROM policy WHERE {LAID})",)),
    ("policy", "a call-in was shortened by hand", "approvals", (
        f"UPDATE authority SET call_in_working_days = 3 WHERE policy_id = (SELECT id FROM policy WHERE {LAID})",)),
    ("policy", "a cap was raised by hand", "approvals", (f"UPDATE policy SET bulk_most_pence = bulk_most_pence + 1 WHERE {LAID}",)),
    ("policy", "it was checked on its own first day, in the hour after a midnight of summer", "approvals", (
        f"UPDATE policy SET in_force_from = '2026-07-15' WHERE {LAID}", "UPDATE policy_proposal SET in_force_from = '2026-07-15'",
        "UPDATE policy_check SET checked_at = '2026-07-15 00:30+01'")),
    ("policy", "its checker gained by it", "approvals", (
        "UPDATE authority SET to_pence = from_pence WHERE role = 'finance' AND to_pence IS NULL"
        f" AND policy_id <> (SELECT id FROM policy WHERE {LAID})",)),
    ("policy", "its maker gained by a decision fewer", "approvals", (
        f"UPDATE authority SET from_pence = 1 WHERE role = 'finance' AND stage = 2 AND {BEFORE_LAID}",)),
    ("policy", "its maker gained by a shorter call-in", "approvals", (
        f"UPDATE authority SET call_in_working_days = 5 WHERE role = 'income-manager' AND {BEFORE_LAID}",)),
    ("policy", "its maker gained by a minute that is not needed any more", "approvals", (
        f"UPDATE authority SET body = 'Cabinet' WHERE role = 'income-manager' AND {BEFORE_LAID}",)),
    ("policy", "its checker gained by what was lent to them from hand to hand", "approvals", (
        f"UPDATE authority SET to_pence = from_pence WHERE role = 'head-of-service' AND {BEFORE_LAID}",
        *(LENT_LONG.format(giver=giver, role=role, taker=taker) for giver, role, taker in (
            ("farid.head", "head-of-service", "dilip.leader"), ("dilip.leader", "team-leader", "greta.finance"))))),
    ("policy", "an accepted proposal was not laid down", "approvals", (
        f"DELETE FROM authority WHERE policy_id = (SELECT id FROM policy WHERE {LAID})", f"DELETE FROM policy WHERE {LAID}")),
    ("evidence-policy", "one person made and checked it", "writeoffs", (
        "ALTER TABLE policy DROP CONSTRAINT policy_has_a_maker_and_a_checker",
        f"UPDATE policy SET checked_by = made_by WHERE NOT ({LATER})")),
    ("evidence-policy", "its maker checked it", "writeoffs", ("UPDATE policy_check SET checked_by = 'efua.manager'",)),
    ("evidence-policy", "it names another checker", "writeoffs", (f"UPDATE policy SET checked_by = 'farid.head' WHERE {LATER}",)),
    ("evidence-policy", "a figure was changed by hand", "writeoffs", (
        f"UPDATE policy SET figures = jsonb_set(figures, '{{remind_after_days}}', '1') WHERE {LATER}",)),
    ("evidence-policy", "it was laid down by hand", "writeoffs", (
        "INSERT INTO policy SELECT 'by-hand', in_force_from + 1, figures, made_by, checked_by FROM policy"
        " WHERE version = 'welwyn-hatfield-2026-04'",)),
    ("evidence-policy", "it was in force before it was checked", "writeoffs", (
        "UPDATE policy_check SET checked_at = checked_at + interval '60 days'",)),
    ("evidence-policy", "an accepted proposal was not laid down", "writeoffs", (f"DELETE FROM policy WHERE {LATER}",)),
    ("provision-policy", "one person made and checked it", "ledger", (
        "ALTER TABLE provision_policy DROP CONSTRAINT policy_has_a_maker_and_a_checker",
        f"UPDATE provision_policy SET checked_by = made_by WHERE NOT ({LATER})")),
    ("provision-policy", "its maker checked it", "ledger", ("UPDATE provision_check SET checked_by = 'greta.finance'",)),
    ("provision-policy", "it names another checker", "ledger", (f"UPDATE provision_policy SET checked_by = 'farid.head' WHERE {LATER}",)),
    ("provision-policy", "a rate was changed by hand", "ledger", (
        f"UPDATE provision_rate SET basis_points = 1 WHERE {LATER} AND from_days = 0",)),
    ("provision-policy", "a rate was added by hand", "ledger", (
        f"INSERT INTO provision_rate SELECT in_force_from, status, 1, 0 FROM provision_rate WHERE {LATER} AND from_days = 0",)),
    ("provision-policy", "it was laid down by hand", "ledger", (
        "INSERT INTO provision_policy SELECT in_force_from + 1, 'by-hand', source, made_by, checked_by FROM provision_policy"
        f" WHERE NOT ({LATER})",)),
    ("provision-policy", "an accepted proposal was not laid down", "ledger", (
        f"DELETE FROM provision_rate WHERE {LATER}", f"DELETE FROM provision_policy WHERE {LATER}")),
    ("provision", "a penny more was owed", "ledger", (
        "UPDATE posted_provision SET report = jsonb_set(report, '{rows,0,owed_pence}',"
        " to_jsonb((report #>> '{rows,0,owed_pence}')::bigint + 1))",)),
    ("provision", "a former tenant's debt was counted as a current one's", "ledger", (
        "UPDATE tenancy SET ended_on = NULL, keys_returned_on = NULL",)),
    ("provision", "more was charged before it", "ledger", (
        "UPDATE entry SET amount_pence = amount_pence + 1 WHERE amount_pence > 0"
        " AND account IN (SELECT id FROM account WHERE tenancy IS NOT NULL)",)),
    ("provision", "a cell was worked out otherwise", "ledger", (
        "UPDATE posted_provision SET report = jsonb_set(report, '{rows,0,expected_loss_pence}', '1')",)),
    ("provision", "its cells make another sum", "ledger", (
        "UPDATE posted_provision SET report = jsonb_set(report, '{wanted_pence}', to_jsonb((report ->> 'wanted_pence')::bigint + 1))",)),
    ("provision", "more was held", "ledger", (
        "UPDATE posted_provision SET report = report || jsonb_build_object('held_pence', (report ->> 'held_pence')::bigint + 1,"
        " 'to_post_pence', (report ->> 'to_post_pence')::bigint - 1)",)),
    ("provision", "it is by other rates", "ledger", (
        "UPDATE posted_provision SET report = jsonb_set(report, '{policy_version}', to_jsonb('by-hand'::text))",)),
    ("provision", "the rates were changed afterwards", "ledger", (
        f"UPDATE provision_rate SET basis_points = 1 WHERE NOT ({LATER}) AND from_days = 0",)),
    ("provision", "its journal posted twice as much", "ledger", (
        "UPDATE entry SET amount_pence = 2 * amount_pence WHERE journal IN (SELECT journal FROM posted_provision)",)),
    ("provision", "it has no journal", "ledger", ("UPDATE posted_provision SET journal = NULL",)),
    ("together", "somebody else signed for it", "approvals", ("UPDATE selection_signed SET signed_by = 'dilip.leader'",)),
    ("together", "nobody signed for it", "approvals", ("DELETE FROM selection_signed",)),
    ("together", "it was signed long after the sign-in", "approvals", (
        "UPDATE selection_signed SET authenticated_at = authenticated_at - interval '1 hour'",)),
    ("together", "it was decided long after it was signed for", "approvals", (
        "UPDATE selection_signed SET signed_at = signed_at - interval '1 hour', authenticated_at = authenticated_at - interval '1 hour'",)),
    ("together", "its line says that it was refused", "approvals", (
        "UPDATE selection_result SET decision_id = NULL, refused = 'changed' WHERE decision_id IS NOT NULL",)),
    ("together", "it was more than policy allows", "approvals", (f"UPDATE policy SET bulk_most_pence = 1 WHERE NOT ({LAID})",)),
    ("together", "it was shown with another amount", "approvals", ("UPDATE selection_line SET amount_pence = amount_pence - 1",)),
    ("together", "it was not green", "approvals", ("UPDATE task SET lane = 'look' WHERE id IN (SELECT task_id FROM selection_line)",)),
    ("together", "it was not opened first", "approvals", (
        "UPDATE case_seen SET seen_at = seen_at - interval '1 day' WHERE case_id IN (SELECT case_id FROM selection_line)",)),
    ("cleared-credit", "the money had not cleared", "ledger", (
        f"UPDATE journal SET cleared_on = '2100-01-01' WHERE id = {RECEIPT}",)),
    ("cleared-credit", "another case had earmarked it", "ledger", (
        f"INSERT INTO credit_hold SELECT '00000000-0000-0000-0000-00000000aaaa', account, gen_random_uuid(), 1, content_hash, 1, placed_at,"
        f" 'PENDING', NULL FROM credit_hold WHERE account = '{PAID.account}'",)),
    ("cleared-credit", "the debt was smaller", "ledger", (
        f"UPDATE entry SET amount_pence = amount_pence / 2 WHERE journal = (SELECT journal FROM entry JOIN journal ON journal.id = journal"
        f" WHERE code = 'ROB' AND account = '{PAID.recharge}')",)),
    ("earmarks-once", "an earmark was lifted and used up", "ledger", (
        f"UPDATE credit_hold SET state = 'RELEASED' WHERE account = '{PAID.account}'",)),
    ("earmarks-once", "an attempt used up two", "ledger", (
        f"INSERT INTO credit_hold SELECT gen_random_uuid(), account, case_id, attempt, content_hash, amount_pence, placed_at, state,"
        f" settled_at"
        f" FROM credit_hold WHERE account = '{PAID.account}'",)),
    ("payment-lines", "a payment has another amount", "refunds", (
        "UPDATE payment_line SET amount_pence = amount_pence + 1 WHERE number = 1",)),
    ("payment-lines", "a payment was never posted", "refunds", (f"UPDATE payment_line SET refund_journal = '{uuid4()}' WHERE number = 1",)),
    ("payment-lines", "an attempt is paid twice", "refunds", (
        "DROP INDEX a_payment_is_in_one_live_run", "ALTER TABLE payment_line DROP CONSTRAINT a_run_carries_a_payment_once",
        "INSERT INTO payment_line SELECT 99, 'REFUND 00000099', run, case_id, attempt, account, payee, amount_pence, content_hash, status,"
        " because, refund_journal FROM payment_line WHERE number = 1")),
    ("payment-lines", "a journal stands behind two payments", "refunds", (
        "DROP INDEX a_payment_is_in_one_live_run", "ALTER TABLE payment_line DROP CONSTRAINT a_run_carries_a_payment_once",
        "INSERT INTO payment_line SELECT 99, 'REFUND 00000099', run, case_id, attempt, account, payee, amount_pence, content_hash,"
        " 'refused', because, refund_journal FROM payment_line WHERE number = 1")),
    ("payment-lines", "it was undone and did not come back", "refunds", (
        "UPDATE payment_line SET status = 'paid' WHERE status = 'returned'",)),
    ("payment-lines", "it came back and its posting stands", "ledger", (
        "UPDATE journal SET reverses = NULL WHERE reverses IN (SELECT id FROM journal WHERE code = 'RDR')",)),
    ("payment-lines", "it was approved as another plan", "approvals", (
        f"UPDATE decision SET content_hash = repeat('0', 64) WHERE id = {DECISION}",)),
    ("posted-refunds", "the payment of a posted refund was dropped", "refunds", (
        "UPDATE payment_line SET status = 'dropped', because = 'x', refund_journal = NULL WHERE status = 'paid'",)),
    ("posted-refunds", "the payment of a posted refund is gone", "refunds", ("DELETE FROM payment_line WHERE status = 'paid'",)),
    ("posted-refunds", "the payment of a posted refund is of another posting", "refunds", (
        "UPDATE payment_line SET refund_journal = gen_random_uuid() WHERE status = 'paid'",)),
    ("unpaid-refunds", "the line of an approved refund was taken out of its run", "refunds", (
        "UPDATE payment_line SET status = 'dropped', because = 'x' WHERE status = 'paid'",
        "UPDATE refund_case SET is_open = true, unlisted_since = now() - interval '6 minutes' WHERE status = 'paid'")),
    ("payment-runs", "a run was never released", "approvals", ("DELETE FROM release", "DELETE FROM release_line")),
    ("payment-runs", "a run has another total", "refunds", ("UPDATE payment_run SET released_total_pence = released_total_pence + 1",)),
    ("payment-files", "the bytes are gone", "refunds", ("DELETE FROM payment_file_content",)),
    ("payment-files", "the number was changed", "refunds", ("UPDATE payment_file SET items = items + 1",)),
    ("payment-files", "the hash was changed", "refunds", ("UPDATE payment_file SET sha256 = repeat('0', 64)",)),
    ("payment-files", "the total was changed", "refunds", ("UPDATE payment_file SET total_pence = total_pence + 1",)),
    ("payment-files", "a payment was slipped in", "refunds", (
        "UPDATE payment_line SET status = 'dropped', because = 'x' WHERE number = 1",)),
    ("paid-once", "a payment that the bank made was dropped here", "refunds", (
        "UPDATE payment_line SET status = 'dropped', because = 'x' WHERE number = 1",)),
    ("write-offs-heard", "the ledger heard a decision that nobody made", "ledger", (
        "UPDATE heard_write_off SET decision = gen_random_uuid()",)),
    ("write-offs-heard", "the ledger heard of another line", "ledger", (
        "UPDATE heard_write_off_line SET content_hash = repeat('0', 64)",)),
    ("write-offs-heard", "the ledger heard that an approval came to nothing, which it did not", "ledger", (
        "INSERT INTO heard_not_carried_out SELECT decision, heard_at FROM heard_write_off",)),
    ("write-offs-heard", "the ledger heard that a decision came to nothing, which nobody made", "ledger", (
        "INSERT INTO heard_not_carried_out VALUES (gen_random_uuid(), now())",)),
    ("written-off", "a write-off rests on no decision", "ledger", ("UPDATE journal SET decision_id = NULL WHERE code = 'WOF'",)),
    ("written-off", "another amount was posted than was decided", "ledger", (
        f"UPDATE entry SET amount_pence = amount_pence * 2 WHERE journal = {WRITE_OFF}",)),
    ("written-off", "it was posted against income", "ledger", (
        f"UPDATE entry SET account = (SELECT id FROM account WHERE reference = 'RENT_INCOME') WHERE journal = {WRITE_OFF}"
        " AND account = (SELECT id FROM account WHERE reference = 'BAD_DEBT_PROVISION')",)),
    ("written-off", "it was overpaid Housing Benefit", "ledger", (f"UPDATE account SET kind = 'HBO' WHERE id = '{GONE.account}'",)),
    ("written-off", "the proposer decided", "approvals", (
        "UPDATE decision SET decided_by = 'asha.officer' WHERE carried_out_from IS NOT NULL",)),
    ("written-off", "whoever brought evidence decided", "approvals", (
        "UPDATE decision SET decided_by = 'bryn.officer' WHERE carried_out_from IS NOT NULL",)),
    *(("written-off", f"a decider {how} of the debtor, on another one's proposal, before a {kind} was listed", "writeoffs", (
        ORDER_ELSEWHERE.format(kind=kind, person=UUID(int=of.number * 100), by=by, struck_by=struck_by),))
      for kind, of in (("write-off", BANKRUPT), ("reinstatement", GONE))
      for how, by, struck_by in (("brought an order", APPROVER, "x"), ("struck an order", "x", APPROVER))),
    ("written-off", "a decider took part in another proposal on the same account", "writeoffs", (
        FED_ANOTHER, f"UPDATE proposal SET account = '{GONE.account}' WHERE account = '{LEFT_OUT.account}'")),
    ("written-off", "a decider took part in a proposal on another account of the debtor", "writeoffs", (FED_ANOTHER, BESIDE_GONE)),
    ("written-off", "a decider had answered a question on its schedule", "writeoffs", (
        f"INSERT INTO schedule_participant SELECT schedule, '{APPROVER}', 'answered the question', {LONG_BEFORE} FROM schedule_line"
        f" WHERE account = '{GONE.account}' AND standing = 'posted'",)),
    *(("written-off", f"a decider {how} an earlier schedule of {what}", "writeoffs", (
        ON_AN_EARLIER_SCHEDULE.format(account=account, made_by=made_by, by=by), BESIDE_GONE))
      for what, account in (("it", GONE.account), ("another debt of theirs", LEFT_OUT.account))
      for how, made_by, by in (("made", APPROVER, "x"), ("answered a question on", "x", APPROVER))),
    *(("written-off", f"a decider {how} of an untraceable debtor on another account whose debt was posted", "writeoffs", tuple(
        one.format(kind="found", by=by, struck_by=struck_by) if "{kind}" in one else one for one in HEARD_BESIDE_GONE))
      for how, by, struck_by in (("brought what was heard", APPROVER, "x"), ("struck what was heard", "x", APPROVER))),
    ("written-off", "a decider took part in a refund request for a credit that went to income", "refunds", (
        *ASKED_IN_VAIN.format(who=APPROVER, since=LONG_BEFORE, declined=DECLINED.account, account=QUIET.account).split(";"),)),
    ("written-off", "the decision had left the line out", "approvals", (
        "INSERT INTO decision_exception SELECT decision_id, other.line, other.task_id, 'other' FROM decision_exception AS one"
        " JOIN schedule_task_line AS other ON other.task_id = one.task_id AND other.line <> one.line",)),
    ("written-off", "the decision was not yet to be carried out", "approvals", (
        "UPDATE decision SET carried_out_from = carried_out_from + 9 WHERE carried_out_from IS NOT NULL",)),
    ("written-off", "its call-in was counted in days instead of working days", "approvals", (
        "UPDATE authority SET call_in_working_days = 3",
        "UPDATE decision SET decided_at = '2026-06-05 12:00+01', carried_out_from = '2026-06-10' WHERE carried_out_from IS NOT NULL")),
    ("written-off", "its call-in was counted over a bank holiday", "approvals", (
        "UPDATE authority SET call_in_working_days = 3", MAUNDY_THURSDAY.format(day="2026-04-09"))),
    ("written-off", "its approval had come to nothing before the posting", "ledger", (
        "INSERT INTO heard_not_carried_out SELECT decision, heard_at FROM heard_write_off",)),
    ("written-off", "the decision was shown another line", "approvals", ("UPDATE schedule_task_line SET content_hash = repeat('0', 64)",)),
    ("written-off", "its line was changed", "writeoffs", (
        "UPDATE schedule_line SET content = jsonb_set(content, '{reason}', '\"deceased\"')",)),
    ("authority", "a debtor's total is above the limit", "approvals", (
        "UPDATE decision SET amount_pence = 500000 WHERE carried_out_from IS NOT NULL",)),
    ("authority", "a member decided what the table asks of an officer", "approvals", (
        "UPDATE decision SET roles = '{executive-member}', authority_id ="
        " (SELECT id FROM authority WHERE role = 'executive-member' AND stage = 1) WHERE carried_out_from IS NOT NULL",)),
    ("authority", "somebody higher stood in within a sequence", "approvals", (
        "UPDATE decision SET roles = '{s151-officer}', amount_pence = 600000, stages = 2, authority_id ="
        " (SELECT id FROM authority WHERE role = 's151-officer' AND stage = 1) WHERE carried_out_from IS NOT NULL",)),
    ("debtors-total", "a lower total was recorded than the debtor owed", "approvals", (
        f"UPDATE decision SET amount_pence = 4999 WHERE id = {ON_SCHEDULE.format(nth=0)}",)),
    ("debtors-total", "what was put back was decided on without what was written off", "approvals", (
        f"UPDATE decision SET amount_pence = 4999 WHERE id = {ON_SCHEDULE.format(nth=1)}",)),
    ("debtors-total", "the debtor owed as well on another account", "ledger", (
        f"INSERT INTO entry SELECT journal, 99, '{GONE.garage}', element, 500000 FROM entry WHERE journal = {OWED_BY_GONE} AND line = 1",)),
    ("debtors-total", "the debtor was in credit as well on another account", "ledger", (
        f"INSERT INTO entry SELECT journal, 99, '{QUIET.garage}', element, -500000 FROM entry WHERE journal = {UNCLAIMED} AND line = 1",)),
    ("debtors-total", "the ledger kept a lower total", "ledger", (
        "ALTER TABLE written_off DROP CONSTRAINT a_write_off_is_within_the_debtors_total",
        "UPDATE written_off SET debtor_total_pence = 1")),
    ("register", "the register has another amount", "writeoffs", ("UPDATE register SET amount_pence = amount_pence + 1",)),
    ("register", "the register has another day", "writeoffs", ("UPDATE register SET posted_on = posted_on + 1",)),
    ("register", "a posting is not in the register", "writeoffs", ("DELETE FROM register WHERE kind = 'write-off'",)),
    ("register", "the register says another day on which a credit came back", "writeoffs", (
        "UPDATE register SET came_back_on = came_back_on - 1",)),
    ("register", "a credit was undone on another day than the register says", "ledger", (
        "UPDATE journal SET posted_at = posted_at - interval '1 day' WHERE reverses IN (SELECT id FROM journal WHERE code = 'CWO')",)),
    ("register", "what is registered was never posted", "writeoffs", ("UPDATE register SET journal = gen_random_uuid()",)),
    ("charges-written-off", "a charge was never as much as was written off of it", "ledger", (
        f"UPDATE written_off_charge SET charge = {LAST_CHARGE} WHERE write_off = {WRITE_OFF}",)),
    ("charges-written-off", "a write-off is not of its charges", "ledger", (
        "UPDATE written_off_charge SET amount_pence = amount_pence - 1",)),
    ("charges-written-off", "the charges of a write-off are lost", "ledger", ("DELETE FROM written_off_charge",)),
    ("charges-written-off", "more was given back to a charge than was written off of it", "ledger", (
        "UPDATE reinstated_charge SET amount_pence = 99999999",)),
    ("charges-written-off", "what was put back is of no charge", "ledger", ("DELETE FROM reinstated_charge",)),
    ("charges-written-off", "what an order had released was put back", "ledger", ("UPDATE written_off SET released_until = current_date",)),
    ("charges-written-off", "the ledger believed that a release stands no longer, and nobody decided that", "ledger", (
        "UPDATE reinstatement SET release_undone = true",)),
    ("charges-written-off", "a journal is of other charges than its line names", "writeoffs", (
        "UPDATE schedule_line SET content = jsonb_set(content, '{charges}', to_jsonb(ARRAY[gen_random_uuid()]))",)),
    ("undone-charges", "nobody is asked to put it back", "writeoffs", (
        f"UPDATE proposal SET status = 'withdrawn', closed_at = now() WHERE account = '{OVERCHARGED.account}' AND closed_at IS NULL",)),
    ("undone-charges", "another charge was undone", "ledger", (
        "INSERT INTO journal (id, code, effective_date, posted_at, actor, narrative, reverses)"
        f" SELECT gen_random_uuid(), code, effective_date, posted_at, actor, narrative, id FROM journal WHERE id = {OWED_BY_GONE}",)),
    ("put-back", "more was put back than was written off", "writeoffs", (
        "ALTER TABLE register DROP CONSTRAINT no_more_is_put_back_than_was_written_off",
        "UPDATE register SET amount_pence = 99999999 WHERE kind = 'reinstatement'")),
    ("put-back", "a discharged debt was put back", "writeoffs", (
        "UPDATE register SET discharged = true WHERE kind = 'write-off'",)),
    ("put-back", "a release stands no longer, and nobody noted that an order was taken back", "writeoffs", (
        "UPDATE register SET release_undone = true WHERE kind = 'reinstatement'",
        "UPDATE schedule_line SET content = jsonb_set(content, '{release_undone}', 'true')")),
    ("put-back", "the register says that a release stands no longer, and nobody decided that", "writeoffs", (
        "UPDATE register SET release_undone = true WHERE kind = 'reinstatement'",)),
    ("put-back", "the register forgot what was put back", "writeoffs", (
        "UPDATE register SET reinstated_pence = 0 WHERE kind = 'write-off'",)),
    ("evidence-order", "a discharge was of before its order", "writeoffs", (
        "UPDATE proof SET \"on\" = \"on\" - 400 WHERE kind = 'discharge'",)),
    ("evidence-order", "the order was of another kind", "writeoffs", (
        "UPDATE proof SET order_kind = 'voluntary-arrangement' WHERE kind = 'insolvency-order'",)),
    ("evidence-order", "evidence was brought after the line was listed", "writeoffs", (
        "UPDATE proof SET at = now() + interval '1 day' WHERE kind = 'manager-note'",)),
    ("unclaimed", "the payment was of a later day", "ledger", (
        f"UPDATE journal SET effective_date = current_date - 100 WHERE id = {UNCLAIMED}",)),
    ("unclaimed", "less had stood", "ledger", (
        f"UPDATE entry SET amount_pence = sign(amount_pence) * 1 WHERE journal = {UNCLAIMED}",)),
    ("unclaimed", "the policy asks for more years", "writeoffs", (
        "UPDATE policy SET figures = jsonb_set(figures, '{unclaimed_after_years}', '7')",)),
    ("unclaimed", "the same person owed elsewhere", "ledger", (
        "INSERT INTO tenant SELECT (SELECT tenancy FROM account WHERE id = '" + str(LEFT_OUT.account) + "'), person, true, NULL FROM tenant"
        " WHERE tenancy = (SELECT tenancy FROM account WHERE id = '" + str(QUIET.account) + "')",)),
    ("unclaimed", "a case asked for it", "ledger", (
        "INSERT INTO outbox_event (id, bucket, topic, key, aggregate_version, headers, body, written_at)"
        f" SELECT gen_random_uuid(), bucket, topic, '{QUIET.account}', 99, headers, body, written_at FROM outbox_event"
        " WHERE headers ->> 'ce_type' = 'ledger.credit-asked-for.v1' AND body::jsonb ->> 'asked' = 'true' LIMIT 1",
        "UPDATE outbox_event SET aggregate_version = aggregate_version + 100"
        f" WHERE headers ->> 'ce_type' = 'ledger.credit-written-on.v1' AND key = '{QUIET.account}'")),
    ("unclaimed", "it was put back for a case that had ended", "ledger", (
        "INSERT INTO outbox_event (id, bucket, topic, key, aggregate_version, headers, body, written_at)"
        f" SELECT gen_random_uuid(), bucket, topic, '{BOUNCED.account}', 99, headers, body, written_at FROM outbox_event"
        " WHERE headers ->> 'ce_type' = 'ledger.credit-asked-for.v1' AND body::jsonb ->> 'asked' = 'false' LIMIT 1",
        "UPDATE outbox_event SET aggregate_version = aggregate_version + 100"
        f" WHERE headers ->> 'ce_type' = 'ledger.journal-reversed.v1' AND key = '{BOUNCED.account}'",
        "UPDATE journal SET actor = 'system', narrative = 'put back: its refund was asked for'"
        " WHERE code = 'CWO' AND reverses IS NOT NULL")),
    ("given-back", "it came back later", "ledger", (
        "UPDATE journal SET posted_at = posted_at + interval '1 hour' WHERE code = 'CWO' AND reverses IS NOT NULL",)),
    ("given-back", "it stayed at income when a debt was put back", "ledger", (
        f"UPDATE entry SET account = '{QUIET.account}' WHERE account = '{GONE.account}'"
        " AND journal IN (SELECT id FROM journal WHERE code = 'WON')",
        "UPDATE journal SET seq = DEFAULT WHERE code = 'WON'")),
    ("seal-chain", "a sealed journal was changed", "ledger", (f"UPDATE journal SET narrative = 'another story' WHERE id = {LAST_CHARGE}",)),
    ("seal-chain", "a seal is lost", "ledger", ("DELETE FROM seal WHERE audit_no = 3",)),
    ("seal-chain", "a seal was forged", "ledger", ("UPDATE seal SET prev_hash = sha256('x') WHERE audit_no = 3",)),
    ("seal-anchor", "the end of the chain was cut off", "ledger", (
        "DELETE FROM seal WHERE audit_no = (SELECT max(audit_no) FROM seal)",)),
    ("nothing-parked", "an event is parked", "refunds", (
        "INSERT INTO parked (topic, key, partition, record_offset, headers, body, payload_hash, reason, parked_at)"
        " VALUES ('ledger.accounts', 'a key', 0, 0, '{}', '', '', 'unreadable', now())",)),
]  # fmt: skip
