"""A cluster as `make cluster` starts it, on ports of its own, to be entered by its balancer as one gateway is."""

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.fakes.gateway import PATIENCE_S, GatewayProcess, until
from tools.cluster import cluster as real
from tools.cluster.layout import ROOT, Layout, Ports
from tools.cluster.parts import Part

ROOM_IN_MEMORY = 2 << 30
"""Files go to memory when at least this much room is there: fsync costs nothing then."""


class ClusterHouse(GatewayProcess):
    """A cluster, asked by its balancer. What a single gateway does at once, each of its gateways does."""

    def __init__(self, cluster: real.Cluster) -> None:
        layout = cluster.layout
        self.cluster = cluster
        self.folder, self.data = layout.folder, layout.data
        self.port, self.base_url = layout.ports.balancer, layout.url
        self.settings = dict(layout.settings)
        self.await_ready()
        shown = json.loads((self.data / "demo.json").read_bytes())
        self.keys, self.models = shown["keys"], shown["models"]

    @property
    def processes(self) -> Sequence[str]:
        """Each gateway."""
        return self.cluster.layout.gateway_urls

    @property
    def database_url(self) -> str:
        """The database, with its password."""
        password = self.cluster.layout.database_password.read_text().strip()
        return self.cluster.layout.database_url.replace("@", f":{password}@", 1)

    def is_ready(self) -> bool:
        """What every gateway's `/readyz` says."""
        return self.cluster.is_ready()

    def await_ready(self) -> None:
        """Wait until every gateway is ready."""
        until(self.is_ready, PATIENCE_S * 2, self._why_not)

    @property
    def log(self) -> str:
        """What both gateways printed."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self._logs("gateway-*.log")))

    def _logs(self, which: str) -> list[Path]:
        return list(self.cluster.layout.logs.glob(which))

    def _why_not(self) -> str:
        ends = {path.name: path.read_text("utf-8", "replace").splitlines()[-4:] for path in self._logs("*.log")}
        return json.dumps(ends, indent=2)


def processes_of(part: Part) -> list[psutil.Process]:
    """The part's process and all that it has started."""
    try:
        first = psutil.Process(part.pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def signal_all(part: Part, number: signal.Signals) -> None:
    """Send every process of a part a signal."""
    for process in processes_of(part):
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


@contextmanager
def cluster_house(
    upstreams: Mapping[str, str], settings: Mapping[str, str] | None = None, build: Path = ROOT
) -> Iterator[ClusterHouse]:
    """A cluster that is ready, for the length of the block. Skips the test where a part of it is not at hand."""
    if missing := real.absent():
        pytest.skip("; ".join(missing))
    # Root's temporary folders are closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="rg-cluster-", dir=_roomy_folder()))
    folder.chmod(0o755)
    file = folder / "upstreams.yaml"
    file.write_text("upstreams:\n" + "".join(f"  {name}: {{url: {url}}}\n" for name, url in upstreams.items()))
    layout = Layout(folder / "cluster", Ports.unused(), {"upstreams": str(file), **(settings or {})})
    try:
        with real.running(layout, build) as cluster:
            yield ClusterHouse(cluster)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roomy_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free >= ROOM_IN_MEMORY else None
