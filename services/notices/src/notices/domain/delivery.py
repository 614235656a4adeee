"""How letters leave the house."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Mail:
    """The mail server, and the mailbox of the service that prints and posts. `limit_seconds`: how long the server may take."""

    host: str
    port: int
    sender: str
    recipient: str
    limit_seconds: float


@dataclass(frozen=True)
class Delivery:
    """Into the folder, or by e-mail where there is a mail server."""

    folder: Path
    mail: Mail | None = None

    @property
    def how(self) -> Literal["folder", "e-mail"]:
        return "folder" if self.mail is None else "e-mail"
