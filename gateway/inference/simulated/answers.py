"""What the simulated model says: a pure function of the request, in the OpenAI dialect, honest about itself.

A token is a word. The same request gets the same answer, always.
"""

import base64
import hashlib
import struct
from math import sqrt
from typing import Annotated, Any, Literal

import msgspec

MODEL = "simulated"
_TEXT = (
    "This is the simulated model of release-gateway. It computes nothing and knows nothing: "
    "it answers every request with these words, so that calls can be tried before a real model is at hand."
)
_SPEECH = [word if place == 0 else f" {word}" for place, word in enumerate(_TEXT.split())]
_DIMENSIONS = 64
_LOGPROB = -0.25

_Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
_Few = Annotated[int, msgspec.Meta(ge=1, le=128)]


Given = str | list[str | int | list[int]]
"""Text, texts, or the same written in tokens."""


class Part(msgspec.Struct, frozen=True):
    """A piece of a message; only text is looked at."""

    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    role: str
    content: str | list[Part] | None = None


class Streaming(msgspec.Struct, frozen=True):
    """What is asked of a stream."""

    include_usage: bool | None = None


class Request(msgspec.Struct, frozen=True):
    """What the simulated model looks at, for each of its endpoints."""

    model: str = MODEL
    messages: list[Message] | None = None
    prompt: Given | None = None
    input: Given | None = None
    stream: bool | None = None
    stream_options: Streaming | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    n: _Few | None = None
    logprobs: bool | _Count | None = None
    top_logprobs: _Count | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    encoding_format: Literal["float", "base64"] | None = None


class Reply(msgspec.Struct, frozen=True):
    """A status with a JSON body, or the frames of a stream."""

    status: int
    body: bytes = b""
    frames: tuple[bytes, ...] = ()


_REQUEST = msgspec.json.Decoder(Request)


def reply(path: str, body: bytes, at_s: int) -> Reply:
    """The answer to one request; `at_s` is only written into it as the time of its creation."""
    answer = {"/chat/completions": _chat, "/completions": _completion, "/embeddings": _embeddings}.get(path)
    if answer is None:
        return _refusal(404, "The simulated model serves chat/completions, completions and embeddings.")
    try:
        request = _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _refusal(400, "The request could not be understood.")
    identity = hashlib.sha256(body).hexdigest()[:24]
    head = {"id": identity, "created": at_s, "model": request.model, "system_fingerprint": MODEL}
    return answer(request, head)


def _chat(request: Request, head: dict[str, Any]) -> Reply:
    if not request.messages:
        return _refusal(400, "`messages` is missing.")
    told = sum(len(text.split()) for message in request.messages for text in _texts(message))
    words, finish = _speech(request)
    head = {**head, "id": f"chatcmpl-{head['id']}"}
    marks = _chat_logprobs if request.logprobs else _no_logprobs
    indices = range(request.n or 1)
    if request.stream:
        first = {"role": "assistant", "content": ""}
        chunks = [_choice(index, delta=first, finish_reason=None) for index in indices]
        for word in words:
            chunks += [
                _choice(index, delta={"content": word}, logprobs=marks([word], request), finish_reason=None)
                for index in indices
            ]
        chunks += [_choice(index, delta={}, finish_reason=finish) for index in indices]
        return _stream(request, {**head, "object": "chat.completion.chunk"}, chunks, _usage(told, words, request))
    message = {"role": "assistant", "content": "".join(words), "refusal": None}
    choices = [
        _choice(index, message=message, logprobs=marks(words, request), finish_reason=finish) for index in indices
    ]
    return _whole({**head, "object": "chat.completion", "choices": choices, "usage": _usage(told, words, request)})


def _completion(request: Request, head: dict[str, Any]) -> Reply:
    prompts = _items(request.prompt)
    if not prompts:
        return _refusal(400, "`prompt` is missing.")
    words, finish = _speech(request)
    head = {**head, "id": f"cmpl-{head['id']}", "object": "text_completion"}
    marks = _no_logprobs if request.logprobs in (None, False) else _completion_logprobs
    indices = range(len(prompts) * (request.n or 1))
    usage = _usage(sum(prompts), words, request, prompts=len(prompts))
    if request.stream:
        chunks = [
            _choice(index, text=word, logprobs=marks([word], request), finish_reason=None)
            for word in words
            for index in indices
        ]
        chunks += [_choice(index, text="", finish_reason=finish) for index in indices]
        return _stream(request, head, chunks, usage)
    text = "".join(words)
    choices = [_choice(index, text=text, logprobs=marks(words, request), finish_reason=finish) for index in indices]
    return _whole({**head, "choices": choices, "usage": usage})


def _embeddings(request: Request, head: dict[str, Any]) -> Reply:
    sizes = _items(request.input)
    if not sizes:
        return _refusal(400, "`input` is missing.")
    data = []
    for index in range(len(sizes)):
        several = isinstance(request.input, list) and not isinstance(request.input[0], int)
        value = request.input[index] if several and request.input is not None else request.input
        numbers = _vector(msgspec.json.encode(value), request.dimensions or _DIMENSIONS)
        packed: list[float] | str = numbers
        if request.encoding_format == "base64":
            packed = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode("ascii")
        data.append({"object": "embedding", "index": index, "embedding": packed})
    usage = {"prompt_tokens": sum(sizes), "total_tokens": sum(sizes)}
    return _whole({"object": "list", "data": data, "model": head["model"], "usage": usage})


def _speech(request: Request) -> tuple[list[str], str]:
    """The words of one answer, each with the space before it, and why they end."""
    limits = [limit for limit in (request.max_tokens, request.max_completion_tokens) if limit is not None]
    words = _SPEECH[: min(limits, default=len(_SPEECH))]
    return words, "length" if len(words) < len(_SPEECH) else "stop"


def _usage(told: int, words: list[str], request: Request, *, prompts: int = 1) -> dict[str, int]:
    said = len(words) * (request.n or 1) * prompts
    return {"prompt_tokens": told, "completion_tokens": said, "total_tokens": told + said}


def _texts(message: Message) -> list[str]:
    content = message.content
    if content is None:
        return []
    return [content] if isinstance(content, str) else [part.text for part in content]


def _items(given: Given | None) -> list[int]:
    """How many tokens each prompt or input has; a list of numbers is one, written in tokens."""
    if isinstance(given, str):
        return [len(given.split())]
    if not given:
        return []
    if isinstance(given[0], int):
        return [len(given)]
    return [len(item.split()) if isinstance(item, str) else len(item) for item in given if not isinstance(item, int)]


def _vector(seed: bytes, dimensions: int) -> list[float]:
    """A vector of length 1 that depends on every byte of its input and means nothing."""
    numbers = hashlib.shake_256(seed).digest(dimensions)
    centred = [number - 127.5 for number in numbers]
    length = sqrt(sum(number * number for number in centred))
    return [number / length for number in centred]


def _choice(index: int, **fields: Any) -> dict[str, Any]:
    return {"index": index, "logprobs": None, **fields}


def _no_logprobs(_words: list[str], _request: Request) -> None:
    return None


def _chat_logprobs(words: list[str], request: Request) -> dict[str, Any]:
    marked = []
    for word in words:
        mark = {"token": word, "logprob": _LOGPROB, "bytes": list(word.encode())}
        marked.append({**mark, "top_logprobs": [mark] if request.top_logprobs else []})
    return {"content": marked, "refusal": None}


def _completion_logprobs(words: list[str], request: Request) -> dict[str, Any]:
    offsets = [sum(len(word) for word in words[:place]) for place in range(len(words))]
    top = [{word: _LOGPROB} for word in words] if request.logprobs else None
    return {"tokens": words, "token_logprobs": [_LOGPROB] * len(words), "top_logprobs": top, "text_offset": offsets}


def _stream(request: Request, head: dict[str, Any], chunks: list[dict[str, Any]], usage: dict[str, int]) -> Reply:
    counted = request.stream_options is not None and request.stream_options.include_usage is True
    # As OpenAI does: who asks for usage gets `null` in every frame but the last.
    extra: dict[str, Any] = {"usage": None} if counted else {}
    frames = [{**head, "choices": [chunk], **extra} for chunk in chunks]
    if counted:
        frames.append({**head, "choices": [], "usage": usage})
    said = [b"data: " + msgspec.json.encode(frame) + b"\n\n" for frame in frames]
    return Reply(200, frames=(*said, b"data: [DONE]\n\n"))


def _whole(value: dict[str, Any]) -> Reply:
    return Reply(200, msgspec.json.encode(value))


def _refusal(status: int, message: str) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Reply(status, msgspec.json.encode({"error": error}))
