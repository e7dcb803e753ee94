"""What ships as presets: every system named, every date backed, and each fitted by its text alone."""

import hashlib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.clock import DAY, NEVER, Instant, instant_from
from gateway.errors import NotFound
from gateway.releases.files import read_release
from gateway.releases.fitting import Fitting, fitted
from gateway.releases.histories import UNVERIFIED, Grade, unbacked
from gateway.releases.presets import FACTS, Kind, Preset, preset, presets
from gateway.releases.schedules import Present
from gateway.releases.strategies import AccessLevel, Stage, Strategy
from gateway.shipped import shipped
from tests.releases.builders import a_moment, a_stage, a_strategy, an_instant

HISTORIES = presets(Kind.HISTORY)
TEMPLATES = presets(Kind.TEMPLATE)
EVERY = [*HISTORIES, *TEMPLATES]
NAMED = {
    *("Flamingo", "GPT-2", "GPT-3", "GPT-4", "PaLM 2", "LLaMA 1", "Llama 2", "Mistral 7B", "Mistral Large"),
    *("Granite 13B", "Stable Diffusion v1", "DALL-E 2", "BLOOM", "Falcon", "Imagen", "Claude", "MusicGen", "RT-2"),
}
"""Every system whose history ships."""
DISPUTED = ("palm-2", "imagen", "rt-2", "musicgen", "llama-1", "claude", "claude-fable-5")
TODAY = a_moment("2026-11-24T00:00:00Z")


def named(preset: Preset) -> str:
    return preset.name


def unchanged(each: Preset) -> Fitting:
    """Everything as it is, but for what is asked for."""
    return Fitting(release=each.strategy().release)


def test_every_system_that_is_named_ships() -> None:
    assert {each.system for each in HISTORIES} == NAMED


@pytest.mark.parametrize("each", HISTORIES, ids=named)
def test_a_history_can_be_adopted_as_it_stands_and_not_applied_as_new(each: Preset) -> None:
    reading = read_release(each.content, each.documents, name=each.file)

    assert reading.strategy_at(Present(TODAY, None, adopt=True)) == each.strategy()
    assert reading.dates and all("lies in the past" in date.fault.message for date in reading.dates)


@pytest.mark.parametrize("each", HISTORIES, ids=named)
def test_every_date_and_level_of_a_history_is_backed_by_a_fact(each: Preset) -> None:
    assert each.history is not None
    assert unbacked(each.strategy(), each.history) == []


@pytest.mark.parametrize("each", HISTORIES, ids=named)
def test_every_fact_names_a_source_that_is_described_or_is_unverified(each: Preset) -> None:
    assert each.history is not None
    for fact in each.history.facts:
        assert fact.source in each.history.sources or (fact.source, fact.grade) == (UNVERIFIED, Grade.UNVERIFIED)
    assert all(source.title and source.publisher for source in each.history.sources.values())


@pytest.mark.parametrize("name", DISPUTED)
def test_where_sources_are_known_to_disagree_the_dispute_is_told(name: str) -> None:
    assert preset(name).disputes()


@pytest.mark.parametrize("each", EVERY, ids=named)
def test_terms_are_short_stand_ins_and_say_so(each: Preset) -> None:
    for text in each.documents.values():
        assert len(text) < 400
        assert re.search(r"stands in for|A place for your own text", text.decode())


def test_weights_of_histories_are_one_stand_in_and_its_digest_is_right() -> None:
    weights = [strategy.weights for each in HISTORIES if (strategy := each.strategy()).weights]
    [folder] = {target.path for target in weights}
    [files] = {tuple(sorted(target.files.items())) for target in weights}

    listed = {path.name for path in (shipped("presets") / folder).iterdir()}
    assert listed == {name for name, _ in files}
    for name, digest in files:
        assert digest == f"sha256:{hashlib.sha256((shipped('presets') / folder / name).read_bytes()).hexdigest()}"


def test_no_facts_file_is_without_its_release_file() -> None:
    assert {path.name.removesuffix(FACTS) for path in shipped("presets").glob(f"*{FACTS}")} == {
        each.name for each in HISTORIES
    }


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("flamingo", "closed"),
        ("gpt-2-774m", "closed → open-weights to some → open-weights"),
        ("gpt-4", "limited → api to some → api → none"),
        ("claude-fable-5", "api → none → api"),
        ("llama-1", "open-weights to some"),
    ],
)
def test_a_label_is_what_the_stages_go_through(name: str, label: str) -> None:
    assert preset(name).label() == label


def test_a_preset_that_does_not_ship_is_not_found_and_the_nearest_is_told() -> None:
    for name in ("gpt4", "../demo/api", "gpt-4.facts", "terms/aup"):
        with pytest.raises(NotFound):
            preset(name)
    with pytest.raises(NotFound, match="Did you mean `gpt-4`"):
        preset("gpt4")


@pytest.mark.parametrize("each", TEMPLATES, ids=named)
def test_a_template_opens_nothing_before_it_is_fitted(each: Preset) -> None:
    assert each.history is None
    assert min(stage.opens for stage in each.strategy().stages) == an_instant("2100-01-01T00:00:00Z")


def test_a_cap_is_claimed_by_no_history_since_those_were_of_people_and_a_cap_counts_organisations() -> None:
    for each in HISTORIES:
        said = [line.partition("#")[0] for line in each.content.decode().splitlines()]
        assert not [line for line in said if re.search(r"\bcap\b|max_members", line)]


def test_evaluator_access_widens_from_level_to_level() -> None:
    offered = [set(preset(f"evaluators-al{level}").strategy().stages[0].offers) for level in (1, 2, 3)]

    assert offered[0] < offered[1] < offered[2]


INSTANTS = st.datetimes(datetime(2027, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(instant_from)


@example(
    each=EVERY[0], starts=instant_from(datetime(2027, 1, 1, tzinfo=UTC)), release="a/0", upstream="null", model="Null"
)
@given(
    each=st.sampled_from(EVERY),
    starts=INSTANTS,
    release=st.from_regex(r"[a-z][a-z0-9]{0,8}/[a-z0-9][a-z0-9]{0,8}", fullmatch=True),
    upstream=st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True),
    model=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
)
def test_a_fitted_preset_differs_in_what_was_asked_for_and_in_nothing_else(
    each: Preset, starts: Instant, release: str, upstream: str, model: str
) -> None:
    before = each.strategy()
    fitting = Fitting(release=release, starts=starts, upstream=upstream, model=model)
    content = fitted(each.content, fitting)

    after = read_release(content, each.documents).strategy_at(Present(TODAY, None))

    assert after.release == release
    if before.inference is not None:
        assert after.inference is not None
        assert (after.inference.upstream, after.inference.model) == (upstream, model)
    by = starts - before.stages[0].opens
    assert [_dates(stage) for stage in after.stages] == [_dates(stage, by) for stage in before.stages]
    assert _without(after) == _without(before)
    assert _comments(content) == _comments(each.content)


def test_what_is_not_asked_for_stays_to_the_byte() -> None:
    for each in EVERY:
        assert fitted(each.content, unchanged(each)) == each.content


def test_what_is_not_written_plainly_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="line 1"):
        fitted(b'release: "a/b"\n', Fitting(release="c/d"))


def test_a_name_cannot_bring_another_key_with_it() -> None:
    each = preset("gpt-4")
    for name in ("a/b\nlisted: false", "a/b # c", "{x: y}", "a/b: c", "~"):
        reading = read_release(fitted(each.content, Fitting(release=name)), each.documents)

        assert [fault.where for fault in reading.faults] == ["release"]


def test_dates_and_levels_without_a_fact_are_named() -> None:
    history = preset("gpt-4").history
    assert history is not None
    opens = an_instant("2023-03-14T00:00:00Z")
    strategy = a_strategy(
        a_stage("waitlist", opens, access=AccessLevel.API),
        a_stage("existing-payers", an_instant("2023-07-07T00:00:00Z")),
        a_stage("other", opens + 900 * DAY, closes=opens + 901 * DAY),
    )

    assert unbacked(strategy, history) == [
        "no fact says that `waitlist` was api",
        "no fact says that `existing-payers` opened at 2023-07-07T00:00:00Z",
        "no fact says that `other` opened at 2025-08-30T00:00:00Z",
        "no fact says that `other` closed at 2025-08-31T00:00:00Z",
        "a fact is about `new-developers`, and there is no such stage",
        "a fact is about `new-developers`, and there is no such stage",
    ]


def _dates(stage: Stage, by: int = 0) -> tuple[Instant, Instant]:
    return stage.opens + by, NEVER if stage.closes == NEVER else stage.closes + by


def _without(strategy: Strategy) -> tuple[object, ...]:
    """All that fitting must leave alone."""
    stages = [(s.name, s.access, s.to, s.offers, s.conditions, s.irreversible) for s in strategy.stages]
    return (strategy.listed, strategy.weights, strategy.modality, strategy.terms, strategy.audiences, stages)


def _comments(content: bytes) -> list[str]:
    return re.findall(r"(?:^|\s)# .*$", content.decode(), re.MULTILINE)
