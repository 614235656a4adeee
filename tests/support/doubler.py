"""Delivers every message of a running stack a second time: each record on each topic is written again as it is."""

import contextlib
import threading
from collections.abc import Iterator

from confluent_kafka import Consumer, Message, Producer
from rentbook_contracts.topics import TOPICS
from rentbook_local.kafka import ADMIN

from support.stack import Stack

_AGAIN = "x-delivered-again"


@contextlib.contextmanager
def everything_twice(stack: Stack) -> Iterator[list[int]]:
    """While the block runs. The list holds one number: how many records were written again."""
    count, ended = [0], threading.Event()
    thread = threading.Thread(target=_double, args=(access(stack), count, ended), daemon=True)
    thread.start()
    try:
        yield count
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


def _double(access: dict[str, str], count: list[int], ended: threading.Event) -> None:
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
        count[0] += 1
    producer.flush(10)
    consumer.close()


def _is_again(record: Message) -> bool:
    return any(name == _AGAIN for name, _ in _headers(record))


def _headers(record: Message) -> list[tuple[str, str | bytes | None]]:
    return [(each[0], each[1]) for each in record.headers() or []]
