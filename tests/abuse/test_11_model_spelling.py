"""Abuse 11: a model has one name; no other spelling, field, path or duplicate brings a restricted one within reach."""

import json
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.house import CHAT, MESSAGES, House

RESTRICTED = "demo/vault-1"
USABLE = "demo/general-1"

SPELLINGS = {
    "the name itself": RESTRICTED,
    "upper case": RESTRICTED.upper(),
    "title case": RESTRICTED.title(),
    "without its namespace": "vault-1",
    "the upstream's name": "vault",
    "with the upstream's name": "simulated/vault",
    "space before": f" {RESTRICTED}",
    "space after": f"{RESTRICTED} ",
    "line after": f"{RESTRICTED}\n",
    "null after": f"{RESTRICTED}\x00",
    "suffix": f"{RESTRICTED}:latest",
    "fine tune": f"ft:{RESTRICTED}",
    "date": f"{RESTRICTED}-2026-01-05",
    "revision": f"{RESTRICTED}@main",
    "provider": f"openai/{RESTRICTED}",
    "double slash": RESTRICTED.replace("/", "//"),
    "leading slash": f"/{RESTRICTED}",
    "trailing slash": f"{RESTRICTED}/",
    "dot segment": f"demo/../{RESTRICTED}",
    "encoded slash": RESTRICTED.replace("/", "%2f"),
    "backslash": RESTRICTED.replace("/", "\\"),
    "division slash": RESTRICTED.replace("/", "\u2215"),
    "non-breaking hyphen": RESTRICTED.replace("-", "\u2011"),
    "full width": "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in RESTRICTED),
    "cyrillic a": RESTRICTED.replace("a", "\u0430"),
    "long s form": RESTRICTED.replace("v", "\u2174"),
    "soft hyphen": RESTRICTED.replace("vault", "vau\u00adlt"),
    "zero width": RESTRICTED.replace("vault", "vau\u200blt"),
    "right to left": f"\u202e{RESTRICTED}",
    "comma list": f"{USABLE},{RESTRICTED}",
    "pipe list": f"{USABLE}|{RESTRICTED}",
    "wildcard": "demo/*",
    "pattern": "demo/va.lt-1",
    "alias": "default",
    "empty": "",
    "json": '{"model":"demo/vault-1"}',
}

OTHER_PATHS = [
    "/v1/responses",
    "/v1/messages",
    "/v1/batches",
    "/v1/files",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/moderations",
    "/v1/fine_tuning/jobs",
    "/v1/assistants",
    "/v1/realtime",
    "/v1/rerank",
    "/v1/chat/completions/",
    "/v1/engines/demo/vault-1/completions",
    "/v1/models/demo/vault-1/completions",
    "/v1/openai/deployments/demo/vault-1/chat/completions",
    "/v1/v1/chat/completions",
    "/openai/v1/chat/completions",
    "/openai/deployments/vault-1/chat/completions",
    "/chat/completions",
    "/completion",
    "/api/generate",
    "/api/chat",
    "/generate",
    "/invocations",
    "/v1beta/models/demo/vault-1:generateContent",
    "/model/demo/vault-1/invoke",
    "/hub/demo/vault-1/chat/completions",
    "/control/v1/chat/completions",
]


def restricted_requests(house: House) -> list[Any]:
    """Requests that came to the upstream for the restricted model."""
    return [seen for seen in house.upstream.requests if b'"vault"' in seen.body]


def test_the_upstream_would_notice(house: House) -> None:
    before = len(restricted_requests(house))

    assert house.chat(RESTRICTED, "staff").status_code == 200

    assert len(restricted_requests(house)) == before + 1


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_restricted_model_reaches_it(house: House, spelling: str) -> None:
    name = SPELLINGS[spelling]
    before = len(restricted_requests(house))

    told = [
        house.ask("POST", CHAT, "developer", json={"model": name, "messages": MESSAGES}),
        house.ask("POST", CHAT, "developer", json={"model": name, "messages": MESSAGES, "stream": True}),
        house.ask("POST", "/v1/completions", "developer", json={"model": name, "prompt": "x"}),
        house.ask("POST", "/v1/embeddings", "developer", json={"model": name, "input": "x"}),
        house.ask("GET", f"/v1/models/{quote(name, safe='')}", "developer"),
        house.ask("GET", f"/v1/models/{quote(name)}", "developer"),
        house.ask("GET", f"/hub/{quote(name)}/resolve/main/README.md", "developer"),
    ]

    assert {answer.status_code for answer in told} <= {400, 404} | ({200} if name == "" else set())
    assert len(restricted_requests(house)) == before


@pytest.mark.parametrize("spelling", sorted(set(SPELLINGS) - {"the name itself"}))
def test_not_even_whoever_may_call_it_reaches_it_by_another_name(house: House, spelling: str) -> None:
    name = SPELLINGS[spelling]
    before = len(house.upstream.requests)

    answer = house.chat(name, "staff")

    assert answer.status_code in {400, 404}
    assert len(house.upstream.requests) == before


def test_the_full_width_name_would_fold_back(house: House) -> None:
    assert unicodedata.normalize("NFKD", SPELLINGS["full width"]) == RESTRICTED


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"demo/general-1","model":"demo/vault-1",%s}',
        '{"model":"demo/vault-1","model":"demo/general-1",%s}',
        '{"model":"demo/general-1","mod\\u0065l":"demo/vault-1",%s}',
        '{"mod\\u0065l":"demo/vault-1","model":"demo/general-1",%s}',
        '{"model":"demo/general-1","Model":"demo/vault-1",%s}',
        '{"model":"demo/general-1","MODEL":"demo/vault-1",%s}',
        '{"model":"demo/general-1"," model":"demo/vault-1",%s}',
        '{"model":"demo/general-1","model ":"demo/vault-1",%s}',
        '{"model":"demo/general-1","models":["demo/vault-1"],%s}',
        '{"model":"demo/general-1","fallbacks":["demo/vault-1"],%s}',
        '{"model":"demo/general-1","context_window_fallbacks":[{"a":["demo/vault-1"]}],%s}',
        '{"model":"demo/general-1","route":"fallback",%s}',
        '{"model":"demo/general-1","deployment_id":"vault",%s}',
        '{"model":"demo/general-1","lora_request":{"name":"vault"},%s}',
        '{"model":["demo/vault-1"],%s}',
        '{"model":{"id":"demo/vault-1"},%s}',
        '{"model":null,%s}',
        '{"model":0,%s}',
        "{%s}",
        '[{"model":"demo/vault-1",%s}]',
        '{"model":"demo/general-1",%s}{"model":"demo/vault-1"}',
        '{"model":"demo/general-1",%s}\n{"model":"demo/vault-1"}',
        '\ufeff{"model":"demo/vault-1",%s}',
        '{"model":"demo/general-1",%s,}',
        '{"model":"demo/general-1",%s,"x":NaN}',
        "{'model':'demo/vault-1',%s}",
        '{"model":"demo/general-1"/**/,%s}',
    ],
)
def test_a_body_that_two_readers_could_read_differently_is_refused(house: House, body: str) -> None:
    before = len(house.upstream.requests)
    content = (body % f'"messages":{json.dumps(MESSAGES)}').encode()

    answer = house.ask("POST", CHAT, "developer", content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert len(house.upstream.requests) == before


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1"])
def test_a_body_in_another_encoding_is_not_guessed_at(house: House, encoding: str) -> None:
    body = json.dumps({"model": RESTRICTED, "messages": MESSAGES, "é": "é"}, ensure_ascii=False).encode(encoding)
    before = len(house.upstream.requests)

    answer = house.ask(
        "POST", CHAT, "staff", content=body, headers={"content-type": f"application/json; charset={encoding}"}
    )

    assert answer.status_code == 400 or encoding == "utf-7"
    assert len(house.upstream.requests) <= before + (encoding == "utf-7")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_a_model_outside_the_json_is_not_looked_at(house: House, kind: str) -> None:
    body = f"model={RESTRICTED}" if "form-url" in kind else f'--x\r\nname="model"\r\n\r\n{RESTRICTED}\r\n--x--'

    answer = house.ask("POST", CHAT, "developer", content=body.encode(), headers={"content-type": kind})

    assert answer.status_code == 400


@pytest.mark.parametrize("place", ["?model=demo/vault-1", "?model=demo%2Fvault-1&model=x", "?deployment=vault"])
def test_a_model_in_the_query_or_a_header_is_not_looked_at(house: House, place: str) -> None:
    headers = dict.fromkeys(
        ("x-model", "model", "x-deployment-id", "openai-model", "azureml-model-deployment"), "vault"
    )

    answer = house.ask("POST", CHAT + place, "developer", json={"model": USABLE, "messages": MESSAGES}, headers=headers)

    seen = house.upstream.requests[-1]
    assert answer.status_code == 200
    assert seen.line == "POST /v1/chat/completions HTTP/1.1"
    assert (seen.json["model"], "vault" in str(seen.headers)) == ("general", False)


@pytest.mark.parametrize("path", OTHER_PATHS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_path_that_is_no_endpoint_here_is_refused_and_not_passed_on(house: House, method: str, path: str) -> None:
    before = len(house.upstream.requests)

    answer = house.ask(method, path, "developer", json={"model": RESTRICTED, "messages": MESSAGES})

    assert answer.status_code == 404
    if path.startswith("/v1/"):
        assert answer.json()["error"]["code"] in {"unknown_url", "model_not_found"}
    assert len(house.upstream.requests) == before


def test_what_is_hidden_looks_exactly_like_what_is_not_there(house: House) -> None:
    pairs = [
        (house.chat(RESTRICTED), house.chat("demo/no-such-1")),
        (
            house.ask("GET", f"/v1/models/{RESTRICTED}", "developer"),
            house.ask("GET", "/v1/models/demo/no", "developer"),
        ),
    ]

    for hidden, absent in pairs:
        assert (hidden.status_code, hidden.content) == (404, absent.content)
        assert [name for name, _ in hidden.headers.raw] == [name for name, _ in absent.headers.raw]
        assert {**hidden.headers, "x-request-id": ""} == {**absent.headers, "x-request-id": ""}
