"""Predicates as people write them are read as meant, or refused at the place of the mistake."""

import pytest
from hypothesis import given, settings

from gateway.errors import Invalid
from gateway.identity.as_text import text_of
from gateway.identity.expressions import read_predicate
from gateway.identity.predicates import Among, Every, Facts, Not, Predicate, Some, Truth, truth_of
from gateway.identity.predicates import Test as Comparison
from tests.identity.random_predicates import predicates

US_PERSON = Comparison(attribute="us_person", op="=", value=True)
IN_CN = Comparison(attribute="residence_country", op="=", value="CN")
STAFF = Comparison(attribute="role", op="=", value="staff")
ACME = Among("organisation", ("acme",))

READ: dict[str, Predicate] = {
    "us_person": US_PERSON,
    "not us_person": Not(US_PERSON),
    "residence_country = CN": IN_CN,
    "organisation = acme": ACME,
    "organisation != acme": Not(ACME),
    "organisation in [globex, acme, acme]": Among("organisation", ("acme", "globex")),
    "component = weights.final": Among("component", ("weights.final",)),
    "citizenships not in [RU, CN]": Comparison(attribute="citizenships", op="not_in", value=("CN", "RU")),
    "citizenships in [CN]": Comparison(attribute="citizenships", op="=", value="CN"),
    "grant": Comparison(attribute="grant", op="=", value="required"),
    "role != staff": Not(STAFF),
    "kyc >= K3": Comparison(attribute="kyc", op=">=", value="K3"),
    "mau > 700000000": Comparison(attribute="mau", op=">", value=700_000_000),
    'sector = "true"': Comparison(attribute="sector", op="=", value="true"),
    'reseller_of = "a \\"b\\""': Comparison(attribute="reseller_of", op="=", value='a "b"'),
    "us_person@2": Comparison(attribute="us_person", op="=", value=True, assurance=2),
    "not kyc@4 < K3": Not(Comparison(attribute="kyc", op="<", value="K3", assurance=4)),
    "citizenships@1 not in [RU, CN]": Comparison(
        attribute="citizenships", op="not_in", value=("CN", "RU"), assurance=1
    ),
    'x_owner = "a@2"': Comparison(attribute="x_owner", op="=", value="a@2"),
    "us_person = false": Comparison(attribute="us_person", op="=", value=False),
    "not us_person and role = staff or organisation = acme": Some((Every((Not(US_PERSON), STAFF)), ACME)),
    "not (us_person or role = staff)": Not(Some((US_PERSON, STAFF))),
}


@pytest.mark.parametrize("text", READ)
def test_what_is_written_is_read_as_meant(text: str) -> None:
    assert read_predicate(text) == READ[text]


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", 1, "must stand here"),
        ("not", 4, "must stand here"),
        ("us_person and", 14, "must stand here"),
        ("us_person us_person", 11, "`and`, `or` or the end"),
        ("(us_person", 11, "`)` is missing"),
        ("residence_country = China", 21, "no country"),
        ("residence_country = UK", 21, "`UK` is no country: write `GB`"),
        ("citizenships not in [DE, EL]", 26, "`EL` is no country: write `GR`"),
        ("residence_country = ZZ", 21, "no country"),
        ("residence_country = ", 21, "a value must stand here"),
        ("kyc > K7", 7, "no level of knowing a customer"),
        ("sector > bank", 1, "have an order"),
        ("mau in [1, 2]", 1, "a list may only hold texts"),
        ("us_persn", 1, "is not known"),
        ("us_persn@2", 1, "Did you mean `us_person`?"),
        ("kyc >= K3 and us_person@0", 15, "a number from 1 to 4, as in `us_person@2`"),
        ("us_person@5", 1, "a number from 1 to 4"),
        ("us_person@", 1, "a number from 1 to 4"),
        ("us_person@substantial", 1, "a number from 1 to 4"),
        ("us_person @2", 11, "`and`, `or` or the end"),
        ("@2", 1, "must stand here"),
        ("grant@2", 1, "`grant` is always known, at no assurance: write it without `@2`"),
        ("organisation@1 = acme", 1, "is always known"),
        ("kyc >= K3@2", 8, "behind what is asked for, as in `kyc@2`"),
        ("x_owner = a@2", 11, "a text with `@`"),
        ("citizenships in [CN@3]", 18, "as in `citizenships@2`"),
        ("kyc", 1, "not true or false"),
        ("us_person = CN", 13, "neither true nor false"),
        ("sector in bank", 11, "a list must stand here"),
        ("sector in [bank", 16, "`]` or `,` is missing"),
        ("sector not bank", 12, "`in` must stand here"),
        ("role = king", 1, "these roles only"),
        ("organisation", 1, "`organisation = …`"),
        ("organisation = Acme_Inc", 1, "named by its id"),
        ("organisation < acme", 1, "`organisation = …`"),
        ("grant = 7", 1, "`grant` or `not grant`"),
        ("us_person; drop", 10, "cannot be read"),
        ("Us_Person", 1, "must stand here"),
        ("not " * 30 + "us_person", 85, "nested more than 20 deep"),
        ("(" * 500 + "us_person", 22, "nested more than 20 deep"),
        ("x" * 1001, 0, "at most 1000 characters"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, place: int, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_predicate(text)

    assert refused.value.param == "scope"
    assert told in refused.value.message
    assert f"at character {place}:" in refused.value.message or place == 0


@settings(max_examples=300, deadline=None)
@given(predicate=predicates)
def test_a_predicate_that_can_be_written_is_read_back_as_it_was(predicate: Predicate) -> None:
    """Not every predicate can be written by hand: `kyc = 7` cannot, and is told so."""
    try:
        written = read_predicate(text_of(predicate))
    except Invalid as refused:
        told = ("is no ", "is neither", "have an order", "only hold texts", "not true or false")
        assert any(words in refused.message for words in told)
        return

    assert read_predicate(text_of(written)) == written


def test_what_was_taken_before_a_country_was_known_is_none_is_still_read_and_is_unknown() -> None:
    held = Facts(roles=(), has_grant=False, attributes={"residence_country": "DE"}, organisation="acme", component="")
    scope = read_predicate("residence_country = UK", kept=True)

    assert (truth_of(scope, held), text_of(scope)) == (Truth.UNKNOWN, "residence_country = UK")


@pytest.mark.parametrize("text", READ)
def test_text_is_kept_in_one_form(text: str) -> None:
    predicate = read_predicate(text)

    assert read_predicate(text_of(predicate)) == predicate


def test_what_is_known_less_surely_than_is_asked_is_unknown_and_never_false() -> None:
    def told(text: str, assurance: int) -> Truth:
        known = {"us_person": True, "kyc": "K1", "citizenships": ("CN",)}
        held = Facts((), False, known, organisation="acme", assurances=dict.fromkeys(known, assurance))
        return truth_of(read_predicate(text), held)

    asked = ["us_person@2", "not us_person@2", "kyc@2 >= K3", "citizenships@2 in [CN]", "not citizenships@2 in [CN]"]
    assert [told(text, 1) for text in asked] == [Truth.UNKNOWN] * 5
    assert [told(text, 2) for text in asked] == [Truth.YES, Truth.NO, Truth.NO, Truth.YES, Truth.NO]
    assert [told(text, 3) for text in asked] == [told(text, 2) for text in asked]
    assert told("us_person@1 and not us_person@2", 1) is Truth.UNKNOWN
    assert told("us_person@2 or organisation = acme", 1) is Truth.YES


def test_organisation_and_component_are_never_unknown_and_an_attribute_nobody_asserts_is() -> None:
    nobody = Facts(roles=(), has_grant=False, attributes={}, organisation="acme", component="weights.final")
    asked = ["organisation = acme", "not component = weights.final", "not us_person", "us_person or grant"]

    told = [truth_of(read_predicate(text), nobody) for text in asked]

    assert told == [Truth.YES, Truth.NO, Truth.UNKNOWN, Truth.UNKNOWN]
