"""Every reason of domain.md 5.3 with all its evidence, on the real stack, declined by who has authority; journeys play them accepted."""

from collections.abc import Mapping
from contextlib import ExitStack

from journeys.test_write_offs import (
    ATTEMPTS,
    CASES,
    PART,
    approved,
    at_once,
    balance,
    entries,
    listed,
    proposed,
    ready,
    struck_as_it_came_back,
)
from rentbook_local.journey.desk import Desk
from rentbook_local.journey.steps import Member
from rentbook_local.journey.write_off_steps import READY, Proof, bring, proposal_says, schedule_says, standings
from rentbook_local.signin import PERSONAS
from support.stack import Stack

PROOFS = {reason: (*case.too_little, *case.then) for reason, case in CASES.items()}
SCHEDULES = {"Debts, declined": PROOFS, "A credit, declined": {"unclaimed": ATTEMPTS}}


def test_every_reason_is_declined_with_all_its_evidence_and_nothing_is_posted(stack: Stack, members: Mapping[str, Member]) -> None:
    with ExitStack() as signed_in:
        subjects = {persona.subject.partition(".")[0]: persona.subject for persona in PERSONAS}
        desks = {name: signed_in.enter_context(Desk(stack.layout.desk, subjects[name])) for name in PART}
        asha = desks["asha"]
        for title, reasons in SCHEDULES.items():
            accounts = {reason: members[f"debt-{reason}"].account for reason in reasons}
            owed = {reason: balance(asha, account) for reason, account in accounts.items()}
            made = at_once(lambda reason: _ready(desks, members[f"debt-{reason}"], reason, reasons[reason]), [*reasons])  # noqa: B023
            schedule = listed(desks, made, title)
            approved(desks["efua"], title, answer="declined")
            assert standings(schedule_says(asha, schedule, "Declined")) == dict.fromkeys(made, "DeclinedThe debts may still be recovered")
            for proposal in made:
                proposal_says(asha, proposal, "Declined")
            assert {reason: balance(asha, account) for reason, account in accounts.items()} == owed
            assert {code for account in accounts.values() for _, code, _ in entries(asha, account)} & {"WOF", "CWO"} == set()
            for account in accounts.values():
                asha.get(f"/write-offs/register?account={account}").must_say("Nothing stands in the register with these filters.")


def _ready(desks: Mapping[str, Desk], member: Member, reason: str, proofs: tuple[Proof, ...]) -> str:
    if reason != "unclaimed":
        return ready(desks, member, reason, proofs)
    proposal = proposed(desks, member, reason, ())
    struck_as_it_came_back(desks, proposal)
    for proof in proofs:
        assert bring(desks["bryn"], proposal, proof).errors() == []
    return proposal_says(desks["asha"], proposal, READY).identity
