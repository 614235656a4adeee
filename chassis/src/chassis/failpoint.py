"""Named places where a test may have a fault happen in a running process. docs/failpoints.md says what each place proves.

They exist only for a process whose environment names a folder in RENTBOOK_FAILPOINTS; elsewhere `reached` does nothing. A file in that
folder with the name of a place arms it: `exit` ends the process there and then, once; `stand` has it stand still there, once, until it is
told to go on (SIGCONT); `no-space` fails the place as a full disk does, for as long as the file lies there. `NAME.hit` beside it says that
the place was reached.
"""

import errno
import os
import signal
from pathlib import Path
from typing import IO

EXIT_STATUS = 86
"""What a process that ends at a place leaves behind, so that no other end is taken for it."""


def reached(name: str) -> None:
    """The place of this name. Errors: OSError (ENOSPC) where it is armed so."""
    if (folder := os.environ.get("RENTBOOK_FAILPOINTS")) is not None:
        _fail_if_armed(Path(folder), name)


def write_at(name: str, file: IO[bytes], content: bytes) -> None:
    """Write to a file at the place of this name. A disk that is full there takes half of it first, as a real one does. Errors: OSError."""
    try:
        reached(name)
    except OSError:
        file.write(content[: len(content) // 2])
        file.flush()
        raise
    file.write(content)


def _fail_if_armed(folder: Path, name: str) -> None:
    armed, hit = folder / name, folder / f"{name}.hit"
    try:
        fault = armed.read_text(encoding="ascii")
        if fault == "no-space":
            hit.touch()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        # Whoever moves the file is the one who ends: the next process goes on, and so does another of the same service.
        armed.rename(hit)
    except FileNotFoundError:
        return
    if fault == "stand":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    os._exit(EXIT_STATUS)
