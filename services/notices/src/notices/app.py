"""All that notices hears, offers, answers and accepts."""

from datetime import timedelta

from chassis.last_commands import last_commands
from chassis.serving import Accept, Answer, App, Every, Offer, Subscription
from rentbook_contracts.notices import LAST_COMMANDS, LETTERS, SEND_LETTER_AGAIN, SET_REPORT, WRITE_LADDER_LETTER
from rentbook_contracts.people import EVERY_ROLE, READS_ACCOUNTS, REVIEWS_ACCESS
from rentbook_contracts.refunds import RefundClosed, RefundReturned

from notices.queries import letters
from notices.settings import NoticesSettings
from notices.use_cases.make_report import make_report
from notices.use_cases.send_again import again_by
from notices.use_cases.send_letters import sending_by
from notices.use_cases.write_ladder_letter import write_ladder_letter
from notices.use_cases.write_letter import write_letter
from notices.use_cases.write_of_return import write_of_return
from notices.web import routes

LISTENS = (Subscription(RefundClosed, write_letter), Subscription(RefundReturned, write_of_return))
# Idempotent of itself: a story that goes on in a run of its own counts its steps anew.
OFFERS = (Offer(WRITE_LADDER_LETTER, write_ladder_letter, remember=False),)
ANSWERS = (
    Answer(LETTERS, letters, READS_ACCOUNTS),
    Answer(SET_REPORT, make_report, EVERY_ROLE),
    Answer(LAST_COMMANDS, last_commands, REVIEWS_ACCESS),
)


def make_app(settings: NoticesSettings) -> App:
    """Notices, whole."""
    return App(
        name="notices",
        listens=LISTENS,
        offers=OFFERS,
        answers=ANSWERS,
        accepts=(Accept(SEND_LETTER_AGAIN, again_by(settings.delivery())),),
        every=(Every(timedelta(seconds=settings.send_seconds), sending_by(settings.delivery())),),
        routes=routes,
    )
