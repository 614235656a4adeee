"""Whether everything that was told has been heard: before that, two services may rightly differ."""

import asyncpg
from rentbook_contracts.topics import TOPICS
from rentbook_contracts.words import counted

from rentbook_local.checking.books import Books
from rentbook_local.checking.seal import LONGEST_TAIL, sealed, unsealed

_UNSENT = """
SELECT (SELECT count(*) FROM outbox_event WHERE published_at IS NULL) AS facts,
       (SELECT count(*) FROM outbox_workflow WHERE done_at IS NULL) AS requests
"""
_TOLD = "SELECT key, max(aggregate_version) AS version FROM outbox_event WHERE topic = $1 GROUP BY key"
_HEARD = """
SELECT told.version - coalesce(heard.version, 0) AS facts FROM unnest($2::text[], $3::bigint[]) AS told (key, version)
LEFT JOIN heard_version AS heard ON heard.topic = $1 AND heard.key = told.key
WHERE coalesce(heard.version, 0) < told.version
  AND NOT EXISTS (SELECT FROM parked WHERE parked.topic = $1 AND parked.key = told.key AND parked.resolved_at IS NULL)
"""


async def unsettled(books: Books) -> list[str]:
    """What is still under way, in words; nothing where outboxes and consumers have drained.

    An event that is parked is not under way: it waits for an operator, and is told of apart.
    """
    waits = [words for service, connection in books.snapshots.items() for words in await _unsent(service, connection)]
    for topic in TOPICS:
        told = await books.of(topic.publisher).fetch(_TOLD, topic.name)
        for hearer in topic.hearers:
            behind = await books.of(hearer).fetch(_HEARD, topic.name, [row["key"] for row in told], [row["version"] for row in told])
            if behind:
                facts = counted(sum(row["facts"] for row in behind), "fact")
                waits.append(f"{hearer} has yet to hear {facts} of {topic.name} about {counted(len(behind), 'key')}")
    tail = await unsealed(books)
    if tail > LONGEST_TAIL:
        waits.append(f"{tail} journals of the ledger have no seal yet")
    return waits


_DONE = """
SELECT (SELECT count(*) FROM outbox_event WHERE published_at IS NOT NULL),
       (SELECT count(*) FROM outbox_workflow WHERE done_at IS NOT NULL),
       (SELECT coalesce(sum(version), 0) FROM heard_version)
"""


async def done(books: Books) -> tuple[int, ...]:
    """What has left each outbox, what was heard, and the last seal: whatever is under way goes on while any of these figures changes."""
    figures = [int(figure) for connection in books.snapshots.values() for figure in await connection.fetchrow(_DONE)]
    return (*figures, await sealed(books))


async def _unsent(service: str, connection: asyncpg.Connection) -> list[str]:
    row = await connection.fetchrow(_UNSENT)
    words = {"facts": "facts are not published", "requests": "requests to workflows are not delivered"}
    return [f"{service}: {row[name]} {what}" for name, what in words.items() if row[name]]
