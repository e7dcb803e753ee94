"""What is kept of tokens, on both engines alike: granted, revoked, and proofs taken once."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.clock import DAY, SECOND, at
from gateway.database.engine import Database
from gateway.errors import Conflict, GatewayError, Invalid, Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.own import OwnIssuer
from gateway.identity.tokens.proving import Credentials
from gateway.identity.tokens.rates import TokenRates
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.identity.tokens.store import use_assertion
from tests.fakes.installation import NOW, PEPPERS, START, Installation, begun, lines, refusal

URL = "https://gateway.example"
CLIENT = KeyOrder(organisation="acme", scopes=("inference", "weights"), is_client=True)


class Machines:
    """An installation whose clients get tokens, in as many processes as are wanted."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self._keys = SigningKeys(folder / "token.keys")
        self.directory, self.authority = self.process()

    def process(self) -> tuple[Directory, Authority]:
        """A directory that has seen nothing yet, and the authority beside it."""
        issuer = OwnIssuer(URL, self._keys, 600 * SECOND)
        ledger = self.installation.ledger
        directory = Directory(
            self.installation.database, ledger, PEPPERS, believed=Believed([issuer]), providers=["corporate"]
        )
        return directory, Authority(directory, ledger, issuer, TokenRates(0, 0))

    async def client(self, order: KeyOrder = CLIENT) -> Credentials:
        issued = await self.installation.issue(order)
        return Credentials(issued.key.id, issued.token.reveal())

    async def token(self, client: Credentials, *scopes: str) -> str:
        return (await self.authority.grant(client, scopes or None, None, NOW)).text


@pytest_asyncio.fixture
async def machines(database: Database, tmp_path: Path) -> Machines:
    return Machines(await begun(database), tmp_path)


async def test_a_token_stands_for_its_client_with_its_own_scopes_and_end(machines: Machines) -> None:
    client = await machines.client()
    token = await machines.token(client, "inference:a/x")

    caller = await machines.directory.authenticate(token, None, NOW)
    elsewhere = await machines.process()[0].authenticate(token, None, NOW)

    assert (caller.key, caller.organisation, caller.scopes) == (client.client, "acme", ("inference:a/x",))
    assert caller.expires_at == START + 600 * SECOND
    assert elsewhere == caller
    assert await machines.directory.authenticate(token, None, NOW) is caller


async def test_a_token_is_verified_once_and_costs_no_look_up_after(machines: Machines) -> None:
    token = await machines.token(await machines.client())
    await machines.directory.authenticate(token, None, NOW)
    reads = machines.installation.database.reads

    for _ in range(100):
        await machines.directory.authenticate(token, None, NOW)

    assert machines.installation.database.reads == reads


async def test_garbage_and_forged_tokens_reach_no_database(machines: Machines) -> None:
    token = await machines.token(await machines.client())
    reads = machines.installation.database.reads

    forged = token[:-40] + ("B" if token[-40] == "A" else "A") + token[-39:]
    codes = {await refusal(machines.directory, each) for each in (forged, "ey.a.b", "eyJhIjoxfQ.e30.AA")}

    assert codes == {"invalid_token"}
    assert machines.installation.database.reads == reads


async def test_a_token_ends_on_the_instant_and_not_before(machines: Machines) -> None:
    token = await machines.token(await machines.client())
    end = START + 600 * SECOND

    await machines.directory.authenticate(token, None, at(end - 1))

    assert await refusal(machines.directory, token, now=at(end)) == "token_expired"
    assert await refusal(machines.process()[0], token, now=at(end)) == "token_expired"


async def test_a_revoked_token_is_out_here_at_once_and_elsewhere_with_the_feed(machines: Machines) -> None:
    client = await machines.client()
    token, other = await machines.token(client), await machines.token(client)
    elsewhere, _ = machines.process()
    caller = await elsewhere.authenticate(token, None, NOW)
    revision = (await machines.installation.ledger.news(-1)).revision

    await machines.authority.revoke(client, token, None, NOW)
    here = await refusal(machines.directory, token)
    for touch in (await machines.installation.ledger.news(revision)).touches:
        elsewhere.drop(touch.kind, touch.id)

    assert here == await refusal(elsewhere, token) == "token_revoked"
    assert not elsewhere.is_current(caller)
    with pytest.raises(Unauthenticated):
        await elsewhere.renewed(caller, NOW)
    assert await elsewhere.authenticate(other, None, NOW)


async def test_a_revoked_client_takes_its_tokens_with_it(machines: Machines) -> None:
    client = await machines.client()
    token = await machines.token(client)
    await machines.directory.authenticate(token, None, NOW)

    await machines.directory.revoke_key(machines.installation.provider, client.client, "leaked", NOW)

    assert await refusal(machines.directory, token) == "key_revoked"
    with pytest.raises(Unauthenticated):
        await machines.token(client)


async def test_of_many_that_bring_one_assertion_at_once_one_is_taken(machines: Machines) -> None:
    database = machines.installation.database

    taken = await asyncio.gather(
        *[database.write(lambda connection: use_assertion(connection, "a" * 64, START + DAY, START)) for _ in range(8)]
    )
    later = await database.write(
        lambda connection: use_assertion(connection, "a" * 64, START + 9 * DAY, START + 2 * DAY)
    )

    assert sorted(taken) == [False] * 7 + [True]
    assert later, "one that is over is forgotten"


async def test_every_token_has_its_entry_and_a_refused_one_has_none(machines: Machines) -> None:
    client = await machines.client()
    token = await machines.token(client, "weights")
    with pytest.raises(Invalid):
        await machines.token(client, "control")
    await machines.authority.revoke(client, token, None, NOW)
    await machines.authority.revoke(client, token, None, NOW)

    told = [(event, body) for event, body in await lines(machines.installation) if event.startswith("token:")]

    assert [event for event, _ in told] == ["token:issued", "token:revoked"]
    assert told[0][1]["subject"] == told[1][1]["subject"]
    assert {body["key"] for _, body in told} == {client.client}
    assert told[0][1]["detail"] == {"scopes": ["weights"], "expires_at": "2024-10-04T00:10:00Z"}


async def test_what_a_token_may_do_is_read_again_in_the_transaction(machines: Machines) -> None:
    order = KeyOrder(organisation="provider", roles=(Role.PROVIDER,), is_client=True)
    client = await machines.client(order)
    caller = await machines.directory.authenticate(await machines.token(client), None, NOW)
    await machines.process()[1].revoke_by_id(machines.installation.provider, caller.credential, "leaked", NOW)

    with pytest.raises(GatewayError) as refused:
        await machines.directory.create_organisation(caller, "new", "New", NOW)

    assert refused.value.status == 401


async def test_a_providers_client_is_no_way_back_for_whoever_ends_the_last_key(machines: Machines) -> None:
    """Its tokens issue no keys, so that nobody could administer the gateway any more."""
    await machines.client(KeyOrder(organisation="provider", roles=(Role.PROVIDER,), is_client=True))
    provider = machines.installation.provider

    with pytest.raises(Conflict) as refused:
        await machines.directory.revoke_key(provider, provider.key, "lost", NOW)

    assert refused.value.code == "last_provider_key"
