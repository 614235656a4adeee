"""The topics of Rentbook: who publishes there, who hears, how it is cut and how long it is kept.

A topic carries one kind of aggregate, keyed by its id, so that a gapless version per aggregate can be checked by every reader. The
deployment creates what stands here and derives each service's Kafka rights from it: a service may write to the topics that it publishes
and read the ones that it hears, and nothing else.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Topic:
    name: str
    publisher: str
    hearers: tuple[str, ...]
    partitions: int
    retention: timedelta


_KEPT = timedelta(days=30)

TOPICS: tuple[Topic, ...] = (
    Topic("ledger.accounts", "ledger", ("refunds", "writeoffs"), 6, _KEPT),
    Topic("ledger.bank-files", "ledger", (), 3, _KEPT),
    Topic("refunds.cases", "refunds", ("ledger", "notices"), 6, _KEPT),
    Topic("writeoffs.proposals", "writeoffs", (), 6, _KEPT),
    Topic("approvals.cases", "approvals", ("ledger",), 6, _KEPT),
    Topic("approvals.payment-runs", "approvals", ("ledger", "refunds"), 3, _KEPT),
    Topic("approvals.contacts", "approvals", ("writeoffs",), 3, _KEPT),
    Topic("notices.letters", "notices", ("writeoffs",), 3, _KEPT),
)

SERVICES: tuple[str, ...] = ("ledger", "refunds", "writeoffs", "approvals", "notices")
