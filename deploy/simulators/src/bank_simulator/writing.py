"""How the bank writes a file: whole or not at all, so that a full disk leaves the former one."""

import errno
import os
from pathlib import Path


def write_whole(path: Path, content: str) -> None:
    """Errors: OSError; then nothing of it is left.

    Where RENTBOOK_FAILPOINTS names a folder with a file `write.NAME`, a test has the disk be full for files of this name.
    """
    making = path.with_name(f"{path.name}.making")
    folder = os.environ.get("RENTBOOK_FAILPOINTS")
    armed = Path(folder) / f"write.{path.name}" if folder else None
    try:
        if armed is not None and armed.exists():
            armed.with_name(f"{armed.name}.hit").touch()
            making.write_text(content[: len(content) // 2], encoding="utf-8")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        making.write_text(content, encoding="utf-8")
        making.replace(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise
