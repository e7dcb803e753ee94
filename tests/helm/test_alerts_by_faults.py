"""Alerts at a real gateway with a real PostgreSQL and a real OPA: each fault is caused, and its alert fires.

Not caused here, for they need a clock that is set or hours that pass: GatewayClockUncertain, GatewayClockStepped,
GatewayLedgerSlow, GatewayApprovalsLate and GatewayReviewOverdue; promtool tries them (alerts_test.yaml).
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.access.judges.policies import read_policy_set
from gateway.shipped import shipped
from tests.fakes.gateway import GatewayProcess, free_port, running, until
from tests.fakes.postgresql import PostgreSQLServer
from tests.helm.charts import tool
from tests.helm.prometheus import Prometheus, scraping
from tests.helm.test_watching import call
from tests.journeys.releases import LONG_AGO, TO_ALL, open_to_all, release

pytestmark = pytest.mark.soak

WITHIN_S = 60.0
COUNTED = (
    'gateway_calls_total{outcome="refused"}',
    "gateway_authentication_failures_total",
    "gateway_limits_near_total",
)


@contextmanager
def opa(folder: Path, port: int) -> "Iterator[subprocess.Popen[bytes]]":
    """An OPA server with our policies."""
    folder.mkdir()
    (folder / "bundle.tar.gz").write_bytes(read_policy_set(shipped("policies")).bundle())
    command = [tool("opa"), "run", "--server", f"--addr=127.0.0.1:{port}", "--skip-version-check", "--log-level=error"]
    process = subprocess.Popen([*command, "--bundle", str(folder / "bundle.tar.gz")])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def fires(prometheus: Prometheus, gateway: GatewayProcess, *alerts: str) -> None:
    """Wait until these fire, while somebody asks for readiness as Kubernetes does."""

    def firing() -> set[str]:
        gateway.is_ready()
        return prometheus.firing()

    until(lambda: set(alerts) <= firing(), WITHIN_S, lambda: f"of {alerts}, these fire: {prometheus.firing()}")


def test_each_fault_raises_its_alert(tmp_path: Path) -> None:
    server, port = PostgreSQLServer(), free_port()
    settings = {"database_url": server.url(), "judge": "opa", "opa_url": f"http://127.0.0.1:{port}"}
    try:
        with (
            opa(tmp_path / "opa", port) as judge,
            running(tmp_path / "gateway", upstreams={"down": "http://127.0.0.1:9/v1"}, settings=settings) as gateway,
            scraping(tmp_path / "prometheus", [gateway.port]) as prometheus,
        ):
            assert prometheus.firing() == set()
            callers_are_refused(gateway, prometheus)
            fires(prometheus, gateway, "GatewayRefusalsRising", "GatewayUnknownKeys", "GatewayUpstreamFailing")
            fires(prometheus, gateway, "GatewayLimitsNear", "GatewayStageLate")

            judge.kill()
            fires(prometheus, gateway, "GatewayJudgeFailing")

            server.crash()
            fires(prometheus, gateway, "GatewayLedgerCannotWrite", "GatewaySnapshotStale")
            server.revive()
            until(lambda: "GatewayLedgerCannotWrite" not in again(prometheus, gateway), 180.0)

            gateway.kill()
            fires(prometheus, gateway, "GatewayAbsent")
    finally:
        server.close()


def again(prometheus: Prometheus, gateway: GatewayProcess) -> set[str]:
    gateway.is_ready()
    return prometheus.firing()


def callers_are_refused(gateway: GatewayProcess, prometheus: Prometheus) -> None:
    """Refusals, unknown keys, a model server that is down, a limit that is near, a stage that waits."""
    first = f"name: general, opens: {LONG_AGO}, access: api, {TO_ALL}"
    gated = f'name: more, opens: "2024-06-01T00:00:00Z", access: api, {TO_ALL}, opens_when: [{{approvals: 2}}]'
    gateway.apply(release("story/late", first, gated, upstream="down"))
    few = [f"story/few-{number}" for number in range(4)]
    for name in few:
        gateway.apply(open_to_all(name, "requests_per_minute: 1", upstream="down"))
    with gateway.http("nobody") as nobody, gateway.http("developer") as developer:
        asked = {"model": gateway.models["limited"], "messages": [{"role": "user", "content": "Hello."}]}
        for count, used_up in ((1, few[:1]), (300, few[1:])):
            for _ in range(count):
                assert developer.post("/v1/chat/completions", json=asked).status_code == 403
            for _ in range(8 * count):
                assert nobody.get("/v1/models").status_code == 401
            for name in used_up:
                call(gateway, name)
            call(gateway, "story/late")
            # A counter is seen to rise from the second time it is read.
            until(lambda: all(map(prometheus.query, COUNTED)), WITHIN_S)
