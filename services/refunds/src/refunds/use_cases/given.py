"""How use cases and queries are given their means."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from chassis.transaction import Transaction

from refunds.domain.means import Means

In = TypeVar("In")
Out = TypeVar("Out")


Given = Callable[[Transaction, In], Coroutine[Any, Any, Out]]
Needing = Callable[[Transaction, In, Means], Coroutine[Any, Any, Out]]


def given(means: Means, use_case: Needing[In, Out]) -> Given[In, Out]:
    """The use case with its means, in the form in which app.py wires it."""

    @wraps(use_case)
    async def with_means(tx: Transaction, message: In) -> Out:
        return await use_case(tx, message, means)

    return with_means
