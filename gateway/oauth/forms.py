"""What a client sends to this door: a form whose every field is given once, and one proof (RFC 6749, 2.3)."""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from gateway.errors import Invalid, Unauthenticated
from gateway.identity.tokens.proving import ASSERTION_TYPE, Credentials
from gateway.identity.tokens.reading import read

FORM = b"application/x-www-form-urlencoded"
_FIELDS_MAX = 32

Headers = Iterable[tuple[bytes, bytes]]


def fields_in(headers: Headers, body: bytes) -> dict[str, str]:
    """The form's fields; an empty one counts as absent. Raises Invalid for what is no form, or gives a field twice."""
    kinds = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    if kinds != [FORM]:
        raise Invalid("The body must be a form: `content-type: application/x-www-form-urlencoded`.")
    return _fields(body, "The body is not a form.")


def parameters_in(query: bytes) -> dict[str, str]:
    """The parameters of an address; an empty one counts as absent. Raises Invalid where one is given twice."""
    return _fields(query, "What follows the address is no list of parameters.")


def required(fields: Mapping[str, str], name: str) -> str:
    """A field that must be there. Raises Invalid."""
    if name not in fields:
        raise Invalid(f"The form has no `{name}`.")
    return fields[name]


def _fields(text: bytes, fault: str) -> dict[str, str]:
    try:
        listed = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        raise Invalid(fault) from None
    fields = dict(listed)
    if len(fields) < len(listed):
        raise Invalid("A field is given twice.")
    return {name: value for name, value in fields.items() if value}


def credentials_in(headers: Headers, fields: Mapping[str, str]) -> Credentials:
    """What the client proves itself by. Raises Invalid for more than one proof, Unauthenticated for none."""
    client, secret, assertion = (fields.get(name) for name in ("client_id", "client_secret", "client_assertion"))
    presented = [value for name, value in headers if name == b"authorization"]
    if bool(presented) + bool(secret) + bool(assertion) > 1 or len(presented) > 1:
        raise Invalid("A client proves itself in one way: by a header, by a secret or by an assertion.")
    if presented:
        named, secret = _basic(presented[0])
        if client not in {None, named}:
            raise Invalid("The form and the `Authorization` header name two different clients.")
        return Credentials(named, secret)
    if assertion is not None:
        return _asserted(client, assertion, fields.get("client_assertion_type"))
    if client is None or secret is None:
        raise Unauthenticated(
            "The client does not prove itself.",
            next_step="Send `client_id` and `client_secret`, an `Authorization: Basic` header, or an assertion.",
        )
    return Credentials(client, secret)


def scopes_in(fields: Mapping[str, str]) -> tuple[str, ...] | None:
    """The scopes that are asked for; None where none are named."""
    return tuple(fields["scope"].split(" ")) if "scope" in fields else None


def _basic(value: bytes) -> tuple[str, str]:
    scheme, _, encoded = value.partition(b" ")
    try:
        text = b64decode(encoded, validate=True).decode("ascii") if scheme.lower() == b"basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client, colon, secret = text.partition(":")
    if not colon:
        raise Unauthenticated("The `Authorization` header is not of the form `Basic …`.")
    return unquote_plus(client), unquote_plus(secret)


def _asserted(client: str | None, assertion: str, kind: str | None) -> Credentials:
    if kind != ASSERTION_TYPE:
        raise Invalid(f"`client_assertion_type` must be `{ASSERTION_TYPE}`.")
    unverified = read(assertion, names_key=False)
    issuer = unverified.claim("iss")
    if client not in {None, issuer}:
        raise Invalid("The form and the assertion name two different clients.")
    return Credentials(issuer, assertion=unverified)
