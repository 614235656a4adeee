"""./rentbook test: every test on the real servers, in one command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from rentbook_local import assets, child, places

_FAULTS = ("tests/faults", "tests/order", "tests/ledger/test_any_order.py")
_FROM_DEBIAN = {"chromium": "the browser", "hledger": "the foreign bookkeeper"}
"""Programs that no package registry of ours carries, by their Debian package and what the tests use them for."""

_SIDE_BY_SIDE = ("-n", "2", "--no-loadscope-reorder")
"""The whole suite runs in two processes: one waits for its servers and its browser for more than half of its time."""


def run(words: Sequence[str], *, faults: bool = False) -> int:
    """Install what the tests need where we may, run them, and return pytest's exit code. `words` go to pytest.

    The whole suite runs in two processes, what `words` choose by path in one. `faults` runs those of faults and of any order instead,
    all of them; the others run a sample (docs/failpoints.md).
    """
    missing = _missing_after_installing()
    assets.install()
    environment = {**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if faults:
        environment["RENTBOOK_FAULTS"] = "whole"
        words = [*_FAULTS, *words]
    elif not any(places.ROOT.joinpath(word.partition("::")[0]).exists() for word in words):
        words = [*_SIDE_BY_SIDE, *words]
    # Said first: whoever reads the output by machine finds pytest's closing line at its end.
    for program in missing:
        said = f"rentbook: the tests of {_FROM_DEBIAN[program]} will not be run: install the Debian package {program}."
        print(said, file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", "pytest", *words], cwd=places.ROOT, env=environment, check=False).returncode


def _missing_after_installing() -> list[str]:
    missing = [program for program in _FROM_DEBIAN if shutil.which(program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' and '.join(missing)} from Debian's packages", flush=True)
        environment = {**child.surroundings(), "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        if subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL, check=False)
            subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=False)
    return [program for program in missing if shutil.which(program) is None]
