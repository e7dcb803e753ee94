"""A request as it stands beside everything that is known of it, and the questions that it puts to the judge."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from gateway.access.change_questions import Party
from gateway.access.requests import store
from gateway.access.requests.questions import RequestQuestion, Reviewer
from gateway.access.requests.request import AccessRequest, RequestAct, RequestState
from gateway.clock import Moment
from gateway.errors import NotFound
from gateway.identity import store as identity
from gateway.identity.attributes import standing
from gateway.identity.callers import Caller, Role
from gateway.identity.lineages import Lineage, lineage_of
from gateway.identity.predicates import Facts
from gateway.releases.audiences import attributes_read, evaluate, wants_grant
from gateway.releases.forms import RequestForm
from gateway.releases.store import version_in_force
from gateway.releases.strategies import Strategy


class Screening(msgspec.Struct, frozen=True):
    """What a reviewer should know of the organisation that no form tells."""

    audiences: Mapping[str, str]
    """How each audience that asks for a grant would answer with one: yes, no or unknown."""
    unknown: tuple[str, ...]
    """Facts that those audiences read and nobody has asserted, or not as surely as is asked: `kyc`, `kyc@2`."""


class Reviewed(msgspec.Struct, frozen=True):
    """A request, the form in force, what else was asked, and who stands behind the keys in it."""

    request: AccessRequest | None
    """None where it is only asked now."""
    strategy: Strategy | None
    """In force; None where there is no such release."""
    earlier: tuple[AccessRequest, ...]
    """The organisation's other requests for the release, the newest first."""
    screening: Screening
    lineages: Mapping[str, Lineage]

    @property
    def form(self) -> RequestForm | None:
        """The form in force."""
        return None if self.strategy is None else self.strategy.requests

    @property
    def basis(self) -> tuple[str, tuple[tuple[str, int], ...]]:
        """What an act is judged on beside the request itself: where this has moved, it is judged anew."""
        digest = "" if self.strategy is None else self.strategy.digest()
        return digest, tuple((each.id, each.acts) for each in self.earlier)


def read_request(connection: Connection, request_id: str, moment: Moment, *keys: str) -> Reviewed:
    """A request as it stands, with who stands behind it and behind these keys. Raises NotFound."""
    request = store.request_by_id(connection, request_id)
    if request is None:
        raise absent(request_id)
    people = {request.asked_by, *(approval.key for approval in request.consents), *keys}
    return _reviewed(
        connection, request, organisation=request.organisation, release=request.release, people=people, moment=moment
    )


def absent(request_id: str) -> NotFound:
    """There is no such request, or none that whoever asks may know of: the two look alike."""
    return NotFound(f"There is no request `{request_id}`.", next_step="See `gateway request list`.")


def read_asking(connection: Connection, organisation: str, release: str, key: str, moment: Moment) -> Reviewed:
    """What there is before an organisation asks for a release."""
    return _reviewed(connection, None, organisation=organisation, release=release, people={key}, moment=moment)


def question(act: RequestAct, reviewed: Reviewed, caller: Caller) -> RequestQuestion:
    """What the judge is asked about an act on a request. Pure: the same values give the same question."""
    request, form = reviewed.request, reviewed.form
    asker = caller.key if request is None else request.asked_by
    approvals = () if request is None else request.consents
    return RequestQuestion(
        act=act.value,
        state="" if request is None else request.state.value,
        takes_requests=form is not None,
        reviewers=() if form is None else tuple(role.value for role in form.reviewers),
        second_approval=form is not None and form.second_approval,
        concurrence_missing=form is not None and is_concurrence_missing(form, request),
        asker=_party(reviewed.lineages[asker]),
        actor=_party(reviewed.lineages[caller.key]),
        actor_roles=tuple(role.value for role in caller.roles),
        same_organisation=request is None or request.organisation == caller.organisation,
        approvals=tuple(_reviewer(reviewed.lineages[each.key], each.role) for each in approvals),
        has_open_request=any(each.is_open for each in reviewed.earlier),
        rejected_finally=any(each.state is RequestState.REJECTED and each.is_final for each in reviewed.earlier),
    )


def is_concurrence_missing(form: RequestForm, request: AccessRequest | None) -> bool:
    """Whether an authority must concur that has not; the word of another than the form names counts for nothing."""
    if not form.concurrence:
        return False
    return request is None or request.authority != form.concurrence or not request.concurrence


def may_read(caller: Caller, reviewed: Reviewed) -> bool:
    """Whether somebody may read what people wrote: the organisation that asked, and those who review."""
    request, form = reviewed.request, reviewed.form
    if request is None:
        return False
    is_own = caller.has(Role.DEVELOPER) and caller.organisation == request.organisation
    return is_own or (form is not None and caller.has(*form.reviewers))


def _reviewed(
    connection: Connection,
    request: AccessRequest | None,
    *,
    organisation: str,
    release: str,
    people: set[str],
    moment: Moment,
) -> Reviewed:
    version = version_in_force(connection, release)
    strategy = None if version is None else version.strategy
    others = store.requests_of(connection, organisation, release)
    return Reviewed(
        request=request,
        strategy=strategy,
        earlier=tuple(each for each in others if request is None or each.id != request.id),
        screening=_screened(connection, organisation, strategy, moment),
        lineages={key: lineage_of(connection, key) for key in people},
    )


def _screened(connection: Connection, organisation: str, strategy: Strategy | None, moment: Moment) -> Screening:
    audiences = {} if strategy is None else strategy.audiences
    asked = {name: audience for name, audience in audiences.items() if wants_grant(audience)}
    known = standing(identity.assertions(connection, organisation), moment)
    facts = Facts(
        roles=(Role.DEVELOPER,),
        has_grant=True,
        attributes={name: assertion.value for name, assertion in known.items()},
        assurances={name: assertion.assurance for name, assertion in known.items()},
        organisation=organisation,
    )
    read = sorted({sought for audience in asked.values() for sought in attributes_read(audience)})
    surely = {name: assertion.assurance for name, assertion in known.items()}
    return Screening(
        audiences={name: evaluate(audience, facts).value for name, audience in asked.items()},
        unknown=tuple(each.written for each in read if surely.get(each.name, -1) < each.assurance),
    )


def _party(lineage: Lineage) -> Party:
    return Party(lineage.person, lineage.issuers, lineage.founders, lineage.is_machine)


def _reviewer(lineage: Lineage, role: str) -> Reviewer:
    return Reviewer(lineage.person, lineage.issuers, lineage.founders, lineage.is_machine, role)
