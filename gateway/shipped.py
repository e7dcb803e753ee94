"""What ships beside the code, found in an installed package and in a checkout alike."""

from pathlib import Path
from typing import Literal

Shipped = Literal["policies", "migrations", "demo", "presets", "templates"]

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {
    "policies": "policies",
    "migrations": "migrations",
    "demo": "examples/demo",
    "presets": "examples/presets",
    "templates": "examples/templates",
}


def shipped(what: Shipped) -> Path:
    """The folder of policies, migrations, demonstration releases, presets or templates that came with this code."""
    installed = _PACKAGE / "_shipped" / what
    return installed if installed.is_dir() else _PACKAGE.parent / _IN_CHECKOUT[what]
