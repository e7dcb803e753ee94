"""A timeline as SVG 1.1: no script, nothing fetched, every text escaped, light and dark by media query."""

from collections.abc import Iterator
from html import escape

from gateway.clock import NEVER, Instant, datetime_from
from gateway.releases.stage_states import TO_COME
from gateway.releases.strategies import AccessLevel
from gateway.releases.timelines import Bar, Narrowed, Timeline

WIDTH = 960
NARROWINGS_MAX = 10
"""Drawn; what there is more is told."""
_LEFT, _RIGHT = 40.0, 920.0
_TOP = 118
_ROW = 68
_FOOT = 54
_THICK = 14
_TIP = 7
_BOLD, _PLAIN = 8.6, 7.3
"""About as wide as a letter of each kind is, in pixels: what has no room is cut, and whole in its title."""

_FORMS = """
svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.title{font-size:20px;font-weight:600}.name{font-size:14px;font-weight:600}.soft{font-size:13px}
.small{font-size:12px}.tagged{font-size:12px;font-weight:600}.now{stroke-width:1.5;stroke-opacity:.7}
.bar{stroke-width:1.5;stroke-linejoin:round}.past,.taken{fill-opacity:.4;stroke-opacity:.4}
.ahead{fill-opacity:.13;stroke-dasharray:4 3}
"""


def _colours(paper: str, ink: str, soft: str, line: str, now: str, *levels: str) -> str:
    """Spelt out for each class: many programs that draw SVG know no variables."""
    bars = "".join(f".{level.value}{{fill:{it};stroke:{it}}}" for level, it in zip(AccessLevel, levels, strict=True))
    return (
        f".paper,.tagged{{fill:{paper}}}.title,.name{{fill:{ink}}}.soft,.small{{fill:{soft}}}"
        f".line{{stroke:{line}}}.now{{stroke:{now}}}.tag,.narrowing{{fill:{now}}}.narrowing{{stroke:{now}}}{bars}"
    )


LIGHT = _colours("#fff", "#0f172a", "#526077", "#e2e8f0", "#dc2626", "#64748b", "#c2710c", "#2563eb", "#0a8f65")
DARK = _colours("#0d1420", "#e8edf5", "#93a1b8", "#233047", "#f87171", "#8b98ac", "#f0a13a", "#6ea0ff", "#34d399")
STYLE = f"{_FORMS}{LIGHT}\n@media (prefers-color-scheme:dark){{{DARK}}}\n"


def svg(timeline: Timeline) -> str:
    """The whole picture."""
    narrowings = timeline.narrowings[:NARROWINGS_MAX]
    rows = len(timeline.bars) + len(narrowings)
    height = _TOP + _ROW * rows + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-labelledby="t d">',
        f'<title id="t">{_text(timeline.release)}: stages of its release</title>',
        f'<desc id="d">{_text(_described(timeline))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *_heading(timeline),
        *_grid(timeline, height),
        *_now(timeline, height),
        *(part for row, bar in enumerate(timeline.bars) for part in _stage(bar, _TOP + _ROW * row)),
        *(
            part
            for row, narrowing in enumerate(narrowings, len(timeline.bars))
            for part in _narrowing(narrowing, _TOP + _ROW * row)
        ),
        *_legend(timeline, height),
        "</svg>",
    ]
    return "\n".join(parts)


def _heading(timeline: Timeline) -> Iterator[str]:
    more = len(timeline.narrowings) - NARROWINGS_MAX
    stands = timeline.stands + (f" ({more} narrowings more than are drawn)" if more > 0 else "")
    yield f'<text class="title" x="{_LEFT}" y="42">{_text(_cut(timeline.release, 62))}</text>'
    yield f'<text class="soft" x="{_LEFT}" y="65">{_text(_cut(stands, 110))}</text>'


def _grid(timeline: Timeline, height: int) -> Iterator[str]:
    bottom = height - _FOOT + 4
    for at in sorted({bar.start for bar in timeline.bars} | {bar.end for bar in timeline.bars if bar.ends < NEVER}):
        yield f'<line class="line" x1="{_x(at)}" y1="{_TOP - 12}" x2="{_x(at)}" y2="{bottom}"/>'


def _now(timeline: Timeline, height: int) -> Iterator[str]:
    at, told = _x(timeline.now), f"{datetime_from(min(timeline.as_of, NEVER)):%Y-%m-%d %H:%M} UTC"
    wide = 168.0
    tag = min(max(at - wide / 2, _LEFT), _RIGHT - wide)
    yield f'<line class="now" x1="{at}" y1="{_TOP - 20}" x2="{at}" y2="{height - _FOOT + 4}"/>'
    yield f'<rect class="tag" x="{tag:.1f}" y="{_TOP - 38}" width="{wide}" height="22" rx="11"/>'
    yield f'<text class="tagged" x="{tag + wide / 2:.1f}" y="{_TOP - 23}" text-anchor="middle">{told}</text>'


def _stage(bar: Bar, top: float) -> Iterator[str]:
    left, right = _x(bar.start), _x(bar.end)
    share = "" if bar.share is None else f", {bar.share} % of organisations"
    told = f"{period(bar)} · {bar.access} · {', '.join(bar.audiences)}{share}{_unless_plain(bar.state)}"
    # Texts begin where the bar does, unless there is more room for them where it ends.
    wanted = max(len(bar.name) * _BOLD, len(told) * _PLAIN)
    from_left = _RIGHT - left >= min(wanted, right - _LEFT)
    room = _RIGHT - left if from_left else right - _LEFT
    anchor = f'x="{left}"' if from_left else f'x="{right}" text-anchor="end"'
    state = " past" if bar.state == "past" else " ahead" if bar.state in TO_COME else ""
    state += "" if bar.state in {"past", "open", *TO_COME} else " taken"
    shape = _shape(left, right, top + 20, endless=bar.ends >= NEVER)
    yield f"<g><title>{_text(f'{bar.name}: {told}')}</title>"
    yield f'<text class="name" {anchor} y="{top + 12}">{_text(_cut(bar.name, int(room / _BOLD)))}</text>'
    yield f'<path class="bar {AccessLevel(bar.access).value}{state}" d="{shape}"/>'
    yield f'<text class="small" {anchor} y="{top + 50}">{_text(_cut(told, int(room / _PLAIN)))}</text></g>'


def _narrowing(narrowing: Narrowed, top: float) -> Iterator[str]:
    left, right = _x(narrowing.start), _x(narrowing.end)
    whom = f"those in {narrowing.scope}" if narrowing.scope else "everybody"
    until = "until it is restored" if narrowing.until >= NEVER else f"until {_date(narrowing.until)}"
    name, told = f"{narrowing.done}, for {whom}", f"since {_date(narrowing.since)}, {until}"
    shape = _shape(left, right, top + 20, endless=narrowing.until >= NEVER)
    yield f"<g><title>{_text(narrowing.told)}</title>"
    yield f'<text class="name" x="{_LEFT}" y="{top + 12}">{_text(_cut(name, int((_RIGHT - _LEFT) / _BOLD)))}</text>'
    yield f'<path class="bar narrowing" d="{shape}"/>'
    yield f'<text class="small" x="{_LEFT}" y="{top + 50}">{_text(told)}</text></g>'


def _legend(timeline: Timeline, height: int) -> Iterator[str]:
    x, y = _LEFT, height - 20
    for level in AccessLevel:
        yield f'<rect class="{level.value}" x="{x}" y="{y - 10}" width="11" height="11" rx="2"/>'
        yield f'<text class="small" x="{x + 17}" y="{y}">{level.value}</text>'
        x += 34 + len(level.value) * 6.6
    scale = "" if timeline.to_scale else " · long spans drawn shorter"
    told = f"pale: past or taken away · dashed: to come{scale}"
    yield f'<text class="small" x="{_RIGHT}" y="{y}" text-anchor="end">{told}</text>'


def period(bar: Bar) -> str:
    """`2026-03-01 → 2026-05-25`, and whether it can be undone."""
    ends = "no end" if bar.ends >= NEVER else f"{'not before ' if bar.ends_later else ''}{_date(bar.ends)}"
    begins = f"{'not before ' if bar.waits else ''}{_date(bar.opens)}"
    return f"{begins} → {ends}{' · cannot be undone' if bar.irreversible else ''}"


def _shape(left: float, right: float, top: float, *, endless: bool) -> str:
    """A rounded bar; one that has no end points onwards."""
    right = max(right, left + 3)
    round_ = min(4.0, (right - left) / 2)
    bottom, middle = top + _THICK, top + _THICK / 2
    begin = f"M{left + round_:.1f} {top}"
    close = f"H{left + round_:.1f}Q{left:.1f} {bottom} {left:.1f} {bottom - round_:.1f}V{top + round_:.1f}"
    close += f"Q{left:.1f} {top} {left + round_:.1f} {top}Z"
    if endless:
        neck = max(right - _TIP, left + round_)
        return f"{begin}H{neck:.1f}L{right:.1f} {middle}L{neck:.1f} {bottom}{close}"
    end = f"H{right - round_:.1f}Q{right:.1f} {top} {right:.1f} {top + round_:.1f}V{bottom - round_:.1f}"
    return f"{begin}{end}Q{right:.1f} {bottom} {right - round_:.1f} {bottom}{close}"


def _described(timeline: Timeline) -> str:
    stages = [f"{bar.name} ({bar.access}, {bar.state}): {period(bar)}" for bar in timeline.bars] or ["no stages"]
    return "; ".join([*stages, *(each.told for each in timeline.narrowings)])


def _unless_plain(state: str) -> str:
    return "" if state in {"past", "open", "to come"} else f" · {state}"


def _date(instant: Instant) -> str:
    moment = datetime_from(instant)
    return f"{moment:%Y-%m-%d}" if f"{moment:%H%M%S}" == "000000" else f"{moment:%Y-%m-%d %H:%M}"


def _x(position: float) -> float:
    return round(_LEFT + position * (_RIGHT - _LEFT), 1)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest - 1]}…" if longest > 4 else ""


def _text(text: str) -> str:
    """Text as XML may hold it: escaped, without controls, surrogates or marks that turn the text round."""
    return escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))
