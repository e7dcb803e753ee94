"""Signing in: where somebody is sent, and what becomes of it when they are sent back.

What a sign-in asked for (state, nonce, code verifier) is kept by the browser that began it, sealed, so that it can be
ended by no other; nothing is written before the provider has confirmed who it is, so that nobody who cannot sign in
can make the gateway write. A state is then taken once; and each process tries one code for it, whatever comes of that.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from urllib.parse import urlencode

import msgspec
import structlog

from gateway.clock import SECOND, Moment
from gateway.errors import GatewayError, Invalid, NotFound, Unavailable
from gateway.identity.keys import Secret
from gateway.identity.people.arriving import Arrival, Arrived, Limits
from gateway.identity.people.callbacks import callback_of
from gateway.identity.people.code_flow import authorization_url, away, exchange, refused
from gateway.identity.people.discovery import Metadata
from gateway.identity.people.id_tokens import Asked, Claimed, claims_of
from gateway.identity.people.mapping import mapped, proven
from gateway.identity.people.pending import LIFETIME, Pending, not_begun_here, sealed, unsealed
from gateway.identity.people.persons import NAME_MAX
from gateway.identity.people.providers import Provider
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.return_paths import checked_return_path
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.people.tried import Tried
from gateway.identity.peppers import Peppers
from gateway.identity.tokens.mapping import asserted, claim_at

log = structlog.get_logger()

EXCHANGES_MAX = 16
"""Codes that are exchanged at once: whoever comes then waits his turn, or is told to come again."""
TURN_MAX_S = 2.0

CODE_MAX = 4096
SIGNED_IN = "signed_in"
_REFUSALS = frozenset({"access_denied", "login_required", "interaction_required", "consent_required"})


class Begun(msgspec.Struct, frozen=True):
    """Where to send somebody, and what their browser is to keep meanwhile."""

    url: str
    sealed: str


class SignedIn(msgspec.Struct, frozen=True):
    """Who came, what they hold now, and where they wanted to go."""

    arrived: Arrived
    secret: Secret
    return_path: str


class SigningIn:
    """The browser's way in, by any provider that was declared."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        registry: Registry,
        peppers: Peppers,
        url: str,
        limits: Limits,
        *,
        count: Callable[[str, str], None],
    ) -> None:
        """`url` is where people reach this gateway, as the providers know it; never taken from a request.

        `count` is told of every sign-in by its provider and outcome.
        """
        self.providers = providers
        self.limits = limits
        self._registry = registry
        self._tried = Tried()
        self._peppers = peppers
        self._count = count
        self._url = url
        self._turns = asyncio.Semaphore(EXCHANGES_MAX)

    def begin(self, name: str, return_path: str, now: Moment, *, fresh: bool = False) -> Begun:
        """Send somebody to a provider; without a name, to the only one. Raises NotFound, Invalid or Unavailable."""
        provider = self._provider(name)
        with self._noted(provider.name):
            metadata = _metadata(provider)
        pending = Pending(
            provider=provider.name,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            return_path=checked_return_path(return_path),
            begun_at=now.earliest,
            fresh=fresh,
        )
        url = authorization_url(
            provider,
            metadata,
            self._redirect_uri(provider.name),
            state=pending.state,
            nonce=pending.nonce,
            verifier=pending.verifier,
            max_age_s=0 if fresh else self.limits.absolute // SECOND,
            prompt="login" if fresh else None,
        )
        return Begun(url, sealed(self._peppers, pending))

    async def finish(
        self, sealed: str, answered: Mapping[str, str], now: Moment, *, path: str, replaces: str = ""
    ) -> SignedIn:
        """Begin the session of whoever came back with this answer, to the browser that keeps this, at this path.

        `replaces` is what the browser showed of a session until now. Raises Unauthenticated, Forbidden or Unavailable.
        """
        pending = unsealed(self._peppers, sealed, now)
        if path != callback_of(pending.provider, self.providers):
            raise not_begun_here()
        if not compare_digest(answered.get("state", "").encode("utf-8", "replace"), pending.state.encode()):
            raise not_begun_here()
        with self._noted(pending.provider):
            signed_in = await self._arrived(pending, answered, now, replaces)
        self._count(pending.provider, SIGNED_IN)
        return signed_in

    async def _arrived(self, pending: Pending, answered: Mapping[str, str], now: Moment, replaces: str) -> SignedIn:
        provider = self._provider(pending.provider)
        metadata = _metadata(provider)
        _check_issuer(provider, metadata, answered.get("iss"))
        code = _code_in(answered)
        claimed = await self._claimed(provider, metadata, pending, code, now)
        session, secret, digest = mint_session()
        claims = proven(claimed.claims)
        found = mapped(provider.rules, claims)
        lasts = (min(now.earliest, claimed.signed_in_at or now.earliest), now.earliest + self.limits.absolute)
        arrival = Arrival(
            vouched=_vouched(provider, claimed),
            organisation=found.organisation,
            roles=found.roles,
            assertions=asserted(found.attributes, session, provider.issuer, claims, lasts),
            session=session,
            kind=SessionKind.BROWSER,
            digest=digest,
            limits=self.limits,
            state=pending.state,
            state_expires_at=now.latest + LIFETIME,
            replaces=replaces,
        )
        return SignedIn(await self._registry.arrive(arrival, now), secret, pending.return_path)

    def sign_out_url(self, name: str) -> str | None:
        """Where somebody signs out of the provider that they came by; None where it offers that nowhere."""
        provider = self.providers.get(name)
        if provider is None or provider.metadata is None or not provider.metadata.end_session:
            return None
        at = provider.metadata.end_session
        return f"{at}{'&' if '?' in at else '?'}{urlencode({'client_id': provider.client_id})}"

    @contextmanager
    def _noted(self, provider: str) -> Iterator[None]:
        """Tell the operator of a sign-in that comes to nothing in the block: why, and never whose it was."""
        try:
            yield
        except GatewayError as error:
            reasons = getattr(error, "__notes__", [error.code])
            log.warning("sign_in_failed", provider=provider, code=error.code, reason=reasons[0])
            self._count(provider, error.code)
            raise

    async def _claimed(
        self, provider: Provider, metadata: Metadata, pending: Pending, code: str, now: Moment
    ) -> Claimed:
        try:
            async with asyncio.timeout(TURN_MAX_S):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable(
                "Too many people sign in just now.", code="too_many_sign_ins", next_step="Sign in again shortly."
            ) from None
        try:
            self._tried.take(pending.state)
            tokens = await exchange(provider, metadata, self._redirect_uri(provider.name), code, pending.verifier)
            asked = Asked(pending.nonce, pending.begun_at, self.limits.absolute, pending.fresh)
            return await claims_of(provider, tokens, asked, now)
        finally:
            self._turns.release()

    def _redirect_uri(self, name: str) -> str:
        return self._url + callback_of(name, self.providers)

    def _provider(self, name: str) -> Provider:
        if not self.providers:
            raise NotFound(
                "No identity provider is declared here, so that nobody can sign in.",
                code="no_identity_provider",
                next_step="Use a key. Who runs the gateway declares providers with GATEWAY_IDENTITY_PROVIDERS.",
            )
        if not name and len(self.providers) == 1:
            return next(iter(self.providers.values()))
        if name not in self.providers:
            raise Invalid(
                "`provider` names no identity provider that is declared here.",
                param="provider",
                next_step=f"Name one of {', '.join(f'`{each}`' for each in self.providers)}.",
            )
        return self.providers[name]


def _vouched(provider: Provider, claimed: Claimed) -> Vouched:
    claims, linking, link = claimed.claims, proven(claimed.claims), provider.link
    return Vouched(
        issuer=provider.name,
        subject=claimed.subject,
        user_name=_text(claims, provider.name_claim) or claimed.subject,
        display_name=_text(claims, "name"),
        signed_in_at=claimed.signed_in_at,
        user_names=_text(linking, link.user_name),
        external_id=_text(linking, link.external_id),
        takes_a_list=provider.takes_a_list,
        provisioned_only=provider.provisioned_only,
    )


def _metadata(provider: Provider) -> Metadata:
    if provider.metadata is None:
        raise away()
    return provider.metadata


def _check_issuer(provider: Provider, metadata: Metadata, said: str | None) -> None:
    """Whoever answers says who it is, where it says that it does (RFC 9207): no other issuer's answer is taken."""
    if said is None and not metadata.names_itself:
        return
    if said != provider.issuer:
        raise refused("answer_of_another_issuer")


def _code_in(answered: Mapping[str, str]) -> str:
    error = answered.get("error", "")
    if error:
        raise refused(error if error in _REFUSALS else "provider_refused")
    code = answered.get("code", "")
    if not 0 < len(code) <= CODE_MAX or not code.isascii() or not code.isprintable():
        raise refused("no_code")
    return code


def _text(claims: Mapping[str, object], claim: str) -> str:
    value = claim_at(claims, claim) if claim else ""
    return value if isinstance(value, str) and 0 < len(value) <= NAME_MAX and value.isprintable() else ""
