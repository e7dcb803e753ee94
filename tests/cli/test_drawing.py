"""Timelines as lines of text: whole in 80 columns, without colour, and in ASCII where nothing else can be shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.drawing import ASCII, UNICODE, Glyphs, draw, glyphs_for

LEVELS = ("closed", "limited", "api", "open-weights")


def a_bar(name: str, start: float, end: float, **differences: Any) -> dict[str, Any]:
    """A stage to come, for everybody."""
    facts: dict[str, Any] = {
        "name": name,
        "access": "api",
        "audiences": ["public"],
        "share": None,
        "state": "to come",
        "opens": "2027-01-05T00:00:00Z",
        "ends": "2027-03-01T12:30:00Z",
        "start": start,
        "end": end,
        "waits": False,
        "ends_later": False,
        "irreversible": False,
    }
    return facts | differences


def a_timeline(*bars: dict[str, Any], **differences: Any) -> dict[str, Any]:
    """Of these bars."""
    facts: dict[str, Any] = {
        "release": "acme/atlas-1",
        "as_of": "2027-02-01T00:00:00Z",
        "stage": None,
        "stands": "no stage is open",
        "narrowings": [],
        "now": 0.25,
        "to_scale": True,
        "bars": list(bars),
    }
    return facts | differences


def text(timeline: dict[str, Any], width: int = 80, glyphs: Glyphs = UNICODE) -> list[str]:
    """The lines alone."""
    return [line.text for line in draw(timeline, width, glyphs)]


def test_a_stage_is_drawn_with_its_dates_its_level_and_whom_it_is_for() -> None:
    lines = text(a_timeline(a_bar("general", 0.5, 1.0, ends=None), stands="general is open", now=0.75))

    bar = next(line for line in lines if "general" in line and "▓" in line)
    assert lines[0] == "acme/atlas-1: general is open"
    assert bar.startswith("○ general") and bar.endswith("▶") and len(bar) == 80
    assert any("api: public" in line and "2027-01-05 → no end" in line for line in lines)


def test_what_waits_is_drawn_with_not_before_and_what_narrows_with_all_of_it() -> None:
    narrowing = {
        "done": "suspended",
        "until": None,
        "told": "suspended since 2027-01-20T00:00:00Z, for everybody, by Pro000000000: an order of the bureau",
        "start": 0.1,
        "end": 1.0,
    }
    bars = [a_bar("early", 0.0, 0.5, ends_later=True, state="suspended"), a_bar("late", 0.5, 1.0, waits=True)]
    lines = text(a_timeline(*bars, narrowings=[narrowing]))

    assert any(line.startswith("× early") for line in lines) and "  suspended" in "\n".join(lines)
    assert any("2027-01-05 → not before 2027-03-01 12:30" in line for line in lines)
    assert any("not before 2027-01-05 → 2027-03-01 12:30" in line for line in lines)
    assert any(line.startswith("× suspended") and line.endswith("×▶") for line in lines)
    assert "an order of the bureau" in " ".join(line.strip() for line in lines)


def test_levels_are_told_apart_without_colour() -> None:
    bars = [a_bar(level, i / 4, (i + 1) / 4, access=level) for i, level in enumerate(LEVELS)]

    for glyphs in (UNICODE, ASCII):
        drawn = "\n".join(text(a_timeline(*bars), glyphs=glyphs)[4:-3])
        assert all(drawn.count(glyphs.of(level) * 5) for level in LEVELS)


def test_where_there_is_colour_it_is_the_bars_alone() -> None:
    coloured = [line for line in draw(a_timeline(a_bar("general", 0.5, 1.0)), 80, UNICODE) if line.colour]

    assert [(line.text[line.start : line.end], line.colour) for line in coloured] == [("▓" * 27, "blue")]


def test_a_drawing_of_another_instant_does_not_call_it_now() -> None:
    lines = [line.text for line in draw(a_timeline(a_bar("general", 0.5, 1.0)), 80, UNICODE, asked=True)]

    assert "at 2027-02-01" in lines[2] and not any("now" in line for line in lines)


def test_now_is_marked_between_and_beside_the_bars() -> None:
    lines = text(a_timeline(a_bar("early", 0.0, 0.1), a_bar("late", 0.5, 1.0)))

    column = lines[2].index("now")
    assert sum(line[column : column + 1] == "│" for line in lines) >= 4


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", UNICODE), ("UTF-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII)],
)
def test_a_terminal_is_given_only_what_it_can_show(encoding: str | None, expected: Glyphs) -> None:
    assert glyphs_for(encoding) is expected


def test_a_name_of_64_letters_is_shown_whole() -> None:
    name = "-".join(["stage"] * 10) + "-abc"

    lines = text(a_timeline(a_bar(name, 0.0, 0.1)))

    assert name in "".join(line[2:25].strip() for line in lines)


def test_dates_are_whole_in_the_narrowest_terminal_and_where_both_are_unsure() -> None:
    unsure = a_bar("general", 0.5, 1.0, waits=True, ends_later=True, opens="2026-12-25T13:42:00Z")

    narrow, usual = text(a_timeline(unsure), 40), text(a_timeline(unsure))

    assert all(len(line) <= 40 for line in narrow)
    assert "not before 2026-12-25 →" in "\n".join(narrow) and "not before 2027-03-01" in "\n".join(narrow)
    assert any("not before 2026-12-25 13:42 →" in line for line in usual)
    assert any(line.endswith("not before 2027-03-01 12:30") for line in usual)


def test_a_share_is_told_beside_its_bar() -> None:
    lines = text(a_timeline(a_bar("some", 0.0, 0.5, share=50), a_bar("all", 0.5, 1.0)))

    assert sum("50 % of organisations" in line for line in lines) == 1


names = st.text(min_size=1, max_size=80)
positions = st.floats(0, 1)
bars = st.builds(
    lambda name, ends, level, audiences, endless, state, share: a_bar(
        name,
        min(ends),
        max(ends),
        access=level,
        audiences=audiences,
        share=share,
        ends=None if endless else "2240-03-01T12:30:00Z",
        irreversible=endless,
        state=state,
    ),
    names,
    st.tuples(positions, positions),
    st.sampled_from([*LEVELS, "unheard-of"]),
    st.lists(names, max_size=5),
    st.booleans(),
    st.sampled_from(["past", "open", "to come", "waiting", "rolled back", "unheard-of"]),
    st.none() | st.integers(1, 99),
)
narrowings = st.builds(
    lambda told, ends, until: {
        "done": told[:20],
        "until": until,
        "told": told,
        "start": min(ends),
        "end": max(ends),
    },
    names,
    st.tuples(positions, positions),
    st.sampled_from([None, "2240-03-01T12:30:00Z"]),
)


@given(
    timeline=st.builds(
        lambda drawn, narrowings, now, release: a_timeline(*drawn, narrowings=narrowings, now=now, release=release),
        st.lists(bars, max_size=10),
        st.lists(narrowings, max_size=3),
        positions,
        names,
    ),
    width=st.integers(1, 200),
    glyphs=st.sampled_from([UNICODE, ASCII]),
)
def test_no_line_is_too_wide_and_none_can_command_the_terminal(
    timeline: dict[str, Any], width: int, glyphs: Glyphs
) -> None:
    lines = draw(timeline, width, glyphs)

    assert all(len(line.text) <= max(40, min(width, 120)) for line in lines)
    assert all(line.text.isprintable() for line in lines)
    assert glyphs is UNICODE or all(line.text.isascii() for line in lines)
    assert all(line.start <= line.end <= 120 for line in lines)
