"""Limits hold to the unit, whoever races for the last of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import open_to_all

RACERS = 12
TOKENS_A_CALL = 10
"""What the fake upstream says every plain answer came to."""
QUESTION = [{"role": "user", "content": "Me first."}]


def race(demo: GatewayProcess, token: str, model: str, calls: int, output: int = 5) -> list[httpx.Response]:
    """So many calls from racing clients, each with a connection of its own."""
    asked = {"model": model, "messages": QUESTION, "max_tokens": output}

    def run(count: int) -> list[httpx.Response]:
        with demo.http(token) as client:
            return [client.post("/v1/chat/completions", json=asked) for _ in range(count)]

    with ThreadPoolExecutor(RACERS) as racers:
        return [answer for run_of in racers.map(run, [calls // RACERS] * RACERS) for answer in run_of]


def test_a_minute_admits_exactly_its_limit_however_many_race(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/minute", "requests_per_minute: 25", upstream="brisk"))
    _, token = demo.enter("racers")

    answers = race(demo, token, "story/minute", 60)

    refused = [answer for answer in answers if answer.status_code == 429]
    recorded = Counter(entry["event"] for entry in demo.entries(organisation="racers", release="story/minute"))
    assert Counter(answer.status_code for answer in answers) == {200: 25, 429: 35}
    assert (recorded["access:admitted"], recorded["access:refused"]) == (25, 35)
    assert {answer.json()["error"]["code"] for answer in refused} == {"rate_limit_exceeded"}
    assert all(0 < int(answer.headers["retry-after"]) <= 61 for answer in refused)
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in refused} == {"25"}
    assert {answer.headers["x-ratelimit-remaining-requests"] for answer in refused} == {"0"}
    assert all(answer.headers["x-ratelimit-reset-requests"].endswith("s") for answer in refused)


def test_a_day_never_holds_more_tokens_than_its_limit_and_gives_back_what_was_not_used(demo: GatewayProcess) -> None:
    most = 900
    demo.apply(open_to_all("story/day", f"tokens_per_day: {most}", upstream="brisk"))
    _, token = demo.enter("spenders")

    answers = race(demo, token, "story/day", 108, output=40)
    for answer in answers:
        if answer.status_code == 200:
            demo.ended(answer.headers["x-request-id"])

    reserved: dict[str, int] = {}
    held, highest, settled = 0, 0, 0
    for entry in demo.entries(organisation="spenders", release="story/day"):
        body = entry["body"]
        if entry["event"] == "access:admitted":
            reserved[entry["id"]] = body["tokens_reserved"]
            held += body["tokens_reserved"]
        elif entry["event"] == "access:finished":
            held += body["tokens_settled"] - reserved[body["admitted"]]
            settled += body["tokens_settled"]
        highest = max(highest, held)
    mine = demo.control("GET", "/me", token)["releases"]
    used = next(each["used"] for each in mine if each["release"] == "story/day")
    answered = Counter(answer.status_code for answer in answers)
    assert answered[429] > 0 and answered[200] > 0
    assert highest <= most
    assert held == settled == used["tokens_today"] == TOKENS_A_CALL * answered[200]
