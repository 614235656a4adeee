"""Letters, as they were sent."""

from uuid import UUID

from starlette.responses import Response

from approvals.web.carried import fetch
from approvals.web.visit import Visit


async def download(visit: Visit) -> Response:
    """The PDF of one letter, byte for byte as it went out."""
    letter: UUID = visit.request.path_params["letter"]
    return await fetch(
        visit,
        "notices",
        f"/letters/{letter}.pdf",
        missing="this letter",
        name=f"letter-{letter}.pdf",
        media_type="application/pdf",
        inline=True,
    )
