"""The two servers that stand behind every contender, and how to wait until something answers."""

import sys
import time
from pathlib import Path

import httpx

from benchmarks.contenders import Target, Upstream
from benchmarks.peers.nginx import SERVED, start_fixed_upstream
from benchmarks.programs import Program, free_port

ROOT = Path(__file__).parent.parent

__all__ = ["CallFailed", "await_ready", "call_once", "requests_seen", "start_fixed_upstream", "start_paced_upstream"]


class CallFailed(Exception):
    """A single call did not come back as it should."""


def start_paced_upstream(folder: Path) -> Upstream:
    """The streaming server, in a process of its own."""
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.paced", str(port)]
    return Upstream(f"http://127.0.0.1:{port}", Program("paced-upstream", argv, folder, {"PYTHONPATH": str(ROOT)}))


def requests_seen(upstream: Upstream) -> int:
    """How many requests the fixed upstream has answered since it started."""
    lines = httpx.get(upstream.origin + SERVED).text.splitlines()
    return int(lines[2].split()[2])


def question(model: str, *, stream: bool = False, frames: int = 1) -> dict[str, object]:
    """The body of every call."""
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": "Say something of no importance, at some length."}],
        "max_tokens": frames,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def call_once(target: Target, *, stream: bool) -> None:
    """One call that must be answered well; raises CallFailed otherwise."""
    try:
        answer = httpx.post(target.url, json=question(target.model, stream=stream), headers=target.headers, timeout=30)
    except httpx.HTTPError as error:
        raise CallFailed(f"{type(error).__name__}: {error}") from error
    if answer.status_code != httpx.codes.OK:
        raise CallFailed(f"status {answer.status_code}: {answer.text[:200]}")
    if ("[DONE]" if stream else "chat.completion") not in answer.text:
        raise CallFailed(f"an answer that is none: {answer.text[:200]}")


def await_ready(target: Target, *, stream: bool, patience_s: float = 60) -> None:
    """Return once a call is answered well; raises CallFailed when the contender ends or time is up."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return call_once(target, stream=stream)
        except CallFailed as failure:
            if target.program and not target.program.running:
                raise CallFailed(f"it ended:\n{target.program.last_words()}") from failure
            if time.monotonic() > deadline:
                said = target.program.last_words() if target.program else ""
                raise CallFailed(f"not ready after {patience_s:.0f} s: {failure}\n{said}") from failure
            time.sleep(0.2)
