"""The catalogue of releases: files are validated, applied as immutable versions, and read back.

A version is applied here at once, without review; access/changing.py brings in what was planned and approved.
Every mutation is one transaction with its entry in the ledger.
"""

import asyncio
from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases import store
from gateway.releases.files import Reading, read_release
from gateway.releases.schedules import Present
from gateway.releases.shelves import Shelf
from gateway.releases.strategies import AccessLevel, Strategy
from gateway.releases.versions import Release, StrategyVersion

PAGE_MAX = 200


class Applied(msgspec.Struct, frozen=True):
    """What applying a file came to."""

    version: StrategyVersion
    changed: bool
    """False where this very strategy was in force already: nothing was written."""


class Catalogue:
    """Every release, its versions, and the documents they pin."""

    def __init__(
        self,
        database: Readable,
        ledger: Ledger,
        upstreams: Collection[str] | None = None,
        *,
        shelf: Shelf | None = None,
        only_reviewed: bool = False,
    ) -> None:
        """`upstreams` are the names that the operator declared, `shelf` where weights lie; None: unchecked.

        Where only what was reviewed may come into force, `apply` takes closed first versions alone.
        """
        self._shelf = shelf
        self._database = database
        self._ledger = ledger
        self._upstreams = upstreams
        self._only_reviewed = only_reviewed

    async def read(self, content: bytes, documents: Mapping[str, bytes], name: str = "release.yaml") -> Reading:
        """Read a file and note its mistakes; a long one is read on a thread of its own."""
        return await asyncio.to_thread(
            read_release, content, documents, name=name, upstreams=self._upstreams, shelf=self._shelf
        )

    async def validate(self, reading: Reading, moment: Moment, *, adopt: bool = False) -> Strategy:
        """The strategy a file would put in force now; nothing is written. Raises InvalidFile with every mistake."""
        in_force = await self.find(reading.release)
        return reading.strategy_at(Present(moment, in_force.strategy if in_force else None, adopt))

    async def apply(
        self, actor: Actor, reading: Reading, moment: Moment, *, base: str | None = None, adopt: bool = False
    ) -> Applied:
        """Put a file in force as the next version of its release.

        `base` is the digest the author saw in force, empty for none, None for whatever is: another one in
        force is a Conflict. `adopt` lets a first version say what had opened already, and is recorded.
        Raises InvalidFile with every mistake, and Forbidden for what must be planned and approved here.
        """

        def work(connection: Connection) -> tuple[Applied, list[Act]]:
            in_force = store.version_in_force(connection, reading.release)
            strategy = reading.strategy_at(Present(moment, in_force.strategy if in_force else None, adopt))
            digest = strategy.digest()
            if in_force is not None and in_force.digest == digest:
                return Applied(in_force, changed=False), []
            check_base(in_force, base)
            if self._only_reviewed and not (in_force is None and _is_closed(strategy)):
                raise Forbidden(
                    "Here a version comes into force by a change that was planned and approved.",
                    code="review_required",
                    next_step="Plan it: `gateway release plan FILE`.",
                )
            store.keep_documents(connection, reading.documents, moment.latest)
            checked = base if base is not None else "unchecked"
            version, act = bring_into_force(connection, actor, strategy, in_force, moment, base=checked, adopt=adopt)
            return Applied(version, changed=True), [act]

        return await self._ledger.administer(actor, work)

    async def find(self, release: str) -> StrategyVersion | None:
        """The version in force, or None where there is no such release."""
        return await self._database.read(lambda connection: store.version_in_force(connection, release))

    async def get(self, release: str, digest: str | None = None) -> StrategyVersion:
        """The version in force, or the latest with this digest. Raises NotFound."""

        def work(connection: Connection) -> StrategyVersion | None:
            if digest is None:
                return store.version_in_force(connection, release)
            return store.version_by_digest(connection, release, digest)

        version = await self._database.read(work)
        if version is None:
            raise NotFound
        return version

    async def releases(self, after: str = "", limit: int = PAGE_MAX) -> list[Release]:
        """Releases in order of name, after the given one."""
        most = _page(limit)
        return await self._database.read(lambda connection: store.releases(connection, after=after, limit=most))

    async def history(self, release: str, before: int | None = None, limit: int = PAGE_MAX) -> list[StrategyVersion]:
        """Versions from the newest backwards, those below number `before` where one is given."""
        most = _page(limit)
        return await self._database.read(lambda c: store.versions(c, release, before=before, limit=most))

    async def document(self, digest: str) -> bytes | None:
        """The text with this digest, or None."""
        return await self._database.read(lambda connection: store.document(connection, digest))


def check_base(in_force: StrategyVersion | None, base: str | None) -> None:
    """Raise Conflict where another version is in force than the one the author saw; None is whatever is."""
    current = in_force.digest if in_force else ""
    if base is not None and base != current:
        raise Conflict(
            f"The release has moved on: {current or 'no version'} is in force, not {base or 'none'}.",
            code="release_moved",
            next_step="Look at what is in force now, bring your file up to it, and apply again.",
        )


def bring_into_force(
    connection: Connection,
    actor: Actor,
    strategy: Strategy,
    in_force: StrategyVersion | None,
    moment: Moment,
    *,
    base: str,
    adopt: bool,
    change: str = "",
) -> tuple[StrategyVersion, Act]:
    """Write a strategy as the next version, inside a transaction that has checked it, and say so in the ledger."""
    version = StrategyVersion(
        strategy=strategy,
        digest=strategy.digest(),
        number=in_force.number + 1 if in_force else 1,
        previous=in_force.digest if in_force else "",
        applied_at=moment.latest,
        applied_by=actor.key,
        organisation=actor.organisation,
        adopted=adopt and in_force is None,
        change=change,
    )
    store.add_version(connection, version)
    release = strategy.release
    act = Act(
        event=Event.RELEASE_APPLIED,
        subject=release,
        release=release,
        detail={
            "digest": version.digest,
            "previous": version.previous,
            "base": base,
            "number": version.number,
            "adopt": version.adopted,
            "change": version.change,
        },
        touches=(Touch("release", release),),
    )
    return version, act


def _is_closed(strategy: Strategy) -> bool:
    return all(stage.access is AccessLevel.CLOSED for stage in strategy.stages)


def _page(limit: int) -> int:
    return max(1, min(limit, PAGE_MAX))
