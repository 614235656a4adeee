"""A proposal on its way up the evidence ladder, for weeks or months, as domain.md 5.2 and 5.3 tell it."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rentbook_contracts.notices import WRITE_LADDER_LETTER
    from rentbook_contracts.operation import Nothing
    from rentbook_contracts.workflows import PROPOSAL_CHANGED, WRITE_OFF_PROPOSAL, ProposalChanged, proposal_workflow_id
    from rentbook_contracts.writeoffs import (
        ASSESS_PROPOSAL,
        REMIND_OF_PROPOSAL,
        Assessed,
        AssessProposal,
        ProposalCase,
        RemindOfProposal,
    )

    from workflows.calling import Steps
    from workflows.decision import until

LOOKS_IN_A_RUN = 500
"""A proposal that is looked at so often goes on in a run of its own, so that no history grows without bound."""


@workflow.defn(name=WRITE_OFF_PROPOSAL.name)
class WriteOffProposal:
    """One pass: it is looked at whenever something changed or time may have changed something, until nothing more is to gather.

    Each look writes the letter that the ladder asks for next, if it asks for one; that it was sent comes back as a change.
    """

    @workflow.init
    def __init__(self, case: ProposalCase) -> None:
        self.case = case
        self.steps = Steps(proposal_workflow_id(case.proposal, case.attempt))
        self.changed = False
        self.reminded_at: datetime | None = None

    @workflow.run
    async def run(self, case: ProposalCase) -> Nothing:
        for look in range(LOOKS_IN_A_RUN):
            self.changed = False
            seen = await self.steps.call(ASSESS_PROPOSAL, AssessProposal(proposal=case.proposal, attempt=case.attempt))
            if seen.done:
                return Nothing()
            await self.write(seen, look)
            await self.wait(seen, look)
        return workflow.continue_as_new(case)

    async def write(self, seen: Assessed, look: int) -> None:
        """Have the letter written that the ladder asks for.

        Stories begun before letters were written by themselves had looks without one. Each look is patched for itself, because a patch
        that was answered once in a run is answered for all of it: such a story writes from its next look on.
        """
        if seen.letter is not None and workflow.patched(f"letter-at-look-{look}"):
            await self.steps.call(WRITE_LADDER_LETTER, seen.letter)

    async def wait(self, seen: Assessed, look: int) -> None:
        """Until something changed, or the day on which time alone may have; after a reminder too, for the day of the next.

        Stories begun before reminders came again had one for each look: they go on so to the end of that look.
        """
        reminded = seen.remind_at is None or (self.reminded_at is not None and seen.remind_at <= self.reminded_at)
        while not self.changed:
            when = None if reminded else seen.remind_at
            if await until(lambda: self.changed, earliest(when, seen.look_again_at)):
                return
            if seen.look_again_at is not None and workflow.now() >= seen.look_again_at:
                return
            await self.steps.call(REMIND_OF_PROPOSAL, RemindOfProposal(proposal=self.case.proposal, attempt=self.case.attempt))
            reminded, self.reminded_at = True, workflow.now()
            if workflow.patched(f"remind-again-at-look-{look}"):
                return

    @workflow.signal(name=PROPOSAL_CHANGED.name)
    def proposal_changed(self, _: ProposalChanged) -> None:
        self.changed = True


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of these moments; None where there is none."""
    return min((moment for moment in moments if moment is not None), default=None)
