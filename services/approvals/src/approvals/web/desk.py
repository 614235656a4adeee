"""The desk as a whole: its settings, styles, templates and sign-in, made once at the start of the process."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from chassis.peers import Peers
from chassis.transaction import Runtime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from approvals.web.assets import Assets, load_assets
from approvals.web.schedule_words import because
from approvals.web.sign_in import Issuer
from approvals.web.wording import FILTERS, PART_WORDS, TESTS

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class DeskSettings:
    """What the desk must be told. `public_url` is the address that people type, without a slash at its end."""

    public_url: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    session_key: str

    @property
    def https(self) -> bool:
        return urlsplit(self.public_url).scheme == "https"


@dataclass(frozen=True)
class Desk:
    """What every page stands on."""

    runtime: Runtime
    settings: DeskSettings
    assets: Assets
    templates: Environment
    issuer: Issuer

    @property
    def peers(self) -> Peers:
        return Peers(self.runtime.http, self.runtime.settings, self.runtime.service_token, self.runtime.telemetry)

    def render(self, template: str, **context: object) -> str:
        return self.templates.get_template(template).render(**context)


def make_desk(runtime: Runtime, settings: DeskSettings) -> Desk:
    """Load what the desk needs. Raises AssetsMissing where the front-end package isn't installed."""
    assets, templates = _loaded()
    issuer = Issuer(
        settings.oidc_issuer.rstrip("/"),
        settings.oidc_client_id,
        settings.oidc_client_secret,
        f"{settings.public_url}/sign-in/return",
        settings.session_key,
    )
    return Desk(runtime, settings, assets, templates, issuer)


@cache
def _loaded() -> tuple[Assets, Environment]:
    """Assets and templates are those of the installed package, and each template takes longer to compile than to fill."""
    assets = load_assets()
    return assets, make_templates(assets)


def make_templates(assets: Assets) -> Environment:
    """The templates: everything is escaped, and a name that no handler gave is an error instead of a blank."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    environment.filters["because"] = because
    environment.tests.update(TESTS)
    environment.globals["part_words"] = PART_WORDS
    environment.globals["asset"] = assets.url
    # each form on a page has its own key: two forms sent from one showing are two changes
    environment.globals["fresh_id"] = lambda: str(uuid4())
    return environment
