"""The spans of one call: the call as the gateway answered it, and below it what was asked of the model.

Names are those of OpenTelemetry's semantic conventions for HTTP servers and for generative AI (spans of inference;
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and what only a gateway of releases knows begins with
`release_gateway.`. Nothing here says who called: the request id is by what those who may read the ledger find that. Of
content there is none in what the ledger is told, and nothing else is looked at; what an upstream calls the request is
left out, since those are its own words.
"""

from collections.abc import Mapping

import msgspec

from gateway.ledger.entries import AccessBody, FinishedBody
from gateway.traces.calls import Link, TracedCall

Value = str | int | float | bool | list[str]

OPERATIONS: Mapping[str, str] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
"""What the conventions call what an endpoint does."""

DIALECT = "openai"
"""`gen_ai.provider.name`: whose form of telemetry it is, which goes by the dialect that upstreams are spoken to in."""

_NANOSECONDS = 1_000_000_000


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span, of no library's making."""

    name: str
    id: int
    serves: bool
    """Whether it answers somebody else's request; otherwise it is a request of the gateway's own."""
    started_ns: int
    ended_ns: int
    attributes: dict[str, Value]
    error: str = ""
    """What went wrong, as a code; a refusal is none: the gateway has done what it is there for."""
    link: Link | None = None


def spans_of(call: TracedCall) -> list[Span]:
    """The spans of a call, the outer one first."""
    spans = [_served(call)]
    if call.admitted is not None and call.finished is not None:
        asked = _asked(call, call.admitted, call.finished)
        spans += [asked] if asked is not None else []
    return spans


def _served(call: TracedCall) -> Span:
    status = call.status or (call.finished.status if call.finished is not None else 0)
    told: dict[str, Value | None] = {
        "http.request.method": call.method,
        "http.route": call.route,
        "http.response.status_code": status or None,
        "release_gateway.request_id": call.request_id,
        **_decided(call),
    }
    error = _code_of(call.finished) if call.finished is not None and call.finished.outcome != "complete" else ""
    fails = status >= 500 or (call.finished is not None and call.finished.outcome in {"failed", "upstream_error"})
    return Span(
        name=f"{call.method} {call.route}".rstrip(),
        id=call.span_id,
        serves=True,
        started_ns=call.started_ns,
        ended_ns=call.ended_ns,
        attributes=_present(told),
        error=(error or str(status)) if fails else "",
        link=call.link,
    )


def _decided(call: TracedCall) -> Mapping[str, Value | None]:
    """What the gate decided, and how it went."""
    body = call.refused or call.admitted
    if body is None:
        return {}
    finished = call.finished
    reasons = list(finished.reasons) if finished is not None and not body.reasons else list(body.reasons)
    return {
        "release_gateway.decision": "refused" if call.refused is not None else "admitted",
        "release_gateway.reasons": reasons,
        "release_gateway.outcome": finished.outcome if finished is not None else "",
        "release_gateway.release": body.release,
        "release_gateway.stage": body.stage,
        "release_gateway.access": body.access,
        "release_gateway.component": body.component,
        "release_gateway.strategy": body.strategy,
        "release_gateway.policy": body.policy,
        "release_gateway.admitted_after": _seconds(call.started_ns, call.admitted_ns),
        "gen_ai.operation.name": OPERATIONS.get(body.endpoint),
        "gen_ai.request.model": body.release,
    }


def _asked(call: TracedCall, admitted: AccessBody, finished: FinishedBody) -> Span | None:
    """What was asked of the model; None for what is no model's to answer, or never reached one."""
    operation = OPERATIONS.get(admitted.endpoint)
    if operation is None or finished.usage_basis == "none":
        return None
    reported = finished.usage_basis == "reported"
    model = admitted.served or admitted.release
    told: dict[str, Value | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": DIALECT,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model if finished.outcome == "complete" else None,
        "gen_ai.request.stream": admitted.stream,
        "gen_ai.usage.input_tokens": finished.tokens_in if reported else None,
        "gen_ai.usage.output_tokens": finished.tokens_out if reported and operation != "embeddings" else None,
        "gen_ai.response.time_to_first_chunk": _first_chunk(call) if admitted.stream else None,
        "release_gateway.outcome": finished.outcome,
        "release_gateway.usage_basis": finished.usage_basis,
    }
    error = _code_of(finished) if finished.outcome not in {"complete", "client_gone", "cut"} else ""
    return Span(
        name=f"{operation} {model}",
        id=call.asked_id,
        serves=False,
        started_ns=max(call.started_ns, call.finished_ns - finished.duration_us * 1000),
        ended_ns=call.finished_ns,
        attributes=_present({**told, "error.type": error}),
        error=error,
    )


def _code_of(finished: FinishedBody) -> str:
    return finished.reasons[0] if finished.reasons else finished.outcome


def _first_chunk(call: TracedCall) -> float | None:
    return _seconds(call.admitted_ns, call.first_ns)


def _seconds(since_ns: int, until_ns: int) -> float | None:
    return (until_ns - since_ns) / _NANOSECONDS if since_ns and until_ns >= since_ns else None


def _present(told: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in told.items() if value is not None and value not in ("", [])}
