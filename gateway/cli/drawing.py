"""A timeline as lines of text: a bar for each stage on one axis, told apart by shade, so that no colour is needed."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gateway.cli.failures import printable

NARROW, WIDE = 60, 120
_MARGIN = 26
"""Columns for what a stage is called and whom it is for; the rest is time."""
_LEVELS = ("closed", "limited", "api", "open-weights")
_AHEAD = ("to come", "waiting", "missed")
_PLAIN = ("past", "open", "to come")
"""States that their sign alone tells."""
COLOURS = {"closed": "bright_black", "limited": "yellow", "api": "blue", "open-weights": "green"}


class Glyphs(NamedTuple):
    """The characters of a drawing."""

    closed: str
    limited: str
    api: str
    open_weights: str
    endless: str
    now: str
    past: str
    open: str
    ahead: str
    taken: str
    to: str
    cut: str

    def of(self, access: str) -> str:
        """The shade of an access level."""
        return {"closed": self.closed, "limited": self.limited, "api": self.api}.get(access, self.open_weights)


UNICODE = Glyphs("░", "▒", "▓", "█", "▶", "│", "✓", "●", "○", "×", "→", "…")
ASCII = Glyphs(".", "-", "=", "#", ">", "|", "x", "*", "o", "!", "to", "~")


class Line(NamedTuple):
    """One line; the columns from `start` to `end` may be coloured."""

    text: str
    start: int = 0
    end: int = 0
    colour: str = ""


def glyphs_for(encoding: str | None) -> Glyphs:
    """Those that a terminal of this encoding can show."""
    try:
        "".join(UNICODE).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def draw(timeline: Mapping[str, Any], width: int, glyphs: Glyphs, *, asked: bool = False) -> list[Line]:
    """The whole drawing, no line wider than `width`. `asked`: it is of an instant that somebody named, not of now."""
    width = max(NARROW, min(width, WIDE))
    time = width - _MARGIN
    now = _MARGIN + min(round(timeline["now"] * time), time - 1)
    told = f"{'at' if asked else 'now'} {_date(timeline['as_of'])}"
    lines = [
        Line(f"{timeline['release']}: {timeline['stands']}"),
        Line(""),
        Line(" " * min(now, width - len(told)) + told),
    ]
    for bar in timeline["bars"]:
        lines += [Line(_marked("", now, glyphs)), *_stage(bar, time, now, glyphs)]
    for narrowing in timeline["narrowings"]:
        lines += [Line(_marked("", now, glyphs)), *_narrowing(narrowing, time, now, glyphs)]
    lines += [Line(_marked("", now, glyphs)), *map(Line, _legend(glyphs, timeline, asked=asked))]
    return [line._replace(text=_fitting(line.text, width, glyphs)) for line in lines]


def _stage(bar: Mapping[str, Any], time: int, now: int, glyphs: Glyphs) -> Iterable[Line]:
    signs = {"past": glyphs.past, "open": glyphs.open, **dict.fromkeys(_AHEAD, glyphs.ahead)}
    sign = signs.get(bar["state"], glyphs.taken)
    left = [*_wrapped(bar["name"], glyphs), *_wrapped(f"{bar['access']}: {', '.join(bar['audiences'])}", glyphs, 3)]
    left += [] if bar["share"] is None else _wrapped(f"{bar['share']} % of organisations", glyphs, 1)
    left += [] if bar["state"] in _PLAIN else _wrapped(bar["state"], glyphs, 1)
    left = [f"{sign} {left[0]}", *(f"  {line}" for line in left[1:])]
    start = min(round(bar["start"] * time), time - 1)
    end = max(round(bar["end"] * time), start + 1)
    body = glyphs.of(bar["access"]) * (end - start)
    if bar["ends"] is None:
        body = body[:-1] + glyphs.endless
    ends = "no end" if bar["ends"] is None else f"{_not_before(bar['ends_later'])}{_date(bar['ends'])}"
    dates = f"{_not_before(bar['waits'])}{_date(bar['opens'])} {glyphs.to} {ends}"
    right = [" " * start + body, " " * max(0, min(start, time - len(dates))) + dates]
    if bar["irreversible"]:
        note = "cannot be undone"
        right.append(" " * max(0, min(start, time - len(note))) + note)
    for i in range(max(len(left), len(right))):
        text = f"{left[i] if i < len(left) else '':<{_MARGIN}}{right[i] if i < len(right) else ''}"
        colour = COLOURS.get(bar["access"], "") if i == 0 else ""
        yield Line(_marked(text, now, glyphs), _MARGIN + start, _MARGIN + end, colour)


def _narrowing(narrowing: Mapping[str, Any], time: int, now: int, glyphs: Glyphs) -> Iterable[Line]:
    """Beside its bar what was done, below it all that is to be told."""
    start = min(round(narrowing["start"] * time), time - 1)
    body = glyphs.taken * (max(round(narrowing["end"] * time), start + 1) - start)
    if narrowing["until"] is None:
        body = body[:-1] + glyphs.endless
    text = f"{glyphs.taken} {_wrapped(narrowing['done'], glyphs, 1)[0]:<{_MARGIN - 2}}{' ' * start}{body}"
    yield Line(_marked(text, now, glyphs), _MARGIN + start, _MARGIN + start + len(body), "red")
    for line in textwrap.wrap(printable(narrowing["told"]), _MARGIN + time - 2, max_lines=4, placeholder=glyphs.cut):
        yield Line(f"  {line}")


def _not_before(unsure: bool) -> str:
    return "not before " if unsure else ""


def _legend(glyphs: Glyphs, timeline: Mapping[str, Any], *, asked: bool) -> Iterable[str]:
    shades = "  ".join(f"{glyphs.of(level) * 2} {level}" for level in _LEVELS)
    yield f"{shades}  {glyphs.endless} no end  {glyphs.now} {'then' if asked else 'now'}"
    scale = "" if timeline["to_scale"] else "  (long spans are drawn shorter)"
    yield f"{glyphs.past} past  {glyphs.open} open  {glyphs.ahead} to come  {glyphs.taken} taken away{scale}"


def _wrapped(text: str, glyphs: Glyphs, most: int = 4) -> list[str]:
    return textwrap.wrap(
        printable(text), _MARGIN - 4, max_lines=most, placeholder=glyphs.cut, break_on_hyphens=True
    ) or [""]


def _marked(text: str, now: int, glyphs: Glyphs) -> str:
    """With now's mark, where nothing else stands, nor beside it."""
    text = f"{text:<{now + 2}}"
    if text[now - 1 : now + 2].strip():
        return text.rstrip()
    return (text[:now] + glyphs.now + text[now + 1 :]).rstrip()


def _fitting(text: str, width: int, glyphs: Glyphs) -> str:
    clean = printable(text).replace("\n", " ")
    if glyphs is ASCII:
        clean = clean.encode("ascii", "replace").decode()
    return clean if len(clean) <= width else clean[: width - 1] + glyphs.cut


def _date(text: str) -> str:
    """`2026-03-01`, with the time of day where it is not midnight."""
    day, _, rest = text.partition("T")
    clock = rest[:5]
    return day if rest.startswith("00:00:00") else f"{day} {clock}"
