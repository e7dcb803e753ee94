"""The policies in force as an OPA bundle, for the OPA servers that judge by them: `GET /policies/bundle.tar.gz`.

Bundle service as OPA polls it: bearer token, `ETag` and `If-None-Match`. What it opens to is a token of its own, in a
file that the operator gives to both: OPA must be able to fetch before there is any key, and while the database is down.
"""

import hmac
from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.status_codes import HTTP_200_OK, HTTP_304_NOT_MODIFIED

from gateway.access.judges.policies import PolicySet
from gateway.errors import SettingsInvalid, Unauthenticated
from gateway.secret_files import read_secret_file

PATH = "/policies"
NAME = "/bundle.tar.gz"
_WHAT = "bundle token"
_LENGTH_MIN = 32


class BundleTokenMissing(Unauthenticated):
    """Whoever asks for the policies is no OPA server of this installation's."""

    message = "The bundle of the policies is for this installation's OPA servers."
    next_step = "Send what stands in GATEWAY_BUNDLE_TOKEN_FILE as `Authorization: Bearer`."


def read_bundle_token(path: Path | None) -> bytes | None:
    """The token that opens the bundle; None where nothing does. Raises SettingsInvalid."""
    if path is None:
        return None
    token = read_secret_file(path, _WHAT).partition(b"\n")[0].strip()
    if len(token) < _LENGTH_MIN:
        raise SettingsInvalid(
            f"The {_WHAT} file {path} has fewer than {_LENGTH_MIN} characters in its first line.",
            next_step=f"Make one: `openssl rand -hex 32 > {path}`.",
        )
    return token


def bundle_router(policies: PolicySet, token: bytes | None) -> Router:
    """The bundle of these policies, open to whoever shows this token, and to nobody where there is none."""
    bundle, tag = policies.bundle(), f'"{policies.digest}"'
    expected = b"Bearer " + token if token is not None else None

    def admit(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        shown = connection.headers.get("authorization", "").encode("latin-1", "replace")
        if expected is None or not hmac.compare_digest(shown, expected):
            raise BundleTokenMissing

    @get(NAME, include_in_schema=False)
    async def fetch(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The bundle, unless the one whose tag is shown is still in force."""
        headers = {"etag": tag, "cache-control": "no-cache"}
        tags = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
        if tag in tags or f"W/{tag}" in tags:
            return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)
        return Response(bundle, status_code=HTTP_200_OK, media_type="application/gzip", headers=headers)

    return Router(path=PATH, route_handlers=[fetch], guards=[admit])
