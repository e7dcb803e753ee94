"""`gateway serve`, from settings to the last connection closed."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Protocol

import msgspec
import structlog
import uvloop

from gateway.app import create_app, told_by_door, with_doors_first
from gateway.belonging import check_peppers, check_signing_key
from gateway.database.durability import check_durability
from gateway.database.engine import open_database
from gateway.database.exclusive import exclusively, made
from gateway.database.migrate import prepare
from gateway.demo import UPSTREAM, furnish
from gateway.errors import LedgerUnavailable, RecordEnded, SettingsInvalid, Stopping
from gateway.identity.keyring import Issued
from gateway.identity.peppers import open_peppers
from gateway.identity.store import is_empty
from gateway.inference.connector.upstreams import Upstream, read_upstreams, upstream_at
from gateway.inference.simulated.server import SimulatedModel
from gateway.installation import Installation
from gateway.ledger.checkpoints.checkpoint import verifiers_of
from gateway.ledger.checkpoints.kept import read_kept
from gateway.ledger.checkpoints.verifying import Forked, continues
from gateway.ledger.signing import open_signing_key
from gateway.logs import set_up_logs
from gateway.places import Places, places_within, raise_limit
from gateway.serving import Server, listening, make_server
from gateway.settings import Settings
from gateway.shipped import shipped

LAST_WORDS_S = 1
"""Of the time for answers under way, what is kept for ending them."""

log = structlog.get_logger()

COLLECT_AFTER = (10_000, 20, 20)
"""New objects, and collections of a younger generation, before one of an older."""


def serve(settings: Settings, *, demo: bool = False, upstream: str | None = None) -> None:
    """Run a gateway until it is told to stop. Raises SettingsInvalid where it cannot."""
    set_up_logs(settings.log_level, settings.log_format)
    upstreams, model = declared(settings), _named(upstream)  # before anything is made
    if demo:
        settings = msgspec.structs.replace(settings, weights=settings.weights or shipped("demo"))
    descriptors = raise_limit()
    with ExitStack() as held:
        made(settings.data)
        if settings.database.startswith("sqlite"):
            held.enter_context(exclusively(settings.data))
        uvloop.run(_serve(settings, upstreams, model, descriptors, demo=demo))


def declared(settings: Settings) -> Mapping[str, Upstream]:
    """The upstreams of the operator's file. Raises SettingsInvalid or InvalidFile."""
    if settings.upstreams is None:
        return {}
    try:
        content = settings.upstreams.read_bytes()
    except OSError as error:
        raise SettingsInvalid(
            f"The file of upstreams {settings.upstreams} cannot be read: {error.strerror}.",
            next_step="Let this process read it, or name another with GATEWAY_UPSTREAMS.",
        ) from None
    return read_upstreams(content, settings.upstreams)


def _named(upstream: str | None) -> Upstream | None:
    try:
        return None if upstream is None else upstream_at(UPSTREAM, upstream)
    except ValueError as error:
        raise SettingsInvalid(
            f"--upstream names no server: {error}.", next_step="Name its base URL, such as http://127.0.0.1:8000/v1."
        ) from None


async def _serve(
    settings: Settings, declared: Mapping[str, Upstream], model: Upstream | None, descriptors: int, *, demo: bool
) -> None:
    await prepare(settings.database)
    await _check_secrets(settings)
    await _check_continuity(settings)
    async with _with_demonstration(declared, model, demo=demo) as upstreams:
        installation = Installation(settings, upstreams, _show_once)
        await check_durability(installation.database)
        server = make_server(
            with_doors_first(create_app(installation), installation),
            told_by_door,
            graceful_s=settings.shutdown_s,
            places=Places(places_within(descriptors), installation.metrics.connection_refused),
            drain=installation.drain,
        )
        beside = [
            asyncio.create_task(
                _end_in_time(server, installation, settings.drain_s + settings.shutdown_s - LAST_WORDS_S)
            ),
            asyncio.create_task(_end_without_record(server, installation)),
        ]
        try:
            async with listening(server, settings.host, settings.port) as port:
                _settle_memory()
                if not server.should_exit:
                    await welcome(installation, _address(settings.host, port), demo=demo)
        finally:
            for task in beside:
                task.cancel()
        if installation.writer.has_given_up:
            raise _why_ended(installation)


async def _check_secrets(settings: Settings) -> None:
    """Raise SettingsInvalid where a file that belongs to a database in use is missing, or is that of another."""
    missing = [path for path in (settings.peppers_path, settings.signing_key_path) if not path.exists()]
    database = open_database(settings.database)
    try:
        in_use = not await database.read(is_empty)
        if in_use and not missing:
            await check_peppers(database, open_peppers(settings.peppers_path))
            await check_signing_key(database, open_signing_key(settings.signing_key_path))
    finally:
        await database.close()
    if in_use and missing:
        raise SettingsInvalid(
            f"The database is in use, and what belongs to it is missing: {' and '.join(map(str, missing))}.",
            next_step="Put it back from the backup. New peppers would verify no key, and a new signing key would sign"
            " another history.",
        )


async def _check_continuity(settings: Settings) -> None:
    """Raise Forked where the ledger does not go on from the checkpoints that the operator has kept.

    What is written into a ledger restored to before them would be another history; nothing has been by now.
    """
    if settings.checkpoints is None:
        return
    kept = read_kept(settings.checkpoints, verifiers_of(open_signing_key(settings.signing_key_path)))
    database = open_database(settings.database)
    try:
        verdict = await continues(database, kept)
    finally:
        await database.close()
    if verdict.fault:
        raise Forked(verdict.fault, next_step=verdict.next_step)
    log.info("ledger_continues", checkpoints=verdict.agreeing, entries=verdict.size, vouched=verdict.vouched)


class _Stoppable(Protocol):
    should_exit: bool


async def _end_in_time(server: _Stoppable, installation: Installation, after_s: float) -> None:
    """End what is under way so long after the server was told to stop, while there is time to say so and record it."""
    while not server.should_exit:
        await asyncio.sleep(0.1)
    await asyncio.sleep(after_s)
    installation.review.cut_everything(Stopping.code)


async def _end_without_record(server: Server, installation: Installation) -> None:
    """Stop at once where this process can never record again, so that whatever supervises it starts one that can.

    A process that others took for dead would otherwise refuse every call for as long as it lives. What it had open they
    have closed: it is cut, and there is no drain, since nobody is served any more.
    """
    while not installation.writer.has_given_up:
        await asyncio.sleep(0.1)
    installation.review.cut_everything(LedgerUnavailable.code)
    server.end_at_once(LAST_WORDS_S)


def _why_ended(installation: Installation) -> RecordEnded:
    if not installation.writer.fenced:
        return RecordEnded()
    return RecordEnded(
        "This gateway stood still for so long that the others took it for dead and closed what it had left open;"
        " it can record nothing any more, and has ended."
    )


@asynccontextmanager
async def _with_demonstration(
    declared: Mapping[str, Upstream], named: Upstream | None, *, demo: bool
) -> AsyncIterator[Mapping[str, Upstream]]:
    """The upstreams, with the one that the demonstration's releases name."""
    if not demo:
        yield declared
    elif named is not None:
        yield {**declared, UPSTREAM: named}
    else:
        model = SimulatedModel()
        try:
            yield {**declared, UPSTREAM: upstream_at(UPSTREAM, await model.start())}
        finally:
            await model.stop()


ONE_PERSON_WIDENS = (
    "A single provider's key can widen access alone: GATEWAY_CHANGES is direct. Set it to reviewed before anything is"
    " at stake."
)


async def welcome(installation: Installation, address: str, *, demo: bool) -> None:
    """Say where it serves, and what whoever runs it should know."""
    if demo:
        path = await furnish(installation, address)
        log.info("demonstration_ready", keys_and_models=str(path))
    log.info("serving", address=address, schema=f"{address}/schema")
    if installation.settings.changes == "direct":
        log.warning("one_person_widens", told=ONE_PERSON_WIDENS)


def _show_once(first: Issued) -> None:
    print(  # noqa: T201 - to whoever starts the gateway, and nowhere else
        f"The provider's first key, shown this once:\n\n    {first.token.reveal()}\n", flush=True
    )


def _settle_memory() -> None:
    """Take what was built at the start out of the collector's sight: it stays, and looking through it
    again and again cost a tenth of every call. What calls leave behind is looked through as before, less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{shown}:{port}"
