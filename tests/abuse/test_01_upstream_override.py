"""Abuse 1: no field and no header of a request, at whatever depth, decides where the gateway connects."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.house import CREDENTIAL, House, open_house
from tests.fakes.upstream import saying

FIELDS = [
    "api_base",
    "API_BASE",
    "api-base",
    "base_url",
    "host",
    "url",
    "endpoint",
    "upstream",
    "proxy",
    "extra_headers",
    "extra_body",
    "user_config",
    "config",
    "router_settings",
    "custom_host",
    "virtual_key",
    "custom_llm_provider",
    "provider",
    "fallbacks",
    "models",
    "aws_bedrock_runtime_endpoint",
    "vertex_location",
    "litellm_params",
    "kv_transfer_params",
    "lora_path",
]

HEADERS = [
    "x-portkey-custom-host",
    "x-portkey-config",
    "x-portkey-provider",
    "x-api-base",
    "x-base-url",
    "x-upstream",
    "x-upstream-host",
    "x-forwarded-host",
    "x-original-url",
    "x-rewrite-url",
    "x-envoy-original-dst-host",
    "x-litellm-api-base",
    "openai-organization",
    "helicone-openai-api-base",
    "forwarded",
    "proxy",
    "host",
]


class Decoy:
    """A server off the operator's list, which nobody may come to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.place}/v1"

    @property
    def visited(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def decoy() -> Iterator[Decoy]:
    opened = Decoy()
    yield opened
    opened.close()


def test_the_decoy_notices_a_visit(decoy: Decoy) -> None:
    host, _, port = decoy.place.partition(":")

    socket.create_connection((host, int(port))).close()

    assert decoy.visited


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_names_another_server_is_refused_before_anything_is_asked(
    house: House, decoy: Decoy, field: str
) -> None:
    before = len(house.upstream.requests)

    answers = [
        house.chat(house.models["api"], **{field: value}) for value in (decoy.url, {"api_base": decoy.url}, [decoy.url])
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert not decoy.visited
    assert len(house.upstream.requests) == before


@pytest.mark.parametrize("holder", ["metadata", "tools", "response_format", "chat_template_kwargs"])
def test_a_field_further_down_goes_to_the_declared_upstream_as_it_stands_and_nowhere_else(
    house: House, decoy: Decoy, holder: str
) -> None:
    nested: Any = {"api_base": decoy.url, "user_config": {"model_list": [{"litellm_params": {"base_url": decoy.url}}]}}

    house.chat(house.models["api"], **{holder: [nested] if holder == "tools" else nested})

    assert not decoy.visited
    assert house.upstream.requests[-1].headers["host"] == f"127.0.0.1:{house.upstream.port}"


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_names_another_server_reaches_nobody(house: House, decoy: Decoy, header: str) -> None:
    answer = house.chat(house.models["api"], headers={header: decoy.place})

    assert answer.status_code == 200
    assert not decoy.visited
    assert decoy.place not in str(house.upstream.requests[-1].headers)


def test_of_a_callers_headers_none_travels_on(house: House) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    house.chat(house.models["api"], headers={"traceparent": trace, "x-anything": "1", "cookie": "a=b"})

    seen = house.upstream.requests[-1].headers
    assert set(seen) == {
        "host",
        "user-agent",
        "accept-encoding",
        "authorization",
        "accept",
        "content-type",
        "x-request-id",
        "content-length",
    }
    assert seen["authorization"] == f"Bearer {CREDENTIAL}"


def test_a_redirect_is_not_followed_and_not_passed_on(own_house: House, decoy: Decoy) -> None:
    told = []
    for status in (301, 302, 303, 307, 308):
        for stream in (False, True):
            own_house.upstream.answer = answering(status, b"", f"location: {decoy.url}\r\n")
            told.append(own_house.chat(own_house.models["api"], stream=stream))

    assert {(answer.status_code, answer.headers["x-error-origin"]) for answer in told} == {(502, "upstream")}
    assert not any("location" in answer.headers or decoy.place in answer.text for answer in told)
    assert not decoy.visited


def test_a_proxy_named_in_the_environment_is_not_used(
    tmp_path_factory: pytest.TempPathFactory, decoy: Decoy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{decoy.place}")

    with open_house(tmp_path_factory.mktemp("proxied")) as house:
        answer = house.chat(house.models["api"])

    assert answer.status_code == 200
    assert not decoy.visited


def test_a_release_cannot_name_an_upstream_that_the_operator_did_not_declare(house: House, decoy: Decoy) -> None:
    file = (
        "release: demo/elsewhere\nserves: {inference: {upstream: %s, model: x}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
    )

    answers = [
        house.ask("POST", "/control/releases", "provider", json={"file": file % name, "adopt": True})
        for name in ("other", f'"{decoy.url}"', f"{{url: '{decoy.url}'}}")
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert not decoy.visited


def test_the_upstreams_credential_is_never_in_an_answer(own_house: House) -> None:
    echo = f'{{"error": {{"message": "bad key {CREDENTIAL}"}}}}'.encode()
    told = []
    for status in (400, 401, 403, 404, 422, 429, 500):
        own_house.upstream.answer = answering(status, echo)
        told.append(own_house.chat(own_house.models["api"]))

    assert all(answer.status_code >= 400 for answer in told)
    assert not any(CREDENTIAL in answer.text + str(answer.headers) for answer in told)


def answering(status: int, body: bytes, headers: str = "") -> Any:
    """An upstream that answers so, and closes."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}"
    return saying(f"{head}connection: close\r\n\r\n".encode() + body, then_close=True)
