"""Giving callers up to others before stopping: balancers notice by `/readyz`, connections by `connection: close`.

A connection whose client was not told is left open until it has been idle for as long as the drain lasts: closed at
once, it might be closed while a request was on its way (RFC 9112, section 9.5).
"""


class Drain:
    """Whether it has begun, and how long it lasts. Until it is over, calls are taken as ever."""

    def __init__(self, lasts_s: float = 0.0) -> None:
        self.lasts_s = lasts_s
        self.begun = False
