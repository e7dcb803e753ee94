"""The authorization code flow with PKCE (RFC 6749, 4.1; RFC 7636), as its client: by Authlib.

Where people are sent, and what their code is exchanged for: at the addresses that the provider's own metadata has, and
bounded as everything is that is fetched. Authlib writes the requests; its HTTP clients are not used.
"""

from typing import Any, TypeGuard

import msgspec
import structlog
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from gateway.errors import Unauthenticated, Unavailable
from gateway.identity.people.discovery import Metadata
from gateway.identity.people.providers import Provider
from gateway.identity.tokens.fetching import Address, Form, Unfetched, fetch_object

log = structlog.get_logger()

TEXT_MAX = 32 * 1024
"""Of an ID token, which the provider itself hands over: some name every group that somebody is in, hundreds of them."""

REFUSES_CLIENT = "identity_provider_refuses_client"
OF_THE_CLIENT = ("invalid_client", "unauthorized_client", "unsupported_grant_type")
"""What is wrong with this gateway's own registration there, whoever signs in (RFC 6749, 5.2)."""


class Tokens(msgspec.Struct, frozen=True):
    """What a code was exchanged for. Neither is ever kept."""

    id_token: str
    access_token: str

    def __repr__(self) -> str:
        return "Tokens(…)"


def authorization_url(
    provider: Provider,
    metadata: Metadata,
    redirect_uri: str,
    *,
    state: str,
    nonce: str,
    verifier: str,
    max_age_s: int,
    prompt: str | None = None,
) -> str:
    """Where somebody is sent in order to sign in."""
    client = OAuth2Client(
        None,
        provider.client_id,
        scope=" ".join(provider.scopes),
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )
    url, _ = client.create_authorization_url(
        metadata.authorization,
        state=state,
        code_verifier=verifier,
        nonce=nonce,
        max_age=str(max_age_s),
        prompt=prompt,
    )
    return str(url)


async def exchange(provider: Provider, metadata: Metadata, redirect_uri: str, code: str, verifier: str) -> Tokens:
    """What the provider gives for a code. Raises Unauthenticated where that is nothing, Unavailable when it is away."""
    try:
        answered = await ask_for_tokens(provider, metadata, redirect_uri, code, verifier)
    except (Unfetched, OSError) as error:
        log.warning("code_unexchanged", provider=provider.name, error=str(error) or type(error).__name__)
        raise away() from error
    if answered.get("error") in OF_THE_CLIENT:
        raise not_its_client(answered["error"])
    if "error" in answered:
        raise refused(answered["error"])
    id_token, access_token = answered.get("id_token"), answered.get("access_token", "")
    if not _is_text(id_token) or not isinstance(access_token, str):
        raise refused("no_id_token")
    return Tokens(id_token, access_token)


async def ask_for_tokens(
    provider: Provider, metadata: Metadata, redirect_uri: str, code: str, verifier: str
) -> dict[str, Any]:
    """What the provider answers to a code, be it tokens or a refusal. Raises Unfetched, or OSError for the secret."""
    form = _form(provider, metadata, redirect_uri, code, verifier)
    return await fetch_object(Address(metadata.token, provider.ca_file), form=form)


def _form(provider: Provider, metadata: Metadata, redirect_uri: str, code: str, verifier: str) -> Form:
    method = "none"
    if provider.secret_file is not None:
        method = "client_secret_post" if metadata.secret_in_body else "client_secret_basic"
    client = OAuth2Client(None, provider.client_id, provider.secret or None)
    body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=verifier)
    _, headers, body = client.client_auth(method).prepare("POST", metadata.token, {}, body)
    return Form(body, {name: str(value) for name, value in headers.items() if name.lower() == "authorization"})


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= TEXT_MAX


def refused(why: Any) -> Unauthenticated:
    """What somebody is told whom the provider did not vouch for after all; `why` is for the operator's log."""
    error = Unauthenticated(
        "The identity provider did not confirm this sign-in.",
        code="sign_in_failed",
        next_step="Sign in again: a sign-in is good for one time and a few minutes.",
    )
    error.add_note(str(why)[:64])
    return error


def not_its_client(why: str) -> Unavailable:
    """What is told where the provider knows this gateway by another secret, or not at all; `why` is for the log."""
    error = Unavailable(
        "The identity provider does not accept this gateway as its client, so that nobody can sign in by it.",
        code=REFUSES_CLIENT,
        next_step="Tell whoever runs the gateway: to sign in again does not help. For operators: `gateway doctor`.",
    )
    error.retry_after_s = None
    error.add_note(why)
    return error


def away() -> Unavailable:
    """What is told while the provider cannot be asked."""
    return Unavailable(
        "The identity provider cannot be reached now.",
        code="identity_provider_unavailable",
        next_step="Try again shortly. Who has signed in before stays so.",
    )
