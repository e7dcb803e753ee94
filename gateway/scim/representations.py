"""People and groups as this door shows them, with addresses and versions.

RFC 7643, sections 3.1, 4.1 and 4.2. Addresses begin with the name under which the gateway is declared, never with one
that a request says. A version is a digest of all that is shown.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from gateway.clock import Instant, text_from
from gateway.identity.people.persons import Person
from gateway.identity.provisioning.groups import Group, Membership
from gateway.scim.attributes import GROUPS, USERS, Kind

Resource = dict[str, Any]


def user(person: Person, memberships: Sequence[Membership], base: str) -> Resource:
    """A person."""
    shown: Resource = {"userName": person.user_name, "active": person.is_listed_active}
    if person.display_name:
        shown["displayName"] = person.display_name
    if memberships:
        shown["groups"] = [
            {
                "value": each.group,
                "$ref": f"{base}{GROUPS.endpoint}/{each.group}",
                "display": each.display_name,
                "type": "direct",
            }
            for each in memberships
        ]
    return _whole(USERS, person, shown, {}, base)


def group(found: Group, base: str) -> Resource:
    """A group."""
    members: Resource = {}
    if found.members:
        start = f"{base}{USERS.endpoint}/"
        members["members"] = [{"value": each, "$ref": start + each, "type": "User"} for each in found.members]
    return _whole(GROUPS, found, {"displayName": found.display_name}, members, base)


def version_of(resource: Mapping[str, Any]) -> str:
    """The version of a resource, as `ETag` has it."""
    return str(resource["meta"]["version"])


def _whole(kind: Kind, kept: Person | Group, shown: Resource, members: Resource, base: str) -> Resource:
    """With its version. Members may be thousands, and go into that by their ids: all else shown of them follows."""
    resource = {"schemas": [kind.schema], "id": kept.id, **shown}
    if kept.external_id is not None:
        resource["externalId"] = kept.external_id
    resource["meta"] = _meta(kind, kept.id, (kept.created_at, kept.changed_at), base)
    ids = kept.members if isinstance(kept, Group) else ()
    digest = sha256(msgspec.json.encode([resource, ids], order="sorted")).hexdigest()
    resource["meta"]["version"] = f'W/"{digest[:32]}"'
    return resource | members


def _meta(kind: Kind, id_: str, when: tuple[Instant, Instant], base: str) -> dict[str, str]:
    created_at, changed_at = when
    return {
        "resourceType": kind.name,
        "created": text_from(created_at),
        "lastModified": text_from(changed_at),
        "location": f"{base}{kind.endpoint}/{id_}",
    }
