"""What ./rentbook status says of the stack's and of a service's health."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from rentbook_local import cli, layout, runner, services
from rentbook_local.status import health_in_words


def behind(events: int, seconds: float, *, catching_up: bool = False) -> dict[str, Any]:
    return {"topic": "ledger.accounts", "events": events, "oldest_seconds": seconds, "catching_up": catching_up}


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"healthy": True, "reasons": [], "consumers": [behind(0, 0.0)]}, "well"),
        ({"healthy": True, "reasons": [], "consumers": []}, "well"),
        ({"healthy": True, "reasons": [], "consumers": [behind(1, 2.4)]}, "well (ledger.accounts: 1 event behind, the oldest for 2 s)"),
        (
            {"healthy": True, "reasons": [], "consumers": [behind(11_240, 190.0, catching_up=True), behind(0, 0.0)]},
            "catching up (ledger.accounts: 11,240 events behind, the oldest for 3 min 10 s)",
        ),
        ({"healthy": False, "reasons": ["database: gone"], "consumers": [behind(9, 99.0, catching_up=True)]}, "database: gone"),
        ({"healthy": False, "reasons": [], "consumers": []}, "not well"),
    ],
)
def test_a_service_that_is_behind_is_not_plainly_well(health: dict[str, Any], words: str) -> None:
    assert health_in_words({"attention": [], **health}) == words


def test_what_an_operator_has_to_see_to_is_said_of_a_healthy_service() -> None:
    health = {"healthy": True, "reasons": [], "attention": ["1 story is gone: restart it"], "consumers": [behind(1, 2.4)]}
    assert health_in_words(health) == "1 story is gone: restart it"


@pytest.mark.parametrize(
    ("ill", "asking", "headline", "code"),
    [
        ({}, {}, "ready", 0),
        ({"refunds": "database: gone"}, {}, "refunds is not well", 1),
        (
            {"ledger": "kafka: gone", "refunds": "database: gone", "notices": "no progress"},
            {},
            "ledger, refunds and notices are not well",
            1,
        ),
        ({}, {"refunds": "1 story is gone"}, "refunds needs an operator", 0),
        (
            {"ledger": "kafka: gone"},
            {"refunds": "1 story is gone", "writeoffs": "1 event waits"},
            "ledger is not well; refunds and writeoffs need an operator",
            1,
        ),
    ],
)
def test_a_stack_is_not_called_ready_while_one_of_its_services_is_not_well_or_needs_an_operator(
    ill: dict[str, str],
    asking: dict[str, str],
    headline: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = layout.open_state(tmp_path / "s", 23400)
    names = {at.port(name): name for name in services.PROCESSES}

    def answer(address: str, **_: object) -> httpx.Response:
        name = names[httpx.URL(address).port or 0]
        reasons, attention = ([told[name]] if name in told else [] for told in (ill, asking))
        return httpx.Response(503 if reasons else 200, json={"healthy": not reasons, "reasons": reasons, "attention": attention})

    monkeypatch.setattr(httpx, "get", answer)
    with layout.owned(at):
        running = {name: {"pid": 1, "born": None, "state": "ready", "restarts": 0} for name in {*runner.SERVERS, *services.PROCESSES}}
        layout.write(at.folder / "processes.json", {"phase": "ready", "runner": os.getpid(), "processes": running})
        assert cli.main(["status", "--state", str(at.folder)]) == code
        first, *rest = capsys.readouterr().out.splitlines()
        assert first == f"{at.folder}: {headline}"
        assert {name: why for name, why in (ill | asking).items() if any(name in line and why in line for line in rest)} == ill | asking
        assert cli.main(["status", "--state", str(at.folder), "--json"]) == code
        assert json.loads(capsys.readouterr().out)["healthy"] is (not ill)


def test_a_stack_that_does_not_run_is_not_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with layout.owned(at := layout.open_state(tmp_path / "s", 23400)):
        pass
    assert cli.main(["status", "--state", str(at.folder)]) == 1
    assert capsys.readouterr().out.startswith(f"{at.folder}: stopped\n")


@pytest.mark.parametrize(("alone", "said"), [(True, "./rentbook stop"), (False, "Ctrl-C or ./rentbook stop")])
def test_the_greeting_names_a_key_only_where_one_reaches_the_runner(alone: bool, said: str) -> None:
    asked = [sys.executable, "-c", "from rentbook_local import runner; print(runner.how_to_stop())"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, start_new_session=alone)
    assert done.stdout.strip() == said


def test_a_runner_that_has_written_nothing_yet_starts_whatever_the_one_before_it_wrote(tmp_path: Path) -> None:
    at = layout.Layout(tmp_path, 0)
    layout.write(tmp_path / "processes.json", {"phase": "ready", "runner": os.getpid() + 1, "processes": {}})
    assert layout.running(at) == (None, {})
    with layout.owned(at):
        assert layout.running(at) == (os.getpid(), {"phase": "starting"})
        layout.write(tmp_path / "processes.json", {"phase": "ready", "runner": os.getpid(), "processes": {}})
        assert layout.running(at)[1]["phase"] == "ready"
