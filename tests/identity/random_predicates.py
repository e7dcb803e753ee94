"""Random predicates, assertions and organisations, made so that their tests meet often and in every way."""

from typing import Any

from hypothesis import strategies as st

from gateway.clock import DAY, NEVER, Moment
from gateway.identity.callers import Assertion
from gateway.identity.facts import KYC_LEVELS
from gateway.identity.predicates import Among, Every, Not, Predicate, Some, Test

NOW = 20_000 * DAY
COMPONENTS = ("inference.text", "inference.logprobs", "weights.final")
ORGANISATIONS = ("acme", "bolt", "corp")

texts = st.sampled_from(
    [
        "CN",
        "DE",
        "UK",
        "cn",
        "C",
        ",",
        '"',
        "[",
        "é",
        "true",
        "7",
        "a\\b",
        "%",
        "'",
        "",
        "bank",
        "a-b",
        "a--b",
        "a+",
        "-a",
        "a.b+c",
    ]
)
wholes = st.sampled_from([-(2**53) + 1, -1, 0, 1, 7, 10, 2**53 - 1])
small = wholes.filter(lambda each: abs(each) < 10**15)
"""A number of 16 digits cannot be written as one."""
levels = st.sampled_from([*KYC_LEVELS, "K9"])
lists = st.lists(texts | levels, max_size=3).map(tuple)
values: st.SearchStrategy[Any] = st.one_of(st.booleans(), wholes, texts, levels, lists)
names = st.sampled_from(
    ["us_person", "residence_country", "citizenships", "kyc", "mau", "sector", "reseller_of", "x_own"]
)


def _test(name: str) -> st.SearchStrategy[Predicate]:
    listed = st.lists(texts | levels, min_size=2, max_size=3, unique=True).map(lambda each: tuple(sorted(each)))
    written = st.one_of(st.booleans(), small, texts, levels)
    assured = st.sampled_from([0, 0, 1, 2, 3, 4])
    return st.one_of(
        st.builds(Test, attribute=st.just(name), op=st.sampled_from(["=", "!="]), value=written, assurance=assured),
        st.builds(
            Test,
            attribute=st.just(name),
            op=st.sampled_from(["<", "<=", ">=", ">"]),
            value=small | levels,
            assurance=assured,
        ),
        st.builds(Test, attribute=st.just(name), op=st.sampled_from(["in", "not_in"]), value=listed, assurance=assured),
    )


def _among(what: str, known: tuple[str, ...]) -> st.SearchStrategy[Predicate]:
    chosen = st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True).map(lambda each: tuple(sorted(each)))
    return st.builds(Among, st.just(what), chosen)


tests: st.SearchStrategy[Predicate] = st.one_of(
    names.flatmap(_test),
    names.flatmap(_test),
    _among("organisation", ORGANISATIONS),
    _among("component", COMPONENTS),
    st.just(Test(attribute="grant", op="=", value="required")),
    st.sampled_from(["developer", "staff"]).map(lambda role: Test(attribute="role", op="=", value=role)),
    st.just(Test(attribute="role", op="in", value=("developer", "staff"))),
)


def _joined(parts: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, parts), st.builds(Every, several), st.builds(Some, several))


predicates = st.recursive(tests, _joined, max_leaves=6)

instants = st.sampled_from([NOW - 2, NOW - 1, NOW, NOW + 1, NOW + 2])
moments = st.tuples(instants, st.integers(0, 3)).map(lambda drawn: Moment(drawn[0], drawn[0] + drawn[1]))


@st.composite
def assertions(draw: st.DrawFn, number: int) -> Assertion:
    """One assertion, with instants about now so that some have not begun and some have run out."""
    return Assertion(
        id=f"assertion_{number:024x}",
        name=draw(names),
        value=draw(values),
        issuer="registry",
        assurance=draw(st.integers(0, 4)),
        asserted_at=draw(instants),
        expires_at=draw(instants | st.just(NEVER)),
    )
