"""Judges a change to a published message: what is not known to be safe is a fault.

Old readers meet new messages and new readers meet old ones, so within a major version every field keeps its meaning in both directions.
The one change that is known to be safe is a further field that nobody need send.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonsubschema import isEquivalent

Schema = Mapping[str, Any]

WORDS_FOR_PEOPLE = frozenset({"title", "description", "examples", "$comment"})
JUDGED_BY_PART = frozenset({"properties", "required", "$defs"})
KNOWN_TO_JSONSUBSCHEMA = frozenset({"type", "enum", "anyOf", "minimum", "maximum", "minLength", "maxLength", "pattern"})


def faults(old: Schema, new: Schema) -> list[str]:
    """Why readers and senders of the two may misunderstand each other; empty where they can't."""
    return [*_faults(bare(old), bare(new), "")]


def faults_of_all(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """The same for messages by name: a further one is safe, a missing one is not."""
    found = [f"{name} is gone" for name in old if name not in new]
    return found + [f"{name}: {fault}" for name in old if name in new for fault in faults(old[name], new[name])]


def faults_of_topics(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A topic keeps its name, publisher, hearers and cut: with other partitions a key's records would lose their order."""
    found = []
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            found.append(f"{name} is gone")
            continue
        found += [f"{name}: other {what}" for what in ("publisher", "partitions") if was[what] != now[what]]
        found += [f"{name}: {hearer} hears it no more" for hearer in was["hearers"] if hearer not in now["hearers"]]
        if now["retention_seconds"] < was["retention_seconds"]:
            found.append(f"{name}: kept for a shorter time")
    return found


def bare(schema: Schema) -> dict[str, Any]:
    """The schema without references and without words for people."""
    told: dict[str, Any] = _bare(schema, schema)
    return told


def _bare(schema: Any, whole: Schema) -> Any:
    if isinstance(schema, list):
        return [_bare(each, whole) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        beside = {name: under for name, under in schema.items() if name != "$ref"}
        return _bare({**whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], **beside}, whole)
    return {
        name: {field: _bare(each, whole) for field, each in under.items()} if name == "properties" else _bare(under, whole)
        for name, under in schema.items()
        if name not in WORDS_FOR_PEOPLE and name != "$defs"
    }


def _faults(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "properties" in old and "properties" in new:
        yield from _faults_of_object(old, new, where)
    elif "items" in old and "items" in new:
        if _without(old, {"items"}) != _without(new, {"items"}):
            yield f"{where or 'the whole'} means something else"
        yield from _faults(old["items"], new["items"], f"{where}[]")
    elif old != new and not _means_the_same(old, new):
        yield f"{where or 'the whole'} means something else"


def _faults_of_object(old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, after = old["properties"], new["properties"]
    was, now = set(old.get("required", ())), set(new.get("required", ()))
    for field in before.keys() | after.keys():
        place = f"{where}.{field}".lstrip(".")
        if field not in after:
            yield f"{place} is gone"
        elif field not in before:
            if field in now:
                yield f"{place} is required, and no earlier sender sends it"
        else:
            yield from _faults(before[field], after[field], place)
            if (field in was) != (field in now):
                yield f"{place} is {'required' if field in now else 'optional'} now"
    for name in old.keys() | new.keys():
        if name not in JUDGED_BY_PART and old.get(name) != new.get(name):
            yield f"{f'{where}: ' if where else ''}other {name}"


def _means_the_same(old: Schema, new: Schema) -> bool:
    """Whether two values that are said differently are the same, as far as that can be known."""
    try:
        ours = _inclusive(old), _inclusive(new)
        return all(_is_known(each) for each in ours) and bool(isEquivalent(*ours))
    except Exception:  # noqa: BLE001 - whatever the library can't judge is not known to be safe
        return False


def _inclusive(schema: Any) -> Any:
    """Bounds of whole numbers as the library reads them."""
    if isinstance(schema, list):
        return [_inclusive(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    said = {name: _inclusive(under) for name, under in schema.items()}
    if said.get("type") == "integer":
        for exclusive, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            if exclusive in said:
                said[inclusive] = said.pop(exclusive) + step
    return said


def _is_known(schema: Schema) -> bool:
    return schema.keys() <= KNOWN_TO_JSONSUBSCHEMA and all(_is_known(each) for each in schema.get("anyOf", ()))


def _without(schema: Schema, names: set[str]) -> dict[str, Any]:
    return {name: under for name, under in schema.items() if name not in names}
