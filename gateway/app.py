"""create_app(): the doors over an installation, on one page."""

from collections.abc import Awaitable
from typing import Any

from litestar import Litestar, Request, Router, asgi
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.access.calls import new_request_id
from gateway.control import problems
from gateway.control.router import control_router
from gateway.control.schema import COMPONENTS
from gateway.errors import GatewayError
from gateway.health import health_routes
from gateway.hub import answers
from gateway.inference import dialect
from gateway.installation import Installation
from gateway.oauth import answers as oauth


def _only_documents(request: Request[Any, Any, Any]) -> None:
    """Refuse what is no document of the schema, as every other route does: the framework's own answer is a page."""
    if "path" in request.path_params:
        raise NotFoundException


OPENAPI = OpenAPIConfig(
    title="release-gateway",
    version=__version__,
    description="The door for providers and auditors. Models are called at /v1, weights are downloaded at /hub.",
    path="/schema",
    openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, before_request=_only_documents),
    components=COMPONENTS,
    use_handler_docstrings=True,
    # The document alone: the framework's pages would run scripts of other people's servers on this gateway's origin.
    # As JSON alone, which is written once: YAML would be written anew for whoever asks, a second of the loop each time.
    render_plugins=[JsonRenderPlugin(path=["/openapi.json", "/"])],
)


def create_app(installation: Installation) -> Litestar:
    """The doors over an installation, which runs for as long as the application does."""
    return Litestar(
        route_handlers=[
            _mounted("/v1", installation.models),
            _mounted("/hub", installation.weights),
            _mounted("/oauth", installation.oauth),
            _mounted("/.well-known", installation.oauth),
            control_router(installation.areas(), installation.settings.control_bytes_max),
            *health_routes(installation.readiness, installation.metrics),
        ],
        lifespan=[installation.running],
        openapi_config=OPENAPI,
        exception_handlers=problems.HANDLERS,
        logging_config=None,
    )


def with_doors_first(app: Litestar, installation: Installation) -> ASGIApp:
    """The application as it is served: calls go straight to their doors, everything else by the framework.

    The doors are mounted in the framework too, and answer alike by either way: they look at the raw
    path only. Its routing and its wrapping of every message would cost a call a tenth more.
    """
    models, weights = installation.models, installation.weights

    def enter(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path = scope.get("raw_path", b"")
        if path.startswith(b"/v1/"):
            return models(scope, receive, send)
        if path.startswith(b"/hub/"):
            return weights(scope, receive, send)
        return app(scope, receive, send)

    return enter


def told_by_door(path: bytes, error: GatewayError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """An error met before any door, in the shape of the one that the path leads to: status, headers and body."""
    if path.startswith(b"/v1/"):
        return dialect.failure(error, new_request_id())
    if path.startswith(b"/hub/"):
        return answers.failure(error, new_request_id())
    if path.startswith((b"/oauth/", b"/.well-known/")):
        return oauth.failure(error, new_request_id())
    return problems.failure(error, new_request_id())


def _mounted(path: str, door: ASGIApp) -> Any:
    """A door below a path; it sees the raw path and answers everything that begins with it."""

    @asgi(path, is_mount=True, copy_scope=False)
    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        await door(scope, receive, send)

    return enter
