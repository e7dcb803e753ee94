"""Fetching what another issuer publishes, its keys above all (RFC 7517): from the declared address and nowhere else.

Bounded in time and size, without redirects, proxies or compressed bodies; what is no usable key is left out.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gateway.bodies import check_names
from gateway.errors import GatewayError
from gateway.identity.tokens.verifying import VerifyingKey, verifying_key

FETCH_MAX_S = 5.0
"""From name to last byte."""
BYTES_MAX = 256 * 1024
KEYS_MAX = 64


class Address(msgspec.Struct, frozen=True):
    """Where an issuer publishes something."""

    url: str
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""
    bearer_file: Path | None = None
    """Holds what proves this gateway there, as a cluster's API server wants it; read at every fetch."""


class Unfetched(Exception):
    """It could not be had; says why, in words without anything that the other side sent."""


async def fetch(address: Address) -> dict[str, VerifyingKey]:
    """Its usable keys by id, at least one. Raises Unfetched."""
    try:
        listed = msgspec.convert(await fetch_object(address), type=_KeySet).keys
    except msgspec.ValidationError as error:
        raise Unfetched("what answered is no key set") from error
    found: dict[str, VerifyingKey] = {}
    twice = set()
    for stated in listed[:KEYS_MAX]:
        try:
            key = verifying_key(stated)
        except ValueError:
            continue
        if key.id in found:
            twice.add(key.id)
        found[key.id] = key
    usable = {key_id: key for key_id, key in found.items() if key_id not in twice}
    if not usable:
        raise Unfetched("the key set has no key that can be used")
    return usable


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class Form(msgspec.Struct, frozen=True):
    """What is posted rather than asked for, with the headers that prove whose it is."""

    body: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Form(…)"


async def fetch_object(address: Address, *, proof: str = "", form: Form | None = None) -> dict[str, Any]:
    """The JSON object that is published there, or what a form is answered with: a refusal too.

    `proof` is a token to be shown for it. Raises Unfetched.
    """
    try:
        async with asyncio.timeout(FETCH_MAX_S):
            content = await _content(address, proof, form)
        check_names(content)
        return _object(content)
    except TimeoutError:
        raise Unfetched(f"no answer within {FETCH_MAX_S:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
        raise Unfetched(type(error).__name__) from error
    except (ValueError, RecursionError, GatewayError) as error:
        raise Unfetched("what answered is no JSON object") from error


_object = msgspec.json.Decoder(dict[str, Any]).decode


def _trusted(address: Address) -> ssl.SSLContext:
    """Whose certificates are taken; on loopback without TLS, nobody's."""
    if address.url.startswith("https:"):
        return ssl.create_default_context(cafile=address.ca_file)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _content(address: Address, proof: str, form: Form | None) -> bytes:
    verify = await asyncio.to_thread(_trusted, address)  # long enough for calls to notice
    headers = {"accept": "application/json"}
    if address.bearer_file is not None:
        headers["authorization"] = f"Bearer {address.bearer_file.read_text('ascii').strip()}"
    if proof:
        headers["authorization"] = f"Bearer {proof}"
    body = None
    if form is not None:
        headers |= {**form.headers, "content-type": "application/x-www-form-urlencoded"}
        body = form.body.encode("ascii")
    headers["accept-encoding"] = "identity"
    method, taken = ("GET", {200}) if form is None else ("POST", {200, 400, 401, 403})
    content = b""
    async with (
        httpx.AsyncClient(verify=verify, follow_redirects=False, trust_env=False, timeout=FETCH_MAX_S) as client,
        client.stream(method, address.url, headers=headers, content=body) as answer,
    ):
        if answer.status_code not in taken:
            raise Unfetched(f"status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Unfetched("the answer is compressed")
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > BYTES_MAX:
                raise Unfetched(f"more than {BYTES_MAX} bytes")
    return content
