"""How this program writes a file: whole or not at all, so that a full disk leaves nothing that the next start takes for the real one."""

import errno
import os
import shutil
from pathlib import Path

_FAILPOINTS = "RENTBOOK_FAILPOINTS"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_whole(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write the text so that a reader sees all of it or the former. Errors: OSError; then nothing of it is left."""
    making = path.with_name(f"{path.name}.making")
    try:
        if mode is not None:
            making.unlink(missing_ok=True)
            making.touch(mode=mode)
        if _is_full(path):
            making.write_text(content[: len(content) // 2], encoding="utf-8", newline="")
            raise _no_space(path)
        making.write_text(content, encoding="utf-8", newline="")
        making.replace(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise


def copy_whole(source: Path, path: Path) -> None:
    """Copy the file so that nobody finds half of it under its name, also where others copy it at the same time.

    Errors: OSError, which names where there was no space; then nothing of it is left.
    """
    making = path.with_name(f"{path.name}.{os.getpid()}.making")
    try:
        if _is_full(path):
            content = source.read_bytes()
            making.write_bytes(content[: len(content) // 2])
            raise _no_space(path)
        shutil.copyfile(source, making)
        making.replace(path)
    except OSError as fault:
        making.unlink(missing_ok=True)
        # What is copied by the kernel names the file that is read.
        raise (_no_space(path) if is_full(fault) else fault) from None


def is_full(fault: OSError) -> bool:
    """Whether the operating system says that the disk has no space, or none for us."""
    return fault.errno in _FULL


def has_space(path: Path) -> None:
    """The place before a file is written. Errors: OSError (ENOSPC) where a test has the disk be full for files of this name.

    RENTBOOK_FAILPOINTS names a folder then, and a file `write.NAME` lies there; `write.NAME.hit` beside it says that it was met.
    docs/failpoints.md tells of it.
    """
    if _is_full(path):
        raise _no_space(path)


def _is_full(path: Path) -> bool:
    folder = os.environ.get(_FAILPOINTS)
    armed = Path(folder) / f"write.{path.name}" if folder else None
    if armed is None or not armed.exists():
        return False
    armed.with_name(f"{armed.name}.hit").touch()
    return True


def _no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
