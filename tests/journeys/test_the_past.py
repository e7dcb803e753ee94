"""An auditor asks who could use a model two stages ago: answered as it was then, whatever was done since."""

import json
import time
from typing import Any

from gateway.clock import Instant, text_from
from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import LONG_AGO, in_seconds, quoted
from tests.journeys.test_an_opening import Desk

NAME = "story/history"


def a_history(testers: Instant, general: Instant) -> str:
    """For staff first, then for whom a grant admits, then for everybody."""
    return f"""\
release: {NAME}
serves: {{inference: {{upstream: brisk, model: any}}}}
audiences: {{staff: {{role: staff}}, testers: {{grant: required}}}}
stages:
  - {{name: internal, opens: "{LONG_AGO}", access: closed, to: [staff], offers: [inference.text]}}
  - {{name: trusted, opens: {quoted(testers)}, access: limited, to: [staff, testers], offers: [inference.text]}}
  - {{name: general, opens: {quoted(general)}, access: api, to: [public], offers: [inference.text]}}
"""


def between(desk: Desk, earlier: float) -> str:
    """An instant in the middle of what happens, once it has surely been."""
    time.sleep(max(0.0, earlier - time.time()) + 0.3)
    named = text_from(in_seconds(0))
    time.sleep(0.3)
    return named


def counted(desk: Desk, at: str | None = None) -> Any:
    """What the auditor is told of who could use the model."""
    when = [] if at is None else ["--at", at]
    told = json.loads(desk.type("access", "who", NAME, *when, "--json", by="auditor"))
    [text] = told["components"]
    return told["stage"], text["admitted"], text["named"], text["audiences"]


def test_an_auditor_asks_who_could_use_a_model_two_stages_ago(demo: GatewayProcess) -> None:
    desk = Desk(demo)
    organisations = len(json.loads(desk.type("organisation", "list", "--json", by="auditor")))
    testers, general = in_seconds(3.0), in_seconds(6.0)
    demo.apply(a_history(testers, general))
    grant = demo.control("POST", "/grants", json={"organisation": "acme", "release": NAME, "authority": "contract 7"})

    internal = between(desk, 0)
    trusted = between(desk, testers / 1e6)
    demo.control("POST", f"/grants/{grant['id']}/revoke", json={"cause": "breach"})
    afterwards = between(desk, 0)
    public = between(desk, general / 1e6)
    demo.control("POST", f"/releases/{NAME}/narrowings", json={"verb": "withdraw", "cause": "drill"})
    demo.follow()

    assert counted(desk)[:3] == ("general", 0, [])
    assert counted(desk, internal) == ("internal", 1, ["provider"], {"staff": 1})
    assert counted(desk, trusted) == ("trusted", 2, ["acme", "provider"], {"staff": 1, "testers": 1})
    assert counted(desk, afterwards) == ("trusted", 1, ["provider"], {"staff": 1})
    stage, admitted, *_ = counted(desk, public)
    assert (stage, admitted) == ("general", organisations)

    was = desk.type("access", "explain", "acme", NAME, "inference.text", "--at", trusted, by="auditor")
    is_now = desk.type("access", "explain", "acme", NAME, "inference.text", by="auditor")
    named = desk.type("access", "who", NAME, "--at", trusted, "--component", "inference.text", by="auditor")

    assert "admitted" in was and f"active: {grant['id']} by contract 7" in was
    assert "not admitted: withdrawn" in is_now and "is restored." in is_now
    assert "acme" in named and "testers" in named
    mine = demo.control("GET", f"/access/{NAME}/explain?component=inference.text&at={trusted}", "developer")
    assert (mine["organisation"], mine["admitted"]) == ("acme", True)
