"""What is published is what the code says, in the forms that others read."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from rentbook_contracts.message import Fact
from rentbook_contracts.publication import FACTS, HERE, as_yaml, asyncapi, main, publish, schema_of, stale
from rentbook_contracts.topics import SERVICES, TOPICS
from support.published import MODULES


def test_the_committed_schemas_and_document_are_fresh() -> None:
    assert stale(HERE) == [], "python -m rentbook_contracts.publication writes them anew"


def test_a_stale_a_missing_and_a_surplus_schema_are_named(tmp_path: Path) -> None:
    publish(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "schemas" / "ledger.receipt-posted.v1.json").write_text("{}")
    (tmp_path / "schemas" / "ledger.charge-posted.v1.json").unlink()
    (tmp_path / "schemas" / "ledger.nothing.v1.json").write_text("{}")
    names = ("charge-posted", "nothing", "receipt-posted")
    assert stale(tmp_path) == [f"schemas/ledger.{name}.v1.json" for name in names]


def test_the_command_says_what_is_stale_and_writes_nothing_when_asked_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rentbook_contracts.publication.HERE", tmp_path)
    assert main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_every_fact_of_the_language_is_published_once() -> None:
    told = [each for module in MODULES for each in vars(module).values() if isinstance(each, type) and issubclass(each, Fact)]
    whole = {each for each in told if "type" in vars(each)}
    assert whole == set(FACTS)
    assert len({fact.type for fact in FACTS}) == len(FACTS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_a_schema_is_valid_names_no_host_and_lets_unknown_fields_pass(fact: type[Fact]) -> None:
    schema = schema_of(fact)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:rentbook:{fact.type}"
    objects = [schema, *(each for each in schema.get("$defs", {}).values() if each.get("type") == "object")]
    assert all(each["additionalProperties"] is True for each in objects)
    assert fact.keyed_by in schema["required"]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_a_fact_stands_on_a_topic_of_its_own_publisher(fact: type[Fact]) -> None:
    [topic] = [topic for topic in TOPICS if topic.name == fact.topic]
    assert fact.type.split(".")[0] == topic.publisher
    assert fact.__module__ == f"rentbook_contracts.{topic.publisher}"


def test_facts_of_one_topic_are_keyed_by_one_aggregate() -> None:
    for topic in TOPICS:
        assert len({fact.keyed_by for fact in FACTS if fact.topic == topic.name}) == 1, topic.name


def test_topics_name_services_that_exist_and_keep_facts_for_long_enough_to_mend_a_reader() -> None:
    for topic in TOPICS:
        assert {topic.publisher, *topic.hearers} <= set(SERVICES)
        assert topic.publisher not in topic.hearers
        assert topic.partitions > 0
        assert topic.retention.days >= 14


def test_the_document_is_asyncapi_as_faststream_reads_it() -> None:
    document = ApplicationSchema.model_validate(asyncapi())
    assert document.asyncapi == "3.0.0"
    assert set(document.channels) == {topic.name for topic in TOPICS}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi()
    for reference in references(document):
        if reference.startswith("#/"):
            place: Any = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]
        else:
            assert (HERE / reference).is_file(), reference


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [each for under in part.values() for each in references(under)]
    return [each for under in part for each in references(under)] if isinstance(part, list) else []


def test_yaml_quotes_whatever_could_be_read_as_something_else() -> None:
    told: dict[str, Any] = {
        "no": "yes",
        "version": "0.1.0",
        "plain": "some words",
        "colon": "a: b",
        "nothing": None,
        "bare": {},
        "list": ["x", {"a": 1, "b": [2]}],
    }
    assert as_yaml(told).splitlines() == [
        '"no": "yes"',
        'version: "0.1.0"',
        "plain: some words",
        'colon: "a: b"',
        "nothing: null",
        "bare: {}",
        "list:",
        "  - x",
        "  - a: 1",
        "    b:",
        "      - 2",
    ]


def test_the_document_holds_every_line_that_it_should() -> None:
    lines = (HERE / "asyncapi.yaml").read_text("utf-8").splitlines()
    for topic in TOPICS:
        assert f"  {topic.name}:" in lines
        assert f"          retention.ms: {json.dumps(int(topic.retention.total_seconds() * 1000))}" in lines
