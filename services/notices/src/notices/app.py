"""What notices hears and answers."""

from datetime import timedelta

from chassis.serving import Answer, App, Every, Subscription
from rentbook_contracts.notices import LETTERS
from rentbook_contracts.refunds import RefundClosed

from notices.queries import letters
from notices.settings import NoticesSettings
from notices.use_cases.send_letters import sending_by
from notices.use_cases.write_letter import write_letter
from notices.web import routes

LISTENS = (Subscription(RefundClosed, write_letter),)
ANSWERS = (Answer(LETTERS, letters),)


def make_app(settings: NoticesSettings) -> App:
    """Notices, whole."""
    return App(
        name="notices",
        listens=LISTENS,
        answers=ANSWERS,
        every=(Every(timedelta(seconds=settings.send_seconds), sending_by(settings.delivery())),),
        routes=routes,
    )
