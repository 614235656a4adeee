"""What Rentbook publishes now, and what it published with each release, in one form.

`python tests/support/published.py VERSION` keeps what is published now as a release, in tests/contracts/released; it never replaces one.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import BaseModel
from rentbook_contracts import approvals, ledger, notices, refunds, workflows, writeoffs
from rentbook_contracts.operation import Command, Operation, Query, Signal, Update, Workflow
from rentbook_contracts.publication import FACTS, schema_of
from rentbook_contracts.topics import TOPICS

CONTRACTS = Path(__file__).parents[1] / "contracts"
RELEASED = CONTRACTS / "released"
MODULES: tuple[ModuleType, ...] = (ledger, refunds, writeoffs, approvals, notices, workflows)

Offered = Operation[Any, Any] | Query[Any, Any] | Command[Any, Any] | Workflow[Any, Any] | Signal[Any] | Update[Any]
OFFERED = (Operation, Query, Command, Workflow, Signal, Update)


def offered(module: ModuleType, *kinds: type) -> list[Offered]:
    """What the module names of these kinds."""
    wanted = kinds or OFFERED
    return [cast(Offered, each) for each in vars(module).values() if isinstance(each, wanted)]


def facts() -> dict[str, Any]:
    """JSON Schema of each fact, by its type."""
    return {fact.type: schema_of(fact) for fact in FACTS}


def topics() -> dict[str, Any]:
    return {
        topic.name: {
            "publisher": topic.publisher,
            "hearers": list(topic.hearers),
            "partitions": topic.partitions,
            "retention_seconds": int(topic.retention.total_seconds()),
        }
        for topic in TOPICS
    }


def steps() -> dict[str, Any]:
    """JSON Schema of whatever lies in the histories of stories that are still being told, by the name it has there."""
    return dict(_steps())


def _steps() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        for each in offered(module, Operation, Workflow, Signal, Update):
            yield f"{each.name} takes", _schema(each.takes)
            if isinstance(each, Operation | Workflow):
                yield f"{each.name} gives", _schema(each.gives)


def _schema(message: type[BaseModel]) -> dict[str, Any]:
    return message.model_json_schema(mode="validation")


PARTS = {"facts": facts, "topics": topics, "steps": steps}


def keep(version: str) -> None:
    """Keep what is published now. Errors: FileExistsError where that version was released already."""
    folder = RELEASED / version
    folder.mkdir(parents=True)
    for name, part in PARTS.items():
        (folder / f"{name}.json").write_text(json.dumps(part(), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    keep(sys.argv[1])
