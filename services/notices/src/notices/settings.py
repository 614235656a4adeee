"""What notices must be told beside what every service is told."""

from pathlib import Path

from chassis.settings import Settings
from pydantic import Field, model_validator

from notices.domain.delivery import Delivery, Mail


class NoticesSettings(Settings):
    """Letters go into a folder; where a mail server is configured, they go by e-mail to the mailbox that prints and posts them."""

    letters_dir: Path = Field(description="Folder into which letters are handed over as PDF")
    smtp_host: str | None = Field(default=None, description="Mail server; without one letters go into the folder")
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_from: str | None = Field(default=None, description="Sender's address")
    smtp_to: str | None = Field(default=None, description="Address of the print and post service")
    smtp_limit_seconds: float = Field(default=20.0, gt=0)
    send_seconds: float = Field(default=1.0, gt=0, description="How often letters that wait are looked for")

    @model_validator(mode="after")
    def mail_is_whole(self) -> "NoticesSettings":
        """Half a mail configuration would send nothing and say nothing."""
        if self.smtp_host is not None and not (self.smtp_from and self.smtp_to):
            raise ValueError("RENTBOOK_SMTP_HOST needs RENTBOOK_SMTP_FROM and RENTBOOK_SMTP_TO")
        return self

    def delivery(self) -> Delivery:
        if self.smtp_host is None or self.smtp_from is None or self.smtp_to is None:
            return Delivery(self.letters_dir)
        return Delivery(self.letters_dir, Mail(self.smtp_host, self.smtp_port, self.smtp_from, self.smtp_to, self.smtp_limit_seconds))
