"""What people say of a model and of who made it: answers that no reading of a file can compute.

NOTE: part of a strategy's canonical bytes. The rule of strategies.py holds here too: a field may be
added with a default, none may change.
"""

from collections.abc import Mapping

import msgspec

from gateway.clock import Instant

QUESTIONS: Mapping[str, str] = {
    "broad_data": "training on broad data",
    "self_supervised": "training that is generally self-supervised",
    "generality": "design for generality of output",
    "wide_contexts": "use across a wide range of contexts",
    "adaptable": "adaptability to many distinct tasks",
    "serious_risk": "high performance at tasks of serious risk, or easy modification to it",
    "narrow_task": "restriction to one narrow task",
    "bio_sequence_primary": "training primarily on biological sequence data",
    "eu_designated": "designation by the European Commission",
    "us_covered": "designation as a covered frontier model in the United States",
    "us_directive_named": "naming in the United States export control directive",
}
"""What may be attested, and how a sentence speaks of it."""

ANSWERS = ("yes", "no", "unknown")


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """One person's answer to one question."""

    says: str
    """yes, no or unknown: that somebody looked and could not tell is an answer too."""
    by: str
    at: Instant


class Developer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who made the model, as far as a definition asks. Bounds are decimal text: no float is ever hashed."""

    revenue_usd: dict[str, tuple[str, str]] = {}
    """Of the whole group, by calendar year."""
    base_model_flop: tuple[str, str] | None = None
    """Operations that another developer spent on the model that this one is built on."""
