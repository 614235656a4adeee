"""The promises of what services tell each other: no gap, no second meaning of one event, nothing that waits unseen."""

from collections.abc import Sequence

import asyncpg
from rentbook_contracts.topics import TOPICS

from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

_ROWS_AT_ONCE = 5000
_AGGREGATES = (
    ("ledger", "ledger.accounts", "SELECT id::text AS key, version FROM account WHERE kind NOT IN ('CONTROL', 'SUSPENSE')"),
    ("refunds", "refunds.cases", "SELECT id::text AS key, version FROM refund_case"),
    ("writeoffs", "writeoffs.proposals", "SELECT id::text AS key, version FROM proposal"),
    ("approvals", "approvals.cases", "SELECT id::text AS key, version FROM approval_case"),
)
"""Where a version is a column: owner, topic, and the aggregates with their versions."""
_GAPS = """
SELECT topic, key, count(*) AS told, count(DISTINCT aggregate_version) AS versions, min(aggregate_version) AS first,
       max(aggregate_version) AS last
FROM outbox_event GROUP BY topic, key
"""


async def _versions(books: Books) -> Finding:
    looked_at, broken = 0, []
    told: dict[tuple[str, str], int] = {}
    for connection in books.snapshots.values():
        for row in await connection.fetch(_GAPS):
            looked_at += row["told"]
            told[row["topic"], row["key"]] = row["last"]
            if row["first"] != 1 or not row["last"] == row["told"] == row["versions"]:
                broken.append(f"{row['topic']} {row['key']}: {row['told']} facts with versions from {row['first']} to {row['last']}")
    for owner, topic, aggregates in _AGGREGATES:
        for row in await books.of(owner).fetch(aggregates):
            looked_at += 1
            if row["version"] != told.get((topic, row["key"]), 0):
                told_last = told.get((topic, row["key"]), 0)
                broken.append(f"{topic} {row['key']}: its version is {row['version']} and the last that was told is {told_last}")
    return finding(looked_at, broken)


_INBOX = "SELECT event_id, payload_hash FROM inbox WHERE consumer = $1 ORDER BY event_id"
_PUBLISHED = """
SELECT id::text AS id, sha256(convert_to((headers ->> 'ce_type') || E'\\n' || body, 'UTF8')) AS payload_hash
FROM outbox_event WHERE topic = $1 AND id::text = ANY ($2)
"""


async def _inboxes(books: Books) -> Finding:
    """What was heard is, byte for byte, what its publisher told.

    Two services that hear each other cannot both be read before the other: what a publisher told after its snapshot is looked for as it is
    now, since nothing ever leaves an outbox.
    """
    looked_at, broken = 0, []
    for topic in TOPICS:
        for hearer in topic.hearers:
            consumer = f"{hearer}.{topic.name}"
            heard = {row["event_id"]: bytes(row["payload_hash"]) for row in await books.of(hearer).fetch(_INBOX, consumer)}
            looked_at += len(heard)
            ids = list(heard)
            for start in range(0, len(ids), _ROWS_AT_ONCE):
                part = ids[start : start + _ROWS_AT_ONCE]
                told = await _told(books.of(topic.publisher), topic.name, part)
                if meanwhile := [id_ for id_ in part if id_ not in told]:
                    async with books.now(topic.publisher) as connection:
                        told |= await _told(connection, topic.name, meanwhile)
                broken += [f"{consumer} heard event {id_}, which {topic.publisher} never told" for id_ in part if id_ not in told]
                broken += [f"{consumer} heard event {id_} with other content" for id_ in part if told.get(id_, heard[id_]) != heard[id_]]
    return finding(looked_at, broken)


async def _told(connection: asyncpg.Connection, topic: str, ids: Sequence[str]) -> dict[str, bytes]:
    return {row["id"]: bytes(row["payload_hash"]) for row in await connection.fetch(_PUBLISHED, topic, ids)}


_PARKED = "SELECT id, topic, key, event_type, reason, parked_at FROM parked WHERE resolved_at IS NULL ORDER BY id"


async def parked(books: Books) -> list[str]:
    """Each event that waits for an operator, with its reason."""
    return [
        f"{service} parked event {row['id']} ({row['event_type']}) of {row['topic']} {row['key']}: {row['reason']}"
        for service, connection in books.snapshots.items()
        for row in await connection.fetch(_PARKED)
    ]


async def _nothing_parked(books: Books) -> Finding:
    looked_at = 0
    for connection in books.snapshots.values():
        looked_at += await connection.fetchval("SELECT count(*) FROM parked")
    return finding(looked_at, await parked(books))


PROMISES = (
    Promise("versions-without-gap", "what was told of each aggregate has versions without gap", _versions),
    Promise("heard-as-told", "every event was heard as it was told, and none that nobody told", _inboxes),
)
LAST = (Promise("nothing-parked", "no event waits for an operator", _nothing_parked),)
