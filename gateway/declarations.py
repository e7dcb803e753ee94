"""A YAML file in which the operator declares things by name, each with the line on which it stands.

Nothing is constructed from it but plain values, and a key given twice is a mistake, not a last word.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import yaml
from yaml.constructor import SafeConstructor

from gateway.errors import Fault, InvalidFile

T = TypeVar("T")

_AT_END = re.compile(r" - at `\$(.*)`$")
"""How msgspec says where in a value something is: `$.people[0].roles[1]`."""
_AT_START = re.compile(r"(\w+\[\d+\]):")
"""How the readers of declarations do."""
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def declared(
    content: bytes,
    file: str,
    noun: str,
    read: Callable[[str, Any], T],
    words: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, T]:
    """Every declaration of a file (`NOUN: {name: {…}}`), by name; `read` makes it of its name and plain value.

    `words` are those that there are, by the member that takes one of them, to be told where it has another.
    Raises InvalidFile with the line of each that `read` has a ValueError for, or an OSError: of that no path is told.
    """
    faults: list[Fault] = []
    found: dict[str, T] = {}
    for name, node in _declarations(content, file, noun):
        try:
            if name in found:
                raise ValueError("declared twice")
            found[name] = read(name, _plain(node))
        except (ValueError, OSError) as error:
            # msgspec's errors name the member and the type: no value is shown but one in place of a word.
            said = "a file it names cannot be read" if isinstance(error, OSError) else str(error)
            faults.append(_fault(said, f"{noun}.{name}", node, words or {}))
    if faults:
        raise InvalidFile(file, faults)
    return found


def _fault(said: str, where: str, node: yaml.Node, words: Mapping[str, Iterable[str]]) -> Fault:
    """What was said, on the line of the member that it is about, which it names at its end or at its beginning."""
    at_end, at_start = _AT_END.search(said), _AT_START.match(said)
    path = at_end[1] if at_end is not None else f".{at_start[1]}" if at_start is not None else ""
    message, member = said if at_end is None else said[: at_end.start()], ""
    for name, number in _STEP.findall(path):
        member = name or member
        found = dict(_members(node)).get(name) if name else _item(node, int(number))
        if found is None:
            break
        node = found
    if message.startswith("Invalid enum value") and member in words:
        message = f"{message}: there are {', '.join(words[member])}"
    if at_end is not None and path:
        message = f"{path.lstrip('.')}: {message}"
    return Fault(node.start_mark.line + 1, node.start_mark.column + 1, where + path, message)


def _item(node: yaml.Node, number: int) -> yaml.Node | None:
    listed = node.value if isinstance(node, yaml.SequenceNode) else []
    return listed[number] if number < len(listed) else None


def _declarations(content: bytes, file: str, noun: str) -> Iterator[tuple[str, yaml.Node]]:
    try:
        root = yaml.compose(content, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise InvalidFile(file, [Fault(*at, "", f"not YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidFile(file, [Fault(1, 1, "", "not YAML")]) from error
    top = dict(_members(root))
    if set(top) != {noun} or not isinstance(top[noun], yaml.MappingNode):
        raise InvalidFile(file, [Fault(1, 1, "", f"the file has one key, `{noun}`, naming each of them")])
    yield from _members(top[noun])


def _members(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        members: dict[str, Any] = {}
        for key, value in _members(node):
            if key in members:
                raise ValueError(f"`{key}` is given twice")
            members[key] = _plain(value)
        return members
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each) for each in node.value]
    return SafeConstructor().construct_object(node)
