"""A release's strategy: immutable, versioned by digest, asked what stands at a moment."""

from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.releases.audiences import Audience
from gateway.releases.components import Component


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
    training_flop: tuple[float, float] | None = None
    terms: dict[str, str] = {}
    """Name of a document to `sha256:<hex>` of its text."""
    audiences: dict[str, Audience] = {}
    stages: tuple[Stage, ...] = ()
    """In order of `opens`."""

    def stage_at(self, moment: Moment) -> Stage | None:
        """The stage in force: the last that has surely opened, unless it may have closed."""
        in_force = None
        for stage in self.stages:
            if moment.surely_reached(stage.opens):
                in_force = stage
        if in_force is None or moment.maybe_reached(in_force.closes):
            return None
        return in_force

    def next_stage(self, moment: Moment) -> Stage | None:
        """The first stage that has not surely opened yet."""
        return next((s for s in self.stages if not moment.surely_reached(s.opens)), None)

    def next_boundary(self, moment: Moment) -> Instant:
        """The first instant, not surely past, at which another stage opens or one closes."""
        instants = [s.opens for s in self.stages] + [s.closes for s in self.stages]
        return min((i for i in instants if not moment.surely_reached(i)), default=NEVER)
