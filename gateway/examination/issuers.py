"""Whose tokens the operator declared to believe: whether they can be had, are who they should be, and know the time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from gateway.clock import SECOND
from gateway.examination.asking import Told, Unanswered, ask, why
from gateway.examination.findings import Finding, away, odd, well
from gateway.identity.tokens.checking import LEEWAY
from gateway.identity.tokens.fetching import Address, Unfetched, fetch
from gateway.identity.tokens.issuers import DeclaredIssuer

DOCUMENT = "/.well-known/openid-configuration"
"""Below an issuer's address (OpenID Connect Discovery 1.0, 4); Kubernetes and CI systems have it too."""

UNSURE_S = 2.0
"""A difference that `date`, which is cut to the second, and the way there can explain."""


class Published(msgspec.Struct, frozen=True):
    """Of what an issuer says of itself, what the declaration is held against."""

    issuer: str = ""
    jwks_uri: str = ""


async def look_at_issuers(issuers: Sequence[DeclaredIssuer]) -> AsyncIterator[Finding]:
    """Findings on each issuer of tokens that the operator declared."""
    for found in await asyncio.gather(*map(_issuer, issuers)):
        for finding in found:
            yield finding


async def _issuer(declared: DeclaredIssuer) -> list[Finding]:
    part, issuer, keys = f"issuer {declared.keys.name}", declared.expected.issuer, declared.keys.address
    found = [await _keys(part, keys)]
    try:
        told = await ask(issuer.rstrip("/") + DOCUMENT, ca_file=keys.ca_file) if _is_address(issuer) else None
    except Unanswered as error:
        return [*found, _unpublished(part, issuer, str(error))]
    if told is None or told.status != 200:
        reason = "it is no address" if told is None else f"status {told.status}"
        found.append(_unpublished(part, issuer, reason))
    else:
        found.append(_published(part, issuer, keys.url, told))
    return [*found, *(clock_of(part, told) if told is not None else ())]


async def _keys(part: str, address: Address) -> Finding:
    try:
        usable = await fetch(address)
    except Unfetched as error:
        return away(
            part,
            f"No keys can be had from {address.url}: {unfetched(error)}. Its tokens are refused.",
            "Start it, or mend where its keys are declared to be, its `ca_file`, or the network between.",
        )
    return well(part, f"{len(usable)} of its keys can be used, from {address.url}.")


def unfetched(error: Unfetched) -> str:
    """Why something could not be had: what kept the connection from being made, where that says more."""
    reason = why(error.__cause__)
    return str(error) if reason == type(error.__cause__).__name__ else reason


def _published(part: str, issuer: str, keys_url: str, told: Told) -> Finding:
    part = f"{part}: name"
    try:
        says = msgspec.json.decode(told.body, type=Published)
    except (msgspec.DecodeError, RecursionError):
        return odd(part, f"What is at {issuer}{DOCUMENT} says nothing of it.", "See what answers at that address.")
    if says.issuer != issuer:
        return away(
            part,
            f"It calls itself {shown(says.issuer)}, and is declared as {issuer}. Its tokens are refused.",
            "Declare it, to the letter, as it calls itself, if that is who you mean: its tokens say so in `iss`.",
        )
    if says.jwks_uri != keys_url:
        return odd(
            part,
            f"It says that its keys are at {shown(says.jwks_uri)}, and they are declared to be at {keys_url}.",
            "See that both lead to the same keys: those at the declared address are believed.",
        )
    return well(part, "It calls itself as it is declared.")


def _unpublished(part: str, issuer: str, reason: str) -> Finding:
    said = f"What it says of itself cannot be read at {issuer}: {reason}."
    return well(f"{part}: name", f"{said} It need not: its keys are believed by where they are declared to be.")


def clock_of(part: str, told: Told) -> Iterator[Finding]:
    """A finding on the clock of who answered, where that can be told."""
    part, ahead_s = f"{part}: clock", told.ahead_s
    if ahead_s is None:
        return
    said = f"Its clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    step = "See that NTP runs on both, and with the database, by whose clock tokens begin and end."
    if ahead_s > LEEWAY / SECOND:
        yield away(part, f"{said}: its tokens are refused as long as they are from a moment to come.", step)
    elif abs(ahead_s) > UNSURE_S:
        yield odd(part, f"{said}.", step)
    else:
        yield well(part, "Its clock agrees with this machine's.")


def _is_address(issuer: str) -> bool:
    return issuer.startswith(("https://", "http://"))


def shown(said: str) -> str:
    """Another's words, on one line."""
    return ascii(said[:200])
