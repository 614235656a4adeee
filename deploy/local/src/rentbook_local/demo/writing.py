"""Writes the demonstration to files: the estate and the cast into the state, the bank files into `demo/`."""

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rentbook_local.demo import bank_files, estate


def london_today() -> date:
    return datetime.now(ZoneInfo("Europe/London")).date()


def write(folder: Path, files_folder: Path, today: date) -> Path:
    """Write `estate.jsonl`, `cast.json` and the bank's `register.json` into `folder`, and the bank files into `files_folder`.

    The estate's path is returned.

    The bank files are also kept in `folder`, beside the estate that they fit: `files_folder` shows the latest state's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files_folder.mkdir(parents=True, exist_ok=True)
    made = estate.make(today)
    path = folder / "estate.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in made.records), encoding="utf-8")
    files = bank_files.files(made)
    shown = {"made_on": str(today), "files": sorted(files), "cast": made.cast, "ordinary": made.ordinary}
    (folder / "cast.json").write_text(json.dumps(shown, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "register.json").write_text(json.dumps(_register(made), ensure_ascii=False, indent=1), encoding="utf-8")
    for name, content in files.items():
        for place in (folder, files_folder):
            (place / name).write_text(content, encoding="utf-8", newline="")
    return path


def _register(made: estate.Estate) -> list[dict[str, str]]:
    """What the stand-in for the bank knows of names: the cast pay from accounts of their own."""
    return [
        {"sort_code": told["sort_code"], "account_number": told["account_number"], "name": told["names"][0]} for told in made.cast.values()
    ]
