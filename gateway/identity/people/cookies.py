"""A session in a browser: the cookie that it is kept in, and what makes a request that of the gateway's own pages.

The cookie is `__Host-`, `Secure`, `HttpOnly` and `SameSite=Lax`: no other host can set it, no script reads it, and no
other site's form brings it along. On plain HTTP, which is taken on loopback alone, the prefix cannot be had. A request
that changes something must come from this very origin, and say so by a header that no other site can set.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlsplit

from gateway.errors import Forbidden, Unauthenticated

Headers = Iterable[tuple[bytes, bytes]]

SESSION = "release-gateway-session"
SIGN_IN = "release-gateway-sign-in"
TURNED_AWAY = "release-gateway-turned-away"
CSRF_HEADER = b"x-csrf-token"
SIGN_IN_S = 600
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_COOKIES_MAX = 16_384


class Cookies:
    """What this gateway keeps in browsers, under the address by which people reach it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}".encode()
        self.secure = parts.scheme == "https"

    def name(self, which: str) -> str:
        """What a cookie is called here."""
        return f"__Host-{which}" if self.secure else which

    def found(self, which: str, headers: Headers) -> str:
        """What the browser shows under this name; empty where nothing. Raises Unauthenticated for two of it."""
        name, found = self.name(which).encode(), []
        for header, value in headers:
            if header == b"cookie" and len(value) <= _COOKIES_MAX:
                pairs = (pair.strip().partition(b"=") for pair in value.split(b";"))
                found += [pair[2] for pair in pairs if pair[0] == name]
        if len(found) > 1:
            raise Unauthenticated(
                "The browser shows this gateway two sessions at once.",
                code="session_twice",
                next_step="Delete this site's cookies, and sign in again.",
            )
        return found[0].decode("ascii", "replace") if found else ""

    def forgotten(self, which: str) -> bytes:
        """The header by which the browser forgets what it shows under this name."""
        secure = "; Secure" if self.secure else ""
        return f"{self.name(which)}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax{secure}".encode()

    def check_own(self, method: str, headers: Headers, shown: str) -> None:
        """Raise Forbidden for a request that changes something and is not this origin's own."""
        if method in SAFE:
            return
        told = list(headers)
        if not (_is_own(told, b"sec-fetch-site", b"same-origin") and _is_own(told, b"origin", self._origin)):
            raise _of_another_site()
        if not _said(told, b"sec-fetch-site") and not _said(told, b"origin"):
            raise _of_another_site()
        tokens = _said(told, CSRF_HEADER)
        if len(tokens) != 1 or not compare_digest(tokens[0], csrf_token(shown).encode()):
            raise Forbidden(
                "The request has no `x-csrf-token`, or one of another session.",
                code="csrf_token_missing",
                next_step="Send the `csrf_token` that `GET /control/session` shows.",
            )


def csrf_token(shown: str) -> str:
    """What a page of this gateway sends along with whatever changes something; of this session alone."""
    return urlsafe_b64encode(sha256(f"release-gateway csrf 1\0{shown}".encode()).digest()).decode().rstrip("=")


def _said(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for header, value in headers if header == name]


def _is_own(headers: list[tuple[bytes, bytes]], name: bytes, own: bytes) -> bool:
    return all(value == own for value in _said(headers, name))


def _of_another_site() -> Forbidden:
    return Forbidden(
        "This request was not made by the gateway's own pages.",
        code="cross_site_request",
        next_step="Use a key for what is no browser: a session changes something from its own pages only.",
    )
