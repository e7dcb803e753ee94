"""The gateway itself, as an operator starts it: nothing switched off, one release in front of the upstream."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from benchmarks.contenders import MODEL, Target, Upstream
from benchmarks.programs import Program, free_port
from benchmarks.upstreams import CallFailed

GATEWAY = Path(sys.executable).parent / "gateway"
PATIENCE_S = 60

UPSTREAMS = """\
upstreams:
  bench: {{url: "{origin}/v1", limits: {{connections_max: 4096}}}}
"""
RELEASE = """\
# Limits are set, so that they are taken and settled with every call, and too wide to be met.
release: bench/model-1
serves:
  inference: {{upstream: bench, model: {model}}}
stages:
  - name: general
    opens: 2026-01-05T00:00:00Z
    access: api
    to: [public]
    conditions: {{requests_per_minute: 100000000, tokens_per_day: 1000000000000}}
"""


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
        return None if GATEWAY.exists() else "the gateway is not installed in this environment: run `make install`"

    def version(self) -> str:
        try:
            return version("release-gateway")
        except PackageNotFoundError:
            return "?"

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port, kept = free_port(), folder / "data"
        upstreams, release = folder / "upstreams.yaml", folder / "release.yaml"
        upstreams.write_text(UPSTREAMS.format(origin=upstream.origin))
        release.write_text(RELEASE.format(model=MODEL))
        where = ["--data", str(kept), "--host", "127.0.0.1", "--port", str(port)]
        settings = {"GATEWAY_UPSTREAMS": str(upstreams), "GATEWAY_LOG_LEVEL": "warning"}
        program = Program("gateway", [str(GATEWAY), "serve", "--demo", *where], folder, settings)
        try:
            told = _await_demonstration(kept / "demo.json", program)
            _apply(release, told)
        except CallFailed:
            program.stop()
            raise
        headers = {"authorization": f"Bearer {told.keys['developer']}"}
        return Target(told.base_url, program, "bench/model-1", headers)


def _await_demonstration(file: Path, program: Program) -> Demonstration:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if file.exists():
            try:
                return msgspec.json.decode(file.read_bytes(), type=Demonstration)
            except msgspec.DecodeError:
                pass  # it is being written
        if not program.running or time.monotonic() > deadline:
            raise CallFailed(f"the gateway did not come up:\n{program.last_words()}")
        time.sleep(0.1)


def _apply(release: Path, told: Demonstration) -> None:
    """Put the release in force over the control door, like any provider."""
    settings = {**os.environ, "GATEWAY_URL": told.base_url, "GATEWAY_KEY": told.keys["provider"]}
    apply = [str(GATEWAY), "release", "apply", "--adopt", str(release)]
    deadline = time.monotonic() + PATIENCE_S
    while True:
        done = subprocess.run(apply, env=settings, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise CallFailed(f"the release was not taken: {done.stderr[-400:]}")
        time.sleep(0.5)
