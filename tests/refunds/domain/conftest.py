"""The dated data that refunds ships, read as the service reads it, and the published data beside the repository."""

import json
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from refunds.domain.modulus import ModulusTable, read_table

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def shipped_table(folder: str) -> ModulusTable:
    shipped = files("refunds") / "data" / "modulus" / folder
    about = json.loads((shipped / "table.json").read_text("ascii"))
    return read_table(
        about["version"],
        date.fromisoformat(about["in_use_from"]),
        (shipped / about["weights"]).read_text("ascii").splitlines(),
        (shipped / about["substitutions"]).read_text("ascii").splitlines(),
    )


@pytest.fixture(scope="session")
def modulus_table() -> ModulusTable:
    return shipped_table("v8-50")


@pytest.fixture(scope="session")
def published_modulus_data() -> Path:
    folder = SHARED / "modulus"
    if not folder.is_dir():
        pytest.skip(f"the published modulus data is missing: no folder {folder.parent.parent.name}/data/modulus beside the repository")
    return folder
