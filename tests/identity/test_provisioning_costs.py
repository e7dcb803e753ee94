"""What a filter may cost: so much on a list of any size, and anything of one person who is named."""

import pytest

from gateway.errors import Invalid
from gateway.identity.provisioning.costs import Extent, check_cost
from gateway.scim.filters import read_filter

LARGE = Extent(100_000, 50_000)


@pytest.mark.parametrize(
    ("text", "extent"),
    [
        (" and ".join(['not (groups.display co "zz")'] * 50), Extent(3_000, 30_000)),
        (" or ".join(['displayName co "zz"'] * 4), LARGE),
        ('groups[display co "a" or value co "b"]', LARGE),
        ('userName eq "ada" or displayName co "a" or displayName co "b" or displayName co "c"', LARGE),
        ('not (userName eq "ada" or displayName co "a" or displayName co "b" or displayName co "c")', LARGE),
        ('userName eq "ada"', Extent(0, 0)),
    ],
)
def test_what_it_may_cost_goes_by_the_list_and_by_what_is_compared(text: str, extent: Extent) -> None:
    try:
        check_cost(read_filter(text), extent)
    except Invalid as error:
        assert (error.code, error.status) == ("tooMany", 400)
        assert extent != Extent(0, 0)
    else:
        assert extent == Extent(0, 0)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ada@example.com"',
        'externalId eq "1" and active eq true',
        'id eq "person_1" and groups[value eq "group_1"]',
        'active eq true and displayName sw "A"',
        'meta.lastModified gt "2026-01-01T00:00:00Z"',
        'groups.value eq "group_1"',
    ],
)
def test_what_directories_ask_for_may_be_asked_of_a_hundred_thousand(text: str) -> None:
    check_cost(read_filter(text), LARGE)
