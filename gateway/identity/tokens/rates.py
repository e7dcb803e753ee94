"""How often proofs may be tried, tokens be had and people sign in: by each client or session, and from each source.

What a client uses up is its own: a stranger who names it and cannot prove to be it is charged to where it comes from
alone, so that nobody can lock another out. All command lines are one client; so what one of them is given is counted
to the session of the person behind it. Each process counts for itself, in GCRA (ITU-T I.371, A.1): as many as are
allowed in a minute may come at once, and then one for each that the minute has room for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from gateway.clock import MINUTE, SECOND, elapsed_us
from gateway.errors import GatewayError, Invalid, Unauthenticated

FAILURE_COST = 10
"""What a proof that failed counts for, at the source that it came from."""

KEPT_MAX = 50_000
"""Clients, or sources, that are counted at once; beyond it those are forgotten that have the most room left."""


FAILED_PROOFS = frozenset({"invalid_grant", "sign_in_unknown"})
"""Codes of what is told as a fault of the request, and was a proof that failed all the same."""


class TooManyRequests(GatewayError):
    """More than may be in a minute."""

    status = 429

    def __init__(self, wait_us: int) -> None:
        super().__init__()
        self.retry_after_s = -(-wait_us // SECOND)


class TooManyTokenRequests(TooManyRequests):
    """More tokens were asked for, or more proofs tried, than may be in a minute."""

    code = "too_many_token_requests"
    message = "Too many tokens are asked for."
    next_step = "Keep a token for as long as it lives, and wait as `retry-after` says before asking for another."


class TooManySignInRequests(TooManyRequests):
    """More people sign in from one address than may in a minute, or one tries what does not lead in."""

    code = "too_many_sign_in_requests"
    message = "Too many sign-ins come from your address."
    next_step = "Wait as `retry-after` says, then sign in again."


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


class SourceRates:
    """What is left to each source. It stands in front of whatever is asked without a proof that was looked at."""

    refused: type[TooManyRequests] = TooManyRequests

    def __init__(self, per_source: int, now: Callable[[], int] = elapsed_us) -> None:
        self._sources = Rate(per_source)
        self._now = now

    @contextmanager
    def asking(self, peer: str | None) -> Iterator[None]:
        """Let something be asked in the block. Raises TooManyRequests where there is no room for it."""
        now, source = self._now(), source_of(peer)
        self._check(self._sources.wait_us(source, now))
        self._sources.take(source, now)
        try:
            yield
        except GatewayError as error:
            if _is_failed_proof(error):
                self._sources.take(source, now, FAILURE_COST - 1)
            raise

    def _check(self, wait_us: int) -> None:
        if wait_us:
            raise self.refused(wait_us)


class SignInRates(SourceRates):
    """What is left to each source of the pages by which people sign in."""

    refused = TooManySignInRequests


class TokenRates(SourceRates):
    """What is left to each client, to each session and to each source of what tokens are asked for by."""

    refused = TooManyTokenRequests

    def __init__(self, per_client: int, per_source: int, now: Callable[[], int] = elapsed_us) -> None:
        super().__init__(per_source, now)
        self._clients = Rate(per_client)

    @contextmanager
    def proving(self, client: str, peer: str | None) -> Iterator[None]:
        """Let a proof be looked at in the block. Raises TooManyTokenRequests where there is no room for it."""
        now = self._now()
        self._check(max(self._clients.wait_us(client, now), self._sources.wait_us(source_of(peer), now)))
        with self.asking(peer):
            self._clients.take(client, now)  # before it is known who this is: many at once must not all find room
            try:
                yield
            except Unauthenticated:
                self._clients.take(client, now, -1)
                raise

    def give(self, session: str) -> None:
        """Count what is given to somebody who has proved to be behind a session. Raises TooManyTokenRequests."""
        now = self._now()
        self._check(self._clients.wait_us(session, now))
        self._clients.take(session, now)


def _is_failed_proof(error: GatewayError) -> bool:
    return isinstance(error, Unauthenticated) or (isinstance(error, Invalid) and error.code in FAILED_PROOFS)


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
