"""What a release file says, and every mistake in it at its line."""

import time
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import Moment
from gateway.errors import InvalidFile
from gateway.releases.attestations import Attestation, Developer
from gateway.releases.components import KNOWN, Component
from gateway.releases.files import STAGES_MAX, parse, paths_of_terms, read_release
from gateway.releases.nodes import BYTES_MAX, FAULTS_MAX
from gateway.releases.schedules import Present
from gateway.releases.shelves import Lying
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Strategy, WeightsTarget, digest_of
from tests.releases.builders import DOCUMENTS, FILE, a_file, a_moment, an_instant

AUP = DOCUMENTS["terms/aup.md"]
MISTAKES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text("utf-8"))
WEIGHTS = (
    "inference: {upstream: vllm, model: atlas}",
    f"inference: {{upstream: vllm, model: atlas}}\n  weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}",
)


def mistakes(content: bytes, **given: object) -> list[str]:
    """Each as `line:column where message`."""
    reading = read_release(content, DOCUMENTS, **given)  # type: ignore[arg-type]
    return [f"{fault.line}:{fault.column} {fault.where} {fault.message}" for fault in reading.faults]


def test_a_file_says_what_it_says() -> None:
    strategy = parse(a_file(), DOCUMENTS)

    internal, general = strategy.stages
    assert strategy.release == "acme/atlas-1" and strategy.listed
    assert strategy.inference == InferenceTarget("vllm", "atlas") and strategy.weights is None
    assert strategy.terms == {"aup": digest_of(AUP)}
    assert (internal.access, internal.to, internal.offers) == (AccessLevel.CLOSED, ("staff",), (Component.TEXT,))
    assert internal.opens == an_instant("2027-01-05T00:00:00Z")
    assert general.conditions == Conditions(terms=("aup",))


MODEL = """\
model:
  modality: [text, image]
  parameters: 7.0e10
  training_flop: [6.0e25, 9.0e25]
  bio_sequence_flop: 2e21
  attestations:
    generality: {says: yes, by: Ada Lovelace, at: 2026-11-02T09:00:00+01:00}
    serious_risk: {says: unknown, by: "Grace Hopper", at: 2026-11-03T00:00:00Z}
  developer: {revenue_usd: {2025: [4.0e8, 6.0e8], 2024: 0}, base_model_flop: 3e25}
terms: """


def test_a_file_says_what_people_attest_of_its_model_and_who_made_it() -> None:
    strategy = parse(a_file(("terms: ", MODEL)), DOCUMENTS)

    assert (strategy.training_flop, strategy.bio_sequence_flop) == (("6e25", "9e25"), ("2e21", "2e21"))
    assert strategy.attestations == {
        "generality": Attestation(says="yes", by="Ada Lovelace", at=an_instant("2026-11-02T08:00:00Z")),
        "serious_risk": Attestation(says="unknown", by="Grace Hopper", at=an_instant("2026-11-03T00:00:00Z")),
    }
    assert strategy.developer == Developer(
        revenue_usd={"2025": ("4e8", "6e8"), "2024": ("0e0", "0e0")}, base_model_flop=("3e25", "3e25")
    )
    assert Strategy.read(strategy.canonical()) == strategy


def test_a_file_without_the_younger_keys_of_its_model_keeps_the_digest_it_always_had() -> None:
    """Written down before attestations, developer and biological compute could be said."""
    old = "model: {modality: [text], parameters: 7.0e10, training_flop: [6.0e25, 9.0e25]}\nterms: "

    digest = parse(a_file(("terms: ", old)), DOCUMENTS).digest()

    assert digest == "sha256:fbea664dbb9edc9f4f5d043da1bd02dc79d1e08b8a96e4e35d496ff53499ccea"


def test_documents_are_kept_by_digest() -> None:
    reading = read_release(a_file(), DOCUMENTS)

    assert reading.documents == {digest_of(AUP): AUP}


def test_the_texts_to_send_along_are_those_inside_the_files_folder() -> None:
    content = a_file(("{aup: terms/aup.md}", '{aup: terms/aup.md, passwd: /etc/passwd, up: ../up.md, nul: "a\\0b"}'))

    assert paths_of_terms(content) == ["terms/aup.md"]
    assert paths_of_terms(b"\xff") == []


@pytest.mark.parametrize(
    ("access", "offers"),
    [
        ("access: api", (Component.TEXT,)),
        ("access: open-weights\n    irreversible: true", (Component.TEXT, Component.WEIGHTS)),
        ("access: api\n    offers: inference.embeddings", (Component.EMBEDDINGS,)),
        ("access: api\n    offers: [inference.text, inference.logprobs]", (Component.LOGPROBS, Component.TEXT)),
    ],
)
def test_a_stage_offers_text_by_default_weights_by_level_and_the_rest_by_name(
    access: str, offers: tuple[Component, ...]
) -> None:
    strategy = parse(a_file(WEIGHTS, ("access: api", access)), DOCUMENTS)

    assert strategy.stages[1].offers == offers


def test_open_weights_without_inference_offer_weights_alone() -> None:
    content = f"""
release: acme/open-1
serves: {{weights: {{path: weights/a, files: {{a.bin: sha256:{"0" * 64}}}}}}}
stages: [{{name: open, opens: 2027-01-05T00:00:00Z, access: open-weights, to: public, irreversible: true}}]
""".encode()

    strategy = parse(content, {})

    assert strategy.stages[0].offers == (Component.WEIGHTS,)


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: " ".join(case["by"].split())[:40] or "left out")
def test_a_mistake_is_told_with_its_line_its_column_and_what_to_do(case: dict[str, Any]) -> None:
    change = (case["replace"], case["by"])
    content = a_file(WEIGHTS, change) if case.get("with_weights") else a_file(change)

    assert mistakes(content) == case["told"]


def test_all_mistakes_are_told_at_once_in_order_of_lines() -> None:
    content = a_file(
        ("acme/atlas-1", "atlas"), ("role: staff", "role: staf"), ("access: api", "access: open"), ("[aup]", "[uap]")
    )

    with pytest.raises(InvalidFile) as refused:
        parse(content, DOCUMENTS)

    lines = [fault.line for fault in refused.value.faults]
    assert lines == sorted(lines) and {1, 6, 11, 13} <= set(lines)
    assert "release.yaml:1:10: `atlas` is no name" in refused.value.message


@pytest.mark.parametrize("component", sorted(KNOWN))
def test_a_component_that_nothing_enforces_is_refused_by_name(component: str) -> None:
    assert (
        "nothing here can enforce it yet"
        in mistakes(a_file(("access: api", f"access: api\n    offers: {component}")))[0]
    )


@pytest.mark.parametrize(
    ("path", "digest", "where"),
    [
        ("../a.bin", "0" * 64, "serves.weights.files.../a.bin"),
        ("/a.bin", "0" * 64, "serves.weights.files./a.bin"),
        ("a//b", "0" * 64, "serves.weights.files.a//b"),
        ("a/./b", "0" * 64, "serves.weights.files.a/./b"),
        ("a\\b", "0" * 64, "serves.weights.files.a\\b"),
        ('"a\\0b"', "0" * 64, "serves.weights.files.a\0b"),
        ("a%2e", "0" * 64, "serves.weights.files.a%2e"),
        ("a.bin", "0" * 63, "serves.weights.files.a.bin"),
        ("a.bin", "G" * 64, "serves.weights.files.a.bin"),
        ("a.bin", "A" * 64, "serves.weights.files.a.bin"),
    ],
)
def test_a_weight_file_is_inside_its_folder_and_pinned_by_digest(path: str, digest: str, where: str) -> None:
    old, new = WEIGHTS
    content = a_file((old, new.replace(f"a.bin: sha256:{'0' * 64}", f"{path}: sha256:{digest}")))

    reading = read_release(content, DOCUMENTS)

    assert [fault.where for fault in reading.faults] == [where]


@pytest.mark.parametrize(
    ("text", "told"),
    [(b"", "is empty"), (b"\xff", "is not UTF-8"), (b"a\0b", "not text"), (b"a" * (BYTES_MAX + 1), "bytes")],
)
def test_terms_are_texts_that_people_can_read(text: bytes, told: str) -> None:
    reading = read_release(a_file(), {"terms/aup.md": text})

    assert [told in fault.message for fault in reading.faults] == [True]


def test_only_an_upstream_that_the_operator_declared_can_be_named() -> None:
    told = mistakes(a_file(), upstreams=("simulated", "vlm"))

    assert told == ["3:25 serves.inference.upstream the operator declared no upstream `vllm`. Did you mean `vlm`?"]
    assert mistakes(a_file(), upstreams=("vllm",)) == []


# The present.

BETWEEN = a_moment("2027-03-01T00:00:00Z")
OPENING = an_instant("2027-06-01T00:00:00Z")


def refused_dates(content: bytes, present: Present) -> list[str]:
    try:
        parse(content, DOCUMENTS, present)
    except InvalidFile as refused:
        return [fault.where for fault in refused.faults]
    return []


def test_a_first_version_says_that_a_stage_had_opened_only_when_it_is_adopted() -> None:
    assert refused_dates(a_file(), Present(BETWEEN, None)) == ["stages[0].opens"]
    assert refused_dates(a_file(), Present(BETWEEN, None, adopt=True)) == []


def test_a_date_of_the_version_in_force_may_have_passed_and_a_changed_one_may_not() -> None:
    in_force = parse(a_file(), DOCUMENTS)
    tightened = a_file(("access: closed", "access: limited"))
    moved = a_file(("2027-01-05T00:00:00Z", "2027-01-06T00:00:00Z"))
    renamed = a_file(("name: internal", "name: inner"))

    assert refused_dates(tightened, Present(BETWEEN, in_force)) == []
    assert refused_dates(moved, Present(BETWEEN, in_force)) == ["stages[0].opens"]
    assert refused_dates(renamed, Present(BETWEEN, in_force)) == ["stages[0].opens"]


def test_adopting_is_for_a_first_version_only() -> None:
    in_force = parse(a_file(), DOCUMENTS)
    moved = a_file(("2027-01-05T00:00:00Z", "2027-01-06T00:00:00Z"))

    assert refused_dates(moved, Present(BETWEEN, in_force, adopt=True)) == ["stages[0].opens"]


def test_a_stage_cannot_be_made_to_have_closed_already() -> None:
    in_force = parse(a_file(), DOCUMENTS)
    closed = a_file(("access: closed", "closes: 2027-02-01T00:00:00Z, access: closed"))

    assert refused_dates(closed, Present(BETWEEN, in_force)) == ["stages[0].closes"]


@pytest.mark.parametrize(("latest", "late"), [(OPENING - 1, []), (OPENING, ["stages[1].opens"])])
def test_a_new_date_lies_ahead_of_every_possible_now(latest: int, late: list[str]) -> None:
    present = Present(Moment(OPENING - 500, latest), None)

    told = refused_dates(a_file(), present)

    assert told == ["stages[0].opens", *late]


def test_a_date_in_the_past_is_told_together_with_every_other_mistake() -> None:
    told = refused_dates(a_file(("role: staff", "role: staf")), Present(BETWEEN, None))

    assert {"audiences.staff.role", "stages[0].opens"} <= set(told)


# Meaning.


@pytest.mark.parametrize(
    "same",
    [
        [("2027-06-01T00:00:00Z", "2027-06-01T02:00:00.000+02:00")],
        [("to: [public]", "to: public")],
        [("to: [public]", "to: [public]\n    offers: [inference.text]")],
        [("{terms: [aup]}", "{terms: aup, log: metadata}")],
        [("{role: staff}", "{role: [staff], on_unknown: deny}")],
        [("release: acme/atlas-1", '# A comment.\nlisted: true\nrelease: "acme/atlas-1"')],
        [("vllm", '"vllm"')],
    ],
)
def test_files_that_mean_the_same_have_one_digest(same: list[tuple[str, str]]) -> None:
    assert parse(a_file(*same), DOCUMENTS).digest() == parse(a_file(), DOCUMENTS).digest()


@pytest.mark.parametrize(
    "other",
    [
        [("2027-06-01T00:00:00Z", "2027-06-01T00:00:00.000001Z")],
        [("release: acme/atlas-1", "release: acme/atlas-1\nlisted: false")],
        [("{role: staff}", "{role: staff, on_unknown: allow}")],
        [("{role: staff}", "{role: staff, x_level: 7}")],
        [("{role: staff}", '{role: staff, x_level: "7"}')],
        [("{terms: [aup]}", "{terms: aup, log: metadata+hash}")],
        [("model: atlas", "model: atlas-2")],
    ],
)
def test_files_that_differ_in_meaning_differ_in_digest(other: list[tuple[str, str]]) -> None:
    others = [a_file(*change) for change in [other, [("{role: staff}", "{role: staff, x_level: 8}")], []]]

    digests = [parse(content, DOCUMENTS).digest() for content in others]

    assert len(set(digests)) == len(others)


def test_a_new_text_of_the_terms_is_a_new_version() -> None:
    assert parse(a_file(), {"terms/aup.md": AUP + b"."}).digest() != parse(a_file(), DOCUMENTS).digest()


def test_the_order_of_keys_means_nothing() -> None:
    document = yaml.safe_load(FILE.replace("T00:00:00Z", "T00:00:00Z'").replace("opens: ", "opens: '"))
    orders = list(permutations(document))[::97]

    digests = {
        parse(yaml.safe_dump({key: document[key] for key in order}, sort_keys=False).encode(), DOCUMENTS).digest()
        for order in orders
    }

    assert digests == {parse(a_file(), DOCUMENTS).digest()}


# Hostile bytes.

LINES = FILE.splitlines(keepends=True)
TOKENS = [
    "&a ",
    "*a",
    "!!python/name:os ",
    "<<: ",
    "? ",
    "- ",
    "[",
    "{",
    "}",
    "]",
    ":",
    "'",
    '"',
    "|\n",
    "\t",
    "\0",
    "%",
]


@settings(max_examples=150, deadline=2000)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_strategy_or_an_invalid_file(content: bytes) -> None:
    try:
        assert isinstance(parse(content, DOCUMENTS), Strategy)
    except InvalidFile as refused:
        assert refused.faults
        assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in refused.faults)


@settings(max_examples=250, deadline=2000)
@given(
    places=st.lists(st.integers(0, len(FILE)), max_size=4),
    inserted=st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), min_size=4, max_size=4),
    dropped=st.integers(0, len(LINES)),
)
def test_a_file_with_anything_put_in_or_taken_out_is_a_strategy_or_an_invalid_file(
    places: list[int], inserted: list[str], dropped: int
) -> None:
    text = "".join(LINES[:dropped] + LINES[dropped + 1 :])
    for place, token in zip(places, inserted, strict=False):
        text = text[:place] + token + text[place:]
    content = text.encode("utf-8", "surrogatepass")

    try:
        strategy = parse(content, DOCUMENTS)
    except InvalidFile as refused:
        assert refused.faults
    else:
        assert Strategy.read(strategy.canonical()) == strategy


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
UNDECLARED = ", ".join(f"a{i}" for i in range(200))
DECLARED = "".join(f"  a{i}: {{kyc: K1}}\n" for i in range(20_000))
LARGE = {
    "deep lists": "[" * BYTES_MAX,
    "deep keys": "{a: " * (BYTES_MAX // 4),
    "deep blocks": "".join(" " * depth + "a:\n" for depth in range(1400)),
    "aliases": BOMB,
    "tag directives": "".join(f"%TAG !{i}! a\n" for i in range(60_000)),
    "many keys": "".join(f"k{i}: v\n" for i in range(90_000)),
    "many items": FILE.replace("[public]", f"[{'nobody, ' * 100_000}]"),
    "many undeclared audiences": FILE + f"  - {{name: s, opens: 1, access: api, to: [{UNDECLARED}]}}\n" * 290,
    "many declared audiences": FILE.replace("stages:", DECLARED + "stages:"),
    "a long number": FILE.replace("terms:", f"model: {{parameters: {'9' * 900_000}}}\nterms:", 1),
    "a long key": f"{'k' * 900_000}: v\n",
    "a long text": f"release: {'r' * 900_000}\n",
    "too large": "#" * (BYTES_MAX + 1),
}


@pytest.mark.parametrize("case", sorted(LARGE))
def test_a_large_hostile_file_is_refused_in_bounded_time_and_words(case: str) -> None:
    content = LARGE[case].encode()
    started = time.process_time()

    reading = read_release(content, DOCUMENTS)

    assert 1 <= len(reading.faults) <= FAULTS_MAX + 1
    assert sum(len(fault.message) + len(fault.where) for fault in reading.faults) < 100_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "content", [b"\xff\xfer\0", b"release: \xff", "release: \ud800".encode("utf-8", "surrogatepass")]
)
def test_what_is_not_utf_8_is_told_at_its_byte(content: bytes) -> None:
    [fault] = read_release(content, DOCUMENTS).faults

    assert fault.line == 1 and "UTF-8" in fault.message


def test_a_byte_order_mark_at_the_start_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf" + a_file(), DOCUMENTS) == parse(a_file(), DOCUMENTS)


def test_an_empty_file_is_told_how_to_start() -> None:
    assert mistakes(b"# nothing\n") == ["1:1  the file is empty: it must start with `release: namespace/name`"]


def on_a_shelf(*lying: Lying) -> tuple[list[str], tuple[str, ...]]:
    """Mistakes and notes of a file whose weights lie as told; where nothing is told, there is no folder."""
    weights = "\n  weights:\n    path: weights/a\n    files:"
    for name in "abc"[: len(lying) or 1]:
        weights += f"\n      {name}.bin: sha256:{'0' * 64}"
    inference = "inference: {upstream: vllm, model: atlas}"
    content = a_file((inference, inference + weights), ("access: api", "access: open-weights\n    irreversible: true"))

    def shelf(target: WeightsTarget) -> dict[str, Lying] | None:
        return dict(zip(target.files, lying, strict=True)) if lying else None

    reading = read_release(content, DOCUMENTS, shelf=shelf)
    return [f"{fault.line}:{fault.column} {fault.message}" for fault in reading.faults], reading.notes


def test_weights_that_are_missing_or_other_ones_are_mistakes_where_they_are_declared() -> None:
    faults, notes = on_a_shelf(Lying.CHECKED, Lying.MISSING, Lying.DIFFERS)

    assert faults == [
        "8:14 the gateway has no such file in `weights/a`: put it there first, or take it out",
        "9:14 the gateway's file in `weights/a` is not this one: put this one there, or declare the digest of that",
    ]
    assert notes == ()


def test_weights_of_which_nothing_is_known_yet_are_no_mistake_and_said_to_be_so() -> None:
    assert on_a_shelf() == (
        [],
        (
            "The gateway has no folder `weights/a` yet where it keeps weights (GATEWAY_WEIGHTS, or `weights` in"
            " its data directory): nothing of it can be downloaded until it has.",
        ),
    )
    assert on_a_shelf(Lying.UNCHECKED, Lying.CHECKED) == (
        [],
        ("Not checked yet against their digests: 1 of 2 files. Each is when first asked for.",),
    )


def test_a_release_has_no_more_stages_than_can_be_weighed() -> None:
    stages = "".join(
        f"  - {{name: s{place}, opens: {2027 + place}-01-05T00:00:00Z, access: api, to: [public]}}\n"
        for place in range(STAGES_MAX + 1)
    )
    content = f"release: acme/atlas-1\nserves: {{inference: {{upstream: a, model: m}}}}\nstages:\n{stages}"

    assert [each for each in mistakes(content.encode()) if "at most 50" in each] == [
        "4:3 stages there are 51 stages: a release has at most 50"
    ]
