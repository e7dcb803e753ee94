"""Finding the credential in a request's headers, whichever of the three the client's dialect sends."""

from collections.abc import Iterable

from gateway.errors import TokenInvalid, Unauthenticated
from gateway.identity.tokens.reading import TOKEN_BYTES_MAX

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})
"""Headers that present one."""

_NO_PROOFS = (
    "This gateway does not take DPoP: it cannot check whose key a token is bound to, and takes no such token for a "
    "plain one."
)


def credential_in(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The one credential presented. Raises Unauthenticated for none, for two that differ, or for one out of form.

    Header names are expected in lower case, as ASGI gives them.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, presented = value.partition(b" ")
            if scheme.lower() == b"dpop":
                raise TokenInvalid(_NO_PROOFS, code="token_bound", next_step="Send a bearer token.")
            if scheme.lower() != b"bearer":
                raise Unauthenticated("The `Authorization` header is not of the form `Bearer KEY`.")
        elif name in {b"x-api-key", b"api-key"}:
            presented = value
        else:
            continue
        if found is not None and presented != found:
            raise Unauthenticated("Two different keys were presented.", next_step="Send one key, in one header.")
        found = presented
    if found is None:
        raise Unauthenticated("No API key was presented.")
    if len(found) > TOKEN_BYTES_MAX or not found.isascii():
        raise Unauthenticated
    return found.decode("ascii")
