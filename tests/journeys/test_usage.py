"""A client that vanishes in mid-stream pays exactly what the model did."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.fakes.gateway import GatewayProcess
from tests.journeys.conftest import BRISK_CHUNKS
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming

PROMPT_TOKENS = 7
"""What the fake upstream says every prompt has."""


def test_a_client_that_vanishes_in_mid_stream_still_has_its_exact_usage_recorded(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/vanishing", "tokens_per_day: 1000000", upstream="brisk"))

    def vanish(_: int) -> str:
        with streaming(demo, "developer", "story/vanishing") as stream:
            return stream.request_id

    with ThreadPoolExecutor(4) as clients:
        gone = list(clients.map(vanish, range(12)))

    ends = [demo.ended(request_id) for request_id in gone]
    assert {end["outcome"] for end in ends} == {"client_gone"}
    assert {(end["tokens_in"], end["tokens_out"]) for end in ends} == {(PROMPT_TOKENS, BRISK_CHUNKS)}
    assert {(end["usage_basis"], end["tokens_settled"]) for end in ends} == {("reported", PROMPT_TOKENS + BRISK_CHUNKS)}


def test_a_client_that_does_not_wait_for_a_plain_answer_is_counted_too(demo: GatewayProcess) -> None:
    key, token = demo.enter("hasty")
    demo.apply(open_to_all("story/hasty", upstream="brisk"))
    asked = {"model": "story/hasty", "messages": [{"role": "user", "content": "Quick."}]}

    with demo.http(token) as client:
        request = client.build_request("POST", "/v1/chat/completions", json=asked)
        answer = client.send(request, stream=True)
        answer.close()

    admitted = demo.entries(event="access:admitted", key=key)
    assert len(admitted) == 1
    assert demo.ended(admitted[0]["id"])["tokens_out"] == 3
    assert isinstance(answer, httpx.Response)
