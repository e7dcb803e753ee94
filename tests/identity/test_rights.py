"""Whether one key's rights lie within another's: what a narrower key reaches, the wider one reaches too."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import DAY
from gateway.errors import Invalid
from gateway.identity.callers import Caller, Role
from gateway.identity.rights import Rights, beyond, comes_from, parsed_networks, valid_networks, valid_scopes

SCOPES = ["inference", "inference:a/x", "inference:a/y", "weights", "weights:a/x", "control", "control:read"]
NETWORKS = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "::/0", "2001:db8::/32", "2001:db8::1/128"]
PEERS = [None, "10.1.2.3", "10.9.9.9", "8.8.8.8", "2001:db8::1", "fe80::1%eth0", "::ffff:10.1.2.3", "nonsense", ""]

rights = st.builds(
    Rights,
    roles=st.lists(st.sampled_from(list(Role)), unique=True, max_size=2).map(tuple),
    scopes=st.none() | st.lists(st.sampled_from(SCOPES), unique=True, max_size=3).map(tuple),
    networks=st.none() | st.lists(st.sampled_from(NETWORKS), unique=True, max_size=3).map(tuple),
    lifetime=st.sampled_from([DAY, 90 * DAY, 365 * DAY]),
)


def caller(held: Rights) -> Caller:
    return Caller("k", "o", held.roles, held.scopes, (), held.lifetime)


def reached(held: Rights) -> set[tuple[str, str]]:
    places = [("inference", ""), ("inference", "a/x"), ("inference", "b/z"), ("weights", "a/x"), ("weights", "b/z")]
    places += [("control", ""), ("control", "read"), ("inference", "a/y")]
    return {place for place in places if caller(held).in_scope(*place)}


def peers(held: Rights) -> set[str | None]:
    return {peer for peer in PEERS if held.networks is None or comes_from(peer, parsed_networks(held.networks))}


@settings(max_examples=300)
@given(child=rights, parent=rights)
def test_a_key_that_reaches_what_another_does_not_is_found_to_be_wider(child: Rights, parent: Rights) -> None:
    within = (
        set(child.roles) <= set(parent.roles)
        and reached(child) <= reached(parent)
        and peers(child) <= peers(parent)
        and child.lifetime <= parent.lifetime
    )

    assert within or beyond(child, parent)


@given(rights)
def test_every_key_lies_within_itself_and_within_one_that_is_not_narrowed(held: Rights) -> None:
    widest = Rights(tuple(Role), None, None, 365 * DAY)

    assert beyond(held, held) == ()
    assert beyond(held, widest) == ()


@given(held=rights, role=st.sampled_from(list(Role)))
def test_what_is_too_wide_is_named(held: Rights, role: Role) -> None:
    none = Rights((), (), (), 0)

    wide = beyond(Rights((role,), ("weights:a/x",), ("10.0.0.0/8",), 2 * DAY), none)

    assert wide == (f"role {role}", "scope weights:a/x", "network 10.0.0.0/8", "a life of 2 days")
    assert beyond(Rights((), None, None, 0), none) == ("no scopes", "no networks")


def test_an_empty_list_means_none() -> None:
    nothing = Rights((), (), (), DAY)

    assert reached(nothing) == set()
    assert peers(nothing) == set()
    assert reached(Rights((), None, None, DAY)) != set()


@pytest.mark.parametrize(
    ("peer", "networks", "comes"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("11.1.2.3", ["10.0.0.0/8"], False),
        ("2001:db8::7", ["2001:db8::/32", "10.0.0.0/8"], True),
        ("10.1.2.3", ["::/0"], False),
        (None, ["0.0.0.0/0", "::/0"], False),
        ("", ["0.0.0.0/0", "::/0"], False),
        ("10.1.2.3, 10.0.0.1", ["0.0.0.0/0"], False),
        ("010.1.2.3", ["0.0.0.0/0"], False),
        ("/run/socket", ["0.0.0.0/0"], False),
    ],
)
def test_where_a_peer_comes_from(peer: str | None, networks: Sequence[str], comes: bool) -> None:
    assert comes_from(peer, [ip_network(network) for network in networks]) is comes


@pytest.mark.parametrize("scope", ["", "*", "all", "inference:", "inference:a", "inference:a/b/c", "inference:*/x"])
def test_a_scope_that_names_no_door_is_refused(scope: str) -> None:
    with pytest.raises(Invalid):
        valid_scopes([scope])


@pytest.mark.parametrize("scope", ["Inference", " inference", "inference\n", "inference:a/x\n", "control:write", "hub"])
def test_a_scope_is_spelled_in_one_way_only(scope: str) -> None:
    with pytest.raises(Invalid):
        valid_scopes([scope])


@pytest.mark.parametrize(
    "network", ["", "*", "10.0.0.1/8", "10.0.0.0/33", "example.org", "::ffff:10.0.0.0/104", "10/8"]
)
def test_a_network_that_could_never_match_is_refused(network: str) -> None:
    with pytest.raises(Invalid):
        valid_networks([network])


def test_lists_are_kept_in_one_form() -> None:
    assert valid_scopes(["weights", "inference", "weights"]) == ("inference", "weights")
    assert valid_networks(["10.1.2.3", "2001:DB8::/32"]) == ("10.1.2.3/32", "2001:db8::/32")
    assert (valid_scopes(None), valid_networks(None)) == (None, None)
    assert (valid_scopes([]), valid_networks([])) == ((), ())


def test_lists_have_an_end() -> None:
    with pytest.raises(Invalid):
        valid_scopes([f"inference:a/x{number}" for number in range(65)])
    with pytest.raises(Invalid):
        valid_networks([f"10.0.0.{number}" for number in range(65)])
