"""Fetching another issuer's public keys (a JSON Web Key Set, RFC 7517): from the declared address and nowhere else.

Bounded in time and size, without redirects, proxies or compressed bodies; what is no usable key is left out.
"""

import asyncio
import ssl
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
    """Where an issuer publishes its keys."""

    url: str
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""
    bearer_file: Path | None = None
    """Holds what proves this gateway there, as a cluster's API server wants it; read at every fetch."""


class Unfetched(Exception):
    """The keys could not be had; says why, in words without anything that the other side sent."""


async def fetch(address: Address) -> dict[str, VerifyingKey]:
    """Its usable keys by id, at least one. Raises Unfetched."""
    try:
        async with asyncio.timeout(FETCH_MAX_S):
            content = await _content(address)
        check_names(content)
        listed = msgspec.json.decode(content, type=_KeySet).keys
    except TimeoutError:
        raise Unfetched(f"no answer within {FETCH_MAX_S:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
        raise Unfetched(type(error).__name__) from error
    except (ValueError, RecursionError, GatewayError) as error:
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


async def _content(address: Address) -> bytes:
    verify = ssl.create_default_context(cafile=address.ca_file)
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if address.bearer_file is not None:
        headers["authorization"] = f"Bearer {address.bearer_file.read_text('ascii').strip()}"
    content = b""
    async with (
        httpx.AsyncClient(verify=verify, follow_redirects=False, trust_env=False, timeout=FETCH_MAX_S) as client,
        client.stream("GET", address.url, headers=headers) as answer,
    ):
        if answer.status_code != 200:
            raise Unfetched(f"status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Unfetched("the answer is compressed")
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > BYTES_MAX:
                raise Unfetched(f"more than {BYTES_MAX} bytes")
    return content
