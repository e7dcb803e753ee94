"""Structured logs: one line an event, for machines as JSON and for people on a terminal.

Invariant: no line holds content or a secret, and no value can end a line or begin another. Of an
exception its type and place are told, never its message, which may quote what a caller sent.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

TEXT_MAX = 500
"""Longer values are cut: no event of ours needs them."""

FRAMES_MAX = 12
"""Of a traceback, counted from where it was raised."""

TALKATIVE = ("httpx", "httpcore", "asyncio", "aiohttp", "alembic", "sqlalchemy", "uvicorn.access")
"""Libraries of which only warnings are wanted."""

_KEY = re.compile(r"\brsg_\w+")
_SESSION = re.compile(r"\b(session_[0-9a-f]{24})\.[\w-]+")
_TOKEN = re.compile(r"\be[yw][\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
"""A signed token, ours or another issuer's, or what is left of one that was cut."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _StandardError(logging.Handler):
    """Standard error as it is when something is logged: whoever runs a command may have put another in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """A line, at once."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # as every handler does: who logs is never stopped by it
            self.handleError(record)


def set_up_logs(level: Level, form: Format, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process, by us or by a library, to the stream in one form.

    No stream: standard error.
    """
    is_terminal = (stream or sys.stderr).isatty()
    for_people = form == "console" or (form == "auto" and is_terminal)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_exception,
        _harmless,
    ]
    written: Processor = structlog.dev.ConsoleRenderer(colors=is_terminal) if for_people else _json
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, written],
            foreign_pre_chain=[_first_line, structlog.stdlib.add_logger_name, *shared],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _first_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Libraries put the exception's own words on later lines."""
    event["event"] = str(event.get("event", "")).partition("\n")[0]
    return event


def _place_of_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into the type of the exception and the road to where it was raised."""
    error = _raised(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
        event["exception"] = type(error).__name__
        event["raised_at"] = " < ".join(f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
    return event


def _raised(exc_info: bool | BaseException | ExcInfo | None) -> BaseException | None:
    if exc_info is True:
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        return exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _short(filename: str) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:])


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {_text(key): value if key.startswith("_") else _plain(value) for key, value in event.items()}


def _plain(value: Any) -> Any:
    """The value as something that can be written on one line; of what is not plain, only the type."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:20]]
    if isinstance(value, MutableMapping):
        return {_text(str(key)): _plain(item) for key, item in list(value.items())[:20]}
    return f"<{type(value).__name__}>"


def _text(value: str) -> str:
    shown = value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]}…"
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", _without_secrets(shown))


def _without_secrets(text: str) -> str:
    return _SESSION.sub(r"\1.…", _TOKEN.sub("ey…", _KEY.sub("rsg_…", text)))


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return msgspec.json.encode(event).decode()
