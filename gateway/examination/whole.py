"""One look at everything that a gateway with these settings lives by."""

from gateway.errors import GatewayError
from gateway.examination.database import has_begun, look_at_database
from gateway.examination.files import look_at_files
from gateway.examination.findings import Finding, amiss, well
from gateway.examination.parts import look_at_judge, look_at_upstreams
from gateway.running import declared
from gateway.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which a start would meet them."""
    found = [well("settings", "Every one can be used.")]
    try:
        url = settings.database
    except GatewayError as error:
        return [*found, amiss("database password file", error)]
    found += look_at_files(settings, begun=await has_begun(url))
    found += [finding async for finding in look_at_database(url)]
    found.append(await look_at_judge(settings))
    try:
        upstreams = declared(settings)
    except GatewayError as error:
        return [*found, amiss("upstreams", error)]
    found += [finding async for finding in look_at_upstreams(upstreams)]
    return found
