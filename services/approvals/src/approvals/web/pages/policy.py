"""The policy in force, for everyone to read: who may decide what, and how long things may take."""

from rentbook_contracts.approvals import Answer, TaskKind
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import REFUND_POLICIES
from starlette.responses import Response

from approvals import queries
from approvals.domain.authority import Act
from approvals.domain.reasons import REASONS
from approvals.web.visit import Visit

ACTS = {Act.DECIDE: "Decides", Act.RELEASE: "Releases payment runs"}
ANSWERS = {Answer.APPROVED: "To approve", Answer.DECLINED: "To decline", Answer.SENT_BACK: "To send back"}


async def show(visit: Visit) -> Response:
    """Every version, the one in force first said to be so. Policy changes by a maker and a checker, not on this page."""
    versions = await visit.own(lambda tx: queries.policies(tx, TaskKind.REFUND))
    figures = await visit.ask_or_name(REFUND_POLICIES, Nothing(), "the floors and targets of refunds")
    in_force = next((one.id for one in versions if one.in_force_from <= visit.today), None)
    return visit.show(
        "policy.html",
        "Policy",
        versions=versions,
        figures=figures.policies if figures else (),
        in_force=in_force,
        acts=ACTS,
        names=await visit.names(),
        reasons=[(ANSWERS[answer], list(REASONS[answer].values())) for answer in Answer],
    )
