"""Instants and spans as people type them: `2026-03-01`, `2026-03-01T12:00:00Z`, `24h`, `90d`, `+90d`, `-90d`.

A span without a sign is read where only one side of now makes sense; where both do it is refused.
"""

import re
from datetime import UTC, datetime, timedelta

import click

INSTANT = "2027-03-01, 2027-03-01T12:00:00Z, +30d for in thirty days, -30d for thirty days ago"
"""How an instant on either side of now is written."""

_SPAN = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def span(text: str) -> int:
    """Seconds from `0`, `90s`, `30m`, `24h` or `7d`."""
    if text == "0":
        return 0
    form = _SPAN.fullmatch(text)
    if form is None:
        raise click.BadParameter(f"{text!r} is no span: write 30m, 24h or 7d.")
    return int(form[1]) * _SECONDS[form[2]]


def coming(text: str) -> str:
    """An instant in RFC 3339; a span counts forward from now."""
    return _instant(text.removeprefix("+"), 1)


def gone(text: str) -> str:
    """An instant in RFC 3339; a span counts back from now."""
    return _instant(text.removeprefix("-"), -1)


def named(text: str) -> str:
    """An instant in RFC 3339, whichever side of now: a span says by its sign which."""
    if _SPAN.fullmatch(text):
        raise click.BadParameter(
            f"{text!r} may be ahead or back: write +{text} for in so long, -{text} for so long ago."
        )
    if text[:1] in {"+", "-"}:
        return _instant(text[1:], 1 if text[0] == "+" else -1)
    return _instant(text, 1)


def _instant(text: str, sign: int) -> str:
    """RFC 3339 in UTC. A date stands for its first instant."""
    if _SPAN.fullmatch(text):
        try:
            moment = datetime.now(UTC) + sign * timedelta(seconds=span(text))
        except OverflowError:
            raise click.BadParameter(f"{text!r} from now is beyond all dates.") from None
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is no instant: write 2026-03-01, 2026-03-01T12:00:00Z or a span such as 24h."
            ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")
