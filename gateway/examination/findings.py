"""What looking at one part came to."""

from enum import StrEnum

import msgspec

from gateway.errors import GatewayError, InvalidFile


class State(StrEnum):
    """How a part was found."""

    WELL = "well"
    ODD = "odd"
    """The gateway can do its duty, and somebody should look into it."""
    WRONG = "wrong"
    """The gateway does not start, or refuses calls or people that it should let in."""


class Finding(msgspec.Struct, frozen=True):
    """One part, how it was found, and what to do where that is not well. Never holds a secret."""

    part: str
    state: State
    said: str
    next_step: str = ""
    serves: bool = True
    """False where the gateway does not start because of it, or refuses every call."""


def well(part: str, said: str) -> Finding:
    """A part that is as it should be."""
    return Finding(part, State.WELL, said)


def odd(part: str, said: str, next_step: str) -> Finding:
    """A part to be looked into."""
    return Finding(part, State.ODD, said, next_step)


def wrong(part: str, said: str, next_step: str) -> Finding:
    """A part that keeps the gateway from starting, or every call from being served."""
    return Finding(part, State.WRONG, said, next_step, serves=False)


def away(part: str, said: str, next_step: str) -> Finding:
    """A part elsewhere, without which the gateway serves whatever does not need it."""
    return Finding(part, State.WRONG, said, next_step)


def amiss(part: str, error: GatewayError) -> Finding:
    """What an error of the gateway's own says, which never quotes a secret."""
    if isinstance(error, InvalidFile):
        faults = "; ".join(f"line {fault.line}: {fault.where}: {fault.message}" for fault in error.faults)
        return wrong(part, f"{error.name} has mistakes: {faults}", "Mend the file.")
    return wrong(part, error.message, error.next_step)
