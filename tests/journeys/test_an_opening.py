"""A stage waits for an evaluation and two people: shut until both hold, and it says which of them is missing."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway import GatewayProcess, running, until
from tests.journeys.releases import LONG_AGO, in_seconds, quoted

FILES = Path(__file__).resolve().parents[1] / "releases" / "evidence" / "files"
OURS, THEIRS = "sha256:" + "a" * 64, "sha256:" + "b" * 64
LOOKED_S = 2.5
"""Long enough for every process to have looked at what waits, twice."""
WMDP = "evidence: {suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.35}"


def gated(name: str, opens: str = LONG_AGO, requirements: str = f"{{{WMDP}}}, {{approvals: 2}}") -> str:
    """A release whose only stage is for everybody, when its requirements are met."""
    return f"""\
release: {name}
serves: {{inference: {{upstream: brisk, model: any}}}}
model: {{snapshot: {OURS}}}
stages:
  - name: general
    opens: {opens}
    access: api
    to: [public]
    offers: [inference.text]
    opens_when: [{requirements}]
"""


class Desk:
    """Where the provider's people type, each with a key of their own."""

    def __init__(self, demo: GatewayProcess) -> None:
        self.demo = demo
        self.keys = dict(demo.keys) | {name: demo.enter("provider", "approver")[1] for name in ("ann", "ben")}

    def type(self, *words: str, by: str = "provider", fails: bool = False) -> str:
        """One command of `gateway`; what it printed."""
        told = {"GATEWAY_URL": self.demo.base_url, "GATEWAY_KEY": self.keys[by], "NO_COLOR": "1"}
        ran = subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", *words],
            capture_output=True, text=True, timeout=60, check=False, env=os.environ | told,
        )  # fmt: skip
        assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr


def call(client: httpx.Client, model: str) -> tuple[int, str, str]:
    """Status, code and message of a call."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Now?"}], "max_tokens": 5}
    answer = client.post("/v1/chat/completions", json=asked)
    error = answer.json().get("error", {})
    return answer.status_code, error.get("code", ""), error.get("message", "")


@pytest.fixture
def desk(demo: GatewayProcess) -> Desk:
    return Desk(demo)


def test_a_stage_gated_on_an_evaluation_stays_shut_until_it_holds_and_two_people_agree(
    demo: GatewayProcess, desk: Desk
) -> None:
    name = "story/gated"
    demo.apply(gated(name))
    add = ("evidence", "add", "--release", name, "--snapshot")
    met: list[tuple[str, tuple[int, str, str], str]] = []

    with demo.http("developer") as client:

        def look(after: str) -> None:
            time.sleep(LOOKED_S)
            met.append((after, call(client, name), desk.type("release", "show", name)))

        look("no evidence")
        desk.type(*add, THEIRS, str(FILES / "lm-eval-0.34.json"))
        look("another snapshot")
        desk.type(*add, OURS, str(FILES / "lm-eval-0.36.json"))
        look("0.36")
        desk.type("release", "approve", name, "general", by="ann")
        desk.type(*add, OURS, str(FILES / "lm-eval-0.34.json"))
        look("0.34 and an approval from before")
        desk.type("release", "approve", name, "general", by="ann")
        look("one approval")
        again = desk.type("release", "approve", name, "general", by="ann", fails=True)
        me = client.get("/control/me").json()
        desk.type("release", "approve", name, "general", by="ben")
        opened_s = until(lambda: call(client, name)[0] == 200, 5)
        after = desk.type("release", "show", name)

    assert {(status, code) for _, (status, code, _), _ in met} == {(403, "stage_not_open")}
    missing = {
        "no evidence": ["lm-eval wmdp_bio acc at most 0.35: no evidence of lm-eval wmdp_bio acc was added", "0 of 2"],
        "another snapshot": [f"is about another snapshot: {THEIRS}, not {OURS}", "0 of 2"],
        "0.36": ["0.36 is above 0.35", "0 of 2 approvals"],
        "0.34 and an approval from before": ["0 of 2 approvals; 1 given before the evidence changed no longer count"],
        "one approval": ["1 of 2 approvals"],
    }
    for step, (_, _, message), shown in met:
        assert "waits for its requirements" in message and "0.3" not in message and "wmdp" not in message, step
        unmet = [line for line in shown.splitlines() if line.startswith("  not met  ")]
        assert len(unmet) == len(missing[step]), (step, shown)
        assert all(any(line in each for each in unmet) for line in missing[step]), (step, shown)
        assert "waiting" in shown, step
    assert "approved_already" in again
    [mine] = [each for each in me["releases"] if each["release"] == name]
    assert [(m["code"], m["opens_at"], m["waits_for_requirements"]) for m in mine["missing"]] == [
        ("stage_not_open", None, True)
    ]
    assert "wmdp" not in str(mine)
    assert opened_s < LOOKED_S
    assert "general: opened" in after and "not met" not in after
    entries = {event: demo.entries(event=event, release=name) for event in ("stage:opened", "access:admitted")}
    assert [len(found) for found in entries.values()] == [1, 1]
    assert entries["stage:opened"][0]["index"] < entries["access:admitted"][0]["index"]


def test_a_stage_whose_requirements_are_met_opens_at_its_date_and_no_sooner(demo: GatewayProcess, desk: Desk) -> None:
    name, opens = "story/gated-early", in_seconds(8.0)
    demo.apply(gated(name, quoted(opens)))
    desk.type("evidence", "add", str(FILES / "lm-eval-0.34.json"), "--release", name, "--snapshot", OURS)
    for who in ("ann", "ben"):
        desk.type("release", "approve", name, "general", by=who)

    with demo.http("developer") as client:
        answers: list[tuple[int, float]] = []
        while not answers or answers[-1][0] != 200:
            answers.append((call(client, name)[0], time.time()))
            assert time.time() < opens / 1_000_000 + 5
            time.sleep(0.05)

    assert len(answers) > 10, "it was asked for before its date"
    assert opens / 1_000_000 <= answers[-1][1] <= opens / 1_000_000 + LOOKED_S


def test_a_changed_stage_is_shut_until_its_requirements_are_met_anew(demo: GatewayProcess, desk: Desk) -> None:
    name = "story/gated-anew"
    demo.apply(gated(name, requirements="{approvals: 1}"))
    desk.type("release", "approve", name, "general", by="ann")

    with demo.http("developer") as client:
        until(lambda: call(client, name)[0] == 200, 5)
        demo.apply(gated(name, requirements="{approvals: 1}, {incident_free: true}"))
        time.sleep(LOOKED_S)
        shut = call(client, name)[:2]
        desk.type("release", "approve", name, "general", by="ben")
        until(lambda: call(client, name)[0] == 200, 5)

    assert shut == (403, "stage_not_open")


def test_an_opening_survives_a_restart_and_whoever_wrote_a_stage_cannot_approve_it(tmp_path: Path) -> None:
    name = "story/gated-restart"
    with running(tmp_path) as gateway:
        desk = Desk(gateway)
        desk.keys["author"] = gateway.enter("provider", "provider", "approver")[1]
        file = gated(name, requirements="{approvals: 1}").replace("brisk", "simulated")
        gateway.control("POST", "/releases", desk.keys["author"], json={"file": file, "adopt": True})
        gateway.follow()
        refused = desk.type("release", "approve", name, "general", by="author", fails=True)
        desk.type("release", "approve", name, "general", by="ann")
        with gateway.http("developer") as client:
            until(lambda: call(client, name)[0] == 200, 5)
            gateway.stop()
            gateway.start()
            status: Any = call(client, name)[0]

    assert "self_approved" in refused
    assert status == 200
