"""The case suite that every judge must pass: a name, a question and the answer."""

from typing import Any, NamedTuple

from gateway.access.questions import NarrowingFact, Question
from gateway.access.reasons import Reason
from gateway.releases.strategies import Conditions
from tests.access.judges.questions import (
    DOUBTED,
    EXCLUDED,
    NOT_STAFF,
    PUBLIC,
    STAFF,
    STRANGERS,
    TESTERS,
    TRUSTED,
    UNSURE,
    a_question,
    a_stage,
    before,
    narrowed,
)

ALLOW = "allow"
HIDE = "hide"


class Case(NamedTuple):
    """`answer`: allow, hide, or the reasons told."""

    name: str
    question: Question
    answer: str | tuple[str, ...]


def _at(access: str, **differences: Any) -> Question:
    return a_question(stage=a_stage(access), **differences)


def _offering(access: str, *offers: str, **differences: Any) -> Question:
    return a_question(stage=a_stage(access, offers=offers), **differences)


def _under(**conditions: Any) -> Question:
    return a_question(stage=a_stage(conditions=Conditions(**conditions)))


WEIGHTS = "weights.final"

NO_STAGE = [
    Case("listed, before the first stage", before("api", PUBLIC), ("stage_not_open",)),
    Case("listed, before a stage for others", before("limited", NOT_STAFF), ("stage_not_open",)),
    Case("listed, after the last stage", a_question(stage=None, audiences=()), ("stage_closed",)),
    Case("hidden, after the last stage", a_question(stage=None, audiences=(), listed=False), HIDE),
    Case("hidden, before a stage for everybody", before("api", PUBLIC, listed=False), ("stage_not_open",)),
    Case("hidden, before a stage for me", before("limited", TESTERS, listed=False), ("stage_not_open",)),
    Case("hidden, before a stage for others", before("limited", STRANGERS, listed=False), HIDE),
    Case("hidden, before a stage that doubts me", before("limited", DOUBTED, listed=False), HIDE),
    Case("hidden, before a stage that trusts me", before("api", TRUSTED, listed=False), ("stage_not_open",)),
    Case("listed, before a closed stage for others", before("closed", NOT_STAFF), HIDE),
    Case("listed, before a closed stage for me", before("closed", STAFF), ("stage_not_open",)),
    Case("listed, before a closed stage that is unsure of me", before("closed", TRUSTED), HIDE),
    Case("before the first stage, out of scope", before("api", PUBLIC, in_scope=False), ("stage_not_open",)),
    Case("before the first stage, terms missing", before("api", PUBLIC, terms_missing=("aup",)), ("stage_not_open",)),
    Case(
        "before open weights, asking for them", before("open-weights", PUBLIC, component=WEIGHTS), ("stage_not_open",)
    ),
]

CLOSED = [
    Case("closed, named", _at("closed", audiences=(STAFF,)), ALLOW),
    Case("closed, named and not listed", _at("closed", audiences=(STAFF,), listed=False), ALLOW),
    Case("closed, named by the second audience", _at("closed", audiences=(STRANGERS, STAFF)), ALLOW),
    Case("closed, not named", _at("closed", audiences=(NOT_STAFF,)), HIDE),
    Case("closed, role staff and not named", _at("closed", audiences=(NOT_STAFF,), roles=("staff",)), HIDE),
    Case("closed, for nobody", _at("closed", audiences=()), HIDE),
    Case("closed, unknown and doubted", _at("closed", audiences=(DOUBTED,)), HIDE),
    Case("closed, unknown and trusted elsewhere", _at("closed", audiences=(TRUSTED,)), HIDE),
    Case("closed, a grant would be needed", _at("closed", audiences=(STRANGERS,), grant="none"), HIDE),
    Case(
        "closed, open to everybody later",
        _at("closed", audiences=(NOT_STAFF,), future=True, future_access="api", future_audiences=(PUBLIC,)),
        HIDE,
    ),
    Case("closed, not named, out of scope", _at("closed", audiences=(NOT_STAFF,), in_scope=False), HIDE),
    Case("closed, named, out of scope", _at("closed", audiences=(STAFF,), in_scope=False), ("scope_too_narrow",)),
    Case(
        "closed, named, terms missing",
        _at("closed", audiences=(STAFF,), terms_missing=("aup",)),
        ("terms_not_accepted",),
    ),
    Case(
        "closed, named, weights offered",
        _offering("closed", WEIGHTS, audiences=(STAFF,), component=WEIGHTS),
        ("component_not_offered",),
    ),
]

LIMITED = [
    Case("limited, with a grant", _at("limited"), ALLOW),
    Case("limited, with a grant and not listed", _at("limited", listed=False), ALLOW),
    Case("limited, staff without a grant", _at("limited", audiences=(STAFF, STRANGERS), grant="none"), ALLOW),
    Case("limited, never granted", _at("limited", audiences=(STRANGERS,), grant="none"), ("grant_required",)),
    Case(
        "limited, never granted, beside another audience",
        _at("limited", audiences=(NOT_STAFF, STRANGERS), grant="none"),
        ("grant_required",),
    ),
    Case("limited, grant paused", _at("limited", audiences=(STRANGERS,), grant="paused"), ("grant_paused",)),
    Case(
        "limited, grant not looked at again",
        _at("limited", audiences=(STRANGERS,), grant="recertification_due"),
        ("grant_recertification_due",),
    ),
    Case("limited, grant ended", _at("limited", audiences=(STRANGERS,), grant="ended"), ("grant_ended",)),
    Case("limited, granted and still not admitted", _at("limited", audiences=(STRANGERS,)), ("audience_not_admitted",)),
    Case("limited, granted and unsure", _at("limited", audiences=(UNSURE,)), ("attribute_unknown",)),
    Case("limited, unknown decides", _at("limited", audiences=(DOUBTED,), grant="none"), ("attribute_unknown",)),
    Case("limited, unknown is let in", _at("limited", audiences=(TRUSTED,), grant="none"), ALLOW),
    Case("limited, no stays no", _at("limited", audiences=(EXCLUDED,), grant="none"), ("audience_not_admitted",)),
    Case(
        "limited, neither granted nor known",
        _at("limited", audiences=(DOUBTED, STRANGERS), grant="none"),
        ("grant_required", "attribute_unknown"),
    ),
    Case(
        "limited, grant ended and not known",
        _at("limited", audiences=(STRANGERS, DOUBTED), grant="ended"),
        ("grant_ended", "attribute_unknown"),
    ),
    Case("limited, for staff only", _at("limited", audiences=(NOT_STAFF,), grant="none"), ("audience_not_admitted",)),
    Case("limited, for nobody", _at("limited", audiences=(), grant="none"), ("audience_not_admitted",)),
    Case(
        "limited, not listed, never granted", _at("limited", audiences=(STRANGERS,), grant="none", listed=False), HIDE
    ),
    Case(
        "limited, not listed, open to everybody later",
        _at(
            "limited",
            audiences=(STRANGERS,),
            grant="none",
            listed=False,
            future=True,
            future_access="api",
            future_audiences=(PUBLIC,),
        ),
        ("grant_required",),
    ),
    Case(
        "limited, not listed, open to others later",
        _at(
            "limited",
            audiences=(STRANGERS,),
            grant="none",
            listed=False,
            future=True,
            future_access="api",
            future_audiences=(NOT_STAFF, DOUBTED),
        ),
        HIDE,
    ),
    Case("limited, out of scope", _at("limited", in_scope=False), ("scope_too_narrow",)),
    Case("limited, not listed, out of scope", _at("limited", in_scope=False, listed=False), ("scope_too_narrow",)),
    Case(
        "limited, never granted, out of scope",
        _at("limited", audiences=(STRANGERS,), grant="none", in_scope=False),
        ("grant_required",),
    ),
    Case("limited, terms missing", _at("limited", terms_missing=("aup",)), ("terms_not_accepted",)),
    Case("limited, two terms missing", _at("limited", terms_missing=("aup", "dpa")), ("terms_not_accepted",)),
    Case(
        "limited, never granted, terms missing",
        _at("limited", audiences=(STRANGERS,), grant="none", terms_missing=("aup",)),
        ("grant_required",),
    ),
    Case("limited, weights not offered", _at("limited", component=WEIGHTS), ("component_not_offered",)),
]

API = [
    Case("api, everybody", _at("api", audiences=(PUBLIC,), grant="none"), ALLOW),
    Case("api, everybody, not listed", _at("api", audiences=(PUBLIC,), grant="none", listed=False), ALLOW),
    Case("api, for others", _at("api", audiences=(NOT_STAFF,), grant="none"), ("audience_not_admitted",)),
    Case("api, for others, not listed", _at("api", audiences=(NOT_STAFF,), grant="none", listed=False), HIDE),
    Case("api, doubted", _at("api", audiences=(DOUBTED,), grant="none"), ("attribute_unknown",)),
    Case("api, trusted", _at("api", audiences=(TRUSTED,), grant="none"), ALLOW),
    Case("api, by grant", _at("api", audiences=(STRANGERS,), grant="none"), ("grant_required",)),
    Case("api, grant ended", _at("api", audiences=(STRANGERS,), grant="ended"), ("grant_ended",)),
    Case("api, out of scope", _at("api", audiences=(PUBLIC,), in_scope=False), ("scope_too_narrow",)),
    Case("api, terms missing", _at("api", audiences=(PUBLIC,), terms_missing=("aup",)), ("terms_not_accepted",)),
    Case(
        "api, out of scope, terms missing",
        _at("api", audiences=(PUBLIC,), in_scope=False, terms_missing=("aup",)),
        ("scope_too_narrow",),
    ),
    Case("api, embeddings not offered", _at("api", component="inference.embeddings"), ("component_not_offered",)),
    Case("api, logprobs offered", _at("api", component="inference.logprobs"), ALLOW),
    Case("api, weights offered all the same", _offering("api", WEIGHTS, component=WEIGHTS), ("component_not_offered",)),
    Case("api, text beside weights", _offering("api", "inference.text", WEIGHTS), ALLOW),
    Case("api, nothing offered", _offering("api"), ("component_not_offered",)),
    Case(
        "api, not offered, out of scope, terms missing",
        _at("api", component=WEIGHTS, in_scope=False, terms_missing=("aup",)),
        ("component_not_offered", "scope_too_narrow"),
    ),
    Case("api, a component nobody knows", _at("api", component="inference.telepathy"), ("component_not_offered",)),
]

OPEN_WEIGHTS = [
    Case("open weights, everybody", _offering("open-weights", WEIGHTS, component=WEIGHTS, audiences=(PUBLIC,)), ALLOW),
    Case("open weights, text", _offering("open-weights", "inference.text", WEIGHTS, audiences=(PUBLIC,)), ALLOW),
    Case(
        "open weights, text only",
        _offering("open-weights", "inference.text", component=WEIGHTS),
        ("component_not_offered",),
    ),
    Case(
        "open weights, terms missing",
        _offering("open-weights", WEIGHTS, component=WEIGHTS, terms_missing=("licence",)),
        ("terms_not_accepted",),
    ),
    Case(
        "open weights, by grant",
        _offering("open-weights", WEIGHTS, component=WEIGHTS, audiences=(STRANGERS,), grant="none"),
        ("grant_required",),
    ),
    Case("open weights, for others, not listed", _at("open-weights", audiences=(NOT_STAFF,), listed=False), HIDE),
    Case("open weights, for others", _at("open-weights", audiences=(NOT_STAFF,)), ("audience_not_admitted",)),
    Case("open weights, out of scope", _at("open-weights", in_scope=False), ("scope_too_narrow",)),
]

CONDITIONS = [
    Case("no conditions", _under(), ALLOW),
    Case("every limit", _under(requests_per_minute=1, tokens_per_day=1, max_output_tokens=1, retain_days=1), ALLOW),
    Case("a limit of nothing", _under(requests_per_minute=0), ALLOW),
    Case("the largest limit", _under(tokens_per_day=2**53 - 1), ALLOW),
    Case("commitments kept", _under(log="metadata+hash"), ALLOW),
]


def _narrowed(*narrowings: NarrowingFact, **differences: Any) -> Question:
    return a_question(narrowings=narrowings, **differences)


RESTORED = dict.fromkeys(("inference.text", "inference.logprobs"), "yes")
RESTORED_PERHAPS = dict.fromkeys(RESTORED, "unknown")
WEIGHTS_ONLY = {"inference.text": "no", "inference.logprobs": "no", WEIGHTS: "yes"}


def _kept(verb: str = "hold", access: str = "limited", *, to: Any = (TESTERS,), **differences: Any) -> NarrowingFact:
    stage = a_stage(access, name="before", **differences)
    return narrowed(verb, stage=stage, audiences=to)


NARROWED = [
    Case("suspended", _narrowed(narrowed()), ("suspended",)),
    Case("suspended, not in the scope", _narrowed(narrowed(touches="no")), ALLOW),
    Case("suspended, unknown whether", _narrowed(narrowed(touches="unknown")), ("suspended",)),
    Case("suspended, unknown and let pass", _narrowed(narrowed(touches="unknown", on_unknown="allow")), ALLOW),
    Case("suspended, surely in it and the unknown let pass", _narrowed(narrowed(on_unknown="allow")), ("suspended",)),
    Case("suspended and restored", _narrowed(narrowed(restored=RESTORED)), ALLOW),
    Case("suspended and perhaps restored", _narrowed(narrowed(restored=RESTORED_PERHAPS)), ("suspended",)),
    Case("suspended twice, restored once", _narrowed(narrowed(restored=RESTORED), narrowed()), ("suspended",)),
    Case("suspended for another component", _narrowed(narrowed(touches=WEIGHTS_ONLY)), ALLOW),
    Case("suspended, nothing said of this component", _narrowed(narrowed(touches={})), ("suspended",)),
    Case(
        "suspended, not admitted", _narrowed(narrowed(), audiences=(STRANGERS,)), ("suspended", "audience_not_admitted")
    ),
    Case("suspended, not admitted and not listed", _narrowed(narrowed(), audiences=(STRANGERS,), listed=False), HIDE),
    Case("suspended, admitted and not listed", _narrowed(narrowed(), listed=False), ("suspended",)),
    Case("suspended before it opens", before("api", PUBLIC, narrowings=(narrowed(),)), ("suspended", "stage_not_open")),
    Case("suspended, terms missing", _narrowed(narrowed(), terms_missing=("aup",)), ("suspended",)),
    Case("withdrawn", _narrowed(narrowed("withdraw")), ("withdrawn",)),
    Case("recalled", _narrowed(narrowed("recall")), ("recalled",)),
    Case(
        "recalled, withdrawn, suspended and held",
        _narrowed(narrowed("hold"), narrowed(), narrowed("withdraw"), narrowed("recall")),
        ("recalled", "withdrawn", "suspended", "held"),
    ),
    Case(
        "recalled weights, asking for them",
        a_question(
            narrowings=(narrowed("recall"),),
            stage=a_stage("open-weights", offers=(WEIGHTS,)),
            component=WEIGHTS,
            audiences=(PUBLIC,),
        ),
        ("recalled",),
    ),
    Case("embargoed", _narrowed(narrowed("embargo")), HIDE),
    Case("embargoed for staff too", _narrowed(narrowed("embargo"), audiences=(STAFF,)), HIDE),
    Case("embargoed for others", _narrowed(narrowed("embargo", touches="no")), ALLOW),
    Case("embargoed, unknown whether", _narrowed(narrowed("embargo", touches="unknown")), HIDE),
    Case("embargoed and suspended", _narrowed(narrowed(), narrowed("embargo")), HIDE),
    Case(
        "embargoed and restored, suspended",
        _narrowed(narrowed("embargo", restored=RESTORED), narrowed()),
        ("suspended",),
    ),
    Case("embargoed before it opens", before("api", PUBLIC, narrowings=(narrowed("embargo"),)), HIDE),
    Case("held at a stage that admits", _narrowed(_kept()), ALLOW),
    Case("held at a stage for others", _narrowed(_kept(to=(STRANGERS,))), ("held",)),
    Case("held at a stage for others, outside the scope", _narrowed(narrowed("hold", "no", stage=a_stage())), ALLOW),
    Case("held at a stage for nobody", _narrowed(_kept(to=())), ("held",)),
    Case("held where no stage was open", _narrowed(narrowed("hold")), ("held",)),
    Case("held at a stage that offers less", _narrowed(_kept(offers=("inference.embeddings",))), ("held",)),
    Case("held at a stage that doubts", _narrowed(_kept(to=(DOUBTED,))), ("held",)),
    Case("held at a stage that trusts", _narrowed(_kept(to=(TRUSTED,))), ALLOW),
    Case("held at a closed stage that trusts", _narrowed(_kept(access="closed", to=(TRUSTED,))), ("held",)),
    Case("held at a closed stage, named", _narrowed(_kept(access="closed", to=(STAFF,))), ALLOW),
    Case("rolled back to a stage for others", _narrowed(_kept("roll_back", to=(NOT_STAFF,))), ("held",)),
    Case("rolled back to a stage that admits", _narrowed(_kept("roll_back")), ALLOW),
    Case(
        "rolled back to a stage that admits whom the open one does not",
        _narrowed(_kept("roll_back"), audiences=(STRANGERS,)),
        ("audience_not_admitted",),
    ),
    Case(
        "open weights rolled back to a stage without them",
        a_question(
            narrowings=(_kept("roll_back", "api", offers=(WEIGHTS,)),),
            stage=a_stage("open-weights", offers=(WEIGHTS,)),
            component=WEIGHTS,
            audiences=(PUBLIC,),
        ),
        ("held",),
    ),
    Case("a verb nobody knows", _narrowed(narrowed("pause")), HIDE),
    Case("a verb nobody knows, outside its scope", _narrowed(narrowed("pause", touches="no")), HIDE),
    Case("a scope's answer nobody knows", _narrowed(narrowed(touches="maybe")), HIDE),
    Case("a word for the unknown that nobody knows", _narrowed(narrowed(touches="no", on_unknown="ask")), HIDE),
    Case("narrowings as a text", a_question(narrowings="none"), HIDE),
]

MALFORMED = [
    Case("a truth nobody knows", a_question(audiences=(TESTERS, STAFF.__class__("x", "maybe", "deny", False))), HIDE),
    Case(
        "an unknown that counts as nothing known", a_question(audiences=(STAFF.__class__("x", "yes", "", False),)), HIDE
    ),
    Case("a grant nobody knows", a_question(grant="forever"), HIDE),
    Case("an access level nobody knows", _at("public"), HIDE),
    Case("a future without a level", a_question(future=True), HIDE),
    Case("a level without a future", a_question(future_access="api"), HIDE),
    Case("scope as a text", a_question(in_scope="true"), HIDE),
    Case("listed as a number", a_question(listed=1), HIDE),
]

CASES = [*NO_STAGE, *CLOSED, *LIMITED, *API, *OPEN_WEIGHTS, *CONDITIONS, *NARROWED, *MALFORMED]


def reasons_of(answer: str | tuple[str, ...]) -> tuple[Reason, ...]:
    """What a case's answer gives as reasons."""
    if answer == ALLOW:
        return ()
    return (Reason.MODEL_NOT_FOUND,) if isinstance(answer, str) else tuple(Reason(code) for code in answer)
