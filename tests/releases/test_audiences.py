"""Predicates answer yes, no or unknown, as Kleene's logic has it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.identity.facts import KYC_LEVELS
from gateway.identity.predicates import Facts, Sought, Truth, answer
from gateway.releases import audiences
from gateway.releases.audiences import Audience, evaluate
from tests.releases.builders import an_audience

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


def facts(*roles: str, grant: bool = False, **attributes: object) -> Facts:
    return Facts(roles=roles, has_grant=grant, attributes=attributes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "known", "truth"),
    [
        (("role", "=", "staff"), facts("staff"), YES),
        (("role", "=", "staff"), facts("developer"), NO),
        (("role", "=", "staff"), facts(), NO),
        (("role", "in", ("provider", "staff")), facts("developer", "staff"), YES),
        (("role", "in", ("provider", "staff")), facts("auditor"), NO),
        (("grant", "=", "required"), facts(grant=True), YES),
        (("grant", "=", "required"), facts(grant=False), NO),
        (("us_person", "=", True), facts(), UNKNOWN),
        (("us_person", "=", True), facts(us_person=True), YES),
        (("us_person", "=", True), facts(us_person=False), NO),
        (("us_person", "=", True), facts(us_person=1), UNKNOWN),
        (("us_person", "=", True), facts(us_person="true"), UNKNOWN),
        (("residence_country", "in", ("DE", "FR")), facts(residence_country="FR"), YES),
        (("residence_country", "in", ("DE", "FR")), facts(residence_country="US"), NO),
        (("residence_country", "not_in", ("DE", "FR")), facts(residence_country="US"), YES),
        (("residence_country", "not_in", ("DE", "FR")), facts(), UNKNOWN),
        (("residence_country", "!=", "DE"), facts(residence_country="DE"), NO),
        (("citizenships", "in", ("DE", "FR")), facts(citizenships=("US", "FR")), YES),
        (("citizenships", "not_in", ("DE", "FR")), facts(citizenships=("US", "FR")), NO),
        (("citizenships", "not_in", ("DE", "FR")), facts(citizenships=("US",)), YES),
        (("citizenships", "=", "DE"), facts(citizenships=()), NO),
        (("citizenships", "=", 4), facts(citizenships=("US",)), UNKNOWN),
        (("revenue", "<", 1000), facts(revenue=999), YES),
        (("revenue", "<", 1000), facts(revenue=1000), NO),
        (("revenue", "<=", 1000), facts(revenue=1000), YES),
        (("revenue", ">", 1000), facts(revenue=1000), NO),
        (("revenue", ">=", 1000), facts(revenue="1000"), UNKNOWN),
        (("revenue", ">=", 1000), facts(revenue=True), UNKNOWN),
        (("revenue", ">=", 1000), facts(revenue=("1000",)), UNKNOWN),
        (("revenue", "~", 1000), facts(revenue=1000), UNKNOWN),
        (("kyc", "=", "K3"), facts(kyc="certified"), UNKNOWN),
        (("kyc", ">=", "K3"), facts(kyc="certified"), UNKNOWN),
        (("kyc", ">=", "K3"), facts(kyc=9), UNKNOWN),
        (("kyc", "in", ("K3", "K4")), facts(kyc="K4"), YES),
        (("residence_country", "not_in", ("KP", "SY")), facts(residence_country="kp"), UNKNOWN),
        (("residence_country", "not_in", ("KP", "SY")), facts(residence_country="North Korea"), UNKNOWN),
        (("residence_country", "not_in", ("KP", "SY")), facts(residence_country="PRK"), UNKNOWN),
        (("residence_country", "!=", "KP"), facts(residence_country="kp"), UNKNOWN),
        (("residence_country", "!=", "UK"), facts(residence_country="GB"), UNKNOWN),
        (("residence_country", "not_in", ("RU", "UK")), facts(residence_country="DE"), UNKNOWN),
        (("residence_country", "!=", "GB"), facts(residence_country="UK"), UNKNOWN),
        (("citizenships", "not_in", ("KP", "SY")), facts(citizenships=("DE", "kp")), UNKNOWN),
        (("sector", "not_in", ("defence", "arms")), facts(sector="Defence"), UNKNOWN),
        (("x_home_country", "!=", "KP"), facts(x_home_country="kp"), UNKNOWN),
        (("x_tier", "!=", "Gold"), facts(x_tier="gold"), YES),
    ],
)
def test_a_test_answers_by_what_is_asserted(test: tuple[str, str, object], known: Facts, truth: Truth) -> None:
    assert evaluate(an_audience(test), known) is truth


@pytest.mark.parametrize(("held", "wanted"), list(itertools.product(range(6), range(6))))
def test_levels_of_knowing_a_customer_are_ordered_as_they_are_numbered(held: int, wanted: int) -> None:
    known = facts(kyc=KYC_LEVELS[held])
    answers = {op: evaluate(an_audience(("kyc", op, KYC_LEVELS[wanted])), known) for op in ("<", "<=", "=", ">=", ">")}

    assert answers == {
        "<": YES if held < wanted else NO,
        "<=": YES if held <= wanted else NO,
        "=": YES if held == wanted else NO,
        ">=": YES if held >= wanted else NO,
        ">": YES if held > wanted else NO,
    }


def test_an_audience_says_which_facts_it_reads() -> None:
    audience = an_audience(
        ("role", "=", "staff"), ("grant", "=", "required"), ("kyc", ">=", "K3"), ("kyc@2", "=", "K4")
    )

    assert audiences.attributes_read(audience) == {Sought("kyc"), Sought("kyc", 2)}
    assert audiences.wants_grant(audience)
    assert not audiences.wants_grant(an_audience(("role", "=", "staff")))


@pytest.mark.parametrize(
    ("test", "internal"),
    [
        (("role", "=", "staff"), True),
        (("role", "in", ("provider", "staff")), True),
        (("role", "=", "developer"), False),
        (("role", "in", ("developer", "staff")), False),
        (("kyc", "=", "K5"), False),
    ],
)
def test_an_audience_is_internal_only_where_a_role_keeps_customers_out(
    test: tuple[str, str, object], internal: bool
) -> None:
    assert audiences.is_internal(an_audience(test)) is internal


truths = st.sampled_from(Truth)
names = st.sampled_from(["kyc", "us_person", "revenue", "residence_country"])
values = (
    st.sampled_from([*KYC_LEVELS, "DE", "FR", "x"])
    | st.booleans()
    | st.integers(-2, 2)
    | st.lists(st.sampled_from(["DE", "FR", "K3"]), max_size=2).map(tuple)
)
tests = st.tuples(names, st.sampled_from(["=", "!=", "in", "not_in", "<", "<=", ">=", ">"]), values)
predicates = st.lists(tests, max_size=4).map(lambda chosen: an_audience(*chosen))
known = st.dictionaries(names, values, max_size=4)


@given(truths, truths, truths)
def test_conjunction_keeps_kleenes_laws(a: Truth, b: Truth, c: Truth) -> None:
    both = audiences.all_of

    assert both([a, b]) is both([b, a])
    assert both([both([a, b]), c]) is both([a, both([b, c])])
    assert both([a, a]) is a
    assert both([a, YES]) is a
    assert both([a, NO]) is NO
    assert both([]) is YES


@settings(max_examples=200)
@given(predicates, known, names, values)
def test_a_new_assertion_settles_what_was_unknown_and_overturns_nothing(
    audience: Audience, asserted: dict[str, object], name: str, value: object
) -> None:
    asserted.pop(name, None)
    before = evaluate(audience, facts(**asserted))
    after = evaluate(audience, facts(**{**asserted, name: value}))

    assert before is UNKNOWN or after is before
    if Sought(name) not in audiences.attributes_read(audience):
        assert after is before


@settings(max_examples=200)
@given(names, st.sampled_from([("=", "!="), ("in", "not_in"), ("<", ">="), (">", "<=")]), values, known)
def test_a_test_and_its_opposite_never_agree_unless_both_are_unknown(
    name: str, ops: tuple[str, str], value: object, asserted: dict[str, object]
) -> None:
    one, opposite = (evaluate(an_audience((name, op, value)), facts(**asserted)) for op in ops)

    assert {one, opposite} in ({YES, NO}, {UNKNOWN})


@given(st.sampled_from(["role", "grant"]), st.sampled_from(["=", "in", "!=", ">="]), values, st.booleans())
def test_roles_and_grants_are_never_unknown(name: str, op: str, value: object, grant: bool) -> None:
    [test] = an_audience((name, op, value)).tests

    assert answer(test, facts("staff", grant=grant)) is not UNKNOWN
