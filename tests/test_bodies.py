"""A name is given once: wherever it stands, however it is spelt, whatever else is in the text."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bodies import check_names
from gateway.errors import Invalid

TWICE = [
    b'{"a": 1, "a": 1}',
    b'{"a": {"b": [], "b": []}}',
    b'[[{"a": 1}, {"b": 1, "c": 2, "b": 3}]]',
    b'{"a": 1, "\\u0061": 2}',
    b'{"": 1, "": 2}',
    b'{"a": ' + b"9" * 5000 + b', "a": 1}',
    b'{"a": 1e999, "a": -0}',
    b'{"x": [{"deep": {"a": "}", "a": "{"}}]}',
]

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("text", TWICE)
def test_a_name_given_twice_is_refused_at_every_depth(text: bytes) -> None:
    with pytest.raises(Invalid, match="given twice"):
        check_names(text)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff{}", b"\xef\xbb\xbf{}", b"{'a': 1}", b'{"a": 1}{', b'{"a": "\n"}'])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        check_names(text)


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid):
        check_names(b'{"a":' * 100_000)


@given(value=values)
@settings(max_examples=200)
def test_whatever_gives_each_name_once_is_taken(value: Any) -> None:
    check_names(json.dumps(value).encode())
    check_names(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "ignore"))


@given(outer=st.dictionaries(st.text(max_size=3), values, min_size=1, max_size=4), data=st.data())
@settings(max_examples=200)
def test_one_name_more_that_is_there_already_is_refused_wherever_the_object_stands(
    outer: dict[str, Any], data: st.DataObject
) -> None:
    name, value = data.draw(st.sampled_from(sorted(outer))), data.draw(values)
    again = f"{json.dumps(name)}: {json.dumps(value)}, "
    text = "{" + again + json.dumps(outer)[1:]
    for _ in range(data.draw(st.integers(0, 3))):
        text = data.draw(st.sampled_from(["[1, %s]", '{"in": %s}'])) % text

    assert msgspec.json.decode(json.dumps(json.loads(text))) is not None, "it is JSON to whoever does not look"
    with pytest.raises(Invalid, match="given twice"):
        check_names(text.encode())
