"""Giving callers up to others before stopping: balancers notice by `/readyz`, connections by `connection: close`."""


class Drain:
    """Whether it has begun, and how long it lasts. Until it is over, calls are taken as ever."""

    def __init__(self, lasts_s: float = 0.0) -> None:
        self.lasts_s = lasts_s
        self.begun = False
