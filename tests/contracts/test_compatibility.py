"""The judge of changes, on edits of which we know the answer, each in both directions."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from support.compatibility import faults, faults_of_all, faults_of_topics

FACT: dict[str, Any] = {
    "$id": "urn:rentbook:ledger.receipt-posted.v1",
    "description": "Money came in.",
    "x-type": "ledger.receipt-posted.v1",
    "x-topic": "ledger.accounts",
    "x-key": "account",
    "type": "object",
    "properties": {
        "account": {"type": "string", "format": "uuid"},
        "amount_pence": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2**63},
        "method": {"type": "string", "maxLength": 3},
        "source": {"$ref": "#/$defs/Source"},
        "on": {"type": "string", "format": "date"},
        "bank_file": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}], "default": None},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1, "maxItems": 2000},
    },
    "required": ["account", "amount_pence", "method", "source", "on", "lines"],
    "additionalProperties": True,
    "$defs": {
        "Source": {"enum": ["TENANT", "HOUSING_BENEFIT"], "type": "string"},
        "Line": {
            "type": "object",
            "properties": {"case": {"type": "string", "format": "uuid"}, "note": {"type": "string", "default": ""}},
            "required": ["case"],
            "additionalProperties": True,
        },
    },
}


def edited(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    schema = copy.deepcopy(FACT)
    edit(schema)
    return schema


def field(name: str, **words: Any) -> Callable[[dict[str, Any]], object]:
    return lambda schema: schema["properties"][name].update(words)


def without(name: str) -> Callable[[dict[str, Any]], object]:
    def edit(schema: dict[str, Any]) -> None:
        del schema["properties"][name]
        schema["required"] = [each for each in schema["required"] if each != name]

    return edit


def renamed(schema: dict[str, Any]) -> None:
    schema["properties"]["means"] = schema["properties"].pop("method")
    schema["required"] = ["means" if each == "method" else each for each in schema["required"]]


def required_more(schema: dict[str, Any]) -> None:
    schema["properties"]["reference"] = {"type": "string"}
    schema["required"].append("reference")


BREAKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "a further required field": required_more,
    "a required field is gone": without("method"),
    "a field has another name": renamed,
    "a required field is optional": lambda schema: schema["required"].remove("method"),
    "an optional field is required": lambda schema: schema["required"].append("bank_file"),
    "an enum without one of its values": lambda schema: schema["$defs"]["Source"]["enum"].remove("TENANT"),
    "an enum with one more value": lambda schema: schema["$defs"]["Source"]["enum"].append("OTHER"),
    "a whole number is any number": field("amount_pence", type="number"),
    "a number is a text": field("amount_pence", type="string"),
    "a narrower bound": field("amount_pence", exclusiveMinimum=100),
    "a wider bound": field("amount_pence", exclusiveMinimum=-1),
    "no bound": lambda schema: schema["properties"]["amount_pence"].pop("exclusiveMaximum"),
    "a longer text": field("method", maxLength=4),
    "a pattern": field("method", pattern="^[A-Z]+$"),
    "another format": field("on", format="date-time"),
    "no format": lambda schema: schema["properties"]["on"].pop("format"),
    "never null": field("bank_file", anyOf=[{"type": "string", "format": "uuid"}]),
    "null too": field("on", type=["string", "null"]),
    "another default": field("bank_file", default="00000000-0000-0000-0000-000000000000"),
    "a shorter list": field("lines", maxItems=1000),
    "an empty list": field("lines", minItems=0),
    "another item": field("lines", items={"type": "string"}),
    "a required field inside an item has another name": lambda schema: schema["$defs"]["Line"].update(
        properties={"matter": {"type": "string", "format": "uuid"}, "note": {"type": "string", "default": ""}}, required=["matter"]
    ),
    "a further required field inside an item": lambda schema: schema["$defs"]["Line"]["required"].append("note"),
    "another value for a text": field("method", const="RDD"),
    "unknown fields are refused": lambda schema: schema.update(additionalProperties=False),
    "another topic": lambda schema: schema.update({"x-topic": "ledger.receipts"}),
    "another key": lambda schema: schema.update({"x-key": "journal"}),
    "another type": lambda schema: schema.update({"x-type": "ledger.receipt-posted.v2"}),
    "another id": lambda schema: schema.update({"$id": "urn:rentbook:ledger.receipt-posted.v2"}),
    "a rule between fields": lambda schema: schema.update(dependentRequired={"bank_file": ["on"]}),
    "a limit on the number of fields": lambda schema: schema.update(maxProperties=9),
}

SAFE: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda schema: None,
    "other words for people": lambda schema: schema.update(description="A receipt.", title="Receipt"),
    "words on a field": field("method", description="Transaction code"),
    "another order of required fields": lambda schema: schema["required"].reverse(),
    "another order of an enum": lambda schema: schema["$defs"]["Source"]["enum"].reverse(),
    "the same bound said otherwise": lambda schema: schema["properties"].update(
        amount_pence={"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    ),
    "an enum in its place": lambda schema: schema["properties"].update(source={"enum": ["TENANT", "HOUSING_BENEFIT"], "type": "string"}),
}

SAFE_ONE_WAY: dict[str, Callable[[dict[str, Any]], object]] = {
    "a further optional field": lambda schema: schema["properties"].update(seen_by={"type": "string", "default": ""}),
    "a further optional field inside an item": lambda schema: schema["$defs"]["Line"]["properties"].update(
        round={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    ),
}


@pytest.mark.parametrize("edit", BREAKING.values(), ids=BREAKING.keys())
def test_a_change_that_is_not_known_to_be_safe_is_a_fault_in_both_directions(edit: Callable[[dict[str, Any]], object]) -> None:
    assert faults(FACT, edited(edit))
    assert faults(edited(edit), FACT)


@pytest.mark.parametrize("edit", SAFE.values(), ids=SAFE.keys())
def test_saying_the_same_otherwise_is_no_fault_in_either_direction(edit: Callable[[dict[str, Any]], object]) -> None:
    assert faults(FACT, edited(edit)) == []
    assert faults(edited(edit), FACT) == []


@pytest.mark.parametrize("edit", SAFE_ONE_WAY.values(), ids=SAFE_ONE_WAY.keys())
def test_a_further_optional_field_may_come_but_not_go(edit: Callable[[dict[str, Any]], object]) -> None:
    assert faults(FACT, edited(edit)) == []
    assert faults(edited(edit), FACT)


def test_a_further_fact_is_safe_and_a_missing_one_is_not() -> None:
    assert faults_of_all({"a.v1": FACT}, {"a.v1": FACT, "b.v1": FACT}) == []
    assert faults_of_all({"a.v1": FACT}, {"a.v2": FACT}) == ["a.v1 is gone"]


TOPIC = {"publisher": "ledger", "hearers": ["refunds"], "partitions": 6, "retention_seconds": 100}


@pytest.mark.parametrize(
    "change",
    [{"publisher": "refunds"}, {"partitions": 12}, {"hearers": []}, {"retention_seconds": 99}],
    ids=lambda change: next(iter(change)),
)
def test_a_topic_keeps_its_publisher_its_cut_its_hearers_and_its_time(change: dict[str, Any]) -> None:
    assert faults_of_topics({"ledger.accounts": TOPIC}, {"ledger.accounts": {**TOPIC, **change}})


def test_a_topic_may_gain_hearers_and_be_kept_longer_and_others_may_come() -> None:
    wider = {**TOPIC, "hearers": ["refunds", "notices"], "retention_seconds": 200}
    assert faults_of_topics({"ledger.accounts": TOPIC}, {"ledger.accounts": wider, "ledger.more": TOPIC}) == []
    assert faults_of_topics({"ledger.accounts": TOPIC}, {}) == ["ledger.accounts is gone"]
