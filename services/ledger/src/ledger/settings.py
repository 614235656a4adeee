"""What the ledger must be told beside what every service is told."""

import base64
from pathlib import Path

from chassis.settings import Settings
from pydantic import Field


class LedgerSettings(Settings):
    """The ledger's own settings."""

    anchor_dir: Path | None = Field(
        default=None, description="Folder outside the database's data in which the head of the seal chain is noted"
    )
    seal_seconds: float = Field(default=2.0, gt=0, description="How often journals are sealed")

    def payer_key(self) -> bytes:
        """The key of payers' fingerprints: refunds' index key of payees, as base64 in the file payer_index_key.

        Errors: FileNotFoundError.
        """
        return base64.b64decode(self.secret("payer_index_key"), validate=True)
