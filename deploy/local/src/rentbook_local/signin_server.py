"""The sign-in's own process: the OpenID Connect provider of `oidc-provider-mock` with the personas, and with pages of our own.

Our pages fetch nothing from elsewhere and need no script.
"""

import argparse
import logging
import os
import secrets
import time
from pathlib import Path

import flask
import uvicorn
from jinja2 import ChoiceLoader, FileSystemLoader
from oidc_provider_mock import User, app  # type: ignore[import-untyped]
from oidc_provider_mock._storage import AuthorizationCode  # type: ignore[import-untyped]
from werkzeug.debug import DebuggedApplication

from rentbook_local.ports import HOST
from rentbook_local.signin import PERSONAS

_TEMPLATES = Path(__file__).parent / "signin_templates"
# No `form-action`: browsers hold it against the way back to the desk too, which stands at another address.
_POLICY = "default-src 'none'; img-src data:; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"


def provider() -> flask.Flask:
    """The provider, ready to be served."""
    says_when_somebody_signed_in()
    users = [User(sub=one.subject, claims={"name": one.name, "roles": [*one.roles]}) for one in PERSONAS]
    made: flask.Flask = app(user_claims=users)
    made.debug = False
    # An error page from which one may run Python is for the package's own developers.
    if isinstance(made.wsgi_app, DebuggedApplication):
        made.wsgi_app = made.wsgi_app.app  # type: ignore[method-assign, assignment]
    made.jinja_loader = ChoiceLoader([FileSystemLoader(_TEMPLATES), *([made.jinja_loader] if made.jinja_loader else [])])
    made.before_request(_choose_nonce)
    made.after_request(_forbid_what_is_not_ours)
    made.context_processor(lambda: {"personas": _listed(), "nonce": flask.g.nonce})
    return made


def says_when_somebody_signed_in() -> None:
    """Let the provider say `auth_time`: it shows the picker at every sign-in, so that is when its code is redeemed."""
    AuthorizationCode.get_auth_time = lambda self: int(time.time())


def _listed() -> list[dict[str, str]]:
    return [{"subject": one.subject, "name": one.name, "part": one.part} for one in PERSONAS]


def _choose_nonce() -> None:
    flask.g.nonce = secrets.token_urlsafe(16)


def _forbid_what_is_not_ours(response: flask.Response) -> flask.Response:
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=flask.g.nonce)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
    return response


def main() -> None:
    """Serve until told to stop."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--port", type=int, required=True)
    port: int = words.parse_args().port
    # Sign-in on one machine goes over plain HTTP.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    logging.basicConfig(level=logging.INFO)
    uvicorn.run(provider(), interface="wsgi", host=HOST, port=port, log_config=None)


if __name__ == "__main__":
    main()
