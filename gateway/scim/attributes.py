"""What a user and a group are on the wire: every attribute that is kept, declared once.

RFC 7643, sections 2 (characteristics), 4.1 (User), 4.2 (Group) and 7 (schemas). The schemas published, what a patch
may do, and what an answer shows all follow from this page. What is not kept is not here: people's mail addresses,
telephones and titles are nothing that the gateway needs.
"""

import msgspec

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute, with its characteristics."""

    name: str
    description: str
    type: str = "string"
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    parts: tuple["Attribute", ...] = ()
    reference_types: tuple[str, ...] = ()
    canonical_values: tuple[str, ...] = ()

    @property
    def is_read_only(self) -> bool:
        """Whether the gateway alone says what it is."""
        return self.mutability == "readOnly"


class Kind(msgspec.Struct, frozen=True):
    """A type of resource."""

    name: str
    schema: str
    endpoint: str
    description: str
    attributes: tuple[Attribute, ...]
    unkept: frozenset[str]
    """Attributes that the standard knows and the gateway does not keep, in lower case: taken, and dropped unread."""
    unkept_schemas: tuple[str, ...] = ()
    """The same, of whole schemas: how their names begin, in lower case."""

    def find(self, name: str) -> Attribute | None:
        """The attribute of a name, whatever its case; None where none of that name is kept."""
        return self._by_name.get(name.lower())

    @property
    def _by_name(self) -> dict[str, Attribute]:
        return {each.name.lower(): each for each in (*self.attributes, *COMMON)}

    def is_unkept(self, path: str) -> bool:
        """Whether a path leads to what the standard knows and the gateway does not keep."""
        return path.lower().startswith(self.unkept_schemas) or path.lower() in self.unkept


COMMON = (
    Attribute(name="schemas", description="The schemas of the resource.", multi_valued=True, returned="always"),
    Attribute(
        name="id",
        description="What the gateway calls it, in its record too.",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
    ),
    Attribute(name="externalId", description="What the client calls it.", case_exact=True),
    Attribute(name="meta", description="Since when, and in which version.", type="complex", mutability="readOnly"),
)
"""What every resource has (RFC 7643, section 3.1); no schema declares it."""

_USERS_GROUPS = Attribute(
    name="groups",
    description="The groups that the person is a member of; changed in the groups.",
    type="complex",
    multi_valued=True,
    mutability="readOnly",
    parts=(
        Attribute(name="value", description="The group's id.", case_exact=True, mutability="readOnly"),
        Attribute(
            name="$ref",
            description="The group's address.",
            type="reference",
            case_exact=True,
            mutability="readOnly",
            reference_types=("Group",),
        ),
        Attribute(name="display", description="The group's name.", case_exact=True, mutability="readOnly"),
        Attribute(
            name="type",
            description="How it is a member.",
            case_exact=True,
            mutability="readOnly",
            canonical_values=("direct",),
        ),
    ),
)

USERS = Kind(
    name="User",
    schema=USER,
    endpoint="/Users",
    description="A person who may sign in.",
    attributes=(
        Attribute(
            name="userName",
            description="By which a person who signs in is recognised, where the provider's `link` says so.",
            required=True,
            uniqueness="server",
        ),
        Attribute(name="displayName", description="What people call the person.", case_exact=True),
        Attribute(
            name="active",
            description="Whether the person may sign in. False takes away sessions, tokens and keys at once; "
            "true where it is left out of a new user.",
            type="boolean",
            required=True,
        ),
        _USERS_GROUPS,
    ),
    unkept=frozenset(
        {
            *("name", "nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone"),
            *("password", "emails", "phonenumbers", "ims", "photos", "addresses", "entitlements", "roles"),
            "x509certificates",
        }
    ),
    unkept_schemas=("urn:ietf:params:scim:schemas:extension:",),
)

GROUPS = Kind(
    name="Group",
    schema=GROUP,
    endpoint="/Groups",
    description="People who are listed together.",
    attributes=(
        Attribute(name="displayName", description="What people call the group.", required=True, case_exact=True),
        Attribute(
            name="members",
            description="The people in it.",
            type="complex",
            multi_valued=True,
            parts=(
                Attribute(name="value", description="The person's id.", case_exact=True, mutability="immutable"),
                Attribute(
                    name="$ref",
                    description="The person's address.",
                    type="reference",
                    case_exact=True,
                    mutability="immutable",
                    reference_types=("User",),
                ),
                Attribute(
                    name="type",
                    description="What kind of member it is.",
                    case_exact=True,
                    mutability="immutable",
                    canonical_values=("User",),
                ),
            ),
        ),
    ),
    unkept=frozenset(),
    unkept_schemas=("urn:ietf:params:scim:schemas:extension:",),
)

KINDS = (USERS, GROUPS)
