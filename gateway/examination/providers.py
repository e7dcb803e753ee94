"""Who vouches for people: whether they can sign in by each identity provider that the operator declared."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping

import msgspec

from gateway.examination.asking import Told, Unanswered, ask
from gateway.examination.files import closed
from gateway.examination.findings import Finding, away, odd, well
from gateway.examination.issuers import Published, clock_of, shown, unfetched
from gateway.identity.people.callbacks import callback_of
from gateway.identity.people.code_flow import OF_THE_CLIENT, ask_for_tokens, authorization_url
from gateway.identity.people.discovery import Metadata
from gateway.identity.people.providers import Provider
from gateway.identity.tokens.fetching import Unfetched

_NOBODY = "Nobody can sign in by it."


async def look_at_providers(providers: Mapping[str, Provider], url: str) -> AsyncIterator[Finding]:
    """Findings on each identity provider; `url` is where people reach this gateway. Nobody is signed in."""
    looks = (_provider(each, url + callback_of(name, providers)) for name, each in providers.items())
    for found in await asyncio.gather(*looks):
        for finding in found:
            yield finding


async def _provider(provider: Provider, redirect_uri: str) -> list[Finding]:
    part = f"identity provider {provider.name}"
    found = []
    if provider.secret_file is not None:
        found.append(closed(f"{part}: secret", provider.secret_file))
    document = provider.keys.address
    try:
        told = await ask(document.url, ca_file=document.ca_file)
    except Unanswered as error:
        step = "Start it, or mend `issuer`, its `ca_file` or the network between."
        return [*found, away(part, f"{document.url} cannot be read: {error}. {_NOBODY}", step)]
    found.append(await _described(part, provider, told))
    if provider.metadata is not None:
        found.append(await _back(part, provider, provider.metadata, redirect_uri))
        found.append(await _accepted(part, provider, provider.metadata, redirect_uri))
    return [*found, *clock_of(part, told)]


async def _described(part: str, provider: Provider, told: Told) -> Finding:
    """What it says of itself, read as the gateway reads it."""
    says = _issuer_in(told)
    if says not in {None, provider.issuer}:
        return away(
            part,
            f"It calls itself {shown(says or '')}, and is declared as {provider.issuer}. {_NOBODY}",
            "Declare it, to the letter, as it calls itself, if that is who you mean.",
        )
    try:
        keys = await provider.discovery.fetch(provider.keys.address)
    except Unfetched as error:
        return away(
            part,
            f"What it says of itself cannot be used: {unfetched(error)}. {_NOBODY}",
            "See what answers at that address; name under `hosts` whatever other host it has its addresses on.",
        )
    return well(part, f"It calls itself as it is declared, and {len(keys)} of its keys can be used.")


async def _back(part: str, provider: Provider, metadata: Metadata, redirect_uri: str) -> Finding:
    """Whether it would send people back here: it is asked for somebody who is not to be asked, and says no, here."""
    part = f"{part}: redirect"
    url = authorization_url(
        provider,
        metadata,
        redirect_uri,
        state=secrets.token_urlsafe(16),
        nonce=secrets.token_urlsafe(16),
        verifier=secrets.token_urlsafe(48),
        max_age_s=0,
        prompt="none",
    )
    try:
        told = await ask(url, ca_file=provider.ca_file)
    except Unanswered as error:
        return odd(part, f"Where people are sent to cannot be reached from here: {error}.", "Their browsers must be.")
    if told.location.partition("?")[0] == redirect_uri:
        return well(part, f"It sends people back to {redirect_uri}.")
    return odd(
        part,
        f"It did not send back to {redirect_uri}: status {told.status}.",
        f"Register that address there, to the letter, for the client `{provider.client_id}`, and see that the client is"
        " known. The address follows GATEWAY_PUBLIC_URL.",
    )


async def _accepted(part: str, provider: Provider, metadata: Metadata, redirect_uri: str) -> Finding:
    """Whether it takes this gateway for its client: it is asked to exchange a code that nobody was given."""
    part = f"{part}: client"
    code, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
    try:
        answered = await ask_for_tokens(provider, metadata, redirect_uri, code, verifier)
    except (Unfetched, OSError) as error:
        said = unfetched(error) if isinstance(error, Unfetched) else "the client's secret cannot be read"
        return away(part, f"It cannot be asked for tokens: {said}. {_NOBODY}", f"See what answers at {metadata.token}.")
    if answered.get("error") in OF_THE_CLIENT:
        return away(
            part,
            f"It does not accept the client `{provider.client_id}` as it proves itself here. {_NOBODY}",
            "Compare `client_id`, and what is in the file that `client_secret_file` names, with what stands there.",
        )
    return well(part, f"It accepts the client `{provider.client_id}`.")


def _issuer_in(told: Told) -> str | None:
    """Whom the document is of; None where it says nobody, which is told when it is read as the gateway does."""
    try:
        return msgspec.json.decode(told.body, type=Published).issuer or None
    except (msgspec.DecodeError, RecursionError):
        return None
