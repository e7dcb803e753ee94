"""Streaming load: a number of streams kept open for some seconds, each frame of each counted.

The client must cost little, since it shares the machine with what it measures: one protocol object a
connection, the answer kept as pieces and looked at only when it is whole.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.contenders import Target
from benchmarks.paced import MARK, PERIOD_S
from benchmarks.upstreams import question

END = b"data: [DONE]"
PATIENCE_S = 240
"""How long streams may take beyond the time of the run before it is given up. To be slow is no fault: the slowest
peer needs a quarter of a minute of processor time for two hundred streams, on a machine that others use too."""


@dataclass(frozen=True)
class StreamRun:
    """What the client saw in one run."""

    streams: int
    frames: int
    first_byte_p50_ms: float
    first_byte_p99_ms: float
    stretch: float
    """How long a stream took, in times of what the upstream's pace makes it; 1 is a contender that keeps up."""
    faults: tuple[str, ...]


@dataclass
class Tally:
    """Whatever the lanes of one run have seen."""

    first_bytes_s: list[float] = field(default_factory=list)
    durations_s: list[float] = field(default_factory=list)
    frames: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Answer(asyncio.Protocol):
    """A connection that sends one call after the other and tells how each was answered."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._done: asyncio.Future[bytes] = self._loop.create_future()
        self.first_byte_at = 0.0
        self.status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but ancestry

    async def ask(self, request: bytes) -> bytes:
        """Send the call and wait for its whole body. Raises ConnectionError when there is none."""
        if self._transport.is_closing():
            raise ConnectionError
        self._pieces.clear()
        self._done = self._loop.create_future()
        self.first_byte_at = 0.0
        self._transport.write(request)
        return await self._done

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self._pieces:
            self.first_byte_at = time.perf_counter()
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self._transport.close()
        if not self._done.done():
            self._done.set_result(b"".join(self._pieces))
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionResetError(str(exc or "closed")))
            self._done.exception()

    def close(self) -> None:
        self._transport.close()


def load(target: Target, open_streams: int, seconds: float, frames: int) -> StreamRun:
    """Keep so many streams of so many frames open for so long, then let the last ones end."""
    tally = Tally()
    uvloop.run(_run(target, open_streams, seconds, frames, tally))
    ideal_s = (frames - 1) * PERIOD_S
    return StreamRun(
        streams=len(tally.durations_s),
        frames=tally.frames,
        first_byte_p50_ms=_percentile(tally.first_bytes_s, 50) * 1e3,
        first_byte_p99_ms=_percentile(tally.first_bytes_s, 99) * 1e3,
        stretch=_percentile(tally.durations_s, 50) / ideal_s if ideal_s else 1.0,
        faults=tuple(f"{count} x {fault}" for fault, count in tally.faults.most_common()),
    )


async def _run(target: Target, open_streams: int, seconds: float, frames: int, tally: Tally) -> None:
    request = _request(target, frames)
    stop_at = time.perf_counter() + seconds
    lanes = [
        asyncio.create_task(_lane(target, request, frames, stop_at, index / open_streams, tally))
        for index in range(open_streams)
    ]
    _, pending = await asyncio.wait(lanes, timeout=seconds + PATIENCE_S)
    for lane in pending:
        tally.faults["stream not ended in time"] += 1
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)


async def _lane(target: Target, request: bytes, frames: int, stop_at: float, share: float, tally: Tally) -> None:
    """One stream after the other until time is up. Lanes begin spread over the length of one stream."""
    host, port = urlsplit(target.origin).hostname or "127.0.0.1", urlsplit(target.origin).port or 80
    await asyncio.sleep(share * frames * PERIOD_S)
    loop = asyncio.get_running_loop()
    answer: Answer | None = None
    while time.perf_counter() < stop_at:
        try:
            if answer is None:
                _, answer = await loop.create_connection(Answer, host, port)
            asked_at = time.perf_counter()
            body = await answer.ask(request)
        except OSError as error:
            tally.faults[type(error).__name__] += 1
            if tally.faults.total() > 100:
                break
            answer = None
            continue
        tally.durations_s.append(time.perf_counter() - asked_at)
        tally.first_bytes_s.append(answer.first_byte_at - asked_at)
        _count(answer.status, body, frames, tally)
    if answer is not None:
        answer.close()


def _count(status: int, body: bytes, frames: int, tally: Tally) -> None:
    seen = body.count(MARK.encode())
    tally.frames += seen
    if status != 200:
        tally.faults[f"status {status}"] += 1
    elif seen != frames:
        tally.faults[f"{seen} frames of {frames}"] += 1
    elif END not in body[-64:]:
        tally.faults["no end"] += 1


def _request(target: Target, frames: int) -> bytes:
    body = json.dumps(question(target.model, stream=True, frames=frames)).encode()
    headers = {
        "host": urlsplit(target.origin).netloc,
        "content-type": "application/json",
        "content-length": str(len(body)),
        **target.headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {urlsplit(target.url).path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _percentile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
