"""Portkey's open gateway on Node: one process; the upstream is named by the headers of each call.

Its lock holds `@hono/node-server` at 1.14.1: later ones hand out headers that cannot be changed, and every
stream ends in status 500 (issue 1389 of Portkey-AI/gateway).
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Target, Upstream
from benchmarks.peers import INSTALL, NODE
from benchmarks.programs import Program, free_port

PACKAGE = NODE / "node_modules" / "@portkey-ai" / "gateway"

ON_LOOPBACK = """
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, '127.0.0.1', ...rest.filter((value) => typeof value === 'function'));
};
"""
"""The gateway has no setting for its address and would listen on every one."""


@dataclass(frozen=True)
class Portkey:
    """A gateway in JavaScript that routes by headers and keeps nothing."""

    name: str = "portkey"

    def absence(self) -> str | None:
        if not shutil.which("node"):
            return "node is not installed"
        return None if PACKAGE.exists() else f"Portkey's gateway is not installed: {INSTALL}"

    def version(self) -> str:
        return str(json.loads((PACKAGE / "package.json").read_text())["version"])

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port = free_port()
        loopback = folder / "loopback.cjs"
        loopback.write_text(ON_LOOPBACK)
        server = PACKAGE / "build" / "start-server.js"
        argv = ["node", "--require", str(loopback), str(server), f"--port={port}", "--headless"]
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"{upstream.origin}/v1",
            "authorization": "Bearer unused",
        }
        program = Program("portkey", argv, folder, {"NODE_ENV": "production"})
        return Target(f"http://127.0.0.1:{port}", program, headers=headers)
