"""What the bank has taken, paid and returned: one SQLite file, so that a restart forgets nothing.

Amounts are pence. A file is known by its SHA-256: the same bytes are the same submission, whenever they come.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bank_simulator.standard18 import File

SCHEMA = """
CREATE TABLE IF NOT EXISTS submission (
    sha256 TEXT PRIMARY KEY, status TEXT NOT NULL CHECK (status IN ('accepted', 'refused')), reason TEXT NOT NULL, faults TEXT NOT NULL,
    service_user_number TEXT, serial TEXT, processing_day TEXT, count INTEGER NOT NULL, total_pence INTEGER NOT NULL,
    received_at TEXT NOT NULL, posts INTEGER NOT NULL DEFAULT 1, content BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS a_serial_once_a_day ON submission (service_user_number, serial, processing_day) WHERE status = 'accepted';
CREATE TABLE IF NOT EXISTS item (
    sha256 TEXT NOT NULL REFERENCES submission, line INTEGER NOT NULL, reference TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    account_end TEXT NOT NULL, pence INTEGER NOT NULL, status TEXT NOT NULL CHECK (status IN ('paid', 'rejected', 'returned')),
    PRIMARY KEY (sha256, line));
CREATE INDEX IF NOT EXISTS items_by_reference ON item (reference);
CREATE TABLE IF NOT EXISTS report (
    number INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, made_on TEXT NOT NULL, service_user_number TEXT NOT NULL,
    xml BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS next_fault (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, fault TEXT NOT NULL, reference TEXT NOT NULL, code TEXT NOT NULL, seconds REAL NOT NULL);
"""


@dataclass(frozen=True)
class NextFault:
    """Something that shall go wrong once. `reference` and `code` name an item and what becomes of it; `seconds` delays a reply."""

    fault: str
    reference: str = ""
    code: str = ""
    seconds: float = 0.0


class Book:
    """The rows. Every change is one transaction that is on the disk before the call returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "bank.sqlite3", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)

    def close(self) -> None:
        self._db.close()

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        self._db.execute("ROLLBACK")

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self._db.execute(sql, values)]

    def submission(self, sha256: str) -> dict[str, Any] | None:
        found = self.rows("SELECT * FROM submission WHERE sha256 = ?", sha256)
        return found[0] if found else None

    def posted_again(self, sha256: str) -> None:
        self._db.execute("UPDATE submission SET posts = posts + 1 WHERE sha256 = ?", (sha256,))

    def same_serial(self, file: File) -> bool:
        sql = "SELECT 1 FROM submission WHERE status = 'accepted' AND (service_user_number, serial, processing_day) = (?, ?, ?)"
        return bool(self.rows(sql, file.service_user_number, file.serial, file.processing_day.isoformat()))

    def add_submission(
        self, sha256: str, content: bytes, status: str, reason: str, faults: str, file: File | None, received_at: str
    ) -> None:
        known = (file.service_user_number, file.serial, file.processing_day.isoformat()) if file else (None, None, None)
        figures = (len(file.items), file.total_pence) if file else (0, 0)
        self._db.execute(
            "INSERT INTO submission (sha256, status, reason, faults, service_user_number, serial, processing_day, count, total_pence,"
            " received_at, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (sha256, status, reason, faults, *known, *figures, received_at, content),
        )

    def add_items(self, sha256: str, file: File, rejected: set[str]) -> None:
        rows = [
            (sha256, item.line, item.reference, item.code, item.name, item.account_number[-3:], item.pence,
             "rejected" if item.reference in rejected else "paid")
            for item in file.items
        ]  # fmt: skip
        self._db.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def mark_returned(self, sha256: str, line: int) -> None:
        self._db.execute("UPDATE item SET status = 'returned' WHERE sha256 = ? AND line = ?", (sha256, line))

    def next_report_number(self) -> int:
        found = self.rows("SELECT coalesce(max(number), 0) + 1 AS number FROM report")
        return int(found[0]["number"])

    def add_report(self, number: int, kind: str, made_on: date, service_user_number: str, xml: bytes) -> None:
        self._db.execute("INSERT INTO report VALUES (?, ?, ?, ?, ?)", (number, kind, made_on.isoformat(), service_user_number, xml))

    def ask_for(self, fault: NextFault) -> None:
        self._db.execute(
            "INSERT INTO next_fault (fault, reference, code, seconds) VALUES (?, ?, ?, ?)",
            (fault.fault, fault.reference, fault.code, fault.seconds),
        )

    def faults(self) -> list[dict[str, Any]]:
        return self.rows("SELECT fault, reference, code, seconds FROM next_fault ORDER BY seq")

    def take(self, *kinds: str) -> NextFault | None:
        """The oldest fault of these kinds, which is thereby used up."""
        marks = ", ".join("?" for _ in kinds)
        found = self.rows(f"SELECT * FROM next_fault WHERE fault IN ({marks}) ORDER BY seq LIMIT 1", *kinds)  # noqa: S608 - marks only
        if not found:
            return None
        self._db.execute("DELETE FROM next_fault WHERE seq = ?", (found[0]["seq"],))
        return NextFault(found[0]["fault"], found[0]["reference"], found[0]["code"], found[0]["seconds"])

    def take_for(self, kind: str, references: set[str]) -> list[NextFault]:
        """All faults of a kind that name one of these items; they are thereby used up."""
        found = [row for row in self.rows("SELECT * FROM next_fault WHERE fault = ? ORDER BY seq", kind) if row["reference"] in references]
        for row in found:
            self._db.execute("DELETE FROM next_fault WHERE seq = ?", (row["seq"],))
        return [NextFault(row["fault"], row["reference"], row["code"], row["seconds"]) for row in found]
