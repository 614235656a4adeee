"""Run the bank's stand-in: `python -m bank_simulator`, told by RENTBOOK_HTTP_HOST, RENTBOOK_HTTP_PORT and RENTBOOK_STATE_DIR."""

import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from bank_simulator.app import make_app


def main() -> int:
    folder, port = os.environ.get("RENTBOOK_STATE_DIR"), os.environ.get("RENTBOOK_HTTP_PORT")
    if not folder or not port or not port.isdecimal():
        sys.stderr.write("Set RENTBOOK_STATE_DIR to a folder for the bank's state, and RENTBOOK_HTTP_PORT to a port.\n")
        return 2
    try:
        app = make_app(Path(folder), lambda: datetime.now(UTC))
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"The bank's state in {folder} cannot be opened ({error}): free the disk or mend the folder's rights.\n")
        return 1
    host = os.environ.get("RENTBOOK_HTTP_HOST", "127.0.0.1")
    uvicorn.run(app, host=host, port=int(port), log_level="warning", access_log=False, timeout_graceful_shutdown=5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
