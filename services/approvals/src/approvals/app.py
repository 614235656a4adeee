"""All that approvals offers and answers, and the desk that it serves."""

from datetime import timedelta

from chassis.serving import Answer, App, Every, Offer, UpdateOutcome
from chassis.transaction import Runtime
from rentbook_contracts.approvals import (
    CLOSE_TASK,
    DECIDE,
    NUDGE_TASK,
    OPEN_SCHEDULE_TASK,
    OPEN_TASK,
    READ_DECISION,
    RECALL,
    ROUND_DECIDED,
    WHO_DECIDED,
)
from rentbook_contracts.people import READS_ACCOUNTS
from starlette.routing import BaseRoute

from approvals.settings import ApprovalsSettings
from approvals.use_cases.close_task import close_task
from approvals.use_cases.note_update_outcome import note_decision_outcome, note_recall_outcome
from approvals.use_cases.nudge_task import nudge_task
from approvals.use_cases.open_schedule_task import open_schedule_task
from approvals.use_cases.open_task import open_task
from approvals.use_cases.read_decision import read_decision, round_decided, who_decided
from approvals.use_cases.sweep_sessions import sweep_sessions
from approvals.web.desk import DeskSettings
from approvals.web.routes import routes

OFFERS = (
    Offer(OPEN_TASK, open_task, remember=False),
    Offer(OPEN_SCHEDULE_TASK, open_schedule_task, remember=False),
    Offer(READ_DECISION, read_decision, remember=False),
    Offer(CLOSE_TASK, close_task),
    Offer(NUDGE_TASK, nudge_task),
)

ANSWERS = (Answer(ROUND_DECIDED, round_decided, READS_ACCOUNTS), Answer(WHO_DECIDED, who_decided, READS_ACCOUNTS))

OUTCOMES = (UpdateOutcome(DECIDE, note_decision_outcome), UpdateOutcome(RECALL, note_recall_outcome))

EVERY = (Every(timedelta(minutes=10), sweep_sessions),)


def make_app(settings: ApprovalsSettings) -> App:
    """The service, whole."""

    def desk(runtime: Runtime) -> list[BaseRoute]:
        told = DeskSettings(
            public_url=settings.public_url.rstrip("/"),
            oidc_issuer=settings.oidc_issuer,
            oidc_client_id=settings.oidc_client_id,
            oidc_client_secret=settings.secret("oidc_client_secret"),
            session_key=settings.secret("session_key"),
        )
        return routes(runtime, told)

    return App("approvals", offers=OFFERS, answers=ANSWERS, outcomes=OUTCOMES, every=EVERY, routes=desk)
