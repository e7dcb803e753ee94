"""What can go wrong between the gateway and an upstream, told apart by whether the upstream can have been asked."""

from gateway.errors import UpstreamFailed


class Unreached(UpstreamFailed):
    """The request was never written, so nothing can have been computed or charged."""

    code = "upstream_unreachable"
    message = "The model's server could not be reached."


class Busy(Unreached):
    """Every connection allowed to this upstream is in use and none came free in time."""

    status = 503
    code = "upstream_busy"
    message = "The model's server is busy."
    retry_after_s = 1


class BrokenAnswer(UpstreamFailed):
    """The upstream answered in a way that HTTP/1.1, or this gateway, does not allow."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"The model's server did not give a usable answer: {fault}.")
        self.fault = fault
        """Which rule was broken, in a few words of ours; never a byte of the answer."""
