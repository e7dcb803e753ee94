"""What stands behind and beside the gateway: the judge with its policies, and the servers of models."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from gateway.chosen import judge_of, policies_of
from gateway.errors import GatewayError
from gateway.examination.asking import why
from gateway.examination.findings import Finding, amiss, away, odd, well, wrong
from gateway.inference.connector.faults import Unreached
from gateway.inference.connector.pool import Pool
from gateway.inference.connector.upstreams import Upstream
from gateway.settings import Settings


async def look_at_judge(settings: Settings) -> Finding:
    """Whether the judge answers from our policies, and says no where it must."""
    try:
        judge = judge_of(settings, policies_of(settings))
        await judge.start()
    except GatewayError as error:
        return amiss("judge", error)
    try:
        ready = await judge.ready()
        if ready:
            return well("judge", f"The judge ({settings.judge}) answers by the policies {judge.policy[:19]}….")
        return wrong(
            "judge",
            f"{judge.fault} Our policies are {judge.policy[:19]}….",
            "Start OPA with the bundle of `gateway policy build`, made by this version from these policies."
            if settings.judge == "opa"
            else "Mend the policies: `opa check` and `opa test` say what is wrong with them.",
        )
    finally:
        await judge.stop()


async def look_at_upstreams(upstreams: Mapping[str, Upstream]) -> AsyncIterator[Finding]:
    """Whether each server of models can be reached as a call would reach it. Nothing is asked of it."""
    if not upstreams:
        yield odd("upstreams", "None is declared, so no model can be called.", "Name a file with GATEWAY_UPSTREAMS.")
    for finding in await asyncio.gather(*map(_upstream, upstreams.values())):
        yield finding


async def _upstream(upstream: Upstream) -> Finding:
    part = f"upstream {upstream.name}"
    try:
        pool = Pool(upstream)
    except OSError:
        return wrong(part, "The certificates of its `ca_file` cannot be read.", "Mend the file of upstreams.")
    try:
        await pool.take()
    except Unreached as error:
        return away(part, f"{upstream.authority} cannot be reached: {why(error.__cause__)}.", _NEXT_STEP)
    finally:
        pool.close()
    return well(part, f"{upstream.authority} can be reached.")


_NEXT_STEP = "Start it, or mend its URL, its certificate or the network between."
