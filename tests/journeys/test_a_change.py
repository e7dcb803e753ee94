"""A provider changes what may pass, without a restart: stages open and close on time, terms and grants bind."""

import threading
import time
from contextlib import ExitStack

import httpx

from gateway.clock import SECOND, text_from
from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import LONG_AGO, TO_ALL, in_seconds, open_to_all, quoted, release
from tests.journeys.streams import streaming

LATE_S = 1.0
NEAR_S = 0.2
KEYS = 12
"""Keys that ask for the first time when the stage is about to open."""
WITH_TERMS = "terms: {aup: terms/aup.md}"


def call(client: httpx.Client, model: str) -> httpx.Response:
    asked = {"model": model, "messages": [{"role": "user", "content": "Now?"}], "max_tokens": 5}
    return client.post("/v1/chat/completions", json=asked)


def seconds_until(client: httpx.Client, model: str, status: int) -> float:
    """How long it takes until a call is answered with this status."""
    began = time.monotonic()
    while call(client, model).status_code != status:
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_stage_opens_at_its_instant_for_calls_refused_before_it(demo: GatewayProcess) -> None:
    keys = [demo.enter("acme")[1] for _ in range(KEYS)]
    name, opens = "story/opening", in_seconds(3.0)
    coming = f"name: general, opens: {quoted(opens)}, access: api, {TO_ALL}"
    demo.apply(release(name, coming, upstream="brisk"))
    with ExitStack() as stack:
        client, *strangers = [stack.enter_context(demo.http(who)) for who in ("developer", *keys)]
        answers = [(call(client, name), time.time())]
        while answers[-1][0].status_code != 200:
            assert time.time() < opens / SECOND + 5
            is_near = time.time() > opens / SECOND - NEAR_S
            asking = strangers.pop() if is_near and strangers else client  # of a stranger no answer is kept
            time.sleep(NEAR_S / KEYS if is_near else 0)
            answers.append((call(asking, name), time.time()))

    refusals, (_, opened_at) = [answer.json()["error"] for answer, _ in answers[:-1]], answers[-1]
    assert len(refusals) > 10
    assert {refusal["code"] for refusal in refusals} == {"stage_not_open"}
    assert all(text_from(opens) in refusal["message"] for refusal in refusals)
    assert opens / SECOND <= opened_at <= opens / SECOND + LATE_S
    admitted = demo.entries(event="access:admitted", release=name)
    assert [entry["id"] for entry in admitted] == [answers[-1][0].headers["x-request-id"]]


def test_a_stage_that_closes_cuts_the_stream_that_is_open(demo: GatewayProcess) -> None:
    name, closes = "story/closing", in_seconds(2.0)
    demo.apply(release(name, f"name: general, opens: {LONG_AGO}, closes: {quoted(closes)}, access: api, {TO_ALL}"))

    with streaming(demo, "developer", name) as stream:
        stream.read_on()
    with demo.http("developer") as client:
        after = call(client, name)

    ended = demo.ended(stream.request_id)
    assert closes / SECOND - 0.5 <= stream.ended_at <= closes / SECOND + LATE_S
    assert stream.error["code"] == "stage_closed"
    assert (ended["outcome"], ended["reasons"]) == ("cut", ["stage_closed"])
    assert (after.status_code, after.json()["error"]["code"]) == (403, "stage_closed")


def test_a_new_text_of_the_terms_must_be_accepted_anew(demo: GatewayProcess) -> None:
    name, file = "story/terms", open_to_all("story/terms", "terms: [aup]", upstream="brisk", more=WITH_TERMS)
    demo.apply(file, {"terms/aup.md": "Do no harm.\n"})
    demo.accept(name)

    with demo.http("developer") as client:
        first = call(client, name).status_code
        demo.apply(file, {"terms/aup.md": "Do no harm, and say so.\n"})
        changed = call(client, name)
        demo.accept(name)
        again = call(client, name).status_code

    assert (first, changed.status_code, again) == (200, 403, 200)
    assert changed.json()["error"]["code"] == "terms_not_accepted"


def test_a_grant_is_in_force_within_a_second_of_being_given_and_of_being_revoked(demo: GatewayProcess) -> None:
    name = "story/granted"
    stage = f"name: trusted, opens: {LONG_AGO}, access: limited, to: [testers], offers: [inference.text]"
    demo.apply(release(name, stage, upstream="brisk", more="audiences: {testers: {grant: required}}"))

    with demo.http("developer") as client:
        before = call(client, name).json()["error"]["code"]
        wanted = {"organisation": "acme", "release": name, "authority": "ticket 7"}
        grant = demo.control("POST", "/grants", json=wanted)["id"]
        given_s = seconds_until(client, name, 200)
        demo.control("POST", f"/grants/{grant}/revoke", json={"cause": "over"})
        revoked_s = seconds_until(client, name, 403)
        demo.follow()
        after = call(client, name).json()["error"]["code"]

    assert (before, after) == ("grant_required", "grant_ended")
    assert max(given_s, revoked_s) <= LATE_S


def test_a_stage_withdrawn_by_a_new_version_cuts_what_it_had_admitted(demo: GatewayProcess) -> None:
    name, changed_at = "story/narrowed", 0.0
    demo.apply(open_to_all(name))

    with streaming(demo, "developer", name) as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        narrowed = f"name: general, opens: {LONG_AGO}, access: closed, to: [staff], offers: [inference.text]"
        demo.control(
            "POST", "/releases", json={"file": release(name, narrowed, more="audiences: {staff: {role: staff}}")}
        )
        changed_at = time.time()
        reading.join(10)

    assert stream.ended_at - changed_at <= LATE_S
    assert demo.ended(stream.request_id)["outcome"] == "cut"
    assert "[DONE]" not in stream.frames
