"""An OPA server that judges by the policies which the gateways give out, and keeps them for when none answers."""

import json
import os
import shutil
from pathlib import Path

from tools.cluster.layout import HOST, ROOT, Layout
from tools.cluster.parts import Program

TOOLS = ROOT / ".tools" / "bin"
BUNDLE = "policies/bundle.tar.gz"


def opa_binary() -> str | None:
    """Where OPA is."""
    return shutil.which("opa", path=os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")]))


def configuration(layout: Layout) -> str:
    """Polls the gateways through the balancer's inner door, so that it does not matter which of them runs."""
    service = {
        "url": f"http://{HOST}:{layout.ports.bundles}",
        "credentials": {"bearer": {"token_path": str(layout.bundle_token)}},
        "response_header_timeout_seconds": 2,
    }
    polling = {"min_delay_seconds": 1, "max_delay_seconds": 2}
    bundle = {"service": "gateways", "resource": BUNDLE, "persist": True, "polling": polling}
    return json.dumps(
        {
            "services": {"gateways": service},
            "bundles": {"access": bundle},
            "persistence_directory": str(layout.folder / "opa"),
        },
        indent=2,
    )


def opa(layout: Layout) -> Program:
    """The server."""
    file = layout.folder / "opa.json"
    file.write_text(configuration(layout))
    command = [_binary(), "run", "--server", "--addr", f"{HOST}:{layout.ports.opa}", "--log-level", "error"]
    command += ["--disable-telemetry", "--config-file", str(file)]
    return Program("opa", command, layout.logs / "opa.log", folder=Path(layout.folder))


def _binary() -> str:
    found = opa_binary()
    if found is None:
        raise RuntimeError("opa is missing: run `make tools`, or put it on the PATH")
    return found
