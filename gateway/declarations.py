"""A YAML file in which the operator declares things by name, each with the line on which it stands.

Nothing is constructed from it but plain values, and a key given twice is a mistake, not a last word.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import yaml
from yaml.constructor import SafeConstructor

from gateway.errors import Fault, InvalidFile

T = TypeVar("T")


def declared(content: bytes, file: str, noun: str, read: Callable[[str, Any], T]) -> dict[str, T]:
    """Every declaration of a file (`NOUN: {name: {…}}`), by name; `read` makes it of its name and plain value.

    Raises InvalidFile with the line of each that `read` has a ValueError for, or an OSError: of that no path is told.
    """
    faults: list[Fault] = []
    found: dict[str, T] = {}
    for name, node in _declarations(content, file, noun):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        try:
            if name in found:
                raise ValueError("declared twice")
            found[name] = read(name, _plain(node))
        except (ValueError, OSError) as error:
            # msgspec's errors name the field and the type: no value is shown.
            said = "a file it names cannot be read" if isinstance(error, OSError) else str(error)
            faults.append(Fault(line, column, f"{noun}.{name}", said))
    if faults:
        raise InvalidFile(file, faults)
    return found


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
