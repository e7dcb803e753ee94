"""What watches the gateway, and what it is held against: the collector of traces, kept checkpoints of the ledger."""

from importlib.util import find_spec
from urllib.parse import urlsplit

from gateway.database.engine import open_database
from gateway.errors import GatewayError
from gateway.examination.asking import Unanswered, ask
from gateway.examination.findings import Finding, amiss, odd, well, wrong
from gateway.ledger.checkpoints.checkpoint import verifiers_of
from gateway.ledger.checkpoints.kept import read_kept
from gateway.ledger.checkpoints.verifying import continues
from gateway.ledger.signing import open_signing_key
from gateway.settings import Settings, traces_unsent

LIBRARY = "opentelemetry.exporter.otlp.proto.http"
_NOT_THERE = frozenset({404, 405})


async def look_at_collector(settings: Settings) -> Finding | None:
    """Whether traces can be sent, where they are wanted. Nothing is told of a call; calls go on without."""
    endpoint = settings.traces_endpoint
    if not endpoint:
        unsent = traces_unsent()
        return odd("traces", unsent, _SPOKEN) if unsent else None
    if not _is_installed():
        return odd("traces", "The library that sends them is not installed.", "Install `release-gateway[traces]`.")
    if urlsplit(endpoint).path in {"", "/"}:
        return odd("traces", f"{endpoint} names no path: traces are sent to `/`, where no collector takes them.", _STEP)
    try:
        told = await ask(endpoint, post=b"")  # an export of nothing, which a collector takes
    except Unanswered as error:
        return odd("traces", f"{endpoint} cannot be reached: {error}.", _STEP)
    if told.status in _NOT_THERE or told.status >= 500:
        return odd("traces", f"What is at {endpoint} takes no traces: status {told.status}.", _STEP)
    return well("traces", f"{endpoint} can be reached.")


_SPOKEN = "Set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf and name the collector's port for it, which is 4318."
_STEP = "Start the collector with OTLP over HTTP, or mend GATEWAY_TRACES_ENDPOINT, which ends in /v1/traces."


async def look_at_checkpoints(settings: Settings) -> Finding:
    """Whether the ledger goes on from the checkpoints that were kept."""
    assert settings.checkpoints is not None, "looked at where there are any"
    if not settings.signing_key_path.exists():
        return wrong("checkpoints", "Without the signing key nobody can tell whose they are.", "Put the key back.")
    try:
        kept = read_kept(settings.checkpoints, verifiers_of(open_signing_key(settings.signing_key_path)))
    except GatewayError as error:
        return amiss("checkpoints", error)
    database = open_database(settings.database)
    try:
        verdict = await continues(database, kept)
    except Exception as error:  # whatever a driver raises
        return wrong("checkpoints", f"The ledger cannot be read: {type(error).__name__}.", "Look at the database.")
    finally:
        await database.close()
    if verdict.fault:
        return wrong("checkpoints", verdict.fault, verdict.next_step)
    return well(
        "checkpoints", f"The ledger goes on from all {verdict.agreeing}, the last of which has {verdict.vouched}."
    )


def _is_installed() -> bool:
    try:
        return find_spec(LIBRARY) is not None
    except ModuleNotFoundError:
        return False
