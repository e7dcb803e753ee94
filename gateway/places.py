"""How many connections a process may hold: fewer than it has file descriptors for, so that none is ever missing.

Where they run out, connections are dropped unheard, and calls already admitted cannot reach their upstream.
"""

import resource
from collections.abc import Callable

import structlog

log = structlog.get_logger()

DESCRIPTORS_MAX = 1 << 20
"""No more than so many are asked for, whatever the system would give."""

KEPT_BACK = 128
"""Of the descriptors, what the database, the log and files being read need."""

PER_CONNECTION = 2
"""Its own, and one to an upstream."""


def raise_limit() -> int:
    """Raise this process's limit of file descriptors as far as it may; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # a system that names a limit and does not grant it
            return soft
        return wanted
    return DESCRIPTORS_MAX if soft == resource.RLIM_INFINITY else soft


def places_within(descriptors: int) -> int:
    """How many connections so many file descriptors suffice for."""
    return max(1, (descriptors - KEPT_BACK) // PER_CONNECTION)


class Places:
    """The places for connections of one process."""

    def __init__(self, most: int, count_refused: Callable[[], None] | None = None) -> None:
        self.most = most
        self._count_refused = count_refused
        self._was_full = False

    def has_room(self, taken: int) -> bool:
        """Whether one more connection may be held beside so many; says once that none may, until one may again."""
        if taken < self.most:
            self._was_full = self._was_full and taken > self.most // 2
            return True
        if self._count_refused is not None:
            self._count_refused()
        if not self._was_full:
            self._was_full = True
            log.error(
                "connections_exhausted",
                most=self.most,
                next_step="Raise the limit of open files (ulimit -n, LimitNOFILE=) of the process.",
            )
        return False
