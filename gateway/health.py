"""Liveness, readiness and metrics: the routes that need no key, and tell nothing about anybody."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from gateway.access.current import UNCERTAINTY_MAX_US, Current
from gateway.access.judges.port import Judge
from gateway.drain import Drain
from gateway.errors import ClockUnknown
from gateway.ledger.writer import Writer
from gateway.metrics import Metrics


class Readiness:
    """Whether this process can do its duty: a call that came now would be judged and recorded."""

    def __init__(self, current: Current, judge: Judge, writer: Writer, drain: Drain) -> None:
        self._current = current
        self._judge = judge
        self._writer = writer
        self._drain = drain

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to stop: it can still do its duty, and others should be asked to."""
        return self._drain.begun

    async def parts(self) -> dict[str, bool]:
        """Each part that a call needs, and whether it is well."""
        try:
            certain = self._current.clock.now().uncertainty <= UNCERTAINTY_MAX_US
        except ClockUnknown:
            certain = False
        return {
            "snapshot": not self._current.is_stale,
            "clock": certain,
            "judge": await self._judge.ready(),
            "ledger": self._writer.healthy,
        }

    def warnings(self) -> list[str]:
        """What the operator should look into though every call is served as it should be."""
        return self._writer.warnings


def health_routes(readiness: Readiness, metrics: Metrics) -> list[HTTPRouteHandler]:
    """`/healthz`, `/readyz` and `/metrics`."""

    @get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[dict[str, Any]]:
        """The process can do its duty; what cannot is named, and what can and is odd all the same."""
        parts = await readiness.parts()
        for part, well in parts.items():
            metrics.part_found(part, well)
        ready = all(parts.values()) and not readiness.is_leaving
        status = HTTP_200_OK if ready else HTTP_503_SERVICE_UNAVAILABLE
        status_told = "stopping" if readiness.is_leaving else "ready" if ready else "not ready"
        told = {"status": status_told, "parts": parts}
        warnings = readiness.warnings()
        return Response(told | {"warnings": warnings} if warnings else told, status_code=status)

    @get("/metrics", include_in_schema=False)
    async def exposition() -> Response[bytes]:
        """Prometheus text."""
        content, media_type = metrics.exposition()
        return Response(content, media_type=media_type)

    return [healthz, readyz, exposition]
