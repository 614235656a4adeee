"""A journey where the stack is not there: one sentence, with the name of the hop, for people and for machines."""

import argparse
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from rentbook_local.journey import command, desk, telling
from rentbook_local.journey.desk import Desk, Unexpected
from rentbook_local.journey.steps import cast
from rentbook_local.journey.story import Journey
from rentbook_local.layout import Layout
from rentbook_local.ports import free_ports


@pytest.fixture
def nowhere(tmp_path: Path) -> Layout:
    """A stack of which nothing listens."""
    [port] = free_ports(1)
    return Layout(tmp_path, port)


@pytest.mark.parametrize("write_off", [False, True])
def test_a_desk_that_nobody_serves_is_a_sentence_and_names_the_hop(
    nowhere: Layout, capsys: pytest.CaptureFixture[str], write_off: bool
) -> None:
    file = nowhere.folder / "told.json"
    assert command.main(nowhere, argparse.Namespace(write_off=write_off, json=file)) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"The journey ends here, at “sign-in”: No answer from {nowhere.desk}/sign-in (ConnectError)")
    assert len(said.splitlines()) == 1
    told = json.loads(file.read_text())
    assert (told["ok"], told["failed_hop"], told["hops"]) == (False, "sign-in", [])
    assert told["failed"] in said


def test_a_stack_that_starts_is_waited_for(nowhere: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    phases = ["starting", "starting", "ready"]
    asked: list[str] = []

    def running(_: Layout) -> tuple[int, dict[str, Any]]:
        asked.append(phases[len(asked)])
        return 1, {"phase": asked[-1]}

    monkeypatch.setattr(telling, "running", running)
    monkeypatch.setattr(telling, "_POLL_SECONDS", 0.0)
    journey = Journey(nowhere, lambda _: None)
    with pytest.raises(Unexpected, match="ConnectError"):
        journey.play()
    assert asked == phases
    assert journey.under_way == "sign-in"


def test_a_stack_that_goes_on_starting_is_said_to(nowhere: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "running", lambda _: (1, {"phase": "starting"}))
    monkeypatch.setattr(telling, "START_LIMIT_SECONDS", -1.0)
    journey = Journey(nowhere, lambda _: None)
    with pytest.raises(Unexpected, match="still starting"):
        journey.play()
    assert journey.under_way == "start"


def test_a_page_or_form_that_a_service_could_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "_POLL_SECONDS", 0.0)
    sent: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.method, request.content))
        page = '<h1>Taken</h1><form method="post" action="/take"><input name="form_id" value="one"></form>'
        return httpx.Response(200 if len(sent) % 3 == 0 else 503, text=page)

    person = Desk("http://desk.invalid", "asha.officer")
    person.http = httpx.Client(base_url=person.address, transport=httpx.MockTransport(answer))
    page = person.get("/take")
    assert person.send(page, "/take", {}).heading == "Taken"
    assert sent == [("GET", b"")] * 3 + [("POST", b"form_id=one")] * 3

    monkeypatch.setattr(desk, "WAIT_SECONDS", -1.0)
    with pytest.raises(Unexpected, match="The desk answers /take with 503"):
        person.get("/take")


def test_an_estate_of_an_earlier_version_that_lacks_an_account_is_said_to(nowhere: Layout) -> None:
    nowhere.of("demo").mkdir()
    (nowhere.of("demo") / "cast.json").write_text(json.dumps({"cast": {}}))
    with pytest.raises(Unexpected, match="earlier version"):
        cast(nowhere)["journey"]
