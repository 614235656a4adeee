"""What approvals and the desk must be told beside what every service is told."""

from datetime import date

from chassis.settings import Settings
from pydantic import Field


class ApprovalsSettings(Settings):
    """The desk's address, its sign-in, and the days that no calendar foresees."""

    public_url: str = Field(description="Address of the desk as people type it, without a slash at its end")
    oidc_issuer: str = Field(description="Address of the OpenID Connect issuer, exactly as it names itself")
    oidc_client_id: str = Field(description="The desk's name at the issuer")
    one_off_holidays: tuple[date, ...] = Field(default=(), description="Bank holidays proclaimed for one year (domain.md 3.2)")
