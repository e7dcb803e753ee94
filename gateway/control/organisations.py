"""`/control/organisations`: customers, and what is asserted of them. A developer sees its own only."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.clock import NEVER, Moment, at
from gateway.control.areas import Asking, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import (
    After,
    Body,
    Cause,
    Limit,
    Line,
    OrganisationId,
    OrganisationInPath,
    RecordInPath,
    When,
    instant_in,
    shown,
    when,
)
from gateway.identity.attributes import Claim
from gateway.identity.attributes import standing as strongest
from gateway.identity.callers import OVERSIGHT, Assertion, Role
from gateway.identity.facts import ASSURANCE_MAX
from gateway.identity.organisations import Organisation

INTEGER_MAX = 2**53 - 1

Text = Annotated[str, msgspec.Meta(max_length=200)]


class NewOrganisation(Body, frozen=True):
    """A new customer."""

    id: OrganisationId
    name: Line


class NewAssertion(Body, frozen=True):
    """A fact about an organisation, and who established it how well."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["kyc", "residence_country"])]
    value: (
        Text
        | Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
        | bool
        | Annotated[list[Text], msgspec.Meta(max_length=64)]
    )
    issuer: Line
    assurance: Annotated[int, msgspec.Meta(ge=0, le=ASSURANCE_MAX)] = 0
    """How strongly it was established, from 0 (self-declared) to 4."""
    asserted_at: When | None = None
    """Now, where it is left out."""
    expires_at: When | None = None
    """Never, where it is left out."""


class ShownOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as it stands."""

    id: str
    name: str
    state: str
    """enabled or disabled."""
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_cause: str | None


class OrganisationPage(msgspec.Struct, frozen=True):
    """Some organisations, in order of id."""

    organisations: list[ShownOrganisation]
    next: str | None
    """Where the next page begins; null on the last."""


class ShownAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute as somebody asserted it."""

    id: str
    name: str
    value: str | int | bool | list[str]
    issuer: str
    assurance: int
    asserted_at: datetime
    expires_at: datetime | None
    stands: bool
    """Whether it is the one of its name that counts now."""


class NewlyAsserted(ShownAssertion, frozen=True, kw_only=True):
    """An assertion just made, and what stands in its place where it does not."""

    outranked_by: ShownAssertion | None
    """The one of its name that counts now; null where the new one does."""


class Organisations(Controller):
    """Organisations and their attributes."""

    path = "/organisations"
    tags = ("organisations",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(self, areas: InAreas, caller: Asking, after: After = None, limit: Limit = 100) -> OrganisationPage:
        """Organisations in order of id."""
        found = await areas.directory.organisations(caller, after=after or "", limit=limit)
        return OrganisationPage([_shown(each) for each in found], found[-1].id if len(found) == limit else None)

    @get("/{organisation:str}", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def show(self, organisation: OrganisationInPath, areas: InAreas, caller: Asking) -> ShownOrganisation:
        """One organisation."""
        return _shown(await areas.directory.organisation(caller, organisation))

    @post("/", **open_to(Role.PROVIDER))
    async def create(
        self, data: JSONBody[NewOrganisation], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownOrganisation:
        """A new customer."""
        return _shown(await areas.directory.create_organisation(caller, data.id, data.name, moment))

    @post("/{organisation:str}/disable", status_code=200, **open_to(Role.PROVIDER))
    async def disable(
        self, organisation: OrganisationInPath, data: JSONBody[Cause], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownOrganisation:
        """End every key of an organisation at once."""
        return _shown(await areas.directory.disable_organisation(caller, organisation, data.cause, moment))

    @get("/{organisation:str}/attributes", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def attributes(
        self, organisation: OrganisationInPath, areas: InAreas, caller: Asking, moment: Now
    ) -> list[ShownAssertion]:
        """What is asserted of an organisation."""
        return _listed(await areas.directory.attributes(caller, organisation), moment)

    @post("/{organisation:str}/attributes", **open_to(Role.PROVIDER))
    async def assert_attribute(
        self,
        organisation: OrganisationInPath,
        data: JSONBody[NewAssertion],
        areas: InAreas,
        caller: Asking,
        moment: Now,
    ) -> NewlyAsserted:
        """Assert a fact about an organisation. The one of highest assurance counts; of equals, the latest."""
        expires_at = instant_in(data.expires_at, "expires_at")
        claim = Claim(
            name=data.name,
            value=tuple(data.value) if isinstance(data.value, list) else data.value,
            issuer=data.issuer,
            assurance=data.assurance,
            asserted_at=instant_in(data.asserted_at, "asserted_at"),
            expires_at=NEVER if expires_at is None else expires_at,
        )
        assertion = await areas.directory.assert_attribute(caller, organisation, claim, moment)
        held = await areas.directory.attributes(caller, organisation)
        # What was asserted now stands for every later call: none of them lies before the latest possible now.
        counting = strongest(held, at(moment.latest)).get(claim.name)
        made = _assertion(assertion, stands=counting == assertion)
        return NewlyAsserted(
            **msgspec.structs.asdict(made),
            outranked_by=None if counting is None or counting == assertion else _assertion(counting, stands=True),
        )

    @post("/{organisation:str}/attributes/{assertion:str}/withdraw", status_code=200, **open_to(Role.PROVIDER))
    async def withdraw_attribute(
        self,
        *,
        organisation: OrganisationInPath,
        assertion: RecordInPath,
        data: JSONBody[Cause],
        areas: InAreas,
        caller: Asking,
        moment: Now,
    ) -> ShownAssertion:
        """Let an assertion stand no more."""
        withdrawn = await areas.directory.withdraw_attribute(caller, organisation, assertion, data.cause, moment)
        return _assertion(withdrawn, stands=False)


def _listed(assertions: tuple[Assertion, ...], moment: Moment) -> list[ShownAssertion]:
    standing = {assertion.id for assertion in strongest(assertions, moment).values()}
    return [_assertion(assertion, stands=assertion.id in standing) for assertion in assertions]


def _shown(organisation: Organisation) -> ShownOrganisation:
    return ShownOrganisation(
        id=organisation.id,
        name=organisation.name,
        state="enabled" if organisation.disabled_at is None else "disabled",
        created_at=shown(organisation.created_at),
        created_by=organisation.created_by,
        disabled_at=when(organisation.disabled_at),
        disabled_cause=organisation.disabled_cause,
    )


def _assertion(assertion: Assertion, *, stands: bool) -> ShownAssertion:
    value = assertion.value
    return ShownAssertion(
        id=assertion.id,
        name=assertion.name,
        value=list(value) if isinstance(value, tuple) else value,
        issuer=assertion.issuer,
        assurance=assertion.assurance,
        asserted_at=shown(assertion.asserted_at),
        expires_at=when(assertion.expires_at),
        stands=stands,
    )
