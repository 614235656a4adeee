"""The desk's styles, fetched from npm."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rentbook_local import assets, child

TOGETHER = 3


def test_several_starts_at_once_fetch_the_styles_one_after_the_other_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(assets, "_DESK", tmp_path)
    all_have_begun, fetched = threading.Barrier(TOGETHER), []

    def fetch(*_: object, **__: object) -> str:
        fetched.append(1)
        (tmp_path / "node_modules").mkdir()
        return ""

    def start() -> None:
        all_have_begun.wait(10)
        assets.install()

    monkeypatch.setattr(child, "finish", fetch)
    with ThreadPoolExecutor(TOGETHER) as pool:
        for started in [pool.submit(start) for _ in range(TOGETHER)]:
            started.result(30)
    assert fetched == [1]
    assert assets.are_here()
