"""A release's strategy: immutable, versioned by digest, asked what stands at a moment.

Its canonical bytes are RFC 8785 (JCS) over strings, integers, booleans, arrays and objects; what
is left at its default is left out, so that a field added later changes no digest.

NOTE: stored, and their digest is recorded for ever. A field may be added with a default; none may
change its meaning, its name, its form or its default.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.releases.attestations import Attestation, Developer
from gateway.releases.audiences import Audience
from gateway.releases.canonical import without_defaults
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.forms import RequestForm
from gateway.releases.requirements import Requirement
from gateway.releases.stage_dates import Review

NOTHING_OPENED: Mapping[str, Instant] = MappingProxyType({})


class AccessLevel(StrEnum):
    """How far a stage opens a model."""

    CLOSED = "closed"
    LIMITED = "limited"
    API = "api"
    OPEN_WEIGHTS = "open-weights"


class Conditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What binds a use. A limit that is None is not set."""

    terms: tuple[str, ...] = ()
    """Names of documents in `Strategy.terms` that must have been accepted as they stand."""
    requests_per_minute: int | None = None
    """Per organisation and release, over any 60 seconds."""
    tokens_per_day: int | None = None
    """Per organisation and release, input and output together, per calendar day in UTC."""
    max_output_tokens: int | None = None
    """The most one call may ask for."""
    log: str = "metadata"
    """metadata, or metadata+hash (salted commitments to request and answer)."""
    retain_days: int | None = None
    concurrence: str = ""
    """The authority that must concur with each organisation by itself; empty where none must."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a release."""

    name: str
    opens: Instant
    closes: Instant = NEVER
    access: AccessLevel
    to: tuple[str, ...]
    """Names of audiences; `public` is everybody."""
    offers: tuple[Component, ...]
    conditions: Conditions = Conditions()
    irreversible: bool = False
    canary: Canary | None = None
    """Opened to this share of organisations only; None: to all whom its audiences name."""
    opens_when: tuple[Requirement, ...] = ()
    """What must hold beside the date. Such a stage opens when that was recorded, never by its date alone."""
    cap: Cap | None = None
    """The most organisations that it admits; None: as many as come."""
    review: Review | None = None
    perpetual: bool = False
    """Whether somebody said that it needs neither an end nor a review."""

    @property
    def line(self) -> str:
        """Name of the line in which organisations stand for it; empty where there is no cap."""
        return "" if self.cap is None else self.cap.line or self.name

    @property
    def is_gated(self) -> bool:
        """Whether the date alone does not open it."""
        return bool(self.opens_when)

    @property
    def goes_by_its_date(self) -> bool:
        """Whether it opens on its date though one before it waits: only what widens nothing does."""
        return self.access is AccessLevel.CLOSED and not self.is_gated

    def reaches(self, organisation: str | None) -> bool:
        """Whether it may be in force for an organisation; None stands for any."""
        return self.canary is None or organisation is None or self.canary.reaches(organisation)


class InferenceTarget(msgspec.Struct, frozen=True):
    """Which declared upstream serves the model, and under what name there."""

    upstream: str
    model: str


class WeightsTarget(msgspec.Struct, frozen=True):
    """A folder below the operator's weights root, and the digest of every file that may leave it."""

    path: str
    files: dict[str, str]
    """Path inside the folder to `sha256:<hex>`."""


class Strategy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ordered stages of one release, with everything they refer to."""

    release: str
    """`namespace/name`."""
    listed: bool = True
    inference: InferenceTarget | None = None
    weights: WeightsTarget | None = None
    modality: tuple[str, ...] = ()
    parameters: int | None = None
    training_flop: tuple[str, str] | None = None
    """The bounds of an estimate, as decimal text such as `6e25`: no float is ever hashed."""
    bio_sequence_flop: tuple[str, str] | None = None
    """Those of them that were spent on biological sequence data."""
    attestations: dict[str, Attestation] = {}
    """By question."""
    developer: Developer = Developer()
    snapshot: str = ""
    """`sha256:<hex>` of the model as it was evaluated: evidence about another one does not count."""
    terms: dict[str, str] = {}
    """Name of a document to `sha256:<hex>` of its text."""
    audiences: dict[str, Audience] = {}
    requests: RequestForm | None = None
    """How access is asked for; None: not here."""
    stages: tuple[Stage, ...] = ()
    """In order of `opens`."""

    @classmethod
    def read(cls, canonical: bytes) -> "Strategy":
        """The strategy with these canonical bytes. Raises msgspec.ValidationError for any others."""
        return _decoder.decode(canonical)

    def canonical(self) -> bytes:
        """Equal for equal strategies, different for different ones."""
        return _encoder.encode(without_defaults(self))

    def digest(self) -> str:
        """`sha256:<hex>` of the canonical bytes: the version's name."""
        return digest_of(self.canonical())

    def stage_digest(self, stage: Stage) -> str:
        """What is asked for when this stage is to open: the stage, for whom it is, by which texts, and what it gives.

        An approval and a concurrence are about this digest and no other. NOTE: openings are kept by it.
        """
        given = {
            "stage": without_defaults(stage),
            "audiences": {name: without_defaults(self.audiences[name]) for name in stage.to if name in self.audiences},
            "snapshot": self.snapshot,
            "terms": {name: self.terms[name] for name in stage.conditions.terms if name in self.terms},
            "inference": self.inference,
            "weights": self.weights if Component.WEIGHTS in stage.offers else None,
        }
        return digest_of(_encoder.encode(given))

    def gives(self, component: Component) -> tuple[object, ...]:
        """What is given by a component's name: the same model, or the same files, wherever they are kept."""
        if component is Component.WEIGHTS:
            return (self.weights.files if self.weights is not None else None,)
        return (self.inference.model if self.inference is not None else None, self.snapshot)

    def opening_digest(self, stage: Stage) -> str:
        """What is recorded as opened: the stage, whoever is counted in it and whenever it is looked at again.

        So a cap that is moved, or a review that was held, shuts nobody out of what is open.
        """
        return self.stage_digest(msgspec.structs.replace(stage, cap=None, review=None, perpetual=False))

    def opened(self, recorded: Mapping[str, Instant]) -> dict[str, Instant]:
        """By name of a stage, when its opening was recorded, of openings recorded by digest."""
        gated = ((stage.name, self.opening_digest(stage)) for stage in self.stages if stage.is_gated)
        return {name: recorded[digest] for name, digest in gated if digest in recorded}

    def by_dates(self) -> dict[str, Instant]:
        """Openings as if every requirement were met when its stage's date comes: the earliest that can be."""
        return {stage.name: stage.opens for stage in self.stages if stage.is_gated}

    def openings(
        self, opened: Mapping[str, Instant] = NOTHING_OPENED, organisation: str | None = None
    ) -> list[tuple[Stage, Instant]]:
        """Each stage that reaches an organisation, with the instant from which it is open: NEVER while that is unknown.

        A stage with requirements opens when that was recorded, and no stage opens past one that has not.
        Only what widens nothing goes by its date alone: a closed stage, such as the end of a release.
        """
        found, last = [], 0
        for stage in self.stages:
            own = max(stage.opens, opened.get(stage.name, NEVER)) if stage.is_gated else stage.opens
            last = max(last, own)
            found.append((stage, own if stage.goes_by_its_date else last))
        return [(stage, opens) for stage, opens in found if stage.reaches(organisation)]

    def taken_over(self, stage: Stage, opened: Mapping[str, Instant] = NOTHING_OPENED) -> tuple[Stage, Instant] | None:
        """The stage in whose favour another ends, and when, NEVER while that is unknown; None where it ends by itself.

        It is the first after it that is not a share's: what a canary does not reach stays where it is.
        """
        openings = self.openings(opened)
        at = next((place for place, (each, _) in enumerate(openings) if each is stage), len(openings))
        after = [(each, opens) for each, opens in openings[at + 1 :] if each.canary is None]
        if not after:
            return None
        first, opens = min(after, key=lambda each: each[1])
        earliest = opens if opens < NEVER else first.opens
        return None if stage.closes < NEVER and stage.closes <= earliest else (first, opens)

    def stage_at(
        self, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED, organisation: str | None = None
    ) -> Stage | None:
        """The stage in force: the last that has surely opened, unless it may have closed.

        A stage ends where the next opens, without a gap however uncertain the moment is: the next
        must surely have opened. Where it closes by itself it ends as soon as it may have, and
        nothing stands until the next opens.
        """
        in_force = None
        for stage, opens in self.openings(opened, organisation):
            if moment.surely_reached(opens):
                in_force = stage
        if in_force is None or moment.maybe_reached(in_force.closes):
            return None
        return in_force

    def next_stage(
        self, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED, organisation: str | None = None
    ) -> Stage | None:
        """The first stage, after the last that has surely opened, that has not: what opens next."""
        coming = None
        for stage, opens in self.openings(opened, organisation):
            if moment.surely_reached(opens):
                coming = None
            elif coming is None:
                coming = stage
        return coming

    def waiting_stage(self, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> Stage | None:
        """The first stage whose opening is not recorded, where its date has surely come and its end surely not.

        One that has missed its end opens never (`can_open`).
        """
        stage = next((each for each in self.stages if each.is_gated and each.name not in opened), None)
        if stage is None or not moment.surely_reached(stage.opens) or moment.maybe_reached(stage.closes):
            return None
        return stage

    def can_open(self, stage: Stage, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> bool:
        """Whether a stage that has not opened still can; one before it whose end came first shuts it for ever.

        Then the strategy goes on by another version alone.
        """
        before = self.stages[: self.stages.index(stage) + 1]
        missed = (each.is_gated and each.name not in opened and moment.surely_reached(each.closes) for each in before)
        return stage.goes_by_its_date or not any(missed)

    def next_boundary(self, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> Instant:
        """The first instant, not surely past, at which another stage opens, one closes or is to be reviewed.

        What `stage_at` answers cannot change before some possible now has reached it, unless an opening is recorded.
        """
        instants = [opens for _, opens in self.openings(opened)] + [s.closes for s in self.stages]
        instants += [stage.review.by for stage in self.stages if stage.review is not None]
        return min((i for i in instants if not moment.surely_reached(i)), default=NEVER)


def digest_of(content: bytes) -> str:
    """`sha256:<hex>`, as strategies, documents and weights are named."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Strategy, strict=True)
