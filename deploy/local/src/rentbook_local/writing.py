"""How this program writes a file: whole or not at all, so that a full disk leaves nothing that the next start takes for the real one."""

import errno
import os
from pathlib import Path

_FAILPOINTS = "RENTBOOK_FAILPOINTS"


def write_whole(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write the text so that a reader sees all of it or the former. Errors: OSError; then nothing of it is left."""
    making = path.with_name(f"{path.name}.making")
    try:
        has_space(path)
        if mode is not None:
            making.unlink(missing_ok=True)
            making.touch(mode=mode)
        making.write_text(content, encoding="utf-8", newline="")
        making.replace(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise


def has_space(path: Path) -> None:
    """The place before a file is written. Errors: OSError (ENOSPC) where a test has the disk be full for files of this name.

    RENTBOOK_FAILPOINTS names a folder then, and a file `write.NAME` lies there; `write.NAME.hit` beside it says that it was met.
    docs/failpoints.md tells of it.
    """
    folder = os.environ.get(_FAILPOINTS)
    if folder and (armed := Path(folder) / f"write.{path.name}").exists():
        armed.with_name(f"{armed.name}.hit").touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
