"""Who is disabled is out within a second at every replica: sessions, own keys and the stream that is open with one."""

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.abuse.test_12_use_after_revoke import BOUND_S, Stream
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.provider import SECRET, FakeProvider, an_identity_provider, declaration
from tests.faults.percentiles import p99, spread

CLIENT = httpx.Client(timeout=10, trust_env=False)
"""One for all: making one takes long, on a busy machine. It sends no `Secure` cookie by itself."""

PUBLIC_URL = "https://gateway.example"
ROUNDS = 50 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 2


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as fake:
        yield fake


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer, provider: FakeProvider
) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("people")
    (folder / "corporate.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    file.write_text(declaration(provider))
    settings = {"identity_providers": str(file), "revision_poll_ms": "250"}
    with replicas(folder, postgresql_server, 2, interval_ms=20, **settings) as found:
        for gateway in found.gateways:
            until(lambda gateway=gateway: _start(gateway).status_code == 303, 20)
        yield found


def _start(gateway: GatewayProcess) -> httpx.Response:
    return CLIENT.get(f"{gateway.base_url}/control/session/start")


def _kept(answer: httpx.Response) -> dict[str, str]:
    """What a browser keeps of an answer, over TLS as it is there."""
    pairs = [header.partition(";")[0].partition("=") for header in answer.headers.get_list("set-cookie")]
    assert all("Secure" in header and "HttpOnly" in header for header in answer.headers.get_list("set-cookie"))
    return {name: value for name, _, value in pairs}


class Person:
    """Somebody whose browser is sent from one replica to the other."""

    def __init__(self, provider: FakeProvider, name: str, begins: GatewayProcess, ends: GatewayProcess) -> None:
        provider.claims |= {"sub": name, "preferred_username": name, "groups": ["acme"]}
        begun = _start(begins)
        back = CLIENT.get(begun.headers["location"]).headers["location"]
        assert back.startswith(f"{PUBLIC_URL}/control/session/callback?")
        answer = CLIENT.get(
            back.replace(PUBLIC_URL, ends.base_url), headers={"cookie": self._line(_kept(begun))}, timeout=10
        )
        assert answer.status_code == 303, answer.text
        self.cookie = self._line(_kept(answer))

    def session(self, gateway: GatewayProcess) -> httpx.Response:
        return CLIENT.get(f"{gateway.base_url}/control/session", headers={"cookie": self.cookie})

    def key(self, gateway: GatewayProcess) -> str:
        token = self.session(gateway).json()["csrf_token"]
        headers = {"cookie": self.cookie, "origin": PUBLIC_URL, "sec-fetch-site": "same-origin", "x-csrf-token": token}
        issued = CLIENT.post(f"{gateway.base_url}/control/keys", json={}, headers=headers)
        assert issued.status_code == 201, issued.text
        return str(issued.json()["token"])

    @staticmethod
    def _line(cookies: dict[str, str]) -> str:
        assert all(name.startswith("__Host-") for name in cookies)
        return "; ".join(f"{name}={value}" for name, value in cookies.items() if value and value != '""')


def _until_refused(ask: Any, since: float) -> float:
    while ask().status_code != 401:
        assert time.monotonic() - since < 10 * BOUND_S
        time.sleep(0.01)
    return time.monotonic() - since


@pytest.mark.soak
def test_who_is_disabled_is_out_within_a_second_at_both_replicas(both: Replicas, provider: FakeProvider) -> None:
    here, there = both.gateways
    slow = "story/slow"
    stage = "{name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [public]}"
    here.apply(f"release: {slow}\nserves: {{inference: {{upstream: fake, model: slow}}}}\nstages:\n  - {stage}\n")
    both.follow()
    took: list[float] = []
    for number in range(ROUNDS):
        person = Person(provider, f"person-{number}", here, there)
        known = person.session(there).json()["person"]["id"]
        key = person.key(there)
        assert person.session(here).status_code == 200
        stream = Stream(there.base_url, key, slow)

        disabling = time.monotonic()
        here.control("POST", f"/people/{known}/disable", json={"cause": "left"})
        for gateway in both.gateways:
            took.append(_until_refused(partial(person.session, gateway), disabling))
            models, headers = f"{gateway.base_url}/v1/models", {"authorization": f"Bearer {key}"}
            took.append(_until_refused(partial(CLIENT.get, models, headers=headers), disabling))
        took.append(stream.ends() - disabling)
        assert "key_revoked" in "".join(stream.lines)

    print(f"out: {spread(took)}")
    assert p99(took) <= BOUND_S
