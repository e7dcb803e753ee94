"""How often proofs may be tried and tokens be had: by each client, and from each source, looked at before any proof is.

What a client uses up is its own: a stranger who names it and cannot prove to be it is charged to where it comes from
alone, so that nobody can lock another out. Each process counts for itself, in GCRA (ITU-T I.371, A.1): as many as are
allowed in a minute may come at once, and then one for each that the minute has room for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from gateway.clock import MINUTE, SECOND, elapsed_us
from gateway.errors import GatewayError, Unauthenticated

FAILURE_COST = 10
"""What a proof that failed counts for, at the source that it came from."""

KEPT_MAX = 50_000
"""Clients, or sources, that are counted at once; beyond it those are forgotten that have the most room left."""


class TooManyTokenRequests(GatewayError):
    """More tokens were asked for, or more proofs tried, than may be in a minute."""

    status = 429
    code = "too_many_token_requests"
    message = "Too many tokens are asked for."
    next_step = "Keep a token for as long as it lives, and wait as `retry-after` says before asking for another."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class Rate:
    """How much of something each of many may do; 0 a minute for no bound."""

    def __init__(self, per_minute: int, *, kept_max: int = KEPT_MAX) -> None:
        self._each_us = MINUTE // per_minute if per_minute else 0
        self._room_us = MINUTE - self._each_us
        self._kept_max = kept_max
        self._full_at: dict[str, int] = {}
        """When each will have all of its room again."""

    def wait_us(self, who: str, now_us: int) -> int:
        """How long until there is room for one more; 0 where there is."""
        return max(0, self._full_at.get(who, now_us) - now_us - self._room_us) if self._each_us else 0

    def take(self, who: str, now_us: int, count: int = 1) -> None:
        """Use up room for so many; with a negative count, give it back."""
        if not self._each_us:
            return
        self._full_at[who] = max(self._full_at.get(who, now_us), now_us) + count * self._each_us
        if self._full_at[who] <= now_us:
            del self._full_at[who]
        elif len(self._full_at) > self._kept_max:
            self._forget(now_us)

    def _forget(self, now_us: int) -> None:
        """Let go of all who have their room again, and of half of the rest where that is not enough."""
        held = {who: at for who, at in self._full_at.items() if at > now_us}
        if len(held) > self._kept_max // 2:
            held = dict(sorted(held.items(), key=lambda item: item[1])[-(self._kept_max // 2) :])
        self._full_at = held

    def __len__(self) -> int:
        return len(self._full_at)


class TokenRates:
    """What is left to each client and to each source."""

    def __init__(self, per_client: int, per_source: int, now: Callable[[], int] = elapsed_us) -> None:
        self._clients = Rate(per_client)
        self._sources = Rate(per_source)
        self._now = now

    @contextmanager
    def proving(self, client: str, peer: str | None) -> Iterator[None]:
        """Let a proof be looked at in the block. Raises TooManyTokenRequests where there is no room for it."""
        now, source = self._now(), source_of(peer)
        wait = max(self._clients.wait_us(client, now), self._sources.wait_us(source, now))
        if wait:
            raise TooManyTokenRequests(-(-wait // SECOND))
        self._clients.take(client, now)  # before it is known who this is: many at once must not all find room
        self._sources.take(source, now)
        try:
            yield
        except Unauthenticated:
            self._clients.take(client, now, -1)
            self._sources.take(source, now, FAILURE_COST - 1)
            raise


def source_of(peer: str | None) -> str:
    """Whom an address is counted as: of IPv6, whoever has one has the whole of its /64."""
    if peer is None:
        return ""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else str(ip_network((int(address), 64), strict=False))
    return str(address)
