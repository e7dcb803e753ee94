"""Abuse 12: what was taken away is gone within a second: at the next call, in open streams, and in every process."""

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.identity.callers import Role
from tests.abuse.replicas import Replicas, replicas
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.house import CHAT, MESSAGES, House, open_house
from tests.fakes.logins import logged_in
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.premises import PROVIDERS
from tests.fakes.upstream import Seen, chunked

BOUND_S = 1.0

TOKENS = 50 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 3

DOORS = ("/v1/models", "/control/me", "/hub/demo/open-1/resolve/main/README.md")

Take = Callable[[House, str], Any]


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose upstream speaks slowly and for a long time. It polls as often as it does by default."""
    with open_house(tmp_path_factory.mktemp("paced"), revision_poll_ms=250) as house:
        house.upstream.interval_s, house.upstream.chunks = 0.02, 100_000
        yield house


class Stream:
    """A stream that is read on a thread of its own until it ends."""

    def __init__(self, url: str, key: str, model: str) -> None:
        self.lines: list[str] = []
        self.ended_at = 0.0
        self.began = threading.Event()
        self._asked = (url, key, model)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.began.wait(10), "the stream did not begin"

    def _read(self) -> None:
        url, key, model = self._asked
        body = {"model": model, "messages": MESSAGES, "stream": True}
        headers = {"authorization": f"Bearer {key}"}
        with (
            httpx.Client(timeout=20) as client,
            client.stream("POST", url + CHAT, json=body, headers=headers) as answer,
        ):
            for line in answer.iter_lines():
                self.lines.append(line)
                self.began.set()
        self.ended_at = time.monotonic()

    def ends(self) -> float:
        """When it ended."""
        self._thread.join(10)
        assert self.ended_at, "the stream goes on"
        return self.ended_at

    @property
    def last_words(self) -> str:
        """Code of the error that ended it; empty where there was none."""
        said = [line for line in self.lines if line]
        event = json.loads(said[-1].removeprefix("data: ")) if said[-1] != "data: [DONE]" else {}
        code: str = event.get("error", {}).get("code", "")
        return code


def revoke_key(house: House, name: str) -> None:
    key = house.ask("GET", "/control/me", name).json()["key"]["id"]
    house.ask("POST", f"/control/keys/{key}/revoke", "provider", json={"cause": "lost"})


def revoke_itself(house: House, name: str) -> None:
    key = house.ask("GET", "/control/me", name).json()["key"]["id"]
    house.ask("POST", f"/control/keys/{key}/revoke", name, json={"cause": "lost"})


def rotate_at_once(house: House, name: str) -> None:
    key = house.ask("GET", "/control/me", name).json()["key"]["id"]
    house.ask("POST", f"/control/keys/{key}/rotate", "provider", json={"overlap_s": 0})


def disable_organisation(house: House, name: str) -> None:
    house.ask("POST", f"/control/organisations/{name}/disable", "provider", json={"cause": "fraud"})


def revoke_grant(house: House, name: str) -> None:
    grants = house.ask("GET", "/control/grants", "provider", params={"organisation": name}).json()["grants"]
    house.ask("POST", f"/control/grants/{grants[0]['id']}/revoke", "provider", json={"cause": "over"})


def withdraw_attribute(house: House, name: str) -> None:
    claims = house.ask("GET", f"/control/organisations/{name}/attributes", "provider").json()
    path = f"/control/organisations/{name}/attributes/{claims[0]['id']}/withdraw"
    house.ask("POST", path, "provider", json={"cause": "wrong"})


def narrow_release(house: House, name: str) -> None:
    file = {"file": a_release(name, to="staff"), "documents": {"terms/aup.md": "Do no harm.\n"}, "adopt": True}
    house.ask("POST", "/control/releases", "provider", json=file)


def change_terms(house: House, name: str) -> None:
    file = {"file": a_release(name), "documents": {"terms/aup.md": f"Stricter for {name}.\n"}, "adopt": True}
    house.ask("POST", "/control/releases", "provider", json=file)


TAKEN: dict[str, tuple[Take, int, set[str]]] = {
    "key-revoked": (revoke_key, 401, {"key_revoked"}),
    "key-revoked-by-itself": (revoke_itself, 401, {"key_revoked"}),
    "key-rotated-at-once": (rotate_at_once, 401, {"key_revoked"}),
    "organisation-disabled": (disable_organisation, 401, {"key_revoked"}),
    "grant-revoked": (revoke_grant, 403, {"grant_ended", "attribute_unknown", "audience_not_admitted"}),
    "attribute-withdrawn": (withdraw_attribute, 403, {"attribute_unknown"}),
    "release-narrowed": (narrow_release, 404, {"model_not_found"}),
    "terms-changed": (change_terms, 403, {"terms_not_accepted"}),
}
"""What is taken away: how, how the next call is answered, and which code says why."""


AUDIENCES = {"staff": "{role: staff}", "known": '{grant: required, kyc: ">= K3", on_unknown: deny}'}


def a_release(name: str, to: str = "known") -> str:
    """A release for organisations that hold a grant and are known, under terms."""
    access = "limited" if to == "known" else "closed"
    return (
        f"release: demo/{name}\nserves: {{inference: {{upstream: simulated, model: {name}}}}}\n"
        "terms: {aup: terms/aup.md}\n"
        f"audiences: {{{to}: {AUDIENCES[to]}}}\n"
        f"stages: [{{name: now, opens: 2026-01-05T00:00:00Z, access: {access}, to: [{to}],"
        " conditions: {terms: [aup]}}]\n"
    )


def admitted(house: House, name: str) -> str:
    """An organisation of this name that may call the model of this name, in every respect; the model."""
    model = f"demo/{name}"
    house.control("/organisations", id=name, name=name)
    house.enter(name, name, Role.DEVELOPER)
    house.control(f"/organisations/{name}/attributes", name="kyc", value="K4", issuer="registry", assurance=3)
    house.apply(a_release(name), **{"terms/aup.md": "Do no harm.\n"})
    house.control("/grants", organisation=name, release=model, authority="contract")
    text = house.ask("GET", f"/control/releases/{model}/terms", name).json()[0]
    house.control(f"/releases/{model}/terms/aup/accept", name, digest=text["digest"])
    return model


@pytest.mark.parametrize("what", TAKEN)
def test_what_was_taken_away_ends_open_streams_and_the_next_call(paced: House, what: str) -> None:
    take, status, codes = TAKEN[what]
    model = admitted(paced, what)
    streams = [Stream(paced.url, paced.tokens[what], model) for _ in range(3)]

    began = time.monotonic()
    take(paced, what)
    taken = time.monotonic()
    ended = [stream.ends() for stream in streams]
    told = paced.chat(model, what)

    assert max(ended) - began < BOUND_S + (taken - began)
    assert {stream.last_words for stream in streams} <= codes
    assert not any("data: [DONE]" in stream.lines for stream in streams)
    assert (told.status_code, told.json()["error"]["code"] in codes) == (status, True)


def test_a_key_is_gone_for_every_door_at_once(paced: House) -> None:
    paced.enter("doors", "acme", Role.DEVELOPER)
    for path in DOORS:
        assert paced.ask("GET", path, "doors").status_code == 200

    revoke_key(paced, "doors")
    told = [paced.ask("GET", path, "doors") for path in DOORS]

    assert [answer.status_code for answer in told] == [401, 401, 401]
    assert paced.ask("GET", "/control/me", "doors").json()["code"] == "key_revoked"


def test_the_record_says_why_a_stream_ended(paced: House) -> None:
    model = admitted(paced, "recorded")
    stream = Stream(paced.url, paced.tokens["recorded"], model)

    revoke_key(paced, "recorded")
    stream.ends()

    until(lambda: bool(paced.entries(release=model, event="access:finished")), 5)
    end = paced.entries(release=model, event="access:finished")[0]["body"]
    assert (end["outcome"], end["reasons"]) == ("cut", ["key_revoked"])


WIDE = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (b"w" * 20_000)
WINDOW = 8192
"""What a client that reads nothing lets its own system take, more or less."""


async def endlessly(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(chunked(WIDE))
        await writer.drain()


async def a_little(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(chunked(WIDE) * 10)
    await writer.drain()
    await asyncio.Event().wait()
    return False


@pytest.mark.parametrize("answer", [endlessly, a_little], ids=["all-buffers-full", "in-the-kernel-alone"])
def test_a_client_that_stopped_reading_finds_nothing_when_it_reads_after_the_cut(tmp_path: Path, answer: Any) -> None:
    with open_house(tmp_path) as house, socket.socket() as connection:
        house.upstream.answer = answer
        key = house.enter("stalled", "acme", Role.DEVELOPER).id
        body = json.dumps({"model": house.models["api"], "messages": MESSAGES, "stream": True})
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        connection.connect(("127.0.0.1", house.port))
        connection.settimeout(5)
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.tokens['stalled']}\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        time.sleep(1)  # everything that holds something on the way is full

        house.control(f"/keys/{key}/revoke", cause="lost")
        until(lambda: bool(house.entries(key=key, event="access:finished")), 5)
        end = house.entries(key=key, event="access:finished")[0]["body"]
        time.sleep(0.2)
        arrived = bytearray()
        with pytest.raises(ConnectionResetError):
            while piece := connection.recv(1 << 20):
                arrived += piece

    assert (end["outcome"], end["reasons"]) == ("cut", ["key_revoked"])
    assert end["bytes_out"] > len(WIDE) * 9
    assert len(arrived) < 4 * WINDOW


def test_a_key_that_was_revoked_stays_so_whatever_is_asked_with_it(paced: House) -> None:
    paced.enter("again", "acme", Role.DEVELOPER)
    key = paced.ask("GET", "/control/me", "again").json()["key"]["id"]
    revoke_key(paced, "again")

    told = [
        paced.ask("POST", f"/control/keys/{key}/rotate", "again", json={}),
        paced.ask("POST", f"/control/keys/{key}/rotate", "provider", json={}),
        paced.ask("POST", "/control/keys", "again", json={}),
    ]

    assert [answer.status_code for answer in told] == [401, 409, 401]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database."""
    folder = tmp_path_factory.mktemp("two")
    declared = folder / "providers.yaml"
    declared.write_text(PROVIDERS)
    with replicas(folder, postgresql_server, 2, interval_ms=20, identity_providers=str(declared)) as running:
        running.first.apply(
            "release: demo/slow\nserves: {inference: {upstream: fake, model: slow}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
        )
        running.follow()
        yield running


def test_what_one_process_takes_away_is_gone_in_the_other(two: Replicas) -> None:
    first, second = two.gateways
    key, token = first.enter("acme")
    with second.http(token) as client:
        assert client.get("/v1/models").status_code == 200
        stream = Stream(second.base_url, token, "demo/slow")

        first.control("POST", f"/keys/{key}/revoke", json={"cause": "lost"})
        revoked = time.monotonic()
        took_s = until(lambda: client.get("/v1/models").status_code == 401, 5)

    assert took_s < BOUND_S
    assert stream.ends() - revoked < BOUND_S
    assert stream.last_words == "key_revoked"


def signed_in(replica: GatewayProcess, client: tuple[str, str]) -> str:
    """A token that this process grants."""
    answer = httpx.post(f"{replica.base_url}/oauth/token", data={"grant_type": "client_credentials"}, auth=client)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture(scope="module")
def machine(two: Replicas) -> tuple[str, str]:
    """Id and secret of a client."""
    two.first.enter("acme")
    made = two.first.control("POST", "/clients", json={"organisation": "acme"})
    two.follow()
    return made["client"]["client"]["id"], made["client_secret"]


def test_a_token_that_one_process_grants_and_ends_is_taken_and_refused_by_the_other(
    two: Replicas, machine: tuple[str, str]
) -> None:
    first, second = two.gateways
    took = []
    for _ in range(TOKENS):
        token = signed_in(first, machine)
        with second.http(token) as client:
            assert client.get("/v1/models").status_code == 200
            stream = Stream(second.base_url, token, "demo/slow")

            httpx.post(f"{first.base_url}/oauth/revoke", data={"token": token}, auth=machine)
            revoked = time.monotonic()
            took.append(until(lambda client=client: client.get("/v1/models").status_code == 401, 5))  # type: ignore[misc]
            took.append(stream.ends() - revoked)

        assert stream.last_words == "token_revoked"

    assert max(took) < BOUND_S


def test_a_person_who_is_disabled_at_one_process_is_out_at_both_with_all_their_command_lines(two: Replicas) -> None:
    first, second = two.gateways
    first.enter("acme")
    took = []
    for number in range(TOKENS):
        here, there = (logged_in(first.settings, f"person {number}") for _ in range(2))
        assert here.person == there.person
        with first.http(here.access_token) as at_first, second.http(there.access_token) as at_second:
            assert [each.get("/control/me").status_code for each in (at_first, at_second)] == [200, 200]

            first.control("POST", f"/people/{here.person}/disable", json={"cause": "left"})
            for client in (at_first, at_second):
                took.append(until(lambda client=client: client.get("/control/me").status_code == 401, 5))  # type: ignore[misc]

    assert max(took) < BOUND_S


def test_what_one_process_gives_the_other_takes(two: Replicas) -> None:
    first, second = two.gateways
    _, token = first.enter("acme")
    with second.http(token) as client:
        until(lambda: client.get("/v1/models").status_code == 200, 2)


def test_a_key_asked_for_in_vain_before_it_was_issued_is_known_when_it_is(two: Replicas) -> None:
    first, second = two.gateways
    told = []
    for _ in range(5):
        _, token = first.enter("acme")
        with second.http(token) as client:
            client.get("/v1/models")
            told.append(until(lambda client=client: client.get("/v1/models").status_code == 200, 2))  # type: ignore[misc]

    assert max(told) < BOUND_S
