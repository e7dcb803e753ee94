"""`/control/releases`: release files validated and applied, versions read back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from gateway.clock import Moment
from gateway.control.areas import Areas, By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.narrowed import shown_narrowings, told_narrowings
from gateway.control.versions import Narrowed, ShownVersion, shown_version
from gateway.control.wire import After, Body, DigestFilter, DigestOrNone, Limit, PartInPath, shown
from gateway.identity.callers import OVERSIGHT, Role
from gateway.releases.effects import gives_weights
from gateway.releases.files import DOCUMENT_BYTES_MAX, Reading
from gateway.releases.narrowed import in_words
from gateway.releases.narrowings import InEffect
from gateway.releases.positions import Course
from gateway.releases.stage_states import left_open
from gateway.releases.strategies import Stage
from gateway.releases.versions import Release

FILE_LENGTH_MAX = 1 << 20

Path = Annotated[str, msgspec.Meta(min_length=1, max_length=300, examples=["terms/aup-2026-1.md"])]
Document = Annotated[str, msgspec.Meta(max_length=DOCUMENT_BYTES_MAX)]


class ReleaseFile(Body, frozen=True):
    """A release file with the texts it names."""

    file: Annotated[str, msgspec.Meta(max_length=FILE_LENGTH_MAX)]
    """The YAML itself."""
    documents: Annotated[dict[Path, Document], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    """Texts of its terms, by the path the file gives them."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "release.yaml"
    """What the file is called, for messages."""
    adopt: bool = False
    """Let a first version say which stages had opened already; recorded."""
    base: DigestOrNone | None = None
    """Digest of the version that the author saw in force, empty for none. Left out: whatever is in force."""


class Validated(msgspec.Struct, frozen=True, kw_only=True):
    """What a file without mistakes would come to."""

    release: str
    digest: str
    in_force: str | None
    """Digest of the version in force now; null for a new release."""
    changes: bool
    """Whether applying it would change anything."""
    notes: list[str]
    """What is no mistake and should be known, such as weights that were not checked yet."""


class AppliedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a file came to."""

    release: str
    number: int
    digest: str
    previous: str
    changed: bool
    """false where this very strategy was in force already."""
    irreversible: bool
    """Whether weights may leave under it from now on: what has left cannot be called back."""
    notes: list[str]
    """What is no mistake and should be known, such as weights that were not checked yet."""


class ShownRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release and the version in force."""

    release: str
    number: int
    digest: str
    stage: str | None
    """The stage open now; after a hold or a roll-back for everybody the one that is left."""
    share: int | None
    """The percentage of organisations that it reaches, the others being in a stage before; null for all."""
    access: str | None
    opens_next: str | None
    """The stage to open next."""
    opens_at: datetime | None
    """Its date; where it has requirements it opens not before."""
    waiting: bool
    """Whether that date has come, and it waits for its requirements."""
    missed: bool
    """Whether it can open no more, since its end, or that of a stage before it, came before the requirements were met:
    that takes another version."""
    narrowed: str | None
    """What was done to the stage open now, in words, and whether a second person's review of it is overdue; null where
    nothing narrows the release."""
    first_applied_at: datetime
    applied_at: datetime


class ReleasePage(msgspec.Struct, frozen=True):
    """Some releases, in order of name."""

    releases: list[ShownRelease]
    next: str | None
    """Where the next page begins; null on the last."""


class VersionPage(msgspec.Struct, frozen=True):
    """Versions of one release, from the newest backwards."""

    versions: list[ShownVersion]
    next: int | None
    """`before` of the next page; null on the last."""


class Releases(Controller):
    """Releases and their strategy versions."""

    path = "/releases"
    tags = ("releases",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(self, areas: InAreas, moment: Now, after: After = None, limit: Limit = 100) -> ReleasePage:
        """Releases in order of name."""
        found = await areas.catalogue.releases(after or "", limit)
        releases = [await _release(areas, release, moment) for release in found]
        return ReleasePage(releases, found[-1].name if len(found) == limit else None)

    @post("/validate", status_code=200, **open_to(Role.PROVIDER, Role.APPROVER))
    async def validate(self, data: JSONBody[ReleaseFile], areas: InAreas, moment: Now) -> Validated:
        """Hold a file against what is in force, and write nothing. Every mistake is told, with its line."""
        reading = await read_file(areas, data)
        strategy = await areas.catalogue.validate(reading, moment, adopt=data.adopt)
        in_force = await areas.catalogue.find(strategy.release)
        digest = strategy.digest()
        return Validated(
            release=strategy.release,
            digest=digest,
            in_force=in_force.digest if in_force is not None else None,
            changes=in_force is None or in_force.digest != digest,
            notes=list(reading.notes),
        )

    @post("/", status_code=200, **open_to(Role.PROVIDER))
    async def apply(self, data: JSONBody[ReleaseFile], areas: InAreas, actor: By, moment: Now) -> AppliedVersion:
        """Put a file in force as the next version of its release, unreviewed: everywhere within a second.

        Where only reviewed versions may come into force, this takes a closed first version alone.
        """
        reading = await read_file(areas, data)
        applied = await areas.catalogue.apply(actor, reading, moment, base=data.base, adopt=data.adopt)
        version = applied.version
        return AppliedVersion(
            release=version.strategy.release,
            number=version.number,
            digest=version.digest,
            previous=version.previous,
            changed=applied.changed,
            irreversible=gives_weights(Course(version.strategy), moment),
            notes=list(reading.notes),
        )

    @get("/{namespace:str}/{name:str}", **open_to(*OVERSIGHT))
    async def show(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        areas: InAreas,
        moment: Now,
        digest: DigestFilter = None,
    ) -> ShownVersion:
        """The version in force, or the one with a digest: its stages, and what each still lacks to open."""
        release = f"{namespace}/{name}"
        version = await areas.catalogue.get(release, digest)
        recorded = await areas.openings.recorded(release)
        standing = await areas.openings.standing(version, moment)
        is_in_force = digest is None or digest == (await areas.catalogue.get(release)).digest
        narrowings = await areas.restraint.standing(release) if is_in_force else ()
        narrowed = await told_narrowings(areas, narrowings, moment)
        return shown_version(version, moment, recorded, standing, Narrowed(narrowings, narrowed))

    @get("/{namespace:str}/{name:str}/versions", **open_to(*OVERSIGHT))
    async def versions(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        areas: InAreas,
        moment: Now,
        before: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)] = None,
        limit: Limit = 20,
    ) -> VersionPage:
        """Versions from the newest backwards."""
        release = f"{namespace}/{name}"
        await areas.catalogue.get(release)
        versions = await areas.catalogue.history(release, before, limit)
        recorded = await areas.openings.recorded(release)
        last = versions[-1].number if len(versions) == limit else None
        return VersionPage([shown_version(version, moment, recorded) for version in versions], last)


async def read_file(areas: Areas, sent: ReleaseFile) -> Reading:
    """A release file as it was sent, read with the texts it names."""
    documents = {path: text.encode() for path, text in sent.documents.items()}
    return await areas.catalogue.read(sent.file.encode(), documents, sent.name)


async def _release(areas: Areas, release: Release, moment: Moment) -> ShownRelease:
    strategy = (await areas.catalogue.get(release.name)).strategy
    opened = strategy.opened(await areas.openings.recorded(release.name))
    stage, coming = strategy.stage_at(moment, opened), strategy.next_stage(moment, opened)
    waiting = strategy.waiting_stage(moment, opened)
    standing = await areas.restraint.standing(release.name)
    left = left_open(strategy, stage, standing, moment)
    return ShownRelease(
        release=release.name,
        number=release.number,
        digest=release.digest,
        stage=left.name if left is not None else None,
        share=None if left is None or left.canary is None else left.canary.percent,
        access=left.access.value if left is not None else None,
        opens_next=coming.name if coming is not None else None,
        opens_at=shown(coming.opens) if coming is not None else None,
        waiting=waiting is not None and waiting is coming,
        missed=coming is not None and not strategy.can_open(coming, moment, opened),
        narrowed=await _narrowed(areas, release.name, stage, standing, moment),
        first_applied_at=shown(release.first_applied_at),
        applied_at=shown(release.applied_at),
    )


async def _narrowed(
    areas: Areas, release: str, stage: Stage | None, standing: Sequence[InEffect], moment: Moment
) -> str | None:
    words = in_words(stage, standing, moment)
    if words is None:
        return None
    shown_ones = await shown_narrowings(areas, release, [each.narrowing for each in standing], moment)
    return f"{words}, review overdue" if any(each.review == "overdue" for each in shown_ones) else words
