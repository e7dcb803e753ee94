"""Looking again and again at what may have come due, whatever a look meets.

A look that fails is logged and the next one comes: nothing else would ever begin it again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


async def keep_looking(look: Callable[[], Awaitable[object]], every_s: float, unlooked: str) -> None:
    """Look until cancelled; `unlooked` is what the log calls a look that failed."""
    while True:
        try:
            await look()
        except Exception as error:
            log.warning(unlooked, error=type(error).__name__)
        await asyncio.sleep(every_s)
