"""What the ledger must be told beside what every service is told."""

from pathlib import Path

from chassis.settings import Settings
from pydantic import Field

from ledger.domain.payer import KEY_FILE, read_key


class LedgerSettings(Settings):
    """The ledger's own settings."""

    anchor_dir: Path | None = Field(
        default=None, description="Folder outside the database's data in which the head of the seal chain is noted"
    )
    seal_seconds: float = Field(default=2.0, gt=0, description="How often journals are sealed")

    def payer_key(self) -> bytes:
        """The key of payers' fingerprints. Errors: FileNotFoundError, ValueError."""
        return read_key(self.secret(KEY_FILE))
