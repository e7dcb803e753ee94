"""What a request's head must say so that nobody reads its message otherwise than the gateway does.

RFC 9112, sections 3.2 (Host) and 6 (Transfer-Encoding); RFC 9110, sections 7.8 (Upgrade) and 10.1.1 (Expect).
"""

from collections.abc import Iterable, Sequence

from gateway.errors import Invalid

Header = tuple[bytes, bytes]

TELLING = frozenset({b"host", b"transfer-encoding", b"expect"})
"""Headers that `check` asks for, each as often as it was sent."""

BEFORE_CHUNKS = frozenset({"0.9", "1.0"})
"""Versions that know no chunks, need no host and wait for no word to go on."""


def malformed(message: str) -> Invalid:
    """The refusal of what is no HTTP, or could be read in two ways."""
    return Invalid(message, code="malformed_http")


def check(version: str, told: Sequence[Header]) -> bool:
    """Whether the client waits to be told to go on. Raises Invalid where host or bounds can be read two ways."""
    if len(told) == 1 and told[0][0] == b"host":
        return False  # nearly always
    hosts = sum(name == b"host" for name, _ in told)
    if hosts > 1 or (not hosts and version not in BEFORE_CHUNKS):
        raise malformed("A request names its host exactly once (RFC 9112, section 3.2).")
    codings = [value.strip().lower() for name, value in told if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or version in BEFORE_CHUNKS):
        raise malformed("The one transfer coding taken is chunked, once, and in HTTP/1.1 (RFC 9112, section 6.1).")
    if version in BEFORE_CHUNKS:
        return False
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in told)


def without_upgrade(method: bytes, url: bytes, version: str, headers: Iterable[Header]) -> bytes:
    """A head as it was sent, but for its wish for another protocol, which a server may overlook."""
    kept = b"".join(b"%b: %b\r\n" % header for header in headers if header[0] != b"upgrade")
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version.encode("ascii"), kept)
