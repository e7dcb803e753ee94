"""What is listed can be used and what can be used is listed: over HTTP, for random releases, callers and instants."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.access.admissions import new_id
from gateway.access.grants import Acceptance, Grant
from gateway.access.snapshot import InForce, Snapshot
from gateway.clock import MINUTE, NEVER, Instant, elapsed_us
from gateway.identity.callers import Role
from gateway.ledger.store import Actor
from gateway.releases import audiences
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.narrowings import InEffect, Narrowing, Verb, in_effect
from gateway.releases.requirements import IncidentFree
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy, WeightsTarget
from tests.abuse.clocks import StoppedClock
from tests.fakes.house import House, open_house

EXAMPLES = 3_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 120

SPAN = 10 * MINUTE
"""All that one example sets lies so near to its own beginning."""

TERMS = "sha256:" + "7" * 64
STAFF = audiences.Test(attribute="role", op="=", value="staff")
GRANT = audiences.Test(attribute="grant", op="=", value="required")
KYC = audiences.Test(attribute="kyc", op=">=", value="K3")
AUDIENCES = {
    "staff": audiences.Audience(tests=(STAFF,)),
    "granted": audiences.Audience(tests=(GRANT,)),
    "known": audiences.Audience(tests=(KYC,)),
    "trusted": audiences.Audience(tests=(KYC,), on_unknown="allow"),
    "both": audiences.Audience(tests=(GRANT, KYC)),
}
CALLERS: dict[str, tuple[str, Role, Any]] = {
    "unknown": ("acme", Role.DEVELOPER, None),
    "known": ("globex", Role.DEVELOPER, None),
    "little known": ("initech", Role.DEVELOPER, None),
    "inside": ("provider", Role.STAFF, None),
    "providing": ("provider", Role.PROVIDER, None),
    "weights only": ("globex", Role.DEVELOPER, ("weights",)),
    "inference only": ("globex", Role.DEVELOPER, ("inference",)),
    "scoped to nothing": ("globex", Role.DEVELOPER, ()),
}

minutes = st.integers(-5, 5)


@dataclass(frozen=True)
class Plan:
    """A release before it has a name and a time."""

    listed: bool
    stages: list[dict[str, Any]]
    granted: dict[str, tuple[int, int]]
    accepted: set[str]
    narrowed: list[dict[str, Any]]


SCOPES = ("", "organisation = acme", "kyc >= K3", "not kyc >= K3", "role = staff", "not grant")


@st.composite
def narrowings(draw: st.DrawFn) -> dict[str, Any]:
    """Any verb but the inverse, for everybody or for some, until some minute or without end."""
    return {
        "verb": draw(st.sampled_from([verb for verb in Verb if verb is not Verb.RESTORE])),
        "scope": draw(st.sampled_from(SCOPES)),
        "on_unknown": draw(st.sampled_from(["deny", "allow"])),
        "stage": draw(st.sampled_from(["", "stage-0", "stage-1"])),
        "until": draw(st.none() | minutes),
    }


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    opens = sorted(draw(st.sets(minutes, min_size=1, max_size=3)))
    canaries = st.builds(Canary, percent=st.integers(1, 99), salt=st.just("s"))
    stages = [
        {
            "opens": at,
            "closes": draw(st.none() | st.integers(at + 1, at + 6)),
            "access": draw(st.sampled_from(AccessLevel)),
            "to": tuple(draw(st.sets(st.sampled_from(["public", *AUDIENCES]), min_size=1, max_size=2))),
            "offers": tuple(sorted(draw(st.sets(st.sampled_from(Component), min_size=1)))),
            "terms": ("aup",) if draw(st.booleans()) else (),
            "canary": draw(canaries) if draw(st.integers(0, 3)) == 3 else None,
            "gated": draw(st.integers(0, 3)) == 3,
            "opened": draw(st.none() | minutes),
        }
        for at in opens
    ]
    organisations = st.sampled_from(["acme", "globex", "initech", "provider"])
    spans = st.tuples(minutes, minutes).filter(lambda span: span[0] < span[1])
    return Plan(
        draw(st.booleans()),
        stages,
        draw(st.dictionaries(organisations, spans, max_size=3)),
        draw(st.sets(organisations)),
        # Not always: of releases that are all held shut nobody learns what is listed.
        draw(st.lists(narrowings(), min_size=1, max_size=2)) if draw(st.integers(0, 2)) == 2 else [],
    )


def strategy(name: str, plan: Plan, base: Instant) -> Strategy:
    """The release that a plan comes to, at a time."""
    stages = [
        Stage(
            name=f"stage-{number}",
            opens=base + each["opens"] * MINUTE,
            closes=NEVER if each["closes"] is None else base + each["closes"] * MINUTE,
            access=each["access"],
            to=each["to"],
            offers=each["offers"],
            conditions=Conditions(terms=each["terms"]),
            canary=each["canary"],
            opens_when=(IncidentFree(),) if each["gated"] else (),
        )
        for number, each in enumerate(plan.stages)
    ]
    return Strategy(
        release=name,
        listed=plan.listed,
        inference=InferenceTarget("simulated", "general"),
        weights=WeightsTarget("weights/open-1", {"README.md": "sha256:" + "0" * 64}),
        terms={"aup": TERMS},
        audiences=AUDIENCES,
        stages=tuple(stages),
    )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose clock stands still and goes on only when told, with callers of every kind."""
    with open_house(tmp_path_factory.mktemp("parity")) as house:
        house.control("/organisations", id="initech", name="Initech")
        for organisation, level in (("globex", "K4"), ("initech", "K1")):
            claim = {"name": "kyc", "value": level, "issuer": "registry", "assurance": 3}
            house.control(f"/organisations/{organisation}/attributes", **claim)
        for name, (organisation, role, scopes) in CALLERS.items():
            house.enter(name, organisation, role, scopes=scopes)
        house.installation.current.clock = StoppedClock(house.now().latest)  # type: ignore[assignment]
        yield house


numbers = itertools.count(1)


async def bring_in(house: House, plans_: list[Plan], base: Instant) -> list[str]:
    """Put these releases in force, and no others, with what organisations hold towards them."""
    number = next(numbers)
    names = [f"demo/p{number}-{place}" for place in range(len(plans_))]
    actor = Actor(key="", organisation="provider")
    admissions = house.installation.admissions
    for name, plan in zip(names, plans_, strict=True):
        for organisation, (starts, ends) in plan.granted.items():
            at = {"starts_at": base + starts * MINUTE, "ends_at": base + ends * MINUTE, "given_at": base}
            grant = Grant(
                id=new_id("grant"), organisation=organisation, release=name, given_by="x", authority="y", **at
            )
            await admissions.give(actor, grant)
        for organisation in plan.accepted:
            said = {"release": name, "name": "aup", "digest": TERMS, "accepted_at": base, "accepted_by": "x"}
            await admissions.accept(actor, Acceptance(id=new_id("terms"), organisation=organisation, **said))
    for organisation in ("acme", "globex", "initech", "provider"):
        house.installation.holdings.drop(organisation)
    strategies = [strategy(name, plan, base) for name, plan in zip(names, plans_, strict=True)]
    opened = [
        {
            f"stage-{number}": base + stage["opened"] * MINUTE
            for number, stage in enumerate(plan.stages)
            if stage["gated"] and stage["opened"] is not None
        }
        for plan in plans_
    ]
    releases = {
        each.release: InForce(each, each.digest(), recorded, narrowed(each, plan, base))
        for each, recorded, plan in zip(strategies, opened, plans_, strict=True)
    }
    current = house.installation.current
    snapshot = Snapshot(current.snapshot.revision, releases, current.snapshot.policy)
    current.confirm(elapsed_us(), snapshot)
    return names


def narrowed(strategy_: Strategy, plan: Plan, base: Instant) -> tuple[InEffect, ...]:
    """What narrows the release that a plan comes to."""
    said = {
        "release": strategy_.release,
        "strategy": strategy_.digest(),
        "cause": "x",
        "taken_by": "x",
    }
    rows = [
        Narrowing(
            id=f"narrowing_{number}",
            number=number,
            taken_at=base,
            **said | each | {"until": NEVER if each["until"] is None else base + each["until"] * MINUTE},
        )
        for number, each in enumerate(plan.narrowed)
    ]
    return in_effect(rows, [strategy_])


def ways(house: House, name: str, by: str) -> dict[str, httpx.Response]:
    """Every way of asking for one model."""
    return {
        "show": house.ask("GET", f"/v1/models/{name}", by),
        "chat": house.chat(name, by),
        "completions": house.ask("POST", "/v1/completions", by, json={"model": name, "prompt": "x"}),
        "embeddings": house.ask("POST", "/v1/embeddings", by, json={"model": name, "input": "x"}),
    }


def shape(answer: httpx.Response) -> Any:
    """All of an answer but for what names this very request."""
    return answer.status_code, answer.content, {**answer.headers, "x-request-id": ""}


def instants(plans_: list[Plan]) -> list[int]:
    """Every instant about which something may change, with the ticks beside it, from the example's beginning."""
    edges = {each["opens"] for plan in plans_ for each in plan.stages}
    edges |= {each["opened"] for plan in plans_ for each in plan.stages if each["opened"] is not None}
    edges |= {each["closes"] for plan in plans_ for each in plan.stages if each["closes"] is not None}
    edges |= {each["until"] for plan in plans_ for each in plan.narrowed if each["until"] is not None}
    edges |= {edge for plan in plans_ for span in plan.granted.values() for edge in span}
    return sorted({edge * MINUTE + tick for edge in edges for tick in (-1, 0, 1)})


@pytest.mark.soak
def test_what_is_listed_can_be_used_and_what_can_be_used_is_listed(stopped: House) -> None:
    met: set[tuple[bool, int]] = set()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data(), st.lists(plans(), min_size=1, max_size=2))
    def holds(data: st.DataObject, drawn: list[Plan]) -> None:
        clock = stopped.installation.current.clock
        assert isinstance(clock, StoppedClock)
        base = clock.now().latest + SPAN
        names = stopped.run(bring_in(stopped, drawn, base))
        moments = data.draw(st.lists(st.sampled_from(instants(drawn)), min_size=1, max_size=2, unique=True))
        callers = data.draw(st.lists(st.sampled_from(list(CALLERS)), min_size=1, max_size=3, unique=True))
        for offset in sorted(moments):
            clock.stands_at(base + offset)
            for by in callers:
                met.update(_check(stopped, names, by))
        clock.stands_at(base + SPAN)

    holds()

    assert met >= {(True, 200), (False, 403), (False, 404)}, "the examples met every kind of answer"


def _check(house: House, names: list[str], by: str) -> Iterator[tuple[bool, int]]:
    """Hold every way of asking against the listing; what was met."""
    listed = [each["id"] for each in house.ask("GET", "/v1/models", by).json()["data"]]
    absent = ways(house, "demo/absent", by)
    assert listed == sorted(set(listed) & set(names))
    for name in names:
        told = ways(house, name, by)
        answered = [way for way in ("chat", "completions", "embeddings") if told[way].status_code == 200]
        assert (name in listed) == (told["show"].status_code == 200) == bool(answered)
        assert told["chat"].status_code == told["completions"].status_code
        codes = {way: answer.json()["error"]["code"] for way, answer in told.items() if answer.status_code != 200}
        assert "show" not in codes or codes["show"] in (codes["chat"], codes["embeddings"]), "refused alike"
        weights = house.ask("GET", f"/hub/{name}/resolve/main/absent.bin", by)
        hidden = {way for way, answer in told.items() if answer.status_code == 404}
        if hidden:
            assert hidden == set(told), "hidden in one place, hidden in all"
            assert weights.headers["x-error-code"] == "RepoNotFound"
            assert {way: shape(answer) for way, answer in told.items()} == {w: shape(a) for w, a in absent.items()}
        assert all(answer.status_code in {200, 403, 404} for answer in told.values())
        yield name in listed, told["chat"].status_code
