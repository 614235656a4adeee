"""Writes the demonstration to files: the estate and the cast into the state, the bank files into `demo/`."""

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rentbook_local.demo import bank_files, estate
from rentbook_local.writing import write_whole


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
    write_whole(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in made.records))
    files = bank_files.files(made)
    write_whole(folder / "register.json", json.dumps(_register(made), ensure_ascii=False, indent=1))
    for name, content in files.items():
        for place in (folder, files_folder):
            write_whole(place / name, content)
    shown = {"made_on": str(today), "files": sorted(files), "cast": made.cast, "ordinary": made.ordinary}
    # The last one: where it lies, all the others do.
    write_whole(folder / "cast.json", json.dumps(shown, ensure_ascii=False, indent=1))
    return path


def _register(made: estate.Estate) -> list[dict[str, str]]:
    """What the stand-in for the bank knows of names: the cast pay from accounts of their own."""
    return [
        {"sort_code": told["sort_code"], "account_number": told["account_number"], "name": told["names"][0]} for told in made.cast.values()
    ]
