"""Facts: what a service tells everyone on Kafka, as CloudEvents 1.0 in binary mode.

The type carries the major version. Within a major version a field may only be added, and only as optional; a reader ignores fields that
it does not know. A fact carries ids and amounts, never a name, an address, a note or a bank detail.
"""

from typing import ClassVar

from rentbook_contracts.operation import Message


class Fact(Message):
    """One thing that happened to one aggregate. Facts of one aggregate share a topic and arrive in order, by a gapless version.

    Subclasses set `type` (CloudEvents `type`, for example `ledger.receipt-posted.v1`), `topic`, and `keyed_by`, the field that holds the
    aggregate's id: it is the Kafka key and CloudEvents `subject`.
    """

    type: ClassVar[str]
    topic: ClassVar[str]
    keyed_by: ClassVar[str]

    @property
    def key(self) -> str:
        return str(getattr(self, self.keyed_by))
