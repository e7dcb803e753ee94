"""Bytes of any kind over a socket: never a 5xx, never a dead worker, and no word of them in log, metrics or record."""

import os
import random
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from tests.fakes.gateway import GatewayProcess, running

INPUTS = 1_000_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 3_000

AT_ONCE = 12
SILENCE_S = 0.15
"""An answer that has not begun by then is not waited for: most that stay silent wait for the rest of a request."""

CONTENT = "canary-content-5b1d"
PERSON = "canary-person-77aa"
HEADER = "canary-header-c0de"

NASTY = [
    *(b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\x0b", b"\x1b[31m", b"\x7f", b"\x80", b"\xff\xfe"),
    *(b"%00", b"%2f", b"%2e%2e/", b"../", b"//", b"?", b"#", b";", b"*", b"%", b"%zz", b"%c0%af", b"\xe2\x80\xae"),
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"null", b"1e999", b"-0", b"NaN", b"[" * 5_000),
    *(b'{"a":' * 2_000, b"9" * 5_000, b"a" * 70_000, b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"content-encoding: gzip\r\n", b"expect: 100-continue\r\n", b"connection: close\r\n", b"upgrade: h2c\r\n"),
    *(b"range: bytes=0-0,5-6\r\n", b"range: bytes=-0\r\n", b"host: \r\n", b"HTTP/0.9", b"HTTP/1.0", b"HTTP/2.0"),
]

METHODS = [b"GET", b"POST", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW", b"get"]


def seeds(gateway: GatewayProcess) -> list[bytes]:
    """Requests that are good: what is fuzzed are these."""
    api, weights = gateway.models["api"], gateway.models["open_weights"]
    bodies = {
        "/v1/chat/completions": '{"model":"%s","user":"%s","messages":[{"role":"user","content":"%s"}]}',
        "/v1/completions": '{"model":"%s","user":"%s","prompt":"%s","stream":true}',
        "/v1/embeddings": '{"model":"%s","user":"%s","input":"%s"}',
    }
    found = []
    for who in ("developer", "provider", "nobody"):
        key = f"authorization: Bearer {gateway.keys[who]}\r\n" if who in gateway.keys else ""
        head = f"HTTP/1.1\r\nhost: gateway\r\n{key}x-note: {HEADER}\r\nconnection: close\r\n"
        for path, body in bodies.items():
            content = body % (api, PERSON, CONTENT)
            found.append(f"POST {path} {head}content-length: {len(content)}\r\n\r\n{content}")
        for path in (
            "/v1/models",
            f"/v1/models/{api}",
            f"/hub/{weights}/resolve/main/config.json",
            "/control/me",
            "/control/keys?limit=5",
            "/control/ledger?order=oldest&decision=admitted",
            "/schema/openapi.json",
            "/scim/v2/Users?filter=userName%20eq%20%22a%22&count=1",
            "/healthz",
        ):
            found.append(f"GET {path} {head}\r\n")
        order = f'{{"label":"{CONTENT}"}}'
        found.append(f"POST /control/keys {head}content-length: {len(order)}\r\n\r\n{order}")
    return [seed.encode() for seed in found]


def mutated(dice: random.Random, seed: bytes) -> bytes:
    """One to four changes of any kind, anywhere."""
    for _ in range(dice.randint(1, 4)):
        at, end = sorted((dice.randrange(len(seed) + 1), dice.randrange(len(seed) + 1)))
        match dice.randrange(7):
            case 0:
                seed = seed[:at] + dice.choice(NASTY) + seed[at:]
            case 1:
                seed = seed[:at] + seed[min(end, at + 20) :]
            case 2:
                seed = seed[:at] + dice.randbytes(dice.randint(1, 8)) + seed[at:]
            case 3:
                seed = seed[:at] + seed[at:end] * 2 + seed[end:]
            case 4:
                seed = dice.choice(METHODS) + seed[seed.find(b" ") :] if b" " in seed else seed
            case 5:
                line_end = seed.find(b"\r\n") + 2
                seed = seed[:line_end] + dice.choice(NASTY) + b": x\r\n" + seed[line_end:]
            case _:
                seed = seed[:at] if dice.random() < 0.3 else seed.swapcase()
    return seed


def statuses(port: int, content: bytes, silence_s: float = SILENCE_S) -> list[int]:
    """Every status that these bytes are answered with, until the connection is closed or silent for so long."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(content)
            connection.settimeout(silence_s)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionError, TimeoutError):
            pass
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.soak
def test_no_bytes_make_a_5xx_or_kill_a_worker_and_none_of_them_is_logged(tmp_path: Path) -> None:
    dice = random.Random(41)
    met: set[int] = set()
    wrong: list[tuple[int, bytes]] = []
    with running(tmp_path, settings={"log_level": "debug"}) as gateway:
        good = seeds(gateway)
        pid = gateway.pid
        inputs = (mutated(dice, good[number % len(good)]) for number in range(INPUTS))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while batch := list(islice(inputs, 1_000)):
                for content, told in zip(batch, threads.map(partial(statuses, gateway.port), batch), strict=True):
                    met |= set(told)
                    wrong += [(status, content[:2_000]) for status in told if status >= 500]
        alive, ready = gateway.is_running and gateway.pid == pid, gateway.is_ready()
        with gateway.http("auditor") as client:
            metrics = client.get("/metrics").text
        record = str(gateway.entries())
        log = gateway.log

    assert wrong == []
    assert alive and ready
    assert met >= {200, 400, 401, 404}, "the inputs met every kind of answer"
    for canary in (CONTENT, PERSON, HEADER, *(key[-20:] for key in gateway.keys.values())):
        assert canary not in log
        assert canary not in metrics
        assert canary not in record
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", log)


def test_every_good_request_is_answered_as_such(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        told = [statuses(gateway.port, seed, 10) for seed in seeds(gateway)]

    assert all(len(each) == 1 for each in told)
    assert {each[0] for each in told} == {200, 201, 401, 403}, "403: a list of people takes a key of its own alone"
