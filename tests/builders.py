"""Values with good defaults, so that a test shows only what differs."""

from typing import Any

from gateway.access.calls import Call, new_request_id
from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.grants import Acceptance, Grant, Holdings
from gateway.access.snapshot import InForce
from gateway.clock import NEVER, Instant
from gateway.identity.callers import Assertion, Caller, Role
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy

PAST: Instant = 1_700_000_000_000_000
"""2023-11-14: before any clock these tests meet."""

TERMS = "sha256:" + "7" * 64


def a_caller(**differences: Any) -> Caller:
    """A developer of an organisation of its own."""
    facts: dict[str, Any] = {
        "key": "Dev000000000",
        "organisation": "acme",
        "roles": (Role.DEVELOPER,),
        "scopes": None,
        "attributes": (),
        "expires_at": NEVER,
    }
    return Caller(**facts | differences)


def an_assertion(name: str, value: Any, **differences: Any) -> Assertion:
    """An attribute that has stood since long ago."""
    facts: dict[str, Any] = {
        "id": f"attr_{name}",
        "name": name,
        "value": value,
        "issuer": "registry",
        "assurance": 3,
        "asserted_at": PAST,
        "expires_at": NEVER,
    }
    return Assertion(**facts | differences)


def a_stage(**differences: Any) -> Stage:
    """A stage open to everybody since long ago."""
    facts: dict[str, Any] = {
        "name": "general",
        "opens": PAST,
        "access": AccessLevel.API,
        "to": ("public",),
        "offers": (Component.TEXT,),
        "conditions": Conditions(),
    }
    return Stage(**facts | differences)


def a_strategy(*stages: Stage, **differences: Any) -> Strategy:
    """A release `acme/atlas-1` with one open stage."""
    facts: dict[str, Any] = {
        "release": "acme/atlas-1",
        "inference": InferenceTarget("simulated", "atlas"),
        "terms": {},
        "audiences": {},
        "stages": stages or (a_stage(),),
    }
    return Strategy(**facts | differences)


def in_force(strategy: Strategy | None = None) -> InForce:
    """A strategy with its digest."""
    strategy = strategy or a_strategy()
    return InForce(strategy, strategy.digest())


def a_grant(**differences: Any) -> Grant:
    """A grant of acme for atlas-1 that has begun and has no end in sight."""
    facts: dict[str, Any] = {
        "id": "grant_1",
        "organisation": "acme",
        "release": "acme/atlas-1",
        "given_at": PAST,
        "given_by": "Pro000000000",
        "authority": "contract 7",
        "starts_at": PAST,
        "ends_at": NEVER,
    }
    return Grant(**facts | differences)


def a_concurrence(**differences: Any) -> OwnConcurrence:
    """Commerce agrees to acme using atlas-1, without an end in sight."""
    facts: dict[str, Any] = {
        "id": "concurrence_1",
        "organisation": "acme",
        "release": "acme/atlas-1",
        "authority": "Commerce",
        "reference": "letter 7",
        "expires_at": NEVER,
        "given_at": PAST,
        "given_by": "Pro000000000",
    }
    return OwnConcurrence(**facts | differences)


def an_acceptance(**differences: Any) -> Acceptance:
    """Acme accepted the text TERMS for atlas-1."""
    facts: dict[str, Any] = {
        "id": "terms_1",
        "organisation": "acme",
        "release": "acme/atlas-1",
        "name": "aup",
        "digest": TERMS,
        "accepted_at": PAST,
        "accepted_by": "Dev000000000",
    }
    return Acceptance(**facts | differences)


def holdings(*grants: Grant, accepted: tuple[Acceptance, ...] = ()) -> Holdings:
    """What acme holds."""
    return Holdings.of("acme", grants, accepted)


def a_call(**differences: Any) -> Call:
    """A short chat."""
    facts: dict[str, Any] = {
        "request_id": new_request_id(),
        "endpoint": "/v1/chat/completions",
        "bytes_in": 100,
        "tokens_in_max": 100,
    }
    return Call(**facts | differences)
