"""Which assertion stands, to the tick, and what cannot be asserted at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import NEVER, Moment, at
from gateway.errors import Invalid
from gateway.identity.attributes import Claim, check_claim, standing, stands_until
from gateway.identity.callers import Assertion


def kyc(value: str, *, assurance: int = 2, since: int = 100, until: int = NEVER, name: str = "kyc") -> Assertion:
    return Assertion(f"{name}-{value}-{assurance}-{since}-{until}", name, value, "registry", assurance, since, until)


assertions = st.lists(
    st.builds(
        kyc,
        value=st.sampled_from(["K1", "K3"]),
        assurance=st.integers(0, 4),
        since=st.integers(0, 40),
        until=st.integers(1, 60) | st.just(NEVER),
        name=st.sampled_from(["kyc", "sector"]),
    ),
    max_size=6,
)
moments = st.builds(lambda start, width: Moment(start, start + width), st.integers(0, 70), st.integers(0, 5))


@pytest.mark.parametrize(
    ("moment", "stands"),
    [
        (at(99), False),
        (at(100), True),
        (Moment(99, 150), False),
        (at(199), True),
        (at(200), False),
        (Moment(150, 200), False),
    ],
)
def test_an_assertion_stands_only_while_it_surely_does(moment: Moment, stands: bool) -> None:
    assert ("kyc" in standing([kyc("K3", since=100, until=200)], moment)) is stands


def test_the_strongest_stands_and_of_equals_the_latest() -> None:
    weak, strong = kyc("K5", assurance=0, since=150), kyc("K3", assurance=3)
    later = kyc("K1", assurance=3, since=140)

    assert standing([weak, strong], at(200))["kyc"] is strong
    assert standing([later, strong, weak], at(200))["kyc"] is later
    assert standing([later, strong, weak], at(139))["kyc"] is strong


def test_the_next_strongest_stands_once_the_strongest_has_ended() -> None:
    strong, weak = kyc("K3", assurance=3, until=200), kyc("K1", assurance=1)

    assert [standing([strong, weak], at(now))["kyc"].value for now in (199, 200)] == ["K3", "K1"]


def test_a_name_that_nobody_asserts_is_absent() -> None:
    assert "us_person" not in standing([kyc("K3")], at(200))


@given(assertions=assertions, moment=moments)
def test_at_most_one_of_a_name_stands_whatever_their_order(assertions: list[Assertion], moment: Moment) -> None:
    stand = standing(assertions, moment)

    assert stand == standing(reversed(assertions), moment)
    assert list(stand) == sorted(stand)
    assert all(assertion.name == name for name, assertion in stand.items())


@given(assertions=assertions, moment=moments, width=st.integers(0, 5))
def test_nothing_changes_before_the_instant_that_was_said(
    assertions: list[Assertion], moment: Moment, width: int
) -> None:
    until = stands_until(assertions, moment)
    later = [Moment(max(moment.earliest, now - width), now) for now in range(moment.latest, min(until, 80))]

    assert all(standing(assertions, each) == standing(assertions, moment) for each in later)


@pytest.mark.parametrize(
    "claim",
    [
        Claim(name="role", value="provider", issuer="x", assurance=4),
        Claim(name="grant", value="required", issuer="x", assurance=4),
        Claim(name="KYC", value="K3", issuer="x", assurance=4),
        Claim(name="", value="K3", issuer="x", assurance=4),
        Claim(name="kyc\n", value="K3", issuer="x", assurance=4),
        Claim(name="kyc", value="", issuer="x", assurance=4),
        Claim(name="kyc", value="K3\x1b[2J", issuer="x", assurance=4),
        Claim(name="kyc", value="K3\x00", issuer="x", assurance=4),
        Claim(name="kyc", value="\ud800", issuer="x", assurance=4),
        Claim(name="kyc", value="K\u202e3", issuer="x", assurance=4),
        Claim(name="kyc", value="K" * 201, issuer="x", assurance=4),
        Claim(name="kyc", value=("DE", "\n"), issuer="x", assurance=4),
        Claim(name="kyc", value=("DE",) * 65, issuer="x", assurance=4),
        Claim(name="mau", value=2**53, issuer="x", assurance=4),
        Claim(name="mau", value=-(2**53), issuer="x", assurance=4),
        Claim(name="kyc", value="K3", issuer=" ", assurance=4),
        Claim(name="kyc", value="K3", issuer="x", assurance=5),
        Claim(name="kyc", value="K3", issuer="x", assurance=-1),
        Claim(name="kyc", value="K3", issuer="x", assurance=4, asserted_at=1001),
        Claim(name="kyc", value="K3", issuer="x", assurance=4, asserted_at=-1),
        Claim(name="kyc", value="K3", issuer="x", assurance=4, expires_at=1000),
        Claim(name="kyc", value="K3", issuer="x", assurance=4, expires_at=NEVER + 1),
    ],
)
def test_what_cannot_be_asserted_is_refused(claim: Claim) -> None:
    with pytest.raises(Invalid):
        check_claim(claim, at(1000))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("residence_country", "kp", "write its two letters"),
        ("residence_country", "North Korea", "write its two letters"),
        ("residence_country", "PRK", "write its two letters"),
        ("residence_country", "UK", "write `GB`"),
        ("residence_country", "EL", "write `GR`"),
        ("residence_country", "EU", "one by one"),
        ("residence_country", "ZZ", "write its two letters"),
        ("residence_country", "XX", "write its two letters"),
        ("residence_country", "XK", "write its two letters"),
        ("citizenships", ("DE", "kp"), "write its two letters"),
        ("beneficial_owner_countries", 49, "write its two letters"),
        ("kyc", "certified", "write one of K0, K1, K2, K3, K4, K5"),
        ("kyc", "k3", "write one of K0, K1, K2, K3, K4, K5"),
        ("kyc", 3, "write one of K0, K1, K2, K3, K4, K5"),
        ("us_person", "yes", "write `true` or `false`"),
        ("us_person", 1, "write `true` or `false`"),
        ("mau", "many", "write a whole one"),
        ("mau", True, "write a whole one"),
        ("sector", "Defence", "write lower-case letters"),
        ("kcy", "K3", "Did you mean `kyc`?"),
        ("residence_contry", "DE", "Did you mean `residence_country`?"),
        ("revenue", 7, "begins with `x_`, as in `x_revenue`"),
        ("x_", 7, "begins with `x_`"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_with_what_to_write(
    name: str, value: str | int | bool | tuple[str, ...], told: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_claim(Claim(name=name, value=value, issuer="registry", assurance=4), at(1000))

    assert told in refused.value.message
    assert not isinstance(value, str) or f"`{value}`" not in refused.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kyc", "K3"),
        ("residence_country", "KP"),
        ("citizenships", ("DE", "FR")),
        ("us_person", False),
        ("mau", 700_000_000),
        ("sector", ("health", "critical-infrastructure")),
        ("age_band", "18+"),
        ("x_anything", "Whatever it is"),
    ],
)
def test_what_a_fact_can_be_is_asserted(name: str, value: str | int | bool | tuple[str, ...]) -> None:
    check_claim(Claim(name=name, value=value, issuer="registry", assurance=4), at(1000))


@pytest.mark.parametrize("value", ["K3", True, False, 0, 2**53 - 1, (), ("DE", "FR")])
def test_texts_numbers_truths_and_lists_can_be_asserted(value: str | int | bool | tuple[str, ...]) -> None:
    check_claim(
        Claim(name="x_a", value=value, issuer="registry", assurance=0, asserted_at=1000, expires_at=1001), at(1000)
    )
