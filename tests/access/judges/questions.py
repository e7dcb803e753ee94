"""Questions for the judges: a good default, and named differences from it."""

from typing import Any

import msgspec

from gateway.access.questions import AudienceFact, NarrowingFact, Question, StageFact
from gateway.releases.strategies import Conditions

TESTERS = AudienceFact(name="testers", truth="yes", on_unknown="deny", wants_grant=True)
STRANGERS = AudienceFact(name="testers", truth="no", on_unknown="deny", wants_grant=True)
UNSURE = AudienceFact(name="testers", truth="unknown", on_unknown="deny", wants_grant=True)
STAFF = AudienceFact(name="staff", truth="yes", on_unknown="deny", wants_grant=False)
NOT_STAFF = AudienceFact(name="staff", truth="no", on_unknown="deny", wants_grant=False)
DOUBTED = AudienceFact(name="verified", truth="unknown", on_unknown="deny", wants_grant=False)
TRUSTED = AudienceFact(name="verified", truth="unknown", on_unknown="allow", wants_grant=False)
EXCLUDED = AudienceFact(name="verified", truth="no", on_unknown="allow", wants_grant=False)
PUBLIC = AudienceFact(name="public", truth="yes", on_unknown="deny", wants_grant=False)

OFFERS = ("inference.text", "inference.logprobs")
CONDITIONS = Conditions(terms=("aup",), requests_per_minute=60, tokens_per_day=2_000_000)


def a_stage(access: str = "limited", **differences: Any) -> StageFact:
    """The stage in force."""
    stage = StageFact(
        name="now",
        access=access,
        offers=OFFERS,
        conditions=CONDITIONS,
        place="not_needed",
        concurrence="not_needed",
        overdue=False,
        if_overdue="warn",
    )
    return msgspec.structs.replace(stage, **differences)


def a_question(**differences: Any) -> Question:
    """One that every rule allows: a tester with a grant asks for text of a limited release."""
    question = Question(
        release="acme/atlas-1",
        strategy="sha256:" + "0" * 64,
        listed=True,
        component="inference.text",
        roles=("developer",),
        in_scope=True,
        stage=a_stage(),
        future=False,
        future_access=None,
        audiences=(TESTERS,),
        future_audiences=(),
        grant="active",
        terms_missing=(),
        narrowings=(),
    )
    return msgspec.structs.replace(question, **differences)


def narrowed(verb: str = "suspend", touches: str | dict[str, str] = "yes", **differences: Any) -> NarrowingFact:
    """A narrowing of everything, restored for nobody."""
    components = (*OFFERS, "weights.final", "inference.embeddings")
    fact = NarrowingFact(
        verb=verb,
        on_unknown="deny",
        touches=touches if isinstance(touches, dict) else dict.fromkeys(components, touches),
        restored=dict.fromkeys(components, "no"),
        stage=None,
        audiences=(),
    )
    return msgspec.structs.replace(fact, **differences)


def before(access: str, *audiences: AudienceFact, **differences: Any) -> Question:
    """One asked before the first stage opens."""
    coming = {"future": True, "future_access": access, "future_audiences": audiences}
    return a_question(stage=None, audiences=(), **coming, **differences)
