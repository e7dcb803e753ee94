"""Which servers the gateway may connect to: declared by the operator, parsed once, chosen by no caller."""

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from gateway.declarations import declared

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_CREDENTIAL = re.compile(r"[!-~]{1,4096}")

Seconds = float


class Credential:
    """What proves the gateway to an upstream. It is written on the wire and shown nowhere else."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        """The secret itself, for the request's head only."""
        return self._secret

    def __repr__(self) -> str:
        return "Credential(…)"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the gateway one upstream may hold, and for how long."""

    connections_max: int = 256
    wait_s: Seconds = 2.0
    """How long a call waits for a connection to come free."""
    connect_s: Seconds = 5.0
    first_byte_s: Seconds = 300.0
    """Until the answer's head is complete; a plain answer is computed whole before that."""
    idle_s: Seconds = 60.0
    """Between two pieces of an answer."""
    total_s: Seconds = 900.0
    drain_s: Seconds | None = None
    """How long a stream is read on for its cost alone, once its client has gone; as long as `total_s` where left out.
    Beyond it the cost is not known, and what was taken for the call stays taken."""
    keep_alive_s: Seconds = 4.0
    """How long an idle connection is kept. Many servers close after 5 s: be the first to go."""
    answer_bytes_max: int = 32 * 1024 * 1024
    """Of a plain answer; a stream is bounded by time and by what is buffered."""


class Upstream(msgspec.Struct, frozen=True):
    """One OpenAI-speaking server."""

    name: str
    secure: bool
    host: str
    port: int
    prefix: str
    """Path of the base URL, such as `/v1`, without a slash at the end."""
    credential: Credential | None = None
    ca_file: str | None = None
    """Certificates to trust in place of the system's."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """By which name this server reads the most of a chat's answer, where an obligation bounds it."""
    traceparent: bool = False
    """Whether it is told which trace a call belongs to: the gateway's own where calls are traced, else the caller's."""
    limits: Limits = Limits()

    @property
    def authority(self) -> str:
        """Host and port as the `host` header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def upstream_at(name: str, url: str, credential: str | None = None, **more: Any) -> Upstream:
    """An upstream by its base URL, as a client would be given it (`http://127.0.0.1:8000/v1`). Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name is 1 to 63 of a-z, 0-9, dot, dash and underscore")
    parts = _split(url)
    host = parts.hostname or ""
    prefix = parts.path.rstrip("/")
    if not _HOST.fullmatch(host) or host.startswith("."):
        raise ValueError("the host of the URL is missing or cannot be a host's name")
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("the path of the URL may hold plain segments only")
    if credential is not None and not _CREDENTIAL.fullmatch(credential):
        raise ValueError("a credential is printable ASCII without spaces")
    secure = parts.scheme == "https"
    port = parts.port if parts.port is not None else (443 if secure else 80)
    secret = Credential(credential) if credential is not None else None
    return Upstream(name, secure, host, port, prefix, secret, **more)


def _split(url: str) -> SplitResult:
    if not url.isascii() or any(character.isspace() for character in url):
        raise ValueError("a URL is ASCII without spaces")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("a base URL starts with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a credential does not belong in the URL; use `credential_file`")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("a base URL has neither query nor fragment")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port of the URL is no number from 1 to 65535")
    return parts


class _Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    credential: str | None = None
    credential_file: str | None = None
    ca_file: str | None = None
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    traceparent: bool = False
    limits: Limits = Limits()


def read_upstreams(content: bytes, file: Path) -> dict[str, Upstream]:
    """Every upstream of the operator's file (`upstreams: {name: {url: …}}`), by name.

    Files it names are looked for beside it. Raises InvalidFile with the line of each mistake.
    """

    def read(name: str, plain: Any) -> Upstream:
        return _upstream(name, msgspec.convert(plain, _Declared), file.parent)

    return declared(content, file.name, "upstreams", read)


def _read(field: str, path: str, folder: Path) -> str:
    """What is in a file that a declaration names. Raises ValueError with the path as it stands there, and no more."""
    try:
        return (folder / path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ValueError(f"`{field}` names {path!r}, which cannot be read: {error.strerror}") from None


def _upstream(name: str, given: _Declared, folder: Path) -> Upstream:
    if given.credential is not None and given.credential_file is not None:
        raise ValueError("give `credential` or `credential_file`, not both")
    credential = given.credential
    if given.credential_file is not None:
        credential = _read("credential_file", given.credential_file, folder).strip()
    ca_file = None
    if given.ca_file is not None:
        _read("ca_file", given.ca_file, folder)
        ca_file = str((folder / given.ca_file).resolve())
    for field, value in msgspec.structs.asdict(given.limits).items():
        if value is not None and not 0 < value < 2**31:
            raise ValueError(f"`limits.{field}` must be above 0 and below 2147483648")
    return upstream_at(
        name,
        given.url,
        credential,
        ca_file=ca_file,
        output_limit=given.output_limit,
        traceparent=given.traceparent,
        limits=given.limits,
    )
