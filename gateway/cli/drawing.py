"""A timeline as lines of text: a bar for each stage on one axis, told apart by shade, so that no colour is needed."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gateway.cli.failures import printable

NARROW, WIDE = 40, 120
_MARGIN, _SMALL_MARGIN, _SMALL = 26, 17, 60
"""Columns for what a stage is called and whom it is for, and those in a terminal narrower than the last."""
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


class Room(NamedTuple):
    """The columns of a drawing: names stand in the margin, the rest is time."""

    margin: int
    time: int


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
    margin = _MARGIN if width >= _SMALL else _SMALL_MARGIN
    room = Room(margin, width - margin)
    now = margin + min(round(timeline["now"] * room.time), room.time - 1)
    told = f"{'at' if asked else 'now'} {_date(timeline['as_of'])}"
    lines = [
        Line(f"{timeline['release']}: {timeline['stands']}"),
        Line(""),
        Line(" " * min(now, width - len(told)) + told),
    ]
    for bar in timeline["bars"]:
        lines += [Line(_marked("", now, glyphs)), *_stage(bar, room, now, glyphs)]
    for narrowing in timeline["narrowings"]:
        lines += [Line(_marked("", now, glyphs)), *_narrowing(narrowing, room, now, glyphs)]
    lines += [Line(_marked("", now, glyphs)), *map(Line, _legend(glyphs, timeline, asked=asked))]
    return [line._replace(text=_fitting(line.text, width, glyphs)) for line in lines]


def _stage(bar: Mapping[str, Any], room: Room, now: int, glyphs: Glyphs) -> Iterable[Line]:
    signs = {"past": glyphs.past, "open": glyphs.open, **dict.fromkeys(_AHEAD, glyphs.ahead)}
    sign = signs.get(bar["state"], glyphs.taken)
    wide, time = room.margin - 4, room.time
    left = [*_wrapped(bar["name"], wide, glyphs)]
    left += _wrapped(f"{bar['access']}: {', '.join(bar['audiences'])}", wide, glyphs, 3)
    left += [] if bar["share"] is None else _wrapped(f"{bar['share']} % of organisations", wide, glyphs, 2)
    left += [] if bar["state"] in _PLAIN else _wrapped(bar["state"], wide, glyphs, 1)
    left = [f"{sign} {left[0]}", *(f"  {line}" for line in left[1:])]
    start = min(round(bar["start"] * time), time - 1)
    end = max(round(bar["end"] * time), start + 1)
    body = glyphs.of(bar["access"]) * (end - start)
    if bar["ends"] is None:
        body = body[:-1] + glyphs.endless
    notes = _dates(bar, time, glyphs) + ["cannot be undone"] * bar["irreversible"]
    set_in = " " * max(0, min(start, time - max(map(len, notes))))
    right = [" " * start + body, *(set_in + note for note in notes)]
    for i in range(max(len(left), len(right))):
        text = f"{left[i] if i < len(left) else '':<{room.margin}}{right[i] if i < len(right) else ''}"
        colour = COLOURS.get(bar["access"], "") if i == 0 else ""
        yield Line(_marked(text, now, glyphs), room.margin + start, room.margin + end, colour)


def _narrowing(narrowing: Mapping[str, Any], room: Room, now: int, glyphs: Glyphs) -> Iterable[Line]:
    """Beside its bar what was done, below it all that is to be told."""
    margin, time = room
    start = min(round(narrowing["start"] * time), time - 1)
    body = glyphs.taken * (max(round(narrowing["end"] * time), start + 1) - start)
    if narrowing["until"] is None:
        body = body[:-1] + glyphs.endless
    text = f"{glyphs.taken} {_wrapped(narrowing['done'], margin - 4, glyphs, 1)[0]:<{margin - 2}}{' ' * start}{body}"
    yield Line(_marked(text, now, glyphs), margin + start, margin + start + len(body), "red")
    for line in textwrap.wrap(
        printable(narrowing["told"]), margin + time - 2, max_lines=8 if margin < _MARGIN else 4, placeholder=glyphs.cut
    ):
        yield Line(f"  {line}")


def _dates(bar: Mapping[str, Any], time: int, glyphs: Glyphs) -> list[str]:
    """From when until when: in two lines where one is too short, by days alone where those are too."""
    lines: list[str] = []
    for told in (_date, _day):
        opens = f"{_not_before(bar['waits'])}{told(bar['opens'])} {glyphs.to}"
        ends = "no end" if bar["ends"] is None else f"{_not_before(bar['ends_later'])}{told(bar['ends'])}"
        lines = [f"{opens} {ends}"] if len(opens) + len(ends) < time else [opens, ends]
        if max(map(len, lines)) <= time:
            break
    return lines


def _not_before(unsure: bool) -> str:
    return "not before " if unsure else ""


def _legend(glyphs: Glyphs, timeline: Mapping[str, Any], *, asked: bool) -> Iterable[str]:
    shades = "  ".join(f"{glyphs.of(level) * 2} {level}" for level in _LEVELS)
    yield f"{shades}  {glyphs.endless} no end  {glyphs.now} {'then' if asked else 'now'}"
    scale = "" if timeline["to_scale"] else "  (long spans are drawn shorter)"
    yield f"{glyphs.past} past  {glyphs.open} open  {glyphs.ahead} to come  {glyphs.taken} taken away{scale}"


def _wrapped(text: str, width: int, glyphs: Glyphs, most: int = 4) -> list[str]:
    return textwrap.wrap(printable(text), width, max_lines=most, placeholder=glyphs.cut, break_on_hyphens=True) or [""]


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


def _day(text: str) -> str:
    return text.partition("T")[0]
