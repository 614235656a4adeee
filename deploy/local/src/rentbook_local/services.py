"""How each of Rentbook's own processes is run: its command and its settings."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from rentbook_local import child, postgres, signin
from rentbook_local.layout import DATABASES, Layout
from rentbook_local.ports import HOST

_PACKAGES = {
    "bank-simulator": "bank_simulator",
    "ledger": "ledger",
    "refunds": "refunds",
    "writeoffs": "writeoffs",
    "approvals": "approvals",
    "notices": "notices",
    "workflows": "workflows",
}
PROCESSES = tuple(_PACKAGES)
IMPORTED_BY_MANY = (
    "chassis.process",
    "rentbook_contracts.approvals",
    "rentbook_contracts.ledger",
    "rentbook_contracts.notices",
    "rentbook_contracts.refunds",
    "rentbook_contracts.writeoffs",
)
"""What takes most of the time of their starts, and nothing of what only one of them imports."""

NAMESPACE = "rentbook"
_SMTP = ("RENTBOOK_SMTP_HOST", "RENTBOOK_SMTP_PORT", "RENTBOOK_SMTP_FROM", "RENTBOOK_SMTP_TO")
_PASSED_ON = ("RENTBOOK_OTLP_ENDPOINT", "RENTBOOK_LOG_FORMAT", "RENTBOOK_ONE_OFF_HOLIDAYS", *_SMTP)
"""What a person may set around ./rentbook run for every service."""
_TRACES = "RENTBOOK_TRACES"
"""A folder into which each process writes its finished spans, if a person sets it around ./rentbook run."""

_FAILPOINTS = "RENTBOOK_FAILPOINTS"
"""Set around ./rentbook run, it lets tests have faults happen in the middle of each process: chassis.failpoint."""


def command(layout: Layout, process: str, *words: str, **more: str) -> child.Command:
    """The process's command with its settings; words after it, as `migrate`, make it do that and end."""
    folder = layout.of(process)
    folder.mkdir(parents=True, exist_ok=True)
    # The bank's book lies here; nobody else on this machine looks into it.
    folder.chmod(0o700)
    return child.Command(
        name=process,
        argv=(sys.executable, "-m", _PACKAGES[process], *words),
        environment=child.surroundings(**{**settings(layout, process), **more}),
        directory=folder,
        log=layout.log(process),
        stop_signal=signal.SIGTERM,
        death_signal=signal.SIGKILL,
    )


def failpoints(layout: Layout, process: str) -> Path:
    """The folder whose files arm the places of this process."""
    return layout.of(process) / "failpoints"


def settings(layout: Layout, process: str) -> dict[str, str]:
    """The settings of one process, as its environment carries them."""
    common = {
        "RENTBOOK_HTTP_HOST": HOST,
        "RENTBOOK_HTTP_PORT": str(layout.port(process)),
        "RENTBOOK_SECRETS_DIR": str(layout.secrets_of(process)),
        "RENTBOOK_STATE_DIR": str(layout.of(process)),
        "RENTBOOK_TEMPORAL_ADDRESS": f"{HOST}:{layout.port('temporal')}",
        "RENTBOOK_TEMPORAL_NAMESPACE": NAMESPACE,
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **({"RENTBOOK_TRACE_FILE": f"{os.environ[_TRACES]}/{process}.jsonl"} if _TRACES in os.environ else {}),
        **({"RENTBOOK_FAILPOINTS": str(failpoints(layout, process))} if os.environ.get(_FAILPOINTS) else {}),
    }
    return {**common, **(_of_a_service(layout, process) if process in DATABASES else {}), **_own(layout, process)}


def _of_a_service(layout: Layout, service: str) -> dict[str, str]:
    peers = {name: layout.http(name) for name in DATABASES}
    return {
        "RENTBOOK_DATABASE_URL": f"postgresql+asyncpg://{postgres.app_role(service)}@{HOST}:{layout.port('postgres')}/{service}",
        "RENTBOOK_KAFKA_BOOTSTRAP": f"{HOST}:{layout.port('kafka')}",
        "RENTBOOK_KAFKA_USERNAME": service,
        "RENTBOOK_PEERS": json.dumps(peers),
    }


def _own(layout: Layout, process: str) -> Mapping[str, str]:
    match process:
        case "ledger":
            # Outside of the database's own folder: who can rewrite the rows must not find the anchor beside them.
            return {"RENTBOOK_ANCHOR_DIR": str(layout.folder / "anchor")}
        case "refunds":
            return {
                "RENTBOOK_BANK_URL": layout.http("bank-simulator"),
                "RENTBOOK_PAYMENTS_DIR": str(layout.folder / "payments"),
                # A real bank is asked every quarter of an hour; somebody who tries the stack does not wait so long.
                "RENTBOOK_REPORT_SECONDS": "2",
            }
        case "notices":
            return {"RENTBOOK_LETTERS_DIR": str(layout.folder / "letters")}
        case "approvals":
            return {
                "RENTBOOK_OIDC_ISSUER": layout.http("signin"),
                "RENTBOOK_OIDC_CLIENT_ID": signin.CLIENT_ID,
                "RENTBOOK_PUBLIC_URL": layout.desk,
            }
        case _:
            return {}
