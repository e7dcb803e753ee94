"""What the door says of itself: configuration, types of resources, schemas.

RFC 7643, sections 5, 6 and 7; RFC 7644, section 4.
"""

from typing import Any

from gateway.scim.attributes import KINDS, Attribute, Kind
from gateway.scim.lists import COUNT_MAX

Document = dict[str, Any]

_CORE = "urn:ietf:params:scim:schemas:core:2.0"


def configuration(base: str) -> Document:
    """What this door offers, and what it does not."""
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": COUNT_MAX},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer",
                "description": "A key of the provider's with the scope `scim`, or an access token with it.",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_types(base: str) -> list[Document]:
    """The types of resources there are."""
    return [
        {
            "schemas": [f"{_CORE}:ResourceType"],
            "id": kind.name,
            "name": kind.name,
            "endpoint": kind.endpoint,
            "description": kind.description,
            "schema": kind.schema,
            "schemaExtensions": [],
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{kind.name}"},
        }
        for kind in KINDS
    ]


def schemas(base: str) -> list[Document]:
    """The schemas of those types, with every attribute that is kept."""
    return [_schema(kind, base) for kind in KINDS]


def _schema(kind: Kind, base: str) -> Document:
    return {
        "schemas": [f"{_CORE}:Schema"],
        "id": kind.schema,
        "name": kind.name,
        "description": kind.description,
        "attributes": [_attribute(each) for each in kind.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{kind.schema}"},
    }


def _attribute(attribute: Attribute) -> Document:
    said: Document = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
    }
    if attribute.type in {"string", "reference"}:
        said["caseExact"] = attribute.case_exact
    if attribute.type != "complex":
        said["uniqueness"] = attribute.uniqueness
    if attribute.canonical_values:
        said["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        said["referenceTypes"] = list(attribute.reference_types)
    if attribute.parts:
        said["subAttributes"] = [_attribute(part) for part in attribute.parts]
    return said
