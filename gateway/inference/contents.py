"""Whether what a model is given is bounded by its own bytes: text is, a picture behind an address is not.

Every token of text stands for at least one byte of the request. A part that names what lies elsewhere, or that a
server encodes by its own measure (an image, a sound, a file), may come to any number of tokens.
"""

from typing import Literal

import msgspec

from gateway.errors import Invalid

TEMPLATE_TOKENS = 256
"""What a chat template adds of its own to a conversation, at most: marks around each message fit into the bytes of
the message's own JSON, but some templates begin with a sentence of theirs."""


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text", "refusal", "thinking"]
    text: str | None = None
    refusal: str | None = None
    thinking: str | None = None
    signature: str | None = None
    cache_control: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    content: str | list[_Text] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw()
    tool_call_id: str | None = None
    function_call: msgspec.Raw = msgspec.Raw()
    annotations: msgspec.Raw = msgspec.Raw()


_CONVERSATION = msgspec.json.Decoder(list[_Message])
_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
_TEXTS = msgspec.json.Decoder(str | list[str | int | list[int]])


def tokens_max(content: bytes, *, of_chat: bool) -> int | None:
    """The most tokens that this content can come to beside the rest of the request; None where nobody can say.

    `content` is the JSON of the endpoint's content field. Raises Invalid for messages that are none.
    """
    try:
        (_CONVERSATION if of_chat else _TEXTS).decode(content)
    except msgspec.DecodeError:
        if of_chat:
            _check_messages(content)
        return None
    return TEMPLATE_TOKENS if of_chat else 0


def _check_messages(content: bytes) -> None:
    """Raise Invalid where a message is no object at all: that is a mistake, and no picture that cannot be counted."""
    try:
        messages = _MESSAGES.decode(content)
    except msgspec.DecodeError:
        return  # whatever else it is, it is nobody's to count
    for number, message in enumerate(messages):
        if bytes(message).lstrip()[:1] != b"{":
            raise Invalid(
                f"`messages[{number}]` is no message: each message is an object.",
                param="messages",
                next_step='Write it as in {"role": "user", "content": "Hello"}.',
            )
