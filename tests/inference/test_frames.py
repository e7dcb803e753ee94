"""Frames of a stream: what passes, what is kept back, what is read, however the bytes were cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.inference.connector.faults import BrokenAnswer
from gateway.inference.frames import FRAME_BYTES_MAX, Frames
from gateway.inference.usage import Usage, read_usage

USAGE = {"prompt_tokens": 7, "completion_tokens": 11, "total_tokens": 18}
READ = Usage(7, 11)


def frame(value: object, end: str = "\n\n") -> bytes:
    return f"data: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}{end}".encode()


WORD = frame({"choices": [{"delta": {"content": 'say "usage" and [DONE] – 日本'}}]})
PLAIN = frame({"choices": [{"delta": {"content": "x"}}]})
NULLS = frame({"choices": [{"delta": {"content": "x"}}], "usage": None})
LAST = frame({"choices": [], "usage": USAGE})
DONE = b"data: [DONE]\n\n"


def passed(frames: Frames, pieces: list[bytes]) -> bytes:
    return b"".join(frames.feed(piece) for piece in pieces) + frames.rest()


def test_the_usage_frame_is_kept_back_where_nobody_asked_for_it() -> None:
    frames = Frames(withhold_usage=True)

    assert passed(frames, [WORD, NULLS, LAST, DONE]) == WORD + NULLS + DONE
    assert (frames.usage, frames.done) == (READ, True)


def test_the_usage_frame_passes_where_the_caller_asked_for_it() -> None:
    frames = Frames(withhold_usage=False)

    assert passed(frames, [WORD, LAST, DONE]) == WORD + LAST + DONE
    assert frames.usage == READ


def test_usage_beside_an_answer_is_read_and_passes() -> None:
    both = frame({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE})
    frames = Frames(withhold_usage=True)

    assert passed(frames, [both, DONE]) == both + DONE
    assert frames.usage == READ


def test_of_usage_reported_again_and_again_the_last_counts() -> None:
    frames = Frames(withhold_usage=True)

    for tokens in range(1, 5):
        frames.feed(frame({"choices": [{}], "usage": {"prompt_tokens": 7, "completion_tokens": tokens}}))

    assert frames.usage == Usage(7, 4)


EARLY = [LAST, frame({"choices": [{"delta": {"role": "assistant"}}], "usage": USAGE})]


@pytest.mark.parametrize("early", EARLY)
@pytest.mark.parametrize("more", [PLAIN, NULLS, WORD, PLAIN * 3, frame({"choices": [{}], "x": "y" * FRAME_BYTES_MAX})])
@pytest.mark.parametrize("one_piece", [True, False])
def test_usage_reported_before_the_answer_has_come_is_not_its_cost(early: bytes, more: bytes, one_piece: bool) -> None:
    frames = Frames(withhold_usage=False)
    pieces = [early, more, DONE]

    assert passed(frames, [b"".join(pieces)] if one_piece else pieces) == early + more + DONE
    assert (frames.usage, frames.usage_is_final, frames.done) == (None, False, True)


def test_usage_reported_again_behind_the_answer_is_its_cost() -> None:
    frames = Frames(withhold_usage=True)

    passed(frames, [frame({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 0}}), WORD, PLAIN, LAST])

    assert (frames.usage, frames.usage_is_final) == (READ, True)


@pytest.mark.parametrize("after", [b": ping\n\n", b"event: x\n\n", frame({"choices": []}), frame({"x": 1}), frame({})])
def test_usage_is_kept_when_nothing_of_an_answer_follows(after: bytes) -> None:
    frames = Frames(withhold_usage=True)

    passed(frames, [WORD, LAST, after, DONE])

    assert (frames.usage, frames.usage_is_final) == (READ, True)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": -1},
        {"prompt_tokens": "1", "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"completion_tokens": 1},
        [1],
        "7",
        {},
    ],
)
def test_counts_that_make_no_sense_are_no_report(usage: object) -> None:
    frames = Frames(withhold_usage=True)

    passed(frames, [frame({"choices": [], "usage": usage}), DONE])

    assert frames.usage is None
    assert read_usage(json.dumps({"usage": usage}).encode()) is None


def test_usage_of_a_plain_answer_is_read() -> None:
    assert read_usage(json.dumps({"choices": [{"text": "x"}], "usage": USAGE}).encode()) == READ
    assert read_usage(b'{"data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}') == Usage(3, 0)


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"usage":null}', b'{"usage":[]}', b'"text"'])
def test_an_answer_without_usage_reports_none(answer: bytes) -> None:
    assert read_usage(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"nonsense", b'{"x":' + b"[" * 10000, b"\xff", b'{"a":1} {', b'{"choices":[{"text":"cut'),
        *(b'{"usage":{"prompt_tokens":-1},"a":"b', b'{"usage":"7","a":}', b'{"usage":{"prompt_tokens":-1}} x'),
        *(b'{"usage":{},"a":"\xff"}', b"[1, nonsense", b'["\xff"]', b'"text" more'),
    ],
)
def test_an_answer_that_is_no_json_is_broken(answer: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        read_usage(answer)


def test_nothing_passes_after_the_end_is_said() -> None:
    frames = Frames(withhold_usage=True)

    assert passed(frames, [WORD + DONE + WORD, WORD, PLAIN, LAST]) == WORD + DONE
    assert frames.usage is None


def test_the_words_of_the_end_inside_an_answer_are_no_end() -> None:
    frames = Frames(withhold_usage=True)

    assert (
        passed(frames, [WORD, b": [DONE]\n\n", b"data: x[DONE]\n\n", WORD])
        == WORD + b": [DONE]\n\n" + b"data: x[DONE]\n\n" + WORD
    )
    assert not frames.done


def test_an_error_inside_the_stream_is_noticed() -> None:
    told, word = Frames(withhold_usage=True), Frames(withhold_usage=True)

    told.feed(frame({"error": {"message": "out of memory"}}))
    word.feed(frame({"error": None, "choices": [{"delta": {"error": "x"}}]}))

    assert (told.erred, word.erred) == (True, False)


def test_a_frame_too_long_to_hold_passes_in_pieces() -> None:
    long = frame({"choices": [], "usage": USAGE, "x": "y" * FRAME_BYTES_MAX})
    pieces = [long[at : at + 1000] for at in range(0, len(long), 1000)]
    frames = Frames(withhold_usage=True)
    held = 0

    out = b""
    for piece in pieces:
        out += frames.feed(piece)
        held = max(held, len(frames._held))
    out += frames.feed(LAST + DONE)

    assert out == long + DONE
    assert held <= FRAME_BYTES_MAX
    assert frames.usage == READ


def test_between_whole_frames_another_may_be_put_in_and_inside_a_long_one_not() -> None:
    frames = Frames(withhold_usage=True)

    frames.feed(WORD + b"data: begun")
    between = frames.at_boundary
    frames.feed(b"x" * FRAME_BYTES_MAX)
    inside = frames.at_boundary
    frames.feed(b"}\n\n")

    assert (between, inside, frames.at_boundary) == (True, False, True)


def test_a_stream_that_stops_inside_a_frame_gives_what_it_had() -> None:
    frames = Frames(withhold_usage=True)

    assert frames.feed(WORD + LAST[:-2]) == WORD
    assert frames.rest() == LAST[:-2]


VALUES: list[Any] = [
    {"choices": [{"delta": {"content": "é\u2028\r\n"}}]},
    {"choices": [{"delta": {"content": '"usage":null'}}], "usage": None},
    {"choices": [{"delta": {}}], "usage": USAGE},
    {"choices": [], "usage": USAGE},
    {"choices": [], "usage": {"prompt_tokens": -3}},
    {"error": {"message": "x"}},
]
PARTS = st.one_of(
    st.builds(frame, st.sampled_from(VALUES), st.sampled_from(["\n\n", "\r\n\r\n", "\n\r\n", "\r\n\n", "\n\n\n"])),
    st.sampled_from(
        [
            b": ping\n\n",
            b"event: x\ndata: {}\n\n",
            b"\n",
            b"\r\n",
            b"\r",
            b"data: [DONE]",
            b"data: \xff\n\n",
            b"data:{\ndata:}\n\n",
        ]
    ),
    st.binary(max_size=8),
)


@given(
    st.lists(PARTS, max_size=8).map(b"".join), st.lists(st.integers(0, 400), max_size=12), st.booleans(), st.booleans()
)
@settings(max_examples=400, deadline=None)
def test_what_passes_does_not_depend_on_where_the_bytes_were_cut(
    text: bytes, cuts: list[int], withhold: bool, ends: bool
) -> None:
    text += DONE if ends else b""
    at = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[start:end] for start, end in pairwise(at)]
    cut, whole, single = (Frames(withhold_usage=withhold) for _ in range(3))

    in_pieces = passed(cut, pieces)
    at_once = passed(whole, [text])
    in_bytes = passed(single, [text[n : n + 1] for n in range(len(text))])

    assert in_pieces == at_once == in_bytes
    assert cut.usage == whole.usage == single.usage
    assert (cut.done, cut.erred) == (whole.done, whole.erred) == (single.done, single.erred)
    if not withhold and not whole.done:
        assert at_once == text


@given(
    st.lists(st.sampled_from([WORD, NULLS, LAST, b": ping\n\n"]), max_size=6), st.lists(st.integers(0, 900), max_size=8)
)
@settings(max_examples=200, deadline=None)
def test_what_passes_is_the_stream_without_its_usage_frames(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts) + DONE
    at = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})

    out = passed(Frames(withhold_usage=True), [text[start:end] for start, end in pairwise(at)])

    assert out == b"".join(part for part in parts if part is not LAST) + DONE


@pytest.mark.parametrize("size", [1, 7, 1_000, 1 << 20])
def test_never_more_tokens_are_taken_for_seen_than_there_were(size: int) -> None:
    role = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    token = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    stream = b": wait\n\n" + role + token * 20 + end + b"data: [DONE]\n\n"
    frames = Frames(withhold_usage=True)

    for at in range(0, len(stream), size):
        frames.feed(stream[at : at + size])

    assert frames.tokens_min <= 20
    assert size > len(token) or frames.tokens_min == 20


def test_tokens_that_came_one_by_one_are_all_seen_but_two() -> None:
    frames = Frames(withhold_usage=True)

    for _ in range(20):
        frames.feed(b'data: {"choices":[{"delta":{"content":"a"}}],"usage":null}\n\n')

    assert frames.tokens_min == 18
