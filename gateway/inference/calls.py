"""What a request asks for, read strictly and no further than the gate must know; the rest stays the caller's bytes.

A field that decides anything is read once, in one spelling, with one type. What a server behind the
gateway might read otherwise (a key given twice, `Model` beside `model`, `"true"` for true) is refused,
and so is whatever asks that server to go elsewhere.
"""

import re
from typing import Annotated

import msgspec

from gateway.access.calls import Call
from gateway.errors import Invalid
from gateway.inference import fields
from gateway.inference.contents import tokens_max
from gateway.inference.members import Edit, Span, edited, first_place, members, without
from gateway.releases.components import Component


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of the OpenAI dialect."""

    route: str
    """As declared at the door."""
    path: str
    """Below an upstream's base URL."""
    component: Component
    content: str
    """The field with what the model is given."""
    opens_with: bytes
    """How that field's value may begin."""
    generates: bool


CHAT = Endpoint("/v1/chat/completions", "/chat/completions", Component.TEXT, "messages", b"[", generates=True)
COMPLETIONS = Endpoint("/v1/completions", "/completions", Component.TEXT, "prompt", b'["', generates=True)
EMBEDDINGS = Endpoint("/v1/embeddings", "/embeddings", Component.EMBEDDINGS, "input", b'["', generates=False)

_Tokens = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
"""Not 0, which some servers take for no bound at all."""
_Answers = Annotated[int, msgspec.Meta(ge=1, le=1024)]
_Person = Annotated[str, msgspec.Meta(max_length=512)]


class _Streaming(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class _Fields(msgspec.Struct, frozen=True):
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    stream: bool | None = None
    stream_options: _Streaming | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    n: _Answers | None = None
    best_of: _Answers | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    prompt_logprobs: bool | int | None = None
    n_probs: int | None = None
    top_n_tokens: int | None = None
    user: _Person | None = None
    safety_identifier: _Person | None = None


_LIMITS = ("max_tokens", "max_completion_tokens")
"""The two names under which a server may look for the most that an answer comes to."""

_FIELDS = msgspec.json.Decoder(_Fields)
_PROMPTS = msgspec.json.Decoder(list[msgspec.Raw])
_PLACE = re.compile(r"`\$\.([a-z_.]+)`|field `([a-z_]+)`")

_DECISIVE = frozenset(_Fields.__struct_fields__)


class Asked(msgspec.Struct, frozen=True):
    """What one request asks, and the bytes it asked with."""

    endpoint: Endpoint
    body: bytes
    model: str
    stream: bool
    include_usage: bool
    """Whether the caller itself asked for the usage frame."""
    output_tokens: int | None
    answers: int
    """How many answers are computed: prompts, times the most of `n` and `best_of`."""
    output_field: str
    """How the caller bounds its output, or would."""
    content_tokens: int | None
    """As `contents.tokens_max` says."""
    logprobs: bool
    end_user: str
    spans: dict[str, Span]

    def call(self, request_id: str, *, end_user: str = "") -> Call:
        """The particulars for the gate. `end_user` is the pseudonym, never what the caller wrote."""
        return Call(
            request_id=request_id,
            endpoint=self.endpoint.route,
            draws_on=(Component.LOGPROBS,) if self.logprobs else (),
            bytes_in=len(self.body),
            tokens_in_max=None if self.content_tokens is None else len(self.body) + self.content_tokens,
            answers=self.answers,
            output_tokens=self.output_tokens,
            output_field=self.output_field,
            content_field=self.endpoint.content,
            generates=self.endpoint.generates,
            stream=self.stream,
            end_user=end_user,
            content=self.body,
        )


def read(endpoint: Endpoint, body: bytes) -> Asked:
    """What the request asks. Raises Invalid, with the field where there is one to name."""
    spans = members(body)
    fields.check(spans, endpoint.content, _DECISIVE)
    said = _fields(body)
    if said.stream and not endpoint.generates:
        raise Invalid("This endpoint does not stream.", param="stream")
    if not said.model.isprintable():
        raise Invalid("`model` is not a name.", param="model")
    if "stream_options" in spans:
        start, end = spans["stream_options"]
        if body[start:end] != b"null":
            members(body[start:end])
    span = spans.get(endpoint.content)
    if span is None or body[span[0]] not in endpoint.opens_with or body[span[0] : span[1]] in (b"[]", b'""'):
        raise Invalid(f"`{endpoint.content}` is missing, empty or of the wrong type.", param=endpoint.content)
    content = body[span[0] : span[1]]
    limits = [limit for limit in (said.max_tokens, said.max_completion_tokens) if limit is not None]
    return Asked(
        endpoint=endpoint,
        body=body,
        model=said.model,
        stream=said.stream is True,
        include_usage=said.stream_options is not None and said.stream_options.include_usage is True,
        output_tokens=max(limits, default=None),
        output_field="max_tokens" if said.max_completion_tokens is None else "max_completion_tokens",
        answers=max(said.n or 1, said.best_of or 1) * _prompts(endpoint, content),
        content_tokens=tokens_max(content, of_chat=endpoint is CHAT),
        logprobs=_asks_logprobs(said),
        end_user=said.safety_identifier or said.user or "",
        spans=spans,
    )


def rewrite(
    asked: Asked,
    *,
    model: str,
    output_tokens: int | None = None,
    output_limit: str = "max_tokens",
    ask_usage: bool = True,
) -> bytes:
    """The request as it goes to the upstream: the caller's bytes but for the model's name there, the most that each
    answer may come to where an obligation bounds it, and the usage that every stream is asked to report.

    The bound goes by the one name that this upstream reads, `output_limit`: a completion knows `max_tokens` alone.
    """
    edits: list[Edit] = []
    added: list[bytes] = []
    if model != asked.model:
        edits.append((*asked.spans["model"], msgspec.json.encode(model)))
    if output_tokens is not None:
        _bound(asked, output_tokens, output_limit if asked.endpoint is CHAT else _LIMITS[0], edits, added)
    if ask_usage and asked.stream and not asked.include_usage:
        span = asked.spans.get("stream_options")
        if span is None:
            added.append(b'"stream_options":{"include_usage":true},')
        else:
            edits.append((*span, _with_usage(asked.body[span[0] : span[1]])))
    if added:
        at = first_place(asked.body)
        edits.append((at, at, b"".join(added)))
    return edited(asked.body, edits) if edits else asked.body


def _bound(asked: Asked, most: int, name: str, edits: list[Edit], added: list[bytes]) -> None:
    """Write the bound under the name that is read, and take the other out: two that differ are read by chance."""
    for other in _LIMITS:
        if other != name and other in asked.spans:
            edits.append(without(asked.body, asked.spans, other))
    if name in asked.spans:
        edits.append((*asked.spans[name], b"%d" % most))
    else:
        added.append(b'"%s":%d,' % (name.encode("ascii"), most))


def _with_usage(options: bytes) -> bytes:
    if options == b"null":
        return b'{"include_usage":true}'
    spans = members(options)
    span = spans.get("include_usage")
    if span is not None:
        return edited(options, [(*span, b"true")])
    at = first_place(options)
    return edited(options, [(at, at, b'"include_usage":true' + (b"," if spans else b""))])


def _fields(body: bytes) -> _Fields:
    try:
        return _FIELDS.decode(body)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        param = (place[1] or place[2]) if place is not None else None
        raise Invalid(f"`{param}` is missing, of the wrong type or out of range.", param=param) from None


def _prompts(endpoint: Endpoint, content: bytes) -> int:
    """How many prompts a completion was given; a list of numbers is one prompt, written in tokens."""
    if endpoint is not COMPLETIONS or content[:1] != b"[":
        return 1
    items = _PROMPTS.decode(content)
    first = bytes(items[0])[:1]
    return len(items) if first in b'["' else 1


def _asks_logprobs(fields: _Fields) -> bool:
    asked = (fields.logprobs, fields.prompt_logprobs)
    counts = (fields.top_logprobs, fields.n_probs, fields.top_n_tokens)
    return any(value is not None and value is not False for value in asked) or any(counts)
