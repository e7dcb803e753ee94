"""A preset fitted to a release of one's own: its name, its upstream, and its dates, all moved by the same span.

The text is changed where these stand and nowhere else, so that comments stay. What comes out goes the way of every
release file: it is read with all its mistakes, and opens nothing before it is applied.
"""

import json
import re

import msgspec

from gateway.clock import NEVER, Instant, text_from
from gateway.releases.nodes import Faults, Mapping, Node, Scalar, Sequence, compose
from gateway.releases.values import instant

BEFORE: Instant = -1
"""Earlier than any date that a file may name; later than any is NEVER. Reading the file tells of both."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
"""What YAML reads as the very text, without quotes."""


class Fitting(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a preset one's own; what is None stays as it is."""

    release: str
    starts: Instant | None = None
    """When the first stage opens."""
    upstream: str | None = None
    model: str | None = None


def fitted(content: bytes, fitting: Fitting) -> bytes:
    """The release file with what was asked for in it. Raises ValueError where it is not written plainly."""
    root = compose(content, Faults())
    served = _entry(_entry(root, "serves"), "inference")
    changes = [(_entry(root, "release"), _quoted(fitting.release))]
    for key, value in (("upstream", fitting.upstream), ("model", fitting.model)):
        if value is not None:
            changes.append((_entry(served, key), _quoted(value)))
    if fitting.starts is not None:
        changes += _moved(root, fitting.starts)
    lines = content.decode().split("\n")
    written = [(node, value) for node, value in changes if isinstance(node, Scalar)]
    for node, value in sorted(written, key=lambda change: change[0].place, reverse=True):
        number = node.place.line - 1
        lines[number] = _replaced(lines[number], node, value)
    return "\n".join(lines).encode()


def _moved(root: Node | None, starts: Instant) -> list[tuple[Node | None, str]]:
    """Every date of every stage, as far from the first as it was."""
    stages = _entry(root, "stages")
    nodes = [
        _entry(stage, field)
        for stage in (stages.items if isinstance(stages, Sequence) else ())
        for field in ("opens", "closes")
    ]
    dated = [(node, value) for node in nodes if (value := instant(node, Faults())) is not None]
    first = min((value for _, value in dated), default=starts)
    return [(node, text_from(min(max(starts + value - first, BEFORE), NEVER))) for node, value in dated]


def _entry(node: Node | None, key: str) -> Node | None:
    return node.entries.get(key) if isinstance(node, Mapping) else None


def _replaced(line: str, node: Scalar, value: str) -> str:
    start = node.place.column - 1
    if not line.startswith(node.text, start):
        raise ValueError(f"`{node.text}` is not written plainly on line {node.place.line}")
    return line[:start] + value + line[start + len(node.text) :]


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and value.lower() != "null" else json.dumps(value)
