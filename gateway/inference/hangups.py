"""Hanging up on a client, so that nothing arrives any more: neither what the gateway holds nor what the kernel does.

An orderly close hands over, minutes later if need be, all that was written; so does an abort, of what the kernel has
taken. Only a reset drops it (`SO_LINGER` of 0 s, socket(7)).
"""

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_AT_ONCE = struct.pack("ii", 1, 0)


class Hangup:
    """One client's connection, as far as ending it goes. Calling it ends it; from then on nothing arrives."""

    __slots__ = ("_abort",)

    def __init__(self, extensions: dict[str, Any]) -> None:
        """`extensions` are the request's; where the server has no `abort`, nothing can be hung up."""
        self._abort: Callable[[], None] = extensions.get("abort", _nothing)

    def __call__(self) -> None:
        """Drop whatever was not taken, and the connection."""
        number = _number(self._transport())
        if number >= 0:
            with suppress(OSError):  # without it, what the kernel holds may still arrive
                same = socket.socket(fileno=os.dup(number))
                with same:
                    same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._abort()

    def untaken(self) -> int:
        """Bytes that were written to the client and that its system has not acknowledged; 0 where nobody can tell."""
        transport = self._transport()
        number = _number(transport)
        if number < 0:
            return 0
        held: int = transport.get_write_buffer_size()
        with suppress(OSError):  # a system that does not tell (tcp(7), SIOCOUTQ)
            held += int(struct.unpack("i", fcntl.ioctl(number, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
        return held

    def _transport(self) -> Any:
        """The connection's transport, which `abort` is a method of; None where it is of something else."""
        owner = getattr(self._abort, "__self__", None)
        return owner if hasattr(owner, "get_extra_info") else None


def _number(transport: Any) -> int:
    """The socket's file descriptor; -1 where there is none, or no longer."""
    if transport is None or transport.is_closing():
        return -1
    opened = transport.get_extra_info("socket")
    return -1 if opened is None else int(opened.fileno())


def _nothing() -> None:
    """Where the server cannot abort, leaving the answer incomplete has to do."""
