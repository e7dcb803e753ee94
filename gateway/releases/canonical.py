"""Values as they are hashed: what is left at its default is left out, so that a field added later changes nothing."""

from functools import cache
from typing import Any

import msgspec


def without_defaults(value: object) -> object:
    """The value with each field that equals its default left out.

    msgspec's own `omit_defaults` leaves out only the very object that is the default: a text that
    was read from a file and says the same is written.
    """
    if isinstance(value, msgspec.Struct):
        held = {name: (getattr(value, name), default) for name, default in _defaults(type(value)).items()}
        told = {name: without_defaults(own) for name, (own, default) in held.items() if own != default}
        kind = value.__struct_config__
        return told if kind.tag_field is None else {kind.tag_field: kind.tag, **told}
    if isinstance(value, dict):
        return {key: without_defaults(own) for key, own in value.items()}
    if isinstance(value, tuple):
        return [without_defaults(own) for own in value]
    return value


@cache
def _defaults(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Each field's default, in order. Asked once a kind: its annotations are evaluated for it."""
    return {field.name: _default(field) for field in msgspec.structs.fields(kind)}


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default_factory() if callable(field.default_factory) else field.default
