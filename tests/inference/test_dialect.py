"""Errors as OpenAI's clients read them."""

import json
from typing import Any

import pytest

from gateway.access.decisions import Obligations
from gateway.access.quotas import Exceeded, Left, Taken
from gateway.access.reasons import MEANINGS, Reason
from gateway.access.refusals import Refused
from gateway.errors import (
    Conflict,
    CutShort,
    GatewayError,
    Invalid,
    LedgerUnavailable,
    TooLarge,
    Unauthenticated,
    UpstreamFailed,
    UpstreamTimeout,
)
from gateway.inference.connector.faults import BrokenAnswer, Busy, Unreached
from gateway.inference.dialect import error_event, failure, limit_headers


def told(error: GatewayError) -> tuple[int, dict[str, str], dict[str, Any]]:
    status, headers, body = failure(error, "req_1")
    assert len(body) == int(dict(headers)[b"content-length"])
    return status, {name.decode(): value.decode() for name, value in headers}, json.loads(body)["error"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (Unauthenticated(), 401, "authentication_error", "invalid_api_key"),
        (Unauthenticated(code="key_expired"), 401, "authentication_error", "key_expired"),
        (Refused((Reason.MODEL_NOT_FOUND,)), 404, "invalid_request_error", "model_not_found"),
        (Refused((Reason.GRANT_REQUIRED,)), 403, "permission_error", "grant_required"),
        (Refused((Reason.INSUFFICIENT_QUOTA,)), 429, "insufficient_quota", "insufficient_quota"),
        (Refused((Reason.RATE_LIMIT_EXCEEDED,)), 429, "rate_limit_error", "rate_limit_exceeded"),
        (Invalid(), 400, "invalid_request_error", "invalid_request"),
        (TooLarge(), 413, "invalid_request_error", "request_too_large"),
        (LedgerUnavailable(), 503, "service_unavailable_error", "ledger_unavailable"),
        (UpstreamFailed(), 502, "server_error", "upstream_failed"),
        (UpstreamTimeout(), 504, "server_error", "upstream_timeout"),
        (Busy(), 503, "service_unavailable_error", "upstream_busy"),
        (GatewayError(), 500, "server_error", "internal_error"),
    ],
)
def test_an_error_has_its_status_type_and_code(error: GatewayError, status: int, kind: str, code: str) -> None:
    told_status, headers, body = told(error)

    assert (told_status, body["type"], body["code"]) == (status, kind, code)
    assert set(body) == {"message", "type", "param", "code"}
    assert headers["x-request-id"] == "req_1"


@pytest.mark.parametrize("reason", list(Reason))
def test_no_refusal_but_the_rate_is_tried_again(reason: Reason) -> None:
    status, headers, _ = told(Refused((reason,)))

    assert status == MEANINGS[reason].status
    assert headers.get("x-should-retry") == (None if reason is Reason.RATE_LIMIT_EXCEEDED else "false")


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (LedgerUnavailable(), True),
        (Unreached(), True),
        (Busy(), True),
        (CutShort(code="ledger_unavailable"), False),
        (BrokenAnswer("x"), False),
        (UpstreamTimeout(), False),
        (Conflict(), False),
        (Invalid(), False),
        (GatewayError(), False),
    ],
)
def test_what_may_have_been_charged_is_not_tried_again(error: GatewayError, again: bool) -> None:
    assert (told(error)[1].get("x-should-retry") is None) == again


TOO_MANY = Exceeded(Reason.RATE_LIMIT_EXCEEDED, 17, Left(60, 0, 61), Left(9_000, 8_000, 6 * 3600 + 60))


def test_a_429_says_how_every_limit_stands_and_when_it_is_whole_again() -> None:
    headers = told(Refused((Reason.RATE_LIMIT_EXCEEDED,), exceeded=TOO_MANY))[1]

    assert {name: value for name, value in headers.items() if name.startswith("x-ratelimit")} == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m1s",
        "x-ratelimit-limit-tokens": "9000",
        "x-ratelimit-remaining-tokens": "8000",
        "x-ratelimit-reset-tokens": "6h1m0s",
    }


def test_what_waiting_cannot_help_has_no_time_to_wait() -> None:
    never = Exceeded(Reason.INSUFFICIENT_QUOTA, None, None, Left(1_000, 1_000, 59))
    headers = told(Refused((Reason.INSUFFICIENT_QUOTA,), exceeded=never))[1]

    assert "retry-after" not in headers and headers["x-ratelimit-reset-tokens"] == "59s"
    assert "x-ratelimit-limit-requests" not in headers


def test_waiting_is_told_in_whole_seconds() -> None:
    assert told(Refused((Reason.RATE_LIMIT_EXCEEDED,), exceeded=TOO_MANY))[1]["retry-after"] == "17"
    assert told(LedgerUnavailable())[1]["retry-after"] == "1"
    assert "retry-after" not in told(Invalid())[1]


def test_who_failed_is_told() -> None:
    assert told(UpstreamFailed())[1]["x-error-origin"] == "upstream"
    assert told(LedgerUnavailable())[1]["x-error-origin"] == "gateway"


def test_a_missing_key_is_asked_for() -> None:
    assert told(Unauthenticated())[1]["www-authenticate"] == "Bearer"


def test_the_field_at_fault_is_named() -> None:
    assert told(Invalid(param="n"))[2]["param"] == "n"
    assert told(Refused((Reason.PARAMETER_NOT_ALLOWED,), param="max_tokens"))[2]["param"] == "max_tokens"


def test_an_error_in_a_stream_is_one_event_on_one_line() -> None:
    said = error_event(Refused((Reason.ACCESS_ENDED,), message="two\nlines\n\ndata: [DONE]"), "req_1")

    assert said.startswith(b"data: {")
    assert said.endswith(b"}\n\n")
    assert said.count(b"\n") == 2
    assert json.loads(said[6:])["error"]["code"] == "access_ended"


def test_what_is_left_is_told_only_where_something_is_limited() -> None:
    limited = Obligations(("inference.text",), 60, None, None, "metadata", None)

    told_headers = limit_headers(limited, Taken(day=1, requests_remaining=59, tokens_remaining=None))

    assert told_headers == [(b"x-ratelimit-limit-requests", b"60"), (b"x-ratelimit-remaining-requests", b"59")]
    assert limit_headers(None, None) == []
