"""A real model behind the gateway, called by the official client: the record counts as the model's server counts.

Run by `make test-real`, which builds the server (benchmarks/real.lock) in an environment of its own.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openai
import pytest

from benchmarks.programs import Program, free_port

REAL_PYTHON = os.environ.get("REAL_MODEL_PYTHON", "")
GATEWAY = Path(sys.executable).parent / "gateway"
PATIENCE_S = 120

pytestmark = pytest.mark.skipif(
    not REAL_PYTHON, reason="the real model is not at hand: `make test-real` builds its server and runs this"
)

DAYS: dict[str, Any] = {
    "messages": [{"role": "user", "content": "The days of the week are Monday, Tuesday,"}],
    "max_tokens": 24,
    "temperature": 0,
}
"""What this model, which was never taught to chat, goes on with: a sentence that ends by itself."""
SKY: dict[str, Any] = {"prompt": "The sky is", "max_tokens": 12, "temperature": 0}
"""Cut off at `max_tokens`."""


@dataclass(frozen=True)
class Stand:
    """A model's server, the gateway before it, and clients of both."""

    server: openai.OpenAI
    """Calls the model's server itself."""
    developer: openai.OpenAI
    """Calls the gateway."""
    model: str
    control: httpx.Client
    """Reads the record, as an auditor."""

    def recorded(self, request_id: str) -> dict[str, Any]:
        """How the ledger says the call ended; it may be a moment before it does."""
        deadline = time.monotonic() + 10
        while (ended := self.control.get(f"/control/ledger/{request_id}").raise_for_status().json()["ended"]) is None:
            assert time.monotonic() < deadline, "the call's end was not recorded"
            time.sleep(0.05)
        return dict(ended["body"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def stand(folder: Path) -> Iterator[Stand]:
    """Before a server that ends its streams with usage where it is asked to."""
    with standing(folder, "telling", "--usage-in-streams") as stand:
        yield stand


@pytest.fixture(scope="module")
def silent(folder: Path) -> Iterator[Stand]:
    """Before the same server as it comes: its streams say nothing of usage."""
    with standing(folder, "silent") as stand:
        yield stand


def test_the_record_of_a_plain_answer_counts_as_the_server_does(stand: Stand) -> None:
    direct = stand.server.chat.completions.create(model=stand.model, **DAYS)

    raw = stand.developer.chat.completions.with_raw_response.create(model=stand.model, **DAYS)

    answer, record = raw.parse(), stand.recorded(raw.headers["x-request-id"])
    assert "Friday, Saturday, Sunday" in answer.choices[0].message.content
    assert answer.choices[0].message.content == direct.choices[0].message.content
    assert counted(record) == counted_by(answer.usage) == counted_by(direct.usage)
    assert (record["outcome"], record["usage_basis"]) == ("complete", "reported")


def test_the_record_of_a_stream_counts_as_its_last_frame_does(stand: Stand) -> None:
    direct = stand.server.chat.completions.create(model=stand.model, **DAYS)

    raw = stand.developer.chat.completions.with_raw_response.create(
        model=stand.model, stream=True, stream_options={"include_usage": True}, **DAYS
    )
    chunks = list(raw.parse())

    record = stand.recorded(raw.headers["x-request-id"])
    assert text_of(chunks) == direct.choices[0].message.content
    assert counted(record) == counted_by(chunks[-1].usage) == counted_by(direct.usage)
    assert (record["outcome"], record["usage_basis"]) == ("complete", "reported")


def test_a_stream_whose_caller_asked_for_no_usage_shows_none_and_is_counted_all_the_same(stand: Stand) -> None:
    direct = stand.server.chat.completions.create(model=stand.model, **DAYS)

    raw = stand.developer.chat.completions.with_raw_response.create(model=stand.model, stream=True, **DAYS)
    chunks = list(raw.parse())

    record = stand.recorded(raw.headers["x-request-id"])
    assert text_of(chunks) == direct.choices[0].message.content
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert counted(record) == counted_by(direct.usage)


def test_the_older_completions_are_counted_alike_plain_and_streamed(stand: Stand) -> None:
    direct = stand.server.completions.create(model=stand.model, **SKY)

    plain = stand.developer.completions.with_raw_response.create(model=stand.model, **SKY)
    streamed = stand.developer.completions.with_raw_response.create(model=stand.model, stream=True, **SKY)
    chunks = list(streamed.parse())

    assert plain.parse().choices[0].text == direct.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in chunks) == direct.choices[0].text
    for raw in (plain, streamed):
        assert counted(stand.recorded(raw.headers["x-request-id"])) == counted_by(direct.usage)


def test_a_stream_that_reports_no_usage_is_never_settled_below_what_was_used(silent: Stand) -> None:
    direct = silent.server.chat.completions.create(model=silent.model, **DAYS)

    raw = silent.developer.chat.completions.with_raw_response.create(model=silent.model, stream=True, **DAYS)
    chunks = list(raw.parse())

    record = silent.recorded(raw.headers["x-request-id"])
    assert direct.usage is not None
    assert text_of(chunks) == direct.choices[0].message.content
    assert record["usage_basis"] == "reserved"
    assert record["tokens_settled"] >= direct.usage.total_tokens > 0


def counted(record: dict[str, Any]) -> tuple[int, int]:
    return record.get("tokens_in", 0), record.get("tokens_out", 0)


def counted_by(usage: Any) -> tuple[int, int]:
    assert usage.completion_tokens > 0, "an answer of no tokens shows nothing"
    return usage.prompt_tokens, usage.completion_tokens


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@contextmanager
def standing(folder: Path, name: str, *options: str) -> Iterator[Stand]:
    """A model's server and a gateway before it, both ended with the block."""
    own = folder / name
    own.mkdir()
    server, port = f"http://127.0.0.1:{(upstream_port := free_port())}/v1", free_port()
    serve_gemma = Path(__file__).parent / "serve_gemma.py"
    with ExitStack() as stack:
        model = Program("gemma", [REAL_PYTHON, str(serve_gemma), str(upstream_port), str(folder), *options], own)
        stack.callback(model.stop)
        until(model, lambda: httpx.get(f"{server}/models").is_success)
        data = own / "data"
        argv = ["serve", "--demo", "--data", str(data), "--port", str(port), "--upstream", server]
        gateway = Program("gateway", [str(GATEWAY), *argv], own)
        stack.callback(gateway.stop)
        until(gateway, lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").is_success)
        until(gateway, (data / "demo.json").exists)
        demo = msgspec.json.decode((data / "demo.json").read_bytes())
        auditor = httpx.Client(
            base_url=demo["base_url"], headers={"authorization": f"Bearer {demo['keys']['auditor']}"}
        )
        yield Stand(
            server=stack.enter_context(openai.OpenAI(base_url=server, api_key="none", max_retries=0)),
            developer=stack.enter_context(
                openai.OpenAI(base_url=f"{demo['base_url']}/v1", api_key=demo["keys"]["developer"], max_retries=0)
            ),
            model=demo["models"]["api"],
            control=stack.enter_context(auditor),
        )


def until(program: Program, ready: Callable[[], bool]) -> None:
    """Wait until a program that was just started is ready; fail with its last words."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        assert program.running and time.monotonic() < deadline, program.last_words()
        time.sleep(0.1)
