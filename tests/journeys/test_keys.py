"""A key ends: what it has under way ends with it, the next call is told so, and its successor goes on."""

import threading
import time

import openai
import pytest

from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming

LATE_S = 1.0
REVOKED = {"cause": "found in a public repository"}


def test_a_key_revoked_during_a_stream_ends_it_within_a_second_and_is_turned_away_after(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/revoked"))
    key, token = demo.enter("leaky")

    with streaming(demo, token, "story/revoked") as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        demo.control("POST", f"/keys/{key}/revoke", json=REVOKED)
        revoked_at = time.time()
        reading.join(10)
    with pytest.raises(openai.AuthenticationError) as turned_away:
        demo.openai(token).models.list()

    ended, revocation = demo.ended(stream.request_id), demo.entries(event="key:revoked")[-1]
    assert stream.ended_at - revoked_at <= LATE_S
    assert stream.error["code"] == "key_revoked" and "[DONE]" not in stream.frames
    assert (turned_away.value.status_code, turned_away.value.code) == (401, "key_revoked")
    assert (ended["outcome"], ended["reasons"]) == ("cut", ["key_revoked"])
    assert revocation["body"]["subject"] == key
    assert REVOKED["cause"] in str(revocation["body"]["detail"])


def test_the_official_client_hears_of_it_in_the_midst_of_an_answer(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/heard"))
    key, token = demo.enter("leaky")

    stream = demo.openai(token).chat.completions.create(
        model="story/heard", messages=[{"role": "user", "content": "Go on."}], stream=True
    )
    next(stream)
    demo.control("POST", f"/keys/{key}/revoke", json=REVOKED)

    with pytest.raises(openai.APIError) as cut:
        list(stream)
    assert cut.value.code == "key_revoked"


def test_a_rotated_key_and_its_successor_overlap_and_then_the_old_one_ends(demo: GatewayProcess) -> None:
    key, token = demo.enter("careful")
    old = demo.openai(token, max_retries=0)

    issued = demo.control("POST", f"/keys/{key}/rotate", token, json={"overlap_s": 2})
    rotated_at, successor = time.monotonic(), demo.openai(issued["token"], max_retries=0)
    both = [bool(list(old.models.list())), bool(list(successor.models.list()))]
    with pytest.raises(openai.AuthenticationError) as ended:
        while time.monotonic() < rotated_at + 5:
            old.models.list()
            time.sleep(0.05)
    lasted_s = time.monotonic() - rotated_at

    assert both == [True, True]
    assert ended.value.code == "key_expired" and 1.5 <= lasted_s <= 2 + LATE_S
    assert list(successor.models.list())
    assert issued["key"]["rotated_from"] == key
    assert demo.entries(event="key:rotated", organisation="careful")


def test_a_key_never_gives_more_than_it_has(demo: GatewayProcess) -> None:
    with demo.http("developer") as client:
        wider = client.post("/control/keys", json={"roles": ["provider"]})
        elsewhere = client.post("/control/keys", json={"organisation": "globex"})

    assert wider.status_code == 403
    assert elsewhere.status_code in {403, 404}
