"""What one service offers to another, said once and typed at both ends.

A workflow calls an `Operation` (an activity on the owner's task queue); a page asks a `Query` or gives a `Command` over HTTP; a
transaction starts a `Workflow` or sends it a `Signal` or an `Update`. Each names the message that it takes and the one that it gives.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

GONE_STORY = "The workflow id where Temporal did not tell the story some seconds ago: nothing goes on before an operator takes it up again"
PARKED_SINCE = "Since when an event about it waits for an operator, with all later ones: what they say is not known here yet"


class Message(BaseModel):
    """What crosses a border: immutable, and tolerant of fields that a later minor version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Nothing(Message):
    """The answer of a call that has nothing to say."""


class BrokenRule(Exception):
    """A rule of the business says no. Trying again with the same words cannot succeed.

    The class name is the rule's name on every border: the type of a non-retryable failure in Temporal, `rule` in an HTTP 422 answer.
    The message is shown to people: it carries no personal data and no bank details. `field` names the form field at fault, if one is.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    @property
    def rule(self) -> str:
        return type(self).__name__


In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[In, Out]):
    """A step that a service offers to workflows, as an activity on the task queue named for the service.

    `within` bounds one attempt; attempts repeat until the step succeeds or a rule says no.
    """

    name: str
    queue: str
    takes: type[In]
    gives: type[Out]
    within: timedelta = field(default=timedelta(seconds=30), compare=False)


@dataclass(frozen=True)
class Query(Generic[In, Out]):
    """A question to the service that owns the rows: POST /queries/NAME. It changes nothing.

    `within` bounds the wait for an answer that takes longer than others by its nature; None is what any answer may take.
    """

    name: str
    service: str
    takes: type[In]
    gives: type[Out]
    within: timedelta | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Command(Generic[In, Out]):
    """A change asked of the service that owns the rows: POST /commands/NAME. The form's id makes it happen once."""

    name: str
    service: str
    takes: type[In]
    gives: type[Out]


@dataclass(frozen=True)
class Workflow(Generic[In, Out]):
    """A story that Temporal sees through, started under a workflow id that is a business key."""

    name: str
    queue: str
    takes: type[In]
    gives: type[Out]


@dataclass(frozen=True)
class Signal(Generic[In]):
    """A fact told to a running workflow, without an answer."""

    name: str
    takes: type[In]


@dataclass(frozen=True)
class Update(Generic[In]):
    """A request to a running workflow that its validator may refuse."""

    name: str
    takes: type[In]
