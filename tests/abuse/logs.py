"""The log as the gateway writes it, caught for the length of a block."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from gateway.logs import set_up_logs


@contextmanager
def captured_logs() -> Iterator[io.StringIO]:
    """Everything logged meanwhile, in full detail, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    set_up_logs("debug", "json", stream)
    try:
        yield stream
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
