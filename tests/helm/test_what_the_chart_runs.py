"""What the chart would run, run: the commands, variables and files of its containers, beside a real PostgreSQL and OPA.

Only where things lie and which ports they take is changed, for there is no cluster here.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.identity.peppers import open_peppers
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.ledger.signing import open_signing_key
from tests.fakes.gateway import free_port, until
from tests.fakes.postgresql import PostgreSQLServer
from tests.helm.charts import REPLICATED, Manifest, manifests, one, tool

VALUES: Mapping[str, Any] = REPLICATED | {
    "judge": "opa",
    "settings": {**REPLICATED["settings"], "changes": "reviewed", "shutdown_s": 5},
    "upstreams": {
        "atlas": {
            "url": "http://127.0.0.1:9/v1",
            "credential": {"name": "atlas", "key": "token"},
            "to": [{"podSelector": {}}],
        }
    },
}
PATIENCE_S = 30.0
MOUNTED = re.compile(r"(?<![\w/.-])/(?:data|bundle|etc/release-gateway|run/secrets/release-gateway)(?=/|\s|$)")


class Node:
    """A folder in place of a cluster's node: every path of a container lies below it, every port is a free one."""

    def __init__(self, root: Path, database_url: str) -> None:
        self.root = root
        self.ports = {"8080": free_port(), "8181": free_port(), "8282": free_port()}
        self._database_url = database_url
        for folder in ("data", "bundle", "etc/release-gateway", "run/secrets/release-gateway"):
            (root / folder).mkdir(parents=True)

    def placed(self, text: str) -> str:
        """A path or address as it is here."""
        text = MOUNTED.sub(lambda path: f"{self.root}{path[0]}", text)
        for port, here in self.ports.items():
            text = text.replace(f":{port}", f":{here}")
        return text

    def environment(self, container: Manifest) -> dict[str, str]:
        """The variables of a container, and nothing of this process's own settings."""
        given = {each["name"]: self.placed(each["value"]) for each in container.get("env", [])}
        if "GATEWAY_DATABASE_URL" in given:
            given["GATEWAY_DATABASE_URL"] = self._database_url
        if "GATEWAY_PORT" in given:
            given |= {"GATEWAY_PORT": str(self.ports["8080"]), "GATEWAY_HOST": "127.0.0.1"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        return kept | given

    def command(self, container: Manifest) -> list[str]:
        """What a container runs: the image's entry point is `gateway`, and OPA's is `opa`."""
        entry = [tool("opa")] if container["name"] == "opa" else [sys.executable, "-m", "gateway.cli.main"]
        return [*entry, *map(self.placed, container["args"])]

    def run(self, container: Manifest) -> None:
        """Run a container to its end."""
        ran = subprocess.run(
            self.command(container), env=self.environment(container), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    @contextmanager
    def running(self, container: Manifest) -> "Iterator[subprocess.Popen[bytes]]":
        """A container for the length of the block."""
        with (self.root / f"{container['name']}.log").open("wb") as log:
            process = subprocess.Popen(self.command(container), env=self.environment(container), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)

    def log(self, name: str) -> str:
        """What a container has printed."""
        return (self.root / f"{name}.log").read_text("utf-8", "replace")


def furnish(node: Node, found: Sequence[Manifest]) -> None:
    """Put what the chart mounts where it is mounted, with the modes that the kubelet gives it."""
    mounted = node.root / "run/secrets/release-gateway"
    (mounted / "database-password").write_text("p@ss:w/rd")
    (mounted / "upstream-atlas").write_text(secrets.token_hex(8))
    open_peppers(mounted / "peppers")
    open_signing_key(mounted / "signing.key")
    SigningKeys(mounted / "token.keys")
    config = one(list(found), "ConfigMap", "gateway")["data"]["upstreams.yaml"]
    (node.root / "etc/release-gateway/upstreams.yaml").write_text(node.placed(config))
    pod = one(list(found), "Deployment")["spec"]["template"]["spec"]
    (volume,) = [each["projected"] for each in pod["volumes"] if "projected" in each]
    listed = {item["path"] for source in volume["sources"] for item in source["secret"]["items"]}
    assert listed == {path.name for path in mounted.iterdir()}
    for path in mounted.iterdir():
        path.chmod(volume["defaultMode"])


def answers(port: int, path: str) -> int:
    """The status that a probe would see; 0 where nobody listens."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture
def node(tmp_path: Path, postgresql_server: PostgreSQLServer) -> Iterator[Node]:
    name = postgresql_server.new_database()
    folder = postgresql_server.url(name).partition("host=")[2]
    yield Node(tmp_path, f"postgresql://postgres@/{name}?host={folder}")
    postgresql_server.drop_database(name)


def test_what_the_chart_runs_comes_up_serves_and_drains(node: Node) -> None:
    found = manifests((), VALUES)
    furnish(node, found)
    pod = one(found, "Deployment")["spec"]["template"]["spec"]
    (migration,) = one(found, "Job")["spec"]["template"]["spec"]["containers"]
    policies, opa = pod["initContainers"]
    (gateway,) = pod["containers"]
    port, health = node.ports["8080"], node.ports["8282"]

    node.run(migration)
    node.run(policies)
    with node.running(opa):
        until(
            lambda: answers(health, opa["startupProbe"]["httpGet"]["path"]) == 200, PATIENCE_S, lambda: node.log("opa")
        )
        with node.running(gateway) as process:
            ready = gateway["readinessProbe"]["httpGet"]["path"]
            until(lambda: answers(port, ready) == 200, PATIENCE_S, lambda: node.log("gateway"))
            alive = answers(port, gateway["livenessProbe"]["httpGet"]["path"])
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE_S)
            drained_s = time.monotonic() - began

    assert alive == 200
    assert not (node.root / "data/token.keys").exists(), "made here, it would be this pod's alone"
    assert "first key" in node.log("gateway"), "as NOTES.txt says where to find it"
    assert code in {0, -signal.SIGTERM} and drained_s < pod["terminationGracePeriodSeconds"]
    assert answers(node.ports["8181"], "/health") == 0
