"""What was published with a release is understood for ever."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from chassis.records import Record, check_envelope, read_fact
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from rentbook_contracts.publication import FACTS
from support.compatibility import bare, faults_of_all, faults_of_topics
from support.published import CONTRACTS, RELEASED, facts, keep, steps, topics

GOLDEN = CONTRACTS / "golden"
BY_TYPE = {fact.type: fact for fact in FACTS}
RELEASES = sorted(RELEASED.iterdir())
EVENTS = sorted(GOLDEN.glob("*/*.json"))
FORMATS: dict[str, st.SearchStrategy[str]] = {"uuid": st.uuids().map(str)}


def released(folder: Path, part: str) -> Any:
    return json.loads((folder / f"{part}.json").read_text("utf-8"))


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_facts_have_changed_since_a_release_in_no_way_that_is_not_known_to_be_safe(folder: Path) -> None:
    assert faults_of_all(released(folder, "facts"), facts()) == []


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_topics_have_changed_since_a_release_in_no_way_that_is_not_known_to_be_safe(folder: Path) -> None:
    assert faults_of_topics(released(folder, "topics"), topics()) == []


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_what_lies_in_the_histories_of_running_stories_is_still_understood(folder: Path) -> None:
    assert faults_of_all(released(folder, "steps"), steps()) == []


def test_a_release_is_kept_once() -> None:
    with pytest.raises(FileExistsError):
        keep(RELEASES[0].name)


def test_every_fact_has_a_golden_event_and_every_golden_event_a_reader() -> None:
    assert {path.stem for path in EVENTS} == set(BY_TYPE)


def record(told: dict[str, Any], **more: Any) -> Record:
    body = json.dumps({**told["body"], **more}).encode()
    return Record(told["topic"], told["key"], 0, 0, told["headers"], body)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_event_is_read_for_ever_and_means_what_it_meant(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    event = record(told)
    check_envelope(event)
    fact = read_fact(event, BY_TYPE[event.event_type or ""])
    assert told["body"].items() <= fact.model_dump(mode="json").items()
    assert (fact.topic, fact.key) == (told["topic"], told["key"])


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_reader_ignores_what_it_does_not_know(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    kind = BY_TYPE[told["headers"]["ce_type"]]
    assert read_fact(record(told, a_later_field={"deep": [1]}), kind) == read_fact(record(told), kind)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_event_without_its_optional_fields_is_read(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    kind = BY_TYPE[told["headers"]["ce_type"]]
    required = facts()[kind.type]["required"]
    least = {**told, "body": {name: told["body"][name] for name in required}}
    assert read_fact(record(least), kind).key == told["key"]


def bodies(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Whatever the schema allows. Of objects only the named fields: hypothesis-jsonschema's own way to them fails on today's hypothesis."""
    if schema.get("type") == "object":
        fields = {name: bodies(under) for name, under in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(required, optional=fields)
    if schema.get("type") == "array":
        return st.lists(bodies(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    return from_schema(schema, custom_formats=FORMATS)


RELEASED_FACTS = [(folder.name, kind, schema) for folder in RELEASES for kind, schema in released(folder, "facts").items()]


@pytest.mark.parametrize(("release", "kind", "schema"), RELEASED_FACTS, ids=[f"{release}-{kind}" for release, kind, _ in RELEASED_FACTS])
def test_whatever_a_released_schema_allows_is_read_now(release: str, kind: str, schema: dict[str, Any]) -> None:
    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(bodies(bare(schema)))
    def read(body: dict[str, Any]) -> None:
        fact = BY_TYPE[kind].model_validate_json(json.dumps(body))
        assert fact.key == str(UUID(body[fact.keyed_by]))

    read()
