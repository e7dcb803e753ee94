"""`/control/evidence`: what evaluations came to, added as the tools wrote it, listed and withdrawn."""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.control.areas import By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import (
    After,
    Body,
    Cause,
    Digest,
    DocumentName,
    Limit,
    RecordInPath,
    ReleaseFilter,
    ReleaseName,
    shown,
    when,
)
from gateway.errors import NotFound
from gateway.identity.callers import OVERSIGHT, Role
from gateway.releases.evidence.reading import FILE_BYTES_MAX, read_evidence
from gateway.releases.evidence.records import Capacity, Determination, Evidence, Measurement
from gateway.releases.evidence.vouching import Submission
from gateway.releases.odd_evidence import oddities

BODY_BYTES_MAX = FILE_BYTES_MAX * 4 // 3 + (64 << 10)
"""The files in base64, and the rest."""
FILES_MAX = 4

FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.+=@:,-]{1,200}$(?!\n)", max_length=200)]
File = Annotated[bytes, msgspec.Meta(min_length=1, max_length=FILE_BYTES_MAX)]


class NewEvidence(Body, frozen=True):
    """Files as a tool wrote them, and what they are about."""

    release: ReleaseName
    files: Annotated[dict[FileName, File], msgspec.Meta(min_length=1, max_length=FILES_MAX)]
    """In base64, by name: one results file, or `stats.json` and `run_spec.json` of HELM."""
    snapshot: Digest | None = None
    """Of the model that was evaluated; may be left out where the file says it."""
    document: DocumentName | None = None
    """The name of a document that is published with this; left out for results."""


class ShownMisuse(msgspec.Struct, frozen=True):
    """What was confirmed of misuse among the requests of a time."""

    domain: str
    since: datetime
    until: datetime
    requests: int
    confirmed: int
    events: dict[str, int]


class ShownEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence as it stands."""

    id: str
    release: str
    snapshot: str
    suite: str
    version: str
    """Of the tool; empty where its file does not say."""
    model: str
    """As the file names it."""
    document: str | None
    files: dict[str, str]
    """Digests by name."""
    run_at: datetime | None
    measurements: list[Measurement]
    determinations: list[Determination]
    capacities: list[Capacity]
    misuse: list[ShownMisuse]
    added_at: datetime
    vouched_by: str
    withdrawn_at: datetime | None
    withdrawn_cause: str | None


class AddedEvidence(ShownEvidence, frozen=True, kw_only=True):
    """Evidence as it was added."""

    warnings: list[str]
    """Why the version in force does not count it, where it does not; it is kept all the same."""


class EvidencePage(msgspec.Struct, frozen=True):
    """Some evidence, from the newest backwards."""

    evidence: list[ShownEvidence]
    next: str | None
    """Where the next page begins; null on the last."""


class EvidenceOfReleases(Controller):
    """Evidence: what requirements read before a stage opens."""

    path = "/evidence"
    tags = ("evidence",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self, areas: InAreas, release: ReleaseFilter = None, after: After = None, limit: Limit = 100
    ) -> EvidencePage:
        """Evidence from the newest backwards, that which was withdrawn too."""
        found = await areas.vouching.evidence(release=release or "", after=after or "", limit=limit)
        if release and not found and await areas.catalogue.find(release) is None:
            raise NotFound(f"There is no release `{release}`.", next_step="See `gateway release list`.")
        return EvidencePage([_shown(each) for each in found], found[-1].id if len(found) == limit else None)

    @get("/{evidence:str}", **open_to(*OVERSIGHT))
    async def show(self, evidence: RecordInPath, areas: InAreas) -> ShownEvidence:
        """All that was read from one addition."""
        return _shown(await areas.vouching.get(evidence))

    @post("/", request_max_body_size=BODY_BYTES_MAX, **open_to(Role.PROVIDER, Role.ANALYST))
    async def add(self, data: JSONBody[NewEvidence], areas: InAreas, actor: By, moment: Now) -> AddedEvidence:
        """Vouch for evidence. What the files say is read here; of results, their digests are kept and not the files."""
        findings = await asyncio.to_thread(read_evidence, data.files, document=data.document or "")
        submission = Submission(release=data.release, snapshot=data.snapshot or "", files=data.files)
        added = await areas.vouching.add(actor, submission, findings, moment)
        strategy = (await areas.catalogue.get(data.release)).strategy
        return AddedEvidence(**msgspec.structs.asdict(_shown(added)), warnings=oddities(added, strategy))

    @post("/{evidence:str}/withdraw", status_code=200, **open_to(Role.PROVIDER, Role.ANALYST))
    async def withdraw(
        self, evidence: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> ShownEvidence:
        """Let evidence count no longer. A stage that it opened stays open: narrow that by a new version."""
        return _shown(await areas.vouching.withdraw(actor, evidence, data.cause, moment))


def _shown(evidence: Evidence) -> ShownEvidence:
    findings = evidence.findings
    return ShownEvidence(
        id=evidence.id,
        release=evidence.release,
        snapshot=evidence.snapshot,
        suite=findings.suite,
        version=findings.version,
        model=findings.model,
        document=findings.document or None,
        files=evidence.files,
        run_at=when(findings.run_at),
        measurements=list(findings.measurements),
        determinations=list(findings.determinations),
        capacities=list(findings.capacities),
        misuse=[
            ShownMisuse(each.domain, shown(each.since), shown(each.until), each.requests, each.confirmed, each.events)
            for each in findings.misuse
        ],
        added_at=shown(evidence.added_at),
        vouched_by=evidence.vouched_by,
        withdrawn_at=when(evidence.withdrawn_at),
        withdrawn_cause=evidence.withdrawn_cause,
    )
