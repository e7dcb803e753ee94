"""One look at everything that a gateway with these settings lives by."""

from gateway.chosen import issuers_of, providers_of
from gateway.errors import GatewayError
from gateway.examination.belonging import look_at_belonging
from gateway.examination.database import has_begun, look_at_database
from gateway.examination.files import look_at_files
from gateway.examination.findings import Finding, amiss, well
from gateway.examination.issuers import look_at_issuers
from gateway.examination.parts import look_at_judge, look_at_upstreams
from gateway.examination.providers import look_at_providers
from gateway.examination.watching import look_at_checkpoints, look_at_collector
from gateway.metrics import Metrics
from gateway.running import declared
from gateway.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which a start would meet them."""
    found = [well("settings", "Every one can be used.")]
    try:
        url = settings.database
    except GatewayError as error:
        return [*found, amiss("database password file", error)]
    begun = await has_begun(url)
    files = list(look_at_files(settings, begun=begun))
    found += await look_at_belonging(settings, files) if begun else files
    found += [finding async for finding in look_at_database(url)]
    if settings.checkpoints is not None and begun:
        found.append(await look_at_checkpoints(settings))
    found.append(await look_at_judge(settings))
    if settings.traces_endpoint:
        found.append(await look_at_collector(settings.traces_endpoint))
    found += await _vouching(settings)
    try:
        upstreams = declared(settings)
    except GatewayError as error:
        return [*found, amiss("upstreams", error)]
    found += [finding async for finding in look_at_upstreams(upstreams)]
    return found


async def _vouching(settings: Settings) -> list[Finding]:
    """Findings on all who vouch for others here: for machines by tokens, and for people."""
    found = []
    try:
        found += [finding async for finding in look_at_issuers(issuers_of(settings, Metrics()))]
    except GatewayError as error:
        found.append(amiss("issuers", error))
    try:
        providers = providers_of(settings, Metrics())
    except GatewayError as error:
        return [*found, amiss("identity providers", error)]
    return found + [finding async for finding in look_at_providers(providers, settings.issuer)]
