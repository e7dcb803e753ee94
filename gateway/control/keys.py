"""`/control/keys`: issuing, rotating and revoking keys. A developer sees and changes its own organisation's only.

Who may give what is decided by the directory, in the transaction that writes it; this door only asks.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.clock import DAY, SECOND, Moment
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.known import knows_of
from gateway.control.wire import (
    After,
    Body,
    Cause,
    KeyInPath,
    Limit,
    OrganisationFilter,
    OrganisationId,
    shown,
    when,
)
from gateway.errors import Unauthenticated
from gateway.identity.callers import OVERSIGHT, Caller, Role
from gateway.identity.keyring import Issued, Key, KeyOrder, Rotation

Scope = Annotated[str, msgspec.Meta(max_length=210, examples=["inference", "inference:acme/atlas-1"])]
Network = Annotated[str, msgspec.Meta(max_length=50, examples=["192.0.2.0/24"])]
Scopes = Annotated[list[Scope], msgspec.Meta(max_length=64)]
Networks = Annotated[list[Network], msgspec.Meta(max_length=64)]


class NewKey(Body, frozen=True):
    """What key is to be issued. It can be no wider than the key this is asked with."""

    organisation: OrganisationId | None = None
    """That of the key this is asked with, where it is left out."""
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    roles: Annotated[list[Role], msgspec.Meta(min_length=1, max_length=6)] = msgspec.field(
        default_factory=lambda: [Role.DEVELOPER]
    )
    scopes: Scopes | None = None
    """null: not narrowed. An empty list: nothing."""
    networks: Networks | None = None
    """null: from anywhere. An empty list: from nowhere."""
    days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None
    """90, or as long as the key this is asked with may give, where it is left out."""


class Succession(Body, frozen=True):
    """How a key is to be succeeded. What is left out stays as it is; nothing can become wider."""

    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=604_800)] = 86_400
    """How long the old key goes on. 0 ends it at once."""
    scopes: Scopes | msgspec.UnsetType | None = msgspec.UNSET
    networks: Networks | msgspec.UnsetType | None = msgspec.UNSET


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a key, which is never the key."""

    id: str
    kind: str
    organisation: str
    label: str
    roles: list[str]
    scopes: list[str] | None
    networks: list[str] | None
    state: str
    """standing, expired, revoked, or disabled with its organisation."""
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    rotated_from: str | None
    revoked_at: datetime | None
    revoked_cause: str | None
    last_used_at: datetime | None
    """True to about a minute."""
    is_client: bool
    """Whether it opens nothing itself, and is exchanged for access tokens at `/oauth/token`."""
    is_break_glass: bool
    """Whether it is the provider's first, one recovered, or one that succeeded such a key: each use of it alarms."""
    pepper: str
    """Name of the line in the peppers file that signed it: while the key stands, the line must stay."""


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key. The token is shown here and never again."""

    key: ShownKey
    token: str
    warnings: list[str] = []
    """What may not be meant: a scope for a release that there is not, or none that you may know of."""


class KeyPage(msgspec.Struct, frozen=True):
    """Some keys, in order of id."""

    keys: list[ShownKey]
    next: str | None
    """Where the next page begins; null on the last."""


class Keys(Controller):
    """API keys."""

    path = "/keys"
    tags = ("keys",)

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
    ) -> KeyPage:
        """Keys of one organisation, or of all. A developer sees those of its own organisation."""
        keys = await areas.directory.keys(caller, organisation=organisation or "", after=after or "", limit=limit)
        disabled = await areas.directory.disabled_among(frozenset(key.organisation for key in keys))
        shown_keys = [shown_key(key, moment, disabled) for key in keys]
        return KeyPage(shown_keys, keys[-1].id if len(keys) == limit else None)

    @get("/{key:str}", **open_to(*EVERYBODY))
    async def show(self, key: KeyInPath, areas: InAreas, caller: Asking, moment: Now) -> ShownKey:
        """One key."""
        return await _looked_up(areas, await areas.directory.key(caller, key), moment)

    @post("/", **open_to(Role.PROVIDER, Role.DEVELOPER))
    async def issue(self, data: JSONBody[NewKey], areas: InAreas, caller: Asking, moment: Now) -> IssuedKey:
        """A new key, no wider than the one this is asked with. Its token is shown once."""
        order = KeyOrder(
            organisation=data.organisation or caller.organisation,
            label=data.label,
            roles=tuple(data.roles),
            scopes=None if data.scopes is None else tuple(data.scopes),
            networks=None if data.networks is None else tuple(data.networks),
            lifetime=None if data.days is None else data.days * DAY,
        )
        issued = _issued(await areas.directory.issue_key(caller, order, moment), moment)
        return msgspec.structs.replace(issued, warnings=await _warnings(areas, caller, order.scopes or ()))

    @post("/{key:str}/rotate", **open_to(*EVERYBODY))
    async def rotate(
        self, key: KeyInPath, data: JSONBody[Succession], areas: InAreas, caller: Asking, moment: Now
    ) -> IssuedKey:
        """A successor, no wider; the old key goes on for the overlap. Every key may rotate itself."""
        rotation = Rotation(
            overlap=data.overlap_s * SECOND, scopes=_listed(data.scopes), networks=_listed(data.networks)
        )
        return _issued(await areas.directory.rotate_key(caller, key, rotation, moment), moment)

    @post("/{key:str}/revoke", status_code=200, **open_to(*EVERYBODY))
    async def revoke(
        self, key: KeyInPath, data: JSONBody[Cause], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownKey:
        """End a key at once: everywhere within a second, answers under way included. Every key may revoke itself."""
        return await _looked_up(areas, await areas.directory.revoke_key(caller, key, data.cause, moment), moment)


def _listed(given: list[str] | msgspec.UnsetType | None) -> tuple[str, ...] | msgspec.UnsetType | None:
    return tuple(given) if isinstance(given, list) else given


async def _warnings(areas: Areas, caller: Caller, scopes: tuple[str, ...]) -> list[str]:
    """A word for each scope that reaches no release; hidden and absent ones are told alike."""
    named = sorted({release for scope in scopes if "/" in (release := scope.partition(":")[2])})
    everything = areas.current.snapshot.releases
    return [
        f"There is no release `{release}`, or none that you may know of: this key reaches nothing by that scope."
        for release in named
        if release not in everything or not await knows_of(areas, caller, release)
    ]


def _issued(issued: Issued, moment: Moment) -> IssuedKey:
    return IssuedKey(shown_key(issued.key, moment), issued.token.reveal())


async def _looked_up(areas: Areas, key: Key, moment: Moment) -> ShownKey:
    return shown_key(key, moment, await areas.directory.disabled_among(frozenset({key.organisation})))


def shown_key(key: Key, moment: Moment, disabled: frozenset[str] = frozenset()) -> ShownKey:
    """What may be shown of a key, whose organisation may be among those disabled."""
    return ShownKey(
        id=key.id,
        kind=key.kind,
        organisation=key.organisation,
        label=key.label,
        roles=[role.value for role in key.roles],
        scopes=None if key.scopes is None else list(key.scopes),
        networks=None if key.networks is None else list(key.networks),
        state=_state(key, moment, key.organisation in disabled),
        issued_at=shown(key.issued_at),
        issued_by=key.issued_by,
        expires_at=shown(key.expires_at),
        rotated_from=key.rotated_from,
        revoked_at=when(key.revoked_at),
        revoked_cause=key.revoked_cause,
        last_used_at=when(key.last_used_at),
        is_client=key.is_client,
        is_break_glass=key.is_break_glass,
        pepper=key.pepper,
    )


def _state(key: Key, moment: Moment, disabled: bool) -> str:
    try:
        key.check_stands(moment)
    except Unauthenticated as error:
        return error.code.removeprefix("key_")
    return "disabled" if disabled else "standing"
