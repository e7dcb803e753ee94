"""The whole door for providers and auditors on one page: its nouns, its guard, what every route is handed."""

from typing import Any

from litestar import Request, Response, Router
from litestar.di import Provide

from gateway.bodies import check_names
from gateway.clock import Moment
from gateway.control import problems, queries
from gateway.control.access import AccessToReleases
from gateway.control.areas import IN_OPT, Areas
from gateway.control.changes import Changes
from gateway.control.classifications import Classifications
from gateway.control.clients import Clients
from gateway.control.concurrences import OwnConcurrences
from gateway.control.evidence import EvidenceOfReleases
from gateway.control.forms import FormsOfReleases
from gateway.control.grants import Grants
from gateway.control.guards import doorkeeper
from gateway.control.incidents import IncidentsOfReleases
from gateway.control.keys import Keys
from gateway.control.ledger import LedgerEntries
from gateway.control.lines import LinesOfReleases
from gateway.control.me import Myself
from gateway.control.narrowings import Narrowings
from gateway.control.organisations import Organisations
from gateway.control.people import People
from gateway.control.places import PlacesInLine
from gateway.control.policies import Policies
from gateway.control.releases import Releases
from gateway.control.reports import Reports
from gateway.control.requests import RequestsForAccess
from gateway.control.session import Sessions
from gateway.control.stages import StagesOfReleases
from gateway.control.terms import TermsOfReleases
from gateway.control.timelines import Timelines
from gateway.control.tokens import Tokens
from gateway.identity.callers import Caller
from gateway.ledger.store import Actor

PATH = "/control"
BODY_BYTES_MAX = 1 << 20

_BODY = "data"
"""What a route calls the body that it takes."""

NOUNS = (
    Myself,
    Organisations,
    Keys,
    Clients,
    Tokens,
    Sessions,
    People,
    Releases,
    Narrowings,
    Timelines,
    Classifications,
    Reports,
    Changes,
    TermsOfReleases,
    StagesOfReleases,
    EvidenceOfReleases,
    IncidentsOfReleases,
    FormsOfReleases,
    RequestsForAccess,
    Grants,
    LinesOfReleases,
    PlacesInLine,
    OwnConcurrences,
    AccessToReleases,
    LedgerEntries,
    Policies,
)


def control_router(areas: Areas, body_bytes_max: int = BODY_BYTES_MAX) -> Router:
    """`/control` over these areas; a request's body may have so many bytes."""

    async def provide_areas() -> Areas:
        return areas

    async def provide_moment() -> Moment:
        _, moment = areas.current.now()
        return moment

    return Router(
        path=PATH,
        route_handlers=NOUNS,
        guards=[doorkeeper(areas.entrance)],
        before_request=_begin,
        after_request=_finish,
        dependencies={
            "areas": Provide(provide_areas),
            "caller": Provide(_provide_caller),
            "actor": Provide(_provide_actor),
            "moment": Provide(provide_moment),
        },
        exception_handlers=problems.HANDLERS,
        opt={IN_OPT: lambda: areas},
        request_max_body_size=body_bytes_max,
    )


async def _begin(request: Request[Any, Any, Any]) -> None:
    """Take the query and the body at their word, before either is decoded."""
    await queries.check(request)
    if _BODY in request.route_handler.parsed_fn_signature.parameters and (body := await request.body()):
        check_names(body)


async def _provide_caller(request: Request[Caller, Any, Any]) -> Caller:
    return request.user


async def _provide_actor(request: Request[Caller, Any, Any]) -> Actor:
    return request.user.actor


def _finish(response: Response[Any]) -> Response[Any]:
    """Answers here are about one caller and one moment: nobody may keep them."""
    response.headers["cache-control"] = "no-store"
    return response
