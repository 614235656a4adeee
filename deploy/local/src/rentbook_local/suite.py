"""./rentbook test: every test on the real servers, in one command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from rentbook_local import assets, child, places

_FAULTS = (
    "tests/faults",
    "tests/order",
    "tests/ledger/test_any_order.py",
    "tests/approvals/test_any_cast_in_any_order.py",
    "tests/approvals/test_any_cast_over_schedules.py",
    "tests/desk/test_authority_as_a_property.py",
    "tests/workflows/test_any_word_to_a_refund.py",
    "tests/workflows/test_any_word_to_a_schedule.py",
)
_FROM_DEBIAN = {("chromium-headless-shell", "chromium"): "the browser", ("hledger",): "the foreign bookkeeper"}
"""Programs that no package registry of ours carries, by their Debian packages, and what the tests use them for.

Any of them does; the first is installed. The same browser without windows takes half the time.
"""

_SIDE_BY_SIDE = ("-n", "4", "--no-loadscope-reorder")
"""The whole suite runs in four processes: each waits for servers and browser so long that three leave a fifth of two cores idle."""


def run(words: Sequence[str], *, faults: bool = False) -> int:
    """Install what the tests need where we may, run them, and return pytest's exit code. `words` go to pytest.

    The whole suite runs in four processes, what `words` choose by path in one. `faults` runs those of faults and of any order instead,
    all of them; the others run a sample (docs/failpoints.md).
    """
    _install_what_is_best()
    assets.install()
    environment = {**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if faults:
        environment["RENTBOOK_FAULTS"] = "whole"
        words = [*_FAULTS, *words]
    elif not any(places.ROOT.joinpath(word.partition("::")[0]).exists() for word in words):
        words = [*_SIDE_BY_SIDE, *words]
    # Said first: whoever reads the output by machine finds pytest's closing line at its end.
    for packages in _missing():
        said = f"rentbook: the tests of {_FROM_DEBIAN[packages]} will not be run: install the Debian package {packages[0]}."
        print(said, file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", "pytest", *words], cwd=places.ROOT, env=environment, check=False).returncode


def _install_what_is_best() -> None:
    wanted = [best for best, *_ in _FROM_DEBIAN if shutil.which(best) is None]
    if not wanted or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print(f"installing {' and '.join(wanted)} from Debian's packages", flush=True)
    for best in wanted:
        _install(best)
    if _missing():
        _apt("update", "-qq")
    for packages in _missing():
        any(_install(one) for one in packages)


def _install(package: str) -> bool:
    return _apt("install", "-y", "-qq", "--no-install-recommends", package)


def _apt(*words: str) -> bool:
    environment = {**child.surroundings(), "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _missing() -> list[tuple[str, ...]]:
    return [packages for packages in _FROM_DEBIAN if not any(map(shutil.which, packages))]
