"""The list of countries is the one that ISO 3166-1 assigns, and nothing beside."""

from gateway.identity.countries import COUNTRIES, fault_of_country, is_country


def test_there_are_249_in_order_and_each_is_one() -> None:
    assert len(COUNTRIES) == len(set(COUNTRIES)) == 249
    assert sorted(COUNTRIES) == COUNTRIES
    assert all(map(is_country, COUNTRIES))


def test_what_users_assign_for_themselves_and_what_is_only_reserved_is_none() -> None:
    users = ["AA", "ZZ", *(f"Q{letter}" for letter in "MNOPQRSTUVWXYZ"), *(f"X{chr(each)}" for each in range(65, 91))]

    assert not any(map(is_country, [*users, "EU", "UK", "EL", "SU", "AN", "gb", "", "GBR"]))


def test_what_was_probably_meant_is_a_country() -> None:
    told = {code: fault_of_country(code) for code in ("UK", "EL", "SU", "DD")}

    assert {code: fault.split("`")[1] for code, fault in told.items()} == {
        "UK": "GB",
        "EL": "GR",
        "SU": "RU",
        "DD": "DE",
    }
