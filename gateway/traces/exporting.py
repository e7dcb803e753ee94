"""Traces on their way to the operator's collector: OTLP over HTTP, by OpenTelemetry's own exporter.

A thread of its own makes spans and sends them. Calls never wait for it: what it cannot take is dropped and counted.
Everything but where to send is set by the variables that OpenTelemetry defines (headers, certificates, time-outs,
compression, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`); the library reads them itself.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from gateway import __version__
from gateway.traces.calls import TracedCall
from gateway.traces.spans import Span, spans_of

log = structlog.get_logger()

NAME = "release-gateway"
CALLS_MAX = 8192
"""Calls that wait to be sent; beyond it the newest is dropped."""
BATCH = 512
EVERY_S = 1.0
STOP_S = 3.0
"""How long a gateway that stops waits for the last of them."""

Told = Callable[[str, int], None]


class Exporter:
    """Takes calls that are over, and sends their spans."""

    def __init__(self, endpoint: str, process: str, told: Told, *, calls_max: int = CALLS_MAX) -> None:
        """`told` hears of how many calls were `sent`, `failed` to be taken, or `dropped` for want of room."""
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # told here, once and not with every attempt
        self._exporter = OTLPSpanExporter(endpoint=endpoint)
        self._making = _Making(process)
        self._told = told
        self._calls_max = calls_max
        self._calls: deque[TracedCall] = deque()
        self._is_ending = threading.Event()
        self._is_due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._is_well = True

    def put(self, call: TracedCall) -> None:
        """Take a call that is over; never waits."""
        if len(self._calls) >= self._calls_max:
            self._told("dropped", 1)
            return
        self._calls.append(call)
        if len(self._calls) >= BATCH:
            self._is_due.set()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what there is, if it can be sent soon, and end."""
        self._is_ending.set()
        self._is_due.set()
        self._thread.join(STOP_S if self._is_well else 0)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _run(self) -> None:
        while not self._is_ending.is_set():
            self._is_due.wait(EVERY_S)
            self._is_due.clear()
            while self._calls:
                self._send()

    def _send(self) -> None:
        calls = [self._calls.popleft() for _ in range(min(BATCH, len(self._calls)))]
        try:
            made = self._making.spans(calls)
            taken = not made or self._exporter.export(made) is SpanExportResult.SUCCESS
        except Exception as error:  # whatever the library raises: traces are no call's business
            log.warning("traces_not_made", error=type(error).__name__)
            taken = False
        self._told("sent" if taken else "failed", len(calls))
        if taken != self._is_well:
            self._is_well = taken
            log.info("traces_sent_again") if taken else log.warning("traces_not_sent", next_step=_NEXT_STEP)


_NEXT_STEP = "See that the collector runs and takes OTLP over HTTP where GATEWAY_TRACES_ENDPOINT says; calls go on."


class _Making(SpanProcessor, IdGenerator):
    """Spans of the library, made of ours with the ids that they have already."""

    def __init__(self, process: str) -> None:
        ours = Resource({"service.name": NAME, "service.version": __version__, "service.instance.id": process})
        provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), id_generator=self)
        provider.add_span_processor(self)
        self._tracer = provider.get_tracer(NAME, __version__)
        self._ended: list[ReadableSpan] = []
        self._trace_id = self._span_id = 0

    def spans(self, calls: list[TracedCall]) -> list[ReadableSpan]:
        """The spans of these calls, as far as they are sampled."""
        self._ended = []
        for call in calls:
            self._trace_id = call.trace_id
            context = None
            for span in spans_of(call):
                context = self._make(span, context)
        return self._ended

    def _make(self, span: Span, context: object) -> object:
        self._span_id = span.id
        made = self._tracer.start_span(
            span.name,
            context=context,  # type: ignore[arg-type]
            kind=SpanKind.SERVER if span.serves else SpanKind.CLIENT,
            attributes={**span.attributes, **({"error.type": span.error} if span.error else {})},
            links=[Link(_context(span.link.trace_id, span.link.span_id))] if span.link is not None else [],
            start_time=span.started_ns,
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR))
        made.end(span.ended_ns)
        return context if context is not None else set_span_in_context(made)

    def generate_trace_id(self) -> int:
        """That of the call."""
        return self._trace_id

    def generate_span_id(self) -> int:
        """That of the span under way."""
        return self._span_id

    def on_end(self, span: ReadableSpan) -> None:
        """Keep what is sampled, to be sent together."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._ended.append(span)


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT))
