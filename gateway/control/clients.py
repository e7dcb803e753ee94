"""`/control/clients`: machines that sign in at `/oauth/token`. A client is a key that opens nothing itself.

It is shown, listed by id, rotated and revoked as every key is, under `/control/keys`.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post, put
from litestar.params import JSONBody

from gateway.clock import DAY, Moment
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.keys import Networks, Scopes, ShownKey, shown_key
from gateway.control.wire import After, Body, KeyInPath, Limit, OrganisationFilter, OrganisationId
from gateway.identity.callers import OVERSIGHT, Role
from gateway.identity.keyring import Key, KeyOrder
from gateway.identity.tokens.proving import checked_public_keys, public_keys_of

PublicKeys = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description="A JSON Web Key Set of public keys (RFC 7517), each with a `kid`.",
        examples=[{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026-11", "x": "…"}]}],
    ),
]


class NewClient(Body, frozen=True):
    """What client is to be made. Its tokens can do no more than the key this is asked with."""

    organisation: OrganisationId | None = None
    """That of the key this is asked with, where it is left out."""
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    roles: Annotated[list[Role], msgspec.Meta(min_length=1, max_length=6)] = msgspec.field(
        default_factory=lambda: [Role.DEVELOPER]
    )
    scopes: Scopes | None = None
    """The widest that a token of it can have. null: not narrowed."""
    networks: Networks | None = None
    """Where it gets tokens from and its tokens may be used from. null: from anywhere."""
    days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None
    public_keys: PublicKeys | None = None
    """By which it proves itself, signing (`private_key_jwt`). Left out: by a secret."""


class NewKeys(Body, frozen=True):
    """By which keys a client proves itself from now on: put the new beside the old, and later take out the old."""

    public_keys: PublicKeys


class ShownClient(msgspec.Struct, frozen=True):
    """A client: its `id` is its `client_id`."""

    client: ShownKey
    proves_itself_by: str
    """`client_secret` or `private_key_jwt`."""
    key_ids: list[str]


class MadeClient(msgspec.Struct, frozen=True):
    """A new client. Its secret is shown here and never again."""

    client: ShownClient
    client_secret: str | None
    """null where it proves itself by keys of its own."""


class ClientPage(msgspec.Struct, frozen=True):
    """Some clients, in order of id."""

    clients: list[ShownClient]
    next: str | None
    """Where the next page begins; null on the last."""


class Clients(Controller):
    """Machines that sign in at `/oauth/token`."""

    path = "/clients"
    tags = ("clients",)

    @get("/", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def index(
        self,
        *,
        areas: InAreas,
        caller: Asking,
        moment: Now,
        organisation: OrganisationFilter = None,
        after: After = None,
        limit: Limit = 100,
    ) -> ClientPage:
        """Clients of one organisation, or of all. A developer sees those of its own organisation."""
        found = await areas.directory.keys(
            caller, organisation=organisation or "", after=after or "", limit=limit, clients_only=True
        )
        clients = [await _shown(areas, key, moment) for key in found]
        return ClientPage(clients, found[-1].id if len(found) == limit else None)

    @post("/", **open_to(Role.PROVIDER, Role.DEVELOPER))
    async def make(self, data: JSONBody[NewClient], areas: InAreas, caller: Asking, moment: Now) -> MadeClient:
        """A new client, no wider than the key this is asked with. Its secret is shown once."""
        order = KeyOrder(
            organisation=data.organisation or caller.organisation,
            label=data.label,
            roles=tuple(data.roles),
            scopes=None if data.scopes is None else tuple(data.scopes),
            networks=None if data.networks is None else tuple(data.networks),
            lifetime=None if data.days is None else data.days * DAY,
            is_client=True,
            public_keys=None if data.public_keys is None else checked_public_keys(data.public_keys),
        )
        issued = await areas.directory.issue_key(caller, order, moment)
        secret = issued.token.reveal() if issued.key.public_keys is None else None
        return MadeClient(await _shown(areas, issued.key, moment), secret)

    @put("/{client:str}/keys", **open_to(Role.PROVIDER, Role.DEVELOPER))
    async def exchange_keys(
        self, client: KeyInPath, data: JSONBody[NewKeys], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownClient:
        """Let a client prove itself by other keys. Tokens that it holds go on until they end."""
        kept = checked_public_keys(data.public_keys)
        key = await areas.authority.exchange_keys(caller, client, kept, moment)
        return await _shown(areas, msgspec.structs.replace(key, public_keys=kept), moment)


async def _shown(areas: Areas, key: Key, moment: Moment) -> ShownClient:
    disabled = await areas.directory.disabled_among(frozenset({key.organisation}))
    by = "client_secret" if key.public_keys is None else "private_key_jwt"
    return ShownClient(shown_key(key, moment, disabled), by, [each.id for each in public_keys_of(key)])
