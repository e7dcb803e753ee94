"""The gateways: two processes of one build, which share the database, OPA and every secret."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from tools.cluster.layout import HOST, ROOT, Layout
from tools.cluster.parts import Program

DRAIN_S = 4
"""Longer than nginx keeps a connection to a gateway that it does not use."""

SHUTDOWN_S = 30


def make_secrets(layout: Layout) -> None:
    """Make what the parts prove themselves by to each other, where it is not there yet."""
    layout.bundle_token.parent.mkdir(mode=0o700, exist_ok=True)
    for path in (layout.bundle_token, layout.database_password):
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32) + "\n")


def settings(layout: Layout) -> dict[str, str]:
    """The environment of every gateway, and of a migration."""
    told = {
        "data": str(layout.data),
        "database_url": layout.database_url,
        "database_password_file": str(layout.database_password),
        "judge": "opa",
        "opa_url": f"http://{HOST}:{layout.ports.opa}",
        "bundle_token_file": str(layout.bundle_token),
        "public_url": layout.url,
        "drain_s": str(DRAIN_S),
        "shutdown_s": str(SHUTDOWN_S),
        "log_format": "json",
        # All callers come from the balancer's address: bounded by source, one who guesses would keep all others out.
        "token_requests_per_source": "0",
        "sign_in_requests_per_source": "0",
        **layout.settings,
    }
    return {f"GATEWAY_{name.upper()}": value for name, value in told.items()}


def gateway(layout: Layout, place: int, build: Path = ROOT) -> Program:
    """One of them; `build` is the folder that has its code."""
    name = f"gateway-{'ab'[place]}"
    command = [sys.executable, "-P", "-m", "gateway.cli.main", "serve", "--demo"]
    command += ["--host", HOST, "--port", str(layout.ports.gateways[place])]
    environment = _environment(layout, build)
    return Program(name, command, layout.logs / f"{name}.log", environment, folder=layout.folder)


def upgrade(layout: Layout, build: Path) -> None:
    """Bring the database's schema to what a build needs, as the migration Job does before a rollout."""
    command = [sys.executable, "-P", "-m", "gateway.cli.main", "db", "upgrade", "--yes"]
    environment = {**os.environ, **_environment(layout, build)}
    ran = subprocess.run(command, env=environment, cwd=layout.folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"The schema could not be brought up to date: {ran.stdout}{ran.stderr}")


def _environment(layout: Layout, build: Path) -> dict[str, str]:
    return settings(layout) | {"PYTHONPATH": str(build)}
