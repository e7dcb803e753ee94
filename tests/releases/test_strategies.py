"""What a strategy answers at a boundary, one tick before and one after, and what its digest says."""

from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import NEVER, Moment, at
from gateway.releases.attestations import Attestation, Developer
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.requirements import IncidentFree
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy, WeightsTarget
from tests.releases.builders import a_stage, a_strategy, an_audience

OPENS, CLOSES, AGAIN = 1_000_000, 2_000_000, 3_000_000
STAGED = a_strategy(a_stage("first", OPENS, closes=CLOSES), a_stage("second", AGAIN))


def name_at(strategy: Strategy, moment: Moment) -> str | None:
    stage = strategy.stage_at(moment)
    return None if stage is None else stage.name


@pytest.mark.parametrize(
    ("closes", "second", "opened", "taken_over"),
    [
        (NEVER, {}, {}, ("second", AGAIN)),
        (CLOSES, {}, {}, None),
        (AGAIN + 1, {}, {}, ("second", AGAIN)),
        (NEVER, {"opens_when": (IncidentFree(),)}, {}, ("second", NEVER)),
        (NEVER, {"opens_when": (IncidentFree(),)}, {"second": AGAIN + 5}, ("second", AGAIN + 5)),
        (AGAIN + 3, {"opens_when": (IncidentFree(),)}, {"second": AGAIN + 5}, None),
        (NEVER, {"canary": Canary(percent=5, salt="s")}, {}, None),
    ],
)
def test_a_stage_without_an_end_of_its_own_ends_as_the_next_takes_over(
    closes: int, second: dict[str, Any], opened: dict[str, int], taken_over: tuple[str, int] | None
) -> None:
    strategy = a_strategy(a_stage("first", OPENS, closes=closes), a_stage("second", AGAIN, **second))

    found = strategy.taken_over(strategy.stages[0], opened)

    assert (None if found is None else (found[0].name, found[1])) == taken_over
    assert strategy.taken_over(strategy.stages[1], opened) is None


@pytest.mark.parametrize(
    ("instant", "name"),
    [
        (OPENS - 1, None),
        (OPENS, "first"),
        (OPENS + 1, "first"),
        (CLOSES - 1, "first"),
        (CLOSES, None),
        (CLOSES + 1, None),
        (AGAIN - 1, None),
        (AGAIN, "second"),
        (AGAIN + 1, "second"),
    ],
)
def test_a_stage_is_in_force_from_the_tick_it_opens_until_the_tick_before_it_closes(
    instant: int, name: str | None
) -> None:
    assert name_at(STAGED, at(instant)) == name


@pytest.mark.parametrize(
    ("earliest", "latest", "name"),
    [
        (OPENS - 1, OPENS + 500, None),
        (OPENS, OPENS + 500, "first"),
        (CLOSES - 500, CLOSES - 1, "first"),
        (CLOSES - 500, CLOSES, None),
        (AGAIN - 1, AGAIN + 500, None),
        (AGAIN, AGAIN + 500, "second"),
    ],
)
def test_of_an_uncertain_moment_the_earliest_opens_and_the_latest_closes(
    earliest: int, latest: int, name: str | None
) -> None:
    assert name_at(STAGED, Moment(earliest, latest)) == name


@pytest.mark.parametrize("uncertainty", [0, 1, 500])
@pytest.mark.parametrize("offset", [-501, -500, -1, 0, 1])
def test_a_stage_that_another_follows_leaves_no_gap_however_uncertain_the_moment(offset: int, uncertainty: int) -> None:
    strategy = a_strategy(a_stage("first", OPENS), a_stage("second", AGAIN))

    name = name_at(strategy, Moment(AGAIN + offset, AGAIN + offset + uncertainty))

    assert name == ("second" if offset >= 0 else "first")


@pytest.mark.parametrize(
    ("instant", "name"), [(OPENS - 1, "first"), (OPENS, "second"), (AGAIN - 1, "second"), (AGAIN, None)]
)
def test_the_next_stage_is_the_first_that_has_not_opened(instant: int, name: str | None) -> None:
    coming = STAGED.next_stage(at(instant))

    assert (None if coming is None else coming.name) == name


@pytest.mark.parametrize(
    ("instant", "boundary"),
    [
        (OPENS - 1, OPENS),
        (OPENS, CLOSES),
        (CLOSES - 1, CLOSES),
        (CLOSES, AGAIN),
        (AGAIN - 1, AGAIN),
        (AGAIN, NEVER),
    ],
)
def test_the_next_boundary_is_the_first_instant_still_ahead(instant: int, boundary: int) -> None:
    assert STAGED.next_boundary(at(instant)) == boundary


@given(
    opens=st.lists(st.integers(0, 40), unique=True, min_size=1, max_size=5).map(sorted),
    length=st.integers(1, 20),
    earliest=st.integers(0, 60),
    uncertainty=st.integers(0, 5),
    ahead=st.integers(0, 60),
)
def test_nothing_changes_before_the_next_boundary_may_have_been_reached(
    opens: list[int], length: int, earliest: int, uncertainty: int, ahead: int
) -> None:
    strategy = a_strategy(*(a_stage(f"s{i}", start, closes=start + length) for i, start in enumerate(opens)))
    now, later = Moment(earliest, earliest + uncertainty), Moment(earliest + ahead, earliest + ahead + uncertainty)
    boundary = strategy.next_boundary(now)

    if not later.maybe_reached(boundary):
        assert strategy.stage_at(later) == strategy.stage_at(now)


words = st.sampled_from(["a", "metadata", "deny", "public", "staff", "acme/atlas-1", "sha256:00"])
stages = st.builds(
    Stage,
    name=words,
    opens=st.integers(0, 2**53 - 1),
    closes=st.sampled_from([NEVER, 7]),
    access=st.sampled_from(AccessLevel),
    to=st.lists(words, max_size=2).map(tuple),
    offers=st.lists(st.sampled_from(Component), max_size=2).map(tuple),
    conditions=st.builds(
        Conditions,
        terms=st.lists(words, max_size=1).map(tuple),
        requests_per_minute=st.none() | st.integers(1, 2),
        log=st.sampled_from(["metadata", "metadata+hash"]),
        retain_days=st.none() | st.integers(0, 1),
    ),
    irreversible=st.booleans(),
)
audiences = st.builds(
    an_audience,
    st.tuples(words, st.sampled_from(["=", "in"]), words | st.booleans() | st.integers(2, 3) | st.tuples(words)),
    on_unknown=st.sampled_from(["deny", "allow"]),
)
strategies = st.builds(
    Strategy,
    release=words,
    listed=st.booleans(),
    inference=st.none() | st.builds(InferenceTarget, words, words),
    weights=st.none() | st.builds(WeightsTarget, words, st.dictionaries(words, words, max_size=2)),
    training_flop=st.none() | st.tuples(words, words),
    bio_sequence_flop=st.none() | st.tuples(words, words),
    attestations=st.dictionaries(
        words, st.builds(Attestation, says=words, by=words, at=st.integers(0, 2**53 - 1)), max_size=2
    ),
    developer=st.builds(
        Developer,
        revenue_usd=st.dictionaries(words, st.tuples(words, words), max_size=1),
        base_model_flop=st.none() | st.tuples(words, words),
    ),
    terms=st.dictionaries(words, words, max_size=2),
    audiences=st.dictionaries(words, audiences, max_size=2),
    stages=st.lists(stages, max_size=2).map(tuple),
)


def rebuilt(strategy: Strategy) -> Strategy:
    """An equal strategy that shares no object with the first."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(strategy), type=Strategy)


@settings(max_examples=150)
@given(strategies, strategies)
def test_two_strategies_have_one_digest_exactly_when_they_are_equal(one: Strategy, other: Strategy) -> None:
    assert (one.digest() == other.digest()) == (one == other)
    assert rebuilt(one).digest() == one.digest()


@settings(max_examples=150)
@given(strategies)
def test_canonical_bytes_read_back_as_the_strategy_they_were_written_from(strategy: Strategy) -> None:
    canonical = strategy.canonical()

    assert Strategy.read(canonical) == strategy
    assert Strategy.read(canonical).canonical() == canonical


@settings(max_examples=50)
@given(strategies)
def test_canonical_bytes_are_those_of_rfc_8785(strategy: Strategy) -> None:
    canonical = strategy.canonical()

    assert canonical == rfc8785.dumps(msgspec.json.decode(canonical))


def test_what_is_left_at_its_default_is_not_in_the_canonical_bytes() -> None:
    bare = a_strategy(a_stage(opens=7))
    spelt = a_strategy(a_stage(opens=7, conditions=Conditions(log="".join(["meta", "data"])), irreversible=False))

    assert bare.canonical() == spelt.canonical()
    assert b"conditions" not in bare.canonical()


def test_the_digest_of_a_known_strategy_never_changes() -> None:
    strategy = a_strategy(a_stage(opens=OPENS), audiences={"staff": an_audience(("role", "=", "staff"))})

    assert strategy.canonical() == (
        b'{"audiences":{"staff":{"tests":[{"attribute":"role","op":"=","value":"staff"}]}},'
        b'"inference":{"model":"atlas","upstream":"vllm"},"release":"acme/atlas-1",'
        b'"stages":[{"access":"api","name":"general","offers":["inference.text"],"opens":1000000,"to":["public"]}]}'
    )
    assert strategy.digest() == "sha256:29ffd46d62508760ba36d06f61ee0f6300dd47792486298d7a6426f0e3a64d9f"
