"""No decision rests on authority that was lent after its moment, which is its transaction's beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Between a transaction's beginning and its row the ledger is asked who took part, for seconds where it is slow.
FUNCTION = """
CREATE OR REPLACE FUNCTION lent_through(chain uuid[], decider text, OUT people text[], OUT root_roles text[], OUT ceiling bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  link delegation;
  next_giver text;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(delegations_lock());
  IF cardinality(chain) > 3 OR array_ndims(chain) <> 1 THEN PERFORM refuse('a_chain_of_delegations_is_short'); END IF;
  people := '{}';
  FOR at IN 1 .. cardinality(chain) LOOP
    SELECT * INTO link FROM delegation d WHERE d.id = chain[at] AND today() BETWEEN d.from_on AND d.until_on
    AND d.given_at <= now()
    AND NOT EXISTS (SELECT FROM delegation_end e WHERE e.delegation_id = d.id);
    IF NOT FOUND THEN PERFORM refuse('a_delegation_is_in_force'); END IF;
    IF at = 1 THEN
      root_roles := ARRAY(
        SELECT unnest(link.giver_roles) INTERSECT SELECT unnest(s.roles) FROM staff s WHERE s.subject = link.giver);
    ELSIF link.giver <> next_giver THEN PERFORM refuse('delegations_form_a_chain_to_the_decider');
    END IF;
    IF link.giver = ANY (people) OR link.giver = decider THEN PERFORM refuse('a_cycle_of_delegations_gives_nothing'); END IF;
    people := people || link.giver;
    ceiling := LEAST(ceiling, link.ceiling_pence);
    next_giver := link.taker;
  END LOOP;
  IF next_giver <> decider THEN PERFORM refuse('delegations_form_a_chain_to_the_decider'); END IF;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(FUNCTION.replace(":=", r"\:=")))
