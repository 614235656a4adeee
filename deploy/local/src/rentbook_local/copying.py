"""`python -m rentbook_local.copying MODULE...`: imports the modules, then copies itself at each word on its standard input, a socket.

With the word come two files: one to read what the copy shall be, and its output. Only the copy reads what it shall be, so that no service
begins with the settings of another in its memory. The copy is left to the runner, which adopts it. This is decision 24.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Sequence
from typing import Any

_PR_SET_PDEATHSIG = 1
_START_AND_END_OF_ARGUMENTS = slice(45, 47)
"""Of what /proc/self/stat has behind the name."""


def serve(words: socket.socket, imports: Sequence[str]) -> dict[str, Any] | None:
    """What the copy in which this returns shall be; None in the first process, once nobody is there who could ask."""
    # What was imported stays for ever: no use in looking through it, which would also give each copy pages of its own.
    gc.disable()
    for module in imports:
        importlib.import_module(module)
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a module started a thread, which no copy would have")
    gc.freeze()
    while True:
        word, files, _, _ = socket.recv_fds(words, 1, 2)
        if not word:
            return None
        asked, output = files
        born, birth = os.pipe()
        passing = os.fork()
        if passing == 0:
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
            os.write(birth, str(os.getpid()).encode())
            nothing = os.open(os.devnull, os.O_RDONLY)
            for file, place in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(file, place)
            for file in (born, birth, nothing, output):
                os.close(file)
            gc.enable()
            with socket.socket(fileno=asked) as source, source.makefile("rb") as told:
                return _read(told.read())
        for file in (asked, output, birth):
            os.close(file)
        # Once it has ended, its child is the runner's.
        os.waitpid(passing, 0)
        pid = os.read(born, 16)
        os.close(born)
        words.sendall(pid)


def _read(told: bytes) -> dict[str, Any]:
    if not told:
        # Whoever asked has changed its mind, or has ended.
        os._exit(0)
    what: dict[str, Any] = json.loads(told)
    return what


def become(what: dict[str, Any]) -> None:
    """Be in all that others can see as if started by the command."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, what["death_signal"], 0, 0, 0)
    if os.getppid() != what["parent"]:
        os._exit(1)
    os.chdir(what["directory"])
    os.environ.clear()
    os.environ.update(what["environment"])
    sys.path[0] = what["directory"]
    _show_arguments(what["argv"])
    _python, _dash_m, module, *words = what["argv"]
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _show_arguments(argv: Sequence[str]) -> None:
    """Have `ps` and the like show these, as far as there is room where the kernel laid down our own."""
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
            start, end = map(int, stat.read().rpartition(")")[2].split()[_START_AND_END_OF_ARGUMENTS])
        shown = b"".join(os.fsencode(word) + b"\0" for word in argv)
        room = end - start
        ctypes.memmove(start, shown[: room - 1].ljust(room, b"\0"), room)


if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as words:
        what = serve(words, sys.argv[1:])
    if what is not None:
        become(what)
