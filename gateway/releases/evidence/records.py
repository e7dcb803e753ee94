"""What is kept of evidence, approvals, concurrences and incidents: frozen facts, each with who vouches for it."""

import msgspec

from gateway.clock import Instant, Moment


class Measurement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number that an evaluation came to."""

    task: str
    metric: str
    value: str
    """Decimal text, exactly as the file has it."""
    stderr: str = ""
    """Decimal text; empty where the file has none."""


class Determination(msgspec.Struct, frozen=True):
    """A level of risk that was determined under a framework."""

    framework: str
    category: str
    level: str


class Capacity(msgspec.Struct, frozen=True):
    """What was stated to be there to serve a model with."""

    of: str
    value: str
    """Decimal text."""


class MisuseCount(msgspec.Struct, frozen=True):
    """What people have confirmed of misuse among the requests of a time."""

    domain: str
    since: Instant
    until: Instant
    requests: int
    """Observed."""
    confirmed: int
    events: dict[str, int] = {}
    """How often kinds of events were seen that a budget may not tolerate once."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of evidence says, before anybody vouches for it."""

    suite: str
    """lm-eval, helm, inspect, or as a file of our own form names it; `document` for a text."""
    version: str = ""
    """Of the tool; empty where the file does not say."""
    model: str = ""
    """As the file names it: for people, nothing is decided by it."""
    snapshot: str = ""
    """Digest of the model's snapshot; empty where the file does not say."""
    run_at: Instant | None = None
    measurements: tuple[Measurement, ...] = ()
    determinations: tuple[Determination, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    misuse: tuple[MisuseCount, ...] = ()
    document: str = ""
    """Name of the document that the file is; empty for results."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A file of evidence as it was added to a release."""

    id: str
    release: str
    snapshot: str
    files: dict[str, str]
    """`sha256:<hex>` of each file, by its name."""
    findings: Findings
    added_at: Instant
    vouched_by: str
    """Public id of the key of whoever added it."""
    organisation: str
    withdrawn_at: Instant | None = None
    withdrawn_cause: str | None = None

    @property
    def is_withdrawn(self) -> bool:
        """Whether it counts no more."""
        return self.withdrawn_at is not None

    @property
    def dated(self) -> Instant:
        """When it was run, or at the latest can have been: never after it was added."""
        return self.added_at if self.findings.run_at is None else min(self.findings.run_at, self.added_at)

    @property
    def rank(self) -> tuple[Instant, Instant, str]:
        """Of pieces that say the same, the one of the highest rank is the newest."""
        return self.dated, self.added_at, self.id


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word for opening a stage, on what was known then."""

    id: str
    release: str
    stage: str
    """Digest of the stage."""
    basis: str
    """Digest of what the stage's requirements had to read."""
    persons: tuple[str, ...]
    """Who gave it, as the first of their keys, and before them whoever issued it."""
    given_at: Instant
    given_by: str
    organisation: str
    withdrawn_at: Instant | None = None
    """When whoever gave it left, before the stage was opened."""


A_LATER_END = "Name an instant that is still to come, such as `--expires 30d`."


class Concurrence(msgspec.Struct, frozen=True, kw_only=True):
    """That an authority outside concurs with opening a stage."""

    id: str
    release: str
    stage: str
    """Digest of the stage."""
    authority: str
    reference: str
    """Where it can be looked up: a letter, a ticket."""
    expires_at: Instant
    given_at: Instant
    given_by: str
    organisation: str

    def stands(self, moment: Moment) -> bool:
        """Whether it has surely not expired."""
        return not moment.maybe_reached(self.expires_at)


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong with a release, until it is closed."""

    id: str
    release: str
    summary: str
    opened_at: Instant
    opened_by: str
    closed_at: Instant | None = None
    closed_cause: str | None = None
