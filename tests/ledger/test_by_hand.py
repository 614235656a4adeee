"""What an operator does from the command line."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from ledger.domain.dates import in_words
from ledger.settings import LedgerSettings
from support.ledger_books import HOUSEHOLD, LAST_WEEK


async def ledger_says(settings: LedgerSettings, *words: str) -> tuple[int, str]:
    environment = {
        **os.environ,
        "RENTBOOK_DATABASE_URL": settings.database_url,
        "RENTBOOK_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "RENTBOOK_TEMPORAL_ADDRESS": "127.0.0.1:1",
        "RENTBOOK_SECRETS_DIR": str(settings.secrets_dir),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ledger", *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode().strip()


async def test_an_estate_is_opened_once_and_a_week_debited_once(settings: LedgerSettings, tmp_path: Path) -> None:
    file = tmp_path / "estate.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in HOUSEHOLD))
    assert await ledger_says(settings, "open-estate", str(file)) == (0, "Opened a household: 5 accounts, 5 journals.")
    assert await ledger_says(settings, "open-estate", str(file)) == (0, "This estate was opened before; nothing was loaded.")
    debited = (0, f"The week of {in_words(LAST_WEEK)}: 2 accounts debited, 23000 pence in all.")
    assert await ledger_says(settings, "debit-week", str(LAST_WEEK)) == debited
    assert await ledger_says(settings, "debit-week", str(LAST_WEEK)) == debited


async def test_what_cannot_be_done_is_one_sentence(settings: LedgerSettings, tmp_path: Path) -> None:
    bad = tmp_path / "estate.jsonl"
    bad.write_text('{"record": "estate", "name": "x"}\n{"record": "person", "name": "Ada Okafor"}\n')
    status, said = await ledger_says(settings, "open-estate", str(bad))
    assert (status, said) == (1, "ledger: Line 2: id: Field required.")
    status, said = await ledger_says(settings, "debit-week", str(LAST_WEEK + timedelta(days=1)))
    assert (status, said) == (1, "ledger: A rent week begins on a Monday.")
    status, said = await ledger_says(settings, "open-estate", str(tmp_path / "none"))
    assert status == 1
    assert len(said.splitlines()) == 1
