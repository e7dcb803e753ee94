"""Writes the chart's `settings` into helm/values.schema.json, from the gateway's own: `make helm-schema`."""

import json
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from gateway.settings import Settings

SCHEMA = Path(__file__).parents[1] / "helm" / "values.schema.json"

OF_THE_CHART = {
    "data", "database_url", "database_password_file", "port", "judge", "opa_url", "opa_token_file", "policies",
    "upstreams", "weights", "key_pepper_file", "signing_key_file", "token_keys_file", "identity_providers", "issuers",
}  # fmt: skip
"""What follows from other values, so that nobody sets it a second time."""


def settings_schema() -> dict[str, Any]:
    """The schema of `settings`: every setting by its name, but those that the chart makes itself."""
    fields = [field for field in msgspec.structs.fields(Settings) if field.name not in OF_THE_CHART]
    properties = {field.name: _shape(field.type) for field in fields}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def with_settings(schema: dict[str, Any]) -> str:
    """The whole file, with `settings` as they are now."""
    schema["properties"]["settings"] = settings_schema()
    return json.dumps(schema, indent=2) + "\n"


def _shape(kind: Any) -> dict[str, Any]:
    """What a value may be; a path of a file that a volume brings is a text."""
    if Path in (kind, *get_args(kind)):
        return {"type": "string", "pattern": "^/"}
    shape = msgspec.json.schema(kind)
    return {name: value for name, value in shape.items() if name in _KEPT} if get_origin(kind) else shape


_KEPT = {"type", "enum", "minimum", "maximum", "maxLength"}


def main() -> int:
    """Write the file; 1 where it had to be changed and `--check` was asked."""
    had = SCHEMA.read_text("utf-8")
    wanted = with_settings(json.loads(had))
    if "--check" in sys.argv[1:]:
        return int(had != wanted)
    SCHEMA.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
