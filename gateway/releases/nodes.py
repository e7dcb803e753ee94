"""A YAML text as nodes that know where they stand; nothing is constructed from it but text.

What a reviewer could overlook is refused: anchors, aliases, tags, directives, keys given twice,
invisible characters. Depth, size and the number of faults are bounded, so any bytes end in time.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import yaml
from yaml import CSafeLoader

from gateway.errors import Fault

BYTES_MAX = 1 << 20
DEPTH_MAX = 12
KEY_MAX = 300
FAULTS_MAX = 100

_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]"
    r"|[\U000e0000-\U000e007f]|\r(?!\n)"
)
"""Controls, breaks that editors do not count as lines, and what hides or turns the text after it."""
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


class Path(NamedTuple):
    """Where a node is inside the document; spelt out only for a fault."""

    parent: "Path | None"
    step: str

    def text(self) -> str:
        """Such as `stages[1].opens`; empty for the root."""
        steps: list[str] = []
        path: Path | None = self
        while path is not None:
            steps.append(path.step)
            path = path.parent
        return "".join(reversed(steps)).removeprefix(".")


class Node(msgspec.Struct):
    """Anything in the document."""

    place: Place
    path: Path


class Scalar(Node):
    """A text as written, and whether it stands without quotes (only then can it be a number, a date or null)."""

    text: str
    plain: bool


class Sequence(Node):
    """A list."""

    items: list[Node] = msgspec.field(default_factory=list)


class Mapping(Node):
    """Keys with their values, in order; `keys` says where each key stands."""

    entries: dict[str, Node] = msgspec.field(default_factory=dict)
    keys: dict[str, Place] = msgspec.field(default_factory=dict)


class TooManyFaults(Exception):
    """Enough was found: reading on would cost time and tell nobody anything."""


class Faults:
    """Mistakes found so far. The one after the first hundred ends the reading."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, at: Node | Place, message: str) -> None:
        """Note a mistake at a node, or at a place that has no node. Raises TooManyFaults."""
        if isinstance(at, Node):
            self._add(at.place, at.path.text(), message)
        else:
            self._add(at, "", message)

    def add_key(self, mapping: Mapping, key: str, message: str) -> None:
        """Note a mistake at a key. Raises TooManyFaults."""
        self._add(mapping.keys[key], Path(mapping.path, f".{key}").text(), message)

    def _add(self, place: Place, where: str, message: str) -> None:
        if len(self.found) >= FAULTS_MAX:
            self.found.append(Fault(*place, where, f"and more: only {FAULTS_MAX} mistakes are shown at a time"))
            raise TooManyFaults
        self.found.append(Fault(*place, where, message))


def compose(content: bytes, faults: Faults) -> Node | None:
    """The document's root, or None where a fault keeps the rest from being read."""
    text = _text(content, faults)
    if text is None:
        return None
    try:
        return _Composer(faults).compose(yaml.parse(text, Loader=CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        faults.add(place, f"this is not YAML ({said}): check quotes, brackets and indentation here and just above")
    except yaml.YAMLError:
        faults.add(Place(1, 1), "this is not YAML: save the file as UTF-8 text")
    return None


def shown(text: str) -> str:
    """A value as a message may repeat it: short, on one line."""
    clean = "".join(character if character.isprintable() else "�" for character in text[:60])
    return f"`{clean}…`" if len(text) > 60 else f"`{clean}`"


def _text(content: bytes, faults: Faults) -> str | None:
    if len(content) > BYTES_MAX:
        faults.add(Place(1, 1), f"the file is {len(content)} bytes long: the most that is read is {BYTES_MAX}")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        faults.add(_place_after(before), "this byte is not UTF-8: save the file as UTF-8 text")
        return None
    if found := _FORBIDDEN.search(text):
        place = _place_after(text[: found.start()])
        faults.add(place, f"the invisible character U+{ord(found[0]):04X} stands here: take it out")
        return None
    if found := _DIRECTIVE.search(text):
        faults.add(_place_after(text[: found.start()]), "YAML directives are not read: take this line out")
        return None
    return text


def _place_after(text: str) -> Place:
    line = text.count("\n") + 1
    return Place(line, len(text) - (text.rfind("\n") + 1) + 1)


class _Composer:
    """Builds nodes from parser events without recursion: a hostile depth costs a comparison."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._open: list[Sequence | Mapping] = []
        self._key: list[tuple[str, Place] | None] = []
        self._root: Node | None = None

    def compose(self, events: Iterator[Any]) -> Node | None:
        """The root, or None where a fault was found that ends the reading."""
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
                self._faults.add(_place_of(event), "a second document starts here: one file holds one release")
                return None
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._open.pop()
                self._key.pop()
            elif isinstance(event, yaml.NodeEvent) and not self._take(event):
                return None
        if self._root is None:
            self._faults.add(Place(1, 1), "the file is empty: it must start with `release: namespace/name`")
        return self._root

    def _take(self, event: Any) -> bool:
        """Put one node in its place; False where the reading must end."""
        place = _place_of(event)
        if refusal := _refusal(event):
            self._faults.add(place, refusal)
            return False
        if len(self._open) >= DEPTH_MAX:
            self._faults.add(place, f"this is nested more than {DEPTH_MAX} deep: nothing in a release file is")
            return False
        if self._open and isinstance(self._open[-1], Mapping) and self._key[-1] is None:
            return self._take_key(event, place)
        node = _node(event, place, self._path())
        self._attach(node)
        if isinstance(node, (Sequence, Mapping)):
            self._open.append(node)
            self._key.append(None)
        return True

    def _take_key(self, event: Any, place: Place) -> bool:
        if not isinstance(event, yaml.ScalarEvent) or not event.value or len(event.value) > KEY_MAX:
            self._faults.add(place, f"a key is a word of 1 to {KEY_MAX} characters; this is not")
            return False
        self._key[-1] = (event.value, place)
        return True

    def _path(self) -> Path:
        if not self._open:
            return Path(None, "")
        above, key = self._open[-1], self._key[-1]
        step = f"[{len(above.items)}]" if isinstance(above, Sequence) else f".{key[0] if key else ''}"
        return Path(above.path, step)

    def _attach(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        above, key = self._open[-1], self._key[-1]
        if isinstance(above, Sequence):
            above.items.append(node)
            return
        if key is None:
            return
        name, place = key
        self._key[-1] = None
        if name in above.entries:
            first = above.keys[name].line
            self._faults.add(place, f"the key {shown(name)} is given twice, first on line {first}: keep one of them")
        else:
            above.entries[name], above.keys[name] = node, place


def _refusal(event: Any) -> str:
    if isinstance(event, yaml.AliasEvent):
        return "aliases (`*name`) are not read: write the value out"
    if event.anchor is not None:
        return "anchors (`&name`) are not read: write the value out where it is used"
    if event.tag is not None:
        return f"tags are not read: take {shown(event.tag)} out"
    return ""


def _node(event: Any, place: Place, path: Path) -> Node:
    if isinstance(event, yaml.SequenceStartEvent):
        return Sequence(place, path)
    if isinstance(event, yaml.MappingStartEvent):
        return Mapping(place, path)
    return Scalar(place, path, event.value, event.style in (None, ""))


def _place_of(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
