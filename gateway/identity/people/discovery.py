"""What a provider says of itself (OpenID Connect Discovery 1.0): asked beside the requests, with its keys.

Every address in it must be one that the operator declared: on the issuer's own host and port, or on one named beside
it. What cannot be had leaves what was known before as it was.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.identity.tokens.declaring import check_address
from gateway.identity.tokens.fetching import Address, Unfetched, fetch, fetch_object
from gateway.identity.tokens.verifying import VerifyingKey

DOCUMENT = "/.well-known/openid-configuration"
_TOKEN_METHODS = "token_endpoint_auth_methods_supported"  # noqa: S105 - the name of a field


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider is asked what, and how."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    """Empty where it offers none."""
    end_session: str
    """Where people sign out of the provider itself; empty where it offers that nowhere."""
    names_itself: bool
    """Whether it says who it is when it sends people back (RFC 9207), so that a response without that is another's."""
    secret_in_body: bool
    """Whether it takes a client's secret in the form alone."""


class Discovery:
    """One provider's metadata and keys, as last fetched together."""

    def __init__(self, issuer: str, hosts: Collection[str]) -> None:
        """`hosts` are those of its addresses beside the issuer's own, with a port where that is not 443."""
        self._issuer = issuer
        self._places = {_place(issuer), *(_place(f"https://{host}") for host in hosts)}
        self.metadata: Metadata | None = None
        """None until it was had once."""

    async def fetch(self, address: Address) -> Mapping[str, VerifyingKey]:
        """Its usable keys by id, after what it says of itself. Raises Unfetched."""
        metadata = self._read(await fetch_object(address))
        keys = await fetch(Address(metadata.keys, address.ca_file))
        self.metadata = metadata
        return keys

    def _read(self, document: Mapping[str, Any]) -> Metadata:
        if document.get("issuer") != self._issuer:
            raise Unfetched("the document is another issuer's")
        return Metadata(
            authorization=self._address(document, "authorization_endpoint"),
            token=self._address(document, "token_endpoint"),
            keys=self._address(document, "jwks_uri"),
            userinfo=self._address(document, "userinfo_endpoint", absent=""),
            end_session=self._address(document, "end_session_endpoint", absent=""),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
            secret_in_body=_only_in_body(document.get(_TOKEN_METHODS)),
        )

    def _address(self, document: Mapping[str, Any], field: str, absent: str | None = None) -> str:
        url = document.get(field, absent)
        if url == absent == "":
            return ""
        if not isinstance(url, str) or len(url) > 2_000:
            raise Unfetched(f"the document has no `{field}`")
        try:
            check_address(url, field)
            place = _place(url)
        except ValueError:
            raise Unfetched(f"`{field}` is no address to go to") from None
        if place not in self._places:
            raise Unfetched(f"`{field}` is on a host, or a port of it, that was not declared under `hosts`")
        return url


def is_host(named: str) -> bool:
    """Whether this names a host, with a port or without one, and nothing beside."""
    try:
        check_address(f"https://{named}", "hosts")
        _place(f"https://{named}")
    except ValueError:
        return False
    return not set(named) & set("/?")


def _place(url: str) -> tuple[str, int]:
    """The host and the port that an address is at: whatever else listens on the same host is another's business.

    Raises ValueError where it names none.
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme, 0)
    if not parts.hostname or not port:
        raise ValueError("no host")
    return parts.hostname, port


def _only_in_body(methods: Any) -> bool:
    if not isinstance(methods, list) or "client_secret_basic" in methods:
        return False
    return "client_secret_post" in methods
