"""`make cluster`: everything comes up in any order, is entered at one place, and ends at ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway.access.judges.policies import read_policy_set
from gateway.shipped import shipped
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until
from tools.cluster.layout import HOST, ROOT, Ports

INNER = ("/metrics", "/healthz", "/readyz", "/policies/bundle.tar.gz", "/policies/", "//policies/bundle.tar.gz")


def test_callers_are_served_by_both_gateways_and_judged_by_one_opa(house: ClusterHouse) -> None:
    with house.http("developer") as client:
        for _ in range(8):
            assert client.post("/v1/chat/completions", json=say(house.models["api"])).status_code == 200

    processes = {entry["id"].split("-")[0] for entry in house.entries(event="gateway:started")}
    counted = [metric(url, "gateway_calls_total") for url in house.processes]
    asked = httpx.post(f"http://{HOST}:{house.cluster.layout.ports.opa}/v1/data/access?provenance=true", json={})
    assert all(count > 0 for count in counted), counted
    assert len(processes) >= 2
    bundles = asked.json()["provenance"]["bundles"]
    assert bundles["access"]["revision"] == read_policy_set(shipped("policies")).digest


@pytest.mark.parametrize("path", INNER)
def test_what_is_not_for_callers_cannot_be_reached_by_the_balancer(house: ClusterHouse, path: str) -> None:
    token = house.cluster.layout.bundle_token.read_text().strip()

    answer = httpx.get(f"{house.base_url}{path}", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 404


def test_where_no_gateway_can_be_reached_callers_are_told_so_in_a_shape_they_read(house: ClusterHouse) -> None:
    for part in house.cluster.gateways:
        part.stop()
    try:
        with house.http("developer") as client:
            told = client.post("/v1/chat/completions", json=say(house.models["api"]))
    finally:
        for part in house.cluster.gateways:
            part.start()
        house.await_ready()

    assert (told.status_code, told.headers["retry-after"]) == (503, "1")
    assert told.json()["error"]["code"] == "gateway_unreachable"


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
        subprocess.run(["rm", "-rf", str(folder)], check=True)

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


def say(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello."}]}


def metric(url: str, name: str) -> float:
    """The sum of a counter's samples."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
