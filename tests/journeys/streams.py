"""A stream as a client sees it that looks at every byte."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.fakes.gateway import GatewayProcess

CHUNKS_FIRST = 3


class OpenStream:
    """A stream under way, of which the first frames have come."""

    def __init__(self, answer: httpx.Response) -> None:
        self.request_id = answer.headers["x-request-id"]
        self._lines = answer.iter_lines()
        self.frames: list[str] = []
        self.ended_at = 0.0
        """`time.time()` when the last frame had come."""
        while len(self.frames) < CHUNKS_FIRST:
            self._take(next(self._lines))

    def read(self, frames: int) -> None:
        """Read so many frames more."""
        wanted = len(self.frames) + frames
        while len(self.frames) < wanted:
            self._take(next(self._lines))

    def read_on(self) -> None:
        """Read to the end, or for as long as a test may last."""
        for line in self._lines:
            self._take(line)
        self.ended_at = time.time()

    @property
    def error(self) -> dict[str, Any]:
        """The error in the last frame."""
        return dict(json.loads(self.frames[-1])["error"])

    def _take(self, line: str) -> None:
        if line.startswith("data: "):
            self.frames.append(line.removeprefix("data: "))


@contextmanager
def streaming(gateway: GatewayProcess, who: str, model: str) -> Iterator[OpenStream]:
    """A stream of an answer; leaving the block hangs up."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Go on."}], "stream": True}
    with gateway.http(who) as client, client.stream("POST", "/v1/chat/completions", json=asked) as answer:
        assert answer.status_code == 200, answer.read()
        yield OpenStream(answer)
