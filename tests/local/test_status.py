"""What ./rentbook status says of a service's health."""

import subprocess
import sys
from typing import Any

import pytest
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


@pytest.mark.parametrize(("alone", "said"), [(True, "./rentbook stop"), (False, "Ctrl-C or ./rentbook stop")])
def test_the_greeting_names_a_key_only_where_one_reaches_the_runner(alone: bool, said: str) -> None:
    asked = [sys.executable, "-c", "from rentbook_local import runner; print(runner.how_to_stop())"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, start_new_session=alone)
    assert done.stdout.strip() == said
