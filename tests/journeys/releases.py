"""Release files that a story can tell by their differences."""

import time

from gateway.clock import SECOND, Instant, text_from

LONG_AGO = "2024-01-01T00:00:00Z"
TO_ALL = "to: [public], offers: [inference.text]"


def release(name: str, *stages: str, upstream: str = "paced", more: str = "") -> str:
    """A release whose stages are given as the inside of a flow mapping."""
    lines = [f"release: {name}", f"serves: {{inference: {{upstream: {upstream}, model: any}}}}"]
    lines += [more] if more else []
    return "\n".join([*lines, "stages:", *(f"  - {{{stage}}}" for stage in stages)]) + "\n"


def open_to_all(name: str, conditions: str = "", *, upstream: str = "paced", more: str = "") -> str:
    """A release that everybody can call."""
    stage = f"name: general, opens: {LONG_AGO}, access: api, {TO_ALL}"
    return release(
        name, stage + (f", conditions: {{{conditions}}}" if conditions else ""), upstream=upstream, more=more
    )


def in_seconds(seconds: float) -> Instant:
    """An instant ahead, by the machine's clock, which is SQLite's."""
    return round((time.time() + seconds) * SECOND)


def quoted(instant: Instant) -> str:
    """As a release file writes it inside a flow mapping."""
    return f'"{text_from(instant)}"'
