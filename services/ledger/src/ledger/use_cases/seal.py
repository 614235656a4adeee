"""Seal what was posted: a gapless audit number and a chain of hashes, whose head is anchored outside the database."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from chassis.failpoint import reached, write_at
from chassis.serving import Tick
from chassis.transaction import Transaction

from ledger import store
from ledger.domain.sealing import FIRST_HASH, content_of, next_hash

JOURNALS_AT_ONCE = 1000
ANCHOR_FILE = "seal-anchors.jsonl"
LAST_LINES_BYTES = 1000
"""Some lines of the anchor's end; one has about 150 bytes."""


def sealing_into(folder: Path | None) -> Callable[[Transaction, Tick], Coroutine[Any, Any, bool]]:
    """The sealer whose anchors go into this folder; without one nothing is anchored."""

    async def seal_journals(tx: Transaction, tick: Tick) -> bool:
        return await _seal(tx, tick, folder)

    return seal_journals


async def _seal(tx: Transaction, tick: Tick, folder: Path | None) -> bool:
    """Anchor the head that is committed, then seal what has no seal. True where more may wait."""
    await store.serialise(tx, "seal")
    head = await store.last_seal(tx)
    if head is not None and folder is not None:
        await asyncio.to_thread(_anchor, folder, head, tick)
    journals = await store.unsealed_journals(tx, JOURNALS_AT_ONCE)
    last, previous = (head.audit_no, head.hash) if head else (0, FIRST_HASH)
    seals = []
    for audit_no, journal in enumerate(journals, start=last + 1):
        following = next_hash(previous, _content(journal))
        seals.append(store.Seal(audit_no, journal.id, previous, following))
        previous = following
    await store.add_seals(tx, seals)
    if seals:
        reached("seal.before-commit")
    return len(journals) == JOURNALS_AT_ONCE


def _content(journal: store.UnsealedJournal) -> bytes:
    head = (
        journal.seq,
        journal.id,
        journal.code,
        journal.effective_date,
        journal.posted_at,
        journal.rent_week,
        journal.cleared_on,
        journal.reverses,
        journal.case_id,
        journal.decision_id,
        journal.actor,
        journal.narrative,
    )
    return content_of(head, journal.entries)


def _anchor(folder: Path, head: store.Seal, tick: Tick) -> None:
    """Append the head, unless it is the last line already. It reaches the disk before anything is sealed after it.

    A line that a full disk, or the end of the process, left unfinished noted nothing: it is cut off, and no other begins on it.
    """
    file = folder / ANCHOR_FILE
    line = json.dumps({"audit_no": head.audit_no, "hash": head.hash.hex(), "anchored_at": tick.at.isoformat()})
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as anchors:
        before = max(0, anchors.tell() - LAST_LINES_BYTES)
        anchors.seek(before)
        tail = anchors.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        anchors.truncate(before + len(whole))
        noted = head.hash.hex().encode() in b"".join(whole.splitlines()[-1:])
        if not noted:
            write_at("anchor.write", anchors, f"{line}\n".encode())
            anchors.flush()
        # Also where it is noted: whoever wrote it may have ended before it reached the disk.
        os.fsync(anchors.fileno())
    if not noted:
        reached("anchor.written")
