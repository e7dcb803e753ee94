"""One thing that could be otherwise about a use, and how the use then is. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.access.explanations import Step
from gateway.access.standing import Use
from gateway.clock import Moment


class Asked(msgspec.Struct, frozen=True):
    """A use, and the moment at which it is asked about."""

    use: Use
    moment: Moment


class Candidate(msgspec.Struct, frozen=True):
    """One thing that could be otherwise."""

    step: Step
    change: Callable[[Asked], Asked]
    excludes: str = ""
    """Of candidates that name the same here, only one can be so."""


def with_caller(asked: Asked, **differences: Any) -> Asked:
    """The same use by a caller that differs so."""
    return _using(asked, caller=msgspec.structs.replace(asked.use.caller, **differences))


def with_holdings(asked: Asked, **differences: Any) -> Asked:
    """The same use by an organisation that holds otherwise."""
    return _using(asked, holdings=msgspec.structs.replace(asked.use.holdings, **differences))


def with_release(asked: Asked, **differences: Any) -> Asked:
    """The same use of a release that stands otherwise."""
    return _using(asked, in_force=msgspec.structs.replace(asked.use.in_force, **differences))


def _using(asked: Asked, **differences: Any) -> Asked:
    return msgspec.structs.replace(asked, use=msgspec.structs.replace(asked.use, **differences))
