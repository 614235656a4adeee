"""What approvals and the desk must be told beside what every service is told."""

from chassis.settings import Settings
from pydantic import Field


class ApprovalsSettings(Settings):
    """The desk's address and its sign-in."""

    public_url: str = Field(description="Address of the desk as people type it, without a slash at its end")
    oidc_issuer: str = Field(description="Address of the OpenID Connect issuer, exactly as it names itself")
    oidc_client_id: str = Field(description="The desk's name at the issuer")
