"""What a process shows of itself: logs by allow-list, traces that follow the work, and metrics.

No personal data can reach a log by accident: a line carries a constant sentence and those keys alone that `LOGGED` names; the words of an
exception are dropped unless they can only speak of machines, and so is what a library weaves into its own sentence.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TextIO

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from chassis.settings import ProcessSettings

LOGGED = frozenset({
    "service", "topic", "partition", "offset", "key", "event_id", "event_type", "version", "expected", "outbox", "bucket", "epoch", "rows",
    "workflow_id", "update_id", "activity", "attempt", "outcome", "operation", "query", "command", "peer", "status", "rule", "reason",
    "seconds", "limit_seconds", "address", "instance", "path", "method", "use_case", "fault", "held_back",
})  # fmt: skip
"""The only keys of `extra=` that are written. All are ids, names of ours, or numbers."""

SPOKEN_BY_MACHINES = ("aiokafka", "uvicorn.error", "chassis", "temporalio.worker")
"""Loggers whose arguments are addresses and ids of machines, so that they may be written into the sentence."""

WOVEN_IN = re.compile(r"""[:=<({\["`\n]|\B'""")
"""Where a library's sentence may begin to tell what it met, such as the error of a task that nobody awaited: the rest is dropped."""

REPEAT_SECONDS = 10.0
"""One logger says one sentence at most once in so many seconds: a dead broker must not fill the disk."""

_carrier = TraceContextTextMapPropagator()


class OncePerWhile(logging.Filter):
    """Lets the first of equal sentences pass and counts the rest. It sits on the handler, so that it sees every logger.

    What is said of another event is another sentence: an operator has to know of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        sentence = (record.name, str(record.msg)[:200], str(getattr(record, "event_id", "")))
        with self._lock:
            since, held = self._seen.get(sentence, (-REPEAT_SECONDS, 0))
            at = time.monotonic()
            if at - since < REPEAT_SECONDS:
                self._seen[sentence] = (since, held + 1)
                return False
            if len(self._seen) > 1000:
                self._seen.clear()
            self._seen[sentence] = (at, 0)
        if held:
            record.held_back = held
        return True


class AllowedKeys(logging.Formatter):
    """Writes a record as one JSON object, or as one line of text."""

    def __init__(self, service: str, form: str) -> None:
        super().__init__()
        self._service = service
        self._text = form == "text"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": _sentence(record),
        }
        line.update({name: value for name, value in record.__dict__.items() if name in LOGGED and value is not None})
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = named(record.exc_info[1])
            line["where"] = _frames(record.exc_info[1])
        if self._text:
            return " ".join(str(value) for name, value in line.items() if name not in {"service"})
        return json.dumps(line, default=str)


def _sentence(record: logging.LogRecord) -> str:
    """A machine's first line whole, because asyncio's manner is to tell in those below it what a task died of."""
    if record.name.startswith(SPOKEN_BY_MACHINES):
        return record.getMessage().strip().partition("\n")[0]
    return WOVEN_IN.split(str(record.msg).strip(), maxsplit=1)[0].rstrip()[:500]


def _frames(error: BaseException) -> list[str]:
    first = _leaves(error)[0]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(first.__traceback__)[-12:]]


def _leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group of tasks: the group itself says nothing."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def named(error: BaseException) -> str:
    """The error's type, with its words only where these speak of machines: a database's words quote the row."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(named(leaf) for leaf in _leaves(error))[:300]
    name = type(error).__name__
    machine = isinstance(error, OSError) or type(error).__module__.startswith(("aiokafka", "httpx", "chassis"))
    return f"{name}: {error}"[:300] if machine else name


def start_logging(service: str, form: str, stream: TextIO | None = None) -> None:
    """Send every logger of the process to one handler that writes to standard error (or `stream`)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(AllowedKeys(service, form))
    handler.addFilter(OncePerWhile())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn.access", "httpx", "httpcore", "aiokafka.consumer.group_coordinator", "aiokafka.consumer.subscription_state"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class FileExporter(SpanExporter):
    """Appends each finished span to a file as a JSON line: name, service, trace_id, span_id, parent_id, start, end, attributes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(_as_row(span)) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


def _as_row(span: ReadableSpan) -> dict[str, object]:
    own = span.get_span_context()
    assert own is not None
    return {
        "name": span.name,
        "service": span.resource.attributes.get("service.name"),
        "trace_id": f"{own.trace_id:032x}",
        "span_id": f"{own.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "start": span.start_time,
        "end": span.end_time,
        "attributes": dict(span.attributes or {}),
    }


@dataclass(frozen=True)
class Telemetry:
    """One service's tracer and metrics. Metric names begin with `rentbook_`; seconds and counts, never money."""

    service: str
    provider: TracerProvider
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        for name, metric in _metrics(self.registry).items():
            object.__setattr__(self, name, metric)

    published: Counter = field(init=False)
    oldest_unpublished: Gauge = field(init=False)
    leading: Gauge = field(init=False)
    heard: Counter = field(init=False)
    failing: Gauge = field(init=False)
    parked: Counter = field(init=False)
    waiting_parked: Gauge = field(init=False)
    lag: Gauge = field(init=False)
    oldest_unheard: Gauge = field(init=False)
    stories_gone: Gauge = field(init=False)
    steps: Histogram = field(init=False)

    @property
    def tracer(self) -> trace.Tracer:
        return self.provider.get_tracer("rentbook")

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        carried: Mapping[str, str] | None = None,
        **attributes: str | int,
    ) -> Iterator[trace.Span]:
        """A span under the current one, or under the one that `carried` headers tell of. An error is recorded by its name alone."""
        parent = carried_context(carried) if carried is not None else None
        with self.tracer.start_as_current_span(
            name, context=parent, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
                raise


def _metrics(registry: CollectorRegistry) -> dict[str, Counter | Gauge | Histogram]:
    return {
        "published": Counter("rentbook_outbox_sent", "Rows that left an outbox", ["outbox"], registry=registry),
        "oldest_unpublished": Gauge(
            "rentbook_outbox_oldest_unsent_seconds", "Age of the oldest row that has not left", ["outbox"], registry=registry
        ),
        "leading": Gauge("rentbook_outbox_buckets_led", "Buckets that this process relays", ["outbox"], registry=registry),
        "heard": Counter("rentbook_events_heard", "Events by what became of them", ["topic", "outcome"], registry=registry),
        "failing": Gauge(
            "rentbook_events_failing", "1 while the next event of a topic can't be taken: a key is stopped", ["topic"], registry=registry
        ),
        "parked": Counter("rentbook_parked", "Events that were parked", ["topic"], registry=registry),
        "waiting_parked": Gauge("rentbook_events_parked", "Parked events that wait for an operator", ["topic"], registry=registry),
        "lag": Gauge("rentbook_consumer_lag", "Records of a topic that this process has not finished", ["topic"], registry=registry),
        "oldest_unheard": Gauge(
            "rentbook_consumer_oldest_seconds", "Age of the oldest record that this process has not finished", ["topic"], registry=registry
        ),
        "stories_gone": Gauge(
            "rentbook_stories_gone", "Stories that rows need and Temporal does not tell: their cases stand still", registry=registry
        ),
        "steps": Histogram("rentbook_step_seconds", "Duration of a use case", ["kind", "name", "outcome"], registry=registry),
    }


def start_telemetry(service: str, settings: ProcessSettings) -> Telemetry:
    """A tracer that exports to what the settings name, and nowhere else."""
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.instance.id": settings.instance}))
    if settings.trace_file is not None:
        provider.add_span_processor(SimpleSpanProcessor(FileExporter(settings.trace_file)))
    if settings.otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")))
    return Telemetry(service, provider)


def carried_context(headers: Mapping[str, str]) -> Context:
    """The trace that W3C `traceparent` among the headers tells of; an empty one where it doesn't."""
    return _carrier.extract(dict(headers), context=Context())


def carry() -> dict[str, str]:
    """W3C headers that carry the current trace onwards; empty outside a trace."""
    headers: dict[str, str] = {}
    _carrier.inject(headers)
    return headers
