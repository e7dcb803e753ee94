"""Random strategies, callers and holdings around one instant, small enough that they meet."""

from typing import Any

from hypothesis import strategies as st

from gateway.access.grants import Holdings
from gateway.clock import DAY, NEVER
from gateway.identity.callers import Caller, Role
from gateway.identity.facts import KYC_LEVELS
from gateway.identity.predicates import Test
from gateway.releases.audiences import Audience
from gateway.releases.caps import Cap
from gateway.releases.components import Component
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy, WeightsTarget
from tests.builders import a_caller, a_concurrence, a_grant, an_acceptance, an_assertion

NOW = 20_000 * DAY
RELEASE = "acme/atlas-1"
NAMES = ("testers", "verified", "neighbours", "insiders")
TEXTS = {"aup": "sha256:" + "1" * 64, "licence": "sha256:" + "2" * 64}
LETTERS = "abcde"
AUTHORITY = "Commerce"

countries = st.sampled_from(["DE", "FR", "US"])
assured = st.sampled_from([0, 0, 0, 2, 3])
tests_of_attributes = st.one_of(
    st.builds(
        Test,
        attribute=st.just("kyc"),
        op=st.sampled_from([">=", ">", "<=", "<", "=", "!="]),
        value=st.sampled_from(KYC_LEVELS),
        assurance=assured,
    ),
    st.builds(
        Test,
        attribute=st.just("country"),
        op=st.sampled_from(["in", "not_in"]),
        value=st.lists(countries, min_size=2, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
        assurance=assured,
    ),
    st.builds(Test, attribute=st.just("country"), op=st.sampled_from(["=", "!="]), value=countries),
    st.builds(Test, attribute=st.just("us_person"), op=st.just("="), value=st.booleans(), assurance=assured),
    st.builds(Test, attribute=st.just("staff_count"), op=st.sampled_from([">=", "<"]), value=st.integers(1, 4)),
    st.just(Test(attribute="grant", op="=", value="required")),
)
on_unknown = st.sampled_from(["deny", "deny", "allow"])
for_customers = st.builds(
    Audience,
    tests=st.lists(tests_of_attributes, min_size=1, max_size=2, unique_by=lambda test: test.attribute).map(
        lambda tests: tuple(sorted(tests, key=lambda test: test.attribute))
    ),
    on_unknown=on_unknown,
)
limits = st.none() | st.sampled_from([10, 20])
conditions = st.builds(
    Conditions,
    terms=st.sampled_from([(), ("aup",), ("aup", "licence")]),
    requests_per_minute=limits,
    tokens_per_day=limits,
    log=st.sampled_from(["metadata", "metadata+hash"]),
    concurrence=st.sampled_from(["", "", "", AUTHORITY]),
)
caps = st.sampled_from([None, None, Cap(organisations=1), Cap(organisations=2), Cap(organisations=2, line="a")])
reviews = st.none() | st.builds(
    Review, by=st.integers(-1, 3).map(lambda day: NOW + day * DAY), if_overdue=st.sampled_from(["warn", "freeze"])
)
components = st.lists(
    st.sampled_from([Component.TEXT, Component.EMBEDDINGS, Component.WEIGHTS]), min_size=1, unique=True
)


@st.composite
def stages(draw: st.DrawFn, name: str, opens: int) -> Stage:
    """One stage as a file could write it."""
    access = draw(st.sampled_from(AccessLevel))
    if access is AccessLevel.CLOSED:
        to = ["insiders"]
    else:
        to = draw(st.lists(st.sampled_from([*NAMES[:3], "public"]), min_size=1, max_size=2, unique=True))
    if access is AccessLevel.LIMITED:
        to = [name for name in to if name != "public"] or ["testers"]
    offers = set(draw(components))
    offers = offers | {Component.WEIGHTS} if access is AccessLevel.OPEN_WEIGHTS else offers - {Component.WEIGHTS}
    return Stage(
        name=name,
        opens=opens,
        closes=draw(st.sampled_from([NEVER, NEVER, opens + DAY // 2])),
        access=access,
        to=tuple(sorted(to)),
        offers=tuple(sorted(offers or {Component.TEXT})),
        conditions=draw(conditions),
        irreversible=access is AccessLevel.OPEN_WEIGHTS,
        cap=None if access is AccessLevel.CLOSED else draw(caps),
        review=draw(reviews),
    )


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Up to three stages that open between two days ago and in three days."""
    days = sorted(draw(st.lists(st.integers(-2, 3), min_size=1, max_size=3, unique=True)))
    names = draw(st.permutations(LETTERS[:4]))
    audiences = {name: draw(for_customers) for name in NAMES[:3]}
    audiences["insiders"] = Audience(tests=(Test(attribute="role", op="=", value="staff"),))
    return Strategy(
        release=RELEASE,
        listed=draw(st.sampled_from([True, True, False])),
        inference=InferenceTarget("simulated", "atlas"),
        weights=WeightsTarget("weights/atlas", {"model.bin": "sha256:" + "3" * 64}),
        terms=TEXTS,
        audiences=audiences,
        stages=tuple(draw(stages(name, NOW + day * DAY)) for name, day in zip(names, days, strict=False)),
    )


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Strategy, Strategy]:
    """Two strategies, mostly alike: one is the other with a few parts taken from a third."""
    first, other = draw(strategies()), draw(strategies())
    theirs = {stage.name: stage for stage in other.stages}
    mixed: list[Stage] = []
    for stage in first.stages:
        parts: dict[str, Any] = {}
        if stage.name in theirs:
            for name in draw(
                st.lists(st.sampled_from(["to", "offers", "conditions", "closes", "cap", "review"]), max_size=2)
            ):
                parts[name] = getattr(theirs[stage.name], name)
        fields = {name: getattr(stage, name) for name in stage.__struct_fields__}
        candidate = Stage(**fields | parts)
        mixed.append(candidate if _could_be_written(candidate) else stage)
    if draw(st.booleans()) and len(mixed) > 1:
        mixed.pop(draw(st.integers(0, len(mixed) - 1)))
    whole = {name: getattr(first, name) for name in first.__struct_fields__}
    for name in draw(st.lists(st.sampled_from(["listed", "audiences", "stages"]), max_size=2)):
        whole[name] = getattr(other, name)
    second = Strategy(**whole | {"stages": whole["stages"] if whole["stages"] is other.stages else tuple(mixed)})
    return draw(st.sampled_from([(first, second), (second, first), (first, other)]))


def _could_be_written(stage: Stage) -> bool:
    internal = stage.to == ("insiders",)
    return (
        internal == (stage.access is AccessLevel.CLOSED)
        and not (stage.access is AccessLevel.LIMITED and "public" in stage.to)
        and (Component.WEIGHTS in stage.offers) == (stage.access is AccessLevel.OPEN_WEIGHTS)
        and stage.closes > stage.opens
        and not (internal and stage.cap is not None)
    )


@st.composite
def callers(draw: st.DrawFn) -> Caller:
    """A customer of whom some things were asserted, or one of the provider's own."""
    told: dict[str, Any] = {
        "kyc": draw(st.none() | st.sampled_from(KYC_LEVELS)),
        "country": draw(st.none() | countries),
        "us_person": draw(st.none() | st.booleans()),
        "staff_count": draw(st.none() | st.integers(1, 4)),
    }
    attributes = tuple(
        an_assertion(name, value, assurance=draw(st.integers(1, 4)))
        for name, value in sorted(told.items())
        if value is not None
    )
    return a_caller(roles=(draw(st.sampled_from([Role.DEVELOPER, Role.DEVELOPER, Role.STAFF])),), attributes=attributes)


@st.composite
def held(draw: st.DrawFn) -> Holdings:
    """Perhaps a grant that stands, or one that has ended; perhaps terms accepted."""
    grants = draw(st.sampled_from([[], [a_grant()], [a_grant(ends_at=NOW - 1)]]))
    accepted = draw(st.sampled_from([[], ["aup"], ["aup", "licence"]]))
    acceptances = [an_acceptance(id=f"terms_{name}", name=name, digest=TEXTS[name]) for name in accepted]
    agreed = draw(st.sampled_from([[], [a_concurrence()], [a_concurrence(expires_at=NOW - 1)]]))
    return Holdings.of("acme", grants, acceptances, agreed)
