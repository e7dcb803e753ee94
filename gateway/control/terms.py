"""`/control/releases/{namespace}/{name}/terms`: reading the texts that bind a release, and accepting them."""

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.access.admissions import new_id
from gateway.access.grants import Acceptance
from gateway.access.snapshot import InForce
from gateway.control.areas import Areas, Asking, By, InAreas, Now
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.known import knows_of
from gateway.control.wire import Body, Digest, DocumentInPath, PartInPath
from gateway.errors import Conflict, NotFound
from gateway.identity.callers import Caller, Role


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text in force, and whether my organisation has accepted it as it stands."""

    release: str
    name: str
    digest: str
    accepted: bool
    text: str | None = None
    """null in lists."""


class Acceptances(Body, frozen=True):
    """Which text is accepted: the digest of what was read."""

    digest: Digest


class Accepted(msgspec.Struct, frozen=True):
    """What was accepted, and whether it had been before."""

    release: str
    name: str
    digest: str
    before: bool


class TermsOfReleases(Controller):
    """The terms of a release."""

    path = "/releases/{namespace:str}/{name:str}/terms"
    tags = ("terms",)

    @get("/", **open_to(*EVERYBODY))
    async def index(self, namespace: PartInPath, name: PartInPath, areas: InAreas, caller: Asking) -> list[Text]:
        """The texts in force, by name and digest."""
        in_force = await _in_force(areas, caller, f"{namespace}/{name}")
        accepted = await _accepted(areas, caller, in_force)
        return [
            Text(release=in_force.strategy.release, name=text, digest=digest, accepted=digest in accepted)
            for text, digest in sorted(in_force.strategy.terms.items())
        ]

    @get("/{text:str}", **open_to(*EVERYBODY))
    async def show(
        self, namespace: PartInPath, name: PartInPath, text: DocumentInPath, areas: InAreas, caller: Asking
    ) -> Text:
        """One text in force, to be read before it is accepted."""
        in_force = await _in_force(areas, caller, f"{namespace}/{name}")
        digest = _digest(in_force, text)
        content = await areas.catalogue.document(digest)
        if content is None:
            raise NotFound(f"The text `{text}` is not kept here.")
        accepted = await _accepted(areas, caller, in_force)
        return Text(
            release=in_force.strategy.release,
            name=text,
            digest=digest,
            accepted=digest in accepted,
            text=content.decode("utf-8", "replace"),
        )

    @post("/{text:str}/accept", status_code=200, **open_to(Role.DEVELOPER, Role.STAFF))
    async def accept(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        text: DocumentInPath,
        data: JSONBody[Acceptances],
        areas: InAreas,
        caller: Asking,
        actor: By,
        moment: Now,
    ) -> Accepted:
        """Accept a text for my organisation. The digest named must be that of the text in force."""
        in_force = await _in_force(areas, caller, f"{namespace}/{name}")
        digest = _digest(in_force, text)
        if data.digest != digest:
            raise Conflict(
                f"The text in force is {digest}, not the one that was read.",
                code="terms_changed",
                next_step="Read it as it stands now, then accept that.",
            )
        acceptance = Acceptance(
            id=new_id("terms"),
            organisation=caller.organisation,
            release=in_force.strategy.release,
            name=text,
            digest=digest,
            accepted_at=moment.latest,
            accepted_by=caller.key,
        )
        fresh = await areas.admissions.accept(actor, acceptance)
        return Accepted(in_force.strategy.release, text, digest, before=not fresh)


async def _in_force(areas: Areas, caller: Caller, release: str) -> InForce:
    """The release, if this caller may know of it. Raises NotFound, in one shape, where it may not or there is none."""
    snapshot, _ = areas.current.now()
    in_force = snapshot.releases.get(release)
    known = await knows_of(areas, caller, release)
    if in_force is None or not known:
        raise NotFound
    return in_force


def _digest(in_force: InForce, text: str) -> str:
    digest = in_force.strategy.terms.get(text)
    if digest is None:
        release = in_force.strategy.release
        raise NotFound(f"There is no text `{text}` of `{release}`.", next_step=f"See `gateway terms show {release}`.")
    return digest


async def _accepted(areas: Areas, caller: Caller, in_force: InForce) -> frozenset[str]:
    """Read from the database, not from what is kept: an acceptance of a moment ago must be seen."""
    holdings = await areas.admissions.holdings(caller.organisation)
    return holdings.accepted.get(in_force.strategy.release, frozenset())
