"""Writes what Rentbook publishes about its facts: a JSON Schema for each, and one AsyncAPI document for all topics.

`python -m rentbook_contracts.publication` writes them beside this module; `--check` writes nothing and names what is stale.
The schemas are JSON Schema 2020-12, the document is AsyncAPI 3.0, and events travel as CloudEvents 1.0 in binary mode on Kafka.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rentbook_contracts import approvals, ledger, notices, refunds, writeoffs
from rentbook_contracts.message import Fact
from rentbook_contracts.topics import SERVICES, TOPICS, Topic

HERE = Path(__file__).parent
DOCUMENT = "asyncapi.yaml"
LANGUAGE_VERSION = "0.1.0"
"""Of the published language as a whole. Each fact carries its own major version in its type."""

FACTS: tuple[type[Fact], ...] = (*ledger.FACTS, *refunds.FACTS, *writeoffs.FACTS, *approvals.FACTS, *notices.FACTS)

_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9 ._/$-]*[A-Za-z0-9])?")
_WORDS_OF_YAML = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


class _Schema(GenerateJsonSchema):
    """As pydantic has it, without a title on every field, and saying aloud that readers ignore what they do not know."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        return {**super().model_schema(schema), "additionalProperties": True}


def schema_of(fact: type[Fact]) -> dict[str, Any]:
    """The fact's body as its readers may rely on it."""
    body = fact.model_json_schema(schema_generator=_Schema, mode="validation")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:rentbook:{fact.type}",
        "title": body["title"],
        "description": body["description"],
        "x-type": fact.type,
        "x-topic": fact.topic,
        "x-key": fact.keyed_by,
    }
    order = ("type", "properties", "required", "additionalProperties", "$defs")
    return head | {name: body[name] for name in order if name in body} | body


def asyncapi() -> dict[str, Any]:
    """Topics, who sends and who receives there, and every message with its headers."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rentbook",
            "version": LANGUAGE_VERSION,
            "description": "The facts that the services of Rentbook tell each other on Kafka, as CloudEvents 1.0 in binary mode.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": {fact.type: _message(fact) for fact in FACTS}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Published by {topic.publisher} alone. Records of one key are in order, by a version without gaps.",
        "messages": {fact.__name__: {"$ref": f"#/components/messages/{fact.type}"} for fact in _on(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": int(topic.retention.total_seconds() * 1000)},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for service in SERVICES:
        for topic in TOPICS:
            if topic.publisher == service:
                yield f"{service} sends {topic.name}".replace(" ", "-"), _operation("send", service, topic)
            if service in topic.hearers:
                yield f"{service} receives {topic.name}".replace(" ", "-"), _operation("receive", service, topic)


def _operation(action: str, service: str, topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    told: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": channel},
        "tags": [{"name": service}],
        "messages": [{"$ref": f"{channel}/messages/{fact.__name__}"} for fact in _on(topic)],
    }
    if action == "receive":
        group = {"type": "string", "enum": [f"{service}.{topic.name}"]}
        told["bindings"] = {"kafka": {"groupId": group, "bindingVersion": "0.5.0"}}
    return told


def _message(fact: type[Fact]) -> dict[str, Any]:
    return {
        "name": fact.type,
        "title": fact.__name__,
        "summary": (fact.__doc__ or "").split("\n")[0],
        "contentType": "application/json",
        "headers": _headers(fact),
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": f"./schemas/{fact.type}.json"}},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
    }


def _headers(fact: type[Fact]) -> dict[str, Any]:
    publisher = next(topic.publisher for topic in TOPICS if topic.name == fact.topic)
    properties: dict[str, dict[str, Any]] = {
        "content-type": {"const": "application/json"},
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "The event. The same id comes again only with the same content."},
        "ce_type": {"const": fact.type},
        "ce_source": {"const": f"/rentbook/{publisher}"},
        "ce_subject": {"type": "string", "format": "uuid", "description": f"The Kafka key: {fact.keyed_by} of the body"},
        "ce_time": {"type": "string", "format": "date-time", "description": "UTC"},
        "ce_aggregateversion": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Of the subject, from 1, without gaps"},
    }
    optional = {"traceparent": {"type": "string", "description": "W3C Trace Context"}}
    return {"type": "object", "required": list(properties), "properties": {**properties, **optional}}


def _on(topic: Topic) -> list[type[Fact]]:
    return [fact for fact in FACTS if fact.topic == topic.name]


def as_yaml(value: Any) -> str:
    """Block style; a text is quoted wherever YAML might read it as anything else."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, under in value.items():
            yield from _under(f"{_scalar(name)}:", under)
    else:
        for each in value:
            first, *rest = _lines(each) if isinstance(each, Mapping) and each else [_scalar(each)]
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)


def _under(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


def publication() -> dict[str, str]:
    """Every published file: its path beside this module, and its text."""
    schemas = {f"schemas/{fact.type}.json": json.dumps(schema_of(fact), indent=2, ensure_ascii=False) + "\n" for fact in FACTS}
    return {**schemas, DOCUMENT: as_yaml(asyncapi())}


def stale(folder: Path) -> list[str]:
    """The published files in the folder that are missing, differ, or belong to no fact."""
    wanted = publication()
    paths = [path for path in (folder / DOCUMENT, *folder.glob("schemas/*")) if path.exists()]
    present = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}
    return sorted(path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path))


def publish(folder: Path) -> None:
    """Write what is stale. A file that belongs to no fact stays: to take a fact back is a person's decision."""
    wanted = publication()
    for path in stale(folder):
        if path in wanted:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(wanted[path], "utf-8")


def main(words: list[str]) -> int:
    if "--check" not in words:
        publish(HERE)
    left = stale(HERE)
    if left:
        sys.stderr.write(f"stale: {', '.join(left)}; write them anew with python -m rentbook_contracts.publication\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
