"""The gateway itself: `gateway serve --demo`, with everything on that an operator gets, in front of the upstream."""

import importlib.util
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from benchmarks.contenders import Target, Upstream
from benchmarks.programs import Program, free_port
from benchmarks.upstreams import CallFailed

GATEWAY = Path(sys.executable).parent / "gateway"
PATIENCE_S = 60


class Demonstration(msgspec.Struct, frozen=True):
    """What the gateway writes down about its demonstration."""

    base_url: str
    keys: dict[str, str]
    models: dict[str, str]


@dataclass(frozen=True)
class Gateway:
    """Authenticates, judges, limits and records each call durably before it passes."""

    name: str = "gateway"

    def absence(self) -> str | None:
        if not GATEWAY.exists() or importlib.util.find_spec("gateway.cli") is None:
            return "the gateway is not installed in this environment: run `make install`"
        return None

    def version(self) -> str:
        try:
            return version("release-gateway")
        except PackageNotFoundError:
            return "?"

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port, kept = free_port(), folder / "data"
        where = ["--data", str(kept), "--host", "127.0.0.1", "--port", str(port)]
        program = Program("gateway", [str(GATEWAY), "serve", "--demo", *where, "--upstream", upstream.origin], folder)
        told = _await_demonstration(kept / "demo.json", program)
        headers = {"authorization": f"Bearer {told.keys['developer']}"}
        return Target(told.base_url, program, told.models["api"], headers)


def _await_demonstration(file: Path, program: Program) -> Demonstration:
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists():
        if not program.running or time.monotonic() > deadline:
            program.stop()
            raise CallFailed(f"the gateway did not come up:\n{program.last_words()}")
        time.sleep(0.1)
    return msgspec.json.decode(file.read_bytes(), type=Demonstration)
