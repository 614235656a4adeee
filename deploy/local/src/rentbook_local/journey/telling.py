"""A journey as a story that is told hop by hop, to people and to machines."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.layout import Layout, running
from rentbook_local.writing import write_whole

OFFICER = "asha.officer"
START_LIMIT_SECONDS = 600.0
"""How long a stack may take to start: the first time it fetches its servers."""
_POLL_SECONDS = 0.25


@dataclass
class Hop:
    """One step: who did what, what it is called, when it was done (UTC), and how long it took."""

    name: str
    by: str
    says: str
    ids: dict[str, str]
    at: str
    seconds: float


@dataclass
class Story(ABC):
    """The hops so far, and the name of the one that is under way. `tell` hears each as it happens; `title` says what the story is about."""

    title: ClassVar[str]

    layout: Layout
    tell: Callable[[Hop], None]
    hops: list[Hop] = field(default_factory=list)
    ok: bool = False
    failed: str | None = None
    under_way: str = ""
    _by: str = ""
    _begun: float = 0.0

    def begin(self, name: str, by: str) -> None:
        """Begin a hop: what goes wrong from here on goes wrong in it."""
        self.under_way, self._by, self._begun = name, by, time.monotonic()

    def hop(self, says: str, **ids: str) -> None:
        """The hop that was begun is done."""
        seconds = round(time.monotonic() - self._begun, 2)
        hop = Hop(self.under_way, self._by, says, ids, datetime.now(UTC).isoformat(timespec="milliseconds"), seconds)
        self.hops.append(hop)
        self.tell(hop)

    def play(self) -> None:
        """Play it to its end. Errors: Unexpected at the first hop that fails; `failed` then has the reason."""
        try:
            self.begin("start", OFFICER)
            self._await_the_stack()
            self.begin("sign-in", OFFICER)
            with Desk(self.layout.desk, OFFICER) as officer:
                self.begin("start", OFFICER)
                self.act(officer)
        except Unexpected as reason:
            self.failed = str(reason)
            raise
        self.ok = True

    def write(self, path: Path) -> None:
        """The same for machines."""
        failed_hop = self.under_way if self.failed else None
        told = {"ok": self.ok, "failed": self.failed, "failed_hop": failed_hop, "hops": [asdict(hop) for hop in self.hops]}
        write_whole(path, json.dumps(told, indent=1) + "\n")

    def _await_the_stack(self) -> None:
        """Errors: Unexpected where it goes on starting."""
        end = time.monotonic() + START_LIMIT_SECONDS
        while running(self.layout)[1].get("phase") == "starting":
            if time.monotonic() > end:
                raise Unexpected(f"The stack is still starting after {START_LIMIT_SECONDS:.0f} s: ./rentbook status says what is not well.")
            time.sleep(_POLL_SECONDS)

    @abstractmethod
    def act(self, officer: Desk) -> None:
        """All of its hops, in order. Errors: Unexpected."""


def balance_of(page: Page) -> str:
    """What an account's page says of its balance: *£84.10 behind*."""
    found = page.tree.xpath("//*[contains(concat(' ', @class, ' '), ' desk-balance ')]")
    return " ".join(str(found[0].text_content()).split()) if found else page.heading
