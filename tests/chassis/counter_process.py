"""The counting service as a process of its own, as `python -m counter` would be."""

import sys

from chassis.process import main
from chassis.serving import App, Subscription
from chassis.settings import Settings
from support.counting import Counted, note


def make_app(settings: Settings) -> App:
    return App("counter", listens=(Subscription(Counted, note),))


if __name__ == "__main__":
    main(make_app, Settings, sys.argv[1:])
