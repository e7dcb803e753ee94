"""Calls are traced into a real collector: what was decided and what it cost, and never what was said or by whom."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from gateway.chosen import traces_of
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.traces import exporting
from gateway.traces.calls import Link, TracedCall, link_in
from gateway.traces.exporting import Exporter
from tests.fakes.collector import Collector, collecting, told
from tests.fakes.gateway import free_port
from tests.fakes.house import CHAT, CREDENTIAL, MESSAGES, House, open_house
from tests.fakes.upstream import saying

CALLER_S_OWN = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[House]:
    """A gateway that traces, in front of a server that is given the trace."""
    folder = tmp_path_factory.mktemp("traced")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exporting, "EVERY_S", 0.05)
        with open_house(folder, {"traceparent": True}, traces_endpoint=collector.url) as opened:
            yield opened


def test_a_call_is_one_trace_with_what_was_decided_and_what_the_model_was_asked(
    house: House, collector: Collector
) -> None:
    before = time.time_ns()
    answer = house.chat(house.models["api"])
    served, asked = collector.of(answer.headers["x-request-id"], 2)

    assert (served.name, asked.name) == ("POST /v1/chat/completions", f"chat {told(asked)['gen_ai.request.model']}")
    assert (served.kind, asked.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert served.trace_id == asked.trace_id and asked.parent_span_id == served.span_id and not served.parent_span_id
    assert before < served.start_time_unix_nano <= asked.start_time_unix_nano
    assert asked.start_time_unix_nano < asked.end_time_unix_nano <= served.end_time_unix_nano <= time.time_ns()
    entry = house.entries(event="access:admitted", limit=1)[0]["body"]
    decided, cost = told(served), told(asked)
    assert {name: decided[f"release_gateway.{name}"] for name in ("decision", "outcome", "release", "stage")} == {
        "decision": "admitted",
        "outcome": "complete",
        "release": house.models["api"],
        "stage": entry["stage"],
    }
    assert decided["release_gateway.policy"] == entry["policy"]
    assert decided["http.response.status_code"] == 200 and decided["http.route"] == CHAT
    assert decided["gen_ai.request.model"] == house.models["api"]
    assert cost["gen_ai.operation.name"] == "chat" and cost["gen_ai.provider.name"] == "openai"
    assert cost["gen_ai.request.model"] == cost["gen_ai.response.model"] == entry["served"]
    assert (cost["gen_ai.usage.input_tokens"], cost["gen_ai.usage.output_tokens"]) == (7, 3)
    assert served.status.code == asked.status.code == Status.STATUS_CODE_UNSET
    resource = collector.resources[-1]
    assert resource["service.name"] == "release-gateway"
    assert resource["service.instance.id"] == house.installation.ledger.process


def test_a_stream_tells_when_it_began(house: House, collector: Collector) -> None:
    answer = house.chat(house.models["api"], stream=True)
    _, asked = collector.of(answer.headers["x-request-id"], 2)

    cost = told(asked)
    assert cost["gen_ai.request.stream"] is True
    assert 0 < cost["gen_ai.response.time_to_first_chunk"] < 10
    assert cost["gen_ai.usage.output_tokens"] == house.upstream.chunks


def test_a_callers_own_trace_is_linked_and_decides_nothing(house: House, collector: Collector) -> None:
    sent = {"traceparent": CALLER_S_OWN, "tracestate": "vendor=1"}
    answer = house.chat(house.models["api"], headers=sent)
    served, asked = collector.of(answer.headers["x-request-id"], 2)
    seen = house.upstream.requests[-1].headers

    assert served.trace_id.hex() != "a" * 32 and not served.parent_span_id
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in served.links] == [("a" * 32, "b" * 16)]
    assert seen["traceparent"] == f"00-{served.trace_id.hex()}-{asked.span_id.hex()}-01"
    assert "tracestate" not in seen


@pytest.mark.parametrize(
    ("value", "link"),
    [
        (CALLER_S_OWN.encode(), Link(int("a" * 32, 16), int("b" * 16, 16))),
        (b"01" + CALLER_S_OWN[2:].encode(), None),
        (CALLER_S_OWN.upper().encode(), None),
        (CALLER_S_OWN.replace("a", "0").encode(), None),
        (CALLER_S_OWN.replace("b", "0").encode(), None),
        (CALLER_S_OWN.encode() + b"-x", None),
        (b"", None),
        (b"\xff" * 55, None),
    ],
)
def test_what_is_no_traceparent_is_none(value: bytes, link: Link | None) -> None:
    assert link_in([(b"traceparent", value)]) == link
    assert link_in([(b"traceparent", value), (b"traceparent", value)]) is None


def test_a_refusal_says_why_and_is_no_error(house: House, collector: Collector) -> None:
    refused = house.chat(house.models["limited"])
    (limited,) = collector.of(refused.headers["x-request-id"], 1)
    turned_away = house.ask("POST", CHAT, json={}, headers={"authorization": "Bearer nobody"})
    (nobody,) = collector.of(turned_away.headers["x-request-id"], 1)

    decided = told(limited)
    assert refused.status_code == 403 and decided["http.response.status_code"] == 403
    assert decided["release_gateway.decision"] == "refused"
    assert decided["release_gateway.reasons"] == ["grant_required"]
    assert decided["release_gateway.release"] == house.models["limited"]
    assert limited.status.code == nobody.status.code == Status.STATUS_CODE_UNSET
    assert told(nobody)["http.response.status_code"] == 401 and "release_gateway.decision" not in told(nobody)


def test_a_call_that_is_refused_as_it_is_recorded_is_told_as_refused(house: House, collector: Collector) -> None:
    house.apply(
        "release: demo/once\nserves: {inference: {upstream: demonstration, model: once}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
        " conditions: {requests_per_minute: 1}}]\n".replace("demonstration", _upstream_of(house))
    )
    answers = [house.chat("demo/once") for _ in range(2)]
    (refused,) = collector.of(answers[1].headers["x-request-id"], 1)

    assert [answer.status_code for answer in answers] == [200, 429]
    assert told(refused)["release_gateway.decision"] == "refused"
    assert told(refused)["release_gateway.reasons"] == ["rate_limit_exceeded"]


def _upstream_of(house: House) -> str:
    snapshot, _ = house.installation.current.now()
    inference = snapshot.releases[house.models["api"]].strategy.inference
    assert inference is not None
    return inference.upstream


def test_a_failing_server_of_models_is_an_error_of_both_spans(house: House, collector: Collector) -> None:
    house.upstream.answer = saying(b"HTTP/1.1 200 OK\r\ncontent-length: nonsense\r\n\r\n", then_close=True)
    try:
        answer = house.chat(house.models["api"])
    finally:
        house.upstream.answer = None
    served, asked = collector.of(answer.headers["x-request-id"], 2)

    assert answer.status_code == 502
    for span in (served, asked):
        assert span.status.code == Status.STATUS_CODE_ERROR and told(span)["error.type"] == "upstream_failed"


def test_a_download_is_traced_too(house: House, collector: Collector) -> None:
    listed = house.models["open_weights"]
    answer = house.ask("GET", f"/hub/{listed}/resolve/main/config.json", "developer")
    (served,) = collector.of(answer.headers["x-request-id"], 1)

    assert answer.status_code == 200, answer.text
    assert told(served)["release_gateway.component"] == "weights.final"
    assert told(served)["http.route"] == "/hub/{namespace}/{name}/resolve/{revision}/{path}"


def test_no_content_leaks_into_traces(house: House, collector: Collector) -> None:
    """Whatever a caller sends, wherever, and whatever the model says: none of it, no key and nobody's name goes out."""
    canary = "canary7f3a"
    said = [{"role": "user", "content": f"prompt {canary}"}]
    houses = [house.models["api"], house.models["limited"], f"acme/{canary}", canary]
    before = len(collector.spans)
    for model in houses:
        for stream in (False, True):
            headers = {"x-note": canary, "user-agent": canary, "tracestate": f"a={canary}", "cookie": canary}
            fields = {"user": canary, "stop": [canary], "stream": stream, "messages": said}
            house.ask("POST", CHAT, "developer", json={"model": model, **fields}, headers=headers)
    for path in (
        f"/v1/{canary}",
        f"/v1/models/{canary}",
        f"/v1/chat/completions?{canary}",
        f"/hub/a/{canary}/resolve/m/f",
    ):
        house.ask("GET", path, "developer", headers={"traceparent": canary})
        house.ask("POST", path, headers={"x-api-key": canary}, content=canary)
    house.ask(canary.upper(), "/v1/models", "developer")
    house.upstream.answer = saying(
        f"HTTP/1.1 418 {canary}\r\nx-request-id: {canary}\r\ncontent-length: 10\r\n\r\n{canary}".encode(),
        then_close=True,
    )
    try:
        house.chat(house.models["api"])
    finally:
        house.upstream.answer = None
    last = house.chat(house.models["api"])
    collector.of(last.headers["x-request-id"], 2)
    assert len(collector.spans) > before + 20

    sent = b"\n".join(collector.received)
    model_said = (b"Hello from the fake", b"little more of it", MESSAGES[0]["content"].encode())
    assert not any(words in sent for words in model_said)
    assert canary.encode() not in sent.replace(b"_OTHER", b"").lower()
    assert CREDENTIAL.encode() not in sent
    for token in house.tokens.values():
        assert token.encode() not in sent
    keys = {entry["body"].get("key") for entry in house.entries()} - {None, ""}
    organisations = {entry["body"].get("organisation") for entry in house.entries()} - {None, ""}
    assert keys and organisations
    names = [name for span in collector.spans for pair in told(span).items() for name in map(str, pair)]
    assert not {each for each in keys | organisations if each in names}


# What goes wrong with the collector costs no call anything.


def call_that_is_over() -> TracedCall:
    call = TracedCall("POST", CHAT, None)
    call.answered(200, [(b"x-request-id", b"x")])
    call.ended_ns = time.time_ns()
    return call


def counted(metrics: Metrics) -> dict[str, int]:
    lines = metrics.exposition()[0].decode().splitlines()
    found = [line for line in lines if line.startswith("gateway_traced_calls_total{")]
    return {line.partition('"')[2].partition('"')[0]: int(float(line.rpartition(" ")[2])) for line in found}


def test_what_there_is_no_room_for_is_dropped_and_counted() -> None:
    metrics = Metrics()
    exporter = Exporter(f"http://127.0.0.1:{free_port()}/v1/traces", "p", metrics.calls_traced, calls_max=10)

    for _ in range(25):
        exporter.put(call_that_is_over())

    assert counted(metrics) == {"dropped": 15}


def test_a_collector_that_is_down_comes_back_and_gets_what_comes_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EVERY_S", 0.05)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
    metrics = Metrics()
    with collecting() as collector:
        collector.status = 400
        exporter = Exporter(collector.url, "p", metrics.calls_traced)
        exporter.start()
        exporter.put(call_that_is_over())
        until = time.monotonic() + 5
        while counted(metrics) != {"failed": 1}:
            assert time.monotonic() < until
            time.sleep(0.02)
        collector.status = 200
        exporter.put(call_that_is_over())
        collector.wait_for(1)
        exporter.stop()

    assert counted(metrics) == {"failed": 1, "sent": 1}


def test_a_collector_that_hangs_holds_up_no_call_and_no_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "STOP_S", 0.5)
    with collecting() as collector:
        collector.hangs.set()
        with open_house(tmp_path, traces_endpoint=collector.url) as house:
            for _ in range(5):
                assert house.chat(house.models["api"]).status_code == 200
            while not collector.received:
                time.sleep(0.02)
            assert house.chat(house.models["api"]).status_code == 200
            assert house.answers()
            began = time.monotonic()
        assert time.monotonic() - began < 8


# Where nobody wants traces.


def test_nothing_is_opened_where_traces_are_off(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from gateway.app import create_app, with_doors_first\n"
        "from gateway.installation import Installation\n"
        "from gateway.ledger.writer import Writer\n"
        "from gateway.settings import Settings\n"
        "installation = Installation(Settings.from_environment(), {})\n"
        "with_doors_first(create_app(installation), installation)\n"
        "assert type(installation.writer) is Writer and installation.traces is None\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'google.protobuf')\n"  # the framework takes the rest
        "assert not [name for name in sys.modules if name.startswith(heavy)]\n"
    )
    environment = {"GATEWAY_DATA": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "OTEL_TRACES_EXPORTER": "none"}

    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr


def test_without_the_library_calls_go_on_untraced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gateway.traces.exporting", None)

    assert traces_of(Settings(data=tmp_path, traces_endpoint="http://c/v1/traces"), "p", Metrics()) is None


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/x/"}, "http://c:4318/x/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "http://t/a"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "GATEWAY_TRACES_ENDPOINT": "http://g/t"}, "http://g/t"),
    ],
)
def test_where_traces_go_follows_the_standard_variables(variables: dict[str, str], endpoint: str) -> None:
    assert Settings.from_mapping(variables).traces_endpoint == endpoint


def test_nobody_listens_and_calls_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "STOP_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        with open_house(tmp_path, traces_endpoint=endpoint) as house:
            answers = [house.chat(house.models["api"]) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert json.loads(answers[0].text)["choices"]
