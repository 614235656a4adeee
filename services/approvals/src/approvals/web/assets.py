"""The styles and scripts that the desk serves: GOV.UK Frontend without the crown and the government's typeface, and our own.

GDS Transport is licensed for gov.uk alone, so its font faces leave the style sheet and Arial takes its place; with them goes every address
that the sheet would fetch.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import PlainTextResponse, Response

_HERE = Path(__file__).parent
_GOVUK = Path(__file__).parents[3] / "node_modules" / "govuk-frontend" / "dist" / "govuk"

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}


class AssetsMissing(Exception):
    """The front-end package isn't installed."""


@dataclass(frozen=True)
class Assets:
    """Files by name, under one digest of them all, so that an address changes whenever what it serves does."""

    files: dict[str, bytes]
    digest: str

    def url(self, name: str) -> str:
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    def serve(self, digest: str, name: str) -> Response:
        if digest != self.digest or name not in self.files:
            return PlainTextResponse("Not here. Load the page again.", status_code=404)
        return Response(self.files[name], media_type=_TYPES[Path(name).suffix], headers=_IMMUTABLE)


def load_assets(govuk: Path = _GOVUK) -> Assets:
    """Read every asset once, at the start of the process.

    Raises AssetsMissing, saying what to do, where `npm ci` has not been run.
    """
    if not govuk.is_dir():
        raise AssetsMissing("The desk's styles are not installed. Run: npm ci --omit=dev, in the folder services/approvals")
    files = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir())}
    files["govuk.css"] = without_government_marks((govuk / "govuk-frontend.min.css").read_text()).encode()
    files["govuk.js"] = re.sub(r"//# sourceMappingURL=\S+", "", (govuk / "govuk-frontend.min.js").read_text()).encode()
    digest = hashlib.sha256(b"".join(name.encode() + body for name, body in sorted(files.items()))).hexdigest()[:16]
    return Assets(files, digest)


def without_government_marks(css: str) -> str:
    """The style sheet without font faces, crest and source map; Arial where it named GDS Transport."""
    css = re.sub(r"@font-face\{[^}]*\}", "", css)
    css = css.replace("GDS Transport,arial,sans-serif", "Arial,sans-serif")
    css = re.sub(r"url\([^)]*\)", "none", css)
    return re.sub(r"/\*[#!].*?\*/", "", css, flags=re.S)
