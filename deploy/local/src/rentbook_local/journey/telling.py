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
from rentbook_local.layout import Layout
from rentbook_local.writing import write_whole

OFFICER = "asha.officer"


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
    """The hops so far. `tell` hears each as it happens; `title` says what the story is about."""

    title: ClassVar[str]

    layout: Layout
    tell: Callable[[Hop], None]
    hops: list[Hop] = field(default_factory=list)
    ok: bool = False
    failed: str | None = None

    def hop(self, name: str, by: str, begun: float, says: str, **ids: str) -> None:
        hop = Hop(name, by, says, ids, datetime.now(UTC).isoformat(timespec="milliseconds"), round(time.monotonic() - begun, 2))
        self.hops.append(hop)
        self.tell(hop)

    def play(self) -> None:
        """Play it to its end. Errors: Unexpected at the first hop that fails; `failed` then has the reason."""
        try:
            with Desk(self.layout.desk, OFFICER) as officer:
                self.act(officer)
        except Unexpected as reason:
            self.failed = str(reason)
            raise
        self.ok = True

    def write(self, path: Path) -> None:
        """The same for machines."""
        told = {"ok": self.ok, "failed": self.failed, "hops": [asdict(hop) for hop in self.hops]}
        write_whole(path, json.dumps(told, indent=1) + "\n")

    @abstractmethod
    def act(self, officer: Desk) -> None:
        """All of its hops, in order. Errors: Unexpected."""


def balance_of(page: Page) -> str:
    """What an account's page says of its balance: *£84.10 behind*."""
    found = page.tree.xpath("//*[contains(concat(' ', @class, ' '), ' desk-balance ')]")
    return " ".join(str(found[0].text_content()).split()) if found else page.heading
