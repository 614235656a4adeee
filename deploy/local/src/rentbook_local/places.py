"""Where the checkout and the per-user cache lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
"""The checkout. The members are installed editable, so the sources are in it."""


def cache() -> Path:
    """The folder of downloads that every checkout of this user shares: $RENTBOOK_CACHE, else ~/.cache/rentbook."""
    given = os.environ.get("RENTBOOK_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "rentbook"
