"""Whoever their directory puts out is out within a second in every process: session, own key, answers under way."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.leaving import withdrawing_all
from gateway.clock import HOUR, Moment, at
from gateway.database.engine import open_database
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder
from gateway.identity.people.arriving import Arrival, Limits, Vouched
from gateway.identity.people.cookies import SESSION
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

BOUND_S = 1.0
ROUNDS = 50 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 1

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
    settings = {"identity_providers": str(declared)}
    with replicas(folder, postgresql_server, 2, interval_ms=20, settings=settings) as running:
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


def now() -> Moment:
    return at(time.time_ns() // 1_000)


async def sign_in(two: Replicas, user_name: str) -> Held:
    """Somebody on the list arrives, makes a key of their own and a client, in a process beside the two."""
    settings = two.first.settings
    database = open_database(settings["database_url"])
    ledger = Ledger(database, now)
    peppers = open_peppers(Path(settings["key_pepper_file"]))
    beside = Directory(database, ledger, peppers)
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
        arrived = await Registry(beside, withdrawing_all(now)).arrive(arrival, now())
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


@pytest.mark.parametrize("put_out", [deactivate, replace, delete])
def test_who_is_put_out_is_out_in_every_process_within_a_second(
    two: Replicas, directory: httpx.Client, put_out: Callable[[httpx.Client, str], httpx.Response]
) -> None:
    took: list[float] = []
    for number in range(ROUNDS):
        name = f"{put_out.__name__}{number}@example.com"
        made = directory.post("/scim/v2/Users", json={"schemas": [USER], "userName": name})
        held = asyncio.run(sign_in(two, name))
        assert held.person == made.json()["id"]
        cookie = {"cookie": f"__Host-{SESSION}={held.session}"}
        asked = [(replica, way) for replica in two.gateways for way in ("key", "session")]

        def status(replica: Any, way: str, held: Held = held, cookie: dict[str, str] = cookie) -> int:
            if way == "key":
                return httpx.get(f"{replica.base_url}/v1/models", headers={"x-api-key": held.key}).status_code
            return httpx.get(f"{replica.base_url}/control/me", headers=cookie).status_code

        for replica, way in asked:
            until(lambda replica=replica, way=way: status(replica, way) == 200, 5)  # type: ignore[misc]
        stream = Stream(two.gateways[1].base_url, held.key, "demo/slow")

        told = put_out(directory, held.person)
        since = time.monotonic()
        for replica, way in asked:
            until(lambda replica=replica, way=way: status(replica, way) == 401, 5)  # type: ignore[misc]
        took += [time.monotonic() - since, stream.ends() - since]

        assert told.is_success, told.text
        assert stream.last_words in {"key_revoked", "person_disabled"}
        form = {"grant_type": "client_credentials"}
        for replica in two.gateways:
            assert httpx.post(f"{replica.base_url}/oauth/token", data=form, auth=held.client).status_code == 200

    print(f"{put_out.__name__}: out everywhere in {max(took):.3f} s at most, of {len(took)} measured")
    assert max(took) < BOUND_S
