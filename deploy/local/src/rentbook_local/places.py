"""Where things lie: the checkout, the per-user cache, and the state of one stack."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
"""The checkout. The members are installed editable, so the sources are in it."""


def cache() -> Path:
    """The folder of downloads that every checkout of this user shares: $RENTBOOK_CACHE, else ~/.cache/rentbook."""
    given = os.environ.get("RENTBOOK_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "rentbook"


@dataclass(frozen=True)
class State:
    """The folder that holds everything one stack must remember between two starts."""

    folder: Path

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def of(self, name: str) -> Path:
        """The folder of one process."""
        return self.folder / name
