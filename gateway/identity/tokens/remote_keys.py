"""The public keys of another issuer: asked for beside the requests, now and then, and kept while the issuer is away.

A token that names an unknown key is refused at once and has the keys asked for early: once for however many such tokens
come, and no sooner than ASK_APART_S after the last time. Keys that the issuer publishes no more are believed no more;
those that cannot be confirmed are believed for as long as was declared, and nothing new is.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from gateway.clock import SECOND, elapsed_us
from gateway.identity.tokens.fetching import Address, Unfetched, fetch
from gateway.identity.tokens.verifying import VerifyingKey

ASK_EVERY_S = 300.0
ASK_APART_S = 30.0
ASK_AGAIN_S = 5.0
"""How soon an issuer is asked again of which nothing is known."""

Fetch = Callable[[Address], Awaitable[Mapping[str, VerifyingKey]]]
"""Finds the keys that begin at an address. Raises Unfetched."""

TOLD_AGAIN_S = 900.0
"""How often the log says again that an issuer is still away, for the same reason."""

log = structlog.get_logger()


class RemoteKeys:
    """One issuer's keys, as last fetched."""

    def __init__(
        self,
        name: str,
        address: Address,
        *,
        keep_s: int,
        told: Callable[[str, str], None],
        every_s: float = ASK_EVERY_S,
        apart_s: float = ASK_APART_S,
        fetch: Fetch = fetch,
    ) -> None:
        """`told` hears of each fetch: the issuer's name here, and `fetched` or `failed`."""
        self._fetch = fetch
        self._name = name
        self._address = address
        self._keep_us = keep_s * SECOND
        self._told = told
        self._every_s = every_s
        self._apart_s = apart_s
        self._keys: Mapping[str, VerifyingKey] = {}
        self._fetched_at: int | None = None
        self._is_wanted = asyncio.Event()
        self._away = ""
        """Why it was away when it was last asked; empty where it answered."""
        self._away_told_at = 0

    def key(self, key_id: str) -> VerifyingKey | None:
        """The key of this id, while it is believed; without waiting."""
        if self._fetched_at is None or elapsed_us() - self._fetched_at > self._keep_us:
            return None
        found = self._keys.get(key_id)
        if found is None:
            self._is_wanted.set()
        return found

    async def ask(self) -> bool:
        """Fetch the keys once; whether one that was believed is not any more. What fails is told in the log."""
        asked_at = elapsed_us()
        try:
            fetched = await self._fetch(self._address)
        except Unfetched as error:
            self._told(self._name, "failed")
            self._tell_away(str(error))
            return False
        self._told(self._name, "fetched")
        if self._away:
            log.info("issuer_keys_fetched_again", issuer=self._name, keys=len(fetched))
            self._away = ""
        is_taken_back = any(
            key_id not in fetched or fetched[key_id].thumbprint != key.thumbprint for key_id, key in self._keys.items()
        )
        self._keys, self._fetched_at = fetched, asked_at
        return is_taken_back

    async def run(self, taken_back: Callable[[], None]) -> None:
        """Ask now, then every so often and when a key is missing, until cancelled."""
        while True:
            self._is_wanted.clear()
            was_believed = self.is_believed
            try:
                is_taken_back = await self.ask()
            except Exception as error:  # whatever it is: the keys at hand go on, and are asked for again
                self._told(self._name, "failed")
                self._tell_away(type(error).__name__)
                is_taken_back = False
            if is_taken_back or (was_believed and not self.is_believed):
                taken_back()
            if not self.is_believed:  # as when the issuer starts after the gateway: nothing is let in by it meanwhile
                await asyncio.sleep(min(self._apart_s, ASK_AGAIN_S))
                continue
            await asyncio.sleep(self._apart_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self._every_s - self._apart_s, 0.0)):
                    await self._is_wanted.wait()

    def _tell_away(self, reason: str) -> None:
        """Say it once, and again when the reason is another or time has passed: it may be away for days."""
        if reason != self._away or elapsed_us() - self._away_told_at >= TOLD_AGAIN_S * SECOND:
            log.warning("issuer_keys_unfetched", issuer=self._name, error=reason)
            self._away, self._away_told_at = reason, elapsed_us()

    @property
    def is_believed(self) -> bool:
        """Whether the keys at hand are recent enough."""
        return self._fetched_at is not None and elapsed_us() - self._fetched_at <= self._keep_us

    @property
    def name(self) -> str:
        """What the operator calls the issuer."""
        return self._name

    @property
    def address(self) -> Address:
        """Where its keys are asked for."""
        return self._address
