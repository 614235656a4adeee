"""Facts go to everyone who may hear a topic, and stay there: they carry ids, amounts, dates and codes, and nothing about a person."""

from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from rentbook_contracts.message import Fact
from rentbook_contracts.money import Pence
from rentbook_contracts.operation import Message
from rentbook_contracts.publication import FACTS

HARMLESS = (UUID, int, bool, date, datetime)

CODES = {
    "ReceiptPosted.method": "transaction code of domain.md 2.1, three letters",
    "RefundClosed.reason_code": "coded reason of approvals",
    "RefundReturned.reason": "the return code of the bank's report, up to four letters and digits",
    "DecisionMade.content_hash": "SHA-256",
    "DecisionRecalled.content_hash": "SHA-256",
    "WriteOffDecided.content_hash": "SHA-256",
    "ApprovedLine.content_hash": "SHA-256",
    "ReleasedLine.content_hash": "SHA-256",
    "LetterSent.kind": "which of our letters it is",
    "LetterSent.sha256": "SHA-256",
}
"""Fields of text, and what makes each harmless. A further one is a decision: say here what it can hold."""


def told(message: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Each field of the message and of the messages inside it, with every type that it can hold."""
    for name, field in message.model_fields.items():
        for kind in kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from told(kind)
            else:
                yield f"{message.__name__}.{name}", kind


def kinds(annotation: Any) -> Iterator[Any]:
    """The types that a value may have; a container other than a tuple or a list counts as itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType, tuple, list):
        for each in get_args(annotation):
            yield from kinds(each)
    elif annotation not in (NoneType, Ellipsis):
        yield annotation


def doubtful(fact: type[Fact]) -> list[str]:
    return [place for place, kind in told(fact) if not is_harmless(place, kind)]


def is_harmless(place: str, kind: Any) -> bool:
    if get_origin(kind) is Literal or kind in HARMLESS:
        return True
    return (isinstance(kind, type) and issubclass(kind, Enum)) or (kind is str and place in CODES)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_a_fact_carries_ids_amounts_dates_and_codes_alone(fact: type[Fact]) -> None:
    assert doubtful(fact) == []


def test_every_code_that_is_let_through_is_one_that_a_fact_has() -> None:
    texts = {place for fact in FACTS for place, kind in told(fact) if kind is str}
    assert texts == set(CODES)


class Somebody(Message):
    name: str


class Loose(Fact):
    """What no fact may look like."""

    account: UUID
    amount_pence: Pence
    note: str | None = None
    people: tuple[Somebody, ...] = ()
    more: dict[str, str] = Field(default_factory=dict)
    anything: Any = None
    raw: bytes = b""


def test_texts_names_notes_and_open_containers_are_found_wherever_they_lie() -> None:
    assert doubtful(Loose) == ["Loose.note", "Somebody.name", "Loose.more", "Loose.anything", "Loose.raw"]
