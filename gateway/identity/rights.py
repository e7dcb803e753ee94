"""What a key may do, and whether one key's rights lie within another's.

Invariant: an empty tuple means none; only None means not narrowed.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from gateway.clock import DAY
from gateway.errors import Invalid
from gateway.identity.callers import Role

Network = IPv4Network | IPv6Network

LIFETIME_DEFAULT = 90 * DAY
LIFETIME_MAX = 365 * DAY
LIST_MAX = 64
"""How many scopes or networks one key may name."""

_RELEASE_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_SCOPE = re.compile(
    rf"control:read|scim(?::{_RELEASE_PART})?|(?:inference|weights|control)(?::{_RELEASE_PART}/{_RELEASE_PART})?"
)


class Rights(msgspec.Struct, frozen=True):
    """Everything by which one key can be wider than another."""

    roles: tuple[Role, ...]
    scopes: tuple[str, ...] | None
    """As `Caller.scopes`."""
    networks: tuple[str, ...] | None
    """Where the key may be used from, in CIDR notation. None: anywhere. Empty: nowhere."""
    lifetime: int
    """From issue to end, in microseconds."""


def beyond(child: Rights, parent: Rights) -> tuple[str, ...]:
    """What of the child's rights the parent's do not hold, in words; empty when the child is no wider."""
    wide = [f"role {role}" for role in child.roles if role not in parent.roles]
    if parent.scopes is not None:
        if child.scopes is None:
            wide.append("no scopes")
        wide += [f"scope {scope}" for scope in child.scopes or () if not _reaches(parent.scopes, scope)]
    if parent.networks is not None:
        if child.networks is None:
            wide.append("no networks")
        allowed = parsed_networks(parent.networks)
        wide += [f"network {each}" for each in parsed_networks(child.networks or ()) if not _covered(each, allowed)]
    if child.lifetime > parent.lifetime:
        wide.append(f"a life of {child.lifetime / DAY:g} days")
    return tuple(wide)


def sorted_roles(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Roles in order, each once."""
    return tuple(sorted(set(roles)))


def valid_scopes(scopes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Scopes in order, each once. Raises Invalid for one that names no door."""
    if scopes is None:
        return None
    _check_length(scopes, "scopes")
    for scope in scopes:
        if _SCOPE.fullmatch(scope) is None:
            raise Invalid(
                "No door has this scope.",
                param="scopes",
                next_step="Name `inference`, `weights` or `control`, alone or as `DOOR:RELEASE`, `control:read`, or "
                "`scim`, alone or as `scim:PROVIDER`.",
            )
    return tuple(sorted(set(scopes)))


def valid_networks(networks: Sequence[str] | None) -> tuple[str, ...] | None:
    """Networks in canonical form, in order, each once. Raises Invalid for one that could never match."""
    if networks is None:
        return None
    _check_length(networks, "networks")
    canonical = set()
    for text in networks:
        try:
            network = ip_network(text)
        except ValueError:
            raise Invalid(
                "A network is an address or a prefix in CIDR notation, with no bits set behind the prefix.",
                param="networks",
            ) from None
        if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
            raise Invalid("Write networks of IPv4 as IPv4: `10.0.0.0/8`.", param="networks")
        canonical.add(str(network))
    return tuple(sorted(canonical))


def parsed_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """Canonical networks, ready to compare."""
    return tuple(ip_network(text) for text in networks)


def comes_from(peer: str | None, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks. An address that is unknown or no address lies nowhere."""
    try:
        address: IPv4Address | IPv6Address = ip_address(peer or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _reaches(scopes: Sequence[str], scope: str) -> bool:
    return scope in scopes or scope.partition(":")[0] in scopes


def _covered(network: Network, allowed: Iterable[Network]) -> bool:
    return any(
        network.network_address in other and network.prefixlen >= other.prefixlen
        for other in allowed
        if network.version == other.version
    )


def _check_length(listed: Sequence[str], param: str) -> None:
    if len(listed) > LIST_MAX:
        raise Invalid(f"At most {LIST_MAX} {param} can be named.", param=param)
