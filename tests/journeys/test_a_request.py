"""An organisation asks for access, the provider's people review it, and what comes of it binds within a second."""

import threading
import time

import httpx

from tests.fakes.gateway import GatewayProcess
from tests.fakes.requests import ANSWERS, GATED, SECRET, asking_release
from tests.journeys.streams import streaming

LATE_S = 1.0


def call(client: httpx.Client) -> httpx.Response:
    asked = {"model": GATED, "messages": [{"role": "user", "content": "Now?"}], "max_tokens": 5}
    return client.post("/v1/chat/completions", json=asked)


def seconds_until(client: httpx.Client, status: int) -> float:
    """How long it takes until a call is answered with this status."""
    began = time.monotonic()
    while call(client).status_code != status:
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    return time.monotonic() - began


def test_access_is_asked_for_reviewed_used_paused_and_resumed(demo: GatewayProcess) -> None:
    demo.apply(asking_release("second_approval: true").replace("upstream: simulated", "upstream: paced"))
    _, second = demo.enter("provider", "approver")

    with demo.http("developer") as client:
        refused = call(client).json()["error"]
        form = demo.control("GET", f"/releases/{GATED}/request-form", "developer")
        answers = ANSWERS | {"purpose": f"For {SECRET}"}
        assert {field["name"] for field in form["fields"] if field["required"]} == answers.keys()
        asked = demo.control("POST", "/requests", "developer", json={"release": GATED, "answers": answers})
        path = f"/requests/{asked['id']}"
        for who in ("approver", second):
            seen = demo.control("GET", path, who)["commitment"]
            told = demo.control("POST", f"{path}/approve", who, json={"commitment": seen})
        granted_s = seconds_until(client, 200)
        paused_at = 0.0
        with streaming(demo, "developer", GATED) as stream:
            reading = threading.Thread(target=stream.read_on)
            reading.start()
            demo.control("POST", f"/grants/{told['grant']}/pause", json={"cause": "a question"})
            paused_at = time.time()
            reading.join(10)
        paused = call(client).json()["error"]["code"]
        demo.control("POST", f"/grants/{told['grant']}/resume")
        resumed_s = seconds_until(client, 200)

    assert refused["code"] == "grant_required" and f"gateway request ask {GATED}" in refused["message"]
    assert (asked["state"], told["state"]) == ("pending_review", "granted")
    assert stream.ended_at - paused_at <= LATE_S
    assert (stream.error["code"], paused) == ("grant_paused", "grant_paused")
    assert max(granted_s, resumed_s) <= LATE_S
    assert demo.control("GET", "/me", "developer")["requests"][0]["state"] == "granted"
    assert SECRET not in repr(demo.entries(release=GATED)) and SECRET not in demo.log
