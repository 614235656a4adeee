"""One process hosts a service: web, subscribers, relays, activities and periodic work."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chassis.serving import App
from chassis.settings import Settings

S = TypeVar("S", bound=Settings)


def main(app_factory: Callable[[S], App], settings_cls: type[S], argv: Sequence[str]) -> None:
    """The whole of a service's `__main__.py`: `main(make_app, LedgerSettings, sys.argv[1:])`. It does not return: the process exits.

    Without words it runs the service; `migrate` brings its database up to date; `parked list|show|replay|discard` is for operators.
    """
    raise NotImplementedError
