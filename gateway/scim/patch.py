"""A resource changed in part: add, replace and remove, by paths and filters. Pure: a new resource, or an error.

RFC 7644, section 3.5.2; and the spellings that Entra ID and Okta send: operations with a capital, `"False"` for false,
values without a path whose names are paths themselves, members to be removed named in the value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.errors import Invalid
from gateway.identity.provisioning.conditions import Comparison, Condition, Some, comparisons, holds
from gateway.scim.attributes import Attribute, Kind
from gateway.scim.filters import read_filter, without_schema
from gateway.scim.resources import checked, same

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

OPERATIONS_MAX = 1_000
TERMS_MAX = 2_000
"""Comparisons in all the filters of one patch."""
COMPARED_MAX = 10_000
"""Comparisons that filters may ask for, each against every value there is: some hundredths of a second. The record of
every call waits for as long as a patch takes."""
_PATH = re.compile(r"(?P<name>[A-Za-z$][\w$-]*)(?:\[(?P<filter>.*)\])?(?:\.(?P<part>[A-Za-z$][\w$-]*))?", re.DOTALL)

Resource = Mapping[str, Any]


class Path(msgspec.Struct, frozen=True):
    """Where an operation acts."""

    attribute: Attribute
    condition: Condition | None = None
    part: str = ""
    """Of an attribute that has parts, as it is named; empty for all of it."""


class Operation(msgspec.Struct, frozen=True):
    """One step of a patch."""

    name: str
    """add, replace or remove."""
    path: Path
    value: Any = None


def read_patch(body: Mapping[str, Any], kind: Kind) -> list[Operation]:
    """The steps that a body says, in order, without those on what is not kept. Raises Invalid."""
    given = {name.lower(): value for name, value in body.items()}
    listed = given.get("operations")
    schemas = given.get("schemas")
    if not isinstance(schemas, list) or PATCH not in schemas:
        raise Invalid(f"A patch has `{PATCH}` among its `schemas`.", code="invalidSyntax")
    if not isinstance(listed, list) or not listed:
        raise Invalid("A patch has a list of `Operations`.", code="invalidSyntax")
    if len(listed) > OPERATIONS_MAX:
        raise Invalid(f"A patch has at most {OPERATIONS_MAX} operations.", code="tooMany")
    steps = list[Operation]()
    terms = 0
    for each in listed:
        said = _steps(each, kind)
        terms += sum(1 for step in said if step.path.condition for _ in comparisons(step.path.condition))
        if terms > TERMS_MAX:
            raise Invalid(f"A patch has at most {TERMS_MAX} comparisons in its filters.", code="tooMany")
        steps += said
    return steps


def patched(resource: Resource, steps: Sequence[Operation]) -> dict[str, Any]:
    """The resource with every step taken. Raises Invalid, and then none is; at once where they cost too much."""
    _check_cost(resource, steps)
    changed = dict(resource)
    for step in steps:
        _take(changed, step)
    return {name: [*said.values()] if isinstance(said, _Values) else said for name, said in changed.items()}


def _check_cost(resource: Resource, steps: Sequence[Operation]) -> None:
    sought = [step for step in steps if step.path.condition and named_in(step.path.condition) is None]
    terms = sum(1 for step in sought if step.path.condition for _ in comparisons(step.path.condition))
    values = sum(len(resource.get(name, ())) for name in {step.path.attribute.name for step in sought})
    values += sum(len(step.value) for step in steps if sought and isinstance(step.value, list))
    if terms * values > COMPARED_MAX:
        raise Invalid(
            "The filters of this patch compare more than can be worked out while it is written.",
            code="tooMany",
            next_step='Name each member that is meant: `members[value eq "…"]`, or in the `value` of the operation.',
        )


class _Values(dict[str, dict[str, Any]]):
    """The values of an attribute that has several, by what each is: many steps on many of them take no longer."""


def _steps(listed: Any, kind: Kind) -> list[Operation]:
    if not isinstance(listed, Mapping):
        raise Invalid("An operation is an object.", code="invalidSyntax")
    given = {name.lower(): value for name, value in listed.items()}
    name, path, value = given.get("op"), given.get("path"), given.get("value")
    if not isinstance(name, str) or name.lower() not in {"add", "replace", "remove"}:
        raise Invalid("The `op` of an operation is add, replace or remove.", code="invalidSyntax")
    name = name.lower()
    if path is not None and not isinstance(path, str):
        raise Invalid("The `path` of an operation is a text.", code="invalidPath")
    if path:
        found = path_of(path, kind)
        return [] if found is None else [Operation(name, found, value)]
    if name == "remove":
        raise Invalid("What is removed is named by a `path`.", code="noTarget")
    if not isinstance(value, Mapping):
        raise Invalid("Without a `path`, the `value` is an object.", code="invalidValue")
    steps = []
    for each, said in _flat(value, kind):
        found = path_of(each, kind)
        if found is not None:
            steps.append(Operation(name, found, said))
    return steps


def _flat(value: Mapping[str, Any], kind: Kind) -> list[tuple[str, Any]]:
    """Each name with its value; what stands in an object under the name of the schema stands for itself."""
    listed: list[tuple[str, Any]] = []
    for name, said in value.items():
        if name.lower() == kind.schema.lower() and isinstance(said, Mapping):
            listed += said.items()
        else:
            listed.append((name, said))
    return listed


def path_of(text: str, kind: Kind) -> Path | None:
    """Where a path leads; None where to what is not kept. Raises Invalid (`invalidPath`) where nowhere."""
    text = text.strip()
    if kind.is_unkept(text):
        return None
    found = _PATH.fullmatch(_within_schema(text))
    if found is None:
        raise Invalid("The path cannot be read.", code="invalidPath")
    if kind.is_unkept(found["name"]):
        return None
    attribute = kind.find(found["name"])
    if attribute is None:
        raise Invalid(f"A {kind.name} has no attribute of that path.", code="invalidPath")
    filtered, part = found["filter"], (found["part"] or "").lower()
    names = {each.name.lower() for each in attribute.parts}
    if (filtered is not None and not attribute.multi_valued) or (part and part not in names and attribute.parts):
        raise Invalid(f"`{attribute.name}` has no such part.", code="invalidPath")
    if part and not attribute.parts and not attribute.is_read_only:
        raise Invalid(f"`{attribute.name}` has no parts.", code="invalidPath")
    return Path(attribute, None if filtered is None else read_filter(filtered), part)


def _within_schema(text: str) -> str:
    """The path without the schema before it, leaving alone what stands in a filter."""
    head, bracket, rest = text.partition("[")
    return without_schema(head) + bracket + rest


def _take(resource: dict[str, Any], step: Operation) -> None:
    attribute = step.path.attribute
    name = attribute.name
    if name == "schemas":
        return  # every resource here has one schema, whatever is said of it
    if attribute.is_read_only:
        if step.name != "remove" and not step.path.part and same(resource.get(name), step.value):
            return  # Okta sends a group's id with its new name
        raise Invalid(f"`{name}` is not to be changed by a client.", code="mutability")
    if attribute.multi_valued:
        resource[name] = _values(resource.get(name, []), step)
    elif step.name == "remove" or step.value is None:
        if attribute.required:
            raise Invalid(f"`{name}` cannot be without a value.", code="mutability")
        resource.pop(name, None)
    else:
        resource[name] = checked(attribute, step.value)


def _values(standing: list[dict[str, Any]] | _Values, step: Operation) -> _Values:
    """The values of an attribute that has several, after a step."""
    path, attribute = step.path, step.path.attribute
    values = standing if isinstance(standing, _Values) else _Values((each["value"], each) for each in standing)
    if path.part and not (step.name == "remove" and path.condition is not None):
        raise Invalid(f"A part of one of the `{attribute.name}` is not to be changed by itself.", code="mutability")
    if step.name == "remove":
        return _without(values, _chosen(values, step))
    new: list[dict[str, Any]] = checked(attribute, step.value)
    if step.name == "replace":
        chosen = _chosen(values, msgspec.structs.replace(step, value=None))
        if path.condition is not None and not chosen:
            raise Invalid(f"None of the `{attribute.name}` is meant by the path.", code="noTarget")
        values = _without(values, chosen)
    for each in new:
        values.setdefault(each["value"], each)
    return values


def _chosen(values: _Values, step: Operation) -> list[str]:
    """Which values a step is about: those that the path means, those that its value names, or all."""
    condition = step.path.condition
    if condition is not None:
        named = named_in(condition)
        if named is not None:
            return [each for each in named if each in values]
        return [value for value, each in values.items() if holds(condition, each)]
    if step.value in (None, "", []):
        return [*values]
    return [each["value"] for each in checked(step.path.attribute, step.value) if each["value"] in values]


def _without(values: _Values, chosen: list[str]) -> _Values:
    for value in chosen:
        del values[value]
    return values


def named_in(condition: Condition) -> list[str] | None:
    """The values that a filter means by name, `value eq "…" or value eq "…"`; None where they have to be looked for."""
    match condition:
        case Comparison("value", "eq", str(value)):
            return [value]
        case Some(parts):
            named = [named_in(part) for part in parts]
            if all(each is not None for each in named):
                return [*dict.fromkeys(value for each in named if each for value in each)]
    return None
