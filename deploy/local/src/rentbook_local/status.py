"""./rentbook status: what runs, how it is, and where to reach it. It names users and the files of passwords, never a password."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import httpx
from rentbook_contracts.words import counted

from rentbook_local import layout, passwords, postgres, services, signin
from rentbook_local.layout import DATABASES, Layout
from rentbook_local.ports import HOST
from rentbook_local.runner import SERVERS

_PROBE_SECONDS = 3.0
_A_MINUTE_SECONDS = 60
_READY = "ready"


def status(at: Layout) -> dict[str, Any]:
    """Everything that another tool needs to find its way around a stack, as JSON takes it."""
    runner, written = layout.running(at)
    port = at.port("postgres")
    phase = written.get("phase", "stopped")
    unknown = {"pid": None, "state": "not begun yet" if phase == "starting" else "ended", "restarts": 0}
    processes = [_process(at, name, written.get("processes", {}).get(name, unknown)) for name in _names()]
    return {
        "state": str(at.folder),
        "running": runner is not None,
        "runner": runner,
        "phase": phase,
        "healthy": runner is not None and not _ill(processes),
        "processes": processes,
        "databases": {
            service: {
                "host": HOST,
                "port": port,
                "database": service,
                "owner": _user(postgres.owner_role(service), at, "runner", f"{service}_owner_password"),
                "app": _user(postgres.app_role(service), at, service, "database_password"),
                "reader": _user(passwords.CHECKER, at, "checker", "database_password"),
            }
            for service in DATABASES
        },
        "kafka": {
            "bootstrap": f"{HOST}:{at.port('kafka')}",
            "mechanism": "SCRAM-SHA-512",
            "admin": _user("admin", at, "runner", "kafka_admin_password"),
            "users": [_user(service, at, service, "kafka_password") for service in DATABASES],
        },
        "temporal": {
            "address": f"{HOST}:{at.port('temporal')}",
            "namespace": services.NAMESPACE,
            "ui": f"{at.http('temporal-ui')}/namespaces/{services.NAMESPACE}/workflows",
        },
        "signin": {"issuer": at.http("signin"), "client": signin.CLIENT_ID},
        "bank_simulator": {"address": at.http("bank-simulator")},
        "desk": {"address": at.desk, "personas": [asdict(persona) for persona in signin.PERSONAS]},
    }


def _names() -> tuple[str, ...]:
    return (*SERVERS, *(process for process in services.PROCESSES if process not in SERVERS))


def _process(at: Layout, name: str, known: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "pid": known["pid"],
        "ports": at.ports_of(name),
        "health": _health(at, name, known),
        "restarts": known["restarts"],
        "log": str(at.log(name)),
    }


def _health(at: Layout, name: str, known: dict[str, Any]) -> dict[str, Any]:
    """A service is asked now; of a server, the runner's own last look is told, which is seconds old.

    `attention`: what an operator has to see to; `consumers`: how far behind.
    """
    if known["pid"] is None:
        return _told(healthy=False, reasons=[known["state"]])
    if name not in services.PROCESSES:
        healthy = known["state"] == "ready"
        return _told(healthy=healthy, reasons=[] if healthy else [known["state"]])
    try:
        answer = httpx.get(f"{at.http(name)}/health", timeout=_PROBE_SECONDS, trust_env=False)
        health = answer.json()
        return _told(
            healthy=answer.status_code == httpx.codes.OK,
            reasons=list(health.get("reasons", [])),
            attention=health.get("attention", []),
            consumers=health.get("consumers", []),
        )
    except (httpx.HTTPError, ValueError, AttributeError) as fault:
        return _told(healthy=False, reasons=[f"no answer ({type(fault).__name__})"])


def _ill(processes: Sequence[dict[str, Any]]) -> list[str]:
    return [process["name"] for process in processes if not process["health"]["healthy"]]


def _told(*, healthy: bool, reasons: list[str], attention: Sequence[str] = (), consumers: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"healthy": healthy, "reasons": reasons, "attention": list(attention), "consumers": list(consumers)}


def _user(name: str, at: Layout, process: str, file: str) -> dict[str, str]:
    return {"user": name, "password_file": str(at.secrets_of(process) / file)}


def in_words(told: dict[str, Any]) -> str:
    """The same for a person."""
    rows = [
        f"  {process['name']:<15} {process['pid'] or '-':>8}  {_where(process):<6} "
        f"{health_in_words(process['health'])}{_again(process['restarts'])}"
        for process in told["processes"]
    ]
    database = told["databases"]["ledger"]
    return "\n".join(
        (
            f"{told['state']}: {_in_short(told)}",
            f"  {'process':<15} {'pid':>8}  {'port':<6} health",
            *rows,
            "",
            f"  Desk        {told['desk']['address']}   ({', '.join(persona['subject'] for persona in told['desk']['personas'])})",
            f"  Temporal    {told['temporal']['address']}, namespace {told['temporal']['namespace']}, UI {told['temporal']['ui']}",
            f"  Kafka       {told['kafka']['bootstrap']}   ({', '.join(user['user'] for user in told['kafka']['users'])})",
            f"  PostgreSQL  {database['host']}:{database['port']}   ({', '.join(told['databases'])}; "
            f"each with a role _owner, a role _app, and {database['reader']['user']})",
        )
    )


def _in_short(told: dict[str, Any]) -> str:
    """How far the runner came with its start, and who is not well or needs an operator since: ready once is not ready for ever."""
    if told["phase"] != _READY:
        return str(told["phase"])
    ill = _ill(told["processes"])
    asking = [process["name"] for process in told["processes"] if process["health"]["healthy"] and process["health"]["attention"]]
    said = [_who(ill, "is not well", "are not well")] if ill else []
    said += [_who(asking, "needs an operator", "need an operator")] if asking else []
    return "; ".join(said or [_READY])


def _who(names: Sequence[str], one: str, many: str) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} {many}" if others else f"{last} {one}"


def _again(times: int) -> str:
    return f" (started again {counted(times, 'time')})" if times else ""


def health_in_words(health: dict[str, Any]) -> str:
    """Well, or why not, or what an operator has to see to; and how far behind, where something is still to be heard."""
    if not health["healthy"]:
        return "; ".join(health["reasons"]) or "not well"
    if health["attention"]:
        return "; ".join(health["attention"])
    behind = [consumer for consumer in health["consumers"] if consumer["events"]]
    if not behind:
        return "well"
    how = "catching up" if any(consumer["catching_up"] for consumer in behind) else "well"
    return f"{how} ({'; '.join(_behind(consumer) for consumer in behind)})"


def _behind(consumer: dict[str, Any]) -> str:
    events, seconds = consumer["events"], int(consumer["oldest_seconds"])
    age = f"{seconds} s" if seconds < _A_MINUTE_SECONDS else f"{seconds // _A_MINUTE_SECONDS} min {seconds % _A_MINUTE_SECONDS} s"
    return f"{consumer['topic']}: {events:,} event{'' if events == 1 else 's'} behind, the oldest for {age}"


def _where(process: dict[str, Any]) -> str:
    return str(process["ports"].get("main", "-"))
