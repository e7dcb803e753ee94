"""The command that `make cluster` runs, from its table to ctrl-C. Only `make soak` collects this."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cluster.test_cluster import say
from tests.fakes.gateway import until
from tools.cluster.layout import HOST, ROOT, Ports

pytestmark = pytest.mark.soak


def test_the_command_says_where_everything_is_and_ends_at_ctrl_c(tmp_path_factory: pytest.TempPathFactory) -> None:
    ports = Ports.unused()
    folder = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"rg-command-{os.getpid()}"
    out = tmp_path_factory.mktemp("command") / "out"
    command = [sys.executable, "-c", RUN, str(folder), json.dumps([*vars(ports).values()])]
    try:
        with out.open("wb") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as process:
            until(lambda: "Ctrl-C" in out.read_text() or process.poll() is not None, 90, out.read_text)
            shown = json.loads((folder / "cluster.json").read_bytes())
            with httpx.Client(headers={"authorization": f"Bearer {shown['keys']['developer']}"}) as client:
                answer = client.post(f"{shown['base_url']}/v1/chat/completions", json=say(shown["models"]["api"]))
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        left = ports.taken()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    assert answer.status_code == 200
    assert (code, left) == (0, [])
    assert all(name in out.read_text() for name in ("nginx", "gateway-a", "gateway-b", "opa", "postgresql"))
    assert shown["parts"]["nginx"] == f"http://{HOST}:{ports.balancer}"


RUN = """
import json, sys
from tools.cluster import __main__ as command
from tools.cluster.layout import Ports
ports = Ports(*json.loads(sys.argv[2]))
command.Ports.beginning = classmethod(lambda kind, first: ports)
command.main(["--folder", sys.argv[1]])
"""
"""The command, on ports that are free: others may have those in a row."""
