"""Asking what stands elsewhere, for whoever looks an installation over: bounded in time and size, nobody followed."""

import asyncio
import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import msgspec

ASK_MAX_S = 5.0
BYTES_MAX = 256 * 1024


class Told(msgspec.Struct, frozen=True):
    """What was answered."""

    status: int
    body: bytes
    ahead_s: float | None
    """How far the other's clock is ahead of this machine's, by its `date`; None where that cannot be told."""
    location: str = ""
    """Where it would have gone on; nobody is followed."""


class Unanswered(Exception):
    """Nobody answered, or not in a way that can be read; says why."""


async def ask(url: str, *, ca_file: Path | None = None, post: bytes | None = None) -> Told:
    """What is answered there. Raises Unanswered."""
    try:
        async with asyncio.timeout(ASK_MAX_S):
            return await _asked(url, ca_file, post)
    except TimeoutError:
        raise Unanswered("nobody answered in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as error:
        raise Unanswered(why(error)) from error


async def _asked(url: str, ca_file: Path | None, post: bytes | None) -> Told:
    verify = ssl.create_default_context(cafile=ca_file)
    headers = {"accept": "application/json", "accept-encoding": "identity", "cache-control": "no-cache"}
    if post is not None:
        headers["content-type"] = "application/x-protobuf"
    began = time.time()
    body = b""
    async with (
        httpx.AsyncClient(verify=verify, follow_redirects=False, trust_env=False, timeout=ASK_MAX_S) as client,
        client.stream("GET" if post is None else "POST", url, headers=headers, content=post) as answer,
    ):
        ahead_s = _ahead_s(answer.headers, began, time.time())
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > BYTES_MAX:
                raise Unanswered("the answer is too long")
    return Told(answer.status_code, body, ahead_s, answer.headers.get("location", ""))


def _ahead_s(headers: httpx.Headers, began: float, ended: float) -> float | None:
    """By `date` (RFC 9110, 6.6.1), which is cut to the second: 0 where it may be so. Of a cached answer, nothing."""
    if "age" in headers or "date" not in headers:
        return None
    try:
        said = parsedate_to_datetime(headers["date"]).timestamp()
    except (ValueError, OverflowError):
        return None
    return said - ended if said > ended else min(0.0, said + 1 - began)


def why(error: BaseException | None) -> str:
    """What kept a connection from being made, in words; the innermost cause that says something."""
    found = type(error).__name__
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted, {error.verify_message}"
        if isinstance(error, TimeoutError):
            return "nobody answered in time"
        if isinstance(error, ConnectionRefusedError):
            return "nobody listens there"
        if isinstance(error, OSError) and error.strerror:
            found = error.strerror.lower()
        error = error.__cause__ or error.__context__
    return found
