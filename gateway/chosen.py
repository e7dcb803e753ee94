"""What the settings choose among several, made but not started: the judge, whose tokens are believed, who vouches."""

from urllib.parse import urlsplit

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


def judge_of(settings: Settings, policies: PolicySet) -> Judge:
    """The judge that the settings name, not started."""
    timeout_s = settings.judge_timeout_ms / 1000
    if settings.judge == "opa":
        token = settings.opa_token_file.read_text("ascii").strip() if settings.opa_token_file is not None else None
        return OPAJudge(policies.digest, settings.opa_url, token=token, timeout_s=timeout_s)
    return EmbeddedJudge(policies, timeout_s=timeout_s)
