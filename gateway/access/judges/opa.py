"""The judge as an OPA server: constant paths, one time limit, and proof in every answer of what judged.

Each answer names the revision of the bundle that gave it; it must be the digest of our own policy set.
"""

import asyncio
import os
from typing import Any
from urllib.parse import urlsplit

import msgspec
from opa_client import AsyncOpaClient

from gateway.access.change_decisions import ChangeDecision
from gateway.access.change_questions import ChangeQuestion
from gateway.access.decisions import Decision
from gateway.access.judges.answers import ANSWER_BYTES_MAX, Unsound, read
from gateway.access.judges.entrypoints import ACCESS, CHANGES, REQUESTS, A, Entrypoint, Q
from gateway.access.questions import Question
from gateway.access.requests.decisions import RequestDecision
from gateway.access.requests.questions import RequestQuestion
from gateway.errors import JudgeUnavailable, SettingsInvalid

PATHS = {entrypoint.path: f"data/{entrypoint.path}?provenance=true" for entrypoint in (ACCESS, CHANGES, REQUESTS)}
"""Constants: nothing that a caller sends is ever part of one."""


class _Bundle(msgspec.Struct, frozen=True):
    revision: str


class _Provenance(msgspec.Struct, frozen=True):
    bundles: dict[str, _Bundle]


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    result: dict[str, Any]
    provenance: _Provenance
    decision_id: str = ""


class _Client(AsyncOpaClient):  # type: ignore[misc]  # the library has no types
    """The library's connection pool, with an answer read as bytes, bounded, and from nowhere else."""

    async def post(self, path: str, body: bytes) -> bytes:
        """The bytes of a sound HTTP answer. Raises Unsound for any other."""
        request = self._request(
            "POST",
            f"{self.root_url}/{path}",
            data=body,
            headers={"content-type": "application/json", "accept-encoding": "identity"},
            allow_redirects=False,
            auto_decompress=False,
        )
        async with request as response:
            if response.status != 200:
                raise Unsound(f"status {int(response.status)}")
            if response.content_type != "application/json":
                raise Unsound("the content type is not application/json")
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > ANSWER_BYTES_MAX:
                    raise Unsound("the answer is too large")
            return bytes(received)


class OPAJudge:
    """Asks an OPA server that serves our policy set as its bundle.

    A server that hangs holds at most `in_flight_max` connections and `waiting_max` questions, each no longer
    than the time limit. It is asked anew every time, so it is trusted again as soon as it answers well.
    """

    def __init__(
        self,
        policy: str,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 0.25,
        in_flight_max: int = 32,
        waiting_max: int = 1024,
    ) -> None:
        self._policy = policy
        self._host, self._port, self._tls = _address(url)
        self._token = token
        self._timeout_s = timeout_s
        self._waiting_max = waiting_max
        self._waiting = 0
        self._in_flight = asyncio.Semaphore(in_flight_max)
        self._client: _Client | None = None
        self._fault = "The judge has not been started."

    @property
    def policy(self) -> str:
        """Digest of the policy set that judges."""
        return self._policy

    @property
    def fault(self) -> str:
        """Why the last question could not be judged; empty when it was."""
        return self._fault

    async def start(self) -> None:
        """Make the pool. The server may come later."""
        client = _Client(
            host=self._host,
            port=self._port,
            ssl=self._tls,
            token=self._token,
            retries=0,
            timeout=self._timeout_s,
        )
        await client.__aenter__()
        self._client = client
        self._fault = ""

    async def stop(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        self._fault = "The judge has been stopped."
        if client is not None:
            await client.close_connection()

    async def ask(self, question: Question) -> Decision:
        """The decision on this question. Raises JudgeUnavailable in time, whatever went wrong."""
        return await self._judged(ACCESS, question)

    async def ask_change(self, question: ChangeQuestion) -> ChangeDecision:
        """The decision on an act on a change. Raises JudgeUnavailable in time, whatever went wrong."""
        return await self._judged(CHANGES, question)

    async def ask_request(self, question: RequestQuestion) -> RequestDecision:
        """The decision on an act on a request. Raises JudgeUnavailable in time, whatever went wrong."""
        return await self._judged(REQUESTS, question)

    async def ready(self) -> bool:
        """Whether the server answers from our policy set, and says no where it must."""
        try:
            await self._judged(ACCESS, None)
        except JudgeUnavailable:
            return False
        return True

    async def _judged(self, entrypoint: Entrypoint[Q, A], question: Q | None) -> A:
        if self._waiting >= self._waiting_max:
            self._fault = "Too many questions are waiting for OPA."
            raise JudgeUnavailable
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s), self._in_flight:
                facts = b"{}" if question is None else question.canonical()
                decision = self._sound(await self._post(PATHS[entrypoint.path], facts), entrypoint, question)
        except TimeoutError as error:
            self._fault = f"OPA did not answer within {self._timeout_s} s."
            raise JudgeUnavailable from error
        except Unsound as error:
            self._fault = f"OPA's answer cannot be trusted: {error}."
            raise JudgeUnavailable from error
        except Exception as error:
            # Whatever else goes wrong on the way, nothing passes: no list of exceptions would ever be complete.
            self._fault = f"OPA cannot be asked: {_why(error)}."
            raise JudgeUnavailable from error
        finally:
            self._waiting -= 1
        self._fault = ""
        return decision

    async def _post(self, path: str, facts: bytes) -> bytes:
        if self._client is None:
            raise Unsound("the judge is not started")
        return await self._client.post(path, b'{"input":' + facts + b"}")

    def _sound(self, body: bytes, entrypoint: Entrypoint[Q, A], question: Q | None) -> A:
        answer = read(body, _Answer)
        if self._policy not in {bundle.revision for bundle in answer.provenance.bundles.values()}:
            raise Unsound("it comes from another policy set than ours")
        return entrypoint.sound(answer.result, question)


def _address(url: str) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsInvalid("The address of OPA cannot be read.") from error
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/")
    if parts.scheme not in {"http", "https"} or not parts.hostname or extra:
        raise SettingsInvalid(
            "The address of OPA is not one of a server.", next_step="Write it as http://127.0.0.1:8181, without a path."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    tls = parts.scheme == "https"
    return host, port or (443 if tls else 8181), tls


def _why(error: Exception) -> str:
    """What the system said of the connection, or else what kind of error it was."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        return type(error).__name__
    return os.strerror(number).lower() if number > 0 else "its name leads to no address"
