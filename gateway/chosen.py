"""What the settings choose among several, made but not started: the judge, whose tokens are believed, who vouches for
people, and where traces go."""

from typing import Protocol
from urllib.parse import urlsplit

import structlog

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.opa import OPAJudge
from gateway.access.judges.policies import PolicySet, read_policy_set
from gateway.access.judges.port import Judge
from gateway.errors import SettingsInvalid
from gateway.identity.people.providers import Provider, read_providers
from gateway.identity.tokens.declaring import is_loopback
from gateway.identity.tokens.issuers import DeclaredIssuer, read_issuers
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.shipped import shipped
from gateway.traces.calls import TracedCall

log = structlog.get_logger()


def issuers_of(settings: Settings, metrics: Metrics) -> list[DeclaredIssuer]:
    """The issuers of other tokens that the operator declared."""
    file = settings.issuers
    if file is None:
        return []
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"The file of issuers {file} cannot be read: {error.strerror}.") from error
    return read_issuers(content, file, own=settings.issuer, told=metrics.issuer_keys_asked)


def providers_of(settings: Settings, metrics: Metrics) -> dict[str, Provider]:
    """The identity providers that the operator declared, by name."""
    file = settings.identity_providers
    if file is None:
        return {}
    own = urlsplit(settings.issuer)
    if own.scheme != "https" and not is_loopback(own.hostname or ""):
        raise SettingsInvalid(
            "People sign in over TLS alone: their sessions could be read on the way.",
            next_step="Set GATEWAY_PUBLIC_URL to the `https://` address by which people reach this gateway.",
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"The file of identity providers {file} cannot be read: {error.strerror}.") from error
    return read_providers(content, file, told=metrics.issuer_keys_asked)


def policies_of(settings: Settings) -> PolicySet:
    """The policies that judge: the operator's own, or those that are shipped."""
    return read_policy_set(settings.policies or shipped("policies"))


def opa_token_of(settings: Settings) -> str | None:
    """What the gateway shows to OPA; None where OPA asks for nothing. Raises SettingsInvalid."""
    file = settings.opa_token_file
    if file is None:
        return None
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"The OPA token file {file} cannot be read as text of ASCII letters.",
            next_step="Let this process read it, or name another with GATEWAY_OPA_TOKEN_FILE.",
        ) from error


def judge_of(settings: Settings, policies: PolicySet) -> Judge:
    """The judge that the settings name, not started."""
    timeout_s = settings.judge_timeout_ms / 1000
    if settings.judge == "opa":
        return OPAJudge(policies.digest, settings.opa_url, token=opa_token_of(settings), timeout_s=timeout_s)
    return EmbeddedJudge(policies, timeout_s=timeout_s)


class Traces(Protocol):
    """Where calls that are over are told of; there is one that does, and it is opened only where it is wanted."""

    def put(self, call: TracedCall) -> None:
        """Take a call; never waits."""

    def start(self) -> None:
        """Begin to send."""

    def stop(self) -> None:
        """Send what there is, if it can be sent soon, and end."""


def traces_of(settings: Settings, process: str, metrics: Metrics) -> Traces | None:
    """Where traces are sent; None where nobody wants them, or the library for it is not installed."""
    if not settings.traces_endpoint:
        return None
    try:
        from gateway.traces.exporting import Exporter  # opened late: most gateways trace nothing, and have no library
    except ModuleNotFoundError as error:
        log.warning("traces_not_sent", missing=error.name, next_step="Install `release-gateway[traces]`.")
        return None
    return Exporter(settings.traces_endpoint, process, metrics.calls_traced)
