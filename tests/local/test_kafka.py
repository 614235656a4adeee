"""What is known of Kafka without a broker: who may do what, and which files are let in."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType
from rentbook_contracts.topics import TOPICS, Topic
from rentbook_local import kafka
from rentbook_local.problem import Problem


def test_rights_follow_from_the_contracts_and_from_nothing_else() -> None:
    topic = Topic("refunds.cases", "refunds", ("notices",), 1, timedelta(days=1))
    rules = {(rule.principal, rule.restype, rule.name, rule.operation) for rule in kafka.access_rules([topic], prefix="p.")}
    assert rules == {
        ("User:refunds", ResourceType.TOPIC, "p.refunds.cases", AclOperation.WRITE),
        ("User:notices", ResourceType.TOPIC, "p.refunds.cases", AclOperation.READ),
        ("User:notices", ResourceType.GROUP, "p.notices", AclOperation.READ),
    }


def test_only_approvals_may_write_decisions() -> None:
    rules = kafka.access_rules(TOPICS)
    writers = {rule.principal for rule in rules if rule.name == "approvals.cases" and rule.operation is AclOperation.WRITE}
    assert writers == {"User:approvals"}


@pytest.mark.parametrize("stranger", ["changed.jar", "missing.jar", "unknown.jar"])
def test_a_file_that_the_lock_does_not_name_is_refused(tmp_path: Path, stranger: str) -> None:
    fetched, locked = {}, {}
    for name in ("good.jar", "changed.jar", "missing.jar", "unknown.jar"):
        (tmp_path / name).write_bytes(b"jar")
        fetched[name] = tmp_path / name
        locked[name] = hashlib.sha256(b"jar").hexdigest()
    assert kafka.first_stranger(fetched, locked) is None
    match stranger:
        case "changed.jar":
            (tmp_path / stranger).write_bytes(b"another jar")
        case "missing.jar":
            del fetched[stranger]
        case _:
            del locked[stranger]
    assert kafka.first_stranger(fetched, locked) == stranger


def test_an_unreachable_registry_is_named_as_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTBOOK_CACHE", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    with pytest.raises(Problem, match=r"^Kafka's files could not be fetched from the Maven registry \(\w+\): check the connection"):
        kafka.jars()
