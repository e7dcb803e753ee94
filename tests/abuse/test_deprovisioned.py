"""Whoever their directory puts out is out within a second in every process: session, own key, answers under way."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.access.leaving import withdraw_agreement
from gateway.clock import HOUR, Moment, at
from gateway.database.engine import open_database
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.cookies import SESSION
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.peppers import open_peppers
from gateway.ledger.store import Ledger
from gateway.scim.attributes import USER
from gateway.scim.patch import PATCH
from tests.abuse.replicas import Replicas, replicas
from tests.abuse.test_12_use_after_revoke import Stream
from tests.fakes.gateway import until
from tests.fakes.postgresql import PostgreSQLServer
from tests.faults.percentiles import p99
from tests.faults.report import write_report

BOUND_S = 1.0
SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
ROUNDS = 20 if SOAK else 1

PROVIDERS = """\
identity_providers:
  corporate:
    issuer: http://127.0.0.1:9
    client_id: release-gateway
    link: {userName: email}
    people: [{match: {groups: staff}, organisation: provider, roles: [provider]}]
"""
"""A provider that nobody reaches: who arrives here was vouched for elsewhere."""


@dataclass
class Held:
    """What somebody who signed in holds."""

    person: str
    session: str
    key: str
    client: tuple[str, str]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database, whose list of people a directory keeps at the first."""
    folder = tmp_path_factory.mktemp("deprovisioned")
    declared = folder / "providers.yaml"
    declared.write_text(PROVIDERS)
    with replicas(folder, postgresql_server, 2, interval_ms=20, identity_providers=str(declared)) as running:
        running.first.apply(
            "release: demo/slow\nserves: {inference: {upstream: fake, model: slow}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
        )
        running.follow()
        yield running


@pytest.fixture(scope="module")
def directory(two: Replicas) -> Iterator[httpx.Client]:
    """The directory, with a key for the list and nothing else."""
    _, token = two.first.enter("provider", "provider", scopes=["scim"])
    with two.first.http(token) as client:
        yield client


@pytest.fixture(scope="module")
def clients(two: Replicas) -> Iterator[list[httpx.Client]]:
    """A client of each process, under way already."""
    with two.gateways[0].http() as first, two.gateways[1].http() as second:
        yield [first, second]


def now() -> Moment:
    return at(time.time_ns() // 1_000)


async def sign_in(two: Replicas, user_name: str) -> Held:
    """Somebody on the list arrives, makes a key of their own and a client, in a process beside the two."""
    settings = two.first.settings
    database = open_database(settings["database_url"])
    ledger = Ledger(database, now)
    peppers = open_peppers(Path(settings["key_pepper_file"]))
    beside = Directory(database, ledger, peppers, providers=["corporate"])
    session, secret, digest = mint_session()
    arrival = Arrival(
        vouched=Vouched(
            issuer="corporate",
            subject=f"subject of {user_name}",
            user_name=user_name,
            display_name="",
            signed_in_at=now().latest,
            user_names=user_name,
            provisioned_only=True,
        ),
        organisation="provider",
        roles=(Role.PROVIDER,),
        assertions=(),
        session=session,
        kind=SessionKind.BROWSER,
        digest=digest,
        limits=Limits(HOUR, 12 * HOUR),
        state=session,
        state_expires_at=now().latest + HOUR,
    )
    try:
        arrived = await Registry(beside, withdraw_agreement).arrive(arrival, now())
        caller = await beside.in_session(secret.reveal(), now())
        key = await beside.issue_key(caller, KeyOrder(roles=(Role.PROVIDER,)), now())
        client = await beside.issue_key(caller, KeyOrder(roles=(Role.PROVIDER,), is_client=True), now())
    finally:
        await database.close()
    return Held(arrived.person.id, secret.reveal(), key.token.reveal(), (client.key.id, client.token.reveal()))


def deactivate(directory: httpx.Client, person: str) -> httpx.Response:
    body = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    return directory.patch(f"/scim/v2/Users/{person}", json=body)


def replace(directory: httpx.Client, person: str) -> httpx.Response:
    said = directory.get(f"/scim/v2/Users/{person}").json()
    return directory.put(f"/scim/v2/Users/{person}", json={**said, "active": False})


def delete(directory: httpx.Client, person: str) -> httpx.Response:
    return directory.delete(f"/scim/v2/Users/{person}")


WAYS: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "deactivated": deactivate,
    "replaced as not active": replace,
    "deleted": delete,
}


@pytest.mark.soak
def test_who_is_put_out_is_out_in_every_process_within_a_second(
    two: Replicas, directory: httpx.Client, clients: list[httpx.Client]
) -> None:
    calls: list[float] = []
    streams: list[float] = []
    for number in range(ROUNDS):
        for way, put_out in WAYS.items():
            name = f"{way.partition(' ')[0]}{number}@example.com"
            made = directory.post("/scim/v2/Users", json={"schemas": [USER], "userName": name})
            held = asyncio.run(sign_in(two, name))
            assert held.person == made.json()["id"]
            called, streamed = put_out_of(two, clients, held, lambda out=put_out, who=held.person: out(directory, who))
            calls.append(called)
            streams.append(streamed)

    assert max(*calls, *streams) < BOUND_S
    if SOAK:
        figures = {
            "people put out: deactivated, replaced as not active, deleted in turn": str(len(calls)),
            "own key and session refused by both processes, p99 and longest": f"{p99(calls):.3f} s, {max(calls):.3f} s",
            "answer under way by the own key ended, p99 and longest": f"{p99(streams):.3f} s, {max(streams):.3f} s",
            "clients that they had made, refused": "0",
        }
        write_report("Put out by a directory, two processes on PostgreSQL", figures)


def put_out_of(
    two: Replicas, clients: list[httpx.Client], held: Held, put_out: Callable[[], httpx.Response]
) -> tuple[float, float]:
    """How long it takes until both processes refuse what somebody holds, and until an answer under way has ended."""
    ways = [("/v1/models", {"x-api-key": held.key}), ("/control/me", {"cookie": f"__Host-{SESSION}={held.session}"})]
    asked = [(client, path, headers) for client in clients for path, headers in ways]

    def until_told(status: int) -> list[float]:
        """When each of them answers so, asked side by side: one after the other, asking itself would be measured."""

        def one(asked: tuple[httpx.Client, str, dict[str, str]]) -> float:
            client, path, headers = asked
            until(lambda: client.get(path, headers=headers).status_code == status, 5)
            return time.monotonic()

        with ThreadPoolExecutor(len(asked)) as side_by_side:
            return list(side_by_side.map(one, asked))

    until_told(200)
    stream = Stream(two.gateways[1].base_url, held.key, "demo/slow")
    answer = put_out()
    since = time.monotonic()
    took = max(until_told(401)) - since

    assert answer.is_success, answer.text
    ended = stream.ends() - since
    assert stream.last_words in {"key_revoked", "person_disabled"}
    form = {"grant_type": "client_credentials"}
    for replica in two.gateways:
        assert httpx.post(f"{replica.base_url}/oauth/token", data=form, auth=held.client).status_code == 200
    return took, ended
