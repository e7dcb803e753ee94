"""How the Hub's clients are told: codes in headers that `huggingface_hub` turns into its own exceptions."""

import msgspec

from gateway.access.reasons import Reason
from gateway.access.refusals import Refused
from gateway.errors import GatewayError, NotFound, Unavailable

Headers = list[tuple[bytes, bytes]]

HIDDEN = "Repository not found, or you do not have access to it."


def failure(error: GatewayError, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error.

    Deny is 403 GatedRepo with the reason; hide is 404 RepoNotFound in constant shape, whatever is hidden; recall
    is 404 RevisionNotFound, the one answer that the official client does not paper over with a copy it kept.
    """
    status, code, message = error.status, "", error.sentence()
    if isinstance(error, Refused) and error.status == 404:
        code, message = "RepoNotFound", HIDDEN
    elif isinstance(error, Refused) and error.reasons[0] is Reason.RECALLED:
        status, code = 404, "RevisionNotFound"
    elif isinstance(error, Refused) and error.status == 403:
        code = "GatedRepo"
    elif isinstance(error, NotFound):
        code = {"entry_not_found": "EntryNotFound", "revision_not_found": "RevisionNotFound"}.get(
            error.code, "RepoNotFound"
        )
    body = msgspec.json.encode({"error": message, "code": error.code})
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"x-error-message", _header_text(message)),
    ]
    if code:
        headers.append((b"x-error-code", code.encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    retry_after_s = error.retry_after_s if isinstance(error, Refused | Unavailable) else None
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    return status, headers, body


def _header_text(message: str) -> bytes:
    """One line of printable ASCII: a header can carry nothing else."""
    return "".join(c if " " <= c <= "~" else "?" for c in message.replace("\n", " ")).encode("ascii")
