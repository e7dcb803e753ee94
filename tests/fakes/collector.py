"""An OpenTelemetry collector: takes OTLP over HTTP as the specification has it, and keeps every span it was sent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fakes.loopback import answering

PROMPT_S = 10.0


@dataclass
class Collector:
    """What came, and how it answers."""

    url: str = ""
    received: list[bytes] = field(default_factory=list)
    """Every byte that was sent: heads and bodies."""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    hangs: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is answered."""

    def wait_for(self, count: int) -> list[Span]:
        """The spans, once there are so many."""
        until = time.monotonic() + PROMPT_S
        while len(self.spans) < count:
            assert time.monotonic() < until, f"{len(self.spans)} spans came, {count} were waited for"
            time.sleep(0.02)
        return list(self.spans)

    def of(self, request_id: str, count: int) -> list[Span]:
        """The spans of one call, the outer one first, once there are so many."""

        def found() -> list[Span]:
            served = [each for each in self.spans if told(each).get("release_gateway.request_id") == request_id]
            traces = {each.trace_id for each in served}
            return served + [each for each in self.spans if each.trace_id in traces and each not in served]

        until = time.monotonic() + PROMPT_S
        while len(found()) < count:
            assert time.monotonic() < until, f"of {request_id} came {len(found())} spans"
            time.sleep(0.02)
        return found()


def told(span: Span) -> dict[str, Any]:
    """A span's attributes as plain values."""
    return attributes(span.attributes)


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes as plain values."""

    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        return [plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)

    return {pair.key: plain(pair.value) for pair in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on loopback, for the length of the block."""
    collector = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.received.append(f"{self.requestline}\n{self.headers}".encode() + body)
            while collector.hangs.is_set():
                time.sleep(0.02)
            if collector.status == 200:
                assert self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    collector.resources.append(attributes(resource.resource.attributes))
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with answering(Taking) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        try:
            yield collector
        finally:
            collector.hangs.clear()
