"""The whole of it: every part started at once, kept running, and stopped in the order in which calls pass them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.cluster.balance import Balance
from tools.cluster.gateways import gateway, make_secrets, upgrade
from tools.cluster.layout import HOST, ROOT, Layout
from tools.cluster.nginx import nginx, nginx_binary
from tools.cluster.opa import opa, opa_binary
from tools.cluster.parts import Part
from tools.cluster.postgresql import make_database, postgresql, programs

FILE = "cluster.json"
READY_S = 60.0


def absent() -> list[str]:
    """What this machine lacks for a cluster, and where it is to be had."""
    wanted = {
        "PostgreSQL: install Debian's package `postgresql`": programs(),
        "opa: run `make tools`, or put it on the PATH": opa_binary(),
        "nginx: install Debian's package `nginx`": nginx_binary(),
    }
    return [what for what, found in wanted.items() if found is None]


class Cluster:
    """The parts by name. Whoever starts it stops it: `with running(layout) as cluster`."""

    def __init__(self, layout: Layout, build: Path = ROOT) -> None:
        self.layout = layout
        for folder in (layout.folder, layout.logs, layout.data):
            folder.mkdir(parents=True, exist_ok=True)
        layout.data.chmod(0o700)
        make_secrets(layout)
        make_database(layout)
        self.nginx = Part(nginx(layout))
        self.gateways = [Part(gateway(layout, place, build)) for place in range(len(layout.ports.gateways))]
        self.opa = Part(opa(layout))
        self.postgresql = Part(postgresql(layout))
        self._balance = Balance(layout, self.nginx)

    @property
    def parts(self) -> list[Part]:
        """In the order in which a call passes them."""
        return [self.nginx, *self.gateways, self.opa, self.postgresql]

    def start(self) -> None:
        """Start every part at once: each waits for what it needs."""
        for part in self.parts:
            part.start()
        self._balance.start()

    def stop(self) -> None:
        """Stop them, callers' side first, so that what is under way can end."""
        self._balance.stop()
        self.nginx.stop()
        with ThreadPoolExecutor() as together:
            list(together.map(Part.stop, self.gateways))
        self.opa.stop()
        self.postgresql.stop()

    def is_ready(self) -> bool:
        """Whether every gateway would judge and record a call, and the demonstration stands."""
        return all(says_ready(url) for url in self.layout.gateway_urls) and (self.layout.data / "demo.json").exists()

    def roll_out(self, build: Path, migrate: Callable[[Layout, Path], None] = upgrade) -> None:
        """Bring the schema to what a build needs, then each gateway in turn to that build."""
        migrate(self.layout, build)
        for place, part in enumerate(self.gateways):
            part.become(gateway(self.layout, place, build))
            wait(lambda place=place: says_ready(self.layout.gateway_urls[place]), READY_S)  # type: ignore[misc]

    def write_down(self) -> dict[str, Any]:
        """Write `cluster.json`: where callers come, the demonstration's keys and models, and where each part is."""
        shown: dict[str, Any] = json.loads((self.layout.data / "demo.json").read_bytes())
        ports = self.layout.ports
        shown |= {
            "base_url": self.layout.url,
            "parts": {
                "nginx": self.layout.url,
                **dict(zip(("gateway-a", "gateway-b"), self.layout.gateway_urls, strict=True)),
                "opa": f"http://{HOST}:{ports.opa}",
                "postgresql": self.layout.database_url,
            },
        }
        path = self.layout.folder / FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps(shown, indent=2) + "\n")
        return shown


@contextmanager
def running(layout: Layout, build: Path = ROOT) -> Iterator[Cluster]:
    """A cluster for the length of the block; it may not be ready yet."""
    cluster = Cluster(layout, build)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def says_ready(url: str) -> bool:
    """What `/readyz` says."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - an address of our own
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def wait(holds: Callable[[], bool], within_s: float) -> float:
    """Wait until it holds; how long it took. Raises TimeoutError."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise TimeoutError
        time.sleep(0.05)
    return time.monotonic() - began
