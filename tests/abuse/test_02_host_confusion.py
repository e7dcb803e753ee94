"""Abuse 2: what is decided is decided on the raw path that is routed on, whatever Host or another header says."""

import pytest

from tests.fakes.house import House

OPEN = b'{"status":"alive"}'
"""The answer of a route that needs no key: what confusion would try to reach, or to be taken for."""

PATHS = [b"/v1/models", b"/hub/demo/open-1/resolve/main/README.md", b"/control/keys", b"/control/me"]

HOSTS = [
    b"",
    b"host: \r\n",
    b"host: gateway\r\n",
    b"host: /healthz\r\n",
    b"host: gateway/healthz?\r\n",
    b"host: gateway/healthz#\r\n",
    b"host: healthz@gateway\r\n",
    b"host: localhost\r\nhost: gateway/healthz\r\n",
    b"x-forwarded-host: gateway/healthz?\r\n",
    b"host: gateway\r\nx-forwarded-host: localhost\r\nx-forwarded-for: 127.0.0.1\r\n",
    b"host: gateway\r\nx-original-url: /healthz\r\n",
    b"host: gateway\r\nx-rewrite-url: /healthz\r\n",
    b"host: gateway\r\nx-forwarded-prefix: /healthz\r\nx-forwarded-path: /healthz\r\n",
    b"host: gateway\r\nx-http-method-override: OPTIONS\r\n",
    b"host: gateway\r\nforwarded: for=127.0.0.1;host=localhost\r\n",
]

TARGETS = [
    b"http://gateway%s",
    b"http://gateway/healthz/..%s",
    b"http://healthz%s",
    b"HTTP://GATEWAY:8080%s",
    b"http://user:pass@gateway%s",
    b"https://gateway%s",
    b"//gateway%s",
    b"/healthz/..%s",
    b"/healthz/%%2e%%2e%s",
    b"/healthz%%3f%s",
    b"/healthz;%s",
    b"/healthz%%00%s",
]

WITHOUT_SLASH = [b"v1/models", b"healthz", b"http://gateway", b"http://gateway?/v1/models", b"*", b"?", b"gateway:80"]


def status(answer: bytes) -> int:
    """The status line's number; 0 where there was no answer at all."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def host_of(lines: bytes) -> bytes:
    """What the first Host header says."""
    return lines.removeprefix(b"host:").partition(b"\r\n")[0] if lines.startswith(b"host:") else b""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", HOSTS)
def test_no_host_header_lets_anybody_in_without_a_key(house: House, path: bytes, host: bytes) -> None:
    answer = house.say(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, host))

    assert status(answer) in {400, 401}
    assert OPEN not in answer


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("target", TARGETS)
def test_no_form_of_the_target_lets_anybody_in_without_a_key(house: House, path: bytes, target: bytes) -> None:
    answer = house.say(b"GET %s HTTP/1.1\r\nhost: gateway\r\n\r\n" % (target % path))

    assert status(answer) in {400, 401, 404}
    assert OPEN not in answer


@pytest.mark.parametrize("target", WITHOUT_SLASH)
@pytest.mark.parametrize("method", [b"GET", b"OPTIONS", b"CONNECT", b"POST"])
def test_a_target_without_a_path_reaches_no_door(house: House, method: bytes, target: bytes) -> None:
    answer = house.say(b"%s %s HTTP/1.1\r\nhost: gateway\r\n%s\r\n" % (method, target, _key(house)))

    assert status(answer) in {400, 404, 405}
    assert b"demo/" not in answer


@pytest.mark.parametrize("host", HOSTS)
def test_whoever_is_let_in_gets_what_the_path_names_whatever_the_headers_say(house: House, host: bytes) -> None:
    plain = house.say(b"GET /control/me HTTP/1.1\r\nhost: gateway\r\n%s\r\n" % _key(house))
    hidden = house.say(b"GET /v1/models/demo/vault-1 HTTP/1.1\r\n%s%s\r\n" % (host, _key(house)))
    confused = house.say(b"GET /control/me HTTP/1.1\r\n%s%s\r\n" % (host, _key(house)))

    if host.count(b"host:") - host.count(b"-host:") != 1:
        assert (status(confused), status(hidden)) == (400, 400), "which host is meant can be read two ways, or none"
    elif b"/" in host_of(host):
        # The framework refuses such a host; the door for models looks at none, and what is hidden stays so.
        assert (status(confused), status(hidden)) == (400, 404), "a host with a path in it is no host"
    else:
        assert (status(plain), status(confused), status(hidden)) == (200, 200, 404)
        assert confused.partition(b"\r\n\r\n")[2] == plain.partition(b"\r\n\r\n")[2]


def test_a_key_narrowed_to_networks_is_not_widened_by_a_forwarded_address(house: House) -> None:
    house.enter("far", "acme", networks=("192.0.2.0/24",))

    answers = [
        house.ask("GET", path, "far", headers={name: "192.0.2.7"})
        for path in ("/v1/models", "/control/me", "/hub/demo/open-1/resolve/main/README.md")
        for name in ("x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "cf-connecting-ip")
    ]

    assert {answer.status_code for answer in answers} == {401}


def _key(house: House) -> bytes:
    return f"authorization: Bearer {house.tokens['developer']}\r\n".encode()
