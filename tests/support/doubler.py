"""Delivers every message of a running stack a second time: each record on each topic is written again as it is."""

import contextlib
import threading
import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from rentbook_contracts.topics import TOPICS
from rentbook_local.kafka import ADMIN

from support.stack import Stack

_AGAIN = "x-delivered-again"


@contextlib.contextmanager
def everything_twice(stack: Stack) -> Iterator[None]:
    """While the block runs, restarts of Kafka included. Errors: AssertionError where at its end a record was not delivered again."""
    ended = threading.Event()
    thread = threading.Thread(target=_double, args=(access(stack), ended), daemon=True)
    thread.start()
    try:
        yield
        _each_came_again(access(stack))
    finally:
        ended.set()
        thread.join(timeout=30)


def access(stack: Stack) -> dict[str, str]:
    """How the stack's administrator reaches Kafka."""
    password = (stack.layout.folder / "secrets" / "runner" / "kafka_admin_password").read_text().strip()
    return {
        "bootstrap.servers": f"127.0.0.1:{stack.layout.port('kafka')}",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": ADMIN,
        "sasl.password": password,
    }


def _double(access: dict[str, str], ended: threading.Event) -> None:
    consumer = Consumer({**access, "group.id": "test-doubler", "auto.offset.reset": "earliest", "log_level": "0"})
    producer = Producer({**access, "acks": "all", "enable.idempotence": True, "log_level": "0"})
    consumer.subscribe([topic.name for topic in TOPICS])
    while not ended.is_set():
        record = consumer.poll(0.2)
        if record is None or record.error() or _is_again(record):
            continue
        topic, partition = record.topic(), record.partition()
        assert topic is not None
        assert partition is not None
        headers = [*_headers(record), (_AGAIN, b"1")]
        producer.produce(topic, key=record.key(), value=record.value(), headers=headers, partition=partition)
        producer.poll(0)
    producer.flush(10)
    consumer.close()


def _each_came_again(access: dict[str, str]) -> None:
    """What was told just now is waited for."""
    end = time.monotonic() + 60
    while left := _came_once(access):
        assert time.monotonic() < end, f"{len(left)} records were delivered once: {sorted(left)[:5]}"


def _came_once(access: dict[str, str]) -> set[tuple[str, int, int]]:
    """Topic, partition and offset of each record that no copy follows."""
    once: dict[tuple[str, bytes, bytes], tuple[str, int, int]] = {}
    for record in every_record(access):
        what = (record.topic() or "", _bytes(record.key()), _bytes(record.value()))
        if _is_again(record):
            once.pop(what, None)
        else:
            once[what] = (what[0], record.partition() or 0, record.offset() or 0)
    return set(once.values())


def every_record(access: dict[str, str]) -> Iterator[Message]:
    """Every record on every topic, up to the end of each partition."""
    consumer = Consumer({**access, "group.id": "test-reader", "auto.offset.reset": "earliest", "enable.partition.eof": True})
    left = {(topic.name, partition) for topic in TOPICS for partition in range(topic.partitions)}
    consumer.assign([TopicPartition(*each, OFFSET_BEGINNING) for each in sorted(left)])
    try:
        while left:
            record = consumer.poll(10)
            assert record is not None, "the broker does not answer"
            if record.error():
                left.discard((record.topic() or "", record.partition() or 0))
            else:
                yield record
    finally:
        consumer.close()


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _is_again(record: Message) -> bool:
    return any(name == _AGAIN for name, _ in _headers(record))


def _headers(record: Message) -> list[tuple[str, str | bytes | None]]:
    return [(each[0], each[1]) for each in record.headers() or []]
