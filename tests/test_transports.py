"""Reading that stays paused, whoever would resume it."""

from typing import Any, cast

from gateway.transports import Flow


class Transport:
    """Remembers whether it reads."""

    reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


def test_reading_that_is_held_is_resumed_by_letting_go_alone() -> None:
    transport = Transport()
    flow = Flow(cast("Any", transport))

    flow.hold_reading()
    flow.resume_reading()
    held = transport.reads
    flow.let_go_reading()
    let_go = transport.reads
    flow.pause_reading()
    flow.resume_reading()

    assert (held, let_go, transport.reads) == (False, True, True)
