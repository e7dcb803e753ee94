"""Instants and spans as people type them: `2026-03-01`, `2026-03-01T12:00:00Z`, `24h`, `90d`."""

import re
from datetime import UTC, datetime, timedelta

import click

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
    return _instant(text, 1)


def gone(text: str) -> str:
    """An instant in RFC 3339; a span counts back from now."""
    return _instant(text, -1)


def named(text: str) -> str:
    """An instant in RFC 3339, whichever side of now; a span counts back from now."""
    return _instant(text, -1)


def _instant(text: str, sign: int) -> str:
    """RFC 3339 in UTC. A date stands for its first instant."""
    if _SPAN.fullmatch(text):
        moment = datetime.now(UTC) + sign * timedelta(seconds=span(text))
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is no instant: write 2026-03-01, 2026-03-01T12:00:00Z or 24h."
            ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")
