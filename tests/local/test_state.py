"""The state folder: whose it is, what it refuses, and what it keeps secret."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest
from rentbook_local import cli, layout, operate, passwords, places, services, temporal
from rentbook_local.ports import is_free
from rentbook_local.problem import Problem

_Disk = namedtuple("_Disk", "total used free")


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a person is told."""
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    return said


def test_a_state_keeps_its_ports_unless_others_are_asked_for(tmp_path: Path) -> None:
    with layout.owned(layout.open_state(tmp_path / "s", 23400)):
        pass
    assert layout.open_state(tmp_path / "s", None).port("kafka") == 23411
    assert layout.open_state(tmp_path / "s", 24400).desk == "http://127.0.0.1:24400"


def test_ports_lie_below_those_that_clients_are_given(tmp_path: Path) -> None:
    for port in (32_760, 0, -1):
        with pytest.raises(Problem, match=f"The base port {port} is not between .* --base-port"):
            layout.open_state(tmp_path / "s", port)
    assert list(tmp_path.iterdir()) == [], "a run that is refused leaves nothing behind"


def test_the_range_of_ports_is_told_before_one_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    assert "from 1024 to 32748" in " ".join(capsys.readouterr().out.split())
    readme = (places.ROOT / "README.md").read_text()
    assert f"`--base-port N` ({layout.LOWEST_BASE_PORT} to {layout.HIGHEST_BASE_PORT})" in readme


def test_what_temporal_and_the_bank_keep_is_for_its_owner_alone(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23400)
    for process in ("temporal", "bank-simulator"):
        at.of(process).mkdir(mode=0o755)
    temporal.prepare(temporal.Server(at.of("temporal"), 23413, 23414, 23415, 23416, "rentbook"))
    services.command(at, "bank-simulator")
    modes = {process: at.of(process).stat().st_mode & 0o777 for process in ("temporal", "bank-simulator")}
    assert modes == {"temporal": 0o700, "bank-simulator": 0o700}


def test_every_port_of_a_process_is_told_by_its_use(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23400)
    assert at.ports_of("temporal") == {"main": 23413, "http": 23414, "ui": 23415, "metrics": 23416}
    assert at.ports_of("bank-simulator") == {"main": 23405}


def test_a_folder_of_another_layout_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "layout").write_text("0\n")
    assert cli.main(["run", "--state", str(tmp_path)]) == 1
    assert "another version of Rentbook (layout 0" in (said := _said(capsys))
    assert "--state" in said


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.odt").write_text("mine")
    assert cli.main(["run", "--state", str(tmp_path)]) == 1
    assert "holds no state of Rentbook" in _said(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_port_in_use_is_named_with_who_needs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = next(port for port in range(23500, 31000, 50) if all(is_free(port + offset) for offset in range(20)))
    with socket.create_server(("127.0.0.1", base + 11)):
        assert cli.main(["run", "--state", str(tmp_path / "s"), "--base-port", str(base)]) == 1
    assert f"Port {base + 11}, which kafka needs, is in use" in (said := _said(capsys))
    assert "--base-port" in said


def test_a_full_disk_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Disk(10**12, 10**12, 3_000_000))
    assert cli.main(["run", "--state", str(tmp_path / "s")]) == 1
    assert "has 3 MB free" in _said(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_while_writing_is_told_as_such() -> None:
    said = str(layout.as_problem(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/file")))
    assert said == "The disk of /somewhere/file is full: free some space, then start again."


def test_a_second_runner_is_refused_and_names_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    with layout.owned(at):
        assert layout.owner(at) == os.getpid()
        # flock binds to the open file, so that even this very process is refused a second time.
        assert cli.main(["run", "--state", str(tmp_path / "s"), "--base-port", "23700"]) == 1
    assert f"(process {os.getpid()})" in (said := _said(capsys))
    assert "./rentbook stop" in said
    assert layout.owner(at) is None
    assert layout.open_state(tmp_path / "s", None).base_port == 23600, "who was refused must not change the ports of who runs"


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    holder = subprocess.Popen([sys.executable, "-c", _HOLDS, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    assert layout.owner(at) == holder.pid
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with layout.owned(at):
        assert layout.owner(at) == os.getpid()


_HOLDS = """
import sys, time
from pathlib import Path
from rentbook_local import layout
with layout.owned(layout.open_state(Path(sys.argv[1]), 23600)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_start_waits_for_what_a_killed_runner_left_behind(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    layout.write(at.folder / "processes.json", {"processes": {"kafka": {"pid": left.pid, "born": layout.born(left.pid)}}})
    # Somebody must take the exit status of the child, as init does for orphans.
    threading.Thread(target=left.wait, daemon=True).start()
    with layout.owned(at):
        assert left.returncode == -signal.SIGTERM


def test_a_later_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    layout.write(at.folder / "processes.json", {"processes": {"kafka": {"pid": os.getpid(), "born": "1"}}})
    with layout.owned(at):
        pass


def test_commands_on_no_stack_say_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path)]
    operate = ["operate", "refunds", "parked", "list"]
    for words in (["stop", *state], ["status", *state], [*operate[:1], *state, *operate[1:]], [*operate, *state]):
        assert cli.main(words) == 1
        said = _said(capsys)
        assert "start one with ./rentbook run" in said
        assert str(tmp_path) in said


def test_keys_are_wrapped_anew_as_the_owner_of_the_tables(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    owner = passwords.make_or_read(at).owners["refunds"]
    asked = operate.command_of(at, "refunds", "rewrap-keys")
    address = asked.environment["RENTBOOK_OWNER_DATABASE_URL"]
    assert address == f"postgresql+asyncpg://refunds_owner:{owner}@127.0.0.1:{at.port('postgres')}/refunds"
    assert asked.argv[-2:] == ("refunds", "rewrap-keys")
    assert "RENTBOOK_OWNER_DATABASE_URL" not in operate.command_of(at, "refunds", "parked", "list").environment
    for service, *words in (("ledger",), ("refunds", "k1")):
        with pytest.raises(Problem, match="a command of refunds"):
            operate.command_of(at, service, "rewrap-keys", *words)


def test_status_of_a_stopped_stack_says_so_and_shows_no_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    known = passwords.make_or_read(at)
    with layout.owned(at):
        pass
    assert cli.main(["status", "--json", "--state", str(at.folder)]) == 1
    written = capsys.readouterr().out
    told = json.loads(written)
    assert told["running"] is False
    assert {process["name"] for process in told["processes"]} >= {"postgres", "kafka", "temporal", "signin", "ledger", "approvals"}
    for secret in (known.postgres, known.checker, *known.kafka.values(), *known.owners.values(), *known.apps.values()):
        assert secret not in written


def test_secrets_are_made_once_and_only_their_user_may_read_them(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    assert passwords.make_or_read(at) == passwords.make_or_read(at)
    for path in (at.folder / "secrets").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_each_service_is_given_its_own_secrets_and_no_other(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    passwords.make_or_read(at)
    common = {"service_token", "request_key", "kafka_password", "database_password"}
    given = {service: {path.name for path in at.secrets_of(service).iterdir()} for service in layout.DATABASES}
    assert given == {
        "ledger": common | {"payer_index_key"},
        "refunds": common | {"payee_keys.json"},
        "writeoffs": common,
        "approvals": common | {"oidc_client_secret", "session_key"},
        "notices": common,
    }
    assert len({(at.secrets_of(service) / "kafka_password").read_text() for service in layout.DATABASES}) == len(layout.DATABASES)


def test_no_secret_stands_in_the_environment_of_a_service(tmp_path: Path) -> None:
    at = layout.open_state(tmp_path / "s", 23600)
    known = passwords.make_or_read(at)
    secrets = {known.postgres, *known.kafka.values(), *known.owners.values(), *known.apps.values()}
    for process in services.PROCESSES:
        environment = " ".join(services.settings(at, process).values())
        assert not [secret for secret in secrets if secret in environment], process
