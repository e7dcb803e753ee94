"""A judge that is stopped, slow or talks nonsense: nothing passes, that is told in time, and no restart is needed."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.access.judges.test_opa_faults import FAULTS
from tests.fakes.gateway import GatewayProcess
from tests.fakes.nursery import Nursery
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.opa import Judge, judge_server
from tests.journeys.releases import open_to_all
from tests.journeys.streams import OpenStream, streaming

TOLD_S = 2.0
AT_ONCE = 8


@dataclass
class Stand:
    """A gateway whose judge is in the test's hands."""

    judge: Judge
    gateway: GatewayProcess
    upstream: UpstreamProcess
    client: httpx.AsyncClient

    async def release(self, *names: str) -> None:
        """Releases of which no question was asked yet, so that no answer is kept."""
        for name in names:
            sent = {"file": open_to_all(name), "adopt": True}
            await self._control("/control/releases", sent)
        await asyncio.to_thread(self.gateway.follow)

    async def _control(self, path: str, sent: dict[str, object]) -> None:
        headers = {"authorization": f"Bearer {self.gateway.keys['provider']}"}
        answer = await self.client.post(path, json=sent, headers=headers)
        assert answer.status_code == 200, answer.text

    async def call(self, model: str) -> tuple[int, str, float]:
        """Status, code and how long it took."""
        began = time.monotonic()
        asked = {"model": model, "messages": [{"role": "user", "content": "May I?"}]}
        answer = await self.client.post("/v1/chat/completions", json=asked)
        code = answer.json().get("error", {}).get("code", "")
        return answer.status_code, code, time.monotonic() - began

    async def stream(self, who: str, model: str) -> asyncio.Task[OpenStream]:
        """A stream that is under way; the task ends as it does."""
        begun = threading.Event()

        def read_on() -> OpenStream:
            with streaming(self.gateway, who, model) as stream:
                begun.set()
                stream.read_on()
            return stream

        reading = asyncio.create_task(asyncio.to_thread(read_on))
        assert await asyncio.to_thread(begun.wait, 10)
        return reading


@pytest.fixture
async def stand(tmp_path: Path, nursery: Nursery) -> AsyncIterator[Stand]:
    with upstream_process(tmp_path / "paced", interval_ms=20, chunks=1500) as upstream:
        async with judge_server() as judge:
            settings = {"judge": "opa", "opa_url": judge.url}
            gateway = GatewayProcess(
                tmp_path, upstreams={"paced": upstream.url}, settings=settings, launch=nursery.launch
            )
            try:
                await asyncio.to_thread(gateway.start)
                headers = {"authorization": f"Bearer {gateway.keys['developer']}"}
                async with httpx.AsyncClient(base_url=gateway.base_url, headers=headers, timeout=10) as client:
                    yield Stand(judge, gateway, upstream, client)
            finally:
                await asyncio.to_thread(gateway.kill)


async def test_no_kind_of_nonsense_lets_a_call_pass_and_each_is_over_with_the_next_sound_answer(stand: Stand) -> None:
    names = {f"fault/kind-{number}": kind for number, kind in enumerate(FAULTS)}
    await stand.release(*names)
    stand.judge.faults = {name: FAULTS[kind] for name, kind in names.items()}
    turns = asyncio.Semaphore(AT_ONCE)

    async def call(name: str) -> tuple[int, str, float]:
        async with turns:
            return await stand.call(name)

    refused = dict(zip(names.values(), await asyncio.gather(*map(call, names)), strict=True))
    passed = list(stand.upstream.seen)
    stand.judge.faults = {}
    answered = dict(zip(names.values(), await asyncio.gather(*map(call, names)), strict=True))

    assert len(refused) >= 30
    assert {kind: told[:2] for kind, told in refused.items() if told[:2] != (503, "judge_unavailable")} == {}
    assert {kind: told[2] for kind, told in refused.items() if told[2] > TOLD_S} == {}
    assert passed == []
    assert {kind: told[:2] for kind, told in answered.items() if told[0] != 200} == {}
    assert len(stand.upstream.seen) == len(names)


async def test_a_revoked_key_ends_its_stream_in_time_though_nobody_judges(stand: Stand) -> None:
    await stand.release("fault/unjudged")
    key, token = await asyncio.to_thread(stand.gateway.enter, "leaky")
    reading = await stand.stream(token, "fault/unjudged")
    await stand.judge.stop()
    cause = {"cause": "leaked"}
    await asyncio.to_thread(stand.gateway.control, "POST", f"/keys/{key}/revoke", json=cause)
    revoked_at = time.time()
    stream = await reading

    assert stream.ended_at - revoked_at <= 1
    assert stream.error["code"] == "key_revoked"


async def test_a_stream_that_cannot_be_judged_again_after_a_change_does_not_go_on(stand: Stand) -> None:
    await stand.release("fault/changed")
    reading = await stand.stream("developer", "fault/changed")
    await stand.judge.stop()
    changed = {"file": open_to_all("fault/changed", "max_output_tokens: 4000")}
    await asyncio.to_thread(stand.gateway.control, "POST", "/releases", json=changed)
    changed_at = time.time()
    stream = await reading

    assert stream.ended_at - changed_at <= 5
    assert stream.error["code"] == "judge_unavailable"


async def test_a_judge_that_is_stopped_lets_nothing_pass_and_is_asked_again_when_it_is_back(stand: Stand) -> None:
    await stand.release("fault/stopped")
    await stand.judge.stop()

    refused = [await stand.call("fault/stopped") for _ in range(3)]
    ready = await asyncio.to_thread(stand.gateway.is_ready)
    passed = list(stand.upstream.seen)
    await stand.judge.start()
    status, _, _ = await stand.call("fault/stopped")

    assert {told[:2] for told in refused} == {(503, "judge_unavailable")}
    assert max(told[2] for told in refused) <= TOLD_S
    assert not ready and passed == []
    assert status == 200
    assert await asyncio.to_thread(stand.gateway.is_ready)


async def test_while_nobody_can_judge_a_hidden_release_is_told_from_an_invented_one_by_nothing(stand: Stand) -> None:
    hidden, invented = stand.gateway.models["closed"], "demo/nothing-1"
    routes = [
        ("GET", "/v1/models/{}"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("GET", "/hub/{}/resolve/main/config.json"),
        ("GET", "/control/releases/{}/terms"),
        ("GET", "/control/ledger?release={}"),
    ]

    async def told(method: str, path: str, name: str) -> tuple[int, str]:
        content = {"messages": [{"role": "user", "content": "x"}]} if "chat" in path else {"input": "x"}
        body = {"model": name, **content} if method == "POST" else None
        answer = await stand.client.request(method, path.format(name), json=body)
        return answer.status_code, answer.headers.get("content-type", "")

    async def apart() -> list[str]:
        found = []
        for method, path in routes:
            answers = [await told(method, path, name) for name in (invented, hidden, invented, hidden)]
            if len(set(answers)) > 1:
                found.append(f"{method} {path}: {answers}")
        return found

    await stand.judge.stop()
    assert await apart() == []
    await stand.judge.start()
