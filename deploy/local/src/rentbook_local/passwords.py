"""The secrets of one stack: made once, kept in files that only their user may read, never shown.

Each process has a folder with what it may know and nothing else.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from rentbook_local.layout import DATABASES, Layout
from rentbook_local.writing import write_whole

CHECKER = "rentbook_checker"
"""The role that reads every database and writes none, for ./rentbook check and export."""


@dataclass(frozen=True)
class Passwords:
    """What the runner itself must know to set up the servers."""

    postgres: str
    checker: str
    kafka: dict[str, str]
    owners: dict[str, str]
    apps: dict[str, str]


def make_or_read(layout: Layout) -> Passwords:
    """Read the secrets, making those that are missing."""
    runner = layout.secrets_of("runner")
    token = _kept(runner / "service_token")
    for service in DATABASES:
        _write(layout.secrets_of(service) / "service_token", token)
        _kept(layout.secrets_of(service) / "request_key")
    for process in ("workflows", "bank-simulator"):
        layout.secrets_of(process).mkdir(parents=True, exist_ok=True, mode=0o700)
    _kept(layout.secrets_of("approvals") / "oidc_client_secret")
    _kept(layout.secrets_of("approvals") / "session_key")
    index_key = _payee_keys(layout.secrets_of("refunds") / "payee_keys.json")
    _write(layout.secrets_of("ledger") / "payer_index_key", index_key)
    return Passwords(
        postgres=_kept(runner / "postgres_password"),
        checker=_kept(layout.secrets_of("checker") / "database_password"),
        kafka={
            "admin": _kept(runner / "kafka_admin_password"),
            **{service: _kept(layout.secrets_of(service) / "kafka_password") for service in DATABASES},
        },
        owners={service: _kept(runner / f"{service}_owner_password") for service in DATABASES},
        apps={service: _kept(layout.secrets_of(service) / "database_password") for service in DATABASES},
    )


def _payee_keys(path: Path) -> str:
    """Make the ring of keys that payees' bank details are sealed with; return the one that finds equal details without opening them.

    The ledger knows that one too, so that a payer and a payee with the same account can be told to be the same.
    """
    if not path.exists():
        ring = {"current": "k1", "keys": {"k1": _key()}, "index_key": _key()}
        _write(path, json.dumps(ring))
    return str(json.loads(path.read_text())["index_key"])


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _kept(path: Path) -> str:
    if not path.exists():
        _write(path, secrets.token_hex(32))
    return path.read_text().strip()


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    write_whole(path, content, mode=0o600)
